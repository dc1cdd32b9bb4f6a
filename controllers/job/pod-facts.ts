/** What a Job asks of its pods: their index, how often that has failed, when they ended, whether they count as failed. */
import type { Job } from '../../api/batch/v1/job.ts';
import type { Pod } from '../../api/core/v1/pod.ts';
import { podCondition } from '../pods.ts';

export const COMPLETION_INDEX = 'batch.kubernetes.io/job-completion-index';
export const INDEX_FAILURE_COUNT = 'batch.kubernetes.io/job-index-failure-count';
export const INDEX_IGNORED_FAILURE_COUNT = 'batch.kubernetes.io/job-index-ignored-failure-count';

/** Undefined for a pod without an index, or with one that cannot be read. */
export function completionIndexOf(pod: Pod): number | undefined {
  const text = pod.metadata.annotations?.[COMPLETION_INDEX] ?? '';
  return /^\d+$/.test(text) ? Number(text) : undefined;
}

/** The index of a pod that can count: below the number of completions. */
export function validIndexOf(pod: Pod, { spec }: Job): number | undefined {
  const index = completionIndexOf(pod);
  return index !== undefined && index < (spec.completions ?? 0) ? index : undefined;
}

export function hasLimitPerIndex({ spec }: Job): boolean {
  return spec.backoffLimitPerIndex !== undefined;
}

/** Failures of the pod's index before it that count towards its limit. */
export function failuresBefore(pod: Pod): number {
  return countIn(pod, INDEX_FAILURE_COUNT);
}

export function ignoredFailuresBefore(pod: Pod): number {
  return countIn(pod, INDEX_IGNORED_FAILURE_COUNT);
}

/** Users can write annotations: what is no int32 counts as none. */
function countIn({ metadata }: Pod, annotation: string): number {
  const text = metadata.annotations?.[annotation] ?? '';
  const value = /^\d+$/.test(text) ? Number(text) : 0;
  return value < 2 ** 31 ? value : 0;
}

/** Whether pods are made anew only once they have ended, and not while they are being deleted. */
export function replacesOnlyFailed({ spec }: Job): boolean {
  return spec.podReplacementPolicy === 'Failed' || spec.podFailurePolicy !== undefined;
}

/** A pod that is being deleted may never reach a phase: without a node nobody reports one. */
export function isPodFailed(pod: Pod, job: Job): boolean {
  const phase = pod.status?.phase;
  if (phase === 'Failed') return true;
  if (replacesOnlyFailed(job)) return false;
  return pod.metadata.deletionTimestamp !== undefined && phase !== 'Succeeded';
}

export function isPodSucceeded({ status }: Pod): boolean {
  return status?.phase === 'Succeeded';
}

/**
 * When the pod ended (`getFinishedTime` of `backoff_utils.go`): by its containers, else since when it is not ready, else
 * when it was deleted, else when it was made.
 */
export function finishedMs(pod: Pod): number {
  const ready = podCondition(pod, 'Ready');
  const readyChangedMs = ready?.status === 'False' ? Date.parse(ready.lastTransitionTime ?? '') : NaN;
  const { deletionTimestamp, deletionGracePeriodSeconds = 0, creationTimestamp } = pod.metadata;
  const deletedMs = Date.parse(deletionTimestamp ?? '') - deletionGracePeriodSeconds * 1000;
  const times = [containersFinishedMs(pod), readyChangedMs, deletedMs, Date.parse(creationTimestamp ?? '')];
  return times.find((time) => Number.isFinite(time)) ?? 0;
}

/** NaN while one of them has not ended. Sidecars end last, and so count. */
function containersFinishedMs({ spec, status }: Pod): number {
  const sidecars = new Set(
    (spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always').map(({ name }) => name),
  );
  const statuses = [
    ...(status?.containerStatuses ?? []),
    ...(status?.initContainerStatuses ?? []).filter(({ name }) => sidecars.has(name)),
  ];
  if (statuses.length === 0) return NaN;
  return Math.max(...statuses.map(({ state }) => Date.parse(state?.terminated?.finishedAt || '')));
}
