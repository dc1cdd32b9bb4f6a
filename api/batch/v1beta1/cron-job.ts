/** `batch/v1beta1` CronJob, of Kubernetes 1.8 to 1.24 (`pkg/apis/batch/v1beta1`). */
import { olderVersion } from '../../machinery/older-version.ts';
import { cronJobs } from '../v1/cron-job.ts';

export const cronJobsV1beta1 = olderVersion(cronJobs, {
  group: 'batch',
  version: 'v1beta1',
  schema: 'BatchV1beta1CronJob',
  deprecatedIn: '1.21',
  removedIn: '1.25',
  strategy: { orphansDependents: {} },
});
