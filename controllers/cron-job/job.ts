/** The Job of one run of a CronJob. */
import type { CronJob } from '../../api/batch/v1/cron-job.ts';
import { cronJobs } from '../../api/batch/v1/cron-job.ts';
import type { Job } from '../../api/batch/v1/job.ts';
import { newControllerRef } from '../../client/owner-references.ts';
import { zoneOf } from './next-run.ts';
import { formatInZone } from './zone.ts';

const SCHEDULED_AT = 'batch.kubernetes.io/cronjob-scheduled-timestamp';

/** Of the run at this time there is only one: the name is the time's. */
export function jobName({ metadata }: CronJob, runMs: number): string {
  return `${metadata.name}-${Math.floor(runMs / 60_000)}`;
}

export function jobOfRun(cronJob: CronJob, runMs: number): Job {
  const { jobTemplate, timeZone } = cronJob.spec;
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name: jobName(cronJob, runMs),
      namespace: cronJob.metadata.namespace ?? '',
      labels: { ...jobTemplate.metadata?.labels },
      annotations: {
        ...jobTemplate.metadata?.annotations,
        [SCHEDULED_AT]: formatInZone(zoneOf(timeZone ?? ''), runMs),
      },
      ownerReferences: [newControllerRef(cronJob, cronJobs)],
    },
    spec: jobTemplate.spec,
  };
}
