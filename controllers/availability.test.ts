import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Pod } from '../api/core/v1/pod.ts';
import { requeueForAvailability } from './availability.ts';
import { isPodAvailable } from './pods.ts';

const BASE_MS = Date.parse('2026-01-02T03:04:05Z');

const podReadyAt = (readyMs: number, status = 'True'): Pod =>
  ({
    metadata: { name: 'p' },
    status: { conditions: [{ type: 'Ready', status, lastTransitionTime: new Date(readyMs).toISOString() }] },
  }) as Pod;

describe('requeueForAvailability()', () => {
  it('comes back when the next pod has been ready for long enough, and not before', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: -30_000, max: 0 }), { maxLength: 5 }),
        fc.integer({ min: 0, max: 20 }),
        (ages, minReadySeconds) => {
          const pods = ages.map((ageMs) => podReadyAt(BASE_MS + ageMs));
          const missing = pods.filter((pod) => !isPodAvailable(pod, minReadySeconds, BASE_MS));
          const next = requeueForAvailability(pods, { minReadySeconds, nowMs: BASE_MS });
          expect(next === undefined).toBe(missing.length === 0);
          if (next === undefined) return;
          const atMs = BASE_MS + next.requeueAfterMs;
          expect(missing.some((pod) => isPodAvailable(pod, minReadySeconds, atMs))).toBe(true);
          // Within the shortest wait that there is.
          expect(missing.some((pod) => isPodAvailable(pod, minReadySeconds, atMs - 101))).toBe(false);
        },
      ),
    );
  });

  it('does not wait for pods that are not ready, or do not say since when', () => {
    const unready = podReadyAt(BASE_MS, 'False');
    const silent = { metadata: {}, status: { conditions: [{ type: 'Ready', status: 'True' }] } } as unknown as Pod;
    expect(requeueForAvailability([unready, silent], { minReadySeconds: 5, nowMs: BASE_MS })).toBeUndefined();
  });
});
