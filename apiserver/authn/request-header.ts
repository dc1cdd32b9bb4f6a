/**
 * Users whom a front proxy has authenticated and names in headers: believed only from a client certificate of the front
 * proxies' own authority (apiserver `pkg/authentication/request/headerrequest`).
 */
import type { ApiRequest, UserInfo } from '../../api/machinery/handler.ts';
import type { Authenticator } from './authenticator.ts';
import { AUTHENTICATED_GROUP } from './service-account-claims.ts';

/** What proxies and aggregated servers agree on; kubeadm's values for the `--requestheader-…` flags. */
export const REQUEST_HEADERS = {
  username: 'X-Remote-User',
  uid: 'X-Remote-Uid',
  group: 'X-Remote-Group',
  extraPrefix: 'X-Remote-Extra-',
  /** Common names of the certificates that may speak for others. */
  allowedNames: ['front-proxy-client'],
} as const;

const USERNAME = REQUEST_HEADERS.username.toLowerCase();
const UID = REQUEST_HEADERS.uid.toLowerCase();
const GROUP = REQUEST_HEADERS.group.toLowerCase();
const EXTRA_PREFIX = REQUEST_HEADERS.extraPrefix.toLowerCase();

export const requestHeaderAuthenticator: Authenticator = (request) => {
  const { peerCertificate } = request;
  const isProxy =
    peerCertificate?.isFrontProxy === true &&
    (REQUEST_HEADERS.allowedNames as readonly string[]).includes(peerCertificate.commonName);
  return isProxy ? userFrom(headersOf(request)) : undefined;
};

function userFrom(headers: ReadonlyMap<string, readonly string[]>): UserInfo | undefined {
  const name = headers.get(USERNAME)?.find((value) => value !== '');
  if (name === undefined) return undefined;
  const groups = (headers.get(GROUP) ?? []).filter((group) => group !== AUTHENTICATED_GROUP);
  const uid = headers.get(UID)?.find((value) => value !== '');
  const extra = extraOf(headers);
  return {
    name,
    groups: [...groups, AUTHENTICATED_GROUP],
    ...(uid === undefined ? {} : { uid }),
    ...(Object.keys(extra).length === 0 ? {} : { extra }),
  };
}

function extraOf(headers: ReadonlyMap<string, readonly string[]>): Record<string, string[]> {
  const extra = new Map<string, string[]>();
  for (const [header, values] of headers) {
    if (!header.startsWith(EXTRA_PREFIX)) continue;
    const key = decodeExtraKey(header.slice(EXTRA_PREFIX.length));
    extra.set(key, [...(extra.get(key) ?? []), ...values]);
  }
  return Object.fromEntries(extra);
}

/** Keys are percent-encoded, since header names cannot hold every character; what is not is taken as it stands. */
function decodeExtraKey(key: string): string {
  try {
    return decodeURIComponent(key);
  } catch {
    return key;
  }
}

/** Value by value as they were sent: joined, one group whose name has a comma would become two. */
function headersOf({ rawHeaders = [] }: ApiRequest): Map<string, string[]> {
  const headers = new Map<string, string[]>();
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!.toLowerCase();
    const values = headers.get(name);
    if (values === undefined) headers.set(name, [rawHeaders[i + 1]!]);
    else values.push(rawHeaders[i + 1]!);
  }
  return headers;
}
