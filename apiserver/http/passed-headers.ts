/** Which of a client's headers end at the API server when the request goes on to another server. */

/** Of one connection only (RFC 9110, 7.6.1; Go `httputil/reverseproxy.go`), and an expectation, which was answered here. */
const HOP_BY_HOP = new Set([
  ...['connection', 'proxy-connection', 'keep-alive', 'proxy-authenticate', 'proxy-authorization', 'te', 'trailer'],
  ...['transfer-encoding', 'upgrade', 'http2-settings', 'expect'],
]);

/**
 * What says who asks: the API server has read it, and nobody behind it is to learn it or to believe it (apiserver
 * `endpoints/filters/{authentication,impersonation}.go`).
 */
const IDENTITY = /^(authorization|impersonate-.*|x-remote-(user|uid|group|extra-.*))$/;

const TOKEN_PROTOCOL = 'base64url.bearer.authorization.k8s.io.';

/** Whether a header, by its lower-case name, is for this connection alone; `connection`: the header of that name. */
export function hopByHop(connection: string | undefined): (name: string) => boolean {
  const named = new Set((connection ?? '').split(',').map((name) => name.trim().toLowerCase()));
  return (name) => name.startsWith(':') || HOP_BY_HOP.has(name) || named.has(name);
}

export const saysWhoAsks = (name: string): boolean => IDENTITY.test(name);

/** WebSocket protocols without a browser's token, which is put among them; undefined when there is no other. */
export function protocolsWithoutToken(protocols: string): string | undefined {
  const others = protocols.split(',').map((protocol) => protocol.trim());
  return others.filter((protocol) => !protocol.startsWith(TOKEN_PROTOCOL)).join(', ') || undefined;
}
