/** CronJob: makes a Job when its schedule is due (upstream `pkg/controller/cronjob/cronjob_controllerv2.go`). */
import type { CronJob } from '../../api/batch/v1/cron-job.ts';
import { cronJobs } from '../../api/batch/v1/cron-job.ts';
import { isTimeZone, parseSchedule } from '../../api/batch/v1/cron-job/schedule.ts';
import type { Job } from '../../api/batch/v1/job.ts';
import { jobs } from '../../api/batch/v1/job.ts';
import { deepEqual } from '../../api/machinery/equality.ts';
import type { Controller, ControllerContext, ReconcileResult } from '../../client/controller.ts';
import { defineController } from '../../client/controller.ts';
import { isControlledBy } from '../../client/owner-references.ts';
import { OWNER_UID_INDEX } from '../../client/store.ts';
import type { CronJobStatus } from './active-jobs.ts';
import { followJobs } from './active-jobs.ts';
import { surplusJobs } from './history.ts';
import type { CronTimes, DueRun } from './missed-runs.ts';
import { dueRun, untilNextMs } from './missed-runs.ts';
import { nextRunOf } from './next-run.ts';
import { ScheduleChanges } from './schedule-changes.ts';
import { deleteJob, start } from './start.ts';

const DOCUMENTATION = 'https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/';

export function cronJobController(): Controller {
  const changes = new ScheduleChanges();
  return defineController<CronJob>({
    name: 'cronjob-controller',
    for: cronJobs,
    owns: [jobs],
    writes: [jobs, cronJobs],
    workers: 5,
    async reconcile({ namespace, name }, context) {
      // Observe
      const key = `${namespace}/${name}`;
      const cronJob = context.lister<CronJob>(cronJobs).get(namespace, name);
      if (cronJob === undefined) {
        changes.forget(key);
        return undefined;
      }
      const sinceMs = changes.sinceMs(key, cronJob, context.now());
      const owned = context
        .byIndex<Job>(jobs, OWNER_UID_INDEX, cronJob.metadata.uid!)
        .filter((job) => isControlledBy(job, cronJob));
      const status = structuredClone(cronJob.status ?? {});

      // Decide and act
      let result: ReconcileResult;
      try {
        await forgetOldest(cronJob, { status, owned }, context);
        await followJobs(cronJob, { status, owned }, context);
        if (isWaiting(cronJob, context)) result = await runIfDue(cronJob, { status, sinceMs }, context);
      } finally {
        // Report: what has been done is to be known, whatever failed after it.
        if (!deepEqual(status, cronJob.status ?? {}))
          await context.client.update<CronJob>(cronJobs, { ...cronJob, status }, { subresource: 'status' });
      }
      return result;
    },
  });
}

async function forgetOldest(
  cronJob: CronJob,
  { status, owned }: { status: CronJobStatus; owned: readonly Job[] },
  context: ControllerContext,
): Promise<void> {
  for (const job of surplusJobs(cronJob, owned)) {
    if (job.metadata.deletionTimestamp === undefined) await deleteJob(cronJob, { job, status }, context);
  }
}

/** Whether it may make Jobs at all. */
function isWaiting(cronJob: CronJob, { events }: ControllerContext): boolean {
  const { timeZone, suspend } = cronJob.spec;
  if (cronJob.metadata.deletionTimestamp !== undefined) return false;
  if (timeZone !== undefined && !isTimeZone(timeZone)) {
    const message = `invalid timeZone: ${JSON.stringify(timeZone)}: unknown time zone ${timeZone}`;
    events.event(cronJob, 'Warning', 'UnknownTimeZone', message);
    return false;
  }
  return suspend !== true;
}

/** Runs up to `sinceMs` were due by another schedule, if at all. */
async function runIfDue(
  cronJob: CronJob,
  { status, sinceMs }: { status: CronJobStatus; sinceMs: number },
  context: ControllerContext,
): Promise<ReconcileResult> {
  const times = timesOf(cronJob, context);
  if (times === undefined) return undefined;
  const due = dueOf(cronJob, times, context);
  if (due === undefined) return undefined;
  const { dueMs, tooMany } = due;
  if (dueMs !== undefined && dueMs > sinceMs) {
    const message = 'too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew';
    if (tooMany) context.events.event(cronJob, 'Warning', 'TooManyMissedTimes', message);
    await start(cronJob, { status, dueMs }, context);
  }
  const requeueAfterMs = untilNextMs({ ...cronJob, status }, times, context.now());
  return requeueAfterMs === undefined ? undefined : { requeueAfterMs };
}

/** Undefined for a schedule that cannot be read: a change of it will come by itself. */
function timesOf(cronJob: CronJob, { events }: ControllerContext): CronTimes | undefined {
  const { schedule: text, timeZone } = cronJob.spec;
  const quoted = JSON.stringify(text);
  if (text.includes('TZ')) {
    const message = `CRON_TZ or TZ used in schedule ${quoted} is not officially supported, see ${DOCUMENTATION} for more details`;
    events.event(cronJob, 'Warning', 'UnsupportedSchedule', message);
  }
  try {
    const schedule = parseSchedule(text);
    return { schedule, nextRun: nextRunOf(schedule, timeZone) };
  } catch (error) {
    const message = `unparseable schedule: ${quoted} : ${(error as Error).message}`;
    events.event(cronJob, 'Warning', 'UnparseableSchedule', message);
    return undefined;
  }
}

/** Undefined for a schedule that is never due. */
function dueOf(cronJob: CronJob, times: CronTimes, { events, now }: ControllerContext): DueRun | undefined {
  try {
    return dueRun(cronJob, times, now());
  } catch (error) {
    const message = `invalid schedule: ${cronJob.spec.schedule} : ${(error as Error).message}`;
    events.event(cronJob, 'Warning', 'InvalidSchedule', message);
    return undefined;
  }
}
