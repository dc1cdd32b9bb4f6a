/** Which finished Jobs of a CronJob are too old to be kept (upstream `cleanupFinishedJobs`). Pure. */
import type { CronJob } from '../../api/batch/v1/cron-job.ts';
import type { Job } from '../../api/batch/v1/job.ts';
import { hasCondition } from '../../api/batch/v1/job/types.ts';

export function surplusJobs({ spec }: CronJob, owned: readonly Job[]): Job[] {
  const succeeded = owned.filter(({ status }) => hasCondition(status, 'Complete'));
  const failed = owned.filter(({ status }) => hasCondition(status, 'Failed'));
  return [...oldest(succeeded, spec.successfulJobsHistoryLimit), ...oldest(failed, spec.failedJobsHistoryLimit)];
}

function oldest(finished: readonly Job[], limit: number | undefined): Job[] {
  if (limit === undefined || finished.length <= limit) return [];
  return [...finished].sort(byStart).slice(0, finished.length - limit);
}

/** Jobs that never started come last. */
function byStart(a: Job, b: Job): number {
  const [first, second] = [a.status?.startTime ?? '~', b.status?.startTime ?? '~'];
  if (first !== second) return first < second ? -1 : 1;
  return a.metadata.name! < b.metadata.name! ? -1 : 1;
}
