/** ReplicaSet: keeps as many pods of its template as it declares (upstream `pkg/controller/replicaset/replica_set.go`). */
import type { ReplicaSet } from '../api/apps/v1/replica-set.ts';
import { replicaSets } from '../api/apps/v1/replica-set.ts';
import type { Pod } from '../api/core/v1/pod.ts';
import { pods } from '../api/core/v1/pod.ts';
import type { Selector } from '../api/machinery/label-selector.ts';
import { selectorFromObject } from '../api/machinery/label-selector.ts';
import { formatTime } from '../base/clock.ts';
import { claimObjects } from '../client/adopt.ts';
import type { ControllerContext } from '../client/controller.ts';
import { defineController } from '../client/controller.ts';
import { OWNER_UID_INDEX } from '../client/store.ts';
import { controllerOf, newControllerRef } from '../client/owner-references.ts';
import { isPodActive, isPodAvailable, isPodReady, isPodTerminal, sortForDeletion } from './pods.ts';
import { runInSlowStartBatches } from './slow-start.ts';

/** At most this many pods are created or deleted in one reconcile (`BurstReplicas`). */
const BURST = 500;

export const replicaSetController = defineController<ReplicaSet>({
  name: 'replicaset-controller',
  for: replicaSets,
  owns: [pods],
  watches: [
    // A pod without a controller may match: its sets adopt it.
    {
      resource: pods,
      map: (pod, context) => (controllerOf(pod) === undefined ? matchingSets(pod as Pod, context) : []),
    },
  ],
  writes: [pods, replicaSets],
  workers: 5,
  async reconcile({ namespace, name }, context) {
    // Observe
    const set = context.lister<ReplicaSet>(replicaSets).get(namespace, name);
    if (set === undefined) return undefined;
    const owned = await claimPods(set, context);
    const active = owned.filter(isPodActive);

    // Decide and act
    let failure: Error | undefined;
    if (set.metadata.deletionTimestamp === undefined) {
      const related = relatedPods(set, context);
      const plan = planScale(set, active, { related, nowMs: context.now() });
      failure =
        plan.create > 0 ? await createPods(set, plan.create, context) : await deletePods(set, plan.delete, context);
    }

    // Report
    const current = context.lister<ReplicaSet>(replicaSets).get(namespace, name) ?? set;
    const nowMs = context.now();
    const status = replicaSetStatus(current, owned, { failure, nowMs });
    await writeStatus(current, status, context);
    if (failure !== undefined) throw failure;
    return nextAvailability(set, active, nowMs);
  },
});

export interface ScalePlan {
  create: number;
  delete: Pod[];
}

/** How many pods to create, or which to delete. `related` are pods of the same owner's other sets, for spreading. */
export function planScale(
  set: ReplicaSet,
  active: readonly Pod[],
  { related, nowMs }: { related: readonly Pod[]; nowMs: number },
): ScalePlan {
  const difference = active.length - (set.spec.replicas ?? 1);
  if (difference <= 0) return { create: Math.min(-difference, BURST), delete: [] };
  const count = Math.min(difference, BURST);
  const perNode = new Map<string, number>();
  for (const pod of related) {
    if (!isPodActive(pod)) continue;
    const node = pod.spec.nodeName ?? '';
    perNode.set(node, (perNode.get(node) ?? 0) + 1);
  }
  return { create: 0, delete: sortForDeletion(active, perNode, nowMs).slice(0, count) };
}

type Status = NonNullable<ReplicaSet['status']>;
type StatusCondition = NonNullable<Status['conditions']>[number];

/** The status that follows from the pods (`calculateStatus`). */
export function replicaSetStatus(
  set: ReplicaSet,
  owned: readonly Pod[],
  { failure, nowMs }: { failure: Error | undefined; nowMs: number },
): Status {
  const templateSelector = selectorFromObject({ matchLabels: set.spec.template.metadata?.labels ?? {} });
  const minReadySeconds = set.spec.minReadySeconds ?? 0;
  const active = owned.filter(isPodActive);
  const labelled = active.filter((pod) => templateSelector.matches(pod.metadata.labels)).length;
  const ready = active.filter(isPodReady).length;
  const available = active.filter((pod) => isPodAvailable(pod, minReadySeconds, nowMs)).length;
  const terminating = owned.filter((pod) => pod.metadata.deletionTimestamp !== undefined && !isPodTerminal(pod)).length;
  const status: Status = { replicas: active.length };
  if (labelled > 0) status.fullyLabeledReplicas = labelled;
  if (ready > 0) status.readyReplicas = ready;
  if (available > 0) status.availableReplicas = available;
  status.terminatingReplicas = terminating;
  if (set.metadata.generation !== undefined) status.observedGeneration = set.metadata.generation;
  const conditions = replicaFailure(set, active.length, { failure, nowMs });
  if (conditions.length > 0) status.conditions = conditions;
  return status;
}

function replicaFailure(
  set: ReplicaSet,
  active: number,
  { failure, nowMs }: { failure: Error | undefined; nowMs: number },
): StatusCondition[] {
  const existing = set.status?.conditions ?? [];
  const others = existing.filter(({ type }) => type !== 'ReplicaFailure');
  if (failure === undefined) return others;
  const known = existing.find(({ type }) => type === 'ReplicaFailure');
  if (known !== undefined) return [...existing];
  const reason = active < (set.spec.replicas ?? 1) ? 'FailedCreate' : 'FailedDelete';
  return [
    ...others,
    { type: 'ReplicaFailure', status: 'True', lastTransitionTime: formatTime(nowMs), reason, message: failure.message },
  ];
}

/** When the next pod will have been ready long enough, seen from the moment of the status that was written. */
export function nextAvailability(
  set: ReplicaSet,
  active: readonly Pod[],
  nowMs: number,
): { requeueAfterMs: number } | undefined {
  const minReadySeconds = set.spec.minReadySeconds ?? 0;
  if (minReadySeconds === 0) return undefined;
  const waits = active
    .filter((pod) => isPodReady(pod) && !isPodAvailable(pod, minReadySeconds, nowMs))
    .map(
      (pod) =>
        Date.parse(pod.status?.conditions?.find(({ type }) => type === 'Ready')?.lastTransitionTime ?? '') +
        minReadySeconds * 1000 -
        nowMs,
    );
  return waits.length === 0 ? undefined : { requeueAfterMs: Math.max(100, Math.min(...waits)) };
}

function matchingSets(pod: Pod, context: Pick<ControllerContext, 'lister'>): string[] {
  return context
    .lister<ReplicaSet>(replicaSets)
    .list({ namespace: pod.metadata.namespace ?? '' })
    .filter((set) => selectorOf(set).requirements.length > 0 && selectorOf(set).matches(pod.metadata.labels))
    .map((set) => `${set.metadata.namespace}/${set.metadata.name}`);
}

function selectorOf(set: ReplicaSet): Selector {
  return selectorFromObject(set.spec.selector);
}

async function claimPods(set: ReplicaSet, context: ControllerContext): Promise<Pod[]> {
  const candidates = context.lister<Pod>(pods).list({ namespace: set.metadata.namespace ?? '' });
  return claimObjects<Pod>({
    owner: set,
    ownerResource: replicaSets,
    selector: selectorOf(set),
    candidates: candidates.filter(
      (pod) => pod.metadata.deletionTimestamp === undefined || controllerOf(pod)?.uid === set.metadata.uid,
    ),
    resource: pods,
    client: context.client,
  });
}

/** Pods of every set that has the same controller as this one. */
function relatedPods(set: ReplicaSet, context: ControllerContext): Pod[] {
  const owner = controllerOf(set);
  const sets = owner === undefined ? [set] : context.byIndex<ReplicaSet>(replicaSets, OWNER_UID_INDEX, owner.uid);
  return sets.flatMap(({ metadata }) => context.byIndex<Pod>(pods, OWNER_UID_INDEX, metadata.uid ?? ''));
}

/** The first error; what was created before it stays. */
async function createPods(set: ReplicaSet, count: number, context: ControllerContext): Promise<Error | undefined> {
  const { failure } = await runInSlowStartBatches(count, async () => {
    try {
      const created = await context.client.create<Pod>(pods, podOf(set));
      context.events.event(set, 'Normal', 'SuccessfulCreate', `Created pod: ${created.metadata.name}`);
    } catch (error) {
      context.events.event(set, 'Warning', 'FailedCreate', `Error creating: ${(error as Error).message}`);
      throw error;
    }
  });
  return failure;
}

/** `<set>-<random>`, cut so that it fits a pod's name. */
export function podOf(set: ReplicaSet): Pod {
  const { metadata, spec } = set.spec.template;
  const prefix = `${set.metadata.name}-`;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      generateName: prefix,
      namespace: set.metadata.namespace ?? '',
      ...(metadata?.labels === undefined ? {} : { labels: { ...metadata.labels } }),
      ...(metadata?.annotations === undefined ? {} : { annotations: { ...metadata.annotations } }),
      ...(metadata?.finalizers === undefined ? {} : { finalizers: [...metadata.finalizers] }),
      ownerReferences: [newControllerRef(set, replicaSets)],
    },
    spec: spec as Pod['spec'],
  };
}

async function deletePods(
  set: ReplicaSet,
  doomed: readonly Pod[],
  context: ControllerContext,
): Promise<Error | undefined> {
  const results = await Promise.allSettled(
    doomed.map(async ({ metadata }) => {
      const name = { namespace: metadata.namespace ?? '', name: metadata.name! };
      await context.client.delete(pods, name, { preconditions: { uid: metadata.uid! } });
      context.events.event(set, 'Normal', 'SuccessfulDelete', `Deleted pod: ${metadata.name}`);
    }),
  );
  for (const result of results) {
    if (result.status === 'rejected' && !isGone(result.reason)) return result.reason as Error;
  }
  return undefined;
}

function isGone(error: unknown): boolean {
  return (error as { reason?: string }).reason === 'NotFound';
}

async function writeStatus(set: ReplicaSet, status: Status, context: ControllerContext): Promise<void> {
  if (JSON.stringify(status) === JSON.stringify(set.status ?? {})) return;
  await context.client.update<ReplicaSet>(replicaSets, { ...set, status }, { subresource: 'status' });
}
