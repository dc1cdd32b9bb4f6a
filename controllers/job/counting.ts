/**
 * Counting a Job's ended pods exactly once (upstream `trackJobStatusAndRemoveFinalizers`): a pod is first listed in the
 * status, then loses its finalizer, and only then is its list entry turned into a count. Whatever is interrupted in
 * between, the next reconcile goes on from what is stored: a listed pod is not listed again, and a pod without the
 * finalizer is not looked at. Pure.
 */
import type { JobStatus } from '../../api/batch/v1/job.ts';
import { isIndexed } from '../../api/batch/v1/job/types.ts';
import type { Pod } from '../../api/core/v1/pod.ts';
import type { JobCondition } from './conditions.ts';
import { countOf, formatIntervals, hasIndex } from './intervals.ts';
import { completionIndexOf, isPodFailed, isPodSucceeded, validIndexOf } from './pod-facts.ts';
import { countsAsFailure } from './pod-failure-policy.ts';
import { uncountedOf } from './view.ts';
import type { JobView } from './view.ts';

/** Pods in the lists of one status, so that it stays small (`MaxUncountedPods`). */
export const MAX_UNCOUNTED = 500;

export interface Counting {
  /** Pods that may lose their finalizer once the status is stored. */
  release: Pod[];
  /** There are more, left for the next reconcile. */
  isPartial: boolean;
}

/** Lists ended pods in `status`, which is changed. `end` is the condition that announces the end of the Job, if it ends. */
export function listEnded(view: JobView, status: JobStatus, end: JobCondition | undefined): Counting {
  const lists = uncountedOf(status);
  const [succeeded, failed] = [new Set(lists.succeeded), new Set(lists.failed)];
  const release: Pod[] = [];
  const newIndexes = new Set<number>();
  let isPartial = false;
  for (const pod of inOrder(view)) {
    if (!isReleasable(pod, view, end)) continue;
    release.push(pod);
    const uid = pod.metadata.uid!;
    const outcome = outcomeOf(pod, view, end);
    if (outcome === 'failed') failed.add(uid);
    // The index is enough to count an indexed pod once.
    if (outcome === 'succeeded' && isIndexed(view.job.spec)) addNewIndex(pod, view, newIndexes);
    else if (outcome === 'succeeded' && !failed.has(uid)) succeeded.add(uid);
    if (newIndexes.size + succeeded.size + failed.size < MAX_UNCOUNTED) continue;
    isPartial = true;
    break;
  }
  setUncounted(status, [...succeeded], [...failed]);
  countIndexes(view, status);
  return { release, isPartial };
}

/** Turns list entries into counts for pods that have no finalizer any more. `tracked` are uids of those that have. */
export function countListed(status: JobStatus, tracked: ReadonlySet<string>): void {
  const { succeeded = [], failed = [] } = status.uncountedTerminatedPods ?? {};
  const isTracked = (uid: string): boolean => tracked.has(uid);
  const [leftSucceeded, leftFailed] = [succeeded.filter(isTracked), failed.filter(isTracked)];
  addTo(status, 'succeeded', succeeded.length - leftSucceeded.length);
  addTo(status, 'failed', failed.length - leftFailed.length);
  setUncounted(status, leftSucceeded, leftFailed);
}

function addTo(status: JobStatus, field: 'succeeded' | 'failed', more: number): void {
  if (more > 0) status[field] = (status[field] ?? 0) + more;
}

function setUncounted(status: JobStatus, succeeded: string[], failed: string[]): void {
  status.uncountedTerminatedPods = {
    ...(succeeded.length > 0 ? { succeeded } : {}),
    ...(failed.length > 0 ? { failed } : {}),
  };
}

function inOrder({ job, tracked }: JobView): readonly Pod[] {
  if (!isIndexed(job.spec)) return tracked;
  const place = (pod: Pod): number => completionIndexOf(pod) ?? -1;
  return [...tracked].sort((a, b) => place(a) - place(b));
}

/** A failed pod whose index has no new pod yet stays: the new one takes over its count of failures. */
function isReleasable(pod: Pod, { job, awaitingReplacement }: JobView, end: JobCondition | undefined): boolean {
  if (job.metadata.deletionTimestamp !== undefined || end !== undefined || isPodSucceeded(pod)) return true;
  if (!isPodFailed(pod, job)) return false;
  const index = completionIndexOf(pod);
  return index === undefined || awaitingReplacement.get(index)?.metadata.uid !== pod.metadata.uid;
}

/** Undefined for pods that do not count. */
function outcomeOf(pod: Pod, { job }: JobView, end: JobCondition | undefined): 'succeeded' | 'failed' | undefined {
  if (isPodSucceeded(pod)) return 'succeeded';
  // What still runs when a Job fails has failed with it.
  const fails = isPodFailed(pod, job) || end?.type === 'FailureTarget';
  if (!fails || (isIndexed(job.spec) && validIndexOf(pod, job) === undefined)) return undefined;
  return countsAsFailure(job.spec.podFailurePolicy, pod) ? 'failed' : undefined;
}

function addNewIndex(pod: Pod, { job, countedIndexes }: JobView, newIndexes: Set<number>): void {
  const index = validIndexOf(pod, job);
  if (index !== undefined && !hasIndex(countedIndexes, index)) newIndexes.add(index);
}

function countIndexes({ job, succeededIndexes, failedIndexes }: JobView, status: JobStatus): void {
  if (!isIndexed(job.spec)) return;
  const completed = formatIntervals(succeededIndexes);
  if (completed === '') delete status.completedIndexes;
  else status.completedIndexes = completed;
  const succeeded = countOf(succeededIndexes);
  if (succeeded === 0) delete status.succeeded;
  else status.succeeded = succeeded;
  if (failedIndexes !== undefined) status.failedIndexes = formatIntervals(failedIndexes);
}
