/** What an autoscaler has when its author says nothing (`pkg/apis/autoscaling/v2/defaults.go`). */
import { tryParseQuantity } from '../../machinery/quantity.ts';
import type { Behavior, HorizontalPodAutoscaler, HorizontalPodAutoscalerSpec, MetricSpec } from './types.ts';

/** The processors of the pods at 80 % of what they ask for. */
export const DEFAULT_METRICS: readonly MetricSpec[] = [
  { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } },
];

export function defaultAutoscaler(autoscaler: HorizontalPodAutoscaler): void {
  const spec = (autoscaler.spec ??= {} as HorizontalPodAutoscalerSpec);
  spec.minReplicas ??= 1;
  if (!spec.metrics?.length) spec.metrics = structuredClone(DEFAULT_METRICS) as MetricSpec[];
  spec.metrics.forEach(canonicalizeMetric);
  if (spec.behavior) defaultBehavior(spec.behavior);
}

/** Also a direction that is not mentioned gets its rules. */
export function defaultBehavior(behavior: Behavior): void {
  behavior.scaleUp = {
    stabilizationWindowSeconds: 0,
    selectPolicy: 'Max',
    policies: [
      { type: 'Pods', value: 4, periodSeconds: 15 },
      { type: 'Percent', value: 100, periodSeconds: 15 },
    ],
    ...behavior.scaleUp,
  };
  behavior.scaleDown = {
    selectPolicy: 'Max',
    policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }],
    ...behavior.scaleDown,
  };
  for (const rules of [behavior.scaleUp, behavior.scaleDown]) {
    const tolerance = tryParseQuantity(rules.tolerance);
    if (tolerance !== undefined) rules.tolerance = tolerance.toString();
  }
}

/** Quantities in Go's form. */
function canonicalizeMetric({ resource, containerResource, pods, object, external }: MetricSpec): void {
  for (const source of [resource, containerResource, pods, object, external]) {
    for (const field of ['value', 'averageValue'] as const) {
      const quantity = tryParseQuantity(source?.target?.[field]);
      if (quantity !== undefined) source!.target[field] = quantity.toString();
    }
  }
}
