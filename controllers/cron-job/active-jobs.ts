/** Keeps a CronJob's status in step with its Jobs: which run, which have ended, when the last one succeeded. */
import type { CronJob } from '../../api/batch/v1/cron-job.ts';
import type { Job } from '../../api/batch/v1/job.ts';
import { jobs } from '../../api/batch/v1/job.ts';
import { hasCondition, isFinished } from '../../api/batch/v1/job/types.ts';
import { isNotFound } from '../../api/machinery/errors.ts';
import type { ControllerContext } from '../../client/controller.ts';

export type CronJobStatus = NonNullable<CronJob['status']>;

/** Changes `status`. Only a Job that the server does not have, either, counts as missing. */
export async function followJobs(
  cronJob: CronJob,
  { status, owned }: { status: CronJobStatus; owned: readonly Job[] },
  { client, events }: ControllerContext,
): Promise<void> {
  for (const job of owned) {
    const { name, uid } = job.metadata;
    const isListed = isActive(status, uid);
    if (!isFinished(job.status)) {
      const message = `Saw a job that the controller did not create or forgot: ${name}`;
      if (!isListed) events.event(cronJob, 'Warning', 'UnexpectedJob', message);
      continue;
    }
    if (isListed) {
      removeActive(status, uid);
      const condition = hasCondition(job.status, 'Complete') ? 'Complete' : 'Failed';
      events.event(cronJob, 'Normal', 'SawCompletedJob', `Saw completed job: ${name}, condition: ${condition}`);
    }
    noteSuccess(status, job);
  }
  const known = new Set(owned.map(({ metadata }) => metadata.uid));
  for (const { namespace = '', name = '', uid } of status.active ?? []) {
    if (known.has(uid)) continue;
    try {
      await client.get<Job>(jobs, { namespace, name });
    } catch (error) {
      if (!isNotFound(error)) throw error;
      events.event(cronJob, 'Normal', 'MissingJob', `Active job went missing: ${name}`);
      removeActive(status, uid);
    }
  }
}

export function isActive({ active = [] }: CronJobStatus, uid: string | undefined): boolean {
  return active.some((reference) => reference.uid === uid);
}

export function removeActive(status: CronJobStatus, uid: string | undefined): void {
  const others = (status.active ?? []).filter((reference) => reference.uid !== uid);
  if (others.length > 0) status.active = others;
  else delete status.active;
}

function noteSuccess(status: CronJobStatus, { status: { completionTime } = {}, ...job }: Job): void {
  if (completionTime === undefined || job.metadata.uid === undefined) return;
  if (Date.parse(completionTime) > (Date.parse(status.lastSuccessfulTime ?? '') || -Infinity))
    status.lastSuccessfulTime = completionTime;
}
