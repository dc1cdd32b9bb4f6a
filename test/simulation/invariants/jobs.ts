/**
 * A Job counts each pod that succeeded once: never more than there were, never fewer than it once said, and exactly its
 * completions when it says that it is complete. It has no more pods at work than it may (that it can know of).
 */
import type { Job } from '../../../api/batch/v1/job.ts';
import type { Pod } from '../../../api/core/v1/pod.ts';
import { controllerUid, isActive } from '../state.ts';
import type { Check, CheckContext, Invariant } from './invariant.ts';
import { LAG_MS, Recent } from './recent.ts';

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
      checkTime(object as Job, previous as Job | undefined, context);
      const recent = parallelism.get(uid) ?? new Recent<number>();
      parallelism.set(uid, recent);
      recent.set((object as Job).spec?.parallelism ?? 1, cluster.time.elapsedMs);
      for (const problem of countProblems(object as Job, previous as Job | undefined, succeeded.get(uid)?.size ?? 0))
        violated(problem);
    },
    atRest() {
      for (const job of cluster.state.all<Job>('jobs')) {
        const { metadata, status } = job;
        const isFinished = hasFinished(job);
        const pods = cluster.state.ownedBy<Pod>(metadata.uid!, 'Pod');
        if (!isFinished && !backsOff(pods, cluster.managers.clock.now()))
          violated(`Job ${metadata.name} does not finish: ${JSON.stringify(status)}`);
        if (isFinished && isOverdue(job, context)) violated(`Job ${metadata.name} outlives its time`);
        for (const pod of pods) {
          if (isFinished && (pod.metadata.finalizers ?? []).length > 0)
            violated(`${pod.metadata.name} keeps the finalizer of ${metadata.name}, which has finished`);
        }
      }
    },
  } satisfies Check;
};

export function hasFinished({ status }: Job, ...types: string[]): boolean {
  const wanted = types.length > 0 ? types : ['Complete', 'Failed'];
  return (status?.conditions ?? []).some(({ type, status: value }) => wanted.includes(type) && value === 'True');
}

/**
 * Upstream counts the wait from the end that the pod's node has told, by the controller's own clock: where that was set
 * back, it has not come yet (`getRemainingTime`).
 */
function backsOff(pods: readonly Pod[], nowMs: number): boolean {
  return pods.some(({ status }) => {
    const ended = status?.containerStatuses?.[0]?.state?.terminated?.finishedAt;
    return status?.phase === 'Failed' && Date.parse(ended ?? '') > nowMs;
  });
}

/** The end is told, and the time measured, by a clock that may have been set. */
function hasClockJumps({ plan }: CheckContext): boolean {
  return plan.faults.some(({ type, who }) => type === 'clock' && who === 'managers');
}

function endMs({ status }: Job): number {
  const end = status?.conditions?.find(({ type }) => type === 'Complete' || type === 'Failed');
  return Date.parse(end?.lastTransitionTime ?? '');
}

function isOverdue(job: Job, context: CheckContext): boolean {
  const { ttlSecondsAfterFinished = Infinity } = job.spec ?? {};
  const leftMs = endMs(job) + 1000 * ttlSecondsAfterFinished - context.cluster.managers.clock.now();
  return !hasClockJumps(context) && leftMs < -LAG_MS;
}

/** Its time begins with its end: the controller of that takes no Job earlier. */
function checkTime(job: Job, before: Job | undefined, context: CheckContext): void {
  const { namespace, name, deletionTimestamp } = job.metadata;
  if (deletionTimestamp === undefined || before?.metadata.deletionTimestamp !== undefined) return;
  const { cluster, violated } = context;
  if (cluster.deleterOf(`/apis/batch/v1/namespaces/${namespace}/jobs/${name}`) !== 'ttl-after-finished-controller')
    return;
  const leftMs = endMs(job) + 1000 * (job.spec?.ttlSecondsAfterFinished ?? Infinity) - cluster.managers.clock.now();
  if (!hasFinished(job) || (leftMs > 0 && !hasClockJumps(context))) violated(`Job ${name} is deleted before its time`);
}

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
