import { describe, expect, it } from '@jest/globals';
import { podOf } from './objects-for-tests.ts';
import { truncateNote, unscheduledPatch } from './pod-condition.ts';

const FAILURE = { reason: 'Unschedulable' as const, message: 'no room' };
const CONDITION = { type: 'PodScheduled', status: 'False', ...FAILURE, lastTransitionTime: '2026-01-01T00:00:00Z' };

describe('unscheduledPatch()', () => {
  it('adds the condition', () => {
    expect(unscheduledPatch(podOf('p'), FAILURE, '2026-01-01T00:00:00Z')).toEqual({
      metadata: { uid: 'uid-p' },
      status: { conditions: [CONDITION] },
    });
  });

  it('is nothing when the condition says so already', () => {
    const pod = podOf('p', { status: { conditions: [CONDITION] } });
    expect(unscheduledPatch(pod, FAILURE, '2026-02-02T00:00:00Z')).toBeUndefined();
  });

  it('keeps the time when only the message changes', () => {
    const pod = podOf('p', { status: { conditions: [{ type: 'Ready', status: 'False' }, CONDITION] } });
    const patch = unscheduledPatch(pod, { ...FAILURE, message: 'still no room' }, '2026-02-02T00:00:00Z');
    expect(patch).toMatchObject({ status: { conditions: [{ ...CONDITION, message: 'still no room' }] } });
  });
});

describe('truncateNote()', () => {
  it('keeps 1024 characters', () => {
    expect(truncateNote('x'.repeat(1024))).toBe('x'.repeat(1024));
    expect(truncateNote('x'.repeat(1025))).toBe(`${'x'.repeat(1020)} ...`);
  });
});
