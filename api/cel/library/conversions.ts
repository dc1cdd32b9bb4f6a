/** Conversions between types of the standard library, as cel-go makes them (common/types). */
import { CelError } from '../cel.ts';
import { type FunctionDeclaration, globalOverload, type Library, type Overload } from '../declarations.ts';
import {
  formatDuration,
  formatTimestamp,
  makeTimestamp,
  NANOS_PER_SECOND,
  floorDivide,
  parseDuration,
  parseTimestamp,
} from '../time.ts';
import {
  BOOL,
  BYTES,
  type CelType,
  DOUBLE,
  DURATION,
  DYN,
  INT,
  parameter,
  STRING,
  TIMESTAMP,
  typeName,
  typeOf,
  UINT,
} from '../types.ts';
import { type Duration, type Timestamp, TypeValue, typeNameOf, type Uint, type Value } from '../values.ts';
import { checkedInt, checkedUint } from './arithmetic.ts';
import { formatDouble } from './go-numbers.ts';

type Convert = (value: never) => Value;

function conversion(to: CelType, from: readonly (readonly [string, CelType, Convert])[]): FunctionDeclaration {
  const name = to.kind;
  const overloads = from.map(([id, type, convert]): Overload => globalOverload(id, [type], to, convert));
  return { name, overloads };
}

const same = (value: Value): Value => value;

function failed(from: string, to: CelType): CelError {
  return new CelError(`type conversion error from '${from}' to '${typeName(to)}'`);
}

function parsed<T>(value: T | undefined, to: CelType): T {
  if (value === undefined) {
    throw failed('string', to);
  }
  return value;
}

const TRUE = new Set(['1', 't', 'T', 'TRUE', 'true', 'True']);
const FALSE = new Set(['0', 'f', 'F', 'FALSE', 'false', 'False']);

function parseBool(text: string): boolean {
  if (!TRUE.has(text) && !FALSE.has(text)) {
    throw failed('string', BOOL);
  }
  return TRUE.has(text);
}

function parseInteger(text: string): bigint {
  if (!/^[-+]?\d+$/.test(text) || text.length > 1000) {
    throw failed('string', INT);
  }
  const value = BigInt(text.replace(/^\+/, ''));
  if (BigInt.asIntN(64, value) !== value) {
    throw failed('string', INT);
  }
  return value;
}

function parseUnsigned(text: string): Uint {
  if (!/^\d+$/.test(text) || text.length > 1000) {
    throw failed('string', UINT);
  }
  return checkedUint(BigInt(text));
}

const NUMBER = /^[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?$/;
const INFINITE = /^[-+]?inf(?:inity)?$/i;

function parseDouble(text: string): number {
  if (INFINITE.test(text)) {
    return text.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  }
  if (/^nan$/i.test(text)) {
    return Number.NaN;
  }
  const value = NUMBER.test(text) ? Number(text) : Number.POSITIVE_INFINITY;
  if (!Number.isFinite(value)) {
    throw failed('string', DOUBLE);
  }
  return value;
}

function doubleToInt(value: number): bigint {
  if (!(value > -(2 ** 63) && value < 2 ** 63)) {
    throw new CelError('integer overflow');
  }
  return BigInt(Math.trunc(value));
}

function doubleToUint(value: number): Uint {
  if (!(value >= 0 && value < 2 ** 64)) {
    throw new CelError('unsigned integer overflow');
  }
  return checkedUint(BigInt(Math.trunc(value)));
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new CelError('invalid UTF-8 in bytes, cannot convert to string');
  }
}

export const CONVERSIONS: Library = {
  name: 'conversions',
  functions: [
    conversion(BOOL, [
      ['bool_to_bool', BOOL, same],
      ['string_to_bool', STRING, parseBool],
    ]),
    conversion(BYTES, [
      ['bytes_to_bytes', BYTES, same],
      ['string_to_bytes', STRING, (text: string) => new TextEncoder().encode(text)],
    ]),
    conversion(DOUBLE, [
      ['double_to_double', DOUBLE, same],
      ['int64_to_double', INT, (value: bigint) => Number(value)],
      ['string_to_double', STRING, parseDouble],
      ['uint64_to_double', UINT, (value: Uint) => Number(value.value)],
    ]),
    conversion(DURATION, [
      ['duration_to_duration', DURATION, same],
      ['int64_to_duration', INT, (nanos: bigint) => parsed(parseDuration(`${nanos}ns`), DURATION)],
      ['string_to_duration', STRING, (text: string) => parsed(parseDuration(text), DURATION)],
    ]),
    conversion(INT, [
      ['int64_to_int64', INT, same],
      ['double_to_int64', DOUBLE, doubleToInt],
      ['duration_to_int64', DURATION, (value: Duration) => value.nanos],
      ['string_to_int64', STRING, parseInteger],
      ['timestamp_to_int64', TIMESTAMP, (value: Timestamp) => floorDivide(value.nanos, NANOS_PER_SECOND)],
      ['uint64_to_int64', UINT, (value: Uint) => checkedInt(value.value)],
    ]),
    conversion(STRING, [
      ['string_to_string', STRING, same],
      ['bool_to_string', BOOL, (value: boolean) => String(value)],
      ['bytes_to_string', BYTES, decodeUtf8],
      ['double_to_string', DOUBLE, formatDouble],
      ['duration_to_string', DURATION, formatDuration],
      ['int64_to_string', INT, (value: bigint) => String(value)],
      ['timestamp_to_string', TIMESTAMP, formatTimestamp],
      ['uint64_to_string', UINT, (value: Uint) => String(value.value)],
    ]),
    conversion(TIMESTAMP, [
      ['timestamp_to_timestamp', TIMESTAMP, same],
      ['int64_to_timestamp', INT, (seconds: bigint) => makeTimestamp(seconds * NANOS_PER_SECOND)],
      ['string_to_timestamp', STRING, (text: string) => parsed(parseTimestamp(text), TIMESTAMP)],
    ]),
    conversion(UINT, [
      ['uint64_to_uint64', UINT, same],
      ['double_to_uint64', DOUBLE, doubleToUint],
      ['int64_to_uint64', INT, (value: bigint) => checkedUint(value)],
      ['string_to_uint64', STRING, parseUnsigned],
    ]),
    { name: 'dyn', overloads: [globalOverload('to_dyn', [parameter('A')], DYN, same as Convert)] },
    {
      name: 'type',
      overloads: [
        globalOverload(
          'type',
          [parameter('A')],
          typeOf(parameter('A')),
          (value: Value) => new TypeValue(typeNameOf(value)),
        ),
      ],
    },
  ],
};
