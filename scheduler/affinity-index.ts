/** Works out the rules and wishes of inter-pod affinity for one pod, from sums that are kept from pod to pod. */
import type { Namespace } from '../api/core/v1/namespace.ts';
import type { Pod } from '../api/core/v1/pod.ts';
import type { Lister } from '../api/machinery/handler.ts';
import { LruMap } from '../client/lru-map.ts';
import {
  MatchCounts,
  TermCounts,
  matcherOfAll,
  matcherOfTerm,
  preferredTerms,
  requiredAntiTerms,
} from './affinity-counts.ts';
import type { CountsByDomain, PodMatcher } from './affinity-counts.ts';
import type { WaitingPod } from './affinity-hints.ts';
import { hostileTo, sumOf, tallyOf } from './affinity-rules.ts';
import type { Rules } from './affinity-rules.ts';
import type { Cycle } from './framework.ts';
import { KeptSum } from './kept-sum.ts';
import type { Labels } from './labels.ts';
import type { InterPodAffinityArgs } from './plugin-args.ts';
import { resolveNamespaces, termMatches } from './pod-affinity.ts';
import type { AffinityTerm, PodAffinityTerms, WeightedAffinityTerm } from './pod-affinity.ts';
import type { PodInfo } from './pod-info.ts';
import type { Snapshot } from './snapshot.ts';

/** Kinds of pods whose matches are kept from one to the next. */
const MAX_KEPT = 64;

/** What a domain's pods add to the score, each. */
export interface Wish {
  topologyKey: string;
  weight: number;
  counts: CountsByDomain;
}

export class AffinityIndex {
  readonly #namespaces: Lister<Namespace>;
  readonly #ignoresOthers: boolean;
  readonly #hostileTerms = new KeptSum(() => new TermCounts(requiredAntiTerms));
  readonly #wishesOfOthers: KeptSum<TermCounts>;
  readonly #kept = new LruMap<string, KeptSum<MatchCounts>>(MAX_KEPT);

  constructor(namespaces: Lister<Namespace>, args: InterPodAffinityArgs) {
    const { hardPodAffinityWeight = 1, ignorePreferredTermsOfExistingPods = false } = args;
    this.#namespaces = namespaces;
    this.#ignoresOthers = ignorePreferredTermsOfExistingPods;
    this.#wishesOfOthers = new KeptSum(() => new TermCounts((node) => preferredTerms(node, hardPodAffinityWeight)));
  }

  /** What holds for every node of the snapshot. */
  rulesFor({ pod, podInfo, snapshot }: Cycle): Rules {
    const { required, requiredAnti, namespaceLabels } = this.waitingPod(podInfo);
    const neededBy = matcherOfAll(required);
    const unbearableBy = requiredAnti.map(matcherOfTerm);
    const { counts } =
      required.length + requiredAnti.length === 0
        ? new MatchCounts([neededBy])
        : this.#matchesOver(snapshot, textOf(['required', required, requiredAnti]), [neededBy, ...unbearableBy]);
    const [needed = [], ...unbearable] = counts;
    return {
      namespaceLabels,
      needed: neededBy.topologyKeys.map((key, k) => tallyOf(key, [needed[k]!])),
      neededBy,
      isFirst: neededBy.matches(pod),
      neededTotal: needed.reduce((total, byDomain) => total + sumOf(byDomain), 0),
      unbearable: requiredAnti.map(({ topologyKey }, i) => tallyOf(topologyKey, unbearable[i]!)),
      unbearableBy,
      hostile: hostileTo(pod, namespaceLabels, this.#hostileTerms.over(snapshot)),
    };
  }

  /** What may tell the nodes apart. */
  wishesFor({ pod, podInfo, snapshot }: Cycle): Wish[] {
    const own = ownWishes(podInfo.podAffinity).map((term) => resolveNamespaces(term, this.#namespaces));
    if (own.length === 0 && this.#ignoresOthers) return [];
    const wishes: Wish[] = [];
    if (own.length > 0) {
      const { counts } = this.#matchesOver(snapshot, textOf(['preferred', own]), own.map(matcherOfTerm));
      for (const [i, { topologyKey, weight }] of own.entries()) {
        wishes.push({ topologyKey, weight, counts: counts[i]![0]! });
      }
    }
    const namespaceLabels = this.#labelsOfNamespace(pod);
    for (const { term, weight, counts } of this.#wishesOfOthers.over(snapshot).groups) {
      if (termMatches(term, pod, namespaceLabels)) wishes.push({ topologyKey: term.topologyKey, weight, counts });
    }
    return wishes.filter(({ counts }) => counts.size > 0);
  }

  /** Its required terms, with the namespaces of now. */
  waitingPod({ pod, podAffinity }: PodInfo): WaitingPod {
    const resolved = (terms: readonly AffinityTerm[] = []): AffinityTerm[] =>
      terms.map((term) => resolveNamespaces(term, this.#namespaces));
    return {
      pod,
      required: resolved(podAffinity?.required),
      requiredAnti: resolved(podAffinity?.requiredAnti),
      namespaceLabels: this.#labelsOfNamespace(pod),
      knowsNamespace: (name) => this.#namespaces.get('', name) !== undefined,
    };
  }

  #labelsOfNamespace({ metadata }: Pod): Labels {
    return this.#namespaces.get('', metadata.namespace ?? '')?.metadata.labels ?? {};
  }

  /** `text` tells the matchers from others. */
  #matchesOver(snapshot: Snapshot, text: string, matchers: readonly PodMatcher[]): MatchCounts {
    let sum = this.#kept.get(text);
    if (sum === undefined) this.#kept.set(text, (sum = new KeptSum(() => new MatchCounts(matchers))));
    return sum.over(snapshot);
  }
}

function ownWishes(terms: PodAffinityTerms | undefined): WeightedAffinityTerm[] {
  if (terms === undefined) return [];
  return [...terms.preferred, ...terms.preferredAnti.map((term) => ({ ...term, weight: -term.weight }))];
}

/** What the terms match, whatever they weigh. */
function textOf(parts: readonly (string | readonly AffinityTerm[])[]): string {
  return JSON.stringify(parts.map((part) => (typeof part === 'string' ? part : part.map(({ text }) => text))));
}
