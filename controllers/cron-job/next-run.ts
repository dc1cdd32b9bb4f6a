/**
 * When a schedule is due, by the rules of robfig/cron v3 (`spec.go`, `constantdelay.go`): at every moment at which the
 * clock on the wall shows a time that matches. In an hour that a zone skips nothing happens, in one that it repeats
 * everything happens twice. The search for matching times is the `cron` package's, in UTC; the rest is ours: it would
 * move runs out of skipped hours, and gives up by the real clock.
 */
import { CronTime } from 'cron';
import type { CronField, Schedule } from '../../api/batch/v1/cron-job/schedule.ts';
import { offsetMs, processZone } from './zone.ts';

const MINUTE_MS = 60_000;
/** More than any change of a zone's offset. */
const MARGIN_MS = 2 * 86_400_000;
/** What matches nothing for this long never does. */
const MAX_YEARS = 5;
/** Calendars of years this far apart are equal, in our century and the last. */
const CYCLE_YEARS = 28;
const CYCLE_START = 1996;

/** Gives the first run after a moment; undefined when there is none in the next five years. Of one schedule and zone. */
export type NextRun = (afterMs: number) => number | undefined;

/** `timeZone` is the CronJob's; one in the schedule itself goes before. */
export function nextRunOf(schedule: Schedule, timeZone: string | undefined): NextRun {
  if (schedule.type === 'every') return (afterMs) => Math.floor(afterMs / 1000) * 1000 + schedule.periodSeconds * 1000;
  const zone = zoneOf(schedule.timeZone ?? timeZone);
  const nextWall = wallSearch(schedule);
  return (afterMs) => nextInZone(nextWall, zone, afterMs);
}

/** Go's names for the zone of the process and for UTC. */
export function zoneOf(name: string | undefined): string {
  return name === undefined || name === 'Local' ? processZone() : name === '' ? 'UTC' : name;
}

type Times = Extract<Schedule, { type: 'times' }>;

/** Searches among times on the wall, as if they were UTC. */
function wallSearch(schedule: Times): NextRun {
  const { minute, hour, dayOfMonth, month, dayOfWeek } = schedule;
  const fields = [minute, hour, dayOfMonth, month, dayOfWeek];
  if (fields.some(({ values }) => values.size === 0)) return () => undefined;
  // The package takes a list of all days for a `*`, which leaves the choice to the other field.
  const isEveryDay =
    !dayOfMonth.isAny && !dayOfWeek.isAny && (dayOfMonth.values.size === 31 || dayOfWeek.values.size === 7);
  const [day, weekday] = isEveryDay ? ['*', '*'] : [list(dayOfMonth), list(dayOfWeek)];
  const times = new CronTime([list(minute), list(hour), day, list(month), weekday].join(' '), 'UTC');
  return (wallMs) => searchIn(times, wallMs);
}

const list = ({ values }: CronField): string => [...values].sort((a, b) => a - b).join(',');

function searchIn(times: CronTime, wallMs: number): number | undefined {
  const year = new Date(wallMs).getUTCFullYear();
  const shift = Math.floor((year - CYCLE_START) / CYCLE_YEARS) * CYCLE_YEARS;
  // Runs are at whole minutes: the search, which goes by seconds, begins just before the next.
  const start = shiftYears(Math.floor(wallMs / MINUTE_MS) * MINUTE_MS + MINUTE_MS - 1000, -shift);
  let found: number;
  try {
    found = times.getNextDateFrom(new Date(start), 'UTC').toMillis();
  } catch {
    // Eight years without a match.
    return undefined;
  }
  const wall = shiftYears(found, shift);
  return new Date(wall).getUTCFullYear() > year + MAX_YEARS ? undefined : wall;
}

function shiftYears(ms: number, years: number): number {
  const date = new Date(ms);
  return date.setUTCFullYear(date.getUTCFullYear() + years);
}

/**
 * As long as the zone's offset stays, a time on the wall is a moment. Where it changes before the moment that was found,
 * the search goes on from the change. Changes far from both ends do not matter: what the wall shows between them
 * matches nothing, whatever the offset.
 */
function nextInZone(nextWall: NextRun, zone: string, afterMs: number): number | undefined {
  let fromMs = afterMs;
  let offset = offsetMs(zone, fromMs);
  for (;;) {
    const wall = nextWall(fromMs + offset);
    if (wall === undefined) return undefined;
    const found = wall - offset;
    const horizon = Math.min(found, fromMs + MARGIN_MS);
    if (offsetMs(zone, horizon) !== offset) {
      const change = changeBetween(zone, fromMs, horizon);
      offset = offsetMs(zone, change);
      // The moment of the change itself may match.
      fromMs = change - 1;
      continue;
    }
    if (horizon === found) return found;
    fromMs = Math.max(horizon, found - MARGIN_MS);
    offset = offsetMs(zone, fromMs);
  }
}

/** The first moment after `fromMs` at which the offset is not that of `fromMs`; at `toMs` it is another. */
function changeBetween(zone: string, fromMs: number, toMs: number): number {
  const offset = offsetMs(zone, fromMs);
  let [before, after] = [fromMs, toMs];
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2);
    if (offsetMs(zone, middle) === offset) before = middle;
    else after = middle;
  }
  return after;
}
