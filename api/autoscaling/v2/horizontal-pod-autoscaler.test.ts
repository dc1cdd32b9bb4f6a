import { describe, expect, it } from '@jest/globals';
import { formatFieldError } from '../../machinery/field-error.ts';
import { horizontalPodAutoscalers } from './horizontal-pod-autoscaler.ts';
import type { HorizontalPodAutoscaler, HorizontalPodAutoscalerSpec, MetricSpec } from './types.ts';

const { strategy } = horizontalPodAutoscalers;

function decoded(spec: Partial<HorizontalPodAutoscalerSpec> = {}): HorizontalPodAutoscaler {
  const scaleTargetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' };
  const autoscaler: HorizontalPodAutoscaler = {
    metadata: { name: 'web', namespace: 'default' },
    spec: { maxReplicas: 5, scaleTargetRef, ...spec },
  };
  strategy.default!(autoscaler);
  return autoscaler;
}

const errorsOf = (spec: Partial<HorizontalPodAutoscalerSpec>): string[] =>
  strategy.validate!(decoded(spec)).map(formatFieldError);
const errorsOfMetric = (metric: object): string[] => errorsOf({ metrics: [metric as MetricSpec] });

describe('default()', () => {
  it('fills in what upstream fills in', () => {
    expect(decoded().spec).toMatchObject({
      minReplicas: 1,
      metrics: [
        { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } },
      ],
    });
    expect(decoded().spec).not.toHaveProperty('behavior');
    expect(decoded({ behavior: { scaleDown: { stabilizationWindowSeconds: 60 } } }).spec.behavior).toEqual({
      scaleUp: {
        stabilizationWindowSeconds: 0,
        selectPolicy: 'Max',
        policies: [
          { type: 'Pods', value: 4, periodSeconds: 15 },
          { type: 'Percent', value: 100, periodSeconds: 15 },
        ],
      },
      scaleDown: {
        stabilizationWindowSeconds: 60,
        selectPolicy: 'Max',
        policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }],
      },
    });
  });
});

describe('validate()', () => {
  it('passes the usual one', () => {
    expect(errorsOf({})).toEqual([]);
  });

  it.each<[Partial<HorizontalPodAutoscalerSpec>, string]>([
    [{ minReplicas: 0 }, 'spec.minReplicas: Invalid value: 0: must be greater than or equal to 1'],
    [{ maxReplicas: 0 }, 'spec.maxReplicas: Invalid value: 0: must be greater than 0'],
    [{ minReplicas: 6 }, 'spec.maxReplicas: Invalid value: 5: must be greater than or equal to `minReplicas`'],
    [{ scaleTargetRef: { kind: '', name: 'a' } }, 'spec.scaleTargetRef.kind: Required value'],
    [
      { scaleTargetRef: { kind: 'a/b', name: 'a' } },
      `spec.scaleTargetRef.kind: Invalid value: "a/b": may not contain '/'`,
    ],
    [
      { behavior: { scaleUp: { selectPolicy: 'Odd' } } },
      'spec.behavior.scaleUp.selectPolicy: Unsupported value: "Odd": supported values: "Disabled", "Max", "Min"',
    ],
    [
      { behavior: { scaleUp: { stabilizationWindowSeconds: 3601 } } },
      'spec.behavior.scaleUp.stabilizationWindowSeconds: Invalid value: 3601: must be less than or equal to 3600',
    ],
    [
      { behavior: { scaleDown: { policies: [{ type: 'Odd', value: 0, periodSeconds: 1801 }] } } },
      'spec.behavior.scaleDown.policies[0].periodSeconds: Invalid value: 1801: must be less than or equal to 1800',
    ],
    [
      { behavior: { scaleDown: { tolerance: '-1' } } },
      'spec.behavior.scaleDown.tolerance: Invalid value: "-1": must be greater or equal to zero',
    ],
  ])('refuses %j', (spec, message) => {
    expect(errorsOf(spec)).toContain(message);
  });

  it('knows what every kind of metric needs', () => {
    const utilization = { type: 'Utilization', averageUtilization: 50 };
    expect(errorsOfMetric({ type: 'Resource' })).toEqual([
      'spec.metrics[0].resource: Required value: must populate information for the given metric source',
    ]);
    expect(errorsOfMetric({ type: 'Odd', resource: { name: 'cpu', target: utilization } })).toEqual([
      'spec.metrics[0].type: Unsupported value: "Odd": supported values: "ContainerResource", "External", "Object", "Pods", "Resource"',
    ]);
    expect(errorsOfMetric({ type: 'Pods', pods: { metric: { name: 'a' }, target: { type: 'AverageValue' } } })).toEqual(
      ['spec.metrics[0].pods.target.averageValue: Required value: must specify a positive target averageValue'],
    );
    expect(
      errorsOfMetric({
        type: 'Resource',
        resource: { name: '', target: { ...utilization, averageValue: '0' } },
        pods: { metric: { name: 'a' }, target: { type: 'AverageValue', averageValue: '1' } },
      }),
    ).toEqual(['spec.metrics[0].pods: Forbidden: must populate the given metric source only']);
    expect(
      errorsOfMetric({ type: 'Resource', resource: { name: '', target: { ...utilization, averageValue: '0' } } }),
    ).toEqual([
      'spec.metrics[0].resource.name: Required value: must specify a resource name',
      'spec.metrics[0].resource.target.averageValue: Invalid value: "0": must be positive',
      'spec.metrics[0].resource.target.averageValue: Forbidden: may not set both a target raw value and a target utilization',
    ]);
    expect(
      errorsOfMetric({
        type: 'ContainerResource',
        containerResource: { name: 'cpu', container: 'A', target: { type: 'Odd', averageUtilization: 0 } },
      }),
    ).toEqual([
      expect.stringContaining(
        'spec.metrics[0].containerResource.container: Invalid value: "A": a lowercase RFC 1123 label',
      ),
      'spec.metrics[0].containerResource.target.type: Invalid value: "Odd": must be either Utilization, Value, or AverageValue',
      'spec.metrics[0].containerResource.target.averageUtilization: Invalid value: 0: must be greater than 0',
    ]);
    expect(
      errorsOfMetric({ type: 'External', external: { metric: { name: 'q' }, target: { type: 'Value' } } }),
    ).toEqual([
      'spec.metrics[0].external.target.averageValue: Required value: must set either a target value for metric or a per-pod target',
    ]);
    expect(
      errorsOfMetric({
        type: 'Object',
        object: { metric: {}, describedObject: { kind: 'Service', name: 'a' }, target: { type: 'Value' } },
      }),
    ).toEqual([
      'spec.metrics[0].object.metric.name: Required value: must specify a metric name',
      'spec.metrics[0].object.target.averageValue: Required value: must set either a target value or averageValue',
    ]);
  });

  it('counts the status through', () => {
    const next = decoded();
    next.status = { desiredReplicas: -1 };
    expect(strategy.status!.validateUpdate!(next, decoded()).map(formatFieldError)).toEqual([
      'status.desiredReplicas: Invalid value: -1: must be greater than or equal to 0',
    ]);
  });
});

it('columns are those of kubectl', () => {
  const pods = { metric: { name: 'q' }, target: { type: 'AverageValue', averageValue: '10' } };
  const autoscaler = decoded({
    metrics: [
      { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 50 } } },
      { type: 'Pods', pods },
      { type: 'External', external: { metric: { name: 'q' }, target: { type: 'Value', value: '1' } } },
    ],
  });
  autoscaler.status = {
    desiredReplicas: 2,
    currentReplicas: 2,
    currentMetrics: [{ type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: 20 } } }],
  };
  expect(
    horizontalPodAutoscalers.additionalPrinterColumns.map(({ name, cell }) => [name, cell(autoscaler, 0)]),
  ).toEqual([
    ['Reference', 'Deployment/web'],
    ['Targets', 'cpu: 20%/50%, <unknown>/10 + 1 more...'],
    ['MinPods', '1'],
    ['MaxPods', 5],
    ['Replicas', 2],
    ['Age', '<unknown>'],
  ]);
});
