/** `/livez`, `/readyz`, `/healthz`: named checks, one line each with `?verbose` (apiserver `server/healthz`). */
import type { ApiResponse } from '../api/machinery/handler.ts';
import type { Endpoint, RequestContext } from './request-context.ts';
import { trimSlashes } from './request-info.ts';
import { textResponse } from './responses.ts';

export interface HealthCheck {
  name: string;
  /** Undefined when healthy, else why not (not shown to clients). */
  check(): string | undefined | Promise<string | undefined>;
}

/** Serves `/<name>` with all checks and `/<name>/<check>` with one. */
export function healthEndpoint(name: string, checks: readonly HealthCheck[]): Endpoint {
  return async (context) => {
    const rest = trimSlashes(context.info.path).split('/');
    if (rest.length === 1) return answer(context, name, checks);
    const one = checks.filter((check) => check.name === rest[1]);
    return one.length === 0 ? textResponse(`404 page not found\n`, 404) : answer(context, `${name} check`, one);
  };
}

async function answer(context: RequestContext, name: string, checks: readonly HealthCheck[]): Promise<ApiResponse> {
  const excluded = new Set(context.request.query.getAll('exclude'));
  const lines: string[] = [];
  let healthy = true;
  for (const check of checks) {
    if (excluded.has(check.name)) {
      lines.push(`[+]${check.name} excluded: ok`);
      continue;
    }
    const failed = (await check.check()) !== undefined;
    lines.push(failed ? `[-]${check.name} failed: reason withheld` : `[+]${check.name} ok`);
    healthy &&= !failed;
  }
  if (!healthy) return textResponse(`${lines.join('\n')}\n${name} failed\n`, 500);
  return textResponse(context.request.query.has('verbose') ? `${lines.join('\n')}\n${name} passed\n` : 'ok');
}
