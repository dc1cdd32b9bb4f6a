/** Which run of a CronJob is due (upstream `pkg/controller/cronjob/utils.go`, `mostRecentScheduleTime`). Pure. */
import type { CronJob } from '../../api/batch/v1/cron-job.ts';
import type { Schedule } from '../../api/batch/v1/cron-job/schedule.ts';
import type { NextRun } from './next-run.ts';

const MINUTE_MS = 60_000;
const MANY = 100;

export interface DueRun {
  /** The latest run that has not been carried out, up to now; undefined when there is none. */
  dueMs: number | undefined;
  /** So many were missed that something is wrong. */
  tooMany: boolean;
}

export interface CronTimes {
  schedule: Schedule;
  nextRun: NextRun;
}

/** Throws for a schedule that never is due. */
export function dueRun(cronJob: CronJob, { schedule, nextRun }: CronTimes, nowMs: number): DueRun {
  const sinceMs = earliestMs(cronJob, nowMs);
  const first = nextRun(sinceMs);
  if (first === undefined) throw new Error('time difference between two schedules is less than 1 second');
  if (first > nowMs) return { dueMs: undefined, tooMany: false };
  const second = nextRun(first);
  if (second === undefined || second > nowMs) return { dueMs: first, tooMany: false };
  // An estimate, as upstream's: counting those of decades would take too long.
  const missed = Math.floor((nowMs - first) / (second - first)) + 1;
  const dueMs = schedule.type === 'every' ? first + (missed - 1) * (second - first) : latestRun(nextRun, first, nowMs);
  return { dueMs, tooMany: missed > MANY };
}

/** Runs up to here are over: carried out, of a time before the CronJob, or past their starting deadline. */
function earliestMs({ metadata, spec, status }: CronJob, nowMs: number): number {
  const lastMs = Date.parse(status?.lastScheduleTime ?? metadata.creationTimestamp ?? '');
  const { startingDeadlineSeconds } = spec;
  return startingDeadlineSeconds === undefined ? lastMs : Math.max(lastMs, nowMs - startingDeadlineSeconds * 1000);
}

/**
 * The last run up to `nowMs`; `known` is one. Looks back ever farther, then halves: the effort does not grow with the
 * number of runs, which anyone can make large.
 */
function latestRun(nextRun: NextRun, known: number, nowMs: number): number {
  const runAfter = (ms: number): number | undefined => {
    const run = nextRun(ms);
    return run !== undefined && run <= nowMs ? run : undefined;
  };
  let latest = known;
  let span = MINUTE_MS;
  for (; nowMs - span > known; span *= 4) {
    const run = runAfter(nowMs - span);
    if (run === undefined) continue;
    latest = run;
    break;
  }
  // After `end` there is no run.
  let end = nowMs;
  while (end - latest >= MINUTE_MS) {
    const middle = Math.floor((latest + end) / 2);
    const run = runAfter(middle);
    if (run === undefined) end = middle;
    else latest = run;
  }
  return latest;
}

/** When to look again: at the next run, a little late, in case clocks differ. Undefined when there is none. */
export function untilNextMs(cronJob: CronJob, { schedule, nextRun }: CronTimes, nowMs: number): number | undefined {
  const sinceMs = Date.parse(cronJob.status?.lastScheduleTime ?? cronJob.metadata.creationTimestamp ?? '');
  const next = schedule.type === 'every' ? nextOfPeriod(sinceMs, schedule.periodSeconds, nowMs) : nextRun(nowMs);
  return next === undefined ? undefined : next + 100 - nowMs;
}

/** Periods begin when the CronJob was made or last run. */
function nextOfPeriod(sinceMs: number, periodSeconds: number, nowMs: number): number {
  const periodMs = periodSeconds * 1000;
  const passed = Math.max(0, Math.floor((nowMs - sinceMs) / periodMs));
  return sinceMs + (passed + 1) * periodMs;
}
