/**
 * A Job counts each pod that succeeded once: never more than there were, never fewer than it once said, and exactly its
 * completions when it says that it is complete. It has no more pods at work than it may (that it can know of).
 */
import type { Job } from '../../../api/batch/v1/job.ts';
import type { Pod } from '../../../api/core/v1/pod.ts';
import { controllerUid, isActive } from '../state.ts';
import type { Check, CheckContext, Invariant } from './invariant.ts';
import { Recent } from './recent.ts';

export const jobCounts: Invariant = (context) => {
  const { cluster, violated } = context;
  /** By the Job's uid, the uids of its pods that have succeeded. */
  const succeeded = new Map<string, Set<string>>();
  const parallelism = new Map<string, Recent<number>>();
  return {
    onChange({ kind, object, previous }) {
      if (object === undefined) return;
      const { uid = '' } = object.metadata;
      if (kind === 'pods') {
        const job = controllerUid(object) ?? '';
        noteSuccess(object as Pod, succeeded);
        const recent = parallelism.get(job);
        if (previous === undefined && recent !== undefined) checkParallel(object as Pod, recent, context);
      }
      if (kind !== 'jobs') return;
      const recent = parallelism.get(uid) ?? new Recent<number>();
      parallelism.set(uid, recent);
      recent.set((object as Job).spec?.parallelism ?? 1, cluster.time.elapsedMs);
      for (const problem of countProblems(object as Job, previous as Job | undefined, succeeded.get(uid)?.size ?? 0))
        violated(problem);
    },
    atRest() {
      for (const { metadata, status } of cluster.state.all<Job>('jobs')) {
        const isFinished = (status?.conditions ?? []).some(
          ({ type, status: value }) => (type === 'Complete' || type === 'Failed') && value === 'True',
        );
        if (!isFinished) violated(`Job ${metadata.name} does not finish: ${JSON.stringify(status)}`);
        for (const pod of cluster.state.ownedBy<Pod>(metadata.uid!, 'Pod')) {
          if (isFinished && (pod.metadata.finalizers ?? []).length > 0)
            violated(`${pod.metadata.name} keeps the finalizer of ${metadata.name}, which has finished`);
        }
      }
    },
  } satisfies Check;
};

function noteSuccess(pod: Pod, succeeded: Map<string, Set<string>>): void {
  if (pod.status?.phase !== 'Succeeded') return;
  const job = controllerUid(pod) ?? '';
  const known = succeeded.get(job);
  if (known === undefined) succeeded.set(job, new Set([pod.metadata.uid!]));
  else known.add(pod.metadata.uid!);
}

function checkParallel(pod: Pod, recent: Recent<number>, { cluster, violated }: CheckContext): void {
  const owned = cluster.state.ownedBy<Pod>(controllerUid(pod) ?? '', 'Pod');
  const active = owned.filter((one) => isActive(one) && !cluster.isUnknown(one)).length;
  const most = Math.max(...recent.within(cluster.time.elapsedMs));
  if (active > most) violated(`${pod.metadata.name} is number ${active} at work of a Job of ${most} at a time`);
}

function countProblems({ metadata, spec, status }: Job, before: Job | undefined, really: number): string[] {
  const { succeeded = 0, conditions = [] } = status ?? {};
  const problems: string[] = [];
  const said = before?.status?.succeeded ?? 0;
  if (succeeded > really) problems.push(`Job ${metadata.name} counts ${succeeded} pods that succeeded, not ${really}`);
  if (succeeded < said) problems.push(`Job ${metadata.name} counted ${said} pods that succeeded, now ${succeeded}`);
  const isComplete = conditions.some(({ type, status: value }) => type === 'Complete' && value === 'True');
  if (isComplete && succeeded !== (spec?.completions ?? 1))
    problems.push(`Job ${metadata.name} of ${spec?.completions} is complete with ${succeeded}`);
  return problems;
}
