import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import * as rfc6902 from 'rfc6902';
import { ApiError } from '../machinery/errors.ts';
import { applyJsonPatch } from './json-patch.ts';
import { cloneJson } from './json-value.ts';

function codeOf(act: () => unknown): number {
  try {
    act();
  } catch (error) {
    if (error instanceof ApiError) return error.code;
    throw error;
  }
  return 200;
}

/**
 * One operation at a time: the oracle goes on after a failure, throws on scalars with parts, and takes any key for a
 * list's position.
 */
function succeeds(document: object, operation: rfc6902.Operation): boolean {
  const paths = 'from' in operation ? [operation.from, operation.path] : [operation.path];
  if (operation.op === 'replace' && !isThere(document, operation.path))
    return succeeds(document, { ...operation, op: 'add' });
  if (paths.some((path) => namesListByKey(document, path))) return false;
  try {
    const steps = hasSource(operation) ? inSteps(document, operation) : [cloneJson(operation)];
    return rfc6902.applyPatch(document, steps).every((error) => error === null);
  } catch {
    return false;
  }
}

type SourcedOperation = Extract<rfc6902.Operation, { op: 'move' | 'copy' }>;

const hasSource = (operation: rfc6902.Operation): operation is SourcedOperation => 'from' in operation;

/**
 * RFC 6902 §4.4 and §4.5 make `move` and `copy` end with an addition. The library does not check the target's position
 * as it does for an addition (or checks it before the removal), so that it would write past the end of a list.
 */
function inSteps(document: object, { op, from, path }: SourcedOperation): rfc6902.Operation[] {
  const found: unknown = cloneJson(rfc6902.Pointer.fromJSON(from).get(document));
  if (found === undefined && (op === 'move' || !isMember(document, from))) throw new Error('there is nothing to move');
  const value = found ?? null;
  const addition: rfc6902.Operation = { op: 'add', path, value };
  return op === 'copy' ? [addition] : [{ op: 'remove', path: from }, addition];
}

/** The library upstream sets members that are not there, and copies them as null; items it does not. */
function isThere(document: object, path: string): boolean {
  return !isMember(document, path) || rfc6902.Pointer.fromJSON(path).get(document) !== undefined;
}

function isMember(document: object, path: string): boolean {
  const parent: unknown = rfc6902.Pointer.fromJSON(path.slice(0, path.lastIndexOf('/'))).get(document);
  return typeof parent === 'object' && parent !== null && !Array.isArray(parent);
}

function namesListByKey(document: object, path: string): boolean {
  let value: unknown = document;
  for (const part of path.split('/').slice(1)) {
    if (Array.isArray(value) && !/^(\d+|-)$/.test(part)) return true;
    value = (value as Record<string, unknown> | undefined)?.[part];
  }
  return false;
}

describe('applyJsonPatch()', () => {
  const document = { a: { b: [1, 2, 3] }, 'x/y': 1, 'm~n': 2 };

  it.each([
    [
      { op: 'add', path: '/a/c', value: 4 },
      { ...document, a: { b: [1, 2, 3], c: 4 } },
    ],
    [
      { op: 'add', path: '/a/b/1', value: 9 },
      { ...document, a: { b: [1, 9, 2, 3] } },
    ],
    [
      { op: 'add', path: '/a/b/-', value: 9 },
      { ...document, a: { b: [1, 2, 3, 9] } },
    ],
    [
      { op: 'remove', path: '/a/b/-1' },
      { ...document, a: { b: [1, 2] } },
    ],
    [
      { op: 'replace', path: '/x~1y', value: null },
      { ...document, 'x/y': null },
    ],
    [{ op: 'replace', path: '', value: { z: 1 } }, { z: 1 }],
    [
      { op: 'copy', from: '/a/b', path: '/c' },
      { ...document, c: [1, 2, 3] },
    ],
    [
      { op: 'move', from: '/a/b', path: '/b' },
      { ...document, a: {}, b: [1, 2, 3] },
    ],
    [{ op: 'test', path: '/m~0n', value: 2 }, document],
    [{ op: 'test', path: '/missing', value: null }, document],
    // As evanphx/json-patch, and `kubectl patch --local` with it.
    [
      { op: 'replace', path: '/nope', value: 1 },
      { ...document, nope: 1 },
    ],
    [
      { op: 'copy', from: '/toString', path: '/c' },
      { ...document, c: null },
    ],
    [
      { op: 'add', path: 'passed over/c', value: 1 },
      { ...document, c: 1 },
    ],
    [{ op: 'replace', path: '', value: { a: 1 } }, { a: 1 }],
  ])('%j', (operation, expected) => {
    const before = JSON.stringify(document);
    expect(applyJsonPatch(document, [operation])).toEqual(expected);
    expect(JSON.stringify(document)).toBe(before);
  });

  it.each([
    { op: 'remove', path: '/nope' },
    { op: 'remove', path: '/a/b/3' },
    { op: 'remove', path: '' },
    { op: 'add', path: '/a/b/5', value: 1 },
    { op: 'add', path: '/nope/x', value: 1 },
    { op: 'replace', path: '/a/b/3', value: 1 },
    { op: 'replace', path: '/nope/x', value: 1 },
    { op: 'replace', path: '', value: 'text' },
    { op: 'replace', path: '', value: null },
    { op: 'test', path: '/a/b', value: [1, 2] },
    { op: 'test', path: '/a/b/9', value: null },
    { op: 'move', from: '/a', path: '/a/b' },
    { op: 'copy', from: '', path: '/c' },
    { op: 'copy', from: '/a/b/9', path: '/c' },
    null,
    { op: 'jump', path: '/a' },
    { path: '/a' },
    { op: 'remove', path: 5 },
  ])('does not apply %j', (operation) => {
    expect(codeOf(() => applyJsonPatch(document, [operation]))).toBe(422);
  });

  it('says what upstream says', () => {
    expect(() => applyJsonPatch({}, [{ op: 'remove', path: '/a' }])).toThrow(
      'the server rejected our request due to an error in our request',
    );
    expect(codeOf(() => applyJsonPatch({}, {}))).toBe(400);
    expect(codeOf(() => applyJsonPatch({}, ['x']))).toBe(400);
    expect(applyJsonPatch({ a: 1 }, null)).toEqual({ a: 1 });
  });

  it('moves into what takes the place of what it moved', () => {
    const list = { l: [{ n: 1 }, { n: 2 }] };
    expect(applyJsonPatch(list, [{ op: 'move', from: '/l/0', path: '/l/0/x' }])).toEqual({
      l: [{ n: 2, x: { n: 1 } }],
    });
  });

  it('bounds operations, what copies add up to, and depth', () => {
    const many = Array.from({ length: 10_001 }, () => ({ op: 'test', path: '', value: {} }));
    expect(codeOf(() => applyJsonPatch({}, many))).toBe(413);
    expect(codeOf(() => applyJsonPatch({}, many.slice(1)))).toBe(200);
    const doubling = Array.from({ length: 30 }, (_, i) => ({ op: 'copy', from: '/d', path: `/d/${i}` }));
    expect(codeOf(() => applyJsonPatch({ d: { text: 'x'.repeat(1000) } }, doubling))).toBe(422);
    const deepening = Array.from({ length: 20 }, (_, i) => ({
      op: 'copy',
      from: '/a',
      path: `/a${'/a'.repeat(2 ** i)}`,
    }));
    expect(codeOf(() => applyJsonPatch({ a: {} }, deepening))).toBe(422);
  });

  it('treats __proto__ as a key', () => {
    const result = applyJsonPatch({}, [{ op: 'add', path: '/__proto__', value: { polluted: 1 } }]) as object;
    expect(Object.keys(result)).toEqual(['__proto__']);
    expect(codeOf(() => applyJsonPatch({}, [{ op: 'add', path: '/__proto__/polluted', value: 1 }]))).toBe(422);
    expect(codeOf(() => applyJsonPatch({}, [{ op: 'add', path: '/constructor/polluted', value: 1 }]))).toBe(422);
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });

  it('gets from any document to any other with the patch that rfc6902 makes', () => {
    const key = fc.constantFrom('a', 'b', 'c~', 'd/e', '');
    const value = fc.letrec((tie) => ({
      leaf: fc.oneof(fc.integer(), fc.string(), fc.boolean(), fc.constant(null)),
      node: fc.oneof({ maxDepth: 4 }, tie('leaf'), fc.array(tie('node')), fc.dictionary(key, tie('node'))),
    })).node;
    const object = fc.dictionary(key, value);
    fc.assert(
      fc.property(object, object, (from, to) => {
        const patch = rfc6902.createPatch(from, to);
        expect(applyJsonPatch(from, patch)).toEqual(to);
      }),
    );
  });

  it('agrees with rfc6902 on random operations', () => {
    const path = fc.constantFrom('/a', '/b', '/a/0', '/a/1', '/a/-', '/b/x', '/b/y/0', '/c/z');
    const operation = fc.oneof(
      fc.record({
        op: fc.constantFrom('add', 'replace', 'test'),
        path,
        value: fc.constantFrom<unknown>(1, true, [1], { x: [2] }),
      }),
      fc.record({ op: fc.constant('remove'), path }),
      fc.record({ op: fc.constantFrom('move', 'copy'), from: path, path }),
    );
    // Where the two differ by design: what `-` means where nothing is appended.
    const isCommon = (op: { op: string; path: string; from?: string }): boolean =>
      !(op.path.endsWith('-') && op.op !== 'add') &&
      op.from?.endsWith('-') !== true &&
      !op.path.startsWith(`${op.from ?? '#'}/`);
    fc.assert(
      fc.property(fc.array(operation.filter(isCommon), { maxLength: 6 }), (patch) => {
        const document = { a: [1, 2], b: { x: 1, y: [1] } };
        const theirs = cloneJson(document);
        const failed = !patch.every((operation) => succeeds(theirs, operation as rfc6902.Operation));
        if (failed) expect(codeOf(() => applyJsonPatch(document, patch))).toBe(422);
        else expect(applyJsonPatch(document, patch)).toEqual(theirs);
      }),
      { numRuns: 500 },
    );
  });
});
