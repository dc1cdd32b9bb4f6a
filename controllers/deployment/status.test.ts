import { describe, expect, it } from '@jest/globals';
import type { Deployment } from '../../api/apps/v1/deployment.ts';
import type { ReplicaSet } from '../../api/apps/v1/replica-set.ts';
import { conditionOf, isTimedOut, rolloutStatus, statusFromSets } from './status.ts';

const NOW = Date.parse('2026-01-02T03:04:05Z');
const EARLIER = '2026-01-02T03:00:00Z';
const EARLIEST = '2026-01-02T02:00:00Z';

const deployment = (status: object = {}, spec: object = {}): Deployment =>
  ({
    metadata: { name: 'web', generation: 3 },
    spec: {
      replicas: 4,
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 1 } },
      ...spec,
    },
    status,
  }) as unknown as Deployment;

const set = (name: string, status: object, conditions: object[] = []): ReplicaSet =>
  ({
    metadata: { name },
    spec: { replicas: 4 },
    status: { ...status, ...(conditions.length === 0 ? {} : { conditions }) },
  }) as unknown as ReplicaSet;

const failure = (reason: string, lastTransitionTime: string): object => ({
  type: 'ReplicaFailure',
  status: 'True',
  reason,
  message: `${reason}: no more`,
  lastTransitionTime,
});

describe('statusFromSets()', () => {
  it('counts over all sets', () => {
    const newSet = set('new', { replicas: 2, readyReplicas: 1, availableReplicas: 1, terminatingReplicas: 1 });
    const old = set('old', { replicas: 2, readyReplicas: 2, availableReplicas: 2, terminatingReplicas: 2 });
    expect(
      statusFromSets(deployment({ collisionCount: 1 }), newSet, { sets: [old, newSet], nowMs: NOW }),
    ).toMatchObject({
      observedGeneration: 3,
      replicas: 4,
      updatedReplicas: 2,
      readyReplicas: 3,
      availableReplicas: 3,
      unavailableReplicas: 5,
      terminatingReplicas: 3,
      collisionCount: 1,
      conditions: [{ type: 'Available', status: 'True', reason: 'MinimumReplicasAvailable' }],
    });
  });
});

describe('rolloutStatus(), of failures', () => {
  const about = (newSet: ReplicaSet, old: ReplicaSet, before: object = {}): unknown =>
    conditionOf(rolloutStatus(deployment(before), newSet, { sets: [old, newSet], nowMs: NOW }), 'ReplicaFailure');

  it('tells of the new set’s before any other, with the time of the set', () => {
    const newSet = set('new', {}, [failure('FailedCreate', EARLIER)]);
    const old = set('old', {}, [failure('FailedDelete', EARLIEST)]);
    expect(about(newSet, old)).toEqual({
      type: 'ReplicaFailure',
      status: 'True',
      reason: 'FailedCreate',
      message: 'FailedCreate: no more',
      lastUpdateTime: EARLIER,
      lastTransitionTime: EARLIER,
    });
    expect(about(set('new', {}), old)).toMatchObject({ reason: 'FailedDelete', lastTransitionTime: EARLIEST });
  });

  it('keeps what it said, until the reason changes or the failure goes', () => {
    const before = {
      conditions: [{ ...failure('FailedCreate', EARLIEST), lastUpdateTime: EARLIEST, message: 'first' }],
    };
    const old = set('old', {});
    expect(about(set('new', {}, [failure('FailedCreate', EARLIER)]), old, before)).toEqual(before.conditions[0]);
    expect(about(set('new', {}, [failure('FailedDelete', EARLIER)]), old, before)).toMatchObject({
      reason: 'FailedDelete',
      lastUpdateTime: EARLIER,
      lastTransitionTime: EARLIEST,
    });
    expect(about(set('new', {}), old, before)).toBeUndefined();
  });
});

describe('rolloutStatus(), of progress', () => {
  const progress = (before: object, counts: object, spec: object = {}): unknown => {
    const newSet = set('new', counts);
    const status = rolloutStatus(deployment(before, { progressDeadlineSeconds: 60, ...spec }), newSet, {
      sets: [newSet],
      nowMs: NOW,
    });
    return conditionOf(status, 'Progressing');
  };
  const progressing = (reason: string, lastUpdateTime: string): object => ({
    conditions: [{ type: 'Progressing', status: 'True', reason, lastUpdateTime, lastTransitionTime: EARLIEST }],
  });
  const all = { replicas: 4, readyReplicas: 4, availableReplicas: 4 };

  it('is complete, goes on, or has taken too long', () => {
    expect(progress(progressing('ReplicaSetUpdated', EARLIER), all)).toMatchObject({
      reason: 'NewReplicaSetAvailable',
      message: 'ReplicaSet "new" has successfully progressed.',
      lastTransitionTime: EARLIEST,
    });
    expect(progress(progressing('ReplicaSetUpdated', EARLIER), { replicas: 1 })).toMatchObject({
      reason: 'ReplicaSetUpdated',
      message: 'ReplicaSet "new" is progressing.',
      lastUpdateTime: '2026-01-02T03:04:05Z',
      lastTransitionTime: EARLIEST,
    });
    expect(progress(progressing('ReplicaSetUpdated', EARLIER), {})).toMatchObject({
      status: 'False',
      reason: 'ProgressDeadlineExceeded',
      message: 'ReplicaSet "new" has timed out progressing.',
    });
  });

  it('is not looked at where there is no deadline', () => {
    expect(
      progress(progressing('ReplicaSetUpdated', EARLIER), {}, { progressDeadlineSeconds: 2 ** 31 - 1 }),
    ).toBeUndefined();
  });

  it('does not time out once all is available', () => {
    const before = progressing('NewReplicaSetAvailable', EARLIEST);
    expect(isTimedOut(deployment({}, { progressDeadlineSeconds: 60 }), before as never, NOW)).toBe(false);
  });
});
