/** Equality, order, containment, indices and sizes of the standard library. */
import { indexInto } from '../access.ts';
import {
  type FunctionDeclaration,
  globalOverload,
  type Library,
  memberOverload,
  type Overload,
} from '../declarations.ts';
import { compare, equal } from '../equality.ts';
import {
  BOOL,
  BYTES,
  type CelType,
  DOUBLE,
  DURATION,
  INT,
  listOf,
  mapOf,
  parameter,
  STRING,
  TIMESTAMP,
  UINT,
} from '../types.ts';
import { keyOf, type ListValue, MapValue, type ObjectValue, sizeOf, type Value } from '../values.ts';

const A = parameter('A');
const B = parameter('B');
const LIST = listOf(A);
const MAP = mapOf(A, B);

const SUFFIXES: readonly (readonly [string, CelType, CelType])[] = [
  ['bool', BOOL, BOOL],
  ['int64', INT, INT],
  ['int64_double', INT, DOUBLE],
  ['int64_uint64', INT, UINT],
  ['uint64', UINT, UINT],
  ['uint64_double', UINT, DOUBLE],
  ['uint64_int64', UINT, INT],
  ['double', DOUBLE, DOUBLE],
  ['double_int64', DOUBLE, INT],
  ['double_uint64', DOUBLE, UINT],
  ['string', STRING, STRING],
  ['bytes', BYTES, BYTES],
  ['timestamp', TIMESTAMP, TIMESTAMP],
  ['duration', DURATION, DURATION],
];

interface Order {
  readonly name: string;
  readonly prefix: string;
  readonly holds: (order: number) => boolean;
  /** For ints, which compare most. */
  readonly ints: (a: bigint, b: bigint) => boolean;
}

const ORDERS: readonly Order[] = [
  { name: '_<_', prefix: 'less', holds: (order) => order < 0, ints: (a, b) => a < b },
  { name: '_<=_', prefix: 'less_equals', holds: (order) => order <= 0, ints: (a, b) => a <= b },
  { name: '_>_', prefix: 'greater', holds: (order) => order > 0, ints: (a, b) => a > b },
  { name: '_>=_', prefix: 'greater_equals', holds: (order) => order >= 0, ints: (a, b) => a >= b },
];

function orderFunction(order: Order): FunctionDeclaration {
  const general = (a: Value, b: Value): boolean => order.holds(compare(a, b) ?? Number.NaN);
  const overloads = SUFFIXES.map(([suffix, left, right]): Overload => {
    const call = suffix === 'int64' ? order.ints : general;
    return globalOverload(`${order.prefix}_${suffix}`, [left, right], BOOL, call as (a: never, b: never) => boolean);
  });
  return { name: order.name, overloads };
}

const CONTAINMENT: FunctionDeclaration = {
  name: '@in',
  overloads: [
    globalOverload('in_list', [A, listOf(A)], BOOL, isIn),
    globalOverload('in_map', [A, mapOf(A, B)], BOOL, isKeyOf),
  ],
};

function isIn(item: Value, list: ListValue): boolean {
  for (let index = 0; index < list.length; index++) {
    if (equal(item, list.at(index))) {
      return true;
    }
  }
  return false;
}

function isKeyOf(item: Value, map: MapValue | ObjectValue): boolean {
  const key = keyOf(item);
  if (key === undefined) {
    return false;
  }
  return map instanceof MapValue ? map.source.has(key) : typeof key === 'string' && map.source.has(key);
}

const size = (value: Value): bigint => BigInt(sizeOf(value));

function sizes(): Overload[] {
  const sized: readonly (readonly [string, CelType])[] = [
    ['string', STRING],
    ['bytes', BYTES],
    ['list', LIST],
    ['map', MAP],
  ];
  return sized.flatMap(([name, type]) => [
    globalOverload(`size_${name}`, [type], INT, size as (value: never) => bigint),
    memberOverload(`${name}_size`, [type], INT, size as (value: never) => bigint),
  ]);
}

export const COMPARISON: Library = {
  name: 'comparison',
  functions: [
    { name: '_==_', overloads: [globalOverload('equals', [A, A], BOOL, equal as (a: never, b: never) => boolean)] },
    {
      name: '_!=_',
      overloads: [globalOverload('not_equals', [A, A], BOOL, (a: Value, b: Value) => !equal(a, b))],
    },
    ...ORDERS.map(orderFunction),
    CONTAINMENT,
    { name: '@not_strictly_false', overloads: [globalOverload('not_strictly_false', [BOOL], BOOL, (a: boolean) => a)] },
    { name: '!_', overloads: [globalOverload('logical_not', [BOOL], BOOL, (a: boolean) => !a)] },
    {
      name: '_&&_',
      overloads: [globalOverload('logical_and', [BOOL, BOOL], BOOL, (a: boolean, b: boolean) => a && b)],
    },
    { name: '_||_', overloads: [globalOverload('logical_or', [BOOL, BOOL], BOOL, (a: boolean, b: boolean) => a || b)] },
    {
      name: '_?_:_',
      overloads: [globalOverload('conditional', [BOOL, A, A], A, (c: boolean, a: Value, b: Value) => (c ? a : b))],
    },
    {
      name: '_[_]',
      overloads: [
        globalOverload('index_list', [LIST, INT], A, indexInto as (a: never, b: never) => Value),
        globalOverload('index_map', [MAP, A], B, indexInto as (a: never, b: never) => Value),
      ],
    },
    { name: 'size', overloads: sizes() },
  ],
};
