/** The claims of service account tokens (upstream `pkg/serviceaccount/claims.go`). */
import type { JWTPayload } from 'jose';
import type { UserInfo } from '../../api/machinery/handler.ts';
import type { ObjectMeta } from '../../api/machinery/meta.ts';

export interface ObjectRef {
  name: string;
  /** Empty for a node that did not exist when a pod's token was made. */
  uid: string;
}

export interface KubernetesClaims {
  namespace: string;
  serviceaccount: ObjectRef;
  pod?: ObjectRef;
  secret?: ObjectRef;
  node?: ObjectRef;
  /** Seconds since the epoch after which use of the token should be warned of. */
  warnafter?: number;
}

export interface ServiceAccountClaims extends JWTPayload {
  iss: string;
  sub: string;
  aud: string[];
  exp: number;
  iat: number;
  nbf: number;
  jti: string;
  'kubernetes.io': KubernetesClaims;
}

export const AUTHENTICATED_GROUP = 'system:authenticated';
const USER_PREFIX = 'system:serviceaccount:';
const GROUP = 'system:serviceaccounts';
const EXTRA_PREFIX = 'authentication.kubernetes.io/';

export function serviceAccountUsername(namespace: string, name: string): string {
  return `${USER_PREFIX}${namespace}:${name}`;
}

export function refOf({ name = '', uid = '' }: ObjectMeta): ObjectRef {
  return { name, uid };
}

/** The claims, when they are all there and of the right types. */
export function readClaims(claims: JWTPayload): ServiceAccountClaims | undefined {
  const { sub, aud, exp, jti } = claims;
  const kubernetes = claims['kubernetes.io'] as Partial<KubernetesClaims> | undefined;
  const { namespace, serviceaccount } = kubernetes ?? {};
  if (typeof namespace !== 'string' || !isRef(serviceaccount)) return undefined;
  if (sub !== serviceAccountUsername(namespace, serviceaccount.name)) return undefined;
  if (typeof exp !== 'number' || (jti !== undefined && typeof jti !== 'string')) return undefined;
  const refs = [kubernetes?.pod, kubernetes?.secret, kubernetes?.node];
  if (!refs.every((ref) => ref === undefined || isRef(ref))) return undefined;
  const audiences = typeof aud === 'string' ? [aud] : aud;
  if (!Array.isArray(audiences) || !audiences.every((audience) => typeof audience === 'string')) return undefined;
  return { ...claims, aud: audiences } as ServiceAccountClaims;
}

function isRef(value: unknown): value is ObjectRef {
  const { name, uid } = (value ?? {}) as Partial<ObjectRef>;
  return typeof name === 'string' && name !== '' && typeof uid === 'string';
}

/** Who the bearer of a token is (upstream `pkg/serviceaccount/util.go`, `ServiceAccountInfo.UserInfo`). */
export function userOf(claims: Pick<ServiceAccountClaims, 'kubernetes.io'> & { jti?: string }): UserInfo {
  const { namespace, serviceaccount, pod, node } = claims['kubernetes.io'];
  const extra: Record<string, string[]> = {};
  const add = (key: string, value: string | undefined): void => {
    if (value !== undefined && value !== '') extra[EXTRA_PREFIX + key] = [value];
  };
  add('credential-id', claims.jti === undefined ? undefined : `JTI=${claims.jti}`);
  add('pod-name', pod?.name);
  add('pod-uid', pod?.uid);
  add('node-name', node?.name);
  add('node-uid', node?.uid);
  return {
    name: serviceAccountUsername(namespace, serviceaccount.name),
    uid: serviceaccount.uid,
    groups: [GROUP, `${GROUP}:${namespace}`, AUTHENTICATED_GROUP],
    extra,
  };
}
