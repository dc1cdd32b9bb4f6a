import { beforeEach, describe, expect, it } from '@jest/globals';
import { createTestClock } from '../testing.ts';
import type { TestClock } from '../testing.ts';
import { StartBackoff } from './start-backoff.ts';

const HOUR_MS = 3_600_000;

describe('StartBackoff', () => {
  let clock: TestClock;
  let backoff: StartBackoff;
  beforeEach(() => {
    clock = createTestClock();
    backoff = new StartBackoff({ clock, initialMs: 10_000, maxMs: 300_000 });
  });

  it('lets the first failure go on at once, and doubles the waits after the next ones up to the longest', async () => {
    expect(backoff.remainingMs('a', clock.now())).toBe(0);
    const waits: number[] = [];
    for (let i = 0; i < 7; i++) {
      backoff.next('a', clock.now());
      waits.push(backoff.remainingMs('a', clock.now()));
      await clock.advance(waits.at(-1)!);
      expect(backoff.remainingMs('a', clock.now() - waits.at(-1)!)).toBe(0);
    }
    expect(waits).toEqual([10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000]);
  });

  it('counts a failure from its time, and begins anew after a long run', async () => {
    backoff.next('a', clock.now());
    await clock.advance(4_000);
    expect(backoff.remainingMs('a', clock.now() - 1_000)).toBe(9_000);
    await clock.advance(601_000);
    expect(backoff.remainingMs('a', clock.now())).toBe(0);
    backoff.next('a', clock.now());
    expect(backoff.delayMs('a')).toBe(10_000);
  });

  it.each([
    ['ahead', HOUR_MS],
    ['back', -HOUR_MS],
  ])('waits as long when the wall clock jumps %s an hour', async (_, jumpMs) => {
    backoff.next('a', clock.now());
    await clock.advance(1_000);
    const failedMs = clock.now();
    expect(backoff.remainingMs('a', failedMs)).toBe(10_000);
    clock.jump(jumpMs);
    await clock.advance(3_000);
    expect(backoff.remainingMs('a', failedMs)).toBe(7_000);
    expect(backoff.remainingSinceFailureMs('a')).toBe(6_000);
  });

  it('takes a failure from before a jump, seen after it, for one since the last try', async () => {
    backoff.next('a', clock.now());
    await clock.advance(2_000);
    const failedMs = clock.now();
    clock.jump(HOUR_MS);
    expect(backoff.remainingMs('a', failedMs)).toBe(8_000);
    backoff.next('b', clock.now());
    const later = clock.now();
    clock.jump(-2 * HOUR_MS);
    expect(backoff.remainingMs('b', later)).toBe(10_000);
  });
});
