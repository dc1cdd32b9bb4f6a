/**
 * A CronJob that forbids it has no two Jobs at work at once (of those that it can know of), and none has more than it
 * keeps of those that have succeeded.
 */
import type { CronJob } from '../../../api/batch/v1/cron-job.ts';
import type { Job } from '../../../api/batch/v1/job.ts';
import { controllerUid } from '../state.ts';
import { hasFinished } from './jobs.ts';
import type { Check, Invariant } from './invariant.ts';

export const cronJobRuns: Invariant = ({ cluster, violated }) =>
  ({
    onChange({ kind, name, object, previous }) {
      if (kind !== 'jobs' || object === undefined || previous !== undefined) return;
      const owner = cluster.state.byUid<CronJob>(controllerUid(object) ?? '');
      if (owner?.kind !== 'CronJob' || owner.spec.concurrencyPolicy !== 'Forbid') return;
      const running = cluster.state
        .ownedBy<Job>(owner.metadata.uid!, 'Job')
        .filter((job) => !hasFinished(job) && !cluster.isUnknown(job));
      if (running.length > 1) violated(`${name} is Job number ${running.length} at work of ${owner.metadata.name}`);
    },
    atRest() {
      for (const { metadata, spec } of cluster.state.all<CronJob>('cronjobs')) {
        const done = cluster.state.ownedBy<Job>(metadata.uid!, 'Job').filter((job) => hasFinished(job, 'Complete'));
        const most = spec.successfulJobsHistoryLimit ?? 3;
        if (done.length > most) violated(`${metadata.name} keeps ${done.length} Jobs that are done, not ${most}`);
      }
    },
  }) satisfies Check;
