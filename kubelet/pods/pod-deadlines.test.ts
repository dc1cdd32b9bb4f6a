import { describe, expect, it } from '@jest/globals';
import { testPod } from '../testing.ts';
import { remainingActiveMs } from './pod-deadlines.ts';

describe('remainingActiveMs()', () => {
  const startMs = Date.UTC(2026, 0, 1);
  const startTime = new Date(startMs).toISOString();
  const pod = testPod({ activeDeadlineSeconds: 600 });

  it('counts from the start time to the first look by the wall clock, and from there by the monotonic one', () => {
    const since = { wallMs: startMs + 100_000, monotonicMs: 5_000 };
    expect(remainingActiveMs(pod, startTime, { since, nowMonotonicMs: 5_000 })).toBe(500_000);
    expect(remainingActiveMs(pod, startTime, { since, nowMonotonicMs: 505_000 })).toBe(0);
  });

  it('takes a start in the future, as after a clock that was set back, for now', () => {
    const since = { wallMs: startMs - 3_600_000, monotonicMs: 0 };
    expect(remainingActiveMs(pod, startTime, { since, nowMonotonicMs: 0 })).toBe(600_000);
  });

  it('knows no end without a deadline or a start', () => {
    const elapsed = { since: { wallMs: startMs, monotonicMs: 0 }, nowMonotonicMs: 0 };
    expect(remainingActiveMs(testPod(), startTime, elapsed)).toBeUndefined();
    expect(remainingActiveMs(pod, undefined, elapsed)).toBeUndefined();
  });
});
