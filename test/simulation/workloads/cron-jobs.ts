/** Users of a CronJob whose Jobs may take longer than the time between two of them. */
import { cronJobs } from '../../../api/batch/v1/cron-job.ts';
import type { Action, Workload } from './action.ts';
import { ending } from './jobs.ts';

const object = { namespace: 'default', name: 'cron' };

export const cronJobWorkload: Workload = {
  name: 'cron-jobs',
  draw(random, calmMs) {
    const jobSpec = { backoffLimit: 1, template: ending('cron', { seconds: random.pick([5, 90]), exitCode: 0 }) };
    const spec = {
      schedule: '* * * * *',
      concurrencyPolicy: random.pick(['Allow', 'Forbid', 'Replace']),
      successfulJobsHistoryLimit: 1,
      jobTemplate: { spec: jobSpec },
    };
    const create: Action['run'] = ({ client }) => client.create(cronJobs, { metadata: object, spec } as never);
    const suspend: Action['run'] = ({ client }) =>
      client.patch(cronJobs, object, { type: 'merge', body: { spec: { suspend: true } } });
    return [
      { atMs: random.below(calmMs / 2), text: `create cronjob ${spec.concurrencyPolicy}`, run: create },
      { atMs: calmMs, text: 'suspend the cronjob', run: suspend },
    ];
  },
};
