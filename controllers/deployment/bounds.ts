/** How far a rollout may go above and below its size (upstream `deployment_util.go` ResolveFenceposts). */
import type { Deployment } from '../../api/apps/v1/deployment.ts';
import type { ReplicaSet } from '../../api/apps/v1/replica-set.ts';

/** `3`, or `"25%"` of `total`, rounded as asked. */
export function resolveIntOrPercent(
  value: number | string | undefined,
  total: number,
  rounding: 'up' | 'down',
): number {
  if (value === undefined) return 0;
  if (typeof value === 'number') return value;
  const share = (total * Number(value.replace(/%$/, ''))) / 100;
  if (!Number.isFinite(share)) return 0;
  return rounding === 'up' ? Math.ceil(share) : Math.floor(share);
}

/** Both resolved; when both come to 0, one pod may be unavailable, or nothing could move. */
export function resolveFenceposts(deployment: Deployment): { maxSurge: number; maxUnavailable: number } {
  const { strategy, replicas = 1 } = deployment.spec;
  const maxSurge = resolveIntOrPercent(
    strategy?.rollingUpdate?.maxSurge as number | string | undefined,
    replicas,
    'up',
  );
  const maxUnavailable = resolveIntOrPercent(
    strategy?.rollingUpdate?.maxUnavailable as number | string | undefined,
    replicas,
    'down',
  );
  return maxSurge === 0 && maxUnavailable === 0 ? { maxSurge, maxUnavailable: 1 } : { maxSurge, maxUnavailable };
}

export function isRollingUpdate(deployment: Deployment): boolean {
  return deployment.spec.strategy?.type === 'RollingUpdate';
}

export function maxSurgeOf(deployment: Deployment): number {
  return isRollingUpdate(deployment) ? resolveFenceposts(deployment).maxSurge : 0;
}

/** Never more than the size itself. */
export function maxUnavailableOf(deployment: Deployment): number {
  const { replicas = 1 } = deployment.spec;
  if (!isRollingUpdate(deployment) || replicas === 0) return 0;
  return Math.min(resolveFenceposts(deployment).maxUnavailable, replicas);
}

export function replicasOf({ spec }: ReplicaSet): number {
  return spec.replicas ?? 1;
}

export function totalReplicas(sets: readonly ReplicaSet[]): number {
  return sets.reduce((sum, set) => sum + replicasOf(set), 0);
}

export function totalStatus(
  sets: readonly ReplicaSet[],
  field: 'replicas' | 'readyReplicas' | 'availableReplicas' | 'terminatingReplicas',
): number {
  return sets.reduce((sum, { status }) => sum + (status?.[field] ?? 0), 0);
}
