/** `/metrics` in Prometheus' text format. */
import type { Endpoint } from '../request-context.ts';
import type { MetricsSources } from './metrics-registry.ts';

/** What makes the text is loaded by the first request: a start does not wait for it. */
export function metricsEndpoint(sources: MetricsSources): Endpoint {
  let loading: Promise<{ contentType: string; metrics(): Promise<string> }> | undefined;
  return async () => {
    const registry = await (loading ??= import('./metrics-registry.ts').then((module) =>
      module.metricsRegistry(sources),
    ));
    const bytes = Buffer.from(await registry.metrics());
    return { status: 200, headers: {}, body: { type: 'bytes', bytes, contentType: registry.contentType } };
  };
}
