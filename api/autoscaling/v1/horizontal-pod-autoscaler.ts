/**
 * The autoscaling/v1 view of HorizontalPodAutoscaler: one target for the processors; all else travels in annotations
 * (`pkg/apis/autoscaling/v1/conversion.go`). Annotations that cannot be read count as absent.
 */
import type { V1HorizontalPodAutoscaler } from '@kubernetes/client-node';
import type { WireObject } from '../../machinery/meta.ts';
import { defineResource } from '../../machinery/resource.ts';
import { viewColumns } from '../../machinery/older-version.ts';
import type { ObjectView } from '../../machinery/resource.ts';
import { viewStrategy } from '../../machinery/view-strategy.ts';
import { DEFAULT_METRICS, defaultAutoscaler } from '../v2/defaults.ts';
import { autoscalerNames, horizontalPodAutoscalers } from '../v2/horizontal-pod-autoscaler.ts';
import type { HorizontalPodAutoscaler, HorizontalPodAutoscalerStatus, MetricSpec } from '../v2/types.ts';
import { BEHAVIOR_FORM, CONDITIONS_FORM, METRICS_FORM, readForm } from './annotation-forms.ts';
import { metricSpecFromOld, metricStatusFromOld, oldMetricSpec, oldMetricStatus } from './metrics.ts';
import type { OldMetric } from './metrics.ts';

export type HorizontalPodAutoscalerV1 = WireObject<V1HorizontalPodAutoscaler>;

const METRICS = 'autoscaling.alpha.kubernetes.io/metrics';
const BEHAVIOR = 'autoscaling.alpha.kubernetes.io/behavior';
const CURRENT_METRICS = 'autoscaling.alpha.kubernetes.io/current-metrics';
const CONDITIONS = 'autoscaling.alpha.kubernetes.io/conditions';

const view: ObjectView<HorizontalPodAutoscalerV1> = {
  toStored: autoscalerFromV1,
  fromStored: (object) => autoscalerV1(object as HorizontalPodAutoscaler),
};

export const horizontalPodAutoscalersV1 = defineResource<HorizontalPodAutoscalerV1>({
  group: 'autoscaling',
  version: 'v1',
  scope: 'Namespaced',
  names: autoscalerNames,
  schema: 'V1HorizontalPodAutoscaler',
  storagePrefix: horizontalPodAutoscalers.storagePrefix,
  view,
  subresources: { status: {} },
  additionalPrinterColumns: viewColumns(horizontalPodAutoscalers, view),
  strategy: viewStrategy(horizontalPodAutoscalers, { view }),
});

/** The stored form. Leaves its argument alone. */
export function autoscalerFromV1(old: HorizontalPodAutoscalerV1): HorizontalPodAutoscaler {
  const { metadata, spec, status, ...rest } = structuredClone(old);
  const annotations = metadata.annotations ?? {};
  const { targetCPUUtilizationPercentage: cpu, ...common } = spec ?? { maxReplicas: 0, scaleTargetRef: {} as never };
  const others = ((readForm(annotations[METRICS], METRICS_FORM) as OldMetric[] | undefined) ?? []).map(
    metricSpecFromOld,
  );
  const metrics = [...others, ...(cpu === undefined ? [] : [cpuMetric(cpu)])];
  const behavior = readForm(annotations[BEHAVIOR], BEHAVIOR_FORM);
  const autoscaler = {
    ...rest,
    apiVersion: 'autoscaling/v2',
    metadata: withoutAnnotations(metadata),
    spec: {
      ...common,
      metrics: metrics.length > 0 ? metrics : structuredClone(DEFAULT_METRICS),
      ...(behavior === undefined ? {} : { behavior }),
    },
    ...(status === undefined ? {} : { status: statusFromV1(status, annotations) }),
  } as HorizontalPodAutoscaler;
  defaultAutoscaler(autoscaler);
  return autoscaler;
}

function statusFromV1(
  { currentCPUUtilizationPercentage: cpu, ...common }: NonNullable<HorizontalPodAutoscalerV1['status']>,
  annotations: Readonly<Record<string, string>>,
): HorizontalPodAutoscalerStatus {
  const measured = readForm(annotations[CURRENT_METRICS], METRICS_FORM) as OldMetric[] | undefined;
  const metrics = measured?.map(metricStatusFromOld);
  const conditions = readForm(annotations[CONDITIONS], CONDITIONS_FORM);
  const ofCpu =
    cpu === undefined
      ? undefined
      : [{ type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: cpu } } }];
  const currentMetrics = metrics ?? ofCpu;
  return {
    ...common,
    ...(currentMetrics === undefined ? {} : { currentMetrics }),
    ...(conditions === undefined ? {} : { conditions }),
  } as HorizontalPodAutoscalerStatus;
}

/** Shares parts with its argument, which it leaves alone. */
export function autoscalerV1(autoscaler: HorizontalPodAutoscaler): HorizontalPodAutoscalerV1 {
  const { metadata, spec, status, ...rest } = autoscaler;
  const { metrics = [], behavior: _behavior, ...common } = spec ?? {};
  const cpu = metrics.find(isCpuUtilization)?.resource?.target.averageUtilization;
  const kept = withoutAnnotations(metadata);
  const annotations = { ...kept.annotations, ...annotationsOf(autoscaler) };
  return {
    ...rest,
    apiVersion: 'autoscaling/v1',
    metadata: Object.keys(annotations).length === 0 ? kept : { ...kept, annotations },
    spec: { ...common, ...(cpu === undefined ? {} : { targetCPUUtilizationPercentage: cpu }) },
    ...(status === undefined ? {} : { status: statusV1(status) }),
  } as HorizontalPodAutoscalerV1;
}

/** What v1 has no fields for. */
function annotationsOf({ spec, status }: HorizontalPodAutoscaler): Record<string, string> {
  const annotations: Record<string, string> = {};
  const others = (spec?.metrics ?? []).filter((metric) => !isCpuUtilization(metric));
  if (others.length > 0) annotations[METRICS] = JSON.stringify(others.map(oldMetricSpec));
  if (spec?.behavior !== undefined) annotations[BEHAVIOR] = JSON.stringify(spec.behavior);
  const { currentMetrics, conditions } = status ?? {};
  if (currentMetrics?.length) annotations[CURRENT_METRICS] = JSON.stringify(currentMetrics.map(oldMetricStatus));
  if (conditions?.length) annotations[CONDITIONS] = JSON.stringify(conditions);
  return annotations;
}

function statusV1({ currentMetrics, conditions: _conditions, ...counts }: HorizontalPodAutoscalerStatus): object {
  const measured = currentMetrics?.find(({ resource }) => resource?.name === 'cpu')?.resource?.current;
  const cpu = measured?.averageUtilization;
  return { currentReplicas: 0, ...counts, ...(cpu === undefined ? {} : { currentCPUUtilizationPercentage: cpu }) };
}

function cpuMetric(averageUtilization: number): MetricSpec {
  return { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization } } };
}

function isCpuUtilization({ type, resource }: MetricSpec): boolean {
  return type === 'Resource' && resource?.name === 'cpu' && resource.target?.averageUtilization !== undefined;
}

/** Without those that stand for fields. */
function withoutAnnotations<T extends { annotations?: Record<string, string> }>(metadata: T): T {
  const { annotations, ...rest } = metadata;
  const entries = Object.entries(annotations ?? {}).filter(
    ([key]) => ![METRICS, BEHAVIOR, CURRENT_METRICS, CONDITIONS].includes(key),
  );
  return (entries.length === 0 ? rest : { ...rest, annotations: Object.fromEntries(entries) }) as T;
}
