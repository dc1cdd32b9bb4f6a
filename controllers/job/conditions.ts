/** The conditions of Jobs: their reasons and messages are those of upstream's `job_controller.go`. */
import type { JobStatus } from '../../api/batch/v1/job.ts';
import type { JobConditionType } from '../../api/batch/v1/job/types.ts';
import { formatTime } from '../../base/clock.ts';

export type JobCondition = NonNullable<JobStatus['conditions']>[number];

/** Why a Job ends, and what the condition says then (`batch.JobReason…`). */
export const END_MESSAGES = {
  BackoffLimitExceeded: 'Job has reached the specified backoff limit',
  DeadlineExceeded: 'Job was active longer than specified deadline',
  MaxFailedIndexesExceeded: 'Job has exceeded the specified maximal number of failed indexes',
  FailedIndexes: 'Job has failed indexes',
  CompletionsReached: 'Reached expected number of succeeded pods',
} as const;

interface Cause {
  reason: string;
  message: string;
}

export function trueCondition(type: JobConditionType, { reason, message }: Cause, nowMs: number): JobCondition {
  const time = formatTime(nowMs);
  return { type, status: 'True', lastProbeTime: time, lastTransitionTime: time, reason, message };
}

/** With the reason's own message. */
export function endCondition(
  type: 'FailureTarget' | 'SuccessCriteriaMet',
  reason: keyof typeof END_MESSAGES,
  nowMs: number,
): JobCondition {
  return trueCondition(type, { reason, message: END_MESSAGES[reason] }, nowMs);
}

/** The condition that ends a Job, of the one that announced it: same reason and message. */
export function terminalCondition({ type, reason = '', message = '' }: JobCondition, nowMs: number): JobCondition {
  return trueCondition(type === 'SuccessCriteriaMet' ? 'Complete' : 'Failed', { reason, message }, nowMs);
}

export function conditionOf(status: JobStatus, type: JobConditionType): JobCondition | undefined {
  return status.conditions?.find((condition) => condition.type === type);
}

/** Adds or replaces; a False condition replaces, but is never added. Tells whether anything changed. */
export function setCondition(status: JobStatus, condition: JobCondition): boolean {
  const conditions = status.conditions ?? [];
  const index = conditions.findIndex(({ type }) => type === condition.type);
  if (index < 0) {
    if (condition.status === 'False') return false;
    status.conditions = [...conditions, condition];
    return true;
  }
  const known = conditions[index]!;
  const isSame =
    known.status === condition.status && known.reason === condition.reason && known.message === condition.message;
  if (!isSame) conditions[index] = condition;
  return !isSame;
}
