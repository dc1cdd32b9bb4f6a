/** URLs (`k8s.io/apiserver/pkg/cel/library/urls.go`), read as Go's net/url reads them. */
import { CelError } from '../cel.ts';
import { globalOverload, type Library, memberOverload } from '../declarations.ts';
import { BOOL, listOf, mapOf, opaque, STRING } from '../types.ts';
import { ListValue, mapOfEntries, type MapValue, OpaqueValue } from '../values.ts';

export const URL_TYPE = opaque('kubernetes.URL');

class UrlValue extends OpaqueValue {
  readonly typeName = URL_TYPE.name;
  readonly text: string;
  readonly parts: UrlParts;

  constructor(text: string, parts: UrlParts) {
    super();
    this.text = text;
    this.parts = parts;
  }

  equals(other: OpaqueValue): boolean {
    return other instanceof UrlValue && other.text === this.text;
  }
}

interface UrlParts {
  readonly scheme: string;
  readonly host: string;
  readonly path: string;
  readonly query: string;
}

const PARTS = /^(?:([a-zA-Z][a-zA-Z0-9+.-]*):)?(?:\/\/([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/s;

/** The parts of an absolute URI or path, or why it is none. */
function parseUrl(text: string): UrlParts | { readonly problem: string } {
  const invalid = (reason: string): { problem: string } => ({ problem: `parse ${JSON.stringify(text)}: ${reason}` });
  if (text === '') {
    return invalid('empty url');
  }
  // eslint-disable-next-line no-control-regex -- what Go refuses.
  if (/[\u0000-\u001F\u007F]/.test(text)) {
    return invalid('net/url: invalid control character in URL');
  }
  const [, scheme = '', authority, path = '', query = ''] = PARTS.exec(text) ?? [];
  if (scheme === '' && !text.startsWith('/')) {
    return invalid(
      /^:|^[^/]*:/.test(text) ? 'first path segment in URL cannot contain colon' : 'invalid URI for request',
    );
  }
  const problem = hostProblem(authority ?? '') ?? escapeProblem(path);
  if (problem !== undefined) {
    return invalid(problem);
  }
  const host = (authority ?? '').slice((authority ?? '').lastIndexOf('@') + 1);
  return { scheme: scheme.toLowerCase(), host, path, query };
}

/** Why the text is no absolute URI or path; undefined: it is one. */
export function urlProblem(text: string): string | undefined {
  const parts = parseUrl(text);
  return 'problem' in parts ? parts.problem : undefined;
}

function hostProblem(authority: string): string | undefined {
  const host = authority.slice(authority.lastIndexOf('@') + 1);
  if (/[ <>"`]/.test(host)) {
    return `invalid character ${JSON.stringify(/[ <>"`]/.exec(host)?.[0])} in host name`;
  }
  if (host.startsWith('[')) {
    const end = host.lastIndexOf(']');
    if (end < 0) {
      return "missing ']' in host";
    }
    return portProblem(host.slice(end + 1));
  }
  const colon = host.indexOf(':');
  return colon < 0 ? undefined : portProblem(host.slice(colon));
}

function portProblem(port: string): string | undefined {
  return port === '' || /^:\d*$/.test(port) ? undefined : `invalid port ${JSON.stringify(port)} after host`;
}

function escapeProblem(path: string): string | undefined {
  const bad = /%(?![0-9a-fA-F]{2}).{0,2}/.exec(path);
  return bad === null ? undefined : `invalid URL escape ${JSON.stringify(bad[0])}`;
}

function toUrl(text: string): UrlValue {
  const parts = parseUrl(text);
  if ('problem' in parts) {
    throw new CelError(`URL parse error during conversion from string: ${parts.problem}`);
  }
  return new UrlValue(text, parts);
}

function hostname({ parts }: UrlValue): string {
  const bracketed = /^\[(.*)\](?::\d*)?$/.exec(parts.host);
  return bracketed?.[1] ?? parts.host.replace(/:\d*$/, '');
}

function port({ parts }: UrlValue): string {
  return /:(\d*)$/.exec(parts.host.replace(/^\[.*\]/, ''))?.[1] ?? '';
}

/** Go's `URL.EscapedPath`. */
function escapedPath({ parts }: UrlValue): string {
  const isValid = /^[A-Za-z0-9\-._~!$&'()*+,;=:@/%[\]]*$/.test(parts.path);
  if (isValid) {
    return parts.path;
  }
  return encodeURI(unescape(parts.path)).replaceAll("'", '%27').replaceAll('(', '%28').replaceAll(')', '%29');
}

function unescape(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function query({ parts }: UrlValue): MapValue {
  const values = new Map<string, string[]>();
  for (const pair of parts.query === '' ? [] : parts.query.split('&')) {
    if (pair === '' || pair.includes(';')) {
      continue;
    }
    const [key = '', ...rest] = pair.split('=');
    const name = unescape(key.replaceAll('+', ' '));
    values.set(name, [...(values.get(name) ?? []), unescape(rest.join('=').replaceAll('+', ' '))]);
  }
  return mapOfEntries([...values].map(([key, list]) => [key, new ListValue(list)]));
}

export const URL_LIBRARY: Library = {
  name: 'urls',
  functions: [
    { name: 'url', overloads: [globalOverload('string_to_url', [STRING], URL_TYPE, toUrl)] },
    {
      name: 'isURL',
      overloads: [globalOverload('is_url_string', [STRING], BOOL, (text: string) => !('problem' in parseUrl(text)))],
    },
    {
      name: 'getScheme',
      overloads: [memberOverload('url_get_scheme', [URL_TYPE], STRING, (url: UrlValue) => url.parts.scheme)],
    },
    {
      name: 'getHost',
      overloads: [memberOverload('url_get_host', [URL_TYPE], STRING, (url: UrlValue) => url.parts.host)],
    },
    { name: 'getHostname', overloads: [memberOverload('url_get_hostname', [URL_TYPE], STRING, hostname)] },
    { name: 'getPort', overloads: [memberOverload('url_get_port', [URL_TYPE], STRING, port)] },
    { name: 'getEscapedPath', overloads: [memberOverload('url_get_escaped_path', [URL_TYPE], STRING, escapedPath)] },
    {
      name: 'getQuery',
      overloads: [memberOverload('url_get_query', [URL_TYPE], mapOf(STRING, listOf(STRING)), query)],
    },
  ],
};
