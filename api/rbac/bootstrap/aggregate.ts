/**
 * Gathers the rules of aggregated cluster roles
 * (upstream `pkg/controller/clusterroleaggregation/clusterroleaggregation_controller.go`).
 */
import { deepEqual } from '../../machinery/equality.ts';
import type { Selector } from '../../machinery/label-selector.ts';
import { nothing, selectorFromObject } from '../../machinery/label-selector.ts';
import type { LabelSelector } from '../../machinery/meta.ts';
import type { ClusterRole } from '../v1/cluster-role.ts';
import type { PolicyRule } from '../v1/validation.ts';

/**
 * The aggregated roles whose rules are not what their selectors gather, with the rules that they should have: those of
 * the roles selected, in the order of the roles' names, each rule once. Nothing is changed in place.
 */
export function aggregateClusterRoles(roles: readonly ClusterRole[]): ClusterRole[] {
  const sorted = [...roles].sort((a, b) => compare(a.metadata.name ?? '', b.metadata.name ?? ''));
  let current = new Map(sorted.map((role) => [role.metadata.name ?? '', role]));
  const changed = new Map<string, ClusterRole>();
  // Roles may be aggregated from aggregated ones (view → edit → admin); every round carries rules one step further.
  for (let round = 0; round < sorted.length; round++) {
    const next = gatherOnce([...current.values()]);
    if (next.length === 0) break;
    current = new Map(current);
    for (const role of next) {
      current.set(role.metadata.name ?? '', role);
      changed.set(role.metadata.name ?? '', role);
    }
  }
  return [...changed.values()].sort((a, b) => compare(a.metadata.name ?? '', b.metadata.name ?? ''));
}

/** The rules that an aggregated role should have, beside `roles` as they are; `undefined` when it has them, or is none. */
export function missingAggregation(target: ClusterRole, roles: readonly ClusterRole[]): PolicyRule[] | undefined {
  if (target.aggregationRule === undefined) return undefined;
  const sorted = [...roles].sort((a, b) => compare(a.metadata.name ?? '', b.metadata.name ?? ''));
  const rules = gatherRules(target, sorted);
  return deepEqual(rules, target.rules ?? []) ? undefined : rules;
}

function gatherOnce(roles: readonly ClusterRole[]): ClusterRole[] {
  const changed: ClusterRole[] = [];
  for (const role of roles) {
    if (role.aggregationRule === undefined) continue;
    const rules = gatherRules(role, roles);
    if (!deepEqual(rules, role.rules ?? [])) changed.push({ ...role, rules });
  }
  return changed;
}

/** A role never gathers from itself, whatever its labels say. */
function gatherRules(target: ClusterRole, roles: readonly ClusterRole[]): PolicyRule[] {
  const gathered: PolicyRule[] = [];
  for (const labelSelector of target.aggregationRule?.clusterRoleSelectors ?? []) {
    const selector = selectorOrNothing(labelSelector as LabelSelector);
    for (const role of roles) {
      if (role.metadata.name === target.metadata.name || !selector.matches(role.metadata.labels)) continue;
      addMissing(gathered, role.rules ?? []);
    }
  }
  return gathered;
}

function addMissing(gathered: PolicyRule[], rules: readonly PolicyRule[]): void {
  for (const rule of rules) {
    if (!gathered.some((present) => deepEqual(present, rule))) gathered.push(rule);
  }
}

/** Validation refuses such a selector; one that got in gathers nothing. */
function selectorOrNothing(selector: LabelSelector): Selector {
  try {
    return selectorFromObject(selector);
  } catch {
    return nothing;
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
