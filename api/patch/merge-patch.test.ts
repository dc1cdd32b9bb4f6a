import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { applyMergePatch } from './merge-patch.ts';

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

describe('applyMergePatch()', () => {
  // The cases of RFC 7386, appendix A.
  it.each([
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [
      ['a', 'b'],
      ['c', 'd'],
      ['c', 'd'],
    ],
    [{ a: 'b' }, ['c'], ['c']],
    [{ a: 'foo' }, null, null],
    [{ a: 'foo' }, 'bar', 'bar'],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: 'b', c: null }, { a: 'b' }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ])('%j + %j', (document, patch, expected) => {
    const before = JSON.stringify([document, patch]);
    expect(applyMergePatch(document, patch)).toEqual(expected);
    expect(JSON.stringify([document, patch])).toBe(before);
  });

  // As evanphx/json-patch, and `kubectl patch --local` with it.
  it('drops the nulls of objects in lists, but where an object was', () => {
    const list = [{ a: null, b: [{ c: null }, null] }];
    expect(applyMergePatch({ l: [] }, { l: list })).toEqual({ l: [{ b: [{}, null] }] });
    expect(applyMergePatch({}, { l: list })).toEqual({ l: [{ b: [{}, null] }] });
    expect(applyMergePatch({ l: {} }, { l: list })).toEqual({ l: list });
  });

  it('is RFC 7386 for documents without lists', () => {
    const reference = (target: unknown, patch: unknown): unknown => {
      if (!isMap(patch)) return patch;
      const result = isMap(target) ? { ...target } : {};
      for (const [name, value] of Object.entries(patch)) {
        if (value === null) delete result[name];
        else result[name] = reference(result[name], value);
      }
      return result;
    };
    const value = fc.letrec((tie) => ({
      leaf: fc.oneof(fc.integer(), fc.string(), fc.boolean(), fc.constant(null)),
      node: fc.oneof({ maxDepth: 4 }, tie('leaf'), fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('node'))),
    })).node;
    fc.assert(
      fc.property(value, value, (target, patch) => {
        const isDocument = isMap(patch) || patch === null || typeof patch !== 'object';
        if (isDocument) expect(applyMergePatch(target, patch)).toEqual(reference(target, patch));
      }),
    );
  });

  it('treats __proto__ as a key', () => {
    const result = applyMergePatch(
      {},
      JSON.parse('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}'),
    );
    expect(JSON.stringify(result)).toBe('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}');
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });
});
