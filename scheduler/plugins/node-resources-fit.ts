/**
 * NodeResourcesFit: the node must have free what the pod requests; what of it is in use afterwards is the score
 * (`plugins/noderesources/fit.go`).
 */
import type { Node } from '../../api/core/v1/node.ts';
import { amountOf } from '../../api/core/v1/pod/resources.ts';
import { isExtendedResource } from '../../api/core/v1/resource-names.ts';
import type { Plugin, Rejection } from '../framework.ts';
import { FREE_CPU, FREE_MEMORY, FREE_PODS, FREE_STORAGE } from '../node-info.ts';
import type { NodeResourcesFitArgs } from '../plugin-args.ts';
import { podInfoOf } from '../pod-info.ts';
import type { PodInfo } from '../pod-info.ts';
import { allocationScore } from '../resource-allocation.ts';
import type { Resource } from '../resource.ts';
import { EMPTY_RESOURCE, amountIn, resourceOfList } from '../resource.ts';

/** What a node offers, and what of it is taken. A `NodeInfo` is one. */
export interface Room {
  readonly allocatable: Resource;
  readonly requested: Resource;
  readonly allowedPods: number;
  readonly pods: { readonly size: number };
}

export function nodeResourcesFit(args: NodeResourcesFitArgs = {}): Plugin {
  const score = allocationScore(args.scoringStrategy);
  const wantedOf = ({ requests }: PodInfo): Resource => withoutIgnored(requests, args);
  return {
    name: 'NodeResourcesFit',
    events: ['NodeAdd', 'NodeUpdateAllocatable', 'AssignedPodDelete', 'AssignedPodScaleDown', 'PodScaleDown'],
    queueingHint(podInfo, event) {
      switch (event.name) {
        case 'NodeAdd':
          return fitsEmpty(wantedOf(podInfo), event.node);
        case 'NodeUpdateAllocatable':
          return fitsEmpty(wantedOf(podInfo), event.node) && offersMore(podInfo, event);
        case 'AssignedPodScaleDown':
          return asksForLess(podInfo.requests, podInfoOf(event.pod).requests, podInfoOf(event.previous).requests);
        default:
          return true;
      }
    },
    filter({ podInfo }, node) {
      const wanted = wantedOf(podInfo);
      const isRoom = fitsInto(wanted, node.room) && (wanted.scalars.size === 0 || fits(wanted, node));
      return isRoom ? undefined : shortage(wanted, node);
    },
    score: ({ podInfo }, node) => score(podInfo, node),
  };
}

/** Without extended resources that someone else looks after. */
function withoutIgnored(requests: Resource, args: NodeResourcesFitArgs): Resource {
  if (requests.scalars.size === 0) return requests;
  const { ignoredResources = [], ignoredResourceGroups = [] } = args;
  if (ignoredResources.length + ignoredResourceGroups.length === 0) return requests;
  const isIgnored = (name: string): boolean =>
    isExtendedResource(name) &&
    (ignoredResources.includes(name) || ignoredResourceGroups.includes(name.split('/', 1)[0]!));
  return { ...requests, scalars: new Map([...requests.scalars].filter(([name]) => !isIgnored(name))) };
}

/** Of all but scalar resources. Asked for every node and pod, and mostly answered with yes. */
function fitsInto({ milliCpu, memory, ephemeralStorage: storage }: Resource, room: Float64Array): boolean {
  if (room[FREE_PODS]! < 1) return false;
  if (milliCpu > 0 && milliCpu > room[FREE_CPU]!) return false;
  if (memory > 0 && memory > room[FREE_MEMORY]!) return false;
  return !(storage > 0 && storage > room[FREE_STORAGE]!);
}

/** Whether there is enough of everything. */
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

function fitsEmpty(wanted: Resource, { status }: Node): boolean {
  return fits(wanted, {
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
