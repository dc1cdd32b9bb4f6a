import { describe, expect, it } from '@jest/globals';
import { FailedPodBackoff } from './failed-pods.ts';

const MINUTE_MS = 60_000;

describe('FailedPodBackoff', () => {
  it('lets the first failed pod go at once, and every next one wait twice as long, up to 15 minutes', () => {
    const backoff = new FailedPodBackoff();
    const waitsMs: number[] = [];
    let nowMs = 0;
    for (let i = 0; i < 13; i++) {
      nowMs += backoff.remainingMs('n', nowMs);
      backoff.next('n', nowMs);
      waitsMs.push(backoff.remainingMs('n', nowMs));
    }
    expect(waitsMs.slice(0, 4)).toEqual([1_000, 2_000, 4_000, 8_000]);
    expect(waitsMs.slice(-2)).toEqual([15 * MINUTE_MS, 15 * MINUTE_MS]);
  });

  it('counts each node by itself', () => {
    const backoff = new FailedPodBackoff();
    backoff.next('a', 0);
    expect(backoff.remainingMs('a', 400)).toBe(600);
    expect(backoff.remainingMs('b', 400)).toBe(0);
  });

  it('begins anew half an hour after the last failure', () => {
    const backoff = new FailedPodBackoff();
    for (let i = 0; i < 20; i++) backoff.next('n', 0);
    expect(backoff.remainingMs('n', 31 * MINUTE_MS)).toBe(0);
    backoff.next('n', 31 * MINUTE_MS);
    expect(backoff.remainingMs('n', 31 * MINUTE_MS)).toBe(1_000);
  });
});
