import { describe, expect, it } from '@jest/globals';
import { CelError, CostLimitExceeded, type EnvironmentOptions } from './cel.ts';
import { createEnvironment } from './environment.ts';
import { schemaType } from './schema-type.ts';
import { BOOL, type CelType, DYN, INT, optionalOf, STRING } from './types.ts';

function evaluate(text: string, activation: Record<string, unknown> = {}, options: EnvironmentOptions = {}): unknown {
  const variables = Object.fromEntries(Object.keys(activation).map((name) => [name, DYN]));
  const compiled = createEnvironment({ variables, ...options }).compile(text);
  if (compiled.program === undefined) {
    throw new Error(compiled.issues.text);
  }
  return compiled.program.evaluate(activation).value;
}

function issues(text: string, options: EnvironmentOptions = {}): string {
  return createEnvironment(options).compile(text).issues?.text ?? '';
}

const SELF = schemaType(
  {
    type: 'object',
    required: ['replicas'],
    properties: {
      replicas: { type: 'integer' },
      min: { type: 'integer' },
      ratio: { type: 'number' },
      'some-name': { type: 'string' },
      namespace: { type: 'string' },
      at: { type: 'string', format: 'date-time' },
      wait: { type: 'string', format: 'duration' },
      port: { intOrString: true },
      tags: { type: 'array', listType: 'set', items: { type: 'string' } },
      ports: {
        type: 'array',
        listType: 'map',
        listMapKeys: ['name'],
        items: { type: 'object', properties: { name: { type: 'string' }, port: { type: 'integer' } } },
      },
      labels: { type: 'object', additionalProperties: { type: 'string' } },
      loose: { type: 'object', preserveUnknownFields: true },
    },
  },
  { root: true },
) as CelType;

function rule(text: string, self: unknown, oldSelf?: unknown): unknown {
  const compiled = createEnvironment({ variables: { self: SELF, oldSelf: SELF } }).compile(text, { result: BOOL });
  if (compiled.program === undefined) {
    throw new Error(compiled.issues.text);
  }
  return compiled.program.evaluate({ self, oldSelf }).value;
}

describe('evaluate()', () => {
  it.each([
    ['1 + 2 * 3', 7n],
    ['-7 / 2', -3n],
    ['-7 % 2', -1n],
    ['1u + 2u == dyn(3)', true],
    ['dyn(1) == 1.0 && 2 > 1.5', true],
    ["'a' + \"b\" + r'\\n'", 'ab\\n'],
    ['[1, 2, 3].all(x, x > 0) && [1, 2].exists(x, x == 2)', true],
    ['[1, 2, 2].exists_one(x, x == 1)', true],
    ["[1, 2, 3].filter(x, x % 2 == 1).map(x, string(x)) == ['1', '3']", true],
    ["{'a': 1}.all(k, k == 'a')", true],
    ["has({'a': 1}.a) && !has({'a': 1}.b)", true],
    ["size('日本') == 2 && b'\\xff'.size() == 1", true],
    ['1 / 0 == 1 || true', true],
    ['false && 1 / 0 == 1', false],
    ['[1, 2, 0].exists(x, 2 / x == 2)', true],
    ["timestamp('2024-02-29T12:00:00Z').getDayOfYear()", 59n],
    ["timestamp('2024-02-29T23:30:00Z').getHours('Europe/Paris')", 0n],
    ["duration('1h30m') == duration('5400s')", true],
    ["string(duration('1h0.5s'))", '3600.5s'],
    ["timestamp('2024-01-01T00:00:00Z') + duration('24h') == timestamp('2024-01-02T00:00:00Z')", true],
    ['type(1) == int && type(type(1)) == type', true],
    ["'abc'.matches('^a.c$') && matches('abc', 'b')", true],
    ['true ? 1 : 2', 1n],
    ['[1, 2, 3].map(x, x > 1, x * 10) == [20, 30]', true],
    ["'x' in {'x': 1} && 2 in [1, 2]", true],
  ])('%s', (text, expected) => {
    expect(evaluate(text)).toEqual(expected);
  });

  it.each([
    ['1 / 0', 'division by zero'],
    ['1 % 0', 'modulus by zero'],
    ['9223372036854775807 + 1', 'integer overflow'],
    ["{'a': 1}.b", 'no such key: b'],
    ['[1][1]', 'index out of bounds: 1'],
    ['dyn(1) + dyn("a")', 'no such overload'],
    ["int('x')", "type conversion error from 'string' to 'int'"],
  ])('%s fails', (text, message) => {
    expect(() => evaluate(text)).toThrow(new CelError(message));
  });

  it('adapts a plain object by its schema', () => {
    const self = {
      replicas: 3,
      ratio: 2,
      'some-name': 'x',
      namespace: 'ns',
      at: '2024-01-01T00:00:00Z',
      wait: '1h',
      port: '80%',
      labels: { a: 'b' },
      metadata: { name: 'me' },
    };
    expect(rule("self.replicas > 2 && self.ratio == 2.0 && self.some__dash__name == 'x'", self)).toBe(true);
    expect(
      rule("self.__namespace__ == 'ns' && self.at.getFullYear() == 2024 && self.wait < duration('2h')", self),
    ).toBe(true);
    expect(rule("type(self.port) == string && self.labels['a'] == 'b' && self.metadata.name == 'me'", self)).toBe(true);
    expect(rule('!has(self.min) && has(self.labels.a) && !has(self.labels.b)', self)).toBe(true);
    expect(() => rule('self.min == 1', self)).toThrow('no such key: min');
  });

  it('compares sets and list-maps without order, and merges them', () => {
    const a = {
      tags: ['x', 'y'],
      ports: [
        { name: 'a', port: 1 },
        { name: 'b', port: 2 },
      ],
    };
    const b = {
      tags: ['y', 'x'],
      ports: [
        { name: 'b', port: 2 },
        { name: 'a', port: 1 },
      ],
    };
    expect(rule('self.tags == oldSelf.tags && self.ports == oldSelf.ports', a, b)).toBe(true);
    expect(rule('size(self.tags + oldSelf.tags) == 2', a, b)).toBe(true);
  });

  it('takes null for an optional that has no value', () => {
    const { program } = createEnvironment({ variables: { self: SELF, oldSelf: optionalOf(SELF) } }).compile(
      'oldSelf.replicas.orValue(0) < self.replicas && (oldSelf.hasValue() ? oldSelf.value().replicas == 1 : true)',
    );
    expect(program?.evaluate({ self: { replicas: 3 }, oldSelf: null }).value).toBe(true);
    expect(program?.evaluate({ self: { replicas: 3 }, oldSelf: { replicas: 1 } }).value).toBe(true);
    expect(program?.evaluate({ self: { replicas: 3 }, oldSelf: { replicas: 2 } }).value).toBe(false);
  });

  it('stops at the cost limit, which nothing absorbs', () => {
    const { program } = createEnvironment({ variables: { list: DYN } }).compile('list.all(x, x > 0) || true');
    const list = Array.from({ length: 1000 }, (_, index) => index + 1);
    expect(program?.evaluate({ list }).cost).toBeGreaterThan(3000);
    expect(() => program?.evaluate({ list }, { costLimit: 100 })).toThrow(CostLimitExceeded);
  });

  it('stops at an aborted signal', () => {
    const { program } = createEnvironment({ variables: { list: DYN } }).compile('list.all(x, x > 0)');
    const list = Array.from({ length: 1000 }, () => 1);
    expect(() => program?.evaluate({ list }, { signal: AbortSignal.abort() })).toThrow('operation interrupted');
  });
});

describe('compile()', () => {
  it('words problems as cel-go does', () => {
    expect(issues('self.x > 1')).toBe(
      "ERROR: <input>:1:1: undeclared reference to 'self' (in container '')\n | self.x > 1\n | ^",
    );
    expect(issues('self.nope', { variables: { self: SELF } })).toBe(
      "ERROR: <input>:1:5: undefined field 'nope'\n | self.nope\n | ....^",
    );
    expect(issues("1 + 'a'")).toBe(
      "ERROR: <input>:1:3: found no matching overload for '_+_' applied to '(int, string)'\n | 1 + 'a'\n | ..^",
    );
    expect(issues("'a'.startsWith(1)")).toContain("overload for 'startsWith' applied to 'string.(int)'");
    expect(issues('1 && true')).toContain("expected type 'bool' but found 'int'");
    expect(issues('s.x', { variables: { s: STRING } })).toContain("type 'string' does not support field selection");
    expect(issues('i.all(x, true)', { variables: { i: INT } })).toContain(
      "expression of type 'int' cannot be range of a comprehension (must be list, map, or dynamic)",
    );
    expect(issues("[1, 'a']")).toContain("expected type 'int' but found 'string'");
    expect(issues('1 +')).toContain("Syntax error: mismatched input '<EOF>' expecting {'['");
    expect(issues("duration('x')")).toContain('invalid duration argument');
  });

  it('hides unknown fields', () => {
    expect(issues('self.loose.a', { variables: { self: SELF } })).toContain("undefined field 'a'");
  });

  it('refuses a result of another type', () => {
    const { issues: found } = createEnvironment().compile('1', { result: BOOL });
    expect(found?.list[0]?.message).toBe('must evaluate to bool but got int');
  });

  it('refuses hostile text quickly', () => {
    expect(issues('('.repeat(10_000))).toContain('expression recursion limit exceeded: 250');
    expect(issues(`1${' + 1'.repeat(20_000)}`)).toBe('ERROR: <input>:-1:0: max recursion depth exceeded');
    expect(issues(`a${'.b'.repeat(20_000)}`)).toContain('max recursion depth exceeded');
    expect(issues(' '.repeat(100_001))).toContain('expression code point size exceeds limit');
    expect(issues(`true${' || true'.repeat(5_000)}`)).toBe('');
  });
});
