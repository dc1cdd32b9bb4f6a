import { describe, expect, it } from '@jest/globals';
import type { ReplicaSet } from '../api/apps/v1/replica-set.ts';
import type { Rollout, RolloutStatus } from '../controllers/rollout/types.ts';
import { HASH_LABEL, REVISION } from '../controllers/rollout/types.ts';
import { durationMs, promotionOf, revisionToGoTo, statusLine } from './rollout.ts';

const rollout = (status: RolloutStatus, strategy: object = { blueGreen: {} }): Rollout =>
  ({ metadata: { name: 'web', generation: 2 }, spec: { replicas: 3, strategy }, status }) as unknown as Rollout;

const set = (hash: string, revision: number): ReplicaSet =>
  ({
    metadata: { labels: { [HASH_LABEL]: hash }, annotations: { [REVISION]: String(revision) } },
  }) as unknown as ReplicaSet;

describe('nocher rollout', () => {
  it('says in a line how it is, and does not repeat what was said of an earlier spec', () => {
    const status: RolloutStatus = {
      phase: 'Paused',
      stage: 'Pause',
      revision: 4,
      availableReplicas: 3,
      message: 'waits',
    };
    expect(statusLine(rollout({ ...status, observedGeneration: 2 }))).toBe(
      'Paused  Pause  revision 4, 3 of 3 pods available  waits',
    );
    expect(statusLine(rollout({ ...status, observedGeneration: 1 }))).toBe('Progressing  waits for the controller');
  });

  it('promotes a pause of a canary, and no later one', () => {
    const status = { revision: 4, currentStepIndex: 2 };
    expect(promotionOf(rollout(status, { canary: {} }), false)).toBe('4/2');
    expect(promotionOf(rollout(status), false)).toBe('4');
    expect(promotionOf(rollout(status), true)).toBe('4/full');
  });

  it('goes back to the newest revision but the present, or the one that is named', () => {
    const sets = [set('c', 7), set('a', 5), set('b', 6)];
    const present = rollout({ currentPodHash: 'c' });
    expect(revisionToGoTo(present, sets, undefined)).toBe(sets[2]);
    expect(revisionToGoTo(present, sets, '5')).toBe(sets[1]);
    expect(() => revisionToGoTo(present, sets, '4')).toThrow('web has no revision 4');
    expect(() => revisionToGoTo(present, [sets[0]!], undefined)).toThrow('web has no earlier revision');
  });

  it('reads durations', () => {
    expect(['90s', '5m', '1h', '7', '0s'].map(durationMs)).toEqual([90_000, 300_000, 3_600_000, 7000, 0]);
    for (const text of ['', '5x', '-1s', '1.5m']) expect(() => durationMs(text)).toThrow('is not a duration');
  });
});
