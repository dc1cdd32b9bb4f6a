/** HorizontalPodAutoscaler: scales a workload by what is measured (upstream: `pkg/registry/autoscaling`). */
import { defineResource } from '../../machinery/resource.ts';
import type { Strategy } from '../../machinery/resource.ts';
import { autoscalerColumns } from './columns.ts';
import { defaultAutoscaler } from './defaults.ts';
import type { HorizontalPodAutoscaler, HorizontalPodAutoscalerStatus } from './types.ts';
import { validateAutoscalerSpec, validateAutoscalerStatus } from './validation.ts';

export type { HorizontalPodAutoscaler } from './types.ts';

const NO_STATUS: HorizontalPodAutoscalerStatus = { desiredReplicas: 0 };

export const autoscalerNames = {
  plural: 'horizontalpodautoscalers',
  singular: 'horizontalpodautoscaler',
  kind: 'HorizontalPodAutoscaler',
  shortNames: ['hpa'],
  categories: ['all'],
} as const;

/** Shared with the other versions, which convert to this one. */
export const autoscalerStrategy: Strategy<HorizontalPodAutoscaler> = {
  default: defaultAutoscaler,
  prepareForCreate(object) {
    object.status = { ...NO_STATUS };
  },
  prepareForUpdate(next, previous) {
    next.status = structuredClone(previous.status ?? NO_STATUS);
  },
  validate: ({ spec }) => validateAutoscalerSpec(spec, 1),
  validateUpdate: ({ spec }, previous) => validateAutoscalerSpec(spec, previous.spec?.minReplicas === 0 ? 0 : 1),
  status: { validateUpdate: validateAutoscalerStatus },
  hasGeneration: false,
};

export const horizontalPodAutoscalers = defineResource<HorizontalPodAutoscaler>({
  group: 'autoscaling',
  version: 'v2',
  scope: 'Namespaced',
  names: autoscalerNames,
  schema: 'V2HorizontalPodAutoscaler',
  subresources: { status: {} },
  additionalPrinterColumns: autoscalerColumns,
  strategy: autoscalerStrategy,
});
