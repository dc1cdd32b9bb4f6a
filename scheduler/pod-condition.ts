/** The pod's condition that says why it has no node (`handleSchedulingFailure` in `pkg/scheduler/schedule_one.go`). */
import type { Pod } from '../api/core/v1/pod.ts';
import { findCondition, withCondition } from '../client/conditions.ts';
import type { ConditionLike } from '../client/conditions.ts';

export type FailureReason = 'Unschedulable' | 'SchedulerError';

/** The length that events' notes may have. */
const MAX_NOTE_LENGTH = 1024;

/** A strategic merge patch of the pod's status; `undefined` when the condition says so already. */
export function unscheduledPatch(
  pod: Pod,
  failure: { reason: FailureReason; message: string },
  now: string,
): Record<string, unknown> | undefined {
  const { generation, uid } = pod.metadata;
  const conditions = pod.status?.conditions as readonly ConditionLike[] | undefined;
  const wanted: ConditionLike = {
    type: 'PodScheduled',
    status: 'False',
    ...failure,
    ...(generation === undefined ? {} : { observedGeneration: generation }),
  };
  const next = withCondition(conditions, wanted, now);
  if (next === conditions) return undefined;
  // With the uid, a new pod of the same name refuses it.
  return { metadata: { uid }, status: { conditions: [findCondition(next, 'PodScheduled')] } };
}

/** `truncateMessage` */
export function truncateNote(message: string): string {
  const suffix = ' ...';
  return message.length <= MAX_NOTE_LENGTH ? message : message.slice(0, MAX_NOTE_LENGTH - suffix.length) + suffix;
}
