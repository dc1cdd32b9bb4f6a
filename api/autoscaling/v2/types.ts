/** Wire types of HorizontalPodAutoscalers, as they travel: times are strings. */
import type { V2HorizontalPodAutoscaler, V2HorizontalPodAutoscalerSpec } from '@kubernetes/client-node';
import type { Wire, WireObject } from '../../machinery/meta.ts';

export type HorizontalPodAutoscalerSpec = Wire<V2HorizontalPodAutoscalerSpec>;

/** A decoded HorizontalPodAutoscaler: defaulting has seen to it that `spec` is there. */
export type HorizontalPodAutoscaler = Omit<WireObject<V2HorizontalPodAutoscaler>, 'spec'> & {
  spec: HorizontalPodAutoscalerSpec;
};

export type HorizontalPodAutoscalerStatus = NonNullable<HorizontalPodAutoscaler['status']>;
export type MetricSpec = NonNullable<HorizontalPodAutoscalerSpec['metrics']>[number];
export type MetricStatus = NonNullable<HorizontalPodAutoscalerStatus['currentMetrics']>[number];
export type MetricTarget = NonNullable<MetricSpec['resource']>['target'];
export type MetricValue = NonNullable<MetricStatus['resource']>['current'];
export type Behavior = NonNullable<HorizontalPodAutoscalerSpec['behavior']>;
export type ScalingRules = NonNullable<Behavior['scaleUp']>;
