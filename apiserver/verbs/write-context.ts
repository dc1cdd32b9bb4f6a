/** What the write verbs read from a request alike: dry run, field manager, where warnings go. */
import type { WriteContext } from '../registry/store.ts';
import type { RequestContext } from '../request-context.ts';
import { isDryRun } from './write-options.ts';

/** The first part of the user agent, as upstream's `managerOrUserAgent`. */
function managerFromUserAgent(userAgent: string): string {
  return userAgent.split('/')[0]!.slice(0, 128) || 'unknown';
}

export function writeContext(context: RequestContext, dryRunDirectives: readonly string[] = []): WriteContext {
  const { query, headers } = context.request;
  return {
    user: context.user,
    dryRun: isDryRun(context, dryRunDirectives),
    fieldManager: query.get('fieldManager') ?? managerFromUserAgent(headers['user-agent'] ?? ''),
    warn: (text) => context.warnings.add(text),
    annotate: (key, value) => void (context.auditAnnotations ??= new Map()).set(key, value),
    options: (operation) => operationOptions(context, operation),
  };
}

/** `CreateOptions`, `UpdateOptions` or `PatchOptions` of `meta.k8s.io/v1`, as the query has them. */
function operationOptions({ request, info }: RequestContext, operation: 'CREATE' | 'UPDATE'): Record<string, unknown> {
  const { query } = request;
  const isPatch = operation === 'UPDATE' && info.verb === 'patch';
  const options: Record<string, unknown> = {
    kind: isPatch ? 'PatchOptions' : operation === 'CREATE' ? 'CreateOptions' : 'UpdateOptions',
    apiVersion: 'meta.k8s.io/v1',
  };
  const dryRun = query.getAll('dryRun').filter((directive) => directive !== '');
  if (dryRun.length > 0) options['dryRun'] = dryRun;
  if (isPatch && query.get('force') !== null) options['force'] = isForced(query);
  for (const name of ['fieldManager', 'fieldValidation']) {
    const value = query.get(name) ?? '';
    if (value !== '') options[name] = value;
  }
  return options;
}

function isForced(query: URLSearchParams): boolean {
  const value = query.get('force')!;
  return value !== '0' && value.toLowerCase() !== 'false';
}
