/** What controllers ask of pods, as pure functions (upstream `pkg/api/v1/pod/util.go`, `pkg/controller/controller_utils.go`). */
import { isDeepStrictEqual } from 'node:util';
import type { Pod } from '../api/core/v1/pod.ts';
import { pods } from '../api/core/v1/pod.ts';
import { isSidecar } from '../api/core/v1/pod/containers.ts';
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

const DELETION_COST_ANNOTATION = 'controller.kubernetes.io/pod-deletion-cost';
const MAX_COST = 2 ** 31;

/** 0 where the annotation is missing or no 32-bit number as Go prints it (`GetDeletionCostFromPodAnnotations`). */
export function deletionCost(pod: Pod): number {
  const text = pod.metadata.annotations?.[DELETION_COST_ANNOTATION] ?? '0';
  const cost = /^(0|-?[1-9]\d*)$/.test(text) ? Number(text) : 0;
  return cost >= -MAX_COST && cost < MAX_COST ? cost : 0;
}

/** The most that a container was restarted, and the most that a sidecar was. */
function restartsOf({ spec, status }: Pod): { regular: number; sidecars: number } {
  const sidecars = new Set((spec.initContainers ?? []).filter(isSidecar).map(({ name }) => name));
  const most = (counts: number[]): number => Math.max(0, ...counts);
  return {
    regular: most((status?.containerStatuses ?? []).map(({ restartCount }) => restartCount)),
    sidecars: most(
      (status?.initContainerStatuses ?? [])
        .filter(({ name }) => sidecars.has(name))
        .map(({ restartCount }) => restartCount),
    ),
  };
}

const PHASE_RANK: Readonly<Record<string, number>> = { Pending: 0, Unknown: 1, Running: 2 };

const phaseRank = ({ status }: Pod): number => PHASE_RANK[status?.phase ?? ''] ?? 0;

/**
 * Ages within a factor of two or so count as equal, down to the nanosecond that upstream counts in. A time that is
 * missing comes before any other.
 */
function ageRank(time: string | null | undefined, nowMs: number): number {
  const sinceMs = Date.parse(time ?? '');
  if (!Number.isFinite(sinceMs)) return -2;
  return nowMs > sinceMs ? Math.trunc(Math.log2((nowMs - sinceMs) * 1e6)) : -1;
}

/**
 * Orders pods so that those to delete first come first (`ActivePodsWithRanks`): unassigned, then pending, not ready,
 * cheap, crowded on their node, ready for a short time, often restarted, young. `colocated` counts related pods by node.
 * Pods that are ready for about as long go on to the next criterion: upstream lets chance decide there, but in a way
 * that can prefer each of three pods to the next.
 */
export function sortForDeletion(pods: readonly Pod[], colocated: ReadonlyMap<string, number>, nowMs: number): Pod[] {
  const keyed = pods.map((pod) => ({ pod, keys: deletionKeys(pod, colocated, nowMs) }));
  keyed.sort((a, b) => {
    for (const [index, key] of a.keys.entries()) {
      const difference = key - b.keys[index]!;
      if (difference !== 0) return difference;
    }
    return (a.pod.metadata.uid ?? '') < (b.pod.metadata.uid ?? '') ? -1 : 1;
  });
  return keyed.map(({ pod }) => pod);
}

/** The least goes first, by the first key that differs. */
function deletionKeys(pod: Pod, colocated: ReadonlyMap<string, number>, nowMs: number): number[] {
  const node = pod.spec.nodeName ?? '';
  const isReady = isPodReady(pod);
  const restarts = restartsOf(pod);
  return [
    node === '' ? 0 : 1,
    phaseRank(pod),
    isReady ? 1 : 0,
    deletionCost(pod),
    -(colocated.get(node) ?? 0),
    isReady ? ageRank(podCondition(pod, 'Ready')?.lastTransitionTime, nowMs) : 0,
    -restarts.regular,
    -restarts.sidecars,
    ageRank(pod.metadata.creationTimestamp, nowMs),
  ];
}
