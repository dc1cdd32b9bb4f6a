/** Wire types of Jobs, as they travel: times are strings. */
import type { V1Job, V1JobSpec, V1JobStatus } from '@kubernetes/client-node';
import type { PodTemplateSpec } from '../../../core/v1/pod/types.ts';
import type { Wire, WireObject } from '../../../machinery/meta.ts';

export type JobSpec = Omit<Wire<V1JobSpec>, 'template'> & { template: PodTemplateSpec };
export type JobStatus = Wire<V1JobStatus>;

/** A decoded Job: defaulting has seen to it that `spec` is there. */
export type Job = Omit<WireObject<V1Job>, 'spec'> & { spec: JobSpec };

export type JobConditionType = 'Complete' | 'Failed' | 'FailureTarget' | 'SuccessCriteriaMet' | 'Suspended';

export function hasCondition(status: JobStatus | undefined, type: JobConditionType): boolean {
  return (status?.conditions ?? []).some((condition) => condition.type === type && condition.status === 'True');
}

export function isFinished(status: JobStatus | undefined): boolean {
  return hasCondition(status, 'Complete') || hasCondition(status, 'Failed');
}

export function isIndexed({ completionMode }: JobSpec): boolean {
  return completionMode === 'Indexed';
}
