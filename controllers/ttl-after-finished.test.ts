import { describe, expect, it } from '@jest/globals';
import type { Job } from '../api/batch/v1/job.ts';
import { timeLeftMs } from './ttl-after-finished.ts';

const END_MS = Date.parse('2026-01-01T00:00:00Z');
const job = (changes: object = {}): Job =>
  ({
    metadata: {},
    spec: { ttlSecondsAfterFinished: 60 },
    status: { conditions: [{ type: 'Failed', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z' }] },
    ...changes,
  }) as unknown as Job;

describe('timeLeftMs()', () => {
  it('counts from the end', () => {
    expect(timeLeftMs(job(), END_MS + 20_000)).toBe(40_000);
    expect(timeLeftMs(job(), END_MS + 60_000)).toBe(0);
    // The clock of whoever ended it was ahead.
    expect(timeLeftMs(job(), END_MS - 10_000)).toBe(70_000);
  });

  it.each([
    ['has not ended', { status: { conditions: [{ type: 'FailureTarget', status: 'True' }] } }],
    ['ended nobody knows when', { status: { conditions: [{ type: 'Complete', status: 'True' }] } }],
    ['may stay', { spec: {} }],
    ['is being deleted', { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } }],
  ])('leaves a Job that %s', (_what, changes) => {
    expect(timeLeftMs(job(changes), END_MS + 1e9)).toBeUndefined();
  });
});
