/** The cases are those of upstream's `replica_calculator_test.go`, `TestGroupPods`. */
import { expect, it } from '@jest/globals';
import type { Pod } from '../../api/core/v1/pod/types.ts';
import { formatTime } from '../../base/clock.ts';
import { groupPods } from './pod-groups.ts';
import { NOW_MS, TEST_TIMES } from './testing.ts';

const ago = (seconds: number): string => formatTime(NOW_MS - seconds * 1000);

interface Case {
  phase?: string;
  /** Seconds ago. */
  started?: number;
  ready?: [status: string, sinceSecondsAgo: number];
  isDeleted?: boolean;
  /** Seconds ago, and its window in seconds. */
  measured?: [number, number];
}

it.each<[string, string, Case, string]>([
  ['one that has ended, by memory', 'memory', { phase: 'Succeeded', measured: [0, 60] }, 'ready'],
  ['one without the condition', 'cpu', { started: 0, measured: [0, 60] }, 'unready'],
  ['one that never started', 'cpu', { ready: ['True', 30], measured: [0, 30] }, 'unready'],
  ['a young one, measured since it is ready', 'cpu', { started: 60, ready: ['True', 30], measured: [0, 30] }, 'ready'],
  ['a young one, measured before as well', 'cpu', { started: 60, ready: ['True', 30], measured: [0, 60] }, 'unready'],
  ['a young one that is not ready', 'cpu', { started: 60, ready: ['False', 30], measured: [0, 30] }, 'unready'],
  ['one that was never ready', 'cpu', { started: 600, ready: ['False', 594], measured: [0, 60] }, 'unready'],
  ['an old one with an old figure', 'cpu', { started: 180, ready: ['True', 180], measured: [120, 60] }, 'ready'],
  ['one that was ready once', 'cpu', { started: 600, ready: ['False', 540], measured: [0, 60] }, 'ready'],
  ['one that is not measured', 'cpu', { started: 180, ready: ['True', 180] }, 'missing'],
  ['one that waits', 'cpu', { phase: 'Pending', measured: [0, 60] }, 'unready'],
  ['one that waits, by a metric of one’s own', '', { phase: 'Pending', measured: [0, 60] }, 'unready'],
  ['one that has failed', 'cpu', { phase: 'Failed' }, 'ignored'],
  ['one that is going', 'cpu', { isDeleted: true, ready: ['True', 180], measured: [0, 60] }, 'ignored'],
])('%s, by %s', (_what, resource, { phase = 'Running', started, ready, isDeleted, measured }, group) => {
  const conditions = ready && [{ type: 'Ready', status: ready[0], lastTransitionTime: ago(ready[1]) }];
  const pod = {
    metadata: { name: 'p', ...(isDeleted === true ? { deletionTimestamp: ago(0) } : {}) },
    spec: { containers: [] },
    status: {
      phase,
      ...(started === undefined ? {} : { startTime: ago(started) }),
      ...(conditions === undefined ? {} : { conditions }),
    },
  } as Pod;
  const [measuredAgo = 0, windowSeconds = 0] = measured ?? [];
  const metric = { value: 1, timestampMs: NOW_MS - measuredAgo * 1000, windowMs: windowSeconds * 1000 };
  const metrics = new Map(measured === undefined ? [] : [['p', metric]]);
  const found = groupPods([pod], { metrics, resource, times: TEST_TIMES });
  const names = (['unready', 'missing', 'ignored'] as const).filter((name) => found[name].has('p'));
  expect([...names, ...(found.ready === 1 ? ['ready'] : [])]).toEqual([group]);
});
