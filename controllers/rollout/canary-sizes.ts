/** How many pods each version of a canary has: the share that a weight means, and the next move towards it. */
import type { ReplicaSet } from '../../api/apps/v1/replica-set.ts';
import { replicasOf, resolveIntOrPercent } from '../deployment/bounds.ts';
import type { Resize } from '../deployment/scaling.ts';
import type { CanaryStrategy } from './types.ts';
import { availableOf } from './types.ts';

/**
 * The nearest share in whole pods. A weight between 0 and 100 has both versions running, which takes a pod above
 * `replicas` where that is 1, if there may be one.
 */
export function canaryCounts(
  replicas: number,
  { weight, canSurge }: { weight: number; canSurge: boolean },
): { canary: number; stable: number } {
  if (weight <= 0) return { canary: 0, stable: replicas };
  if (weight >= 100) return { canary: replicas, stable: 0 };
  if (replicas <= 1) return { canary: canSurge ? replicas : 0, stable: replicas };
  const canary = Math.min(Math.max(Math.round((replicas * weight) / 100), 1), replicas - 1);
  return { canary, stable: replicas - canary };
}

export interface Targets {
  new: number;
  stable: number;
}

export interface Move {
  newSet: ReplicaSet;
  /** Undefined when it is the new one, or there is none. */
  stableSet: ReplicaSet | undefined;
  /** To have none, the oldest first. */
  others: readonly ReplicaSet[];
  replicas: number;
  targets: Targets;
  strategy: Pick<CanaryStrategy, 'maxSurge' | 'maxUnavailable'>;
  /** A version that a Service leads to keeps a pod. */
  isServed(set: ReplicaSet): boolean;
}

/** Every set with its next size: never above the surge, never fewer available than allowed. */
export function moveTowards(move: Move): Resize[] {
  const { newSet, stableSet, others, targets } = move;
  const entries = [
    ...others.map((set) => ({ set, target: 0 })),
    ...(stableSet === undefined ? [] : [{ set: stableSet, target: targets.stable }]),
    { set: newSet, target: targets.new },
  ].map(({ set, target }) => {
    const now = replicasOf(set);
    const floor = target === 0 && now > 0 && move.isServed(set) ? 1 : target;
    return { set, target: floor, now, next: now };
  });
  const { room, budget } = bounds(move, entries);
  let left = room;
  for (const entry of entries) {
    const more = Math.max(0, Math.min(entry.target - entry.now, left));
    entry.next += more;
    left -= more;
  }
  let spare = budget;
  for (const entry of entries) {
    const excess = entry.now - entry.target;
    if (excess <= 0) continue;
    // Those that are not available are the first to go, and nobody misses them.
    const free = Math.min(excess, entry.now - availableOf(entry.set));
    const paid = Math.min(excess - free, spare);
    entry.next -= free + paid;
    spare -= paid;
  }
  return entries.map(({ set, next }) => ({ set, replicas: next }));
}

/** Pods that may be added, and available ones that may go. */
function bounds(
  { replicas, targets, strategy }: Move,
  entries: readonly { set: ReplicaSet; now: number; target: number }[],
): { room: number; budget: number } {
  const surge = resolveIntOrPercent(strategy.maxSurge, replicas, 'up');
  const unavailable = resolveIntOrPercent(strategy.maxUnavailable, replicas, 'down');
  const mayMiss = surge === 0 && unavailable === 0 ? 1 : Math.min(unavailable, replicas);
  const wanted = Math.max(replicas, targets.new + targets.stable, sum(entries.map(({ target }) => target)));
  const total = sum(entries.map(({ now }) => now));
  const available = sum(entries.map(({ set }) => availableOf(set)));
  return { room: Math.max(0, wanted + surge - total), budget: Math.max(0, available - (replicas - mayMiss)) };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}
