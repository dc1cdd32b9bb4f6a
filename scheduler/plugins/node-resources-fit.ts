/**
 * NodeResourcesFit: the node must have free what the pod requests; the more is free afterwards, the better
 * (`plugins/noderesources/fit.go` and `least_allocated.go`).
 */
import { amountOf } from '../../api/core/v1/pod/resources.ts';
import type { Node } from '../../api/core/v1/node.ts';
import { MAX_NODE_SCORE } from '../framework.ts';
import type { Plugin, Rejection } from '../framework.ts';
import type { PodInfo } from '../pod-info.ts';
import type { Resource } from '../resource.ts';
import { EMPTY_RESOURCE, resourceOfList } from '../resource.ts';
import { podInfoOf } from '../pod-info.ts';

/** What a node offers, and what of it is taken. */
export interface Room {
  allocatable: Resource;
  requested: Resource;
  allowedPods: number;
  podCount: number;
}

export const nodeResourcesFit: Plugin = {
  name: 'NodeResourcesFit',
  events: [
    'NodeAdd',
    'NodeUpdateAllocatable',
    'AssignedPodDelete',
    'AssignedPodScaleDown',
    'PodScaleDown',
  ],
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
  filter: ({ podInfo }, node) =>
    shortage(podInfo.requests, {
      allocatable: node.allocatable,
      requested: node.requested,
      allowedPods: node.allowedPods,
      podCount: node.pods.size,
    }),
  score({ podInfo: { nonZero } }, node) {
    const cpu = leastAllocated(node.nonZero.milliCpu + nonZero.milliCpu, node.allocatable.milliCpu);
    const memory = leastAllocated(node.nonZero.memory + nonZero.memory, node.allocatable.memory);
    if (cpu === undefined || memory === undefined) return cpu ?? memory ?? 0;
    return Math.floor((cpu + memory) / 2);
  },
};

/** What there is too little of; not to be mended by other pods' going when even the whole node is too small. */
export function shortage(wanted: Resource, room: Room): Rejection | undefined {
  let reasons: string[] | undefined;
  let isTooSmall = false;
  if (room.podCount + 1 > room.allowedPods) reasons = ['Too many pods'];
  const check = (name: string, amount: number, { total, taken }: { total: number; taken: number }): void => {
    if (amount <= 0 || amount <= total - taken) return;
    (reasons ??= []).push(`Insufficient ${name}`);
    if (amount > total) isTooSmall = true;
  };
  const { allocatable, requested } = room;
  check('cpu', wanted.milliCpu, { total: allocatable.milliCpu, taken: requested.milliCpu });
  check('memory', wanted.memory, { total: allocatable.memory, taken: requested.memory });
  check('ephemeral-storage', wanted.ephemeralStorage, {
    total: allocatable.ephemeralStorage,
    taken: requested.ephemeralStorage,
  });
  for (const [name, amount] of wanted.scalars) {
    check(name, amount, { total: allocatable.scalars.get(name) ?? 0, taken: requested.scalars.get(name) ?? 0 });
  }
  if (reasons === undefined) return undefined;
  return { code: isTooSmall ? 'UnschedulableAndUnresolvable' : 'Unschedulable', reasons };
}

/** The share that is left, in percent; `undefined` for a resource that the node does not have. */
function leastAllocated(requested: number, allocatable: number): number | undefined {
  if (allocatable === 0) return undefined;
  if (requested > allocatable) return 0;
  return Math.floor(((allocatable - requested) * MAX_NODE_SCORE) / allocatable);
}

function fitsEmpty({ requests }: PodInfo, node: Node): boolean {
  const allocatable = node.status?.allocatable;
  return (
    shortage(requests, {
      allocatable: resourceOfList(allocatable),
      requested: EMPTY_RESOURCE,
      allowedPods: amountOf(allocatable, 'pods').value(),
      podCount: 0,
    }) === undefined
  );
}

/** Of anything that the pod wants, room for pods included. */
function offersMore({ requests }: PodInfo, { node, previous }: { node: Node; previous: Node }): boolean {
  const [before, after] = [previous.status?.allocatable, node.status?.allocatable];
  if (amountOf(after, 'pods').cmp(amountOf(before, 'pods')) > 0) return true;
  return asksForLess(requests, resourceOfList(before), resourceOfList(after));
}

/** Whether `less` is less than `more` in any resource of `wanted`. */
function asksForLess(wanted: Resource, less: Resource, more: Resource): boolean {
  if (wanted.milliCpu > 0 && less.milliCpu < more.milliCpu) return true;
  if (wanted.memory > 0 && less.memory < more.memory) return true;
  if (wanted.ephemeralStorage > 0 && less.ephemeralStorage < more.ephemeralStorage) return true;
  for (const name of wanted.scalars.keys()) {
    if ((less.scalars.get(name) ?? 0) < (more.scalars.get(name) ?? 0)) return true;
  }
  return false;
}
