import { describe, expect, it } from '@jest/globals';
import type { HorizontalPodAutoscaler } from '../v2/types.ts';
import { autoscalerFromV1, autoscalerV1, horizontalPodAutoscalersV1 } from './horizontal-pod-autoscaler.ts';

const scaleTargetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' };
const PREFIX = 'autoscaling.alpha.kubernetes.io/';

const full: HorizontalPodAutoscaler = {
  apiVersion: 'autoscaling/v2',
  kind: 'HorizontalPodAutoscaler',
  metadata: { name: 'web', namespace: 'default', annotations: { mine: 'x' } },
  spec: {
    maxReplicas: 5,
    minReplicas: 2,
    scaleTargetRef,
    metrics: [
      {
        type: 'Object',
        object: {
          describedObject: { kind: 'Service', name: 's' },
          metric: { name: 'hits' },
          target: { type: 'Value', value: '10' },
        },
      },
      {
        type: 'Pods',
        pods: {
          metric: { name: 'q', selector: { matchLabels: { a: 'b' } } },
          target: { type: 'AverageValue', averageValue: '5' },
        },
      },
      { type: 'External', external: { metric: { name: 'e' }, target: { type: 'AverageValue', averageValue: '7' } } },
      {
        type: 'ContainerResource',
        containerResource: { name: 'cpu', container: 'c', target: { type: 'Utilization', averageUtilization: 30 } },
      },
      { type: 'Resource', resource: { name: 'memory', target: { type: 'AverageValue', averageValue: '1Gi' } } },
      { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 60 } } },
    ],
    behavior: {
      scaleUp: {
        selectPolicy: 'Max',
        policies: [{ type: 'Pods', value: 1, periodSeconds: 15 }],
        stabilizationWindowSeconds: 0,
      },
      scaleDown: { selectPolicy: 'Min', policies: [{ type: 'Percent', value: 10, periodSeconds: 60 }] },
    },
  },
  status: {
    currentReplicas: 3,
    desiredReplicas: 4,
    currentMetrics: [
      { type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: 40, averageValue: '400m' } } },
      { type: 'Pods', pods: { metric: { name: 'q' }, current: { averageValue: '3' } } },
    ],
    conditions: [
      { type: 'AbleToScale', status: 'True', reason: 'R', message: 'm', lastTransitionTime: '2026-01-01T00:00:00Z' },
    ],
  },
};

describe('autoscaling/v1', () => {
  it('shows the processors, and the rest as annotations, and loses nothing', () => {
    const old = autoscalerV1(full);
    expect(old.spec).toEqual({ maxReplicas: 5, minReplicas: 2, scaleTargetRef, targetCPUUtilizationPercentage: 60 });
    expect(old.status).toEqual({ currentReplicas: 3, desiredReplicas: 4, currentCPUUtilizationPercentage: 40 });
    expect(Object.keys(old.metadata.annotations!).sort()).toEqual([
      `${PREFIX}behavior`,
      `${PREFIX}conditions`,
      `${PREFIX}current-metrics`,
      `${PREFIX}metrics`,
      'mine',
    ]);
    expect(JSON.parse(old.metadata.annotations![`${PREFIX}metrics`]!)[0]).toEqual({
      type: 'Object',
      object: { target: { kind: 'Service', name: 's' }, metricName: 'hits', targetValue: '10' },
    });
    expect(autoscalerFromV1(old)).toEqual(full);
  });

  it('without any target means the default one', () => {
    const old = autoscalerFromV1({ metadata: { name: 'a' }, spec: { maxReplicas: 2, scaleTargetRef } });
    expect(old.spec.metrics).toEqual([
      { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } },
    ]);
  });

  it('takes annotations that cannot be read for absent', () => {
    for (const text of [
      '',
      '{',
      'null',
      '[1]',
      '{"a":1}',
      '"x"',
      '[{"type":5}]',
      '[{"type":"Pods","pods":{"metricName":["x"]}}]',
    ]) {
      const annotations = Object.fromEntries(
        ['metrics', 'current-metrics', 'conditions'].map((name) => [PREFIX + name, text]),
      );
      const old = autoscalerFromV1({
        metadata: { name: 'a', annotations },
        spec: { maxReplicas: 2, scaleTargetRef },
        status: { currentReplicas: 0, desiredReplicas: 0 },
      });
      expect(old.spec.metrics).toHaveLength(1);
      expect(old.metadata).not.toHaveProperty('annotations');
    }
  });

  it('is held to the rules of v2, and shows its columns', () => {
    const { strategy, additionalPrinterColumns } = horizontalPodAutoscalersV1;
    const old = { metadata: { name: 'a', namespace: 'd' }, spec: { maxReplicas: 0, scaleTargetRef } };
    strategy.default!(old);
    expect(old.spec).toMatchObject({ minReplicas: 1, targetCPUUtilizationPercentage: 80 });
    expect(strategy.validate!(old)[0]).toMatchObject({ field: 'spec.maxReplicas' });
    expect(additionalPrinterColumns[1]!.cell(old, 0)).toBe('cpu: <unknown>/80%');
  });
});
