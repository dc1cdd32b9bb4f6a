/** Which pods a Job that goes on has to make or to delete (upstream `manageJob`). Pure. */
import { isIndexed } from '../../api/batch/v1/job/types.ts';
import type { Pod } from '../../api/core/v1/pod.ts';
import { isPodTerminating, sortForDeletion } from '../pods.ts';
import { remainingForIndexMs, remainingMs } from './backoff.ts';
import type { BackoffRecord } from './backoff.ts';
import { firstFree, union, withIndexes } from './intervals.ts';
import { completionIndexOf, hasLimitPerIndex, replacesOnlyFailed, validIndexOf } from './pod-facts.ts';
import type { JobView } from './view.ts';

/** At most this many pods are made or deleted in one reconcile (`MaxPodCreateDeletePerSync`). */
export const BURST = 500;
/** After so many, others come first: upstream sees to a Job at most once a second (`syncJobBatchPeriod`). */
export const PAUSE_AFTER_BURST_MS = 1000;

export type PodPlan =
  | { type: 'none' }
  | { type: 'delete'; pods: readonly Pod[] }
  /** Pods are missing, and may be made only after this time. */
  | { type: 'wait'; delayMs: number }
  /** One pod an entry: its index, or undefined for a Job without. */
  | { type: 'create'; indexes: readonly (number | undefined)[] };

export function planPods(view: JobView, backoff: BackoffRecord, nowMs: number): PodPlan {
  const { job, active } = view;
  if (job.spec.suspend === true) return deletion(view, active.length, { nowMs, limit: Infinity });
  const wanted = wantedActive(view);
  const surplus = deletion(view, Math.max(0, active.length - wanted), { nowMs, limit: BURST });
  // Never both at once: what is deleted may be what was missing.
  if (surplus.type !== 'none') return surplus;
  const terminating = replacesOnlyFailed(job) ? view.terminating : 0;
  const missing = wanted - terminating - active.length;
  return missing <= 0 ? { type: 'none' } : creation(view, Math.min(missing, BURST), { backoff, nowMs });
}

function wantedActive({ job: { spec }, active, succeeded }: JobView): number {
  const { parallelism = 1, completions } = spec;
  if (completions === undefined) return succeeded > 0 ? active.length : parallelism;
  return Math.max(0, Math.min(parallelism, completions - succeeded));
}

function deletion(view: JobView, atLeast: number, { nowMs, limit }: { nowMs: number; limit: number }): PodPlan {
  const { surplus, kept } = splitDuplicates(view, nowMs);
  const more = Math.max(0, atLeast - surplus.length);
  const doomed = more === 0 ? surplus : [...surplus, ...sortForDeletion(kept, new Map(), nowMs).slice(0, more)];
  return doomed.length === 0 ? { type: 'none' } : { type: 'delete', pods: doomed.slice(0, limit) };
}

/** Of an indexed Job: pods without a valid index, and all but one of each index, are too many. */
function splitDuplicates({ job, active }: JobView, nowMs: number): { surplus: Pod[]; kept: Pod[] } {
  if (!isIndexed(job.spec)) return { surplus: [], kept: [...active] };
  const surplus: Pod[] = [];
  const byIndex = new Map<number, Pod[]>();
  for (const pod of active) {
    const index = validIndexOf(pod, job);
    if (index === undefined) surplus.push(pod);
    else byIndex.set(index, [...(byIndex.get(index) ?? []), pod]);
  }
  const kept: Pod[] = [];
  for (const same of byIndex.values()) {
    const sorted = same.length === 1 ? same : sortForDeletion(same, new Map(), nowMs);
    surplus.push(...sorted.slice(0, -1));
    kept.push(sorted.at(-1)!);
  }
  return { surplus, kept };
}

function creation(
  view: JobView,
  count: number,
  { backoff, nowMs }: { backoff: BackoffRecord; nowMs: number },
): PodPlan {
  const { job } = view;
  const delayMs = hasLimitPerIndex(job) ? 0 : remainingMs(backoff, nowMs);
  if (delayMs > 0) return { type: 'wait', delayMs };
  if (!isIndexed(job.spec)) return { type: 'create', indexes: Array.from({ length: count }, () => undefined) };
  const missing = firstFree(takenIndexes(view), count, job.spec.completions ?? 0);
  if (missing.length === 0) return { type: 'none' };
  if (!hasLimitPerIndex(job)) return { type: 'create', indexes: missing };
  const waits = missing.map((index) => remainingForIndexMs(view.awaitingReplacement.get(index), nowMs));
  const now = missing.filter((_, i) => waits[i] === 0);
  return now.length > 0 ? { type: 'create', indexes: now } : { type: 'wait', delayMs: Math.min(...waits) };
}

/** Indexes that need no new pod. */
function takenIndexes({ job, pods, active, succeededIndexes, failedIndexes }: JobView) {
  const busy = replacesOnlyFailed(job) ? [...active, ...pods.filter(isPodTerminating)] : active;
  const indexes = busy.map(completionIndexOf).filter((index) => index !== undefined);
  return union(withIndexes(succeededIndexes, indexes), failedIndexes ?? []);
}
