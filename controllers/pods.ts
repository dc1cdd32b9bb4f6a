/** What controllers ask of pods, as pure functions (upstream `pkg/api/v1/pod/util.go`, `pkg/controller/controller_utils.go`). */
import { isDeepStrictEqual } from 'node:util';
import type { Pod } from '../api/core/v1/pod.ts';
import { pods } from '../api/core/v1/pod.ts';
import type { ApiObject } from '../api/machinery/meta.ts';
import type { CacheReader, IndexDeclaration } from '../client/controller.ts';
import { controllerOf } from '../client/owner-references.ts';
import { OWNER_UID_INDEX } from '../client/store.ts';

/** To be declared by whoever calls `podsOnNode`. */
export const PODS_BY_NODE: IndexDeclaration = {
  resource: pods,
  name: 'nodeName',
  fn: (object) => [(object as Pod).spec.nodeName ?? ''].filter((name) => name !== ''),
};

export function podsOnNode(name: string, cache: CacheReader): Pod[] {
  return cache.byIndex<Pod>(pods, PODS_BY_NODE.name, name);
}

/** Pods without a controller, by namespace. To be declared by whoever calls `ownedOrOrphaned`. */
export const ORPHANS_BY_NAMESPACE: IndexDeclaration = {
  resource: pods,
  name: 'orphans',
  fn: (pod) => (controllerOf(pod) === undefined ? [pod.metadata.namespace ?? ''] : []),
};

/** All pods that `owner` may claim: its own, and those of its namespace that have no controller. */
export function ownedOrOrphaned({ metadata: { uid = '', namespace = '' } }: ApiObject, cache: CacheReader): Pod[] {
  return [
    ...cache.byIndex<Pod>(pods, OWNER_UID_INDEX, uid).filter((pod) => controllerOf(pod)?.uid === uid),
    ...cache.byIndex<Pod>(pods, ORPHANS_BY_NAMESPACE.name, namespace),
  ];
}

/** For watches of pods that may be adopted: only labels and the controller say by whom. */
export function isAdoptabilityChange(pod: ApiObject, previous: ApiObject): boolean {
  return (
    !isDeepStrictEqual(pod.metadata.labels, previous.metadata.labels) ||
    !isDeepStrictEqual(controllerOf(pod), controllerOf(previous))
  );
}

type PodCondition = NonNullable<NonNullable<Pod['status']>['conditions']>[number];

export function podCondition(pod: Pod, type: string): PodCondition | undefined {
  return pod.status?.conditions?.find((condition) => condition.type === type);
}

export function isPodReady(pod: Pod): boolean {
  return podCondition(pod, 'Ready')?.status === 'True';
}

/** Ready for at least `minReadySeconds`. */
export function isPodAvailable(pod: Pod, minReadySeconds: number, nowMs: number): boolean {
  const ready = podCondition(pod, 'Ready');
  if (ready?.status !== 'True') return false;
  if (minReadySeconds === 0) return true;
  const sinceMs = Date.parse(ready.lastTransitionTime ?? '');
  return Number.isFinite(sinceMs) && sinceMs + minReadySeconds * 1000 <= nowMs;
}

export function isPodTerminal({ status }: Pod): boolean {
  return status?.phase === 'Succeeded' || status?.phase === 'Failed';
}

/** Neither ended nor being deleted. */
export function isPodActive(pod: Pod): boolean {
  return !isPodTerminal(pod) && pod.metadata.deletionTimestamp === undefined;
}

/** Being deleted, and not ended yet. */
export function isPodTerminating(pod: Pod): boolean {
  return !isPodTerminal(pod) && pod.metadata.deletionTimestamp !== undefined;
}

export function maxContainerRestarts({ status }: Pod): number {
  const statuses = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
  return Math.max(0, ...statuses.map(({ restartCount }) => restartCount));
}

const DELETION_COST_ANNOTATION = 'controller.kubernetes.io/pod-deletion-cost';

function deletionCost(pod: Pod): number {
  const cost = Number(pod.metadata.annotations?.[DELETION_COST_ANNOTATION] ?? 0);
  return Number.isInteger(cost) ? cost : 0;
}

const PHASE_RANK: Readonly<Record<string, number>> = { Pending: 0, Unknown: 1, Running: 2 };

const logarithm = (sinceMs: number, nowMs: number): number =>
  Math.floor(Math.log2(Math.max(1, (nowMs - sinceMs) / 1000)));

const readySinceMs = (pod: Pod): number => Date.parse(podCondition(pod, 'Ready')?.lastTransitionTime ?? '') || 0;
const createdMs = (pod: Pod): number => Date.parse(pod.metadata.creationTimestamp ?? '') || 0;

/**
 * Orders pods so that those to delete first come first (`ActivePodsWithRanks`): unassigned, then pending, not ready,
 * cheap, crowded on their node, ready or created late, restarted often. `colocated` counts related pods per node.
 */
export function sortForDeletion(pods: readonly Pod[], colocated: ReadonlyMap<string, number>, nowMs: number): Pod[] {
  const phase = (pod: Pod): number => PHASE_RANK[pod.status?.phase ?? 'Unknown'] ?? 1;
  const crowding = (pod: Pod): number => -(colocated.get(pod.spec.nodeName ?? '') ?? 0);
  const readyFor = (pod: Pod): number => (isPodReady(pod) ? logarithm(readySinceMs(pod), nowMs) : 0);
  const criteria: ((pod: Pod) => number)[] = [
    (pod) => ((pod.spec.nodeName ?? '') === '' ? 0 : 1),
    phase,
    (pod) => (isPodReady(pod) ? 1 : 0),
    deletionCost,
    crowding,
    readyFor,
    (pod) => -maxContainerRestarts(pod),
    (pod) => logarithm(createdMs(pod), nowMs),
  ];
  const byCriteria = (a: Pod, b: Pod): number => {
    for (const criterion of criteria) {
      const difference = criterion(a) - criterion(b);
      if (difference !== 0) return difference;
    }
    return (a.metadata.uid ?? '') < (b.metadata.uid ?? '') ? -1 : 1;
  };
  return [...pods].sort(byCriteria);
}
