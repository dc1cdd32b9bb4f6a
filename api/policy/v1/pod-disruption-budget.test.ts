import { describe, expect, it } from '@jest/globals';
import { formatFieldError } from '../../machinery/field-error.ts';
import { podDisruptionBudgets } from './pod-disruption-budget.ts';
import type { PodDisruptionBudget, PodDisruptionBudgetSpec } from './pod-disruption-budget.ts';

const { strategy } = podDisruptionBudgets;
const budget = (spec: PodDisruptionBudgetSpec): PodDisruptionBudget => ({
  metadata: { name: 'web', namespace: 'default' },
  spec: { selector: { matchLabels: { app: 'web' } }, ...spec },
});

describe('validate()', () => {
  it('passes counts and percentages', () => {
    for (const spec of [
      {},
      { minAvailable: 1 },
      { maxUnavailable: '30%' },
      { unhealthyPodEvictionPolicy: 'AlwaysAllow' },
    ])
      expect(strategy.validate!(budget(spec))).toEqual([]);
  });

  it.each<[PodDisruptionBudgetSpec, string]>([
    [
      { minAvailable: 1, maxUnavailable: 1 },
      'spec: Invalid value: {"selector":{"matchLabels":{"app":"web"}},"minAvailable":1,"maxUnavailable":1}: minAvailable and maxUnavailable cannot be both set',
    ],
    [{ minAvailable: -1 }, 'spec.minAvailable: Invalid value: -1: must be greater than or equal to 0'],
    [{ maxUnavailable: '101%' }, 'spec.maxUnavailable: Invalid value: "101%": must not be greater than 100%'],
    [
      { selector: { matchExpressions: [{ key: 'a', operator: 'Odd' }] } },
      'spec.selector.matchExpressions[0].operator: Invalid value: "Odd": not a valid selector operator',
    ],
    [
      { unhealthyPodEvictionPolicy: 'Odd' },
      'spec.unhealthyPodEvictionPolicy: Unsupported value: "Odd": supported values: "AlwaysAllow", "IfHealthyBudget"',
    ],
  ])('refuses %j', (spec, message) => {
    expect(strategy.validate!(budget(spec)).map(formatFieldError)).toEqual([message]);
  });

  it('counts the status through', () => {
    const next = budget({});
    next.status = { disruptionsAllowed: -1, currentHealthy: 0, desiredHealthy: 0, expectedPods: 0 };
    expect(strategy.status!.validateUpdate!(next, budget({})).map(formatFieldError)).toEqual([
      'status.disruptionsAllowed: Invalid value: -1: must be greater than or equal to 0',
    ]);
  });
});

it('columns are those of kubectl', () => {
  const object = budget({ maxUnavailable: '30%' });
  expect(podDisruptionBudgets.additionalPrinterColumns.map(({ name, cell }) => [name, cell(object, 0)])).toEqual([
    ['Min Available', 'N/A'],
    ['Max Unavailable', '30%'],
    ['Allowed Disruptions', 0],
    ['Age', '<unknown>'],
  ]);
});
