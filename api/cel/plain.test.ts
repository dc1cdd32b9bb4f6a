import { describe, expect, it } from '@jest/globals';
import { CelError } from './cel.ts';
import { createEnvironment } from './environment.ts';
import { EXTENSION_LIBRARIES, KUBERNETES_LIBRARIES } from './library/kubernetes.ts';
import { lazyObject, plainOf } from './plain.ts';
import { DYN, INT, listOf, objectOf, STRING } from './types.ts';

const libraries = [...KUBERNETES_LIBRARIES, ...EXTENSION_LIBRARIES];

function plain(text: string): unknown {
  const { program, issues } = createEnvironment({ libraries, mixedLiterals: true }).compile(text);
  if (program === undefined) {
    throw new Error(issues.text);
  }
  return plainOf(program.evaluate({}).value);
}

describe('plainOf()', () => {
  it('writes values as JSON', () => {
    expect(plain("{'a': 1, 'b': [1.5, true, null, 2u], ?'c': optional.none(), 'd': optional.of('x')}")).toEqual({
      a: 1,
      b: [1.5, true, null, 2],
      d: 'x',
    });
    expect(plain("[timestamp('2024-01-01T00:00:00Z'), duration('90s'), b'hi', type(1)]")).toEqual([
      '2024-01-01T00:00:00Z',
      '90s',
      'aGk=',
      'int',
    ]);
  });

  it('refuses what JSON cannot hold', () => {
    expect(() => plain('9223372036854775807')).toThrow(CelError);
    expect(() => plain("quantity('1')")).toThrow(CelError);
  });
});

describe('lazyObject()', () => {
  it('computes a field once, when it is read', () => {
    const type = objectOf('variables', { used: INT, unused: INT });
    let reads = 0;
    const variables = lazyObject(type, {
      used: () => BigInt(++reads),
      unused: () => {
        throw new Error('read');
      },
    });
    const { program } = createEnvironment({ variables: { variables: type } }).compile(
      'variables.used == 1 && variables.used == 1 && has(variables.unused)',
    );
    expect(program?.evaluate({ variables }).value).toBe(true);
    expect(reads).toBe(1);
  });
});

describe('object types', () => {
  const spec = objectOf('Object.spec', { replicas: INT, paths: listOf(STRING), any: DYN });
  const object = objectOf('Object', { spec });

  it('are constructed, by list or by name', () => {
    const byName = (name: string) => [object, spec].find((type) => type.name === name);
    for (const environment of [
      createEnvironment({ types: [object, spec] }),
      createEnvironment({ resolveType: byName }),
    ]) {
      const { program } = environment.compile(
        "Object{spec: Object.spec{replicas: 2, any: {'x': 1}, ?paths: optional.none()}}",
      );
      expect(plainOf(program?.evaluate({}).value ?? null)).toEqual({ spec: { replicas: 2, any: { x: 1 } } });
    }
  });

  it('are checked', () => {
    const text = createEnvironment({ types: [object, spec] }).compile("Object.spec{replicas: 'x', nope: 1}").issues
      ?.text;
    expect(text).toContain("expected type of field 'replicas' is 'int' but provided type is 'string'");
    expect(text).toContain("undefined field 'nope'");
  });
});
