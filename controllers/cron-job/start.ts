/** Starts the run of a CronJob that is due, as far as its policies let it. */
import type { CronJob } from '../../api/batch/v1/cron-job.ts';
import type { Job } from '../../api/batch/v1/job.ts';
import { jobs } from '../../api/batch/v1/job.ts';
import { isAlreadyExists } from '../../api/machinery/errors.ts';
import { formatTime } from '../../base/clock.ts';
import type { ControllerContext } from '../../client/controller.ts';
import { isNamespaceTerminating } from '../../client/controller-runner.ts';
import { referenceTo } from '../../client/event-names.ts';
import { isControlledBy } from '../../client/owner-references.ts';
import type { CronJobStatus } from './active-jobs.ts';
import { isActive, removeActive } from './active-jobs.ts';
import { jobName, jobOfRun } from './job.ts';

export interface Run {
  /** Is changed. */
  status: CronJobStatus;
  dueMs: number;
}

export async function start(cronJob: CronJob, run: Run, context: ControllerContext): Promise<void> {
  const { status, dueMs } = run;
  const { startingDeadlineSeconds, concurrencyPolicy } = cronJob.spec;
  const { events } = context;
  if (startingDeadlineSeconds !== undefined && dueMs + startingDeadlineSeconds * 1000 < context.now()) {
    const time = new Date(dueMs).toUTCString().replace('GMT', '+0000');
    events.event(cronJob, 'Warning', 'MissSchedule', `Missed scheduled time to start a job: ${time}`);
    return;
  }
  if (isDone(cronJob, run)) return;
  const active = status.active ?? [];
  if (concurrencyPolicy === 'Forbid' && active.length > 0) {
    const message = 'Not starting job because prior execution is running and concurrency policy is Forbid';
    events.event(cronJob, 'Normal', 'JobAlreadyActive', message);
    return;
  }
  if (concurrencyPolicy === 'Replace') await replaceActive(cronJob, status, context);
  const job = await createJob(cronJob, run, context);
  if (job === undefined) return;
  status.active = [...(status.active ?? []), referenceTo(job)];
  status.lastScheduleTime = formatTime(dueMs);
}

/** By this controller before: the name of the Job is that of its time. */
function isDone(cronJob: CronJob, { status, dueMs }: Run): boolean {
  const name = jobName(cronJob, dueMs);
  return (
    (status.active ?? []).some((reference) => reference.name === name) || status.lastScheduleTime === formatTime(dueMs)
  );
}

async function replaceActive(cronJob: CronJob, status: CronJobStatus, context: ControllerContext): Promise<void> {
  for (const { namespace = '', name = '' } of status.active ?? []) {
    let job: Job;
    try {
      job = await context.client.get<Job>(jobs, { namespace, name });
    } catch (error) {
      context.events.event(cronJob, 'Warning', 'FailedGet', `Get job: ${(error as Error).message}`);
      throw error;
    }
    if (await deleteJob(cronJob, { job, status }, context)) continue;
    throw new Error(`could not replace job ${namespace}/${name}`);
  }
}

/** With its pods, and out of the list of those that run. Tells whether it could be deleted. */
export async function deleteJob(
  cronJob: CronJob,
  { job, status }: { job: Job; status: CronJobStatus },
  { client, events }: ControllerContext,
): Promise<boolean> {
  const { namespace = '', name = '', uid = '' } = job.metadata;
  const options = { propagationPolicy: 'Background', preconditions: { uid } } as const;
  try {
    await client.delete(jobs, { namespace, name }, options);
  } catch (error) {
    events.event(cronJob, 'Warning', 'FailedDelete', `Deleted job: ${(error as Error).message}`);
    return false;
  }
  removeActive(status, uid);
  events.event(cronJob, 'Normal', 'SuccessfulDelete', `Deleted job ${name}`);
  return true;
}

/** Undefined when the run needs no place in the status: its Job is somebody else's, or listed. */
async function createJob(
  cronJob: CronJob,
  { status, dueMs }: Run,
  { client, events }: ControllerContext,
): Promise<Job | undefined> {
  const wanted = jobOfRun(cronJob, dueMs);
  try {
    const job = await client.create<Job>(jobs, wanted);
    events.event(cronJob, 'Normal', 'SuccessfulCreate', `Created job ${job.metadata.name}`);
    return job;
  } catch (error) {
    if (!isAlreadyExists(error)) {
      if (!isNamespaceTerminating(error))
        events.event(cronJob, 'Warning', 'FailedCreate', `Error creating job: ${(error as Error).message}`);
      throw error;
    }
  }
  // Made before, by a controller that did not get to write its status.
  const name = { namespace: wanted.metadata.namespace ?? '', name: wanted.metadata.name! };
  const job = await client.get<Job>(jobs, name);
  return isControlledBy(job, cronJob) && !isActive(status, job.metadata.uid) ? job : undefined;
}
