import { describe, expect, it } from '@jest/globals';
import { gatherMsFor } from './watch.ts';

describe('gatherMsFor()', () => {
  it.each([
    [1, 0],
    [100, 0],
    [101, 6],
    [500, 25],
    [1_000, 50],
    [50_000, 50],
  ])('gives %d watchers %d ms', (watchers, ms) => {
    expect(gatherMsFor(watchers)).toBe(ms);
  });
});
