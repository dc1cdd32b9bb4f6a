import { describe, expect, it } from '@jest/globals';
import { CycleState, stateKey } from './framework.ts';

describe('CycleState', () => {
  it('clone() copies what has a copier and shares the rest', () => {
    const counts = stateKey<Map<string, number>>('counts', (value) => new Map(value));
    const plan = stateKey<{ name: string }>('plan');
    const state = new CycleState();
    state.write(counts, new Map([['a', 1]]));
    state.write(plan, { name: 'p' });
    const copy = state.clone();
    copy.get(counts).set('a', 2);
    copy.write(plan, { name: 'q' });
    expect(state.get(counts)).toEqual(new Map([['a', 1]]));
    expect(copy.get(counts)).toEqual(new Map([['a', 2]]));
    expect(state.get(plan)).toEqual({ name: 'p' });
    expect(state.clone().get(plan)).toBe(state.get(plan));
  });

  it('get() insists on a value, read() does not', () => {
    const key = stateKey<number>('answer');
    const state = new CycleState();
    expect(state.read(key)).toBeUndefined();
    expect(() => state.get(key)).toThrow("no answer in the cycle's state");
    state.write(key, 0);
    expect(state.get(key)).toBe(0);
  });
});
