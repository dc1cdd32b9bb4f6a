/**
 * Recognizes service account tokens: the signature is checked once and remembered, everything that can change is
 * checked every time (upstream `pkg/serviceaccount/jwt.go` and `claims.go`, `validator.Validate`).
 */
import { createHash } from 'node:crypto';
import type { Lister, Listers, UserInfo } from '../../api/machinery/handler.ts';
import type { ApiObject } from '../../api/machinery/meta.ts';
import type { Clock } from '../../base/clock.ts';
import { listerIfServed } from '../authz/optional-lister.ts';
import type { TokenAuthenticator } from './bearer-token.ts';
import type { ObjectRef, ServiceAccountClaims } from './service-account-claims.ts';
import { readClaims, userOf } from './service-account-claims.ts';
import type { TokenKeys } from './token-keys.ts';

export interface ServiceAccountTokenOptions {
  keys: TokenKeys;
  listers: Listers;
  clock: Clock;
}

/** How far the clocks of those who issue and check may differ. */
const LEEWAY_MS = 60_000;
const MAX_REMEMBERED = 5_000;

interface Remembered {
  claims: ServiceAccountClaims;
  user: UserInfo;
}

/**
 * Answers nobody for tokens of other issuers, and for ours when they are wrong, over, or bound to something that is no
 * longer there.
 */
export function serviceAccountTokenAuthenticator(options: ServiceAccountTokenOptions): TokenAuthenticator {
  const verifyOnce = rememberVerified(options.keys);
  const isBoundToPresent = boundObjectCheck(options);
  return async (token, audiences) => {
    if (issuerOf(token) !== options.keys.issuer) return undefined;
    const verified = await verifyOnce(token);
    if (verified === undefined) return undefined;
    const { claims, user } = verified;
    const matching = audiences.filter((audience) => claims.aud.includes(audience));
    if (matching.length === 0 || !isInTime(claims, options.clock.now()) || !isBoundToPresent(claims)) return undefined;
    return { user, audiences: matching };
  };
}

/** Read before the signature is checked, only to tell whose token it is. */
export function issuerOf(token: string): unknown {
  try {
    const payload = token.split('.')[1] ?? '';
    return (JSON.parse(Buffer.from(payload, 'base64url').toString()) as { iss?: unknown } | null)?.iss;
  } catch {
    return undefined;
  }
}

/** The oldest are forgotten first; failures are not remembered, so that they cost nobody else a place. */
function rememberVerified(keys: TokenKeys): (token: string) => Promise<Remembered | undefined> {
  const remembered = new Map<string, Remembered>();
  return async (token) => {
    const key = createHash('sha256').update(token).digest('base64');
    const present = remembered.get(key);
    if (present !== undefined) return present;
    const payload = await keys.verify(token);
    const claims = payload === undefined ? undefined : readClaims(payload);
    if (claims === undefined) return undefined;
    const verified = { claims, user: userOf(claims) };
    if (remembered.size >= MAX_REMEMBERED) remembered.delete(remembered.keys().next().value!);
    remembered.set(key, verified);
    return verified;
  };
}

function isInTime({ exp, nbf = 0, iat = 0 }: Partial<ServiceAccountClaims>, nowMs: number): boolean {
  return nowMs < exp! * 1000 + LEEWAY_MS && nowMs >= Math.max(nbf, iat) * 1000 - LEEWAY_MS;
}

/** The account, and the pod, secret or node that a token is bound to, must be there and be the same as then. */
function boundObjectCheck({ listers, clock }: ServiceAccountTokenOptions): (claims: ServiceAccountClaims) => boolean {
  const accounts = listerIfServed(listers, { group: '', plural: 'serviceaccounts' });
  const pods = listerIfServed(listers, { group: '', plural: 'pods' });
  const secrets = listerIfServed(listers, { group: '', plural: 'secrets' });
  const nodes = listerIfServed(listers, { group: '', plural: 'nodes' });
  const isThere = (lister: Lister, namespace: string, ref: ObjectRef): boolean => {
    const object = lister.get(namespace, ref.name);
    return object !== undefined && object.metadata.uid === ref.uid && !isLongDeleted(object, clock.now());
  };
  return ({ 'kubernetes.io': { namespace, serviceaccount, pod, secret, node } }) => {
    if (!isThere(accounts, namespace, serviceaccount)) return false;
    if (secret !== undefined && !isThere(secrets, namespace, secret)) return false;
    if (pod !== undefined) return isThere(pods, namespace, pod);
    // With a pod, the node is only told, not bound to.
    return node === undefined || isThere(nodes, '', node);
  };
}

/** A pod that is shutting down may need its token for a moment longer than its deletion was asked for. */
function isLongDeleted({ metadata }: ApiObject, nowMs: number): boolean {
  return metadata.deletionTimestamp !== undefined && Date.parse(metadata.deletionTimestamp) < nowMs - LEEWAY_MS;
}
