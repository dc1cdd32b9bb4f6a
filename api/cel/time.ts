/** Durations and timestamps: reading and writing them as Go does, their ranges, and their parts in a time zone. */
import { CelError } from './cel.ts';
import { Duration, Timestamp } from './values.ts';

export const NANOS_PER_SECOND = 1_000_000_000n;
const MAX_INT = 2n ** 63n - 1n;
const MIN_INT = -(2n ** 63n);
/** 0001-01-01T00:00:00Z and the last nanosecond of 9999. */
const FIRST = -62_135_596_800n * NANOS_PER_SECOND;
const LAST = 253_402_300_800n * NANOS_PER_SECOND - 1n;

const UNIT_NANOS: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1000n,
  µs: 1000n,
  μs: 1000n,
  ms: 1_000_000n,
  s: NANOS_PER_SECOND,
  m: 60n * NANOS_PER_SECOND,
  h: 3600n * NANOS_PER_SECOND,
};

const DURATION = /^([-+]?)(?:0|(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)$/;
/** Of text that anybody means to be one. */
const MAX_DURATION_LENGTH = 1000;
const DURATION_PART = /(\d*)(?:\.(\d*))?(ns|us|µs|μs|ms|s|m|h)/g;

/** Throws when it is out of range. */
export function makeDuration(nanos: bigint): Duration {
  if (nanos > MAX_INT || nanos < MIN_INT) {
    throw new CelError('duration overflow');
  }
  return new Duration(nanos);
}

/** Throws when it is out of range. */
export function makeTimestamp(nanos: bigint): Timestamp {
  if (nanos < FIRST || nanos > LAST) {
    throw new CelError('timestamp overflow');
  }
  return new Timestamp(nanos);
}

/** Go's `time.ParseDuration`; undefined: it is none. */
export function parseDuration(text: string): Duration | undefined {
  const match = text.length > MAX_DURATION_LENGTH ? null : DURATION.exec(text);
  if (match === null) {
    return undefined;
  }
  let nanos = 0n;
  for (const [, whole = '', fraction = '', unit = ''] of text.matchAll(DURATION_PART)) {
    const scale = UNIT_NANOS[unit] ?? 0n;
    nanos += BigInt(whole || '0') * scale;
    const digits = fraction.slice(0, 18);
    nanos += (BigInt(digits || '0') * scale) / 10n ** BigInt(digits.length);
  }
  const signed = match[1] === '-' ? -nanos : nanos;
  return signed > MAX_INT || signed < MIN_INT ? undefined : new Duration(signed);
}

/** Seconds with as many digits as needed: `1.5s`. */
export function formatDuration(duration: Duration): string {
  return `${decimalSeconds(duration.nanos)}s`;
}

/** Seconds as a decimal number. */
export function decimalSeconds(nanos: bigint): string {
  const sign = nanos < 0n ? '-' : '';
  const absolute = nanos < 0n ? -nanos : nanos;
  const fraction = String(absolute % NANOS_PER_SECOND)
    .padStart(9, '0')
    .replace(/0+$/, '');
  return `${sign}${absolute / NANOS_PER_SECOND}${fraction === '' ? '' : `.${fraction}`}`;
}

const TIMESTAMP = /^(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d+))?(?:[Zz]|([-+])(\d\d):(\d\d))$/;

/** RFC 3339; undefined: it is none, or out of range. */
export function parseTimestamp(text: string): Timestamp | undefined {
  const match = TIMESTAMP.exec(text);
  if (match === null) {
    return undefined;
  }
  const [, date = '', time = '', fraction = '', sign, hours = '0', minutes = '0'] = match;
  const ms = Date.parse(`${date}T${time}Z`);
  // Date.parse rolls February 30th over.
  if (Number.isNaN(ms) || new Date(ms).toISOString().slice(0, 19) !== `${date}T${time}`) {
    return undefined;
  }
  const offset = (Number(hours) * 60 + Number(minutes)) * (sign === '-' ? -1 : 1);
  const seconds = BigInt(ms / 1000 - offset * 60);
  const nanos = seconds * NANOS_PER_SECOND + BigInt(fraction.slice(0, 9).padEnd(9, '0'));
  return nanos < FIRST || nanos > LAST ? undefined : new Timestamp(nanos);
}

/** RFC 3339 in UTC, with as many digits as needed. */
export function formatTimestamp(timestamp: Timestamp): string {
  const seconds = floorDivide(timestamp.nanos, NANOS_PER_SECOND);
  const fraction = String(timestamp.nanos - seconds * NANOS_PER_SECOND)
    .padStart(9, '0')
    .replace(/0+$/, '');
  const text = new Date(Number(seconds) * 1000)
    .toISOString()
    .slice(0, 19)
    .replace(/^\+\d\d/, '');
  return `${text}${fraction === '' ? '' : `.${fraction}`}Z`;
}

export function floorDivide(value: bigint, by: bigint): bigint {
  const quotient = value / by;
  return value % by < 0n ? quotient - 1n : quotient;
}

/** The parts of a timestamp as local time. */
export interface TimeParts {
  readonly year: number;
  /** From 0. */
  readonly month: number;
  readonly day: number;
  readonly weekday: number;
  /** From 0. */
  readonly yearDay: number;
  readonly hours: number;
  readonly minutes: number;
  readonly seconds: number;
  readonly milliseconds: number;
}

/** In UTC, or in a zone: a name (`Europe/Paris`) or an offset (`+02:00`). */
export function timeParts(timestamp: Timestamp, zone: string): TimeParts {
  const utc = floorDivide(timestamp.nanos, 1_000_000n);
  const local = new Date(Number(utc) + offsetMs(Number(utc), zone));
  const yearStart = new Date(0);
  yearStart.setUTCFullYear(local.getUTCFullYear(), 0, 1);
  return {
    year: local.getUTCFullYear(),
    month: local.getUTCMonth(),
    day: local.getUTCDate(),
    weekday: local.getUTCDay(),
    yearDay: Math.floor((local.getTime() - yearStart.getTime()) / 86_400_000),
    hours: local.getUTCHours(),
    minutes: local.getUTCMinutes(),
    seconds: local.getUTCSeconds(),
    milliseconds: local.getUTCMilliseconds(),
  };
}

const OFFSET = /^([-+]?)(\d\d):(\d\d)$/;

function offsetMs(utcMs: number, zone: string): number {
  if (zone === 'UTC' || zone === '') {
    return 0;
  }
  const offset = OFFSET.exec(zone);
  if (offset !== null) {
    const minutes = Number(offset[2]) * 60 + Number(offset[3]);
    return (offset[1] === '-' ? -minutes : minutes) * 60_000;
  }
  return namedOffsetMs(utcMs, zone);
}

function namedOffsetMs(utcMs: number, zone: string): number {
  const parts = formatterOf(zone).formatToParts(new Date(utcMs));
  const part = (type: string): number => Number(parts.find((candidate) => candidate.type === type)?.value);
  const date = new Date(0);
  date.setUTCFullYear(part('year'), part('month') - 1, part('day'));
  date.setUTCHours(part('hour'), part('minute'), part('second'));
  return date.getTime() - Math.floor(utcMs / 1000) * 1000;
}

const MOST_FORMATTERS = 100;
const formatters = new Map<string, Intl.DateTimeFormat>();

function formatterOf(zone: string): Intl.DateTimeFormat {
  const before = formatters.get(zone);
  if (before !== undefined) {
    return before;
  }
  try {
    const formatter = new Intl.DateTimeFormat('en-US', {
      timeZone: zone, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric',
      minute: 'numeric', second: 'numeric',
    }); // prettier-ignore
    if (formatters.size >= MOST_FORMATTERS) {
      formatters.clear();
    }
    formatters.set(zone, formatter);
    return formatter;
  } catch {
    throw new CelError(`unknown time zone ${zone}`);
  }
}
