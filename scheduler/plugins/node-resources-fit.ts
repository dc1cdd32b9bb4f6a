/**
 * NodeResourcesFit: the node must have free what the pod requests; the more is free afterwards, the better
 * (`plugins/noderesources/fit.go` and `least_allocated.go`).
 */
import type { Node } from '../../api/core/v1/node.ts';
import { amountOf } from '../../api/core/v1/pod/resources.ts';
import { MAX_NODE_SCORE } from '../framework.ts';
import type { Plugin, Rejection } from '../framework.ts';
import { podInfoOf } from '../pod-info.ts';
import type { PodInfo } from '../pod-info.ts';
import type { Resource } from '../resource.ts';
import { EMPTY_RESOURCE, amountIn, resourceOfList } from '../resource.ts';

/** What a node offers, and what of it is taken. A `NodeInfo` is one. */
export interface Room {
  readonly allocatable: Resource;
  readonly requested: Resource;
  readonly allowedPods: number;
  readonly pods: { readonly size: number };
}

export const nodeResourcesFit: Plugin = {
  name: 'NodeResourcesFit',
  events: ['NodeAdd', 'NodeUpdateAllocatable', 'AssignedPodDelete', 'AssignedPodScaleDown', 'PodScaleDown'],
  queueingHint(podInfo, event) {
    switch (event.name) {
      case 'NodeAdd':
        return fitsEmpty(podInfo, event.node);
      case 'NodeUpdateAllocatable':
        return fitsEmpty(podInfo, event.node) && offersMore(podInfo, event);
      case 'AssignedPodScaleDown':
        return asksForLess(podInfo.requests, podInfoOf(event.pod).requests, podInfoOf(event.previous).requests);
      default:
        return true;
    }
  },
  filter: ({ podInfo }, node) => (fits(podInfo.requests, node) ? undefined : shortage(podInfo.requests, node)),
  score({ podInfo: { nonZero } }, node) {
    const cpu = leastAllocated(node.nonZero.milliCpu + nonZero.milliCpu, node.allocatable.milliCpu);
    const memory = leastAllocated(node.nonZero.memory + nonZero.memory, node.allocatable.memory);
    if (cpu === undefined || memory === undefined) return cpu ?? memory ?? 0;
    return Math.floor((cpu + memory) / 2);
  },
};

/** Whether there is enough of everything. Asked for every node and pod, and mostly answered with yes. */
export function fits(wanted: Resource, { allocatable, requested, allowedPods, pods }: Room): boolean {
  if (pods.size + 1 > allowedPods) return false;
  if (wanted.milliCpu > 0 && wanted.milliCpu > allocatable.milliCpu - requested.milliCpu) return false;
  if (wanted.memory > 0 && wanted.memory > allocatable.memory - requested.memory) return false;
  const storage = wanted.ephemeralStorage;
  if (storage > 0 && storage > allocatable.ephemeralStorage - requested.ephemeralStorage) return false;
  for (const [name, amount] of wanted.scalars) {
    const free = (allocatable.scalars.get(name) ?? 0) - (requested.scalars.get(name) ?? 0);
    if (amount > 0 && amount > free) return false;
  }
  return true;
}

/** What there is too little of; not to be mended by other pods' going when even the whole node is too small. */
export function shortage(wanted: Resource, { allocatable, requested, allowedPods, pods }: Room): Rejection {
  const reasons = pods.size + 1 > allowedPods ? ['Too many pods'] : [];
  let isTooSmall = false;
  for (const name of ['cpu', 'memory', 'ephemeral-storage', ...wanted.scalars.keys()]) {
    const amount = amountIn(wanted, name);
    const total = amountIn(allocatable, name);
    if (amount <= 0 || amount <= total - amountIn(requested, name)) continue;
    reasons.push(`Insufficient ${name}`);
    if (amount > total) isTooSmall = true;
  }
  return { code: isTooSmall ? 'UnschedulableAndUnresolvable' : 'Unschedulable', reasons };
}

/** The share that is left, in percent; `undefined` for a resource that the node does not have. */
function leastAllocated(requested: number, allocatable: number): number | undefined {
  if (allocatable === 0) return undefined;
  if (requested > allocatable) return 0;
  return Math.floor(((allocatable - requested) * MAX_NODE_SCORE) / allocatable);
}

function fitsEmpty({ requests }: PodInfo, { status }: Node): boolean {
  return fits(requests, {
    allocatable: resourceOfList(status?.allocatable),
    requested: EMPTY_RESOURCE,
    allowedPods: amountOf(status?.allocatable, 'pods').value(),
    pods: { size: 0 },
  });
}

/** Of anything that the pod wants, room for pods included. */
function offersMore({ requests }: PodInfo, { node, previous }: { node: Node; previous: Node }): boolean {
  const [before, after] = [previous.status?.allocatable, node.status?.allocatable];
  if (amountOf(after, 'pods').cmp(amountOf(before, 'pods')) > 0) return true;
  return asksForLess(requests, resourceOfList(before), resourceOfList(after));
}

/** Whether `less` is less than `more` in any resource of `wanted`. */
function asksForLess(wanted: Resource, less: Resource, more: Resource): boolean {
  return ['cpu', 'memory', 'ephemeral-storage', ...wanted.scalars.keys()].some(
    (name) => amountIn(wanted, name) > 0 && amountIn(less, name) < amountIn(more, name),
  );
}
