import { describe, expect, it } from '@jest/globals';
import { findCondition, isConditionTrue, withCondition, withoutCondition } from './conditions.ts';
import type { ConditionLike } from './conditions.ts';

const ready = { type: 'Ready', status: 'False', reason: 'Starting', lastTransitionTime: 't0' };
const other = { type: 'Other', status: 'True', lastTransitionTime: 't0' };
const list: ConditionLike[] = [ready, other];

describe('withCondition()', () => {
  it('adds a condition at the end', () => {
    expect(withCondition(undefined, { type: 'Ready', status: 'True' }, 't1')).toEqual([
      { type: 'Ready', status: 'True', lastTransitionTime: 't1' },
    ]);
  });

  it('moves the transition time only when the status changes', () => {
    const renamed = withCondition(list, { type: 'Ready', status: 'False', reason: 'Waiting' }, 't1');
    expect(renamed).toEqual([{ ...ready, reason: 'Waiting' }, other]);
    const turned = withCondition(list, { type: 'Ready', status: 'True', reason: 'Up' }, 't1');
    expect(turned).toEqual([{ ...ready, status: 'True', reason: 'Up', lastTransitionTime: 't1' }, other]);
  });

  it('gives the same list when nothing changes, and never changes the one it was given', () => {
    expect(withCondition(list, { type: 'Ready', status: 'False', reason: 'Starting' }, 't1')).toBe(list);
    expect(list).toEqual([ready, other]);
  });
});

describe('reading conditions', () => {
  it('finds, tests and drops by type', () => {
    expect(findCondition(list, 'Other')).toBe(other);
    expect([
      isConditionTrue(list, 'Other'),
      isConditionTrue(list, 'Ready'),
      isConditionTrue(undefined, 'Ready'),
    ]).toEqual([true, false, false]);
    expect(withoutCondition(list, 'Ready')).toEqual([other]);
  });
});
