/**
 * What a DaemonSet does next: which nodes get a pod and which pods go
 * (upstream `pkg/controller/daemon/daemon_controller.go` `podsShouldBeOnNode`, `update.go` `rollingUpdate`). Pure.
 */
import type { DaemonSet } from '../../api/apps/v1/daemon-set.ts';
import type { Node } from '../../api/core/v1/node.ts';
import type { Pod } from '../../api/core/v1/pod.ts';
import { POD_REVISION_LABEL } from '../controller-history/revisions.ts';
import { resolveIntOrPercent } from '../deployment/bounds.ts';
import { isPodAvailable, isPodReady, isPodTerminal } from '../pods.ts';
import type { Placement } from './placement.ts';
import { targetNode } from './placement.ts';

/** The nodes, and the set's pods by the node that they are for. */
export interface DaemonView {
  set: DaemonSet;
  nodes: readonly Node[];
  /** Nodes without pods have no entry. */
  podsByNode: ReadonlyMap<string, readonly Pod[]>;
  placement(node: Node): Placement;
  /** Of the present template. */
  hash: string;
  nowMs: number;
}

export interface DaemonPlan {
  /** Names of nodes. */
  create: string[];
  delete: Pod[];
  /** On these nodes a failed pod goes: the next one there is waited for longer. */
  failed: { pod: Pod; node: string }[];
  succeeded: { pod: Pod; node: string }[];
  /** Until the next failed pod may be replaced. */
  waitMs: number | undefined;
}

/** Pods that have ended and are being deleted are somebody else's business; those for no node are nobody's. */
export function groupByNode(pods: readonly Pod[]): Map<string, Pod[]> {
  const byNode = new Map<string, Pod[]>();
  for (const pod of pods) {
    const node = targetNode(pod);
    if (node === undefined || (isPodTerminal(pod) && isTerminating(pod))) continue;
    const there = byNode.get(node);
    if (there === undefined) byNode.set(node, [pod]);
    else there.push(pod);
  }
  return byNode;
}

/** Which nodes lack a pod, and which pods are wrong where they are (`manage`). `backoffMs` is of failures on a node. */
export function planPlacement(view: DaemonView, backoffMs: (node: string) => number): DaemonPlan {
  const plan: DaemonPlan = { create: [], delete: [], failed: [], succeeded: [], waitMs: undefined };
  for (const node of view.nodes) planNode(view, { node, plan, backoffMs });
  const names = new Set(view.nodes.map(({ metadata }) => metadata.name!));
  for (const [node, pods] of view.podsByNode) {
    // Bound to a node that is gone, they are for the pod garbage collector; unbound, for nobody else.
    if (!names.has(node)) plan.delete.push(...pods.filter((pod) => !pod.spec.nodeName && !isTerminating(pod)));
  }
  return plan;
}

interface NodeToPlan {
  node: Node;
  plan: DaemonPlan;
  backoffMs(node: string): number;
}

function planNode(view: DaemonView, { node, plan, backoffMs }: NodeToPlan): void {
  const name = node.metadata.name!;
  const { shouldRun, mayStay } = view.placement(node);
  const pods = view.podsByNode.get(name);
  if (shouldRun && pods === undefined) {
    plan.create.push(name);
    return;
  }
  const staying = (pods ?? []).filter((pod) => !isTerminating(pod));
  if (!mayStay) {
    plan.delete.push(...staying);
    return;
  }
  removeEnded(staying, { name, plan, delayMs: backoffMs(name) });
  const running = staying.filter((pod) => !isPodTerminal(pod)).sort(byAge);
  if (!allowsSurge(view.set)) {
    plan.delete.push(...running.slice(1));
    return;
  }
  if (running.length === 0 && shouldRun) plan.create.push(name);
  plan.delete.push(...surplusOfSurge(running, view));
}

function removeEnded(
  pods: readonly Pod[],
  { name, plan, delayMs }: { name: string; plan: DaemonPlan; delayMs: number },
): void {
  for (const pod of pods) {
    if (pod.status?.phase === 'Succeeded') plan.succeeded.push({ pod, node: name });
    if (pod.status?.phase !== 'Failed') continue;
    if (delayMs > 0) plan.waitMs = Math.min(plan.waitMs ?? Infinity, delayMs);
    else plan.failed.push({ pod, node: name });
  }
}

/**
 * One new and one old pod may be there as long as the new one is not available and the old one is ready; of several,
 * the eldest of each kind stay.
 */
function surplusOfSurge(running: readonly Pod[], view: DaemonView): Pod[] {
  if (running.length <= 1) return [];
  const newest = running.filter((pod) => isUpdated(pod, view));
  const outdated = running.filter((pod) => !isUpdated(pod, view));
  const surplus = [...newest.slice(1), ...outdated.slice(1)];
  const [keptNew] = newest;
  const [keptOld] = outdated;
  if (keptNew === undefined || keptOld === undefined) return surplus;
  const isReplaced = !isPodReady(keptOld) || isAvailable(keptNew, view);
  return isReplaced ? [...surplus, keptOld] : surplus;
}

export interface UpdatePlan {
  create: string[];
  delete: Pod[];
}

/** Which outdated pods go, and where a second pod comes, without more being away or more than one than allowed. */
export function planUpdate(view: DaemonView): UpdatePlan {
  if (view.set.spec.updateStrategy?.type !== 'RollingUpdate') return { create: [], delete: [] };
  const wanting = view.nodes.filter((node) => view.placement(node).shouldRun);
  const { maxSurge, maxUnavailable } = bounds(view.set, wanting.length);
  const wanted = new Set(wanting.map(({ metadata }) => metadata.name!));
  const onNodes = [...new Set([...wanted, ...view.podsByNode.keys()])]
    .sort()
    .map((name) => ({ ...podsOn(name, view), isWanted: wanted.has(name) }));
  return maxSurge === 0
    ? replaceInPlace(onNodes, { maxUnavailable, view })
    : replaceBySurge(onNodes, { maxSurge, desired: wanting.length, view });
}

interface PodsOnNode {
  name: string;
  newPod: Pod | undefined;
  oldPod: Pod | undefined;
  /** More pods than can be: `planPlacement` sees to that first. */
  isCrowded: boolean;
}

type OnNode = PodsOnNode & { isWanted: boolean };

function podsOn(name: string, view: DaemonView): PodsOnNode {
  const staying = (view.podsByNode.get(name) ?? []).filter((pod) => !isTerminating(pod));
  const [newPod, secondNew] = staying.filter((pod) => isUpdated(pod, view));
  const [oldPod, secondOld] = staying.filter((pod) => !isUpdated(pod, view));
  return { name, newPod, oldPod, isCrowded: secondNew !== undefined || secondOld !== undefined };
}

/** Old pods go; `planPlacement` makes the new ones. Those that are not available go at once. */
function replaceInPlace(
  onNodes: readonly OnNode[],
  { maxUnavailable, view }: { maxUnavailable: number; view: DaemonView },
): UpdatePlan {
  const broken: Pod[] = [];
  const serving: Pod[] = [];
  let unavailable = 0;
  for (const { newPod, oldPod, isCrowded } of onNodes) {
    if (!isCrowded && oldPod !== undefined && newPod === undefined) {
      if (isAvailable(oldPod, view)) serving.push(oldPod);
      else {
        broken.push(oldPod);
        unavailable++;
      }
      continue;
    }
    const isServed = !isCrowded && oldPod === undefined && newPod !== undefined && isAvailable(newPod, view);
    if (!isServed) unavailable++;
  }
  return { create: [], delete: [...broken, ...serving.slice(0, Math.max(0, maxUnavailable - unavailable))] };
}

/** New pods come beside old ones that serve, as many as may be; an old one goes when the new one is available. */
function replaceBySurge(
  onNodes: readonly OnNode[],
  { maxSurge, desired, view }: { maxSurge: number; desired: number; view: DaemonView },
): UpdatePlan {
  const roles = onNodes.map((one) => ({ ...one, role: surgeRole(one, view) }));
  const inRole = (role: SurgeRole): typeof roles => roles.filter((one) => one.role === role);
  const available = onNodes.filter(({ newPod, oldPod, isCrowded }) => {
    const counted = oldPod ?? newPod;
    return !isCrowded && counted !== undefined && isAvailable(counted, view);
  });
  // Where the set is no longer wanted, pods serve until others do in their place.
  const dispensable = inRole('unwanted').slice(0, Math.max(0, available.length - desired));
  const surges = inRole('candidate').slice(0, Math.max(0, maxSurge - inRole('surging').length));
  return {
    create: [...inRole('broken'), ...surges].map(({ name }) => name),
    delete: [...inRole('replaced'), ...dispensable].map(({ oldPod }) => oldPod!),
  };
}

type SurgeRole =
  /** Nothing to update. */
  | 'settled'
  /** It has a pod more than it should, for now. */
  | 'surging'
  /** Its old pod is not needed any more. */
  | 'replaced'
  /** Its old pod serves nobody: a new one may come at once. */
  | 'broken'
  /** Its old pod serves: a new one may come beside it. */
  | 'candidate'
  /** Its old pod serves where the set is no longer wanted. */
  | 'unwanted';

function surgeRole({ newPod, oldPod, isCrowded, isWanted }: OnNode, view: DaemonView): SurgeRole {
  if (isCrowded) return 'surging';
  if (oldPod === undefined) return 'settled';
  if (newPod !== undefined) return isAvailable(newPod, view) ? 'replaced' : 'surging';
  if (isAvailable(oldPod, view)) return isWanted ? 'candidate' : 'unwanted';
  return isWanted ? 'broken' : 'replaced';
}

/** Of the nodes that want a pod. When both come to 0, one pod may be away, or nothing could move. */
function bounds({ spec }: DaemonSet, desired: number): { maxSurge: number; maxUnavailable: number } {
  const { maxSurge, maxUnavailable } = spec.updateStrategy?.rollingUpdate ?? {};
  const surge = resolveIntOrPercent(maxSurge as number | string | undefined, desired, 'up');
  const unavailable = resolveIntOrPercent(maxUnavailable as number | string | undefined, desired, 'up');
  return surge === 0 && unavailable === 0
    ? { maxSurge: 0, maxUnavailable: 1 }
    : { maxSurge: surge, maxUnavailable: unavailable };
}

function allowsSurge(set: DaemonSet): boolean {
  return set.spec.updateStrategy?.type === 'RollingUpdate' && bounds(set, 1).maxSurge > 0;
}

export function isUpdated({ metadata }: Pod, { hash }: Pick<DaemonView, 'hash'>): boolean {
  return metadata.labels?.[POD_REVISION_LABEL] === hash;
}

export function isAvailable(pod: Pod, { set, nowMs }: Pick<DaemonView, 'set' | 'nowMs'>): boolean {
  return isPodAvailable(pod, set.spec.minReadySeconds ?? 0, nowMs);
}

/** Bound pods first, then by age: of several on a node the first one counts (`podByCreationTimestampAndPhase`). */
export function byAge(a: Pod, b: Pod): number {
  const isUnbound = ({ spec }: Pod): number => (spec.nodeName ? 0 : 1);
  const createdMs = ({ metadata }: Pod): number => Date.parse(metadata.creationTimestamp ?? '') || 0;
  return (
    isUnbound(a) - isUnbound(b) ||
    createdMs(a) - createdMs(b) ||
    ((a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1)
  );
}

function isTerminating({ metadata }: Pod): boolean {
  return metadata.deletionTimestamp !== undefined;
}
