/** What there is of one Job in one reconcile: its pods and what they mean for its counts. Pure. */
import type { Job, JobStatus } from '../../api/batch/v1/job.ts';
import { isIndexed } from '../../api/batch/v1/job/types.ts';
import type { Pod } from '../../api/core/v1/pod.ts';
import { isPodActive, isPodReady, isPodTerminating } from '../pods.ts';
import { countOf, hasIndex, parseIntervals, withIndexes } from './intervals.ts';
import type { Intervals } from './intervals.ts';
import {
  completionIndexOf,
  failuresBefore,
  finishedMs,
  hasLimitPerIndex,
  ignoredFailuresBefore,
  isPodFailed,
  isPodSucceeded,
  validIndexOf,
} from './pod-facts.ts';
import { countsAsFailure, matchFailurePolicy } from './pod-failure-policy.ts';
import { isTracked } from './tracking-finalizer.ts';

export interface JobView {
  job: Job;
  /** All that the Job controls. */
  pods: readonly Pod[];
  active: readonly Pod[];
  ready: number;
  terminating: number;
  /** Pods that still have the finalizer: only these are yet to be counted. */
  tracked: readonly Pod[];
  /** Ended, and in none of the status' counts and lists. */
  newlySucceeded: readonly Pod[];
  newlyFailed: readonly Pod[];
  /** Counted or about to be. */
  succeeded: number;
  failed: number;
  /** As the status has them. */
  countedIndexes: Intervals;
  succeededIndexes: Intervals;
  /** Undefined without a limit per index. */
  failedIndexes: Intervals | undefined;
  /** By index: the last failed pod, which is kept until a pod that knows of its failures has replaced it. */
  awaitingReplacement: ReadonlyMap<number, Pod>;
}

/** `released` are uids whose finalizer has been removed, though the cache may not show it yet. */
export function observeJob(job: Job, pods: readonly Pod[], released: ReadonlySet<string>): JobView {
  const status = job.status ?? {};
  const active = pods.filter(isPodActive);
  const tracked = pods.filter((pod) => isTracked(pod) && !released.has(pod.metadata.uid!));
  const countable = isIndexed(job.spec) ? tracked.filter((pod) => validIndexOf(pod, job) !== undefined) : tracked;
  const uncounted = uncountedOf(status);
  const isListed = ({ metadata: { uid = '' } }: Pod): boolean =>
    uncounted.succeeded.has(uid) || uncounted.failed.has(uid);
  const fresh = countable.filter((pod) => !isListed(pod));
  const newlySucceeded = fresh.filter(isPodSucceeded);
  const newlyFailed = fresh.filter((pod) => isPodFailed(pod, job));
  const counting = newlyFailed.filter((pod) => countsAsFailure(job.spec.podFailurePolicy, pod));
  // What was listed as failed while it was being deleted stays so, even if it succeeds in the end.
  const isLost = ({ metadata: { uid = '' } }: Pod): boolean => uncounted.failed.has(uid);
  const indexes = indexesOf(
    job,
    countable.filter((pod) => !isLost(pod)),
  );
  return {
    job,
    pods,
    active,
    ready: active.filter(isPodReady).length,
    terminating: pods.filter(isPodTerminating).length,
    tracked,
    newlySucceeded,
    newlyFailed,
    succeeded: isIndexed(job.spec)
      ? countOf(indexes.succeededIndexes)
      : (status.succeeded ?? 0) + newlySucceeded.length + uncounted.succeeded.size,
    failed: (status.failed ?? 0) + counting.length + uncounted.failed.size,
    ...indexes,
    awaitingReplacement: hasLimitPerIndex(job)
      ? awaitingReplacement(job, { countable, active, ...indexes })
      : new Map(),
  };
}

export interface Uncounted {
  succeeded: ReadonlySet<string>;
  failed: ReadonlySet<string>;
}

/** Uids that the status lists as ended, whose finalizer may still be there. */
export function uncountedOf({ uncountedTerminatedPods: { succeeded = [], failed = [] } = {} }: JobStatus): Uncounted {
  return { succeeded: new Set(succeeded), failed: new Set(failed) };
}

type Indexes = Pick<JobView, 'countedIndexes' | 'succeededIndexes' | 'failedIndexes'>;

function indexesOf(job: Job, countable: readonly Pod[]): Indexes {
  if (!isIndexed(job.spec)) return { countedIndexes: [], succeededIndexes: [], failedIndexes: undefined };
  const { completions = 0 } = job.spec;
  const { completedIndexes = '', failedIndexes = '' } = job.status ?? {};
  const countedIndexes = parseIntervals(completedIndexes, completions);
  const lost = parseIntervals(failedIndexes, completions);
  const indexOf = (pod: Pod): number => completionIndexOf(pod)!;
  const succeeded = countable.filter(isPodSucceeded).map(indexOf);
  const succeededIndexes = withIndexes(
    countedIndexes,
    succeeded.filter((index) => !hasIndex(lost, index)),
  );
  if (!hasLimitPerIndex(job)) return { countedIndexes, succeededIndexes, failedIndexes: undefined };
  const failed = countable.filter((pod) => isIndexFailed(pod, job)).map(indexOf);
  const isNew = (index: number): boolean => !hasIndex(succeededIndexes, index);
  return { countedIndexes, succeededIndexes, failedIndexes: withIndexes(lost, failed.filter(isNew)) };
}

/** Whether the failure of this pod was the last that its index may have. */
function isIndexFailed(pod: Pod, job: Job): boolean {
  if (!isPodFailed(pod, job)) return false;
  const { podFailurePolicy, backoffLimitPerIndex = 0 } = job.spec;
  const { action } = matchFailurePolicy(podFailurePolicy, pod);
  if (action === 'FailIndex') return true;
  return action !== 'Ignore' && failuresBefore(pod) >= backoffLimitPerIndex;
}

function awaitingReplacement(
  job: Job,
  view: Pick<JobView, 'active' | 'succeededIndexes' | 'failedIndexes'> & { countable: readonly Pod[] },
): Map<number, Pod> {
  const activeIndexes = new Set(view.active.map(completionIndexOf));
  const latest = new Map<number, Pod>();
  for (const pod of view.countable) {
    const index = completionIndexOf(pod)!;
    const isSettled = hasIndex(view.succeededIndexes, index) || hasIndex(view.failedIndexes ?? [], index);
    if (!isPodFailed(pod, job) || isSettled || activeIndexes.has(index)) continue;
    const other = latest.get(index);
    if (other === undefined || isLater(pod, other)) latest.set(index, pod);
  }
  return latest;
}

function isLater(pod: Pod, other: Pod): boolean {
  return attemptsOf(pod) >= attemptsOf(other) && finishedMs(pod) >= finishedMs(other);
}

const attemptsOf = (pod: Pod): number => failuresBefore(pod) + ignoredFailuresBefore(pod);
