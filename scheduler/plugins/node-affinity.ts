/**
 * NodeAffinity: `nodeSelector` and required node affinity must match, and what the profile adds to them; the weights of
 * met preferences are the score (`plugins/nodeaffinity/node_affinity.go`).
 */
import { CONTINUE, SKIP, stateKey } from '../framework.ts';
import type { Plugin, Rejection } from '../framework.ts';
import type { NodeMatcher, Preference } from '../node-selector.ts';
import { nodeMatcherOf, nodeNamesOf, preferencesOf, preferredNodes, requiredNodes } from '../node-selector.ts';
import { normalizeByMaximum } from '../normalize.ts';
import type { NodeAffinityArgs } from '../plugin-args.ts';

const REJECTION: Rejection = {
  code: 'UnschedulableAndUnresolvable',
  reasons: ["node(s) didn't match Pod's node affinity/selector"],
};
const ENFORCED: Rejection = {
  code: 'UnschedulableAndUnresolvable',
  reasons: ["node(s) didn't match scheduler-enforced node affinity"],
};
const CONFLICT: Rejection = { code: 'UnschedulableAndUnresolvable', reasons: ['pod affinity terms conflict'] };
const ANY_NODE: NodeMatcher = { matches: () => true };

const REQUIRED = stateKey<NodeMatcher>('required nodes');
const PREFERRED = stateKey<readonly Preference[]>('preferred nodes');

export function nodeAffinity({ addedAffinity = {} }: NodeAffinityArgs = {}): Plugin {
  const added = addedAffinity.requiredDuringSchedulingIgnoredDuringExecution;
  const enforced = added === undefined ? undefined : nodeMatcherOf(added);
  const addedPreferences = preferencesOf(addedAffinity.preferredDuringSchedulingIgnoredDuringExecution ?? []);
  return {
    name: 'NodeAffinity',
    events: ['NodeAdd', 'NodeUpdateLabel'],
    queueingHint({ pod }, event) {
      if (event.name !== 'NodeAdd' && event.name !== 'NodeUpdateLabel') return true;
      if (enforced?.matches(event.node) === false) return false;
      const required = requiredNodes(pod) ?? ANY_NODE;
      if (!required.matches(event.node)) return false;
      const { previous } = event;
      return previous === undefined || !required.matches(previous) || enforced?.matches(previous) === false;
    },
    preFilter({ pod, state }) {
      const required = requiredNodes(pod);
      if (required === undefined && enforced === undefined) return SKIP;
      state.write(REQUIRED, required ?? ANY_NODE);
      const nodeNames = nodeNamesOf(pod);
      if (nodeNames === undefined) return CONTINUE;
      return nodeNames.size === 0 ? { type: 'reject', rejection: CONFLICT } : { type: 'continue', nodeNames };
    },
    filter({ state }, { node }) {
      if (enforced?.matches(node) === false) return ENFORCED;
      return state.get(REQUIRED).matches(node) ? undefined : REJECTION;
    },
    preScore({ pod, state }) {
      const preferences = [...addedPreferences, ...preferredNodes(pod)];
      if (preferences.length === 0) return 'skip';
      state.write(PREFERRED, preferences);
      return undefined;
    },
    score({ state }, { node }) {
      let sum = 0;
      for (const { weight, term } of state.get(PREFERRED)) if (term.matches(node)) sum += weight;
      return sum;
    },
    normalizeScore: (_cycle, scores) => normalizeByMaximum(scores, false),
  };
}
