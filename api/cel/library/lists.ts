/**
 * Lists: the library of Kubernetes (`k8s.io/apiserver/pkg/cel/library/lists.go`), and cel-go's, version 3
 * (ext/lists.go).
 */
import type { Expr } from '../ast.ts';
import { CelError } from '../cel.ts';
import { type FunctionDeclaration, globalOverload, type Library, type Macro, memberOverload } from '../declarations.ts';
import { compare, equal } from '../equality.ts';
import { foldOver, listFold, variablesOf } from '../macros.ts';
import {
  BOOL,
  BYTES,
  type CelType,
  DOUBLE,
  DURATION,
  DYN,
  INT,
  listOf,
  parameter,
  STRING,
  TIMESTAMP,
  UINT,
} from '../types.ts';
import { Duration, ListValue, typeNameOf, Uint, type Value } from '../values.ts';
import { makeDuration } from '../time.ts';
import { checkedInt, checkedUint } from './arithmetic.ts';
import { bind } from './optionals.ts';

const T = parameter('T');
const LIST = listOf(T);

const COMPARABLE: readonly (readonly [string, CelType])[] = [
  ['int', INT],
  ['uint', UINT],
  ['double', DOUBLE],
  ['bool', BOOL],
  ['duration', DURATION],
  ['timestamp', TIMESTAMP],
  ['string', STRING],
  ['bytes', BYTES],
];

const SUMMABLE: readonly (readonly [string, CelType, Value])[] = [
  ['int', INT, 0n],
  ['uint', UINT, new Uint(0n)],
  ['double', DOUBLE, 0],
  ['duration', DURATION, new Duration(0n)],
];

function perComparable(
  name: string,
  result: (type: CelType) => CelType,
  call: (list: ListValue) => Value,
): FunctionDeclaration {
  const overloads = COMPARABLE.map(([kind, type]) => {
    const id = name === 'isSorted' ? `list_${kind}_is_sorted_bool` : `list_${kind}_${name}_${kind}`;
    return memberOverload(id, [listOf(type)], result(type), call);
  });
  return { name, overloads };
}

function order(a: Value, b: Value): number {
  const result = compare(a, b);
  if (result === undefined) {
    throw new CelError('no such overload');
  }
  return result;
}

function isSorted(list: ListValue): boolean {
  for (let index = 1; index < list.length; index++) {
    if (order(list.at(index - 1), list.at(index)) > 0) {
      return false;
    }
  }
  return true;
}

function extreme(name: 'min' | 'max'): (list: ListValue) => Value {
  const sign = name === 'min' ? -1 : 1;
  return (list) => {
    if (list.length === 0) {
      throw new CelError(`${name} called on empty list`);
    }
    return list.toArray().reduce((best, item) => (order(item, best) * sign > 0 ? item : best));
  };
}

function add(a: Value, b: Value): Value {
  if (typeof a === 'bigint' && typeof b === 'bigint') {
    return checkedInt(a + b);
  }
  if (typeof a === 'number' && typeof b === 'number') {
    return a + b;
  }
  if (a instanceof Uint && b instanceof Uint) {
    return checkedUint(a.value + b.value);
  }
  if (a instanceof Duration && b instanceof Duration) {
    return makeDuration(a.nanos + b.nanos);
  }
  throw new CelError('no such overload');
}

function indexOf(list: ListValue, item: Value): bigint {
  return BigInt(list.toArray().findIndex((other) => equal(other, item)));
}

function lastIndexOf(list: ListValue, item: Value): bigint {
  return BigInt(list.toArray().findLastIndex((other) => equal(other, item)));
}

export const KUBERNETES_LIST_LIBRARY: Library = {
  name: 'kubernetes lists',
  functions: [
    perComparable('isSorted', () => BOOL, isSorted),
    perComparable('min', (type) => type, extreme('min')),
    perComparable('max', (type) => type, extreme('max')),
    {
      name: 'sum',
      overloads: SUMMABLE.map(([kind, type, zero]) =>
        memberOverload(`list_${kind}_sum_${kind}`, [listOf(type)], type, (list: ListValue) =>
          list.toArray().reduce(add, zero),
        ),
      ),
    },
    { name: 'indexOf', overloads: [memberOverload('list_a_index_of_int', [LIST, T], INT, indexOf)] },
    { name: 'lastIndexOf', overloads: [memberOverload('list_a_last_index_of_int', [LIST, T], INT, lastIndexOf)] },
  ],
};

function slice(list: ListValue, start: bigint, end: bigint): ListValue {
  const range = `cannot slice(${start}, ${end})`;
  if (start < 0n || end < 0n) {
    throw new CelError(`${range}, negative indexes not supported`);
  }
  if (start > end) {
    throw new CelError(`${range}, start index must be less than or equal to end index`);
  }
  if (BigInt(list.length) < end) {
    throw new CelError(`${range}, list is length ${list.length}`);
  }
  return new ListValue(list.toArray().slice(Number(start), Number(end)));
}

function flatten(list: ListValue, depth = 1n): ListValue {
  if (depth < 0n) {
    throw new CelError('level must be non-negative');
  }
  const flat = (items: ListValue, left: bigint): Value[] =>
    items.toArray().flatMap((item) => (item instanceof ListValue && left > 0n ? flat(item, left - 1n) : [item]));
  return new ListValue(flat(list, depth));
}

function sortByKeys(list: ListValue, keys: ListValue): ListValue {
  const values = list.toArray();
  const keyed = keys.toArray().map((key, index) => ({ key, value: values[index] as Value }));
  const first = keyed[0]?.key;
  if (first !== undefined && compare(first, first) === undefined) {
    throw new CelError('list elements must be comparable');
  }
  if (keyed.some(({ key }) => typeNameOf(key) !== typeNameOf(first as Value))) {
    throw new CelError('list elements must have the same type');
  }
  keyed.sort((a, b) => order(a.key, b.key) || 0);
  return new ListValue(keyed.map(({ value }) => value));
}

/** Strings, numbers and booleans are found in a set; the rest is compared with all before it. */
function distinct(list: ListValue): ListValue {
  const seen = new Set<Value>();
  const others: Value[] = [];
  const kept = list.toArray().filter((item) => {
    if (typeof item === 'string' || typeof item === 'bigint' || typeof item === 'boolean') {
      const isNew = !seen.has(item) && !(typeof item === 'bigint' && others.some((other) => equal(other, item)));
      seen.add(item);
      return isNew;
    }
    const isNew = !others.some((other) => equal(other, item)) && !hasEqualInt(seen, item);
    if (isNew) {
      others.push(item);
    }
    return isNew;
  });
  return new ListValue(kept);
}

function hasEqualInt(seen: ReadonlySet<Value>, item: Value): boolean {
  if (typeof item === 'number') {
    return Number.isInteger(item) && seen.has(BigInt(item));
  }
  return item instanceof Uint && seen.has(item.value);
}

const LONGEST_RANGE = 1_000_000n;

function range(count: bigint): ListValue {
  if (count < 0n) {
    throw new CelError(`lists.range: size must be non-negative, got ${count}`);
  }
  if (count > LONGEST_RANGE) {
    throw new CelError(`lists.range: size ${count} exceeds maximum allowed (${LONGEST_RANGE})`);
  }
  return new ListValue(Array.from({ length: Number(count) }, (_, index) => BigInt(index)));
}

const INPUT = '@__sortBy_input__';

const sortBy: Macro = {
  name: 'sortBy',
  member: true,
  argCount: 2,
  expand(call) {
    const { build } = call;
    const variables = variablesOf(call, 1);
    if (variables === undefined) {
      return undefined;
    }
    const overInput = { ...call, target: build.ident(INPUT) };
    const keys = foldOver(overInput, variables, listFold(build, call.args[1] as Expr, undefined));
    const sorted = build.memberCall('@sortByAssociatedKeys', build.ident(INPUT), keys);
    return bind(call, { name: INPUT, value: call.target as Expr, body: sorted });
  },
};

export const LIST_LIBRARY: Library = {
  name: 'lists',
  macros: [sortBy],
  functions: [
    { name: 'slice', overloads: [memberOverload('list_slice', [LIST, INT, INT], LIST, slice)] },
    {
      name: 'flatten',
      overloads: [
        memberOverload('list_flatten', [listOf(LIST)], LIST, (list: ListValue) => flatten(list)),
        memberOverload('list_flatten_int', [listOf(DYN), INT], listOf(DYN), flatten),
      ],
    },
    {
      name: 'sort',
      overloads: COMPARABLE.map(([kind, type]) =>
        memberOverload(`list_${kind}_sort`, [listOf(type)], listOf(type), (list: ListValue) => sortByKeys(list, list)),
      ),
    },
    {
      name: '@sortByAssociatedKeys',
      overloads: COMPARABLE.map(([kind, type]) =>
        memberOverload(`list_${kind}_sortByAssociatedKeys`, [LIST, listOf(type)], LIST, sortByKeys),
      ),
    },
    { name: 'lists.range', overloads: [globalOverload('lists_range', [INT], listOf(INT), range)] },
    {
      name: 'reverse',
      overloads: [
        memberOverload('list_reverse', [LIST], LIST, (list: ListValue) => new ListValue([...list.toArray()].reverse())),
      ],
    },
    { name: 'distinct', overloads: [memberOverload('list_distinct', [LIST], LIST, distinct)] },
  ],
};
