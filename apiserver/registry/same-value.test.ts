import { describe, expect, it } from '@jest/globals';
import { isSameValue } from './same-value.ts';

describe('isSameValue()', () => {
  it('takes no notice of the order of fields, at any depth', () => {
    expect(isSameValue({ a: [{ x: 1, y: { p: 1, q: 2 } }], b: 2 }, { b: 2, a: [{ y: { q: 2, p: 1 }, x: 1 }] })).toBe(
      true,
    );
  });

  it.each([
    [{ a: 1 }, { a: 2 }],
    [{ a: 1 }, { a: 1, b: 2 }],
    [{ a: 1, b: 2 }, { a: 1 }],
    [
      [1, 2],
      [2, 1],
    ],
    [[1], [1, 2]],
    [{}, []],
    [null, {}],
    ['1', 1],
    // An empty member chooses what its siblings mean, as in a NetworkPolicy's peer.
    [{ podSelector: {} }, { namespaceSelector: {} }],
    [{}, { constructor: Object }],
  ])('tells %j from %j', (a, b) => {
    expect(isSameValue(a, b)).toBe(false);
  });

  it('takes undefined members to be absent', () => {
    expect(isSameValue({ a: 1, b: undefined }, { a: 1 })).toBe(true);
  });
});
