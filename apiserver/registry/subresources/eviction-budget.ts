/** What an eviction takes from the pod's disruption budget (upstream `pkg/registry/core/pod/storage/eviction.go`). */
import type { Pod } from '../../../api/core/v1/pod.ts';
import * as errors from '../../../api/machinery/errors.ts';
import { selectorFromObject } from '../../../api/machinery/label-selector.ts';
import type { ApiObject } from '../../../api/machinery/meta.ts';
import { disruptionAllowedOf, SYNC_FAILED, withDisruptionAllowed } from '../../../api/policy/v1/disruption-allowed.ts';
import { NO_STATUS } from '../../../api/policy/v1/pod-disruption-budget.ts';
import type { PodDisruptionBudget, PodDisruptionBudgetStatus } from '../../../api/policy/v1/pod-disruption-budget.ts';
import { formatTime } from '../../../base/clock.ts';
import type { ServedKind } from '../served-kind.ts';
import type { Store, WriteContext } from '../store.ts';

/** So many evictions may wait for the budget's controller to see them (`MaxDisruptedPodSize`). */
const MAX_DISRUPTED_PODS = 2000;
const WOULD_VIOLATE = "Cannot evict pod as it would violate the pod's disruption budget.";
const BUDGETS = { group: 'policy', resource: 'poddisruptionbudget' };

export interface BudgetSources {
  store: Store;
  /** The kind of the budgets. */
  kind: ServedKind;
  nowMs: number;
}

export type Spending =
  /** No budget covers the pod, or what it allows has been taken from it. */
  | { type: 'allowed' }
  /** The pod is not ready and is none of the healthy ones; it must still be so when it goes. */
  | { type: 'unhealthy'; budget: string };

/** Counts the eviction against the pod's budget. Throws where there is none left. */
export async function spendBudget(
  pod: Pod,
  { store, kind, nowMs }: BudgetSources,
  context: WriteContext,
): Promise<Spending> {
  const { namespace = '', name = '' } = pod.metadata;
  const [budget, another] = kind.cache
    .list({ namespace })
    .filter((one) => covers(one as PodDisruptionBudget, pod)) as PodDisruptionBudget[];
  if (another !== undefined) {
    const message = 'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.';
    throw new errors.ApiError({ code: 500, message });
  }
  if (budget === undefined) return { type: 'allowed' };
  const budgetName = budget.metadata.name!;
  if (isUnhealthyAndMayGo(pod, budget)) return { type: 'unhealthy', budget: budgetName };
  await store.update({
    kind,
    key: { namespace, name: budgetName },
    subresource: 'status',
    context,
    isAdmitted: true,
    retriesLostRace: true,
    transform: (current) => spend(current as PodDisruptionBudget, name, nowMs) as ApiObject,
  });
  return { type: 'allowed' };
}

function covers({ spec }: PodDisruptionBudget, { metadata }: Pod): boolean {
  try {
    return selectorFromObject(spec?.selector).matches(metadata.labels);
  } catch {
    return false;
  }
}

function isUnhealthyAndMayGo(pod: Pod, { spec, status }: PodDisruptionBudget): boolean {
  const isReady = (pod.status?.conditions ?? []).some(({ type, status: is }) => type === 'Ready' && is === 'True');
  if (isReady) return false;
  if (spec.unhealthyPodEvictionPolicy === 'AlwaysAllow') return true;
  const { currentHealthy = 0, desiredHealthy = 0 } = status ?? {};
  return desiredHealthy > 0 && currentHealthy >= desiredHealthy;
}

/** The budget with one disruption fewer, which says for its controller which pod it was. */
function spend(budget: PodDisruptionBudget, podName: string, nowMs: number): PodDisruptionBudget {
  throwIfSpent(budget);
  const { status = NO_STATUS } = budget;
  const left = (status.disruptionsAllowed ?? 0) - 1;
  const next: PodDisruptionBudgetStatus = {
    ...status,
    disruptionsAllowed: left,
    disruptedPods: { ...status.disruptedPods, [podName]: formatTime(nowMs) },
  };
  return { ...budget, status: left === 0 ? withDisruptionAllowed(next, formatTime(nowMs)) : next };
}

function throwIfSpent({ metadata: { name = '', generation = 0 }, status = NO_STATUS }: PodDisruptionBudget): void {
  const current = `The disruption budget ${name} does not allow evicting pods currently`;
  if ((status.observedGeneration ?? 0) < generation) throw stillProcessed(name);
  const allowed = status.disruptionsAllowed ?? 0;
  if (allowed < 0)
    throw forbidden(name, 'pdb disruptions allowed is negative', `${current}: pdb disruptions allowed is negative`);
  if (Object.keys(status.disruptedPods ?? {}).length > MAX_DISRUPTED_PODS) {
    const why = 'DisruptedPods map too big - too many evictions not confirmed by PDB controller';
    throw forbidden(name, why, `${current}: too many pending evictions not confirmed by PDB controller`);
  }
  if (allowed === 0) throw refusal(0, whySpent(name, status));
}

/** What failed comes first: the counts are not to be trusted then. */
function whySpent(name: string, status: PodDisruptionBudgetStatus): string {
  const current = `The disruption budget ${name} does not allow evicting pods currently`;
  const condition = disruptionAllowedOf(status);
  const why = condition?.status === 'False' ? condition.message : '';
  if (why !== '' && condition?.reason === SYNC_FAILED) return `${current} because it failed sync: ${why}`;
  const { currentHealthy = 0, desiredHealthy = 0 } = status;
  if (currentHealthy <= desiredHealthy)
    return `The disruption budget ${name} needs ${desiredHealthy} healthy pods and has ${currentHealthy} currently`;
  return why === '' ? current : `${current} (${condition?.reason}): ${why}`;
}

/** Asks the client to come again: the controller has not counted yet, or the pod changed meanwhile. */
export function stillProcessed(budget: string): errors.ApiError {
  return refusal(10, `The disruption budget ${budget} is still being processed by the server.`);
}

function refusal(retryAfterSeconds: number, message: string): errors.ApiError {
  return new errors.ApiError({
    code: 429,
    reason: 'TooManyRequests',
    message: WOULD_VIOLATE,
    details: {
      causes: [{ reason: 'DisruptionBudget', message }],
      ...(retryAfterSeconds > 0 ? { retryAfterSeconds } : {}),
    },
  });
}

function forbidden(name: string, why: string, message: string): errors.ApiError {
  const { status } = errors.forbiddenError(BUDGETS, name, why);
  const { kind: _kind, apiVersion: _version, metadata: _metadata, status: _status, ...rest } = status;
  return new errors.ApiError({
    ...rest,
    details: { ...rest.details, causes: [{ reason: 'DisruptionBudget', message }] },
  });
}
