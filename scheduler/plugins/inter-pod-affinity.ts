/**
 * InterPodAffinity: puts pods into domains with pods that they need or like, and not into those with pods that they,
 * or that, cannot bear (`plugins/interpodaffinity`).
 */
import type { Namespace } from '../../api/core/v1/namespace.ts';
import type { Lister } from '../../api/machinery/handler.ts';
import { affinityMayHelp } from '../affinity-hints.ts';
import { AffinityIndex } from '../affinity-index.ts';
import type { Wish } from '../affinity-index.ts';
import { cloneRules, isNeededMet, movePod, podsBy } from '../affinity-rules.ts';
import type { Rules } from '../affinity-rules.ts';
import { CONTINUE, MAX_NODE_SCORE, SKIP, stateKey } from '../framework.ts';
import type { Plugin, Rejection } from '../framework.ts';
import { labelOf } from '../labels.ts';
import type { Labels } from '../labels.ts';
import type { InterPodAffinityArgs } from '../plugin-args.ts';

const AFFINITY: Rejection = {
  code: 'UnschedulableAndUnresolvable',
  reasons: ["node(s) didn't match pod affinity rules"],
};
const ANTI_AFFINITY: Rejection = {
  code: 'Unschedulable',
  reasons: ["node(s) didn't match pod anti-affinity rules"],
};
const ANTI_AFFINITY_OF_OTHERS: Rejection = {
  code: 'Unschedulable',
  reasons: ["node(s) didn't satisfy existing pods anti-affinity rules"],
};

const RULES = stateKey<Rules>('inter-pod rules', cloneRules);
const WISHES = stateKey<readonly Wish[]>('inter-pod wishes');

export function interPodAffinity(namespaces: Lister<Namespace>, args: InterPodAffinityArgs = {}): Plugin {
  const index = new AffinityIndex(namespaces, args);
  return {
    name: 'InterPodAffinity',
    events: [
      'AssignedPodAdd',
      'AssignedPodUpdateLabel',
      'AssignedPodDelete',
      'PodUpdateLabel',
      'NodeAdd',
      'NodeUpdateLabel',
    ],
    queueingHint: (podInfo, event) => affinityMayHelp(index.waitingPod(podInfo), event),
    preFilter(cycle) {
      const rules = index.rulesFor(cycle);
      if (rules.hostile.size + rules.needed.length + rules.unbearable.length === 0) return SKIP;
      cycle.state.write(RULES, rules);
      return CONTINUE;
    },
    addPod: ({ pod, state }, podInfo, node) => movePod(state.get(RULES), pod, { podInfo, node, by: 1 }),
    removePod: ({ pod, state }, podInfo, node) => movePod(state.get(RULES), pod, { podInfo, node, by: -1 }),
    filter: ({ state }, { labels }) => rejectionOf(state.get(RULES), labels),
    preScore(cycle) {
      const wishes = index.wishesFor(cycle);
      if (wishes.length === 0) return 'skip';
      cycle.state.write(WISHES, wishes);
      return undefined;
    },
    score: ({ state }, { labels }) => scoreOf(state.get(WISHES), labels),
    normalizeScore: (_cycle, scores) => normalize(scores),
  };
}

function rejectionOf(rules: Rules, labels: Labels): Rejection | undefined {
  if (!isNeededMet(rules, labels)) return AFFINITY;
  for (const tally of rules.unbearable) if (podsBy(tally, labels) > 0) return ANTI_AFFINITY;
  for (const tally of rules.hostile.values()) if (podsBy(tally, labels) > 0) return ANTI_AFFINITY_OF_OTHERS;
  return undefined;
}

function scoreOf(wishes: readonly Wish[], labels: Labels): number {
  let score = 0;
  for (const { topologyKey, weight, counts } of wishes) {
    const domain = labelOf(labels, topologyKey);
    if (domain !== undefined) score += weight * (counts.get(domain) ?? 0);
  }
  return score;
}

function normalize(scores: number[]): void {
  let [lowest, highest] = [Infinity, -Infinity];
  for (const score of scores) {
    lowest = Math.min(lowest, score);
    highest = Math.max(highest, score);
  }
  const range = highest - lowest;
  for (const [i, score] of scores.entries()) {
    scores[i] = range > 0 ? Math.trunc(MAX_NODE_SCORE * ((score - lowest) / range)) : 0;
  }
}
