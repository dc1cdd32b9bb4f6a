/**
 * Metrics of pods and of objects from custom.metrics.k8s.io, which an aggregated server serves
 * (upstream: `pkg/controller/podautoscaler/metrics/client.go`, k8s.io/metrics `pkg/client/custom_metrics`).
 */
import type { ApiService } from '../../api/apiregistration/v1/api-service.ts';
import { apiServices } from '../../api/apiregistration/v1/api-service.ts';
import { ApiError, formatGroupResource } from '../../api/machinery/errors.ts';
import { tryParseQuantity } from '../../api/machinery/quantity.ts';
import type { Resource } from '../../api/machinery/resource.ts';
import type { ControllerContext } from '../../client/controller.ts';
import type { DescribedObject, MetricsSource, PodMetrics } from './metrics.ts';
import { resolveKind } from './scale-target.ts';

const GROUP = 'custom.metrics.k8s.io';
/** In the order of preference. */
const VERSIONS = ['v1beta2', 'v1beta1'];
/** `metricServerDefaultMetricWindow` */
const DEFAULT_WINDOW_MS = 60_000;

/** As a MetricValueList has it; both versions agree in these. */
interface MetricValue {
  describedObject?: { name?: string };
  timestamp?: string;
  windowSeconds?: number;
  value?: string | number;
}

type Context = Pick<ControllerContext, 'client' | 'signal' | 'lister' | 'byIndex'>;

interface Place {
  /** Behind the version's path. */
  path: string;
  /** As the client's errors name it. */
  about: string;
  query: Record<string, string>;
}

export function customMetrics(
  context: Context,
  resources: readonly Resource[],
): Pick<MetricsSource, 'podsMetrics' | 'objectMetric'> {
  return {
    podsMetrics({ metric, namespace, selector, metricSelector }) {
      return asCustom(async () => {
        const path = `/namespaces/${encodeURIComponent(namespace)}/pods/*/${encodeURIComponent(metric)}`;
        const query = { labelSelector: selector.toString(), metricLabelSelector: metricSelector.toString() };
        return podMetricsOf(await read(context, { path, about: `pods.${GROUP} *`, query }));
      });
    },
    objectMetric({ metric, namespace, object, metricSelector }) {
      return asCustom(async () => {
        const place = placeOf(object, { metric, namespace, resources, context });
        const items = await read(context, { ...place, query: { metricLabelSelector: metricSelector.toString() } });
        if (items.length !== 1)
          throw new Error(
            `the custom metrics API server returned ${items.length} results when we asked for exactly one`,
          );
        return milliOf(items[0]!);
      });
    },
  };
}

async function asCustom<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const { message } = error as Error;
    if (message === NONE_RETURNED) throw error;
    throw new Error(`unable to fetch metrics from custom metrics API: ${message}`, { cause: error });
  }
}

const NONE_RETURNED = 'no metrics returned from custom metrics API';

/** An autoscaler's own namespace, whatever it says; anything else lies in it. */
function placeOf(
  { apiVersion = '', kind, name }: DescribedObject,
  options: { metric: string; namespace: string; resources: readonly Resource[]; context: Context },
): Omit<Place, 'query'> {
  const { metric, namespace, resources, context } = options;
  const inNamespace = `/namespaces/${encodeURIComponent(namespace)}`;
  if (kind === 'Namespace' && !apiVersion.includes('/'))
    return { path: `${inNamespace}/metrics/${encodeURIComponent(metric)}`, about: `metrics.${GROUP} ${metric}` };
  const { group, names } = resolveKind({ apiVersion, kind, name }, resources, context);
  const resource = formatGroupResource({ group, resource: names.plural });
  const path = [inNamespace, resource, encodeURIComponent(name), encodeURIComponent(metric)].join('/');
  return { path, about: `${resource}.${GROUP} ${name}` };
}

async function read({ client, signal, lister }: Context, { path, about, query }: Place): Promise<MetricValue[]> {
  const registered = lister<ApiService>(apiServices);
  const version = VERSIONS.find((one) => registered.get('', `${one}.${GROUP}`) !== undefined);
  if (version === undefined) throw new Error(`no custom metrics API (${GROUP}) registered`);
  const list = await client
    .getDocument<{ items?: MetricValue[] }>(`/apis/${GROUP}/${version}${path}`, { query, signal })
    .catch((error: unknown) => {
      throw new Error(problemOf(error, `get ${about}`), { cause: error });
    });
  return Array.isArray(list?.items) ? list.items : [];
}

function podMetricsOf(items: readonly MetricValue[]): PodMetrics {
  if (items.length === 0) throw new Error(NONE_RETURNED);
  const metrics: PodMetrics = new Map();
  for (const item of items) {
    const { describedObject, timestamp, windowSeconds } = item;
    const timestampMs = Date.parse(timestamp ?? '');
    metrics.set(describedObject?.name ?? '', {
      value: milliOf(item),
      timestampMs: Number.isNaN(timestampMs) ? 0 : timestampMs,
      windowMs: typeof windowSeconds === 'number' ? windowSeconds * 1000 : DEFAULT_WINDOW_MS,
    });
  }
  return metrics;
}

function milliOf({ value }: MetricValue): number {
  return tryParseQuantity(value)?.milliValue() ?? 0;
}

const GENERIC: Readonly<Record<number, string>> = {
  404: 'the server could not find the requested resource',
  503: 'the server is currently unable to handle the request',
};

/** What a server says itself, else as client-go words it (`NewGenericServerResponse`). */
export function problemOf(error: unknown, asked: string): string {
  const generic = error instanceof ApiError && isUnsaid(error) ? GENERIC[error.code] : undefined;
  return generic === undefined ? (error as Error).message : `${generic} (${asked})`;
}

/** A Status has a reason, and of the generic ones it says no more than that. */
function isUnsaid(error: ApiError): boolean {
  return error.reason === '' || error.message === GENERIC[error.code];
}
