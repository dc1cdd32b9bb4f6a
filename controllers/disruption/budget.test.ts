import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Pod } from '../../api/core/v1/pod.ts';
import type { PodDisruptionBudget } from '../../api/policy/v1/pod-disruption-budget.ts';
import { budgetStatus, countHealthy, disruptedPods, expectation, failedStatus, needsScale } from './budget.ts';
import { formatSelectorStruct } from './selector-text.ts';
import { staleAfterMs } from './stale-disruption.ts';

const NOW = Date.parse('2026-01-02T03:04:05Z');
const at = (offsetMs: number): string => new Date(NOW + offsetMs).toISOString().replace('.000', '');

const budget = (spec: object, status?: object): PodDisruptionBudget =>
  ({
    metadata: { name: 'web', namespace: 'default', generation: 2 },
    spec,
    ...(status && { status }),
  }) as unknown as PodDisruptionBudget;

const pod = (name: string, { ready = true, going = false } = {}): Pod =>
  ({
    metadata: { name, namespace: 'default', ...(going && { deletionTimestamp: at(0) }) },
    spec: { containers: [] },
    status: { phase: 'Running', conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
  }) as unknown as Pod;

describe('expectation()', () => {
  it.each([
    [{ minAvailable: 3 }, 5, 0, { expectedPods: 5, desiredHealthy: 3 }],
    [{ minAvailable: '30%' }, 5, 10, { expectedPods: 10, desiredHealthy: 3 }],
    [{ minAvailable: '28%' }, 5, 10, { expectedPods: 10, desiredHealthy: 3 }],
    [{ maxUnavailable: 1 }, 5, 10, { expectedPods: 10, desiredHealthy: 9 }],
    [{ maxUnavailable: '25%' }, 5, 10, { expectedPods: 10, desiredHealthy: 7 }],
    [{ maxUnavailable: 20 }, 5, 10, { expectedPods: 10, desiredHealthy: 0 }],
    [{ maxUnavailable: '100%' }, 5, 10, { expectedPods: 10, desiredHealthy: 0 }],
    [{}, 5, 10, { expectedPods: 0, desiredHealthy: 0 }],
  ])('of %j with %d pods of %d', (spec, pods, scale, expected) => {
    expect(expectation(budget(spec), pods, scale)).toEqual(expected);
  });

  it('asks for scales where shares or missing pods are spoken of', () => {
    expect(
      [{ minAvailable: 1 }, { minAvailable: '1%' }, { maxUnavailable: 1 }, {}].map((s) => needsScale(budget(s))),
    ).toEqual([false, true, true, false]);
  });
});

describe('disruptedPods()', () => {
  const granted = {
    disruptedPods: {
      fresh: at(-1_000),
      older: at(-60_000),
      late: at(-120_001),
      due: at(-120_000),
      going: at(0),
      gone: at(0),
    },
  };
  const pods = [pod('fresh'), pod('older'), pod('late'), pod('due'), pod('going', { going: true }), pod('other')];

  it('keeps those that have not gone yet, and tells of those that did not go in time', () => {
    const { waiting, notDeleted, recheckMs } = disruptedPods(budget({}, granted), pods, NOW);
    expect(Object.keys(waiting)).toEqual(['fresh', 'older', 'due']);
    expect(notDeleted.map(({ metadata }) => metadata.name)).toEqual(['late']);
    expect(recheckMs).toBe(NOW);
  });

  it('are not healthy while they wait', () => {
    const { waiting } = disruptedPods(budget({}, granted), pods, NOW);
    // Healthy: late, due (its time is over) and other.
    expect(countHealthy(pods, waiting, NOW)).toBe(3);
    expect(countHealthy([pod('a', { ready: false }), pod('b', { going: true })], {}, NOW)).toBe(0);
  });

  it('forgets a time that cannot be read', () => {
    const { waiting, notDeleted } = disruptedPods(budget({}, { disruptedPods: { a: 'never' } }), [pod('a')], NOW);
    expect([waiting, notDeleted.length]).toEqual([{}, 1]);
  });
});

describe('budgetStatus()', () => {
  const count = { expectedPods: 5, desiredHealthy: 3, currentHealthy: 5, disruptedPods: {} };

  it('tells what is allowed', () => {
    const status = budgetStatus(budget({}), count, NOW);
    expect(status).toEqual({
      expectedPods: 5,
      desiredHealthy: 3,
      currentHealthy: 5,
      disruptionsAllowed: 2,
      observedGeneration: 2,
      conditions: [
        {
          type: 'DisruptionAllowed',
          status: 'True',
          reason: 'SufficientPods',
          message: '',
          observedGeneration: 2,
          lastTransitionTime: at(0),
        },
      ],
    });
    // Counted again, nothing is new.
    const again = budget({}, status);
    expect(budgetStatus(again, count, NOW + 5_000)).toBe(again.status);
  });

  it('allows nothing while nothing is expected', () => {
    const { disruptionsAllowed, conditions } = budgetStatus(budget({}), { ...count, expectedPods: 0 }, NOW);
    expect([disruptionsAllowed, conditions?.[0]?.reason]).toEqual([0, 'InsufficientPods']);
  });

  it('never allows a negative number, nor more than there are healthy pods beyond those desired', () => {
    const counts = fc.record({
      expectedPods: fc.nat(20),
      desiredHealthy: fc.nat(20),
      currentHealthy: fc.nat(20),
    });
    fc.assert(
      fc.property(counts, (some) => {
        const { disruptionsAllowed = -1 } = budgetStatus(budget({}), { ...some, disruptedPods: {} }, NOW);
        expect(disruptionsAllowed).toBeGreaterThanOrEqual(0);
        if (disruptionsAllowed > 0) expect(some.currentHealthy - disruptionsAllowed).toBe(some.desiredHealthy);
      }),
    );
  });

  it('takes back what a failed count had said', () => {
    const failed = budget({}, failedStatus(budget({}, budgetStatus(budget({}), count, NOW)), 'no scale', NOW + 1_000));
    expect(failed.status).toMatchObject({
      disruptionsAllowed: 0,
      currentHealthy: 5,
      conditions: [{ status: 'False', reason: 'SyncFailed', message: 'no scale', lastTransitionTime: at(1_000) }],
    });
    const mended = budgetStatus(failed, count, NOW + 2_000);
    expect(mended).toMatchObject({
      disruptionsAllowed: 2,
      conditions: [{ status: 'True', reason: 'SufficientPods', message: '', lastTransitionTime: at(2_000) }],
    });
  });
});

describe('formatSelectorStruct()', () => {
  it('prints as Go does', () => {
    expect(formatSelectorStruct(undefined)).toBe('nil');
    expect(
      formatSelectorStruct({
        matchLabels: { b: '2', a: '1' },
        matchExpressions: [
          { key: 'c', operator: 'In', values: ['x', 'y'] },
          { key: 'd', operator: 'Exists' },
        ],
      }),
    ).toBe(
      '&LabelSelector{MatchLabels:map[string]string{a: 1,b: 2,},MatchExpressions:[]LabelSelectorRequirement{' +
        'LabelSelectorRequirement{Key:c,Operator:In,Values:[x y],},LabelSelectorRequirement{Key:d,Operator:Exists,Values:[],},},}',
    );
  });
});

describe('staleAfterMs()', () => {
  const marked = (condition: object, extra: object = {}): Pod => {
    const base = pod('a');
    const conditions = [{ type: 'DisruptionTarget', status: 'True', lastTransitionTime: at(-20_000), ...condition }];
    return { ...base, ...extra, status: { ...base.status, conditions } } as unknown as Pod;
  };

  it('gives a pod two minutes to go', () => {
    expect(staleAfterMs(marked({ reason: 'PreemptionByScheduler' }), NOW)).toBe(100_000);
    expect(staleAfterMs(marked({ lastTransitionTime: at(-200_000) }), NOW)).toBe(0);
    expect(staleAfterMs(marked({ lastTransitionTime: undefined }), NOW)).toBe(0);
  });

  it('leaves the word of the kubelet, and pods that go', () => {
    expect(staleAfterMs(pod('a'), NOW)).toBeUndefined();
    expect(staleAfterMs(marked({ status: 'False' }), NOW)).toBeUndefined();
    expect(staleAfterMs(marked({ reason: 'TerminationByKubelet' }), NOW)).toBeUndefined();
    expect(staleAfterMs(marked({}, { metadata: { name: 'a', deletionTimestamp: at(0) } }), NOW)).toBeUndefined();
  });
});
