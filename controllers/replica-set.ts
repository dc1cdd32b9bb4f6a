/**
 * ReplicaSet: keeps as many pods of its template as it declares (upstream `pkg/controller/replicaset/replica_set.go`).
 * The same engine runs ReplicationControllers, which it reads as ReplicaSets (`replication-controller.ts`).
 */
import { isDeepStrictEqual } from 'node:util';
import type { ReplicaSet } from '../api/apps/v1/replica-set.ts';
import { replicaSets } from '../api/apps/v1/replica-set.ts';
import type { Pod } from '../api/core/v1/pod.ts';
import { pods } from '../api/core/v1/pod.ts';
import type { Selector } from '../api/machinery/label-selector.ts';
import { selectorFromObject } from '../api/machinery/label-selector.ts';
import type { ApiObject } from '../api/machinery/meta.ts';
import { formatTime } from '../base/clock.ts';
import type { ResourceRef } from '../client/client.ts';
import type { CacheReader, Controller, ControllerContext } from '../client/controller.ts';
import { defineController } from '../client/controller.ts';
import { isNamespaceTerminating } from '../client/controller-runner.ts';
import { keyOf } from '../client/keys.ts';
import { controllerOf, isControlledBy } from '../client/owner-references.ts';
import { OWNER_UID_INDEX } from '../client/store.ts';
import { requeueForAvailability } from './availability.ts';
import { roomForPods } from './backlog.ts';
import { claimPods } from './claim-pods.ts';
import { createPod, deletePod, podFromTemplate } from './pod-control.ts';
import {
  isAdoptabilityChange,
  isPodActive,
  isPodAvailable,
  isPodReady,
  isPodTerminal,
  ORPHANS_BY_NAMESPACE,
  sortForDeletion,
} from './pods.ts';
import { runInSlowStartBatches } from './slow-start.ts';

/** At most this many pods are deleted in one reconcile (`BurstReplicas`). */
const BURST = 500;

/** A kind of objects that declare a number of equal pods, and how it is read and written as a ReplicaSet. */
export interface ReplicaKind<T extends ApiObject> {
  /** The controller's. */
  name: string;
  resource: ResourceRef;
  read(stored: T): ReplicaSet;
  /** The inverse of `read`; drops what the kind has no field for. */
  write(set: ReplicaSet): T;
}

export const replicaSetController = replicaController<ReplicaSet>({
  name: 'replicaset-controller',
  resource: replicaSets,
  read: (set) => set,
  write: (set) => set,
});

export function replicaController<T extends ApiObject>(kind: ReplicaKind<T>): Controller {
  return defineController<T>({
    name: kind.name,
    for: kind.resource,
    owns: [pods],
    watches: [
      // A pod without a controller may match: its sets adopt it.
      {
        resource: pods,
        isRelevant: isAdoptabilityChange,
        map: (pod, cache) => (controllerOf(pod) === undefined ? matchingSets(pod, kind, cache) : []),
      },
    ],
    writes: [pods, kind.resource],
    indexes: [ORPHANS_BY_NAMESPACE],
    workers: 5,
    async reconcile({ namespace, name }, context) {
      // Observe
      const stored = context.lister<T>(kind.resource).get(namespace, name);
      if (stored === undefined) return undefined;
      const set = kind.read(stored);
      // Unlike other controllers, upstream's leaves pods that have ended to whoever they belong to.
      const isCandidate = (pod: Pod): boolean => !isPodTerminal(pod);
      const owned = await claimPods(set, { resource: kind.resource, isCandidate }, context);
      const active = owned.filter(isPodActive);

      // Decide and act
      let failure: Error | undefined;
      if (set.metadata.deletionTimestamp === undefined) {
        const plan = planScale(set, active, { related: () => relatedPods(set, kind, context), nowMs: context.now() });
        failure =
          plan.create > 0
            ? await createPods(set, { count: plan.create, kind }, context)
            : await deletePods(set, plan.delete, context);
      }

      // Report
      const latest = context.lister<T>(kind.resource).get(namespace, name) ?? stored;
      const nowMs = context.now();
      await writeStatus(latest, { owned, failure, nowMs, kind }, context);
      if (failure !== undefined) throw failure;
      return requeueForAvailability(active, { minReadySeconds: set.spec.minReadySeconds, nowMs });
    },
  });
}

export interface ScalePlan {
  create: number;
  delete: Pod[];
}

/** How many pods to create, or which to delete. `related` are pods of the same owner's other sets, for spreading. */
export function planScale(
  set: ReplicaSet,
  active: readonly Pod[],
  { related, nowMs }: { related(): readonly Pod[]; nowMs: number },
): ScalePlan {
  const difference = active.length - (set.spec.replicas ?? 1);
  if (difference <= 0) return { create: Math.min(-difference, roomForPods(active)), delete: [] };
  const count = Math.min(difference, BURST);
  const perNode = new Map<string, number>();
  for (const pod of related()) {
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

function matchingSets<T extends ApiObject>(pod: ApiObject, kind: ReplicaKind<T>, cache: CacheReader): string[] {
  return cache
    .lister<T>(kind.resource)
    .list({ namespace: pod.metadata.namespace ?? '' })
    .filter((stored) => {
      const selector = selectorOf(kind.read(stored));
      return selector.requirements.length > 0 && selector.matches(pod.metadata.labels);
    })
    .map(keyOf);
}

function selectorOf(set: ReplicaSet): Selector {
  return selectorFromObject(set.spec.selector);
}

/** Pods of every set that has the same controller as this one; a set of its own has no related pods. */
function relatedPods<T extends ApiObject>(set: ReplicaSet, { resource }: ReplicaKind<T>, cache: CacheReader): Pod[] {
  const owner = controllerOf(set);
  const sets = owner === undefined ? [] : cache.byIndex<T>(resource, OWNER_UID_INDEX, owner.uid);
  return sets.flatMap((one) =>
    cache.byIndex<Pod>(pods, OWNER_UID_INDEX, one.metadata.uid ?? '').filter((pod) => isControlledBy(pod, one)),
  );
}

/** The first error; what was created before it stays. None where the namespace is going: it takes no more pods. */
async function createPods<T extends ApiObject>(
  set: ReplicaSet,
  { count, kind }: { count: number; kind: ReplicaKind<T> },
  context: ControllerContext,
): Promise<Error | undefined> {
  const pod = podFromTemplate(set.spec.template, set, kind.resource);
  const { failure } = await runInSlowStartBatches(count, async () => void (await createPod(pod, set, context)));
  return isNamespaceTerminating(failure) ? undefined : failure;
}

async function deletePods(
  set: ReplicaSet,
  doomed: readonly Pod[],
  context: ControllerContext,
): Promise<Error | undefined> {
  const results = await Promise.allSettled(doomed.map((pod) => deletePod(pod, set, context)));
  return results.find((result) => result.status === 'rejected')?.reason as Error | undefined;
}

async function writeStatus<T extends ApiObject>(
  stored: T,
  {
    owned,
    failure,
    nowMs,
    kind,
  }: { owned: readonly Pod[]; failure: Error | undefined; nowMs: number; kind: ReplicaKind<T> },
  { client }: ControllerContext,
): Promise<void> {
  const set = kind.read(stored);
  const status = replicaSetStatus(set, owned, { failure, nowMs });
  const next = kind.write({ ...set, status });
  if (isSameStatus(kind.read(next).status, set.status)) return;
  await client.update<T>(kind.resource, next, { subresource: 'status' });
}

/** Whoever wrote it, and in whatever order of its fields. */
function isSameStatus(a: ReplicaSet['status'], b: ReplicaSet['status']): boolean {
  return isDeepStrictEqual({ ...a }, { ...b });
}
