/** What a disruption budget allows, as pure decisions (upstream `pkg/controller/disruption/disruption.go`). */
import type { Pod } from '../../api/core/v1/pod.ts';
import {
  disruptionAllowedOf,
  isDisruptionAllowedUpToDate,
  SYNC_FAILED,
  withDisruptionAllowed,
  withVerdict,
} from '../../api/policy/v1/disruption-allowed.ts';
import type { PodDisruptionBudget, PodDisruptionBudgetStatus } from '../../api/policy/v1/pod-disruption-budget.ts';
import { NO_STATUS } from '../../api/policy/v1/pod-disruption-budget.ts';
import { deepEqual } from '../../api/machinery/equality.ts';
import { formatTime } from '../../base/clock.ts';
import { resolveIntOrPercent } from '../deployment/bounds.ts';
import { isPodReady } from '../pods.ts';

/** A pod whose eviction was granted must be going by then; else it stays and counts again (`DeletionTimeout`). */
const DELETION_TIMEOUT_MS = 120_000;

/** Pods that are there, or wanted, and how many of them must be healthy. */
export interface Expectation {
  expectedPods: number;
  desiredHealthy: number;
}

/** Whether the budget speaks of a share of its pods' controllers' scales; else it only counts pods. */
export function needsScale({ spec }: PodDisruptionBudget): boolean {
  return spec.maxUnavailable !== undefined || typeof spec.minAvailable === 'string';
}

/** `pods` are the budget's; `scale` is the sum of what their controllers declare (`getExpectedPodCount`). */
export function expectation({ spec }: PodDisruptionBudget, pods: number, scale: number): Expectation {
  const { maxUnavailable, minAvailable } = spec as { maxUnavailable?: number | string; minAvailable?: number | string };
  if (maxUnavailable !== undefined) {
    const desiredHealthy = Math.max(0, scale - resolveIntOrPercent(maxUnavailable, scale, 'up'));
    return { expectedPods: scale, desiredHealthy };
  }
  if (minAvailable === undefined) return { expectedPods: 0, desiredHealthy: 0 };
  if (typeof minAvailable === 'number') return { expectedPods: pods, desiredHealthy: minAvailable };
  return { expectedPods: scale, desiredHealthy: resolveIntOrPercent(minAvailable, scale, 'up') };
}

export interface Disrupted {
  /** Pods that are granted to go and have not gone yet: when that was, by name. */
  waiting: Record<string, string>;
  /** Pods that did not go in time. */
  notDeleted: Pod[];
  /** When the first of those that wait will be too late. */
  recheckMs: number | undefined;
}

/** What has become of the evictions that were granted (`buildDisruptedPodMap`). */
export function disruptedPods({ status }: PodDisruptionBudget, pods: readonly Pod[], nowMs: number): Disrupted {
  const granted = new Map(Object.entries(status?.disruptedPods ?? {}));
  const found: Disrupted = { waiting: {}, notDeleted: [], recheckMs: undefined };
  for (const pod of pods) {
    const { name = '', deletionTimestamp } = pod.metadata;
    const since = granted.get(name);
    if (since === undefined || deletionTimestamp !== undefined) continue;
    const dueMs = Date.parse(since) + DELETION_TIMEOUT_MS;
    // A time that cannot be read is long past.
    if (!(dueMs >= nowMs)) {
      found.notDeleted.push(pod);
      continue;
    }
    found.waiting[name] = since;
    found.recheckMs = Math.min(found.recheckMs ?? dueMs, dueMs);
  }
  return found;
}

/** Ready pods that nobody is taking away (`countHealthyPods`). */
export function countHealthy(pods: readonly Pod[], waiting: Readonly<Record<string, string>>, nowMs: number): number {
  const isWaiting = (name: string): boolean =>
    Object.hasOwn(waiting, name) && Date.parse(waiting[name]!) + DELETION_TIMEOUT_MS > nowMs;
  return pods.filter(
    (pod) => pod.metadata.deletionTimestamp === undefined && !isWaiting(pod.metadata.name ?? '') && isPodReady(pod),
  ).length;
}

export interface Count extends Expectation {
  currentHealthy: number;
  disruptedPods: Record<string, string>;
}

/** The status that says so; the budget's own when it does already (`updatePdbStatus`). */
export function budgetStatus(
  { metadata, status = NO_STATUS }: PodDisruptionBudget,
  { expectedPods, desiredHealthy, currentHealthy, disruptedPods: waiting }: Count,
  nowMs: number,
): PodDisruptionBudgetStatus {
  // While nothing is expected nothing is allowed: the first pods may have come before this count.
  const disruptionsAllowed = expectedPods <= 0 ? 0 : Math.max(0, currentHealthy - desiredHealthy);
  const { generation } = metadata;
  const counts = {
    currentHealthy,
    desiredHealthy,
    disruptionsAllowed,
    expectedPods,
    ...(Object.keys(waiting).length === 0 ? {} : { disruptedPods: waiting }),
    ...(generation === undefined ? {} : { observedGeneration: generation }),
  };
  const { conditions, ...before } = status;
  if (deepEqual(before, counts) && isDisruptionAllowedUpToDate(status, generation)) return status;
  const next = conditions === undefined ? counts : { ...counts, conditions };
  return withDisruptionAllowed(next as PodDisruptionBudgetStatus, formatTime(nowMs));
}

/** Where counting failed, nothing may be disrupted (`failSafe`). */
export function failedStatus(
  { status = NO_STATUS }: PodDisruptionBudget,
  message: string,
  nowMs: number,
): PodDisruptionBudgetStatus {
  const verdict = { status: 'False', reason: SYNC_FAILED, message };
  return withVerdict({ ...status, disruptionsAllowed: 0 }, verdict, formatTime(nowMs));
}

/** Whether its pods could not be counted when they last were to be. */
export function hasFailed({ status }: PodDisruptionBudget): boolean {
  return disruptionAllowedOf(status)?.reason === SYNC_FAILED;
}
