/** Pods that match terms of affinity, and pods that have terms, counted by topology domain over all nodes. */
import type { Pod } from '../api/core/v1/pod.ts';
import type { NodeSum } from './kept-sum.ts';
import { labelOf } from './labels.ts';
import type { NodeInfo } from './node-info.ts';
import type { AffinityTerm } from './pod-affinity.ts';
import { termMatches } from './pod-affinity.ts';
import type { PodInfo } from './pod-info.ts';

/** By the domain's label value. */
export type CountsByDomain = ReadonlyMap<string, number>;

/** What pods are counted, and by which labels of their nodes. */
export interface PodMatcher {
  readonly topologyKeys: readonly string[];
  matches(pod: Pod): boolean;
}

/** Resolved terms match without labels of namespaces. */
const NO_LABELS = {};

export function matcherOfTerm(term: AffinityTerm): PodMatcher {
  return { topologyKeys: [term.topologyKey], matches: (pod) => termMatches(term, pod, NO_LABELS) };
}

/** A pod must match every term. No terms match no pod. */
export function matcherOfAll(terms: readonly AffinityTerm[]): PodMatcher {
  return {
    topologyKeys: [...new Set(terms.map(({ topologyKey }) => topologyKey))],
    matches: (pod) => terms.length > 0 && terms.every((term) => termMatches(term, pod, NO_LABELS)),
  };
}

/** How many pods match, by matcher and by topology key. */
export class MatchCounts implements NodeSum {
  /** `counts[matcher][key]`, in the order of the matchers and of their keys. */
  readonly counts: readonly (readonly CountsByDomain[])[];
  readonly #counts: Map<string, number>[][];
  readonly #matchers: readonly PodMatcher[];

  constructor(matchers: readonly PodMatcher[]) {
    this.#matchers = matchers;
    this.counts = this.#counts = matchers.map(({ topologyKeys }) => topologyKeys.map(() => new Map<string, number>()));
  }

  add(node: NodeInfo): void {
    this.#count(node, 1);
  }

  remove(node: NodeInfo): void {
    this.#count(node, -1);
  }

  #count(node: NodeInfo, sign: 1 | -1): void {
    if (node.pods.size === 0) return;
    for (const [i, matcher] of this.#matchers.entries()) {
      let pods = 0;
      for (const { pod } of node.pods.values()) if (matcher.matches(pod)) pods++;
      if (pods === 0) continue;
      for (const [k, key] of matcher.topologyKeys.entries())
        addTo(this.#counts[i]![k]!, labelOf(node.labels, key), sign * pods);
    }
  }
}

/** A term of an existing pod, and what it weighs. */
export interface OwnedTerm {
  readonly term: AffinityTerm;
  readonly weight: number;
}

/** Pods with the same term of the same weight. */
export interface TermGroup extends OwnedTerm {
  readonly counts: CountsByDomain;
}

/** How many existing pods have which terms, by domain of the term's topology key. */
export class TermCounts implements NodeSum {
  readonly #termsOf: (node: NodeInfo) => Iterable<OwnedTerm>;
  readonly #groups = new Map<string, OwnedTerm & { counts: Map<string, number> }>();

  /** `termsOf`: those of all pods on the node. */
  constructor(termsOf: (node: NodeInfo) => Iterable<OwnedTerm>) {
    this.#termsOf = termsOf;
  }

  get groups(): Iterable<TermGroup> {
    return this.#groups.values();
  }

  add(node: NodeInfo): void {
    this.#count(node, 1);
  }

  remove(node: NodeInfo): void {
    this.#count(node, -1);
  }

  #count(node: NodeInfo, sign: 1 | -1): void {
    for (const { term, weight } of this.#termsOf(node)) {
      const id = `${weight} ${term.text}`;
      let group = this.#groups.get(id);
      if (group === undefined) this.#groups.set(id, (group = { term, weight, counts: new Map() }));
      addTo(group.counts, labelOf(node.labels, term.topologyKey), sign);
      if (group.counts.size === 0) this.#groups.delete(id);
    }
  }
}

/** Of the required anti-affinity of the pods on the node. */
export function* requiredAntiTerms(node: NodeInfo): Iterable<OwnedTerm> {
  for (const { podAffinity } of node.podsWithRequiredAntiAffinity) {
    for (const term of podAffinity!.requiredAnti) yield { term, weight: 1 };
  }
}

/** What the pods on the node would like to have near, or not near (negative); required affinity counts `hardWeight`. */
export function* preferredTerms(node: NodeInfo, hardWeight: number): Iterable<OwnedTerm> {
  for (const podInfo of node.podsWithAffinity) yield* wishesOf(podInfo, hardWeight);
}

export function* wishesOf({ podAffinity }: PodInfo, hardWeight: number): Iterable<OwnedTerm> {
  if (podAffinity === undefined) return;
  if (hardWeight > 0) for (const term of podAffinity.required) yield { term, weight: hardWeight };
  for (const term of podAffinity.preferred) yield { term, weight: term.weight };
  for (const term of podAffinity.preferredAnti) yield { term, weight: -term.weight };
}

function addTo(counts: Map<string, number>, domain: string | undefined, amount: number): void {
  if (domain === undefined) return;
  const sum = (counts.get(domain) ?? 0) + amount;
  if (sum === 0) counts.delete(domain);
  else counts.set(domain, sum);
}
