/** Where a webhook listens: a URL or a Service (upstream: `k8s.io/apiserver/pkg/util/webhook/validation.go`). */
import type { AdmissionregistrationV1WebhookClientConfig } from '@kubernetes/client-node';
import { invalid, required } from '../../machinery/field-error.ts';
import type { FieldError, FieldPath } from '../../machinery/field-error.ts';
import type { Wire } from '../../machinery/meta.ts';
import { isDns1123Subdomain, isValidPortNum } from '../../machinery/validation.ts';

export type WebhookClientConfig = Wire<AdmissionregistrationV1WebhookClientConfig>;
export type ServiceReference = NonNullable<WebhookClientConfig['service']>;

export function validateClientConfig(config: WebhookClientConfig | undefined, path: FieldPath): FieldError[] {
  const { url, service } = config ?? {};
  const hasUrl = url !== undefined && url !== null;
  if (hasUrl === Boolean(service)) return [required(path, 'exactly one of url or service is required')];
  return hasUrl ? validateUrl(url, path.child('url')) : validateService(service!, path.child('service'));
}

/** The parts of a URL as Go's `url.Parse` cuts them; undefined for what is none. */
function partsOf(text: string): Record<'scheme' | 'user' | 'host' | 'query' | 'fragment', string> | undefined {
  // eslint-disable-next-line no-control-regex
  if (/[\x00-\x1f\x7f]/.test(text) || /%(?![0-9a-fA-F]{2})/.test(text) || text.startsWith(':')) return undefined;
  const match = /^(?:([a-zA-Z][a-zA-Z0-9+.-]*):)?(?:\/\/([^/?#]*))?[^?#]*(?:\?([^#]*))?(?:#(.*))?$/.exec(text);
  if (match === null) return undefined;
  const [, scheme = '', authority = '', query = '', fragment = ''] = match;
  const at = authority.lastIndexOf('@');
  const host = authority.slice(at + 1);
  if (!/^(\[[0-9a-fA-F:.%]+\]|[^:[\]\s]*)(:\d*)?$/.test(host)) return undefined;
  return { scheme: scheme.toLowerCase(), user: at < 0 ? '' : authority.slice(0, at), host, query, fragment };
}

function validateUrl(url: string, path: FieldPath): FieldError[] {
  const form = '; desired format: https://host[/path]';
  const parts = partsOf(url);
  if (parts === undefined)
    return [required(path, `url must be a valid URL: parse ${JSON.stringify(url)}: invalid URL${form}`)];
  const { scheme, host, user, fragment, query } = parts;
  const errors: FieldError[] = [];
  if (scheme !== 'https') errors.push(invalid(path, scheme, `'https' is the only allowed URL scheme${form}`));
  if (host === '') errors.push(invalid(path, host, `host must be provided${form}`));
  if (user !== '') errors.push(invalid(path, user, 'user information is not permitted in the URL'));
  if (fragment !== '') errors.push(invalid(path, fragment, 'fragments are not permitted in the URL'));
  if (query !== '') errors.push(invalid(path, query, 'query parameters are not permitted in the URL'));
  return errors;
}

function validateService({ name, namespace, path: urlPath, port }: ServiceReference, path: FieldPath): FieldError[] {
  const errors: FieldError[] = [];
  if (!name) errors.push(required(path.child('name'), 'service name is required'));
  if (!namespace) errors.push(required(path.child('namespace'), 'service namespace is required'));
  const problems = isValidPortNum(port ?? 0);
  if (problems.length > 0)
    errors.push(invalid(path.child('port'), port ?? 0, `port is not valid: ${problems.join(', ')}`));
  return [...errors, ...validateUrlPath(urlPath ?? '', path.child('path'))];
}

function validateUrlPath(urlPath: string, path: FieldPath): FieldError[] {
  if (urlPath === '' || urlPath === '/') return [];
  if (urlPath === '//') return [invalid(path, urlPath, 'segment[0] may not be empty')];
  const errors = urlPath.startsWith('/') ? [] : [invalid(path, urlPath, "must start with a '/'")];
  urlPath
    .slice(1)
    .replace(/\/$/, '')
    .split('/')
    .forEach((step, i) => {
      if (step === '') errors.push(invalid(path, urlPath, `segment[${i}] may not be empty`));
      else
        for (const problem of isDns1123Subdomain(step))
          errors.push(invalid(path, urlPath, `segment[${i}]: ${problem}`));
    });
  return errors;
}
