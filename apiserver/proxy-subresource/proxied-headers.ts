/** What passes of the headers of a request to what is behind a proxy subresource, and back (Go `httputil/reverseproxy.go`). */
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';
import type { ApiRequest } from '../../api/machinery/handler.ts';
import { hopByHop, protocolsWithoutToken, saysWhoAsks } from '../http/passed-headers.ts';

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

/** Headers for the backend. */
export function requestHeaders(
  { headers, remoteAddress }: Pick<ApiRequest, 'headers' | 'remoteAddress'>,
  { uri, host }: Forwarding,
): Record<string, string> {
  const isOfConnection = hopByHop(headers['connection']);
  const sent: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined && !isOfConnection(name) && !saysWhoAsks(name)) sent[name] = value;
  }
  sent['host'] = headers['host'] ?? headers[':authority'] ?? host;
  sent['x-forwarded-uri'] = uri;
  const forwardedFor = [headers['x-forwarded-for'], remoteAddress].filter((one) => one !== undefined && one !== '');
  if (forwardedFor.length > 0) sent['x-forwarded-for'] = forwardedFor.join(', ');
  const protocols = protocolsWithoutToken(headers['sec-websocket-protocol'] ?? '');
  if (protocols === undefined) delete sent['sec-websocket-protocol'];
  else sent['sec-websocket-protocol'] = protocols;
  return sent;
}

/** Headers for the client. */
export function responseHeaders(headers: IncomingHttpHeaders | OutgoingHttpHeaders): Record<string, string | string[]> {
  const isOfConnection = hopByHop(String(headers['connection'] ?? ''));
  const sent: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || isOfConnection(name) || CORS.has(name)) continue;
    sent[name] = Array.isArray(value) ? [...value] : String(value);
  }
  return sent;
}
