/** Whether a Job has come to its end, and why (the order of upstream's `syncJob`). Pure. */
import type { JobSpec } from '../../api/batch/v1/job.ts';
import { hasCondition, isIndexed } from '../../api/batch/v1/job/types.ts';
import type { Pod } from '../../api/core/v1/pod.ts';
import type { JobCondition } from './conditions.ts';
import { conditionOf, endCondition, trueCondition } from './conditions.ts';
import { countOf } from './intervals.ts';
import { isPodFailed } from './pod-facts.ts';
import { matchFailurePolicy } from './pod-failure-policy.ts';
import { matchSuccessPolicy } from './success-policy.ts';
import type { JobView } from './view.ts';

/**
 * The condition (`FailureTarget` or `SuccessCriteriaMet`) that announces the end, whether already in the status or not
 * yet. Undefined for a Job that goes on, one that may be complete included.
 */
export function announcedEnd(view: JobView, nowMs: number): JobCondition | undefined {
  const { status = {}, spec } = view.job;
  for (const type of ['SuccessCriteriaMet', 'FailureTarget'] as const) {
    const announced = conditionOf(status, type);
    if (announced?.status === 'True') return announced;
  }
  const message = failJobMessage(view);
  if (message !== undefined) return trueCondition('FailureTarget', { reason: 'PodFailurePolicy', message }, nowMs);
  if (view.failed > (spec.backoffLimit ?? 6) || isPastLimitOfRestarts(spec, view.pods))
    return endCondition('FailureTarget', 'BackoffLimitExceeded', nowMs);
  if ((deadlineMs(view) ?? Infinity) <= nowMs) return endCondition('FailureTarget', 'DeadlineExceeded', nowMs);
  return isIndexed(spec) ? endByIndexes(view, nowMs) : undefined;
}

/** When the Job will have been active for too long; undefined when it may take its time. */
export function deadlineMs({ job: { spec, status } }: JobView): number | undefined {
  if (spec.activeDeadlineSeconds === undefined || status?.startTime === undefined || spec.suspend) return undefined;
  // It is being resumed, and its time of start is still that of before the pause.
  if (hasCondition(status, 'Suspended')) return undefined;
  return Date.parse(status.startTime) + spec.activeDeadlineSeconds * 1000;
}

/** `active` as it is after pods were made or deleted. */
export function isComplete({ job: { spec }, succeeded }: JobView, active: number): boolean {
  if (active > 0) return false;
  // A work queue is done once a pod says so; the others see to their own end.
  return spec.completions === undefined ? succeeded > 0 : succeeded >= spec.completions;
}

function failJobMessage({ job, pods }: JobView): string | undefined {
  if (job.spec.podFailurePolicy === undefined) return undefined;
  for (const pod of pods) {
    if (!isPodFailed(pod, job)) continue;
    const { message } = matchFailurePolicy(job.spec.podFailurePolicy, pod);
    if (message !== undefined) return message;
  }
  return undefined;
}

/** Containers that restart in place count as failures, too (`pastBackoffLimitOnFailure`). */
function isPastLimitOfRestarts({ template, backoffLimit = 6 }: JobSpec, pods: readonly Pod[]): boolean {
  if (template.spec?.restartPolicy !== 'OnFailure') return false;
  let restarts = 0;
  for (const { status } of pods) {
    if (status?.phase !== 'Running' && status?.phase !== 'Pending') continue;
    const statuses = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])];
    for (const { restartCount } of statuses) restarts += restartCount;
  }
  return backoffLimit === 0 ? restarts > 0 : restarts >= backoffLimit;
}

function endByIndexes(
  { job: { spec }, succeededIndexes, failedIndexes }: JobView,
  nowMs: number,
): JobCondition | undefined {
  const failed = countOf(failedIndexes ?? []);
  if (failedIndexes !== undefined && spec.maxFailedIndexes !== undefined && failed > spec.maxFailedIndexes)
    return endCondition('FailureTarget', 'MaxFailedIndexesExceeded', nowMs);
  if (failed > 0 && failed + countOf(succeededIndexes) >= (spec.completions ?? 0))
    return endCondition('FailureTarget', 'FailedIndexes', nowMs);
  const message = matchSuccessPolicy(spec, succeededIndexes);
  return message === undefined
    ? undefined
    : trueCondition('SuccessCriteriaMet', { reason: 'SuccessPolicy', message }, nowMs);
}
