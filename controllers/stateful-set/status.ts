/** The status that follows from a StatefulSet's pods (upstream `updateStatus`, `completeRollingUpdate`). Pure. */
import type { StatefulSet } from '../../api/apps/v1/stateful-set.ts';
import type { Pod } from '../../api/core/v1/pod.ts';
import { isPodAvailable, isPodReady } from '../pods.ts';
import { podRevision, replicasOf } from './identity.ts';

export type StatefulSetStatus = NonNullable<StatefulSet['status']>;

export interface StatusInput {
  /** Names of ControllerRevisions. */
  currentRevision: string;
  updateRevision: string;
  collisionCount: number;
  /** Deleted just now because they were of an earlier revision. */
  replaced: readonly Pod[];
  nowMs: number;
}

export function statefulSetStatus(set: StatefulSet, pods: readonly Pod[], input: StatusInput): StatefulSetStatus {
  const { minReadySeconds = 0 } = set.spec;
  const replaced = new Set(input.replaced.map(({ metadata }) => metadata.uid));
  const staying = pods.filter(
    ({ metadata }) => metadata.deletionTimestamp === undefined && !replaced.has(metadata.uid),
  );
  const ready = pods.filter((pod) => pod.status?.phase === 'Running' && isPodReady(pod));
  const counts: Counts = {
    replicas: pods.length,
    readyReplicas: ready.length,
    availableReplicas: ready.filter((pod) => isPodAvailable(pod, minReadySeconds, input.nowMs)).length,
    currentReplicas: staying.filter((pod) => podRevision(pod) === input.currentRevision).length,
    updatedReplicas: staying.filter((pod) => podRevision(pod) === input.updateRevision).length,
  };
  const isComplete = isUpdateComplete(set, counts);
  return withoutZeros(set, {
    ...counts,
    ...(isComplete ? { currentReplicas: counts.updatedReplicas } : {}),
    currentRevision: isComplete ? input.updateRevision : input.currentRevision,
    updateRevision: input.updateRevision,
    collisionCount: input.collisionCount,
  });
}

type Counts = Record<
  'replicas' | 'readyReplicas' | 'availableReplicas' | 'currentReplicas' | 'updatedReplicas',
  number
>;

/** Every pod there is, is wanted, updated and ready: the update revision becomes the current one. */
function isUpdateComplete(set: StatefulSet, { replicas, readyReplicas, updatedReplicas }: Counts): boolean {
  if (set.spec.updateStrategy?.type !== 'RollingUpdate') return false;
  return [replicas, readyReplicas, updatedReplicas].every((count) => count === replicasOf(set));
}

/** As on the wire: counts of 0 are left out, but for those that are always there. Conditions are others' business. */
function withoutZeros(set: StatefulSet, status: StatefulSetStatus): StatefulSetStatus {
  const { readyReplicas, currentReplicas, updatedReplicas, ...rest } = status;
  const { generation } = set.metadata;
  const conditions = set.status?.conditions;
  return {
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    ...rest,
    ...(readyReplicas ? { readyReplicas } : {}),
    ...(currentReplicas ? { currentReplicas } : {}),
    ...(updatedReplicas ? { updatedReplicas } : {}),
    ...(conditions === undefined ? {} : { conditions }),
  };
}
