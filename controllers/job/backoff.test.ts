import { describe, expect, it } from '@jest/globals';
import { remainingMs } from './backoff.ts';

describe('remainingMs()', () => {
  it.each([
    ['nothing without failures', 0, 0, 0],
    ['ten seconds after the first', 1, 0, 10_000],
    ['what is left of them', 1, -4_000, 6_000],
    ['nothing once they are over', 1, -11_000, 0],
    ['twice as long with each further one', 4, 0, 80_000],
    ['ten minutes at most', 40, 0, 600_000],
  ])('is %s', (_, failures, failedAfterMs, expected) => {
    const nowMs = 1_000_000_000;
    expect(remainingMs({ failures, lastFailureMs: nowMs + failedAfterMs }, nowMs)).toBe(expected);
  });
});
