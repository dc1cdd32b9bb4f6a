/** HorizontalPodAutoscaler: sets a target's replicas by what is measured (upstream: `pkg/controller/podautoscaler`). */
import { apiServices } from '../../api/apiregistration/v1/api-service.ts';
import { customResourceDefinitions } from '../../api/apiextensions/v1/custom-resource-definition.ts';
import { horizontalPodAutoscalers } from '../../api/autoscaling/v2/horizontal-pod-autoscaler.ts';
import type { HorizontalPodAutoscaler } from '../../api/autoscaling/v2/types.ts';
import { pods } from '../../api/core/v1/pod.ts';
import type { Resource } from '../../api/machinery/resource.ts';
import type { Controller } from '../../client/controller.ts';
import { defineController } from '../../client/controller.ts';
import { formatKey } from '../../client/keys.ts';
import { apiMetrics } from './api-metrics.ts';
import { evaluate, EvaluationFailure } from './evaluation.ts';
import { Memory } from './memory.ts';

/** `--horizontal-pod-autoscaler-sync-period`. What fails is tried again then, and no sooner. */
const PERIOD_MS = 15_000;

export function horizontalPodAutoscalerController(resources: readonly Resource[]): Controller {
  const memory = new Memory();
  return defineController<HorizontalPodAutoscaler>({
    name: 'horizontal-pod-autoscaler',
    for: horizontalPodAutoscalers,
    reads: [pods, customResourceDefinitions, apiServices],
    writes: [horizontalPodAutoscalers],
    // The scale of a target of any kind.
    writesAnyKind: true,
    workers: 5,
    async reconcile({ namespace, name }, context) {
      const key = formatKey({ namespace, name });
      const autoscaler = context.lister<HorizontalPodAutoscaler>(horizontalPodAutoscalers).get(namespace, name);
      if (autoscaler === undefined) {
        memory.forget(key);
        return undefined;
      }
      const nowMs = context.now();
      const dueInMs = memory.dueInMs(key, autoscaler.spec, { nowMs, periodMs: PERIOD_MS });
      if (dueInMs > 0) return { requeueAfterMs: dueInMs };
      memory.saw(key, autoscaler.spec, nowMs);
      const source = apiMetrics(context, resources);
      try {
        await evaluate({ autoscaler, key, resources, source, memory, context });
      } catch (error) {
        if (!(error instanceof EvaluationFailure)) throw error;
        context.log.debug('an autoscaler cannot act', { key, error: error.message });
      }
      return { requeueAfterMs: PERIOD_MS };
    },
  });
}
