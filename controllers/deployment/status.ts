/** A Deployment's status: counts, and the conditions Available and Progressing (upstream `pkg/controller/deployment/progress.go`, `sync.go`). */
import type { Deployment } from '../../api/apps/v1/deployment.ts';
import type { ReplicaSet } from '../../api/apps/v1/replica-set.ts';
import { formatTime } from '../../base/clock.ts';
import { maxUnavailableOf, totalReplicas, totalStatus } from './bounds.ts';

export type DeploymentStatus = NonNullable<Deployment['status']>;
export type DeploymentCondition = NonNullable<DeploymentStatus['conditions']>[number];

/** `spec.progressDeadlineSeconds` at this value means none. */
const NO_DEADLINE = 2 ** 31 - 1;

export function hasProgressDeadline({ spec }: Deployment): boolean {
  return spec.progressDeadlineSeconds !== undefined && spec.progressDeadlineSeconds !== NO_DEADLINE;
}

export function conditionOf(status: DeploymentStatus | undefined, type: string): DeploymentCondition | undefined {
  return status?.conditions?.find((condition) => condition.type === type);
}

export interface ConditionInit {
  type: string;
  status: 'True' | 'False' | 'Unknown';
  reason: string;
  message: string;
}

/** Unchanged when status and reason are the same; the transition time stays when only the reason changes. */
export function withCondition(
  conditions: readonly DeploymentCondition[],
  init: ConditionInit,
  nowMs: number,
): DeploymentCondition[] {
  const current = conditions.find(({ type }) => type === init.type);
  if (current !== undefined && current.status === init.status && current.reason === init.reason) return [...conditions];
  const now = formatTime(nowMs);
  const lastTransitionTime = current?.status === init.status ? (current.lastTransitionTime ?? now) : now;
  const others = conditions.filter(({ type }) => type !== init.type);
  return [
    ...others,
    {
      type: init.type,
      status: init.status,
      lastUpdateTime: now,
      lastTransitionTime,
      reason: init.reason,
      message: init.message,
    },
  ];
}

/** The counts that follow from the sets, and the Available condition (`calculateStatus`). */
export function statusFromSets(
  deployment: Deployment,
  newSet: ReplicaSet | undefined,
  { sets, nowMs }: { sets: readonly ReplicaSet[]; nowMs: number },
): DeploymentStatus {
  const { replicas: desired = 1 } = deployment.spec;
  const available = totalStatus(sets, 'availableReplicas');
  const status: DeploymentStatus = {};
  const set = (
    field: 'replicas' | 'updatedReplicas' | 'readyReplicas' | 'availableReplicas' | 'unavailableReplicas',
    value: number,
  ): void => {
    if (value > 0) status[field] = value;
  };
  if (deployment.metadata.generation !== undefined) status.observedGeneration = deployment.metadata.generation;
  set('replicas', totalStatus(sets, 'replicas'));
  set('updatedReplicas', newSet === undefined ? 0 : totalStatus([newSet], 'replicas'));
  set('readyReplicas', totalStatus(sets, 'readyReplicas'));
  set('availableReplicas', available);
  set('unavailableReplicas', totalReplicas(sets) - available);
  status.terminatingReplicas = totalStatus(sets, 'terminatingReplicas');
  if (deployment.status?.collisionCount !== undefined) status.collisionCount = deployment.status.collisionCount;
  const isAvailable = available >= desired - maxUnavailableOf(deployment);
  status.conditions = withCondition(
    deployment.status?.conditions ?? [],
    isAvailable
      ? {
          type: 'Available',
          status: 'True',
          reason: 'MinimumReplicasAvailable',
          message: 'Deployment has minimum availability.',
        }
      : {
          type: 'Available',
          status: 'False',
          reason: 'MinimumReplicasUnavailable',
          message: 'Deployment does not have minimum availability.',
        },
    nowMs,
  );
  return status;
}

/** All pods are of the new template, all available, none of the old ones left (`DeploymentComplete`). */
export function isComplete({ spec, metadata }: Deployment, status: DeploymentStatus): boolean {
  const { replicas: desired = 1 } = spec;
  return (
    (status.updatedReplicas ?? 0) === desired &&
    (status.replicas ?? 0) === desired &&
    (status.availableReplicas ?? 0) === desired &&
    (status.observedGeneration ?? 0) >= (metadata.generation ?? 0)
  );
}

/** More new, fewer old, more ready or available than before (`DeploymentProgressing`). */
export function isProgressing(before: DeploymentStatus | undefined, now: DeploymentStatus): boolean {
  const oldCount = (status: DeploymentStatus | undefined): number =>
    (status?.replicas ?? 0) - (status?.updatedReplicas ?? 0);
  return (
    (now.updatedReplicas ?? 0) > (before?.updatedReplicas ?? 0) ||
    oldCount(now) < oldCount(before) ||
    (now.readyReplicas ?? 0) > (before?.readyReplicas ?? 0) ||
    (now.availableReplicas ?? 0) > (before?.availableReplicas ?? 0)
  );
}

/** No progress for longer than the deadline (`DeploymentTimedOut`). */
export function isTimedOut(deployment: Deployment, status: DeploymentStatus, nowMs: number): boolean {
  const condition = conditionOf(status, 'Progressing');
  if (condition === undefined || condition.reason === 'NewReplicaSetAvailable') return false;
  if (condition.reason === 'ProgressDeadlineExceeded') return true;
  const sinceMs = Date.parse(condition.lastUpdateTime ?? '');
  return sinceMs + (deployment.spec.progressDeadlineSeconds ?? NO_DEADLINE) * 1000 < nowMs;
}

/** The status with its Progressing condition brought up to date (`syncRolloutStatus`). */
export function rolloutStatus(
  deployment: Deployment,
  newSet: ReplicaSet | undefined,
  { sets, nowMs }: { sets: readonly ReplicaSet[]; nowMs: number },
): DeploymentStatus {
  const status = statusFromSets(deployment, newSet, { sets, nowMs });
  let conditions = status.conditions ?? [];
  if (!hasProgressDeadline(deployment)) conditions = conditions.filter(({ type }) => type !== 'Progressing');
  const current = conditionOf(deployment.status, 'Progressing');
  const isCompleteRollout =
    (status.replicas ?? 0) === (status.updatedReplicas ?? 0) && current?.reason === 'NewReplicaSetAvailable';
  if (hasProgressDeadline(deployment) && !isCompleteRollout) {
    conditions = progressConditions(deployment, { status, conditions, subject: subjectOf(deployment, newSet), nowMs });
  }
  return { ...status, conditions: withReplicaFailure(conditions, failureOf(newSet, sets)) };
}

type SetCondition = NonNullable<NonNullable<ReplicaSet['status']>['conditions']>[number];

/** That of the new set, or else of any other (`getReplicaFailures`). */
function failureOf(newSet: ReplicaSet | undefined, sets: readonly ReplicaSet[]): SetCondition | undefined {
  return [...(newSet === undefined ? [] : [newSet]), ...sets]
    .flatMap((set) => set.status?.conditions ?? [])
    .find(({ type }) => type === 'ReplicaFailure');
}

/** It happened when the set says so (`ReplicaSetToDeploymentCondition`, `SetDeploymentCondition`). */
function withReplicaFailure(
  conditions: readonly DeploymentCondition[],
  failure: SetCondition | undefined,
): DeploymentCondition[] {
  const known = conditions.find(({ type }) => type === 'ReplicaFailure');
  if (failure !== undefined && known?.status === failure.status && known.reason === failure.reason)
    return [...conditions];
  const others = conditions.filter((condition) => condition !== known);
  if (failure === undefined) return others;
  const { lastTransitionTime: since, type, status, reason, message } = failure;
  const lastTransitionTime = known?.status === status ? known.lastTransitionTime : since;
  const condition: DeploymentCondition = {
    type,
    status,
    ...(since === undefined ? {} : { lastUpdateTime: since }),
    ...(lastTransitionTime === undefined ? {} : { lastTransitionTime }),
    ...(reason === undefined ? {} : { reason }),
    ...(message === undefined ? {} : { message }),
  };
  return [...others, condition];
}

function subjectOf(deployment: Deployment, newSet: ReplicaSet | undefined): string {
  return newSet === undefined
    ? `Deployment ${JSON.stringify(deployment.metadata.name)}`
    : `ReplicaSet ${JSON.stringify(newSet.metadata.name)}`;
}

function progressConditions(
  deployment: Deployment,
  {
    status,
    conditions,
    subject,
    nowMs,
  }: { status: DeploymentStatus; conditions: DeploymentCondition[]; subject: string; nowMs: number },
): DeploymentCondition[] {
  const current = conditions.find(({ type }) => type === 'Progressing');
  if (isComplete(deployment, status)) {
    return withCondition(
      conditions,
      {
        type: 'Progressing',
        status: 'True',
        reason: 'NewReplicaSetAvailable',
        message: `${subject} has successfully progressed.`,
      },
      nowMs,
    );
  }
  if (isProgressing(deployment.status, status)) {
    const init: ConditionInit = {
      type: 'Progressing',
      status: 'True',
      reason: 'ReplicaSetUpdated',
      message: `${subject} is progressing.`,
    };
    // The update time is what the deadline counts from: it moves with every progress.
    const others = conditions.filter(({ type }) => type !== 'Progressing');
    const lastTransitionTime =
      current?.status === 'True' && current.lastTransitionTime !== undefined
        ? current.lastTransitionTime
        : formatTime(nowMs);
    return [...others, { ...init, lastUpdateTime: formatTime(nowMs), lastTransitionTime }];
  }
  if (isTimedOut(deployment, { ...status, conditions }, nowMs)) {
    return withCondition(
      conditions,
      {
        type: 'Progressing',
        status: 'False',
        reason: 'ProgressDeadlineExceeded',
        message: `${subject} has timed out progressing.`,
      },
      nowMs,
    );
  }
  return conditions;
}
