/** A budget's condition DisruptionAllowed (upstream `component-helpers/apps/poddisruptionbudget/helpers.go`). */
import type { PodDisruptionBudgetStatus } from './pod-disruption-budget.ts';

export const DISRUPTION_ALLOWED = 'DisruptionAllowed';
/** The reason after an attempt to count that failed. */
export const SYNC_FAILED = 'SyncFailed';

export type BudgetCondition = NonNullable<PodDisruptionBudgetStatus['conditions']>[number];

export function disruptionAllowedOf(status: PodDisruptionBudgetStatus | undefined): BudgetCondition | undefined {
  return status?.conditions?.find(({ type }) => type === DISRUPTION_ALLOWED);
}

/** The status with the condition that its count of disruptions makes (`UpdateDisruptionAllowedCondition`). */
export function withDisruptionAllowed(status: PodDisruptionBudgetStatus, now: string): PodDisruptionBudgetStatus {
  const isAllowed = (status.disruptionsAllowed ?? 0) > 0;
  const verdict = isAllowed
    ? { status: 'True', reason: 'SufficientPods' }
    : { status: 'False', reason: 'InsufficientPods' };
  return withVerdict(status, { ...verdict, message: '' }, now);
}

/** `lastTransitionTime` (RFC 3339) becomes `now` when the condition's status changes. */
export function withVerdict(
  status: PodDisruptionBudgetStatus,
  verdict: Pick<BudgetCondition, 'status' | 'reason' | 'message'>,
  now: string,
): PodDisruptionBudgetStatus {
  const before = disruptionAllowedOf(status);
  const { observedGeneration } = status;
  const condition: BudgetCondition = {
    type: DISRUPTION_ALLOWED,
    ...verdict,
    ...(observedGeneration === undefined ? {} : { observedGeneration }),
    lastTransitionTime: before?.status === verdict.status ? before.lastTransitionTime : now,
  };
  const conditions = status.conditions ?? [];
  return {
    ...status,
    conditions:
      before === undefined ? [...conditions, condition] : conditions.map((one) => (one === before ? condition : one)),
  };
}

/** Whether the condition tells of this generation and of its count (`ConditionsAreUpToDate`). */
export function isDisruptionAllowedUpToDate(
  status: PodDisruptionBudgetStatus | undefined,
  generation: number | undefined,
): boolean {
  const condition = disruptionAllowedOf(status);
  if (condition === undefined || status?.observedGeneration !== generation) return false;
  return condition.status === ((status?.disruptionsAllowed ?? 0) > 0 ? 'True' : 'False');
}
