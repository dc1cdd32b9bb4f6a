/** What a pod needs and cannot bear in its domain, and who cannot bear it (`plugins/interpodaffinity/filtering.go`). */
import type { Pod } from '../api/core/v1/pod.ts';
import type { CountsByDomain, PodMatcher, TermCounts } from './affinity-counts.ts';
import { labelOf } from './labels.ts';
import type { Labels } from './labels.ts';
import { LayeredCounts } from './layered-counts.ts';
import type { NodeInfo } from './node-info.ts';
import { termMatches } from './pod-affinity.ts';
import type { PodInfo } from './pod-info.ts';

/** How many pods there are in each domain of one topology key. */
export interface Tally {
  topologyKey: string;
  pods: LayeredCounts;
}

/** Needed and unbearable pods by domain, for one pod. */
export interface Rules {
  namespaceLabels: Labels;
  /** Pods that match all terms of the required affinity, by each of the terms' keys. */
  needed: readonly Tally[];
  neededBy: PodMatcher;
  /** Whether no pod at all matches, and the pod may be the first of its group. */
  isFirst: boolean;
  neededTotal: number;
  /** Pods that match a term of the required anti-affinity, by term. */
  unbearable: readonly Tally[];
  unbearableBy: readonly PodMatcher[];
  /** Pods that cannot bear the pod, by key. */
  hostile: Map<string, Tally>;
}

export function hostileTo(pod: Pod, namespaceLabels: Labels, terms: TermCounts): Map<string, Tally> {
  const byKey = new Map<string, CountsByDomain[]>();
  for (const { term, counts } of terms.groups) {
    if (!termMatches(term, pod, namespaceLabels)) continue;
    const list = byKey.get(term.topologyKey);
    if (list === undefined) byKey.set(term.topologyKey, [counts]);
    else list.push(counts);
  }
  return new Map([...byKey].map(([key, counts]) => [key, tallyOf(key, counts)]));
}

export function tallyOf(topologyKey: string, counts: readonly CountsByDomain[]): Tally {
  return { topologyKey, pods: new LayeredCounts(counts) };
}

export function sumOf(counts: CountsByDomain): number {
  let sum = 0;
  for (const count of counts.values()) sum += count;
  return sum;
}

/** The first pod of a group that wants to be together has nobody to be with. */
export function isNeededMet({ needed, neededTotal, isFirst }: Rules, labels: Labels): boolean {
  let isMet = true;
  for (const tally of needed) {
    if (labelOf(labels, tally.topologyKey) === undefined) return false;
    if (podsBy(tally, labels) <= 0) isMet = false;
  }
  return isMet || (neededTotal === 0 && isFirst);
}

export function podsBy({ topologyKey, pods }: Tally, labels: Labels): number {
  const domain = labelOf(labels, topologyKey);
  return domain === undefined ? 0 : pods.get(domain);
}

/** In thought, in place (`updateWithPod`). `pod` is the one that the rules are for. */
export function movePod(
  rules: Rules,
  pod: Pod,
  { podInfo, node, by }: { podInfo: PodInfo; node: NodeInfo; by: 1 | -1 },
): void {
  if (rules.neededBy.matches(podInfo.pod)) {
    for (const tally of rules.needed) rules.neededTotal += moveIn(tally, node.labels, by);
  }
  for (const [i, tally] of rules.unbearable.entries()) {
    if (rules.unbearableBy[i]!.matches(podInfo.pod)) moveIn(tally, node.labels, by);
  }
  for (const term of podInfo.podAffinity?.requiredAnti ?? []) {
    if (!termMatches(term, pod, rules.namespaceLabels)) continue;
    let tally = rules.hostile.get(term.topologyKey);
    if (tally === undefined) rules.hostile.set(term.topologyKey, (tally = tallyOf(term.topologyKey, [])));
    moveIn(tally, node.labels, by);
  }
}

/** By how much the sum changes. */
function moveIn({ topologyKey, pods }: Tally, labels: Labels, by: 1 | -1): number {
  const domain = labelOf(labels, topologyKey);
  if (domain === undefined) return 0;
  pods.add(domain, by);
  return by;
}

export function cloneRules(rules: Rules): Rules {
  const clone = ({ topologyKey, pods }: Tally): Tally => ({ topologyKey, pods: pods.clone() });
  return {
    ...rules,
    needed: rules.needed.map(clone),
    unbearable: rules.unbearable.map(clone),
    hostile: new Map([...rules.hostile].map(([key, tally]) => [key, clone(tally)])),
  };
}
