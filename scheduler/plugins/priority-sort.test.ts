import { describe, expect, it } from '@jest/globals';
import { podOf } from '../objects-for-tests.ts';
import { podInfoOf } from '../pod-info.ts';
import { prioritySort } from './priority-sort.ts';

const queued = (
  priority: number | undefined,
  timestampMs: number,
): Parameters<NonNullable<typeof prioritySort.less>>[0] => ({
  podInfo: podInfoOf(podOf('a', { spec: priority === undefined ? {} : { priority } })),
  timestampMs,
});

describe('PrioritySort', () => {
  it.each([
    ['the higher priority', queued(10, 5), queued(1, 1), true],
    ['not the lower priority', queued(-1, 1), queued(undefined, 5), false],
    ['the earlier of one priority', queued(1, 1), queued(1, 2), true],
    ['not the later of one priority', queued(1, 2), queued(1, 1), false],
    ['neither of two equals', queued(1, 1), queued(1, 1), false],
  ])('puts first %s', (_name, a, b, expected) => {
    expect(prioritySort.less!(a, b)).toBe(expected);
  });
});
