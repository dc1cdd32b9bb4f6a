/** What the scheduler asks of a pod's node affinity beside whether a node fits: what it prefers, and which nodes it names. */
import type { V1PreferredSchedulingTerm } from '@kubernetes/client-node';
import type { NodeMatcher } from '../api/core/v1/node-matcher.ts';
import { isEmptyTerm, nodeTermMatcher } from '../api/core/v1/node-matcher.ts';
import type { Pod } from '../api/core/v1/pod.ts';

export { nodeMatcherOf, requiredNodes } from '../api/core/v1/node-matcher.ts';
export type { NodeMatcher } from '../api/core/v1/node-matcher.ts';

/** The node's score is the sum of the weights of the preferences that it meets. */
export interface Preference {
  weight: number;
  term: NodeMatcher;
}

/** Preferences without a weight, or that say nothing, are left out. */
export function preferredNodes({ spec }: Pod): Preference[] {
  return preferencesOf(spec.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []);
}

/** As `preferredNodes`. */
export function preferencesOf(terms: readonly V1PreferredSchedulingTerm[]): Preference[] {
  return terms
    .filter(({ weight, preference }) => weight !== 0 && !isEmptyTerm(preference))
    .map(({ weight, preference }) => ({ weight, term: nodeTermMatcher(preference) }));
}

/**
 * The only nodes that the required affinity allows by name, as DaemonSet pods have it; `undefined` when some term
 * does not name nodes.
 */
export function nodeNamesOf({ spec }: Pod): ReadonlySet<string> | undefined {
  const required = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  const terms = required?.nodeSelectorTerms ?? [];
  if (terms.length === 0) return undefined;
  const names = new Set<string>();
  for (const { matchFields = [] } of terms) {
    const lists = matchFields
      .filter(({ key, operator }) => key === 'metadata.name' && operator === 'In')
      .map(({ values = [] }) => values);
    const [first, ...others] = lists;
    if (first === undefined) return undefined;
    for (const name of first) if (others.every((list) => list.includes(name))) names.add(name);
  }
  return names;
}
