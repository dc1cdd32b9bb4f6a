/**
 * Where an autoscaler's figures come from, and what they say of a target
 * (upstream: `pkg/controller/podautoscaler/metrics/{interfaces,utilization}.go`).
 */
import type { Selector } from '../../api/machinery/label-selector.ts';
import type { MetricSpec } from '../../api/autoscaling/v2/types.ts';

/** All values are in thousandths. */
export interface PodMetric {
  value: number;
  timestampMs: number;
  windowMs: number;
}

/** By the pod's name. */
export type PodMetrics = Map<string, PodMetric>;

export type DescribedObject = NonNullable<MetricSpec['object']>['describedObject'];

/** Every method rejects with upstream's words when the API does not tell. */
export interface MetricsSource {
  /** Of the pods, or of one container in each of them. */
  resourceMetrics(query: {
    resource: string;
    namespace: string;
    selector: Selector;
    container: string;
  }): Promise<PodMetrics>;
  podsMetrics(query: {
    metric: string;
    namespace: string;
    selector: Selector;
    metricSelector: Selector;
  }): Promise<PodMetrics>;
  objectMetric(query: {
    metric: string;
    namespace: string;
    object: DescribedObject;
    metricSelector: Selector;
  }): Promise<number>;
  externalMetrics(query: { metric: string; namespace: string; metricSelector: Selector }): Promise<number[]>;
}

export interface Utilization {
  /** Current over wanted. */
  ratio: number;
  /** Per cent of what the pods ask for. */
  percent: number;
  /** Per pod. */
  averageValue: number;
}

/** Pods that are not in `requests` do not count. Throws when none counts. */
export function utilizationOf(
  metrics: PodMetrics,
  requests: ReadonlyMap<string, number>,
  targetPercent: number,
): Utilization {
  let used = 0;
  let requested = 0;
  let count = 0;
  for (const [name, { value }] of metrics) {
    const request = requests.get(name);
    if (request === undefined) continue;
    used += value;
    requested += request;
    count++;
  }
  if (requested === 0) throw new Error('no metrics returned matched known pods');
  const percent = Math.trunc((used * 100) / requested);
  return { ratio: percent / targetPercent, percent, averageValue: Math.trunc(used / count) };
}

/** Of plain values; `metrics` is not empty. */
export function usageOf(metrics: PodMetrics, target: number): { ratio: number; averageValue: number } {
  let total = 0;
  for (const { value } of metrics.values()) total += value;
  const averageValue = Math.trunc(total / metrics.size);
  return { ratio: averageValue / target, averageValue };
}
