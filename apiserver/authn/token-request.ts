/**
 * Makes service account tokens for the subresource `serviceaccounts/token`
 * (upstream `pkg/registry/core/serviceaccount/storage/token.go`, messages from there and from
 * `pkg/apis/authentication/validation/validation.go`).
 */
import type { Pod } from '../../api/core/v1/pod.ts';
import * as errors from '../../api/machinery/errors.ts';
import type { FieldError } from '../../api/machinery/field-error.ts';
import { fieldPath, invalid } from '../../api/machinery/field-error.ts';
import type { Listers } from '../../api/machinery/handler.ts';
import type { ApiObject, ObjectMeta } from '../../api/machinery/meta.ts';
import type { Clock } from '../../base/clock.ts';
import { formatTime } from '../../base/clock.ts';
import type { Random } from '../../base/random.ts';
import { listerIfServed } from '../authz/optional-lister.ts';
import type { KubernetesClaims, ObjectRef } from './service-account-claims.ts';
import { refOf, serviceAccountUsername } from './service-account-claims.ts';
import type { TokenKeys } from './token-keys.ts';

export interface BoundObjectReference {
  kind?: string;
  apiVersion?: string;
  name?: string;
  uid?: string;
}

/** `authentication.k8s.io/v1` TokenRequest. */
export interface TokenRequest {
  apiVersion?: string;
  kind?: string;
  metadata?: ObjectMeta;
  spec?: { audiences?: string[]; expirationSeconds?: number; boundObjectRef?: BoundObjectReference };
  status?: { token: string; expirationTimestamp: string };
}

export interface TokenIssuer {
  keys: TokenKeys;
  listers: Listers;
  /** Audiences of tokens whose request names none. */
  apiAudiences: readonly string[];
  clock: Clock;
  random: Random;
}

const MIN_EXPIRATION_SECONDS = 600;
const MAX_EXPIRATION_SECONDS = 2 ** 32;
const DEFAULT_EXPIRATION_SECONDS = 3600;
/**
 * What the ServiceAccount admission plugin asks for in pods. Such a token stays good for a year, because there are
 * programs that read it only once; using it after the time asked for is to be warned of.
 */
const POD_TOKEN_EXPIRATION_SECONDS = 3607;
const EXTENDED_EXPIRATION_SECONDS = 365 * 24 * 3600;

/** `name` and `namespace` are those of the URL. Throws `ApiError`. */
export async function issueServiceAccountToken(
  issuer: TokenIssuer,
  account: { namespace: string; name: string },
  request: TokenRequest,
): Promise<TokenRequest> {
  const problems = validateTokenRequest(request, account);
  if (problems.length > 0) {
    throw errors.invalidObject({ group: 'authentication.k8s.io', kind: 'TokenRequest' }, account.name, problems);
  }
  const { listers, clock, random, keys } = issuer;
  const found = listers({ group: '', plural: 'serviceaccounts' }).get(account.namespace, account.name);
  if (found === undefined) throw errors.notFound({ group: '', resource: 'serviceaccounts' }, account.name);
  const { expirationSeconds = DEFAULT_EXPIRATION_SECONDS, boundObjectRef } = request.spec ?? {};
  const audiences = nonEmpty(request.spec?.audiences) ?? [...issuer.apiAudiences];
  const bound = boundObjectRef === undefined ? {} : bindTo(listers, account, boundObjectRef);
  const isExtended =
    bound.pod !== undefined &&
    expirationSeconds === POD_TOKEN_EXPIRATION_SECONDS &&
    audiences.every((audience) => issuer.apiAudiences.includes(audience));
  const nowSeconds = Math.floor(clock.now() / 1000);
  const kubernetes: KubernetesClaims = {
    namespace: account.namespace,
    serviceaccount: refOf(found.metadata),
    ...bound,
    ...(isExtended && { warnafter: nowSeconds + expirationSeconds }),
  };
  const token = await keys.sign({
    iss: keys.issuer,
    sub: serviceAccountUsername(account.namespace, account.name),
    aud: audiences,
    iat: nowSeconds,
    nbf: nowSeconds,
    exp: nowSeconds + (isExtended ? EXTENDED_EXPIRATION_SECONDS : expirationSeconds),
    jti: random.uuid(),
    'kubernetes.io': kubernetes,
  });
  return {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    metadata: {
      ...request.metadata,
      name: account.name,
      namespace: account.namespace,
      creationTimestamp: formatTime(clock.now()),
    },
    spec: { ...request.spec, audiences, expirationSeconds },
    status: { token, expirationTimestamp: formatTime((nowSeconds + expirationSeconds) * 1000) },
  };
}

function nonEmpty(list: string[] | undefined): string[] | undefined {
  return list === undefined || list.length === 0 ? undefined : list;
}

export function validateTokenRequest(
  { spec = {}, metadata = {} }: TokenRequest,
  account: { namespace: string; name: string },
): FieldError[] {
  const found: FieldError[] = [];
  for (const key of ['name', 'namespace'] as const) {
    const value = metadata[key];
    if (value === undefined || value === '' || value === account[key]) continue;
    const which = key === 'name' ? 'name' : 'namespace';
    found.push(invalid(fieldPath('metadata', key), value, `must match the service account ${which} if specified`));
  }
  const { expirationSeconds = DEFAULT_EXPIRATION_SECONDS } = spec;
  const path = fieldPath('spec', 'expirationSeconds');
  if (expirationSeconds < MIN_EXPIRATION_SECONDS) {
    found.push(invalid(path, expirationSeconds, 'may not specify a duration less than 10 minutes'));
  }
  if (expirationSeconds > MAX_EXPIRATION_SECONDS) {
    found.push(invalid(path, expirationSeconds, 'may not specify a duration larger than 2^32 seconds'));
  }
  return found;
}

interface Bound {
  pod?: ObjectRef;
  secret?: ObjectRef;
  node?: ObjectRef;
}

/** The claims of a token that ends with the object it names. */
function bindTo(listers: Listers, account: { namespace: string; name: string }, ref: BoundObjectReference): Bound {
  const { group, version } = parseApiVersion(ref.apiVersion ?? '');
  switch (group === '' ? ref.kind : undefined) {
    case 'Pod': {
      const pod = find<Pod>(listers, 'pods', { namespace: account.namespace, ref });
      return bindToPod(listers, account, pod);
    }
    case 'Secret':
      return { secret: refOf(find(listers, 'secrets', { namespace: account.namespace, ref }).metadata) };
    case 'Node':
      return { node: refOf(find(listers, 'nodes', { namespace: '', ref }).metadata) };
    default:
      throw errors.badRequest(`cannot bind token to object of type ${group}/${version}, Kind=${ref.kind ?? ''}`);
  }
}

function bindToPod(listers: Listers, account: { name: string }, pod: Pod): Bound {
  const { serviceAccountName = '', nodeName = '' } = pod.spec ?? {};
  if (serviceAccountName !== account.name) {
    const names = [account.name, serviceAccountName].map((name) => JSON.stringify(name));
    throw errors.badRequest(
      `cannot bind token for serviceaccount ${names[0]} to pod running with serviceaccount ${names[1]}`,
    );
  }
  if (nodeName === '') return { pod: refOf(pod.metadata) };
  const node = listerIfServed(listers, { group: '', plural: 'nodes' }).get('', nodeName);
  return { pod: refOf(pod.metadata), node: { name: nodeName, uid: node?.metadata.uid ?? '' } };
}

function find<T extends ApiObject>(
  listers: Listers,
  plural: string,
  { namespace, ref }: { namespace: string; ref: BoundObjectReference },
): T {
  const name = ref.name ?? '';
  const object = listerIfServed<T>(listers, { group: '', plural }).get(namespace, name);
  if (object === undefined) throw errors.notFound({ group: '', resource: plural }, name);
  if (ref.uid !== undefined && ref.uid !== '' && ref.uid !== object.metadata.uid) {
    const cause =
      `the UID in the bound object reference (${ref.uid}) does not match the UID in record. ` +
      'The object might have been deleted and then recreated';
    throw errors.conflict({ group: '', resource: ref.kind ?? '' }, name, cause);
  }
  return object;
}

function parseApiVersion(apiVersion: string): { group: string; version: string } {
  const slash = apiVersion.indexOf('/');
  if (slash < 0) return { group: '', version: apiVersion };
  return { group: apiVersion.slice(0, slash), version: apiVersion.slice(slash + 1) };
}
