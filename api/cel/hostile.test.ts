import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { CelError } from './cel.ts';
import { createEnvironment } from './environment.ts';
import { EXTENSION_LIBRARIES, KUBERNETES_LIBRARIES } from './library/kubernetes.ts';
import { DYN, INT, listOf, STRING } from './types.ts';

const environment = createEnvironment({
  variables: { any: DYN, s: STRING, list: listOf(INT) },
  libraries: [...KUBERNETES_LIBRARIES, ...EXTENSION_LIBRARIES],
});
const activation = { any: { a: [1, 'x'] }, s: 'x'.repeat(100_000), list: Array.from({ length: 10_000 }, (_, i) => i) };

/** What comes of the text: a value, an issue or a CelError; anything else is thrown. */
function outcome(text: string): string {
  const { program, issues } = environment.compile(text);
  if (program === undefined) {
    return issues.text;
  }
  program.estimateCost();
  try {
    program.evaluate(activation, { costLimit: 1_000_000 });
    return 'value';
  } catch (error) {
    if (error instanceof CelError) {
      return error.message;
    }
    throw error;
  }
}

/** Nested: the innermost is the last. */
function binds(count: number, value: (index: number) => string, body: string): string {
  let text = body;
  for (let index = count; index >= 1; index--) {
    text = `cel.bind(v${index}, ${value(index)}, ${text})`;
  }
  return `cel.bind(v0, s, ${text})`;
}

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let index = 0; index < depth; index++) {
    value = [value];
  }
  return value;
}

describe('expressions that are built to be slow', () => {
  it('end soon, with little memory', () => {
    expect(outcome(binds(40, (i) => `v${i - 1} + v${i - 1}`, 'v40.size()'))).toContain('cost limit exceeded');
    expect(outcome(binds(40, (i) => `[v${i - 1}] + [v${i - 1}]`, 'v40.size()'))).toBe('value');
    expect(outcome(`cel.bind(v0, list, ${'v0 + '.repeat(240)}v0).size()`)).toContain('list exceeds maximum length');
    expect(outcome(binds(40, (i) => `{'a': v${i - 1}, 'b': v${i - 1}}`, 'v40.size()'))).toBe('value');
    expect(outcome(`'xxxxxxxx'${".replace('', 'yyyyyyyy')".repeat(20)}`)).toContain('string exceeds maximum length');
    expect(outcome(`optional.of(1)${'.optMap(x, x + 1)'.repeat(80)}`)).toBe('value');
    expect(outcome('list.all(a, list.all(b, list.all(c, a + b + c >= 0)))')).toContain('cost limit exceeded');
    expect(outcome("s.matches('(x+x+)+y')")).toBe('value');
    expect(outcome("s.matches('(((x{0,900}){0,900}){0,900})')")).toContain('invalid matches argument');
    expect(outcome('lists.range(100000000)')).toContain('exceeds maximum allowed');
    expect(outcome("'%.999999999f'.format([1.0])")).toContain('exceeds maximum');
    expect(outcome(`[${'x,'.repeat(40_000)}1]`)).toContain('undeclared reference');
    expect(outcome(`int('${'1'.repeat(90_000)}')`)).toContain('type conversion error');
    expect(outcome(`${'!'.repeat(50_000)}true`)).toBe('value');
  });

  it('may ask whether a type is its own, and look into what is nested deeply', () => {
    expect(outcome('[].exists(x, x == type(x)) || [].exists(x, type(type(x)) == x)')).not.toBe('');
    expect(outcome('[].map(x, [].map(y, x in y && y in x))')).not.toBe('');
    const { program } = createEnvironment({ variables: { a: DYN, b: DYN } }).compile('a == b');
    expect(() => program?.evaluate({ a: nested(100_000), b: nested(100_000) })).toThrow(CelError);
  });

  it('never end in anything but a value, an issue or a CelError', () => {
    const word = fc.constantFrom(
      'any', 's', 'list', '.a', '[0]', "['x']", '(', ')', '[', ']', '{', '}', ',', ':', '?', '.', '+', '-', '*', '/', '%', '==', '<',
      '&&', '||', '!', 'in', '1', '2u', '1.5', "'x'", "b'y'", 'true', 'null', 'has(', '.all(x, ', '.map(x, ', 'x', '.size()', 'type(',
      'string(', 'int(', 'dyn(', "timestamp('2024-01-01T00:00:00Z')", "duration('1s')", '.?a', '[?0]', 'optional.of(', '.orValue(',
      '.sort()', ".matches('x')", "quantity('1')", "ip('::1')", '.transformMap(k, v, ', '.sortBy(x, ', '.flatten()', '.format(',
    ); // prettier-ignore
    fc.assert(
      fc.property(fc.array(word, { maxLength: 14 }), (words) => {
        expect(typeof outcome(words.join(' '))).toBe('string');
      }),
      { numRuns: 2_000 },
    );
  });

  it('are read whatever bytes they are of', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
        expect(typeof outcome(text)).toBe('string');
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('numbers', () => {
  it('agree with bigint arithmetic, or overflow', () => {
    const { program } = createEnvironment({ variables: { a: INT, b: INT } }).compile('[a + b, a - b, a * b]');
    const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
    fc.assert(
      fc.property(int64, int64, (a, b) => {
        const fits = [a + b, a - b, a * b].every((value) => BigInt.asIntN(64, value) === value);
        const evaluate = (): unknown => program?.evaluate({ a, b });
        if (fits) {
          expect(evaluate).not.toThrow();
        } else {
          expect(evaluate).toThrow('integer overflow');
        }
      }),
    );
  });

  it('are written so that they are read back', () => {
    const { program } = createEnvironment({ variables: { d: DYN } }).compile('double(string(double(d))) == double(d)');
    fc.assert(
      fc.property(fc.double({ noNaN: true }), (value) => {
        expect(program?.evaluate({ d: value }).value).toBe(true);
      }),
    );
  });
});
