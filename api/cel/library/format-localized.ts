/**
 * `string.format(list)` as version 2 of the strings library has it, which is Kubernetes' (cel-go, ext/formatting.go):
 * what is inside lists and maps is written as literals, and numbers as people of the locale `en_US` write them.
 */
import { keysOf } from '../access.ts';
import { formatDuration, formatTimestamp } from '../time.ts';
import { Duration, ListValue, MapValue, ObjectValue, Timestamp, Uint, type Value } from '../values.ts';
import { binary, display, exactFixed, failed, formatWith, hex, octal, type Verbs } from './format.ts';
import { formatDouble } from './go-numbers.ts';

/** The text with its verbs replaced by the arguments; throws CelError. */
export function formatTextLocalized(text: string, args: ListValue): string {
  return formatWith(VERBS, text, args);
}

const VERBS: Verbs = {
  s: text,
  d: decimal,
  f: fixed,
  e: scientific,
  b: binary,
  x: hex,
  X: (value) => hex(value).toUpperCase(),
  o: octal,
};

function text(value: Value): string {
  if (value instanceof ListValue || value instanceof MapValue || value instanceof ObjectValue) {
    return literal(value);
  }
  return typeof value === 'number' ? formatDouble(value) : display(value);
}

/** As an expression would write it. */
function literal(value: Value): string {
  if (typeof value === 'string') {
    return JSON.stringify(value);
  }
  if (typeof value === 'number') {
    return Number.isFinite(value) ? exactFixed(value, 6) : JSON.stringify(formatDouble(value));
  }
  if (value instanceof ListValue) {
    return `[${value.toArray().map(literal).join(', ')}]`;
  }
  if (value instanceof MapValue || value instanceof ObjectValue) {
    return mapLiteral(value);
  }
  return otherLiteral(value);
}

function otherLiteral(value: Value): string {
  if (value instanceof Uint8Array) {
    return `b${JSON.stringify(display(value))}`;
  }
  if (value instanceof Timestamp) {
    return `timestamp(${JSON.stringify(formatTimestamp(value))})`;
  }
  return value instanceof Duration ? `duration(${JSON.stringify(formatDuration(value))})` : display(value);
}

function mapLiteral(map: MapValue | ObjectValue): string {
  const entries = [...keysOf(map)].map((key) => {
    const value = map instanceof MapValue ? map.source.get(key) : map.source.get(key as string);
    return { key: literal(key), value: literal(value as Value) };
  });
  entries.sort((a, b) => (a.key < b.key ? -1 : 1));
  return `{${entries.map(({ key, value }) => `${key}:${value}`).join(', ')}}`;
}

function decimal(value: Value): string {
  if (typeof value === 'bigint' || value instanceof Uint) {
    return String(value instanceof Uint ? value.value : value);
  }
  throw failed('decimal clause can only be used on integers', value);
}

/** Doubles, and the names of those that have no digits. */
function doubleOf(value: Value, clause: string): number {
  if (typeof value === 'number') {
    return value;
  }
  if (value === 'NaN' || value === 'Infinity' || value === '-Infinity') {
    return Number(value);
  }
  throw failed(`${clause} clause can only be used on doubles`, value);
}

function withoutDigits(number: number): string {
  return Number.isNaN(number) ? 'NaN' : number > 0 ? '∞' : '-∞';
}

function fixed(value: Value, precision: number): string {
  const number = doubleOf(value, 'fixed-point');
  if (!Number.isFinite(number)) {
    return withoutDigits(number);
  }
  const [whole = '', fraction] = exactFixed(number, precision).split('.');
  const grouped = whole.replace(/\B(?=(?:\d{3})+$)/g, ',');
  return fraction === undefined ? grouped : `${grouped}.${fraction}`;
}

const SUPERSCRIPTS = '⁰¹²³⁴⁵⁶⁷⁸⁹';

function scientific(value: Value, precision: number): string {
  const number = doubleOf(value, 'scientific');
  if (!Number.isFinite(number)) {
    return withoutDigits(number);
  }
  const [mantissa, exponent = '0'] = number.toExponential(precision).split('e');
  const digits = exponent.replace(/^[+-]/, '').padStart(2, '0');
  const raised = [...digits].map((digit) => SUPERSCRIPTS[Number(digit)]).join('');
  return `${mantissa}\u202f×\u202f10${exponent.startsWith('-') ? '⁻' : ''}${raised}`;
}
