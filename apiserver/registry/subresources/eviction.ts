/**
 * `pods/eviction`: a deletion that the pod's disruption budget may refuse (upstream
 * `pkg/registry/core/pod/storage/eviction.go`).
 */
import type { Pod } from '../../../api/core/v1/pod.ts';
import type { ApiObject, Condition } from '../../../api/machinery/meta.ts';
import * as errors from '../../../api/machinery/errors.ts';
import { selectorFromObject } from '../../../api/machinery/label-selector.ts';
import type { DeleteOptions } from '../../../api/machinery/resource.ts';
import { NO_STATUS } from '../../../api/policy/v1/pod-disruption-budget.ts';
import type { PodDisruptionBudget } from '../../../api/policy/v1/pod-disruption-budget.ts';
import { formatTime } from '../../../base/clock.ts';
import { decodeAs } from '../../decode.ts';
import { pathName } from '../../request-info.ts';
import { objectResponse } from '../../responses.ts';
import type { Subresource, VerbHandler } from '../../router.ts';
import { writeContext } from '../../verbs/write-context.ts';
import type { ServedKind } from '../served-kind.ts';
import type { Store, WriteContext } from '../store.ts';

const EVICTION = { schema: 'V1Eviction', kind: 'Eviction', apiVersion: 'policy/v1' };
const MAX_DISRUPTED_PODS = 2000;
const WOULD_VIOLATE = "Cannot evict pod as it would violate the pod's disruption budget.";
const BUDGETS = { group: 'policy', resource: 'poddisruptionbudget' };

interface Sources {
  store: Store;
  budgets: ServedKind | undefined;
  nowMs: number;
}

/** `budgets` gives the kind of the budgets, once all kinds are there. */
export function evictionSubresource(budgets: () => ServedKind | undefined): Subresource {
  const create: VerbHandler = async (context, kind, { store, schemas, clock }) => {
    const eviction = decodeAs<ApiObject & { deleteOptions?: DeleteOptions }>(context, EVICTION, schemas);
    const name = pathName(context.info);
    if (eviction.metadata?.name !== undefined && eviction.metadata.name !== name) {
      throw errors.badRequest(`name in URL does not match name in Eviction object`);
    }
    eviction.metadata ??= {};
    const write = writeContext(context, eviction.deleteOptions?.dryRun);
    const key = { namespace: context.info.namespace, name };
    await store.admit(kind, eviction, { key, subresource: 'eviction', context: write, form: EVICTION });
    const pod = (await store.get(kind, key)).object() as unknown as Pod;
    await spendBudget(pod, { store, budgets: budgets(), nowMs: clock.now() }, write);
    await store.delete(kind, key, { options: eviction.deleteOptions ?? {}, context: write, isAdmitted: true });
    return objectResponse({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 }, 201);
  };
  return { name: 'eviction', kind: { group: 'policy', version: 'v1', kind: 'Eviction' }, verbs: { create } };
}

/** Counts the eviction against the pod's budget. Throws where there is none left. */
async function spendBudget(pod: Pod, { store, budgets, nowMs }: Sources, context: WriteContext): Promise<void> {
  if (budgets === undefined || isGone(pod)) return;
  const { namespace = '', name = '' } = pod.metadata;
  const matching = budgets.cache.list({ namespace }).filter((budget) => covers(budget as PodDisruptionBudget, pod));
  if (matching.length > 1) {
    const message = 'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.';
    throw new errors.ApiError({ code: 500, message });
  }
  const [budget] = matching as PodDisruptionBudget[];
  if (budget === undefined || isUnhealthyAndMayGo(pod, budget)) return;
  await store.update({
    kind: budgets,
    key: { namespace, name: budget.metadata.name! },
    subresource: 'status',
    context,
    isAdmitted: true,
    retriesLostRace: true,
    transform: (current) => spend(current as PodDisruptionBudget, name, nowMs),
  });
}

/** A pod that no longer serves, or does not serve yet, is no loss. */
function isGone({ metadata, status }: Pod): boolean {
  if (metadata.deletionTimestamp !== undefined) return true;
  return ['Succeeded', 'Failed', 'Pending'].includes(status?.phase ?? '');
}

function covers({ spec }: PodDisruptionBudget, { metadata }: Pod): boolean {
  if (Object.keys(metadata.labels ?? {}).length === 0) return false;
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
function spend(budget: PodDisruptionBudget, podName: string, nowMs: number): ApiObject {
  throwIfSpent(budget);
  const { generation = 0 } = budget.metadata;
  const status = budget.status!;
  const left = (status.disruptionsAllowed ?? 0) - 1;
  status.disruptionsAllowed = left;
  status.disruptedPods = { ...status.disruptedPods, [podName]: formatTime(nowMs) };
  if (left === 0) status.conditions = withInsufficient(status.conditions ?? [], generation, nowMs);
  return budget;
}

function throwIfSpent({ metadata: { name = '', generation = 0 }, status = NO_STATUS }: PodDisruptionBudget): void {
  const current = `The disruption budget ${name} does not allow evicting pods currently`;
  if ((status.observedGeneration ?? 0) < generation)
    throw refusal(10, `The disruption budget ${name} is still being processed by the server.`);
  const allowed = status.disruptionsAllowed ?? 0;
  if (allowed < 0)
    throw forbidden(name, 'pdb disruptions allowed is negative', `${current}: pdb disruptions allowed is negative`);
  if (Object.keys(status.disruptedPods ?? {}).length > MAX_DISRUPTED_PODS) {
    const why = 'too many evictions not confirmed by PDB controller';
    throw forbidden(name, `DisruptedPods map too big - ${why}`, `${current}: ${why}`);
  }
  if (allowed > 0) return;
  const counts = `needs ${status.desiredHealthy} healthy pods and has ${status.currentHealthy} currently`;
  throw refusal(0, `The disruption budget ${name} ${counts}`);
}

type BudgetCondition = NonNullable<NonNullable<PodDisruptionBudget['status']>['conditions']>[number];

function withInsufficient(conditions: BudgetCondition[], generation: number, nowMs: number): BudgetCondition[] {
  const type = 'DisruptionAllowed';
  const before: Partial<Condition> | undefined = conditions.find((condition) => condition.type === type);
  const lastTransitionTime =
    before?.status === 'False' && before.lastTransitionTime ? before.lastTransitionTime : formatTime(nowMs);
  const condition = {
    type,
    status: 'False',
    reason: 'InsufficientPods',
    message: '',
    observedGeneration: generation,
    lastTransitionTime,
  };
  return [...conditions.filter((other) => other.type !== type), condition];
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
