/** Takes the finalizer of Jobs off pods that no Job will count: their Job is gone, has finished, or they left it. */
import type { Job } from '../../api/batch/v1/job.ts';
import { jobs } from '../../api/batch/v1/job.ts';
import { isFinished } from '../../api/batch/v1/job/types.ts';
import type { Pod } from '../../api/core/v1/pod.ts';
import { pods } from '../../api/core/v1/pod.ts';
import { OWNER_UID_INDEX } from '../../client/store.ts';
import type { CacheReader } from '../../client/controller.ts';
import { defineController } from '../../client/controller.ts';
import { keyOf } from '../../client/keys.ts';
import { controllerOf, refersTo } from '../../client/owner-references.ts';
import { isManaged } from './job.ts';
import { isTracked, removeTrackingFinalizer } from './tracking-finalizer.ts';

export const orphanPodsOfJobs = defineController<Pod>({
  name: 'job-controller',
  for: pods,
  concerns: (pod) => isTracked(pod as Pod),
  watches: [
    {
      resource: jobs,
      isRelevant: (job, previous) => isFinished((job as Job).status) !== isFinished((previous as Job).status),
      map: (job, context) => context.byIndex<Pod>(pods, OWNER_UID_INDEX, job.metadata.uid ?? '').map(keyOf),
    },
  ],
  writes: [pods],
  async reconcile({ namespace, name }, context) {
    const pod = context.lister<Pod>(pods).get(namespace, name);
    if (pod === undefined || !isTracked(pod) || isAwaited(pod, context)) return undefined;
    // A Job that adopts it in this moment gives it the finalizer anew.
    await removeTrackingFinalizer(pod, context.client, { isStill: true });
    return undefined;
  },
});

/** Whether someone may still count the pod. */
function isAwaited(pod: Pod, context: CacheReader): boolean {
  const owner = controllerOf(pod);
  if (owner === undefined) return false;
  if (!refersTo(owner, jobs)) return true;
  const job = context.lister<Job>(jobs).get(pod.metadata.namespace ?? '', owner.name);
  if (job?.metadata.uid !== owner.uid) return false;
  return !isManaged(job) || !isFinished(job.status);
}
