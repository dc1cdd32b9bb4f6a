import { describe, expect, it } from '@jest/globals';
import { deepEqual } from './equality.ts';

describe('deepEqual()', () => {
  it.each([
    [{ a: 1 }, { a: 1, b: undefined }],
    [{ a: [] }, {}],
    [{ a: { b: null } }, {}],
    [null, undefined],
    [{ metadata: { creationTimestamp: null } }, { metadata: {} }],
    [[{ a: 1, b: [] }], [{ a: 1 }]],
  ])('%j equals %j', (a, b) => {
    expect(deepEqual(a, b)).toBe(true);
    expect(deepEqual(b, a)).toBe(true);
  });

  it.each([
    [{ a: 1 }, { a: 2 }],
    [{ a: '' }, {}],
    [{ a: 0 }, {}],
    [{ a: false }, {}],
    [
      [1, 2],
      [2, 1],
    ],
    [[{}], []],
    [{ 0: 'a' }, ['a']],
    ['1', 1],
    [{ constructor: 'x' }, {}],
  ])('%j differs from %j', (a, b) => {
    expect(deepEqual(a, b)).toBe(false);
    expect(deepEqual(b, a)).toBe(false);
  });
});
