/**
 * Times as Go's `metav1.Time` and `MicroTime` read and write them: RFC 3339 in, UTC out, with seconds or microseconds.
 * Errors are worded as Go's `time.ParseError`.
 */
export type TimeText = { text: string } | { error: string };

const CANONICAL = /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|1\d|2[0-8])T([01]\d|2[0-3]):[0-5]\d:[0-5]\dZ$/;
const LAYOUT = '2006-01-02T15:04:05Z07:00';
const MICRO_LAYOUT = '2006-01-02T15:04:05.000000Z07:00';

/** Go's layout elements, in order, with what each may look like at the start of the rest of the text. */
const ELEMENTS: readonly { layout: string; pattern: RegExp }[] = [
  { layout: '2006', pattern: /^\d{4}/ },
  { layout: '-', pattern: /^-/ },
  { layout: '01', pattern: /^\d\d/ },
  { layout: '-', pattern: /^-/ },
  { layout: '02', pattern: /^\d\d/ },
  { layout: 'T', pattern: /^T/ },
  { layout: '15', pattern: /^\d\d/ },
  { layout: ':', pattern: /^:/ },
  { layout: '04', pattern: /^\d\d/ },
  { layout: ':', pattern: /^:/ },
  { layout: '05', pattern: /^\d\d/ },
];
const FRACTION = /^[.,]\d+/;
const MICRO_FRACTION = /^\.\d{6}/;
const ZONE = /^(?:Z|[+-]([01]\d|2[0-4]):[0-5]\d)/;

/** The time in its stored form (`2006-01-02T15:04:05Z`, with `micro` six more digits), or why Go would refuse it. */
export function readTime(text: string, micro = false): TimeText {
  if (!micro && CANONICAL.test(text)) return { text };
  const { numbers, rest, missing } = readNumbers(text);
  const fraction = (micro ? MICRO_FRACTION : FRACTION).exec(rest)?.[0] ?? '';
  if (missing !== undefined) return mismatch(text, { rest, missing, micro });
  if (micro && fraction === '') return mismatch(text, { rest, missing: '.000000', micro });
  const outOfRange = findOutOfRange(numbers);
  if (outOfRange !== undefined) return failure(text, `: ${outOfRange} out of range`);
  const zone = rest.slice(fraction.length);
  const end = ZONE.exec(zone)?.[0].length;
  if (end === undefined) return mismatch(text, { rest: zone, missing: 'Z07:00', micro });
  if (end < zone.length) return failure(text, `: extra text: ${JSON.stringify(zone.slice(end))}`);
  return { text: formatUtc(numbers, { fraction: micro ? fraction : '', zone }) };
}

function mismatch(text: string, { rest, missing, micro }: { rest: string; missing: string; micro: boolean }): TimeText {
  const layout = micro ? MICRO_LAYOUT : LAYOUT;
  return failure(text, ` as "${layout}": cannot parse ${JSON.stringify(rest)} as "${missing}"`);
}

function failure(text: string, detail: string): TimeText {
  return { error: `parsing time ${JSON.stringify(text)}${detail}` };
}

/** Year to second; `missing` is the layout element that `rest` should begin with and does not. */
function readNumbers(text: string): { numbers: number[]; rest: string; missing: string | undefined } {
  const numbers: number[] = [];
  let rest = text;
  for (const { layout, pattern } of ELEMENTS) {
    const match = pattern.exec(rest);
    if (match === null) return { numbers, rest, missing: layout };
    if (layout.length > 1) numbers.push(Number(match[0]));
    rest = rest.slice(match[0].length);
  }
  return { numbers, rest, missing: undefined };
}

function findOutOfRange([year, month, day, hour, minute, second]: readonly number[]): string | undefined {
  if (month! < 1 || month! > 12) return 'month';
  if (hour! > 23) return 'hour';
  if (minute! > 59) return 'minute';
  if (second! > 59) return 'second';
  return day! < 1 || day! > daysIn(year!, month!) ? 'day' : undefined;
}

function daysIn(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return [4, 6, 9, 11].includes(month) ? 30 : 31;
}

function formatUtc(numbers: readonly number[], { fraction, zone }: { fraction: string; zone: string }): string {
  const [year, month, day, hour, minute, second] = numbers as [number, number, number, number, number, number];
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  date.setUTCHours(hour, minute, second);
  const sign = zone.startsWith('-') ? 1 : -1;
  const offsetMinutes = zone === 'Z' ? 0 : Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4, 6));
  date.setUTCMinutes(date.getUTCMinutes() + sign * offsetMinutes);
  return `${date.toISOString().slice(0, -5)}${fraction}Z`;
}
