/**
 * Counts requests and their times on the request path (kube-apiserver's `apiserver_request_*`), in plain objects: what
 * makes text of them is loaded when somebody asks.
 */
import type { Clock } from '../../base/clock.ts';
import type { Filter, RequestContext } from '../request-context.ts';

/** Upper bounds in seconds, a choice from upstream's forty. */
export const DURATION_BUCKETS = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.5, 2, 3, 5, 10, 30, 60];

export interface RequestSeries {
  labels: Record<'verb' | 'group' | 'version' | 'resource' | 'subresource' | 'scope' | 'code', string>;
  count: number;
  seconds: number;
  /** As many as there are bounds; each counts those up to its own bound and above the one before. */
  buckets: number[];
}

export class RequestMeter {
  readonly #clock: Clock;
  readonly #series = new Map<string, RequestSeries>();
  readonly #inFlight = { mutating: 0, readOnly: 0 };

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  series(): Iterable<RequestSeries> {
    return this.#series.values();
  }

  inFlight(): Readonly<Record<'mutating' | 'readOnly', number>> {
    return this.#inFlight;
  }

  /** Outermost, so that what other filters answer counts too. */
  readonly filter: Filter = async (context, next) => {
    const startMs = this.#clock.monotonicMs();
    const kind = READ_METHODS.has(context.request.method) ? 'readOnly' : 'mutating';
    this.#inFlight[kind]++;
    try {
      const response = await next(context);
      this.#record(context, response.status, (this.#clock.monotonicMs() - startMs) / 1000);
      return response;
    } finally {
      this.#inFlight[kind]--;
    }
  };

  #record({ info, request }: RequestContext, status: number, seconds: number): void {
    const { verb, apiGroup, resource, subresource } = info;
    // What is no resource comes from clients as they like: paths would be series without end.
    const key = info.isResourceRequest
      ? `${verb} ${apiGroup}/${resource}/${subresource} ${info.name === '' ? info.namespace === '' : 'object'} ${status}`
      : `${request.method} ${status}`;
    let series = this.#series.get(key);
    if (series === undefined) {
      if (this.#series.size >= MAX_SERIES) return;
      series = { labels: labelsOf(info, { method: request.method, status }), count: 0, seconds: 0, buckets: [] };
      series.buckets = DURATION_BUCKETS.map(() => 0);
      this.#series.set(key, series);
    }
    series.count++;
    series.seconds += seconds;
    const bucket = DURATION_BUCKETS.findIndex((bound) => seconds <= bound);
    if (bucket !== -1) series.buckets[bucket]!++;
  }
}

const READ_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);
/** Names of resources that are not served come from clients as well. */
const MAX_SERIES = 5_000;

/** Upstream's metrics name two verbs by their methods (`canonicalVerb`). */
const VERBS: Readonly<Record<string, string>> = { create: 'POST', update: 'PUT' };

function labelsOf(
  info: RequestContext['info'],
  { method, status }: { method: string; status: number },
): RequestSeries['labels'] {
  const code = String(status);
  if (!info.isResourceRequest)
    return { verb: method, group: '', version: '', resource: '', subresource: '', scope: '', code };
  const scope = info.name !== '' ? 'resource' : info.namespace === '' ? 'cluster' : 'namespace';
  const { apiGroup: group, apiVersion: version, resource, subresource } = info;
  return { verb: VERBS[info.verb] ?? info.verb.toUpperCase(), group, version, resource, subresource, scope, code };
}
