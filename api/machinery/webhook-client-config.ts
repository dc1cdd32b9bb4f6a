/** Where a webhook is reached (upstream: apiserver `pkg/util/webhook/validation.go`). */
import { X509Certificate } from 'node:crypto';
import { invalid, required } from './field-error.ts';
import type { FieldError, FieldPath } from './field-error.ts';
import { invalidEach, isDns1123Subdomain, isValidPortNum } from './validation.ts';

export interface WebhookService {
  name?: string;
  namespace?: string;
  path?: string;
  port?: number;
}

/** Either a URL or a Service. */
export function validateWebhookAddress(
  { url, service }: { url?: string; service?: WebhookService },
  path: FieldPath,
): FieldError[] {
  const hasUrl = url !== undefined && url !== null;
  const hasService = service !== undefined && service !== null;
  if (hasUrl === hasService) return [required(path, 'exactly one of url or service is required')];
  return hasUrl ? validateWebhookUrl(url, path.child('url')) : validateWebhookService(service!, path.child('service'));
}

const DESIRED_FORM = '; desired format: https://host[/path]';

export function validateWebhookUrl(text: string, path: FieldPath): FieldError[] {
  const problem = urlProblem(text);
  if (problem !== undefined) {
    return [required(path, `url must be a valid URL: parse ${JSON.stringify(text)}: ${problem}${DESIRED_FORM}`)];
  }
  const { scheme, host, user, query, fragment } = partsOf(text);
  const errors: FieldError[] = [];
  if (scheme !== 'https') errors.push(invalid(path, scheme, `'https' is the only allowed URL scheme${DESIRED_FORM}`));
  if (host === '') errors.push(invalid(path, host, `host must be provided${DESIRED_FORM}`));
  if (user !== undefined) errors.push(invalid(path, user, 'user information is not permitted in the URL'));
  if (fragment !== '') errors.push(invalid(path, fragment, 'fragments are not permitted in the URL'));
  if (query !== '') errors.push(invalid(path, query, 'query parameters are not permitted in the URL'));
  return errors;
}

/** What Go's `url.Parse` refuses, in its words. */
function urlProblem(text: string): string | undefined {
  // eslint-disable-next-line no-control-regex
  if (/[\x00-\x1f\x7f]/.test(text)) return 'net/url: invalid control character in URL';
  if (text.startsWith(':')) return 'missing protocol scheme';
  const escape = /%(?![0-9A-Fa-f]{2}).{0,2}/.exec(text);
  if (escape !== null) return `invalid URL escape ${JSON.stringify(escape[0])}`;
  const { host } = partsOf(text);
  const port = /:([^:\]]*)$/.exec(host);
  if (port !== null && !/^\d*$/.test(port[1]!)) return `invalid port ${JSON.stringify(port[0])} after host`;
  const character = /[\s"<>\\^`{|}]/.exec(host);
  return character === null ? undefined : `invalid character ${JSON.stringify(character[0])} in host name`;
}

interface UrlParts {
  scheme: string;
  user: string | undefined;
  host: string;
  query: string;
  fragment: string;
}

function partsOf(text: string): UrlParts {
  const [, scheme = '', authority, , query = '', fragment = ''] =
    /^(?:([A-Za-z][A-Za-z0-9+.-]*):)?(?:\/\/([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/s.exec(text)!;
  const at = (authority ?? '').lastIndexOf('@');
  return {
    scheme: scheme.toLowerCase(),
    user: at < 0 ? undefined : authority!.slice(0, at),
    host: (authority ?? '').slice(at + 1),
    query,
    fragment,
  };
}

export function validateWebhookService(service: WebhookService, path: FieldPath): FieldError[] {
  const { name, namespace, path: urlPath, port = 0 } = service;
  const errors: FieldError[] = [];
  if (!name) errors.push(required(path.child('name'), 'service name is required'));
  if (!namespace) errors.push(required(path.child('namespace'), 'service namespace is required'));
  const problems = isValidPortNum(port);
  if (problems.length > 0) {
    errors.push(invalid(path.child('port'), port, `port is not valid: ${problems.join(', ')}`));
  }
  return [...errors, ...validateUrlPath(urlPath ?? '', path.child('path'))];
}

function validateUrlPath(text: string, path: FieldPath): FieldError[] {
  if (text === '' || text === '/') return [];
  if (text === '//') return [invalid(path, text, 'segment[0] may not be empty')];
  const errors = text.startsWith('/') ? [] : [invalid(path, text, "must start with a '/'")];
  const segments = text.slice(1).replace(/\/$/, '').split('/');
  segments.forEach((segment, i) => {
    if (segment === '') errors.push(invalid(path, text, `segment[${i}] may not be empty`));
    else {
      const problems = isDns1123Subdomain(segment).map((problem) => `segment[${i}]: ${problem}`);
      errors.push(...invalidEach(path, text, problems));
    }
  });
  return errors;
}

/** `bundle` as it travels: PEM in base64. One certificate that can be read is enough. */
export function validateCaBundle(bundle: string, path: FieldPath): FieldError[] {
  const problem = caBundleProblem(Buffer.from(bundle, 'base64').toString('latin1'));
  return problem === undefined ? [] : [invalid(path, bundle, `unable to load root certificates: ${problem}`)];
}

const PEM_BLOCK = /-----BEGIN ([^-\n]+)-----([^-]*)-----END \1-----/g;

function caBundleProblem(pem: string): string | undefined {
  let firstProblem: string | undefined;
  let blocks = 0;
  for (const [block, type, body] of pem.matchAll(PEM_BLOCK)) {
    blocks++;
    // Blocks with headers are passed over, as those of other types.
    if (type !== 'CERTIFICATE' || body!.includes(':')) continue;
    try {
      new X509Certificate(block);
      return undefined;
    } catch {
      firstProblem ??= 'failed to parse certificate: x509: malformed certificate';
    }
  }
  if (firstProblem !== undefined) return firstProblem;
  return blocks === 0 ? 'unable to parse bytes as PEM block' : 'no valid certificate authority data seen';
}
