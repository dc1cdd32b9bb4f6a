/** Making and deleting the pods of a Job. Each function tells how many it made or deleted, and the first error. */
import type { Job } from '../../api/batch/v1/job.ts';
import type { Pod } from '../../api/core/v1/pod.ts';
import type { ControllerContext } from '../../client/controller.ts';
import { createPod, deletePod } from '../pod-control.ts';
import { isPodReady } from '../pods.ts';
import { runInSlowStartBatches } from '../slow-start.ts';
import { podOfJob } from './pod.ts';
import { removeTrackingFinalizer } from './tracking-finalizer.ts';
import type { JobView } from './view.ts';

/** What a reconcile changed of the pods that it saw. */
export interface Acted {
  created: number;
  deleted: number;
  deletedReady: number;
  failure: Error | undefined;
}

export const NOTHING_DONE: Acted = { created: 0, deleted: 0, deletedReady: 0, failure: undefined };

export async function createPods(
  { job, awaitingReplacement }: JobView,
  indexes: readonly (number | undefined)[],
  context: ControllerContext,
): Promise<Acted> {
  let next = 0;
  const { succeeded, failure } = await runInSlowStartBatches(indexes.length, async () => {
    const index = indexes[next++];
    const replaced = index === undefined ? undefined : awaitingReplacement.get(index);
    await createPod(podOfJob(job, index, replaced), job, context);
  });
  return { ...NOTHING_DONE, created: succeeded, failure };
}

/** Pods that are too many: they lose their finalizer first, and so do not count. */
export function deleteSurplus(job: Job, doomed: readonly Pod[], context: ControllerContext): Promise<Acted> {
  return deleteEach(doomed, async (pod) => {
    await removeTrackingFinalizer(pod, context.client);
    await deletePod(pod, job, context);
  });
}

/** Pods of a Job that ends: they keep their finalizer until they are counted. */
export function deleteActive({ job, active }: JobView, context: ControllerContext): Promise<Acted> {
  return deleteEach(active, (pod) => deletePod(pod, job, context));
}

async function deleteEach(doomed: readonly Pod[], remove: (pod: Pod) => Promise<void>): Promise<Acted> {
  const results = await Promise.allSettled(doomed.map(remove));
  const deleted = doomed.filter((_, i) => results[i]!.status === 'fulfilled');
  const failed = results.find((result) => result.status === 'rejected');
  return {
    created: 0,
    deleted: deleted.length,
    deletedReady: deleted.filter(isPodReady).length,
    failure: failed?.reason as Error | undefined,
  };
}
