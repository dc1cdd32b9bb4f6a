/**
 * `kubectl --as`: the request goes on as another user, when the one who made it may impersonate every part of that user
 * (apiserver `pkg/endpoints/filters/impersonation.go`, `WithImpersonation`).
 */
import type { UserInfo } from '../api/machinery/handler.ts';
import * as errors from '../api/machinery/errors.ts';
import type { Attributes, Authorizer } from './authz/authorizer.ts';
import { forbiddenMessage } from './authz/authorizer.ts';
import type { RequestContext } from './request-context.ts';

const USER = 'impersonate-user';
const GROUP = 'impersonate-group';
const UID = 'impersonate-uid';
const EXTRA_PREFIX = 'impersonate-extra-';
const SERVICE_ACCOUNT = /^system:serviceaccount:([^:]+):([^:]+)$/;
const ANONYMOUS_NAME = 'system:anonymous';
const AUTHENTICATED = 'system:authenticated';
const UNAUTHENTICATED = 'system:unauthenticated';
const IDENTITY_GROUP = 'authentication.k8s.io';

interface Wanted {
  name: string;
  groups: readonly string[];
  uid: string;
  extra: Readonly<Record<string, readonly string[]>>;
}

type Part = Pick<Attributes, 'apiGroup' | 'resource' | 'subresource' | 'namespace' | 'name'>;

/** Undefined when the request asks for nobody else. Throws 403 for a part that the requester may not impersonate. */
export function impersonatedUser({ request, user }: RequestContext, authorize: Authorizer): UserInfo | undefined {
  const wanted = wantedUser(request.headers);
  if (wanted === undefined) return undefined;
  for (const part of partsOf(wanted)) {
    const attributes: Attributes = {
      ...part,
      user,
      verb: 'impersonate',
      isResourceRequest: true,
      apiVersion: 'v1',
      path: '',
    };
    const { decision, reason } = authorize(attributes);
    if (decision === 'allow') continue;
    const cause = forbiddenMessage(attributes) + (reason === '' ? '' : `: ${reason}`);
    throw errors.forbiddenError({ group: part.apiGroup, resource: part.resource }, part.name, cause);
  }
  return {
    name: wanted.name,
    groups: withImpliedGroups(wanted),
    ...(wanted.uid === '' ? {} : { uid: wanted.uid }),
    ...(Object.keys(wanted.extra).length === 0 ? {} : { extra: wanted.extra }),
  };
}

function wantedUser(headers: RequestContext['request']['headers']): Wanted | undefined {
  let asks = false;
  for (const name in headers) asks ||= name.startsWith('impersonate-');
  if (!asks) return undefined;
  const extra: Record<string, readonly string[]> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (name.startsWith(EXTRA_PREFIX)) extra[decodeExtraKey(name.slice(EXTRA_PREFIX.length))] = values(value);
  }
  const wanted = { name: headers[USER] ?? '', groups: values(headers[GROUP]), uid: headers[UID] ?? '', extra };
  if (wanted.name !== '') return wanted;
  if (wanted.groups.length > 0 || wanted.uid !== '' || Object.keys(extra).length > 0) {
    throw errors.internalServerError('impersonation of groups, a uid or extra values without impersonating a user');
  }
  return undefined;
}

/** Headers that are sent several times arrive joined. */
function values(header: string | undefined): readonly string[] {
  return header === undefined ? [] : header.split(', ');
}

/** Keys are percent-encoded, since header names cannot hold every character; what is not is taken as it stands. */
function decodeExtraKey(key: string): string {
  try {
    return decodeURIComponent(key);
  } catch {
    return key;
  }
}

function* partsOf({ name, groups, uid, extra }: Wanted): Generator<Part> {
  const account = SERVICE_ACCOUNT.exec(name);
  if (account === null) yield part('', 'users', name);
  else yield { ...part('', 'serviceaccounts', account[2]!), namespace: account[1]! };
  for (const group of groups) yield part('', 'groups', group);
  if (uid !== '') yield part(IDENTITY_GROUP, 'uids', uid);
  for (const [key, list] of Object.entries(extra)) {
    for (const value of list) yield { ...part(IDENTITY_GROUP, 'userextras', value), subresource: key };
  }
}

function part(apiGroup: string, resource: string, name: string): Part {
  return { apiGroup, resource, subresource: '', namespace: '', name };
}

/** A service account without named groups has its own; everyone is either authenticated or not. */
function withImpliedGroups({ name, groups }: Wanted): string[] {
  const account = SERVICE_ACCOUNT.exec(name);
  const all = [...groups];
  if (account !== null && groups.length === 0)
    all.push('system:serviceaccounts', `system:serviceaccounts:${account[1]}`);
  const isAnonymous = name === ANONYMOUS_NAME;
  const isSettled = all.includes(UNAUTHENTICATED) || (!isAnonymous && all.includes(AUTHENTICATED));
  if (!isSettled) all.push(isAnonymous ? UNAUTHENTICATED : AUTHENTICATED);
  return all;
}
