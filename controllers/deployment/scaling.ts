/** How many replicas each ReplicaSet shall have: pure decisions of rolling updates and of proportional scaling. */
import type { Deployment } from '../../api/apps/v1/deployment.ts';
import type { ReplicaSet } from '../../api/apps/v1/replica-set.ts';
import { DESIRED_REPLICAS, MAX_REPLICAS, readNumber } from './annotations.ts';
import { isRollingUpdate, maxSurgeOf, maxUnavailableOf, replicasOf, totalReplicas, totalStatus } from './bounds.ts';
import { byAge } from './template.ts';

/** A set and the size that it shall have. */
export interface Resize {
  set: ReplicaSet;
  replicas: number;
}

/** The new set's next size, within the surge (`NewRSNewReplicas`). `others` are all other sets. */
export function newSetReplicas(deployment: Deployment, newSetNow: number, others: readonly ReplicaSet[]): number {
  const { replicas: desired = 1 } = deployment.spec;
  if (!isRollingUpdate(deployment)) return desired;
  const current = totalReplicas(others) + newSetNow;
  const max = desired + maxSurgeOf(deployment);
  if (current >= max) return newSetNow;
  return newSetNow + Math.min(max - current, desired - newSetNow);
}

/** What the old sets give up now (`reconcileOldReplicaSets`): unhealthy pods first, then within the availability bound. */
export function oldSetResizes(deployment: Deployment, newSet: ReplicaSet, old: readonly ReplicaSet[]): Resize[] {
  if (totalReplicas(old) === 0) return [];
  const { replicas: desired = 1 } = deployment.spec;
  const minAvailable = desired - maxUnavailableOf(deployment);
  const newUnavailable = replicasOf(newSet) - (newSet.status?.availableReplicas ?? 0);
  const maxScaledDown = totalReplicas([...old, newSet]) - minAvailable - newUnavailable;
  if (maxScaledDown <= 0) return [];
  // Its status still counts pods that are going: upstream refuses to size by it (`cleanupUnhealthyReplicas`).
  if (old.some((set) => replicasOf(set) < (set.status?.availableReplicas ?? 0))) return [];
  const unhealthy = dropUnhealthy(old, maxScaledDown);
  return mergeResizes(unhealthy, dropAvailable(deployment, newSet, { old, unhealthy }));
}

function dropUnhealthy(old: readonly ReplicaSet[], max: number): Resize[] {
  const resizes: Resize[] = [];
  let left = max;
  for (const set of [...old].sort(byAge)) {
    if (left <= 0) break;
    const size = replicasOf(set);
    const available = set.status?.availableReplicas ?? 0;
    if (size === 0 || size <= available) continue;
    const drop = Math.min(left, size - available);
    resizes.push({ set, replicas: size - drop });
    left -= drop;
  }
  return resizes;
}

function dropAvailable(
  deployment: Deployment,
  newSet: ReplicaSet,
  { old, unhealthy }: { old: readonly ReplicaSet[]; unhealthy: readonly Resize[] },
): Resize[] {
  const { replicas: desired = 1 } = deployment.spec;
  const minAvailable = desired - maxUnavailableOf(deployment);
  let left = totalStatus([...old, newSet], 'availableReplicas') - minAvailable;
  const resizes: Resize[] = [];
  for (const set of [...old].sort(byAge)) {
    if (left <= 0) break;
    const size = unhealthy.find((resize) => resize.set === set)?.replicas ?? replicasOf(set);
    if (size === 0) continue;
    const drop = Math.min(size, left);
    resizes.push({ set, replicas: size - drop });
    left -= drop;
  }
  return resizes;
}

function mergeResizes(first: readonly Resize[], second: readonly Resize[]): Resize[] {
  const kept = first.filter(({ set }) => !second.some((resize) => resize.set === set));
  return [...kept, ...second];
}

/** Sets that have, or want, pods. */
export function activeSets(sets: readonly ReplicaSet[]): ReplicaSet[] {
  return sets.filter((set) => replicasOf(set) > 0);
}

/** The set that scaling alone concerns, when at most one has pods (`FindActiveOrLatest`). */
export function activeOrLatest(newSet: ReplicaSet | undefined, old: readonly ReplicaSet[]): ReplicaSet | undefined {
  const newestOldFirst = [...old].sort((a, b) => byAge(b, a));
  const active = activeSets([...(newSet === undefined ? [] : [newSet]), ...newestOldFirst]);
  if (active.length > 1) return undefined;
  return active[0] ?? newSet ?? newestOldFirst[0];
}

/** Whether the deployment's size changed since its sets were last sized (`isScalingEvent`). */
export function isScalingEvent(deployment: Deployment, sets: readonly ReplicaSet[]): boolean {
  return activeSets(sets).some((set) => {
    const desired = readNumber(set, DESIRED_REPLICAS);
    return desired !== undefined && desired !== (deployment.spec.replicas ?? 1);
  });
}

/** What brings the sets to the deployment's size without moving between templates (`scale`). */
export function scaleResizes(
  deployment: Deployment,
  newSet: ReplicaSet | undefined,
  old: readonly ReplicaSet[],
): Resize[] {
  const only = activeOrLatest(newSet, old);
  // Also where it has that size: one whose annotation tells of another would be a scaling event for ever.
  if (only !== undefined) return [{ set: only, replicas: deployment.spec.replicas ?? 1 }];
  if (newSet !== undefined && isSaturated(deployment, newSet))
    return activeSets(old).map((set) => ({ set, replicas: 0 }));
  if (!isRollingUpdate(deployment)) return [];
  return proportionalResizes(deployment, newSet === undefined ? old : [...old, newSet]);
}

/** It was sized for the deployment's size, has it, and all of it is available (`IsSaturated`). */
function isSaturated({ spec }: Deployment, set: ReplicaSet): boolean {
  const { replicas: desired = 1 } = spec;
  const { availableReplicas = 0 } = set.status ?? {};
  return replicasOf(set) === desired && readNumber(set, DESIRED_REPLICAS) === desired && availableReplicas === desired;
}

/**
 * Spreads a change of size during a rollout over all sets with pods, in proportion to their sizes; what rounding
 * leaves goes to the largest (`scale`, `GetReplicaSetProportion`).
 */
export function proportionalResizes(deployment: Deployment, sets: readonly ReplicaSet[]): Resize[] {
  const active = activeSets(sets);
  const { replicas: desired = 1 } = deployment.spec;
  const allowed = desired > 0 ? desired + maxSurgeOf(deployment) : 0;
  const toAdd = allowed - totalReplicas(active);
  const growing = toAdd > 0;
  // Growing, newer sets of one size come first; shrinking, older ones.
  const ordered = [...active].sort((a, b) => replicasOf(b) - replicasOf(a) || (growing ? byAge(b, a) : byAge(a, b)));
  let added = 0;
  const resizes = ordered.map((set): Resize => {
    const size = replicasOf(set);
    const share = toAdd === 0 ? 0 : proportionOf(set, deployment, { toAdd, added });
    added += share;
    return { set, replicas: Math.max(0, size + share) };
  });
  if (resizes.length > 0 && toAdd !== 0) resizes[0]!.replicas = Math.max(0, resizes[0]!.replicas + toAdd - added);
  return resizes;
}

function proportionOf(
  set: ReplicaSet,
  deployment: Deployment,
  { toAdd, added }: { toAdd: number; added: number },
): number {
  const size = replicasOf(set);
  if (size === 0) return 0;
  const fraction = fractionOf(set, deployment);
  const left = toAdd - added;
  return toAdd > 0 ? Math.min(fraction, left) : Math.max(fraction, left);
}

function fractionOf(set: ReplicaSet, deployment: Deployment): number {
  const size = replicasOf(set);
  const { replicas: desired = 1 } = deployment.spec;
  if (desired === 0) return -size;
  const total = desired + maxSurgeOf(deployment);
  const sizedFor = readNumber(set, MAX_REPLICAS) ?? 0;
  const annotated = sizedFor === 0 ? (deployment.status?.replicas ?? 0) : sizedFor;
  if (annotated === 0) return 0;
  return Math.round((size * total) / annotated) - size;
}
