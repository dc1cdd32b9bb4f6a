/** `string.format(list)` of the language's definition: the verbs of the strings library (cel-go, ext/formatting_v2.go). */
import { keysOf } from '../access.ts';
import { CelError } from '../cel.ts';
import { formatDuration, formatTimestamp } from '../time.ts';
import {
  Duration,
  ListValue,
  MapValue,
  ObjectValue,
  Timestamp,
  TypeValue,
  typeNameOf,
  Uint,
  type Value,
} from '../values.ts';
import { formatDouble, withExponent } from './go-numbers.ts';

const VERB = /%(?:%|(?:\.(\d+))?([a-zA-Z])|)/g;
const DEFAULT_PRECISION = 6;
/** More digits than JavaScript writes would be noise; upstream's limit is of this order too. */
const MOST_PRECISION = 100;

/** The text with its verbs replaced by the arguments; throws CelError. */
export function formatText(text: string, args: ListValue): string {
  return formatWith(VERBS, text, args);
}

export type Verbs = Readonly<Record<string, (value: Value, precision: number) => string>>;

/** Formats by other verbs than the definition's. */
export function formatWith(verbs: Verbs, text: string, args: ListValue): string {
  let next = 0;
  return text.replace(VERB, (clause: string, precision: string | undefined, verb: string | undefined) => {
    if (clause === '%%') {
      return '%';
    }
    const write = verb === undefined || !Object.hasOwn(verbs, verb) ? undefined : verbs[verb];
    if (write === undefined) {
      throw new CelError(`could not parse formatting clause: unrecognized formatting clause "${verb ?? ''}"`);
    }
    if (next >= args.length) {
      throw new CelError(`index ${next} out of range`);
    }
    return write(args.at(next++), digits(precision));
  });
}

function digits(precision: string | undefined): number {
  const count = precision === undefined ? DEFAULT_PRECISION : Number(precision);
  if (count > MOST_PRECISION) {
    throw new CelError(`precision ${precision} exceeds maximum (${MOST_PRECISION})`);
  }
  return count;
}

const VERBS: Verbs = {
  s: (value) => display(value),
  d: decimal,
  f: fixed,
  e: scientific,
  b: binary,
  x: (value) => hex(value),
  X: (value) => hex(value).toUpperCase(),
  o: octal,
};

export function failed(rule: string, value: Value): CelError {
  return new CelError(`error during formatting: ${rule}, was given ${typeNameOf(value)}`);
}

/** A value as `%s` writes it. */
export function display(value: Value): string {
  if (typeof value === 'string') {
    return value;
  }
  if (value === null || typeof value === 'boolean' || typeof value === 'bigint') {
    return String(value);
  }
  if (typeof value === 'number') {
    return special(value) ?? formatDouble(value);
  }
  if (value instanceof ListValue) {
    return `[${value.toArray().map(display).join(', ')}]`;
  }
  return value instanceof MapValue || value instanceof ObjectValue ? displayMap(value) : displayOther(value);
}

function displayOther(value: Value): string {
  if (value instanceof Uint) {
    return String(value.value);
  }
  if (value instanceof Uint8Array) {
    return new TextDecoder().decode(value);
  }
  if (value instanceof Timestamp) {
    return formatTimestamp(value);
  }
  if (value instanceof Duration) {
    return formatDuration(value);
  }
  if (value instanceof TypeValue) {
    return value.name;
  }
  const kinds = 'strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps';
  throw failed(`string clause can only be used on ${kinds}`, value);
}

function displayMap(map: MapValue | ObjectValue): string {
  const entries = [...keysOf(map)].map((key) => {
    const value = map instanceof MapValue ? map.source.get(key) : map.source.get(key as string);
    return { key: display(key), value: display(value as Value) };
  });
  entries.sort((a, b) => (a.key < b.key ? -1 : 1));
  return `{${entries.map(({ key, value }) => `${key}: ${value}`).join(', ')}}`;
}

function special(value: number): string | undefined {
  if (Number.isFinite(value)) {
    return undefined;
  }
  return Number.isNaN(value) ? 'NaN' : value > 0 ? 'Infinity' : '-Infinity';
}

function decimal(value: Value): string {
  if (typeof value === 'bigint' || value instanceof Uint) {
    return String(value instanceof Uint ? value.value : value);
  }
  if (typeof value === 'number') {
    return special(value) ?? formatDouble(value);
  }
  throw failed('decimal clause can only be used on numbers', value);
}

function numberOf(value: Value, rule: string): number {
  if (typeof value === 'number') {
    return value;
  }
  if (typeof value === 'bigint' || value instanceof Uint) {
    return Number(value instanceof Uint ? value.value : value);
  }
  if (value === 'NaN' || value === 'Infinity' || value === '-Infinity') {
    return Number(value);
  }
  throw failed(rule, value);
}

function fixed(value: Value, precision: number): string {
  const number = numberOf(value, 'fixed-point clause can only be used on numbers');
  return special(number) ?? exactFixed(number, precision);
}

/** Half to even, as Go rounds; `toFixed` rounds the exact decimal expansion half up, and large numbers not at all. */
export function exactFixed(number: number, precision: number): string {
  if (Math.abs(number) >= 1e21) {
    const whole = String(BigInt(number));
    return precision === 0 ? whole : `${whole}.${'0'.repeat(precision)}`;
  }
  const text = number.toFixed(precision);
  const scaled = Math.abs(number) * 10 ** precision;
  const isTie = scaled < 2 ** 52 && scaled % 1 === 0.5 && scaled / 10 ** precision === Math.abs(number);
  if (!isTie || Math.floor(scaled) % 2 !== 0) {
    return text;
  }
  return `${number < 0 ? '-' : ''}${(Math.floor(scaled) / 10 ** precision).toFixed(precision)}`;
}

function scientific(value: Value, precision: number): string {
  const number = numberOf(value, 'scientific clause can only be used on numbers');
  if (!Number.isFinite(number)) {
    return special(number) as string;
  }
  const [mantissa = '', exponent = '0'] = number.toExponential(precision).split('e');
  return withExponent(mantissa, Number(exponent));
}

export function binary(value: Value): string {
  if (typeof value === 'boolean') {
    return value ? '1' : '0';
  }
  return inBase(value, 2, 'only integers and bools can be formatted as binary');
}

export function octal(value: Value): string {
  return inBase(value, 8, 'octal clause can only be used on integers');
}

function inBase(value: Value, base: number, rule: string): string {
  if (typeof value === 'bigint' || value instanceof Uint) {
    return (value instanceof Uint ? value.value : value).toString(base);
  }
  throw failed(rule, value);
}

export function hex(value: Value): string {
  if (typeof value === 'string' || value instanceof Uint8Array) {
    return Buffer.from(value).toString('hex');
  }
  return inBase(value, 16, 'only integers, byte buffers, and strings can be formatted as hex');
}
