/**
 * Which pods would have to go from one node so that a pod fits there, and which of them a budget protects
 * (`plugins/defaultpreemption/default_preemption.go SelectVictimsOnNode`).
 */
import type { PodDisruptionBudget } from '../../api/policy/v1/pod-disruption-budget.ts';
import type { Selector } from '../../api/machinery/label-selector.ts';
import { selectorFromObject } from '../../api/machinery/label-selector.ts';
import type { Cycle, Rehearsal, Rejection } from '../framework.ts';
import type { NodeInfo } from '../node-info.ts';
import type { PodInfo } from '../pod-info.ts';

/** A node that the pod can have if these pods go: at least one, the most important first. */
export interface Candidate {
  nodeName: string;
  victims: readonly PodInfo[];
  /** How many of them go although a budget forbids it. */
  violations: number;
}

/** A budget, and which pods it is for. */
export interface Budget {
  readonly namespace: string;
  readonly selector: Selector;
  readonly allowed: number;
  /** Pods whose eviction has been counted already. */
  readonly disrupted: ReadonlySet<string>;
}

const NO_VICTIMS: Rejection = {
  code: 'UnschedulableAndUnresolvable',
  reasons: ['No preemption victims found for incoming pod'],
};
const NEEDS_NONE: Rejection = { code: 'Error', reasons: ['expected at least one victim pod'] };

/** A budget whose selector says nothing, or cannot be read, protects nobody. */
export function budgetsOf(objects: readonly PodDisruptionBudget[]): Budget[] {
  const budgets: Budget[] = [];
  for (const { metadata, spec, status } of objects) {
    const selector = readSelector(spec.selector);
    if (selector === undefined || selector.requirements.length === 0) continue;
    const disrupted = new Set(Object.keys(status?.disruptedPods ?? {}));
    budgets.push({
      namespace: metadata.namespace ?? '',
      selector,
      allowed: status?.disruptionsAllowed ?? 0,
      disrupted,
    });
  }
  return budgets;
}

function readSelector(selector: PodDisruptionBudget['spec']['selector']): Selector | undefined {
  try {
    return selectorFromObject(selector);
  } catch {
    return undefined;
  }
}

/**
 * The fewest pods of lower priority that must go from `node`, a copy that is the caller's; those that budgets protect
 * are spared first, and of these and the others the most important. The cycle's state is used up, too.
 */
export function selectVictims(
  cycle: Cycle,
  node: NodeInfo,
  { rehearsal, budgets }: { rehearsal: Rehearsal; budgets: readonly Budget[] },
): { type: 'candidate'; candidate: Candidate } | { type: 'rejected'; rejection: Rejection } {
  const potential = [...node.pods.values()].filter(({ priority }) => priority < cycle.podInfo.priority);
  if (potential.length === 0) return { type: 'rejected', rejection: NO_VICTIMS };
  for (const podInfo of potential) rehearsal.removePod(cycle, podInfo, node);
  const rejection = rehearsal.runFilterWithNominated(cycle, node);
  if (rejection !== undefined) return { type: 'rejected', rejection };
  potential.sort(byImportance);
  const { violating, others } = splitByBudget(potential, budgets);
  const mustGo = (podInfo: PodInfo): boolean => {
    rehearsal.addPod(cycle, podInfo, node);
    if (rehearsal.runFilterWithNominated(cycle, node) === undefined) return false;
    rehearsal.removePod(cycle, podInfo, node);
    return true;
  };
  const violations = violating.filter(mustGo);
  const victims = [...violations, ...others.filter(mustGo)].sort(byImportance);
  if (victims.length === 0) return { type: 'rejected', rejection: NEEDS_NONE };
  return { type: 'candidate', candidate: { nodeName: node.name, victims, violations: violations.length } };
}

/** Pods whose going would break a budget, and the others; the order is kept (`filterPodsWithPDBViolation`). */
export function splitByBudget(
  pods: readonly PodInfo[],
  budgets: readonly Budget[],
): { violating: PodInfo[]; others: PodInfo[] } {
  const allowed = budgets.map((budget) => budget.allowed);
  const violating: PodInfo[] = [];
  const others: PodInfo[] = [];
  for (const podInfo of pods) {
    let isViolated = false;
    for (const [i, budget] of budgets.entries()) {
      if (!protects(budget, podInfo)) continue;
      allowed[i]!--;
      if (allowed[i]! < 0) isViolated = true;
    }
    (isViolated ? violating : others).push(podInfo);
  }
  return { violating, others };
}

function protects({ namespace, selector, disrupted }: Budget, { pod: { metadata } }: PodInfo): boolean {
  const { labels, name = '' } = metadata;
  if (labels === undefined || metadata.namespace !== namespace || disrupted.has(name)) return false;
  return selector.matches(labels);
}

/** The more important first: of higher priority, then those that have run longer (`MoreImportantPod`). */
export function byImportance(a: PodInfo, b: PodInfo): number {
  return b.priority - a.priority || startOf(a) - startOf(b);
}

/** In milliseconds; of a pod that has not started, the end of time. */
export function startOf({ pod }: PodInfo): number {
  const { startTime } = pod.status ?? {};
  return startTime === undefined ? Number.MAX_SAFE_INTEGER : Date.parse(startTime);
}
