/** Optional values (cel-go, cel/library.go OptionalTypes): making them, and taking their values. */
import { indexInto, indexOptional } from '../access.ts';
import type { Expr } from '../ast.ts';
import { CelError } from '../cel.ts';
import {
  globalOverload,
  type Library,
  type Macro,
  type MacroCall,
  memberOverload,
  type Overload,
} from '../declarations.ts';
import { BOOL, type CelType, INT, listOf, mapOf, optionalOf, parameter } from '../types.ts';
import { Duration, ListValue, MapValue, ObjectValue, OptionalValue, Timestamp, Uint, type Value } from '../values.ts';

const K = parameter('K');
const V = parameter('V');
const OPTIONAL = optionalOf(V);
const LIST = listOf(V);
const MAP = mapOf(K, V);

const optMap = optionalMacro('optMap', (call, body) => call.build.memberCall('of', call.build.ident('optional'), body));
const optFlatMap = optionalMacro('optFlatMap', (_call, body) => body);

/** `target.optMap(name, body)`; the target is evaluated once, and so is written once. */
function optionalMacro(name: string, result: (call: MacroCall, body: Expr) => Expr): Macro {
  return {
    name,
    member: true,
    argCount: 2,
    expand(call) {
      const { build } = call;
      const [variable, body] = call.args as [Expr, Expr];
      if (variable.kind !== 'ident') {
        return call.fail(variable, `${name}() variable name must be a simple identifier`);
      }
      const target = (): Expr => build.ident('@target');
      const bound = bind(call, { name: variable.name, value: build.memberCall('value', target()), body });
      const none = build.memberCall('none', build.ident('optional'));
      const chosen = build.call('_?_:_', build.memberCall('hasValue', target()), result(call, bound), none);
      return bind(call, { name: '@target', value: call.target as Expr, body: chosen });
    },
  };
}

/** `cel.bind`: a fold over nothing whose accumulator is the name. */
export function bind({ build }: MacroCall, binding: { name: string; value: Expr; body: Expr }): Expr {
  return build.fold({
    range: build.list(),
    variable: '#unused',
    accumulator: binding.name,
    init: binding.value,
    condition: build.literal(false),
    step: build.ident(binding.name),
    result: binding.body,
  });
}

function valueOf(optional: OptionalValue): Value {
  if (optional.value === undefined) {
    throw new CelError('optional.none() dereference');
  }
  return optional.value;
}

function isZero(value: Value): boolean {
  if (value instanceof Uint) {
    return value.value === 0n;
  }
  if (value instanceof Duration || value instanceof Timestamp) {
    return value.nanos === 0n;
  }
  if (value instanceof ListValue || value instanceof Uint8Array) {
    return value.length === 0;
  }
  if (value instanceof MapValue || value instanceof ObjectValue) {
    return value.source.size === 0;
  }
  return value === null || value === false || value === '' || value === 0n || value === 0;
}

function indexOverloads(name: string, index: (operand: never, key: never) => Value, optional: boolean): Overload[] {
  const operands: readonly (readonly [string, CelType, CelType])[] = [
    ['list', LIST, INT],
    ['map', MAP, K],
  ];
  const wrapped = operands.map(([id, operand, key]) =>
    globalOverload(`optional_${id}_${name}`, [optionalOf(operand), key], OPTIONAL, index),
  );
  const plain = operands.map(([id, operand, key]) => globalOverload(`${id}_${name}`, [operand, key], OPTIONAL, index));
  return optional ? [...plain, ...wrapped] : wrapped;
}

function unwrapAll(list: ListValue): ListValue {
  const optionals = list.toArray().filter((item) => item instanceof OptionalValue);
  return new ListValue(optionals.flatMap((item) => (item.value === undefined ? [] : [item.value])));
}

export const OPTIONAL_LIBRARY: Library = {
  name: 'optional',
  macros: [optMap, optFlatMap],
  functions: [
    {
      name: 'optional.of',
      overloads: [globalOverload('optional_of', [V], OPTIONAL, (value: Value) => new OptionalValue(value))],
    },
    { name: 'optional.none', overloads: [globalOverload('optional_none', [], OPTIONAL, () => OptionalValue.none)] },
    {
      name: 'optional.ofNonZeroValue',
      overloads: [
        globalOverload('optional_ofNonZeroValue', [V], OPTIONAL, (value: Value) =>
          isZero(value) ? OptionalValue.none : new OptionalValue(value),
        ),
      ],
    },
    {
      name: 'optional.unwrap',
      overloads: [globalOverload('optional_unwrap', [listOf(OPTIONAL)], LIST, unwrapAll)],
    },
    { name: 'unwrapOpt', overloads: [memberOverload('optional_unwrapOpt', [listOf(OPTIONAL)], LIST, unwrapAll)] },
    { name: 'value', overloads: [memberOverload('optional_value', [OPTIONAL], V, valueOf)] },
    {
      name: 'hasValue',
      overloads: [
        memberOverload(
          'optional_hasValue',
          [OPTIONAL],
          BOOL,
          (optional: OptionalValue) => optional.value !== undefined,
        ),
      ],
    },
    {
      name: 'or',
      overloads: [
        memberOverload('optional_or_optional', [OPTIONAL, OPTIONAL], OPTIONAL, (a: OptionalValue, b: OptionalValue) =>
          a.value === undefined ? b : a,
        ),
      ],
    },
    {
      name: 'orValue',
      overloads: [
        memberOverload('optional_orValue_value', [OPTIONAL, V], V, (a: OptionalValue, b: Value) => a.value ?? b),
      ],
    },
    {
      name: '_[?_]',
      overloads: indexOverloads('optindex_optional', indexOptional as (a: never, b: never) => Value, true),
    },
    { name: '_[_]', overloads: indexOverloads('index_value', indexInto as (a: never, b: never) => Value, false) },
  ],
};
