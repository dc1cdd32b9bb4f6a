import { describe, expect, it } from '@jest/globals';
import { decodeJson, decodeYaml, findDuplicateKeys } from './json.ts';

const decode = (text: string, options = {}): unknown => decodeJson(Buffer.from(text), options);

describe('decodeJson()', () => {
  it('parses bytes, with __proto__ as an ordinary key', () => {
    const value = decode('{"a":[1,null,"é"],"__proto__":{"x":1}}') as Record<string, unknown>;
    expect(Object.keys(value)).toEqual(['a', '__proto__']);
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
  });

  it('bounds depth', () => {
    const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
    expect(() => decode(nested(512))).not.toThrow();
    expect(() => decode(nested(513))).toThrow('exceeded max depth');
    expect(() => decode(nested(1_000_000))).toThrow('exceeded max depth');
    expect(() => decode(`{"a":${nested(3)}}`, { maxDepth: 3 })).toThrow('exceeded max depth');
    expect(() => decode(`"${'['.repeat(2000)}"`)).not.toThrow();
    expect(() => decode(`[${'[],'.repeat(2000)}[]]`)).not.toThrow();
  });

  it.each([
    ['', 'unexpected end of JSON input'],
    ['{', 'unexpected end of JSON input'],
    ['{"a":1', 'unexpected end of JSON input'],
    ['{"a"}', "invalid character '}' after object key"],
    ['{"a":}', "invalid character '}' looking for beginning of value"],
    ['{"a":1 "b"}', "invalid character '\"' after object key:value pair"],
    ['{a:1}', "invalid character 'a' looking for beginning of object key string"],
    ['{"a":1,}', "invalid character '}' looking for beginning of object key string"],
    ['[1 2]', "invalid character '2' after array element"],
    ['{} x', "invalid character 'x' after top-level value"],
    ['[trux]', "invalid character 'x' in literal true (expecting 'e')"],
    ['["a\nb"]', "invalid character '\\n' in string literal"],
    ['["\\q"]', "invalid character 'q' in string escape code"],
    ['-x', "invalid character 'x' in numeric literal"],
    ['01', "invalid character '1' after top-level value"],
    ["'a'", "invalid character '\\'' looking for beginning of value"],
  ])('%j: %s', (text, message) => {
    expect(() => decode(text)).toThrow(message);
  });
});

describe('integers that a double cannot have', () => {
  it.each(['9007199254740993', '9223372036854775807', '-9223372036854775807', '12345678901234567890123'])(
    'are refused, and not changed: %s',
    (text) => {
      const problem = `the integer ${text} cannot be kept: up to 9007199254740991 all can`;
      expect(() => decode(`{"a":"x","b":[1,${text}]}`)).toThrow(problem);
      expect(() => decodeYaml(`{"a":"x","b":[1,${text}]}`)).toThrow(problem);
      expect(() => decodeYaml(`a: x\nb: ${text}\n`)).toThrow(problem);
    },
  );

  it.each([
    ['9007199254740991', 9007199254740991],
    ['-9007199254740992', -9007199254740992],
    ['100000000000000000000', 1e20],
    ['0.12345678901234568000', 0.12345678901234568],
    ['12345000000000000000e3', 1.2345e22],
    ['"9007199254740993"', '9007199254740993'],
    ['"\\"9007199254740993"', '"9007199254740993'],
  ])('are none of: %s', (text, value) => {
    expect(decode(`[1234567890123456,${text}]`)).toEqual([1234567890123456, value]);
  });
});

describe('findDuplicateKeys()', () => {
  it('names the paths, each once', () => {
    const text = '{"a":1,"spec":{"c":[{"n":1},{"n":1,"n":2,"n":3}],"x":"\\"n\\":"},"a":{}}';
    expect(findDuplicateKeys(text)).toEqual(['duplicate field "spec.c[1].n"', 'duplicate field "a"']);
  });
  it('finds keys that differ only in their escapes', () => {
    expect(findDuplicateKeys('{"a":1,"\\u0061":2}')).toEqual(['duplicate field "a"']);
  });
  it('finds none where there is none', () => {
    expect(findDuplicateKeys('{"a":{"a":{"a":[{"a":1},{"a":":"}]}},"b":"a"}')).toEqual([]);
    expect(findDuplicateKeys('{"a":1,"a"')).toEqual([]);
  });
});

describe('decodeYaml()', () => {
  it('reads what kubectl reads', () => {
    const text = `
base: &base {image: web, tag: v1}
on: yes
octal: 0644
time: 2001-12-14t21:59:43.10-05:00
date: 2002-12-14
base60: 22:30
merged:
  <<: *base
  tag: v2
1: int key
folded: >
  a
  b
---
second: document
`;
    expect(decodeYaml(text).value).toEqual({
      base: { image: 'web', tag: 'v1' },
      true: true,
      octal: 420,
      time: '2001-12-14t21:59:43.10-05:00',
      date: '2002-12-14',
      base60: '22:30',
      merged: { image: 'web', tag: 'v2' },
      1: 'int key',
      folded: 'a b\n',
    });
  });

  it('reports keys that stand twice', () => {
    expect(decodeYaml('a: 1\nb:\n  "c": 1\n  "c": 2\na: 3\n')).toEqual({
      value: { a: 3, b: { c: 2 } },
      duplicates: ['line 4: key "c" already set in map', 'line 5: key "a" already set in map'],
    });
  });

  it('has no half of a surrogate pair', () => {
    expect(decodeJson('{"\\ud800":["\\uDFFF\\ud800x","\\ud83d\\ude42","\\\\ud800","\\ud83d\\ud83d\\ude42"]}')).toEqual({
      '\ufffd': ['\ufffd\ufffdx', '🙂', '\\ud800', '\ufffd🙂'],
    });
    expect(() => decodeYaml('a: "\\ud800"')).toThrow('yaml: found invalid Unicode character escape code');
    expect(decodeYaml('a: "\\U0001F642 \\\\ud800"').value).toEqual({ a: '🙂 \\ud800' });
  });

  // Comparing each key with each other takes longer than a test may.
  it('reads an object of very many keys', () => {
    const text = Array.from({ length: 100_000 }, (_, i) => `k${i}: v\n`).join('');
    const { value, duplicates } = decodeYaml(`${text}k7: v\n`);
    expect(Object.keys(value as object)).toHaveLength(100_000);
    expect(duplicates).toEqual(['line 100001: key "k7" already set in map']);
  });

  it('refuses text that is not YAML, alias bombs and depth', () => {
    expect(() => decodeYaml('a: [1')).toThrow(/^yaml: line 1: /);
    const bomb = ['a0: &a0 [x]'];
    for (let i = 1; i < 30; i++) bomb.push(`a${i}: &a${i} [*a${i - 1}, *a${i - 1}, *a${i - 1}]`);
    expect(() => decodeYaml(bomb.join('\n'))).toThrow('excessive aliasing');
    expect(() => decodeYaml('['.repeat(600) + ']'.repeat(600))).toThrow('exceeded max depth');
    expect(() => decodeYaml('['.repeat(100_000))).toThrow();
    expect(() => decodeYaml('a: .inf')).toThrow('unsupported value');
  });
});
