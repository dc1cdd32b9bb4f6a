/**
 * NodeAffinity: `nodeSelector` and required node affinity must match; the weights of met preferences are the score
 * (`plugins/nodeaffinity/node_affinity.go`).
 */
import { CONTINUE, SKIP, stateKey } from '../framework.ts';
import type { Plugin, Rejection } from '../framework.ts';
import type { NodeMatcher, Preference } from '../node-selector.ts';
import { nodeNamesOf, preferredNodes, requiredNodes } from '../node-selector.ts';
import { normalizeByMaximum } from '../normalize.ts';

const REJECTION: Rejection = {
  code: 'UnschedulableAndUnresolvable',
  reasons: ["node(s) didn't match Pod's node affinity/selector"],
};
const CONFLICT: Rejection = { code: 'UnschedulableAndUnresolvable', reasons: ['pod affinity terms conflict'] };

const REQUIRED = stateKey<NodeMatcher>('required nodes');
const PREFERRED = stateKey<readonly Preference[]>('preferred nodes');

export const nodeAffinity: Plugin = {
  name: 'NodeAffinity',
  events: ['NodeAdd', 'NodeUpdateLabel'],
  queueingHint({ pod }, event) {
    const required = requiredNodes(pod);
    if (required === undefined) return true;
    if (event.name === 'NodeAdd') return required.matches(event.node);
    if (event.name !== 'NodeUpdateLabel') return true;
    return required.matches(event.node) && !required.matches(event.previous);
  },
  preFilter({ pod, state }) {
    const required = requiredNodes(pod);
    if (required === undefined) return SKIP;
    state.write(REQUIRED, required);
    const nodeNames = nodeNamesOf(pod);
    if (nodeNames === undefined) return CONTINUE;
    return nodeNames.size === 0 ? { type: 'reject', rejection: CONFLICT } : { type: 'continue', nodeNames };
  },
  filter: ({ state }, { node }) => (state.get(REQUIRED).matches(node) ? undefined : REJECTION),
  preScore({ pod, state }) {
    const preferences = preferredNodes(pod);
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
