/**
 * The headers with which a request goes on to an aggregated API server: the client's own, without its credentials, and
 * those that say who it is (client-go `transport/round_trippers.go`, `SetAuthProxyHeaders`; Go's `httputil.ReverseProxy`).
 */
import type { ApiRequest, UserInfo } from '../../api/machinery/handler.ts';
import { REQUEST_HEADERS } from '../authn/request-header.ts';
import { hopByHop, protocolsWithoutToken, saysWhoAsks } from '../http/passed-headers.ts';

/** By lower-case name. */
export type Headers = Record<string, string[]>;

/** Written anew for the server that is asked. */
const OF_THE_MESSAGE = new Set(['host', 'content-length']);

export function forwardedHeaders(request: ApiRequest, user: UserInfo): Headers {
  const headers: Headers = {};
  const isOfConnection = hopByHop(request.headers['connection']);
  for (const [name, value] of sentHeaders(request)) {
    if (isOfConnection(name) || OF_THE_MESSAGE.has(name) || saysWhoAsks(name)) continue;
    (headers[name] ??= []).push(value);
  }
  const protocols = protocolsWithoutToken((headers['sec-websocket-protocol'] ?? []).join(', '));
  if (protocols === undefined) delete headers['sec-websocket-protocol'];
  else headers['sec-websocket-protocol'] = [protocols];
  if (request.remoteAddress !== undefined)
    headers['x-forwarded-for'] = [[...(headers['x-forwarded-for'] ?? []), request.remoteAddress].join(', ')];
  return { ...headers, ...identityHeaders(user) };
}

/** Who makes a request, for a server that believes the front proxy's certificate. */
export function identityHeaders({ name, uid, groups, extra = {} }: UserInfo): Headers {
  const headers: Headers = { [REQUEST_HEADERS.username.toLowerCase()]: [inBytes(name)] };
  if (uid !== undefined && uid !== '') headers[REQUEST_HEADERS.uid.toLowerCase()] = [inBytes(uid)];
  if (groups.length > 0) headers[REQUEST_HEADERS.group.toLowerCase()] = groups.map(inBytes);
  for (const [key, values] of Object.entries(extra))
    headers[REQUEST_HEADERS.extraPrefix.toLowerCase() + encodeKey(key)] = values.map(inBytes);
  return headers;
}

function sentHeaders({ rawHeaders, headers }: ApiRequest): [string, string][] {
  if (rawHeaders === undefined)
    return Object.entries(headers).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]));
  const pairs: [string, string][] = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) pairs.push([rawHeaders[i]!.toLowerCase(), rawHeaders[i + 1]!]);
  return pairs;
}

/** Headers are bytes, names are UTF-8. */
function inBytes(text: string): string {
  return Buffer.from(text).toString('latin1');
}

/** `headerKeyEscape`: what no header's name may hold, and the percent sign, as percent and two digits. */
function encodeKey(key: string): string {
  return [...Buffer.from(key)]
    .map((byte) => {
      const character = String.fromCharCode(byte);
      if (/[a-zA-Z0-9!#$&'*+\-.^_`|~]/.test(character)) return character;
      return `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
    })
    .join('');
}
