/**
 * Which events can help a pod that inter-pod affinity keeps off all nodes
 * (`plugins/interpodaffinity/plugin.go isSchedulableAfterPodChange`, `isSchedulableAfterNodeChange`).
 */
import type { Node } from '../api/core/v1/node.ts';
import type { Pod } from '../api/core/v1/pod.ts';
import { matcherOfAll, matcherOfTerm } from './affinity-counts.ts';
import type { ClusterEvent } from './cluster-event.ts';
import { labelOf } from './labels.ts';
import type { Labels } from './labels.ts';
import { podAffinityOf, termMatches } from './pod-affinity.ts';
import type { AffinityTerm } from './pod-affinity.ts';

/** The pod that waits. Its terms' namespaces are resolved. */
export interface WaitingPod {
  pod: Pod;
  required: readonly AffinityTerm[];
  requiredAnti: readonly AffinityTerm[];
  namespaceLabels: Labels;
  /** A namespace may be new: whether a term is about it, the terms do not know yet. */
  knowsNamespace(name: string): boolean;
}

export function affinityMayHelp(waiting: WaitingPod, event: ClusterEvent): boolean {
  if (event.name.startsWith('AssignedPod') && !waiting.knowsNamespace(namespaceOf(event))) return true;
  switch (event.name) {
    case 'AssignedPodAdd':
      return isNeeded(waiting, event.pod);
    case 'AssignedPodDelete':
      return isInTheWay(waiting, event.pod) || isAheadOf(waiting, event.pod);
    case 'AssignedPodUpdateLabel':
      if (isUnbearable(waiting, event.previous) && !isUnbearable(waiting, event.pod)) return true;
      if (isNeeded(waiting, event.pod)) return !isNeeded(waiting, event.previous);
      return isAheadOf(waiting, event.previous);
    case 'NodeAdd':
      return waiting.required.every(({ topologyKey }) => labelOf(labelsOf(event.node), topologyKey) !== undefined);
    case 'NodeUpdateLabel':
      return changesDomains(waiting, event);
    default:
      return true;
  }
}

function namespaceOf(event: ClusterEvent): string {
  return ('pod' in event ? event.pod.metadata.namespace : undefined) ?? '';
}

function isNeeded({ required }: WaitingPod, pod: Pod): boolean {
  return matcherOfAll(required).matches(pod);
}

/** Of a group that wants to be together and that the waiting pod may be the first of, when nobody else is left. */
function isAheadOf(waiting: WaitingPod, pod: Pod): boolean {
  return isNeeded(waiting, pod) && isNeeded(waiting, waiting.pod);
}

function isUnbearable({ requiredAnti }: WaitingPod, pod: Pod): boolean {
  return requiredAnti.some((term) => matcherOfTerm(term).matches(pod));
}

/** Also: a pod that could not bear the one that waits. */
function isInTheWay(waiting: WaitingPod, pod: Pod): boolean {
  if (isUnbearable(waiting, pod)) return true;
  const terms = podAffinityOf(pod)?.requiredAnti ?? [];
  return terms.some((term) => termMatches(term, waiting.pod, waiting.namespaceLabels));
}

/** Without rules of its own the pod waits because of those of others, which may be about any label. */
function changesDomains(
  { required, requiredAnti }: WaitingPod,
  { node, previous }: { node: Node; previous: Node },
): boolean {
  const terms = [...required, ...requiredAnti];
  if (terms.length === 0) return true;
  return terms.some(
    ({ topologyKey }) => labelOf(labelsOf(node), topologyKey) !== labelOf(labelsOf(previous), topologyKey),
  );
}

function labelsOf({ metadata }: Node): Labels {
  return metadata.labels ?? {};
}
