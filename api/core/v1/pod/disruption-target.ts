/** The condition that says why a pod is about to be taken away (upstream `pkg/api/v1/pod/util.go` UpdatePodCondition). */
import type { Pod, PodStatus } from './types.ts';

export const DISRUPTION_TARGET = 'DisruptionTarget';

/** `reason` and `message` are those of whoever takes the pod away; `now` is in RFC 3339. */
export interface Disruption {
  reason: string;
  message: string;
  now: string;
}

/** The pod's status with the condition. The same status when it says so already. */
export function withDisruptionTarget({ metadata, status = {} }: Pod, disruption: Disruption): PodStatus {
  const { reason, message, now } = disruption;
  const { generation } = metadata;
  const conditions = status.conditions ?? [];
  const before = conditions.find(({ type }) => type === DISRUPTION_TARGET);
  if (before?.status === 'True' && before.reason === reason && before.message === message) return status;
  const condition = {
    type: DISRUPTION_TARGET,
    status: 'True',
    reason,
    message,
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    lastTransitionTime: before?.status === 'True' ? (before.lastTransitionTime ?? now) : now,
  };
  return { ...status, conditions: [...conditions.filter((one) => one !== before), condition] };
}
