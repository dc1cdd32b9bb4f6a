/** The conditions PodResizePending and PodResizeInProgress: pure. */
import type { Pod } from '../../api/core/v1/pod/types.ts';
import { formatTime } from '../../base/clock.ts';
import type { PodCondition } from '../status/conditions.ts';

export type ResizeConditionType = 'PodResizePending' | 'PodResizeInProgress';

export interface ResizeState {
  reason?: string;
  message?: string;
  /** Of the pod that the condition is about. */
  generation: number;
  sinceMs: number;
}

/** They are there while they are true. */
export function conditionOf(type: ResizeConditionType, state: ResizeState): PodCondition {
  const { reason, message, generation, sinceMs } = state;
  return {
    type,
    status: 'True',
    ...(reason === undefined ? {} : { reason }),
    ...(message === undefined ? {} : { message }),
    observedGeneration: generation,
    lastProbeTime: null as unknown as string,
    lastTransitionTime: formatTime(sinceMs),
  };
}

/** As an earlier kubelet has told it (upstream `BackfillPodResizeConditions`). */
export function recordedCondition({ status }: Pod, type: ResizeConditionType): ResizeState | undefined {
  const found = (status?.conditions ?? []).find((one) => one.type === type && one.status === 'True');
  if (found === undefined) return undefined;
  const { reason, message, observedGeneration = 0, lastTransitionTime } = found;
  return {
    ...(reason === undefined ? {} : { reason }),
    ...(message === undefined ? {} : { message }),
    generation: observedGeneration,
    sinceMs: Date.parse(lastTransitionTime ?? '') || 0,
  };
}
