/** What the write verbs read from a request alike: dry run, field manager, where warnings go. */
import * as errors from '../../api/machinery/errors.ts';
import type { WriteContext } from '../registry/store.ts';
import type { RequestContext } from '../request-context.ts';

/** The first part of the user agent, as upstream's `managerOrUserAgent`. */
function managerFromUserAgent(userAgent: string): string {
  return userAgent.split('/')[0]!.slice(0, 128) || 'unknown';
}

/** `dryRun` from the query, or from the body of a deletion. Throws BadRequest for an unknown directive. */
export function isDryRun(directives: readonly string[]): boolean {
  for (const directive of directives) {
    if (directive !== 'All')
      throw errors.badRequest(
        `Invalid value: ${JSON.stringify(directives)}: dryRun: Unsupported value: ${JSON.stringify(directive)}: supported values: "All"`,
      );
  }
  return directives.length > 0;
}

export function writeContext(context: RequestContext, dryRunDirectives: readonly string[] = []): WriteContext {
  const { query, headers } = context.request;
  const fromQuery = query.getAll('dryRun').filter((directive) => directive !== '');
  return {
    user: context.user,
    dryRun: isDryRun([...fromQuery, ...dryRunDirectives]),
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
