/**
 * Disruption: counts what each PodDisruptionBudget allows, for evictions to spend (upstream
 * `pkg/controller/disruption/disruption.go`).
 */
import { customResourceDefinitions } from '../../api/apiextensions/v1/custom-resource-definition.ts';
import type { Pod } from '../../api/core/v1/pod.ts';
import { pods } from '../../api/core/v1/pod.ts';
import { ApiError, isConflict } from '../../api/machinery/errors.ts';
import { selectorFromObject } from '../../api/machinery/label-selector.ts';
import type { ApiObject } from '../../api/machinery/meta.ts';
import type { Resource } from '../../api/machinery/resource.ts';
import { disruptionAllowedOf } from '../../api/policy/v1/disruption-allowed.ts';
import type { PodDisruptionBudget, PodDisruptionBudgetStatus } from '../../api/policy/v1/pod-disruption-budget.ts';
import { podDisruptionBudgets } from '../../api/policy/v1/pod-disruption-budget.ts';
import { deepEqual } from '../../api/machinery/equality.ts';
import type { CacheReader, Controller, ControllerContext, ReconcileResult } from '../../client/controller.ts';
import { defineController } from '../../client/controller.ts';
import { keyOf } from '../../client/keys.ts';
import { isAdoptabilityChange, isPodReady } from '../pods.ts';
import {
  budgetStatus,
  countHealthy,
  disruptedPods,
  expectation,
  failedStatus,
  hasFailed,
  needsScale,
} from './budget.ts';
import { expectedScale, SCALED_KINDS } from './scale.ts';
import { formatSelectorStruct } from './selector-text.ts';

/** `builtIn` are the kinds that controllers of pods may be of, beside custom ones. */
export function disruptionController(builtIn: readonly Resource[]): Controller {
  return defineController<PodDisruptionBudget>({
    name: 'disruption-controller',
    component: 'controllermanager',
    for: podDisruptionBudgets,
    watches: [
      { resource: pods, isRelevant: mayCountOtherwise, map: (pod, cache) => budgetsOf(pod, cache).map(keyOf) },
      // What controls the pods may be of a kind that comes later, or gets its scale later.
      { resource: customResourceDefinitions, map: (_, cache) => failedBudgets(cache).map(keyOf) },
    ],
    reads: SCALED_KINDS,
    writes: [podDisruptionBudgets],
    async reconcile({ namespace, name }, context) {
      const budget = context.lister<PodDisruptionBudget>(podDisruptionBudgets).get(namespace, name);
      if (budget === undefined) return undefined;
      try {
        return await count(budget, builtIn, context);
      } catch (error) {
        if (isConflict(error)) throw error;
        await writeStatus(budget, failedStatus(budget, (error as Error).message, context.now()), context);
        // The server may answer the next time; pods that cannot be counted wait for something to change.
        if (error instanceof ApiError) throw error;
        return undefined;
      }
    },
  });
}

/** The budgets that cover a pod, by name. */
export function budgetsOf({ metadata }: ApiObject, cache: CacheReader): PodDisruptionBudget[] {
  return cache
    .lister<PodDisruptionBudget>(podDisruptionBudgets)
    .list({ namespace: metadata.namespace ?? '' })
    .filter(({ spec }) => selectorFromObject(spec.selector).matches(metadata.labels));
}

function failedBudgets(cache: CacheReader): PodDisruptionBudget[] {
  return cache.lister<PodDisruptionBudget>(podDisruptionBudgets).list().filter(hasFailed);
}

function mayCountOtherwise(pod: ApiObject, previous: ApiObject): boolean {
  return (
    isAdoptabilityChange(pod, previous) ||
    pod.metadata.deletionTimestamp !== previous.metadata.deletionTimestamp ||
    isPodReady(pod as Pod) !== isPodReady(previous as Pod)
  );
}

async function count(
  budget: PodDisruptionBudget,
  builtIn: readonly Resource[],
  context: ControllerContext,
): Promise<ReconcileResult> {
  // Observe
  const { events } = context;
  const covered = context
    .lister<Pod>(pods)
    .list({ namespace: budget.metadata.namespace ?? '', labelSelector: selectorFromObject(budget.spec.selector) });
  if (covered.length === 0) events.event(budget, 'Normal', 'NoPods', 'No matching pods found');
  const scale = await scaleFor(budget, { covered, builtIn }, context);

  // Decide
  const nowMs = context.now();
  const { waiting, notDeleted, recheckMs } = disruptedPods(budget, covered, nowMs);
  const status = budgetStatus(
    budget,
    {
      ...expectation(budget, covered.length, scale),
      currentHealthy: countHealthy(covered, waiting, nowMs),
      disruptedPods: waiting,
    },
    nowMs,
  );

  // Report
  for (const pod of notDeleted) {
    // Upstream names the namespace twice.
    const { namespace } = budget.metadata;
    const message = `Pod was expected by PDB ${namespace}/${namespace} to be deleted but it wasn't`;
    events.event(pod, 'Warning', 'NotDeleted', message);
  }
  await writeStatus(budget, status, context);
  return recheckMs === undefined ? undefined : { requeueAfterMs: recheckMs - nowMs + 1 };
}

async function scaleFor(
  budget: PodDisruptionBudget,
  { covered, builtIn }: { covered: readonly Pod[]; builtIn: readonly Resource[] },
  context: ControllerContext,
): Promise<number> {
  if (!needsScale(budget)) return 0;
  const { events } = context;
  try {
    const { scale, hasUnmanaged } = await expectedScale(covered, builtIn, context);
    if (hasUnmanaged) events.event(budget, 'Warning', 'UnmanagedPods', unmanagedMessage(budget));
    return scale;
  } catch (error) {
    const { message } = error as Error;
    const told = hasFailed(budget) && disruptionAllowedOf(budget.status)?.message === message;
    const text = `Failed to calculate the number of expected pods: ${message}`;
    if (!told) events.event(budget, 'Warning', 'CalculateExpectedPodCountFailed', text);
    throw error;
  }
}

function unmanagedMessage({ spec }: PodDisruptionBudget): string {
  return (
    `Pods selected by this PodDisruptionBudget (selector: ${formatSelectorStruct(spec.selector)}) were found ` +
    'to be unmanaged. As a result, the status of the PDB cannot be calculated correctly, which may result in ' +
    'undefined behavior. To account for these pods please set ".spec.minAvailable" field of the PDB to an integer value.'
  );
}

async function writeStatus(
  budget: PodDisruptionBudget,
  status: PodDisruptionBudgetStatus,
  { client }: ControllerContext,
): Promise<void> {
  if (deepEqual(status, budget.status)) return;
  await client.update<PodDisruptionBudget>(podDisruptionBudgets, { ...budget, status }, { subresource: 'status' });
}
