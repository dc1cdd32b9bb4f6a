/**
 * Schedules of CronJobs: five fields or a descriptor (upstream: `ParseStandard` of robfig/cron v3, `parser.go`). Names
 * of days and months, lists, ranges, steps and `?` as there.
 */

/** When something is due. Days match by both of their fields, or by either where neither is a `*`. */
export type Schedule =
  | { type: 'every'; periodSeconds: number }
  | {
      type: 'times';
      /** In whose time; absent: the reader's. */
      timeZone?: string;
      minute: CronField;
      hour: CronField;
      dayOfMonth: CronField;
      month: CronField;
      dayOfWeek: CronField;
    };

export interface CronField {
  values: ReadonlySet<number>;
  /** `*` or `?` without a step above 1. */
  isAny: boolean;
}

interface Bounds {
  min: number;
  max: number;
  /** Names of the values from `min` on. */
  names?: readonly string[];
}

const BOUNDS = {
  minute: { min: 0, max: 59 },
  hour: { min: 0, max: 23 },
  dayOfMonth: { min: 1, max: 31 },
  month: { min: 1, max: 12, names: 'jan feb mar apr may jun jul aug sep oct nov dec'.split(' ') },
  dayOfWeek: { min: 0, max: 6, names: 'sun mon tue wed thu fri sat'.split(' ') },
} as const satisfies Record<string, Bounds>;

const DESCRIPTORS: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
};

/** Throws an Error with upstream's message. */
export function parseSchedule(text: string): Schedule {
  if (text === '') throw new Error('empty spec string');
  const zoned = /^(?:CRON_)?TZ=(\S*)\s*(.*)$/s.exec(text);
  if (zoned === null) return parseTimes(text);
  const [, timeZone = '', rest = ''] = zoned;
  if (!isTimeZone(timeZone)) throw new Error(`provided bad location ${timeZone}: unknown time zone ${timeZone}`);
  const schedule = parseTimes(rest.trim());
  return schedule.type === 'every' ? schedule : { ...schedule, timeZone };
}

function parseTimes(text: string): Schedule {
  if (text.startsWith('@every ')) return { type: 'every', periodSeconds: parsePeriod(text) };
  if (text.startsWith('@') && !Object.hasOwn(DESCRIPTORS, text)) throw new Error(`unrecognized descriptor: ${text}`);
  const fields = (DESCRIPTORS[text] ?? text).split(/\s+/).filter((field) => field !== '');
  if (fields.length !== 5) throw new Error(`expected exactly 5 fields, found ${fields.length}: [${fields.join(' ')}]`);
  return {
    type: 'times',
    minute: parseField(fields[0]!, BOUNDS.minute),
    hour: parseField(fields[1]!, BOUNDS.hour),
    dayOfMonth: parseField(fields[2]!, BOUNDS.dayOfMonth),
    month: parseField(fields[3]!, BOUNDS.month),
    dayOfWeek: parseField(fields[4]!, BOUNDS.dayOfWeek),
  };
}

function parseField(text: string, bounds: Bounds): CronField {
  const values = new Set<number>();
  let isAny = false;
  for (const expression of text.split(',').filter((part) => part !== '')) {
    const range = parseRange(expression, bounds);
    for (let value = range.start; value <= range.end; value += range.step) values.add(value);
    isAny ||= range.isAny;
  }
  return { values, isAny };
}

interface Range {
  start: number;
  end: number;
  step: number;
  isAny: boolean;
}

function parseRange(expression: string, bounds: Bounds): Range {
  const [interval = '', stepText, ...moreSteps] = expression.split('/');
  const range = parseInterval(interval, expression, bounds);
  if (moreSteps.length > 0) throw new Error(`too many slashes: ${expression}`);
  if (stepText !== undefined) {
    range.step = parseInteger(stepText);
    // `5/15` goes on to the end.
    if (!interval.includes('-')) range.end = bounds.max;
    if (range.step > 1) range.isAny = false;
  }
  checkRange(range, expression, bounds);
  return range;
}

function parseInterval(interval: string, expression: string, bounds: Bounds): Range {
  const [low = '', high, ...more] = interval.split('-');
  if (low === '*' || low === '?') return { start: bounds.min, end: bounds.max, step: 1, isAny: true };
  const start = parseValue(low, bounds);
  if (more.length > 0) throw new Error(`too many hyphens: ${expression}`);
  return { start, end: high === undefined ? start : parseValue(high, bounds), step: 1, isAny: false };
}

function checkRange({ start, end, step }: Range, expression: string, { min, max }: Bounds): void {
  if (start < min) throw new Error(`beginning of range (${start}) below minimum (${min}): ${expression}`);
  if (end > max) throw new Error(`end of range (${end}) above maximum (${max}): ${expression}`);
  if (start > end) throw new Error(`beginning of range (${start}) beyond end of range (${end}): ${expression}`);
  if (step === 0) throw new Error(`step of range should be a positive number: ${expression}`);
}

function parseValue(text: string, { min, names = [] }: Bounds): number {
  const position = names.indexOf(text.toLowerCase());
  return position < 0 ? parseInteger(text) : min + position;
}

function parseInteger(text: string): number {
  if (!/^[+-]?\d+$/.test(text))
    throw new Error(`failed to parse int from ${text}: ${atoiError(text, 'invalid syntax')}`);
  const value = Number(text);
  if (!Number.isSafeInteger(value))
    throw new Error(`failed to parse int from ${text}: ${atoiError(text, 'value out of range')}`);
  if (value < 0) throw new Error(`negative number (${value}) not allowed: ${text}`);
  return value;
}

const atoiError = (text: string, why: string): string => `strconv.Atoi: parsing ${JSON.stringify(text)}: ${why}`;

const UNIT_SECONDS: Readonly<Record<string, number>> = {
  ns: 1e-9,
  us: 1e-6,
  µs: 1e-6,
  μs: 1e-6,
  ms: 1e-3,
  s: 1,
  m: 60,
  h: 3600,
};

/** Of `@every 1h30m`; in whole seconds, at least one. */
function parsePeriod(descriptor: string): number {
  const text = descriptor.slice('@every '.length);
  const refuse = (why: string): never => {
    throw new Error(`failed to parse duration ${descriptor}: time: ${why}`);
  };
  const body = text.replace(/^[+-]/, '');
  if (body === '0') return 1;
  const term = /(\d+\.?\d*|\.\d+)([^\d.]*)/y;
  let seconds = 0;
  while (term.lastIndex < body.length || body === '') {
    const match = body === '' ? null : term.exec(body);
    if (match === null) return refuse(`invalid duration ${JSON.stringify(text)}`);
    const [, amount = '', unit = ''] = match;
    if (unit === '') return refuse(`missing unit in duration ${JSON.stringify(text)}`);
    if (!Object.hasOwn(UNIT_SECONDS, unit))
      return refuse(`unknown unit ${JSON.stringify(unit)} in duration ${JSON.stringify(text)}`);
    seconds += Number(amount) * UNIT_SECONDS[unit]!;
  }
  return Math.max(1, Math.floor(text.startsWith('-') ? -seconds : seconds));
}

/** Whether Go would load the location: names of the IANA database, as they are spelt there. */
export function isTimeZone(name: string): boolean {
  if (name === '' || name === 'Local') return true;
  if (/^[+-]/.test(name)) return false;
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
  } catch {
    return false;
  }
  // Intl does not care for case, files do.
  const lower = name.toLowerCase();
  const spelt = Intl.supportedValuesOf('timeZone').find((known) => known.toLowerCase() === lower);
  return spelt === undefined || spelt === name;
}
