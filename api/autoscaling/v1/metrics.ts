/**
 * Metrics as they were written before autoscaling/v2, one field for every kind of target: what the annotations of
 * autoscaling/v1 hold (`pkg/apis/autoscaling/v1/conversion.go`).
 */
import type { LabelSelector } from '../../machinery/meta.ts';
import type { MetricSpec, MetricStatus, MetricTarget, MetricValue } from '../v2/types.ts';

interface Reference {
  kind: string;
  name: string;
  apiVersion?: string;
}

interface OldResource {
  name: string;
  container?: string;
  targetAverageUtilization?: number;
  targetAverageValue?: string;
  currentAverageUtilization?: number;
  currentAverageValue?: string;
}

interface OldNamed {
  metricName: string;
  selector?: LabelSelector;
  metricSelector?: LabelSelector;
  target?: Reference;
  targetValue?: string;
  targetAverageValue?: string;
  averageValue?: string;
  currentValue?: string;
  currentAverageValue?: string;
}

/** A metric, wanted or measured, in the older form. */
export interface OldMetric {
  type: string;
  resource?: OldResource;
  containerResource?: OldResource;
  pods?: OldNamed;
  object?: OldNamed;
  external?: OldNamed;
}

export function oldMetricSpec({ type, resource, containerResource, pods, object, external }: MetricSpec): OldMetric {
  const wanted = ({ averageUtilization, averageValue }: MetricTarget): object => ({
    ...given('targetAverageUtilization', averageUtilization),
    ...given('targetAverageValue', averageValue),
  });
  return {
    type,
    ...(resource && { resource: { name: resource.name, ...wanted(resource.target) } }),
    ...(containerResource && {
      containerResource: {
        name: containerResource.name,
        container: containerResource.container,
        ...wanted(containerResource.target),
      },
    }),
    ...(pods && {
      pods: {
        metricName: pods.metric.name,
        ...given('targetAverageValue', pods.target.averageValue),
        ...given('selector', pods.metric.selector),
      },
    }),
    ...(object && {
      object: {
        target: object.describedObject,
        metricName: object.metric.name,
        targetValue: object.target.value ?? '0',
        ...given('selector', object.metric.selector),
        ...given('averageValue', object.target.averageValue),
      },
    }),
    ...(external && {
      external: {
        metricName: external.metric.name,
        ...given('metricSelector', external.metric.selector),
        ...given('targetValue', external.target.value),
        ...given('targetAverageValue', external.target.averageValue),
      },
    }),
  };
}

export function metricSpecFromOld({
  type,
  resource,
  containerResource,
  pods,
  object,
  external,
}: OldMetric): MetricSpec {
  return {
    type,
    ...(resource && { resource: { name: resource.name, target: utilizationTarget(resource) } }),
    ...(containerResource && {
      containerResource: {
        name: containerResource.name,
        container: containerResource.container ?? '',
        target: utilizationTarget(containerResource),
      },
    }),
    ...(pods && {
      pods: {
        metric: identifier(pods.metricName, pods.selector),
        target: { type: 'AverageValue', ...given('averageValue', pods.targetAverageValue) },
      },
    }),
    ...(object && {
      object: {
        describedObject: object.target ?? { kind: '', name: '' },
        metric: identifier(object.metricName, object.selector),
        target:
          object.averageValue === undefined
            ? { type: 'Value', ...given('value', object.targetValue) }
            : { type: 'AverageValue', averageValue: object.averageValue },
      },
    }),
    ...(external && {
      external: {
        metric: identifier(external.metricName, external.metricSelector),
        target:
          external.targetAverageValue === undefined
            ? { type: 'Value', ...given('value', external.targetValue) }
            : { type: 'AverageValue', averageValue: external.targetAverageValue },
      },
    }),
  };
}

export function oldMetricStatus({
  type,
  resource,
  containerResource,
  pods,
  object,
  external,
}: MetricStatus): OldMetric {
  const measured = ({ averageUtilization, averageValue }: MetricValue): object => ({
    ...given('currentAverageUtilization', averageUtilization),
    ...given('currentAverageValue', averageValue),
  });
  return {
    type,
    ...(resource && { resource: { name: resource.name, ...measured(resource.current) } }),
    ...(containerResource && {
      containerResource: {
        name: containerResource.name,
        container: containerResource.container,
        ...measured(containerResource.current),
      },
    }),
    ...(pods && {
      pods: {
        metricName: pods.metric.name,
        ...given('currentAverageValue', pods.current.averageValue),
        ...given('selector', pods.metric.selector),
      },
    }),
    ...(object && {
      object: {
        target: object.describedObject,
        metricName: object.metric.name,
        currentValue: object.current.value ?? '0',
        ...given('selector', object.metric.selector),
        ...given('averageValue', object.current.averageValue),
      },
    }),
    ...(external && {
      external: {
        metricName: external.metric.name,
        ...given('metricSelector', external.metric.selector),
        currentValue: external.current.value ?? '0',
        ...given('currentAverageValue', external.current.averageValue),
      },
    }),
  };
}

export function metricStatusFromOld({
  type,
  resource,
  containerResource,
  pods,
  object,
  external,
}: OldMetric): MetricStatus {
  const measured = ({ currentAverageUtilization, currentAverageValue }: OldResource): MetricValue => ({
    ...given('averageUtilization', currentAverageUtilization),
    ...given('averageValue', currentAverageValue),
  });
  return {
    type,
    ...(resource && { resource: { name: resource.name, current: measured(resource) } }),
    ...(containerResource && {
      containerResource: {
        name: containerResource.name,
        container: containerResource.container ?? '',
        current: measured(containerResource),
      },
    }),
    ...(pods && {
      pods: {
        metric: identifier(pods.metricName, pods.selector),
        current: { ...given('averageValue', pods.currentAverageValue) },
      },
    }),
    ...(object && {
      object: {
        describedObject: object.target ?? { kind: '', name: '' },
        metric: identifier(object.metricName, object.selector),
        current: { ...given('value', object.currentValue), ...given('averageValue', object.averageValue) },
      },
    }),
    ...(external && {
      external: {
        metric: identifier(external.metricName, external.metricSelector),
        current: { ...given('value', external.currentValue), ...given('averageValue', external.currentAverageValue) },
      },
    }),
  };
}

function utilizationTarget({ targetAverageUtilization, targetAverageValue }: OldResource): MetricTarget {
  return {
    type: targetAverageUtilization === undefined ? 'AverageValue' : 'Utilization',
    ...given('averageUtilization', targetAverageUtilization),
    ...given('averageValue', targetAverageValue),
  };
}

function identifier(name: string, selector: LabelSelector | undefined): { name: string; selector?: LabelSelector } {
  return { name, ...given('selector', selector) };
}

/** `{ [key]: value }`, or nothing where there is no value. */
function given<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return (value === undefined ? {} : { [key]: value }) as { [P in K]?: V };
}
