/** Arithmetic of the standard library, with its ranges: 64 bits, signed and unsigned. */
import { CelError } from '../cel.ts';
import { type FunctionDeclaration, globalOverload, type Library } from '../declarations.ts';
import { listMapKey, membershipOf } from '../equality.ts';
import { makeDuration, makeTimestamp } from '../time.ts';
import { BYTES, DOUBLE, DURATION, INT, listOf, parameter, STRING, TIMESTAMP, UINT } from '../types.ts';
import { type Duration, ListValue, type Timestamp, Uint, type Value } from '../values.ts';

const MAX_INT = 2n ** 63n - 1n;
const MIN_INT = -(2n ** 63n);
const MAX_UINT = 2n ** 64n - 1n;
const LIST = listOf(parameter('A'));

/** Throws when it is out of range. */
export function checkedInt(value: bigint): bigint {
  if (value > MAX_INT || value < MIN_INT) {
    throw new CelError('integer overflow');
  }
  return value;
}

/** Throws when it is out of range. */
export function checkedUint(value: bigint): Uint {
  if (value > MAX_UINT || value < 0n) {
    throw new CelError('unsigned integer overflow');
  }
  return new Uint(value);
}

function nonZero(divisor: bigint, message: string): bigint {
  if (divisor === 0n) {
    throw new CelError(message);
  }
  return divisor;
}

const DIVISION = 'division by zero';
const MODULUS = 'modulus by zero';

const ADD: FunctionDeclaration = {
  name: '_+_',
  overloads: [
    globalOverload('add_int64', [INT, INT], INT, (a: bigint, b: bigint) => checkedInt(a + b)),
    globalOverload('add_uint64', [UINT, UINT], UINT, (a: Uint, b: Uint) => checkedUint(a.value + b.value)),
    globalOverload('add_double', [DOUBLE, DOUBLE], DOUBLE, (a: number, b: number) => a + b),
    globalOverload('add_string', [STRING, STRING], STRING, (a: string, b: string) => a + b),
    globalOverload('add_bytes', [BYTES, BYTES], BYTES, joinBytes),
    globalOverload('add_list', [LIST, LIST], LIST, joinLists),
    globalOverload('add_duration_duration', [DURATION, DURATION], DURATION, (a: Duration, b: Duration) =>
      makeDuration(a.nanos + b.nanos),
    ),
    globalOverload('add_duration_timestamp', [DURATION, TIMESTAMP], TIMESTAMP, (a: Duration, b: Timestamp) =>
      makeTimestamp(a.nanos + b.nanos),
    ),
    globalOverload('add_timestamp_duration', [TIMESTAMP, DURATION], TIMESTAMP, (a: Timestamp, b: Duration) =>
      makeTimestamp(a.nanos + b.nanos),
    ),
  ],
};

const SUBTRACT: FunctionDeclaration = {
  name: '_-_',
  overloads: [
    globalOverload('subtract_int64', [INT, INT], INT, (a: bigint, b: bigint) => checkedInt(a - b)),
    globalOverload('subtract_uint64', [UINT, UINT], UINT, (a: Uint, b: Uint) => checkedUint(a.value - b.value)),
    globalOverload('subtract_double', [DOUBLE, DOUBLE], DOUBLE, (a: number, b: number) => a - b),
    globalOverload('subtract_duration_duration', [DURATION, DURATION], DURATION, (a: Duration, b: Duration) =>
      makeDuration(a.nanos - b.nanos),
    ),
    globalOverload('subtract_timestamp_duration', [TIMESTAMP, DURATION], TIMESTAMP, (a: Timestamp, b: Duration) =>
      makeTimestamp(a.nanos - b.nanos),
    ),
    globalOverload('subtract_timestamp_timestamp', [TIMESTAMP, TIMESTAMP], DURATION, (a: Timestamp, b: Timestamp) =>
      makeDuration(a.nanos - b.nanos),
    ),
  ],
};

const MULTIPLY: FunctionDeclaration = {
  name: '_*_',
  overloads: [
    globalOverload('multiply_int64', [INT, INT], INT, (a: bigint, b: bigint) => checkedInt(a * b)),
    globalOverload('multiply_uint64', [UINT, UINT], UINT, (a: Uint, b: Uint) => checkedUint(a.value * b.value)),
    globalOverload('multiply_double', [DOUBLE, DOUBLE], DOUBLE, (a: number, b: number) => a * b),
  ],
};

const DIVIDE: FunctionDeclaration = {
  name: '_/_',
  overloads: [
    globalOverload('divide_int64', [INT, INT], INT, (a: bigint, b: bigint) => checkedInt(a / nonZero(b, DIVISION))),
    globalOverload('divide_uint64', [UINT, UINT], UINT, (a: Uint, b: Uint) =>
      checkedUint(a.value / nonZero(b.value, DIVISION)),
    ),
    globalOverload('divide_double', [DOUBLE, DOUBLE], DOUBLE, (a: number, b: number) => a / b),
  ],
};

const MODULO: FunctionDeclaration = {
  name: '_%_',
  overloads: [
    globalOverload('modulo_int64', [INT, INT], INT, (a: bigint, b: bigint) => moduloInt(a, nonZero(b, MODULUS))),
    globalOverload('modulo_uint64', [UINT, UINT], UINT, (a: Uint, b: Uint) =>
      checkedUint(a.value % nonZero(b.value, MODULUS)),
    ),
  ],
};

const NEGATE: FunctionDeclaration = {
  name: '-_',
  overloads: [
    globalOverload('negate_int64', [INT], INT, (a: bigint) => checkedInt(-a)),
    globalOverload('negate_double', [DOUBLE], DOUBLE, (a: number) => -a),
  ],
};

export const ARITHMETIC: Library = {
  name: 'arithmetic',
  functions: [ADD, SUBTRACT, MULTIPLY, DIVIDE, MODULO, NEGATE],
};

/** The quotient of the least int and -1 is out of range, and so its remainder is refused. */
function moduloInt(a: bigint, b: bigint): bigint {
  checkedInt(a / b);
  return a % b;
}

function joinBytes(a: Uint8Array, b: Uint8Array): Uint8Array {
  const joined = new Uint8Array(a.length + b.length);
  joined.set(a);
  joined.set(b, a.length);
  return joined;
}

/** Sets and list-maps of a schema are merged, as Kubernetes has it; other lists are put one after the other. */
function joinLists(a: ListValue, b: ListValue): Value {
  if (a.type?.listType === 'set') {
    const contained = membershipOf(a);
    return new ListValue([...a.toArray(), ...b.toArray().filter((item) => !contained(item))], undefined, a.type);
  }
  const keys = a.type?.listType === 'map' ? a.type.listMapKeys : undefined;
  if (keys === undefined) {
    return boundedConcat(a, b);
  }
  const merged = new Map(a.toArray().map((item) => [listMapKey(item, keys), item]));
  for (const item of b.toArray()) {
    merged.set(listMapKey(item, keys), item);
  }
  return new ListValue([...merged.values()], undefined, a.type);
}

/** Doubling costs next to nothing; what looks through the result does not. */
const LONGEST_LIST = 2_000_000;

function boundedConcat(a: ListValue, b: ListValue): ListValue {
  if (a.length + b.length > LONGEST_LIST) {
    throw new CelError(`list exceeds maximum length (${LONGEST_LIST})`);
  }
  return ListValue.concat(a, b);
}
