/** Strings and times of the standard library: containment, patterns, and the parts of timestamps and durations. */
import { type FunctionDeclaration, globalOverload, type Library, memberOverload } from '../declarations.ts';
import { compilePattern } from '../pattern.ts';
import { timeParts, type TimeParts } from '../time.ts';
import { BOOL, DURATION, INT, STRING, TIMESTAMP } from '../types.ts';
import type { Duration, Timestamp } from '../values.ts';

const matches = (text: string, pattern: string): boolean => compilePattern(pattern).matcher(text).find();

function stringTest(name: string, id: string, test: (text: string, other: string) => boolean): FunctionDeclaration {
  return { name, overloads: [memberOverload(id, [STRING, STRING], BOOL, test)] };
}

interface Part {
  readonly name: string;
  readonly id: string;
  readonly of: (parts: TimeParts) => number;
  /** Nanoseconds of a unit, where durations have the part too. */
  readonly durationUnit?: bigint;
  readonly wrap?: bigint;
}

const PARTS: readonly Part[] = [
  { name: 'getFullYear', id: 'year', of: (parts) => parts.year },
  { name: 'getMonth', id: 'month', of: (parts) => parts.month },
  { name: 'getDayOfYear', id: 'day_of_year', of: (parts) => parts.yearDay },
  { name: 'getDayOfMonth', id: 'day_of_month', of: (parts) => parts.day - 1 },
  { name: 'getDate', id: 'day_of_month_1_based', of: (parts) => parts.day },
  { name: 'getDayOfWeek', id: 'day_of_week', of: (parts) => parts.weekday },
  { name: 'getHours', id: 'hours', of: (parts) => parts.hours, durationUnit: 3_600_000_000_000n },
  { name: 'getMinutes', id: 'minutes', of: (parts) => parts.minutes, durationUnit: 60_000_000_000n },
  { name: 'getSeconds', id: 'seconds', of: (parts) => parts.seconds, durationUnit: 1_000_000_000n },
  {
    name: 'getMilliseconds',
    id: 'milliseconds',
    of: (parts) => parts.milliseconds,
    durationUnit: 1_000_000n,
    wrap: 1000n,
  },
];

function partFunction(part: Part): FunctionDeclaration {
  const ofTimestamp = (timestamp: Timestamp, zone = 'UTC'): bigint => BigInt(part.of(timeParts(timestamp, zone)));
  const overloads = [
    memberOverload(`timestamp_to_${part.id}`, [TIMESTAMP], INT, ofTimestamp as (timestamp: Timestamp) => bigint),
    memberOverload(`timestamp_to_${part.id}_with_tz`, [TIMESTAMP, STRING], INT, ofTimestamp),
  ];
  const unit = part.durationUnit;
  if (unit !== undefined) {
    const ofDuration = (duration: Duration): bigint =>
      part.wrap === undefined ? duration.nanos / unit : (duration.nanos / unit) % part.wrap;
    overloads.push(memberOverload(`duration_to_${part.id}`, [DURATION], INT, ofDuration));
  }
  return { name: part.name, overloads };
}

export const TEXT: Library = {
  name: 'text',
  functions: [
    stringTest('contains', 'contains_string', (text, other) => text.includes(other)),
    stringTest('startsWith', 'starts_with_string', (text, other) => text.startsWith(other)),
    stringTest('endsWith', 'ends_with_string', (text, other) => text.endsWith(other)),
    {
      name: 'matches',
      overloads: [
        globalOverload('matches', [STRING, STRING], BOOL, matches),
        memberOverload('matches_string', [STRING, STRING], BOOL, matches),
      ],
    },
    ...PARTS.map(partFunction),
  ],
};
