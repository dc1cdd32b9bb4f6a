/** What passes of the headers of a request to what is behind a proxy subresource, and back (Go `httputil/reverseproxy.go`). */
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';
import type { ApiRequest } from '../../api/machinery/handler.ts';

/** Of one connection only (RFC 9110, 7.6.1). */
const HOP_BY_HOP = new Set([
  'connection',
  'proxy-connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
]);

/**
 * What says who asks: the API server has read it, and nobody behind it is to learn it or to believe it (apiserver
 * `endpoints/filters/{authentication,impersonation}.go`).
 */
const IDENTITY = /^(authorization$|impersonate-|x-remote-(user|uid|group|extra-))/;
const TOKEN_PROTOCOL = 'base64url.bearer.authorization.k8s.io.';

/** Whoever may read the API server's answers is decided by the API server (`removeCORSHeaders`). */
const CORS = new Set([
  'access-control-allow-credentials',
  'access-control-allow-headers',
  'access-control-allow-methods',
  'access-control-allow-origin',
]);

export interface Forwarding {
  /** What the client asked for, without the query. */
  uri: string;
  /** Of the target, where the client names no host. */
  host: string;
}

/** Headers for the backend. `expect` has been answered already. */
export function requestHeaders(
  { headers, remoteAddress }: Pick<ApiRequest, 'headers' | 'remoteAddress'>,
  { uri, host }: Forwarding,
): Record<string, string> {
  const listed = listedIn(headers['connection']);
  const sent: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    const isDropped = name.startsWith(':') || HOP_BY_HOP.has(name) || listed.has(name) || name === 'expect';
    if (value !== undefined && !isDropped && !IDENTITY.test(name)) sent[name] = value;
  }
  sent['host'] = headers['host'] ?? headers[':authority'] ?? host;
  sent['x-forwarded-uri'] = uri;
  const forwardedFor = [headers['x-forwarded-for'], remoteAddress].filter((one) => one !== undefined && one !== '');
  if (forwardedFor.length > 0) sent['x-forwarded-for'] = forwardedFor.join(', ');
  return withoutToken(sent);
}

/** Headers for the client. */
export function responseHeaders(headers: IncomingHttpHeaders | OutgoingHttpHeaders): Record<string, string | string[]> {
  const listed = listedIn(String(headers['connection'] ?? ''));
  const sent: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || HOP_BY_HOP.has(name) || listed.has(name) || CORS.has(name)) continue;
    sent[name] = Array.isArray(value) ? [...value] : String(value);
  }
  return sent;
}

function listedIn(connection: string | undefined): Set<string> {
  return new Set((connection ?? '').split(',').map((name) => name.trim().toLowerCase()));
}

/** Browsers put their token where a WebSocket's protocols are. */
function withoutToken(headers: Record<string, string>): Record<string, string> {
  const protocols = headers['sec-websocket-protocol'];
  if (protocols === undefined) return headers;
  const others = protocols.split(',').filter((protocol) => !protocol.trim().startsWith(TOKEN_PROTOCOL));
  if (others.length === 0) delete headers['sec-websocket-protocol'];
  else headers['sec-websocket-protocol'] = others.join(',').trim();
  return headers;
}
