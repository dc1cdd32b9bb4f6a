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
  };
}
