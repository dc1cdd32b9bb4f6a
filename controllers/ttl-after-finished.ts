/** TTL after finished: deletes Jobs some time after their end (upstream `pkg/controller/ttlafterfinished`). */
import type { Job } from '../api/batch/v1/job.ts';
import { jobs } from '../api/batch/v1/job.ts';
import { isNotFound } from '../api/machinery/errors.ts';
import { defineController } from '../client/controller.ts';

export const ttlAfterFinishedController = defineController<Job>({
  name: 'ttl-after-finished-controller',
  for: jobs,
  writes: [jobs],
  workers: 5,
  async reconcile({ namespace, name }, { lister, client, now }) {
    const cached = lister<Job>(jobs).get(namespace, name);
    const leftMs = cached === undefined ? undefined : timeLeftMs(cached, now());
    if (leftMs === undefined) return undefined;
    if (leftMs > 0) return { requeueAfterMs: leftMs };
    try {
      // The cache may be behind a change of the time.
      const job = await client.get<Job>(jobs, { namespace, name });
      const freshMs = timeLeftMs(job, now());
      if (freshMs === undefined) return undefined;
      if (freshMs > 0) return { requeueAfterMs: freshMs };
      const preconditions = { uid: job.metadata.uid! };
      await client.delete(jobs, { namespace, name }, { propagationPolicy: 'Foreground', preconditions });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    return undefined;
  },
});

/** Until a Job may be deleted, 0 or less from then on; undefined for one that stays. */
export function timeLeftMs({ metadata, spec, status }: Job, nowMs: number): number | undefined {
  if (metadata.deletionTimestamp !== undefined || spec.ttlSecondsAfterFinished === undefined) return undefined;
  const end = status?.conditions?.find(
    (condition) => ['Complete', 'Failed'].includes(condition.type) && condition.status === 'True',
  );
  const endedMs = Date.parse(end?.lastTransitionTime ?? '');
  return Number.isFinite(endedMs) ? endedMs + spec.ttlSecondsAfterFinished * 1000 - nowMs : undefined;
}
