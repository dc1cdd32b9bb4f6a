import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { canaryCounts } from './canary-sizes.ts';
import { canary, check, RolloutModel } from './testing.ts';
import type { CanaryStrategy, RolloutSpec } from './types.ts';
import { ABORT, PROMOTE, RETRY } from './types.ts';

const STEPS = [{ setWeight: 20 }, { pause: {} }, { setWeight: 60 }, { pause: { seconds: 10 } }];

/** Version v1 is stable, and v2 has just been asked for. */
function updating(changes: Partial<CanaryStrategy> = {}, spec: Partial<RolloutSpec> = {}): RolloutModel {
  const strategy = canary({ steps: STEPS, ...changes });
  return new RolloutModel(strategy, { replicas: 5, ...spec }).roll('v1').settle().roll('v2');
}

describe('canaryCounts()', () => {
  it.each([
    [10, 0, 0, 10],
    [10, 1, 1, 9],
    [10, 14, 1, 9],
    [10, 15, 2, 8],
    [10, 50, 5, 5],
    [10, 99, 9, 1],
    [10, 100, 10, 0],
    [3, 50, 2, 1],
    [2, 10, 1, 1],
    [1, 50, 1, 1],
    [0, 50, 0, 0],
  ])('of %i replicas at %i %% are %i new and %i stable', (replicas, weight, canaries, stable) => {
    expect(canaryCounts(replicas, { weight, canSurge: true })).toEqual({ canary: canaries, stable });
  });

  it('has no canary of a single replica that may not be exceeded', () => {
    expect(canaryCounts(1, { weight: 50, canSurge: false })).toEqual({ canary: 0, stable: 1 });
  });

  it('has all replicas, and both versions wherever the weight says so', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 200 }), fc.integer({ min: 1, max: 99 }), (replicas, weight) => {
        const counts = canaryCounts(replicas, { weight, canSurge: false });
        expect(counts.canary + counts.stable).toBe(replicas);
        expect(Math.min(counts.canary, counts.stable)).toBeGreaterThan(0);
        const isExtreme = counts.canary === 1 || counts.stable === 1;
        if (!isExtreme) expect(Math.abs(counts.canary - (replicas * weight) / 100)).toBeLessThanOrEqual(0.5);
      }),
    );
  });
});

describe('canary', () => {
  it('takes over at once without steps', () => {
    const model = updating({ steps: [] }).settle();
    expect(model.sizes).toBe('v1=0 v2=5');
    expect(model.status).toMatchObject({ phase: 'Healthy', stableRS: 'v2' });
  });

  it('skips the steps the first time', () => {
    const model = new RolloutModel(canary({ steps: STEPS })).roll('v1').settle();
    expect(model.status).toMatchObject({ phase: 'Healthy', currentStepIndex: 4 });
  });

  it('goes step by step, waits where it is told to, and for as long', () => {
    const model = updating().settle();
    expect(model.sizes).toBe('v1=4 v2=1');
    expect(model.status).toMatchObject({ phase: 'Paused', currentStepIndex: 1, canary: { weights: { canary: 20 } } });
    model.pass(300).annotate(PROMOTE, '2/0').settle();
    expect(model.status.currentStepIndex).toBe(1);
    model.annotate(PROMOTE, '2/1').settle();
    expect(model.sizes).toBe('v1=2 v2=3');
    expect(model.status).toMatchObject({ phase: 'Paused', currentStepIndex: 3 });
    expect(model.pass(9).status.currentStepIndex).toBe(3);
    model.pass(1);
    expect(model.sizes).toBe('v1=0 v2=5');
    expect(model.status).toMatchObject({ phase: 'Healthy', currentStepIndex: 4 });
  });

  it('skips what is left of the steps when promoted in full', () => {
    const model = updating().settle().annotate(PROMOTE, '2/full').settle();
    expect(model.status).toMatchObject({ phase: 'Healthy', stableRS: 'v2' });
  });

  it('leads its Services to one version each, and the canary Service to none that is not available', () => {
    const services = { stableService: 'stable', canaryService: 'canary' };
    const model = updating(services);
    const ready = (): void => {
      for (const service of ['stable', 'canary'])
        expect(model.availableOf(model.selectors.get(service))).toBeGreaterThan(0);
    };
    model.settle(ready);
    expect(Object.fromEntries(model.selectors)).toEqual({ stable: 'v1', canary: 'v2' });
    model.annotate(PROMOTE, '2/full').settle(ready);
    expect(Object.fromEntries(model.selectors)).toEqual({ stable: 'v2', canary: 'v2' });
    expect(model.sizes).toBe('v1=0 v2=5');
  });

  it('goes back when aborted, and begins anew when tried again', () => {
    const model = updating({ canaryService: 'canary' }).settle().annotate(ABORT, '2').settle();
    expect(model.sizes).toBe('v1=5 v2=0');
    expect(model.selectors.get('canary')).toBe('v1');
    expect(model.status).toMatchObject({ phase: 'Degraded', stage: 'Aborted' });
    model.annotate(ABORT, undefined).annotate(RETRY, model.status.failure!.time).settle();
    expect(model.status).toMatchObject({ phase: 'Paused', currentStepIndex: 1 });
  });

  it('goes back when a check fails', () => {
    const model = updating({ steps: [{ setWeight: 50 }, { check: check('bad') }] });
    model.answers.set('bad', false);
    model.settle();
    expect(model.sizes).toBe('v1=5 v2=0');
    expect(model.status).toMatchObject({ phase: 'Degraded', failure: { reason: 'CheckFailed' } });
    expect(model.events).toEqual(expect.arrayContaining(['CheckFailed', 'RolloutAborted', 'RolledBack']));
  });

  it('goes back when its pods do not come up in time', () => {
    const model = updating({}, { progressDeadlineSeconds: 10 });
    model.broken.add('v2');
    model.settle().pass(11);
    expect(model.sizes).toBe('v1=5 v2=0');
    expect(model.status.failure?.reason).toBe('ProgressDeadlineExceeded');
  });

  it('begins with the first step when the template changes, or the steps do', () => {
    const model = updating().settle().annotate(PROMOTE, '2').settle();
    expect(model.status.currentStepIndex).toBe(4);
    const again = updating().settle().roll('v3').settle();
    expect(again.status).toMatchObject({ phase: 'Paused', currentStepIndex: 1 });
    expect(again.sizes).toBe('v1=4 v2=0 v3=1');
    again.rollout.spec.strategy.canary!.steps = [{ setWeight: 40 }, { pause: {} }];
    expect(again.settle().sizes).toBe('v1=3 v2=0 v3=2');
  });

  it('follows the size at any step', () => {
    const model = updating().settle();
    model.rollout.spec.replicas = 10;
    expect(model.settle().sizes).toBe('v1=8 v2=2');
  });

  it('keeps within maxSurge and maxUnavailable at every turn', () => {
    const bounds = fc.record({
      replicas: fc.integer({ min: 1, max: 12 }),
      maxSurge: fc.integer({ min: 0, max: 3 }),
      maxUnavailable: fc.integer({ min: 0, max: 3 }),
      weights: fc.array(fc.integer({ min: 0, max: 100 }), { maxLength: 4 }),
      abortAt: fc.integer({ min: 1, max: 40 }),
    });
    fc.assert(
      fc.property(bounds, ({ replicas, maxSurge, maxUnavailable, weights, abortAt }) => {
        fc.pre(maxSurge + maxUnavailable > 0);
        const steps = weights.map((setWeight) => ({ setWeight }));
        const model = new RolloutModel(canary({ steps, maxSurge, maxUnavailable }), { replicas }).roll('v1').settle();
        model.roll('v2');
        for (let turn = 0; turn < 120; turn++) {
          if (turn === abortAt) model.annotate(ABORT, '2');
          model.turn();
          // A single replica has its canary beside it.
          expect(model.total).toBeLessThanOrEqual(Math.max(replicas, 2) + maxSurge);
          model.startPods(1);
          expect(model.available).toBeGreaterThanOrEqual(replicas - maxUnavailable);
        }
        expect(['Complete', 'Aborted']).toContain(model.status.stage);
        expect(model.available).toBe(replicas);
      }),
    );
  });
});
