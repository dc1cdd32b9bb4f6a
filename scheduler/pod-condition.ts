/** Conditions that the scheduler writes, and a pod's nomination (`handleSchedulingFailure` in `pkg/scheduler/schedule_one.go`). */
import type { Pod } from '../api/core/v1/pod.ts';
import { findCondition, withCondition } from '../client/conditions.ts';
import type { ConditionLike } from '../client/conditions.ts';
import { nominatedNodeOf } from './nominated-pods.ts';

export type FailureReason = 'Unschedulable' | 'SchedulerError';

/** The length that events' notes may have. */
const MAX_NOTE_LENGTH = 1024;

interface Failure {
  reason: FailureReason;
  message: string;
  /** The node that the pod is to have; `''` for none, absent to leave what is there. */
  nominatedNodeName?: string;
}

/** A strategic merge patch of the pod's status; `undefined` when the status says so already. */
export function unscheduledPatch(
  pod: Pod,
  { nominatedNodeName, ...failure }: Failure,
  now: string,
): Record<string, unknown> | undefined {
  const condition = conditionPatch(pod, { type: 'PodScheduled', status: 'False', ...failure }, now);
  if (nominatedNodeName === undefined || nominatedNodeName === nominatedNodeOf(pod)) return condition;
  const nomination = nominationPatch(pod, nominatedNodeName);
  return { ...nomination, status: { ...condition?.status, ...nomination.status } };
}

/** As `unscheduledPatch`, of the nomination alone; `''` ends it. */
export function nominationPatch(
  pod: Pod,
  nodeName: string,
): { metadata: { uid: string | undefined }; status: { nominatedNodeName: string | null } } {
  // With the uid, a new pod of the same name refuses it.
  return {
    metadata: { uid: pod.metadata.uid },
    status: { nominatedNodeName: nodeName === '' ? null : nodeName },
  };
}

/** As `unscheduledPatch`, for any condition. */
export function conditionPatch(
  pod: Pod,
  condition: ConditionLike,
  now: string,
): { metadata: { uid: string | undefined }; status: { conditions: unknown[] } } | undefined {
  const { generation, uid } = pod.metadata;
  const conditions = pod.status?.conditions as readonly ConditionLike[] | undefined;
  const observed = generation === undefined ? {} : { observedGeneration: generation };
  const next = withCondition(conditions, { ...condition, ...observed }, now);
  if (next === conditions) return undefined;
  // With the uid, a new pod of the same name refuses it.
  return { metadata: { uid }, status: { conditions: [findCondition(next, condition.type)] } };
}

/** `truncateMessage` */
export function truncateNote(message: string): string {
  const suffix = ' ...';
  return message.length <= MAX_NOTE_LENGTH ? message : message.slice(0, MAX_NOTE_LENGTH - suffix.length) + suffix;
}
