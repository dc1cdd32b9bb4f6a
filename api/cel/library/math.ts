/** Mathematics (cel-go, ext/math.go). Kubernetes does not have it. */
import type { Expr } from '../ast.ts';
import { CelError } from '../cel.ts';
import { type FunctionDeclaration, globalOverload, type Library, type Macro, type Overload } from '../declarations.ts';
import { compare } from '../equality.ts';
import { BOOL, type CelType, DOUBLE, DYN, INT, listOf, UINT } from '../types.ts';
import type { ListValue } from '../values.ts';
import { Uint, type Value } from '../values.ts';
import { checkedInt, checkedUint } from './arithmetic.ts';

const NUMBERS: readonly (readonly [string, CelType])[] = [
  ['int', INT],
  ['double', DOUBLE],
  ['uint', UINT],
];

function isNumberLike(expr: Expr): boolean {
  if (expr.kind === 'literal') {
    return typeof expr.value === 'bigint' || typeof expr.value === 'number' || expr.value instanceof Uint;
  }
  return expr.kind !== 'list' && expr.kind !== 'map' && expr.kind !== 'struct';
}

/** `math.least(a, b, …)` and `math.greatest(…)`: any number of arguments, or one list. */
function extreme(name: 'least' | 'greatest', to: string): Macro {
  return {
    name,
    member: true,
    expand(call) {
      const { args, build, target } = call;
      if (target?.kind !== 'ident' || target.name !== 'math') {
        return undefined;
      }
      const [first] = args;
      if (first === undefined) {
        return call.fail(undefined, `math.${name}() requires at least one argument`);
      }
      const single = args.length === 1;
      if (single && first.kind === 'list' && first.elements.length > 0 && first.elements.every(isNumberLike)) {
        return build.call(to, first);
      }
      const bad = args.find((arg) => !isNumberLike(arg));
      if (bad !== undefined) {
        return call.fail(
          bad,
          `math.${name}() ${single ? 'invalid single argument value' : 'simple literal arguments must be numeric'}`,
        );
      }
      return args.length <= 2 ? build.call(to, ...args) : build.call(to, build.list(...args));
    },
  };
}

function extremeFunction(name: string, prefix: string, sign: number): FunctionDeclaration {
  const better = (a: Value, b: Value): Value => ((compare(b, a) ?? 0) * sign > 0 ? b : a);
  const ofList = (list: ListValue): Value => {
    if (list.length === 0) {
      throw new CelError(`${name}(list) argument must not be empty`);
    }
    return list.toArray().reduce(better);
  };
  const overloads: Overload[] = [];
  for (const [kind, type] of NUMBERS) {
    overloads.push(globalOverload(`${prefix}_${kind}`, [type], type, (value: Value) => value));
    for (const [other, otherType] of NUMBERS) {
      const result = kind === other ? type : DYN;
      overloads.push(globalOverload(`${prefix}_${kind}_${other}`, [type, otherType], result, better));
    }
    overloads.push(globalOverload(`${prefix}_list_${kind}`, [listOf(type)], type, ofList));
  }
  overloads.push(globalOverload(`${prefix}_list_dyn`, [listOf(DYN)], DYN, ofList));
  return { name, overloads };
}

function ofDouble(name: string, result: CelType, call: (value: number) => Value): FunctionDeclaration {
  return { name: `math.${name}`, overloads: [globalOverload(`math_${name}_double`, [DOUBLE], result, call)] };
}

function roundHalfAway(value: number): number {
  return Math.sign(value) * Math.floor(Math.abs(value) + 0.5);
}

function bitwise(name: string, ints: (a: bigint, b: bigint) => bigint): FunctionDeclaration {
  return {
    name: `math.${name}`,
    overloads: [
      globalOverload(`math_${name}_int_int`, [INT, INT], INT, (a: bigint, b: bigint) => BigInt.asIntN(64, ints(a, b))),
      globalOverload(`math_${name}_uint_uint`, [UINT, UINT], UINT, (a: Uint, b: Uint) =>
        checkedUint(BigInt.asUintN(64, ints(a.value, b.value))),
      ),
    ],
  };
}

function shift(name: string, shifted: (value: bigint, by: bigint) => bigint): FunctionDeclaration {
  const checked = (value: bigint, by: bigint): bigint => {
    if (by < 0n) {
      throw new CelError(`math.${name}() negative offset: ${by}`);
    }
    return by >= 64n ? 0n : shifted(BigInt.asUintN(64, value), by);
  };
  return {
    name: `math.${name}`,
    overloads: [
      globalOverload(`math_${name}_int_int`, [INT, INT], INT, (a: bigint, b: bigint) =>
        BigInt.asIntN(64, checked(a, b)),
      ),
      globalOverload(`math_${name}_uint_int`, [UINT, INT], UINT, (a: Uint, b: bigint) =>
        checkedUint(BigInt.asUintN(64, checked(a.value, b))),
      ),
    ],
  };
}

function perNumber(
  name: string,
  calls: { int: (a: bigint) => Value; double: (a: number) => Value; uint: (a: Uint) => Value },
): FunctionDeclaration {
  const overloads = NUMBERS.map(([kind, type]) => {
    const call = calls[kind as keyof typeof calls] as (value: never) => Value;
    return globalOverload(`math_${name}_${kind}`, [type], name === 'sqrt' ? DOUBLE : type, call);
  });
  return { name: `math.${name}`, overloads };
}

function signOf(value: number): number {
  return Number.isNaN(value) ? value : Math.sign(value);
}

export const MATH_LIBRARY: Library = {
  name: 'math',
  macros: [extreme('least', 'math.@min'), extreme('greatest', 'math.@max')],
  functions: [
    extremeFunction('math.@min', 'math_@min', -1),
    extremeFunction('math.@max', 'math_@max', 1),
    ofDouble('ceil', DOUBLE, Math.ceil),
    ofDouble('floor', DOUBLE, Math.floor),
    ofDouble('round', DOUBLE, roundHalfAway),
    ofDouble('trunc', DOUBLE, Math.trunc),
    ofDouble('isInf', BOOL, (value) => value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY),
    ofDouble('isNaN', BOOL, (value) => Number.isNaN(value)),
    ofDouble('isFinite', BOOL, (value) => Number.isFinite(value)),
    perNumber('abs', { int: (a) => checkedInt(a < 0n ? -a : a), double: Math.abs, uint: (a) => a }),
    perNumber('sign', {
      int: (a) => (a < 0n ? -1n : a > 0n ? 1n : 0n),
      double: signOf,
      uint: (a) => new Uint(a.value > 0n ? 1n : 0n),
    }),
    perNumber('sqrt', { int: (a) => Math.sqrt(Number(a)), double: Math.sqrt, uint: (a) => Math.sqrt(Number(a.value)) }),
    bitwise('bitAnd', (a, b) => a & b),
    bitwise('bitOr', (a, b) => a | b),
    bitwise('bitXor', (a, b) => a ^ b),
    {
      name: 'math.bitNot',
      overloads: [
        globalOverload('math_bitNot_int_int', [INT], INT, (a: bigint) => ~a),
        globalOverload('math_bitNot_uint_uint', [UINT], UINT, (a: Uint) => new Uint(BigInt.asUintN(64, ~a.value))),
      ],
    },
    shift('bitShiftLeft', (value, by) => value << by),
    shift('bitShiftRight', (value, by) => value >> by),
  ],
};
