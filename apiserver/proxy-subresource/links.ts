/** Links of an answer, so that they lead through the proxy again (apimachinery `util/proxy/transport.go`, `rewriteURL`). */

export interface LinkContext {
  /** Request path as far as `proxy`. */
  prefix: string;
  /** `host:port` of what answers. */
  backendHost: string;
  /** The host that the client asked. */
  requestHost: string;
}

const URL_PARTS = /^([a-z][a-z0-9+.-]*:)?(?:\/\/([^/?#]*))?([^?#]*)(.*)$/is;

/** Only what leads to the answering server itself and starts at its root is changed. */
export function throughProxy(link: string, { prefix, backendHost, requestHost }: LinkContext): string {
  const [, scheme = '', host = '', path = '', rest = ''] = URL_PARTS.exec(link) ?? [];
  const isElsewhere = host !== '' && host !== backendHost && host !== requestHost;
  if (isElsewhere || !path.startsWith('/')) return link;
  const origin = host !== '' && host === requestHost ? `${scheme}//${host}` : '';
  const isThere = path === prefix || path.startsWith(`${prefix}/`);
  return `${origin}${isThere ? '' : prefix}${path}${rest}`;
}
