/**
 * Figures from the API: metrics.k8s.io, and custom.metrics.k8s.io and external.metrics.k8s.io where somebody serves
 * them (upstream: `pkg/controller/podautoscaler/metrics/client.go`).
 */
import type { ApiObject } from '../../api/machinery/meta.ts';
import { quantityFromInteger, tryParseQuantity } from '../../api/machinery/quantity.ts';
import { podMetrics } from '../../api/metrics/v1beta1/pod-metrics.ts';
import type { PodMetrics as MeasuredPod } from '../../api/metrics/v1beta1/types.ts';
import type { Resource } from '../../api/machinery/resource.ts';
import type { ResourceRef } from '../../client/client.ts';
import type { ControllerContext } from '../../client/controller.ts';
import { customMetrics, problemOf } from './custom-metrics.ts';
import type { MetricsSource, PodMetrics } from './metrics.ts';

const EXTERNAL = 'external.metrics.k8s.io';

/** As an ExternalMetricValueList has it. */
interface ExternalValue extends ApiObject {
  value?: string | number;
}

export function apiMetrics(
  context: Pick<ControllerContext, 'client' | 'signal' | 'lister' | 'byIndex'>,
  resources: readonly Resource[],
): MetricsSource {
  const { client, signal } = context;
  return {
    ...customMetrics(context, resources),
    async resourceMetrics({ resource, namespace, selector, container }) {
      const options = { namespace, labelSelector: selector.toString(), signal };
      const { items } = await client.list<MeasuredPod>(podMetrics, options).catch((error: unknown) => {
        throw new Error(`unable to fetch metrics from resource metrics API: ${(error as Error).message}`);
      });
      if (items.length === 0) throw new Error('no metrics returned from resource metrics API');
      return container === '' ? podTotals(items, resource) : containerFigures(items, { resource, container });
    },
    async externalMetrics({ metric, namespace, metricSelector }) {
      const ref: ResourceRef = {
        group: EXTERNAL,
        version: 'v1beta1',
        scope: 'Namespaced',
        names: { plural: metric, kind: 'ExternalMetricValue' },
      };
      const options = { namespace, labelSelector: metricSelector.toString(), signal };
      const { items } = await client.list<ExternalValue>(ref, options).catch((error: unknown) => {
        const message = problemOf(error, `get ${metric}.${EXTERNAL}`);
        throw new Error(`unable to fetch metrics from external metrics API: ${message}`);
      });
      if (items.length === 0) throw new Error('no metrics returned from external metrics API');
      return items.map(({ value }) => (tryParseQuantity(value) ?? quantityFromInteger(0)).milliValue());
    },
  };
}

/** A pod of which one container does not tell is not measured. */
function podTotals(items: readonly MeasuredPod[], resource: string): PodMetrics {
  const metrics: PodMetrics = new Map();
  for (const item of items) {
    const values = item.containers.map(({ usage }) => tryParseQuantity(usage[resource])?.milliValue());
    if (values.length === 0 || values.some((value) => value === undefined)) continue;
    add(
      metrics,
      item,
      (values as number[]).reduce((total, value) => total + value, 0),
    );
  }
  return metrics;
}

function containerFigures(
  items: readonly MeasuredPod[],
  { resource, container }: { resource: string; container: string },
): PodMetrics {
  const metrics: PodMetrics = new Map();
  for (const item of items) {
    const found = item.containers.find(({ name }) => name === container);
    if (found === undefined) {
      const { namespace, name } = item.metadata;
      throw new Error(`container ${container} not present in metrics for pod ${namespace}/${name}`);
    }
    const value = tryParseQuantity(found.usage[resource])?.milliValue();
    if (value !== undefined) add(metrics, item, value);
  }
  return metrics;
}

function add(metrics: PodMetrics, { metadata, timestamp, window }: MeasuredPod, value: number): void {
  metrics.set(metadata.name!, { value, timestampMs: Date.parse(timestamp), windowMs: durationMs(window) });
}

const UNITS: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };

/** Of a duration as Go writes it: `1m30.5s`. */
function durationMs(text: string): number {
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/([\d.]+)(ms|h|m|s)/g)) total += Number(amount) * UNITS[unit!]!;
  return total;
}
