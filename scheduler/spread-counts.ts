/**
 * Spread constraints compiled, and the pods that count for them by topology domain
 * (`plugins/podtopologyspread/common.go`).
 */
import type { V1TopologySpreadConstraint } from '@kubernetes/client-node';
import type { Pod } from '../api/core/v1/pod.ts';
import { nothing, selectorFromObject, selectorOf } from '../api/machinery/label-selector.ts';
import type { Selector } from '../api/machinery/label-selector.ts';
import { DomainTally } from './domain-tally.ts';
import type { NodeSum } from './kept-sum.ts';
import { labelOf } from './labels.ts';
import type { Labels } from './labels.ts';
import type { NodeInfo } from './node-info.ts';
import { requiredNodes } from './node-selector.ts';
import type { NodeMatcher } from './node-selector.ts';
import { toleratesAll } from './tolerations.ts';

export const HOSTNAME = 'kubernetes.io/hostname';

export interface SpreadConstraint {
  readonly topologyKey: string;
  readonly maxSkew: number;
  /** With fewer domains the least is taken to be 0. */
  readonly minDomains: number;
  readonly selector: Selector;
  /** Whether only nodes count that the pod's node affinity allows, or whose taints it tolerates. */
  readonly honorsAffinity: boolean;
  readonly honorsTaints: boolean;
}

/** Those of one kind; `matchLabelKeys` count with the values of the pod. */
export function compileConstraints(
  constraints: readonly V1TopologySpreadConstraint[],
  action: 'DoNotSchedule' | 'ScheduleAnyway',
  podLabels: Labels = {},
): SpreadConstraint[] {
  return constraints
    .filter(({ whenUnsatisfiable }) => whenUnsatisfiable === action)
    .map((constraint) => ({
      topologyKey: constraint.topologyKey,
      maxSkew: constraint.maxSkew,
      minDomains: constraint.minDomains ?? 1,
      selector: compileSelector(constraint, podLabels),
      honorsAffinity: (constraint.nodeAffinityPolicy ?? 'Honor') === 'Honor',
      honorsTaints: (constraint.nodeTaintsPolicy ?? 'Ignore') === 'Honor',
    }));
}

/** Unlike upstream's, a selector that cannot be read matches nothing: validation lets none pass. */
function compileSelector({ labelSelector, matchLabelKeys }: V1TopologySpreadConstraint, podLabels: Labels): Selector {
  let selector: Selector;
  try {
    selector = selectorFromObject(labelSelector);
  } catch {
    return nothing;
  }
  const own = (matchLabelKeys ?? []).filter((key) => Object.hasOwn(podLabels, key));
  // No selector and keys of its own is "those keys", as upstream merges them.
  if (own.length === 0) return selector;
  const keys = own.map((key) => ({ key, operator: '=' as const, values: [podLabels[key]!] }));
  return selectorOf([...keys, ...selector.requirements]);
}

/** Whose pods count, and on which nodes. */
export interface SpreadScope {
  readonly pod: Pod;
  readonly constraints: readonly SpreadConstraint[];
  /** Nodes that lack the key of any constraint count for none. */
  readonly needsAllKeys: boolean;
}

/** Two scopes of the same text count the same. */
export function textOfScope({ pod: { metadata, spec }, constraints, needsAllKeys }: SpreadScope): string {
  const honorsTaints = constraints.some((constraint) => constraint.honorsTaints);
  return JSON.stringify([
    needsAllKeys,
    metadata.namespace,
    constraints.map(({ topologyKey, selector, honorsAffinity, honorsTaints: honors }) => [
      topologyKey,
      selector === nothing ? null : selector.requirements,
      honorsAffinity,
      honors,
    ]),
    spec.nodeSelector,
    spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution,
    honorsTaints ? spec.tolerations : undefined,
  ]);
}

/** Pods by constraint and domain, over the nodes that count. */
export class SpreadCounts implements NodeSum {
  /** One for each constraint. */
  readonly tallies: readonly DomainTally[];
  readonly #scope: SpreadScope;
  readonly #required: NodeMatcher | undefined;

  constructor(scope: SpreadScope) {
    this.#scope = scope;
    this.#required = requiredNodes(scope.pod);
    this.tallies = scope.constraints.map(() => new DomainTally());
  }

  add(node: NodeInfo): void {
    this.#count(node, 1);
  }

  remove(node: NodeInfo): void {
    this.#count(node, -1);
  }

  #count(node: NodeInfo, sign: 1 | -1): void {
    const { constraints, needsAllKeys, pod } = this.#scope;
    if (needsAllKeys && !hasAllKeys(node.labels, constraints)) return;
    for (const [i, constraint] of constraints.entries()) {
      if (!includesNode(constraint, node, { pod, required: this.#required })) continue;
      // Go reads a label that is absent as empty.
      const value = labelOf(node.labels, constraint.topologyKey) ?? '';
      const pods = countPods(node, constraint.selector, pod.metadata.namespace);
      this.tallies[i]!.change(value, { nodes: sign, pods: sign * pods });
    }
  }
}

export function hasAllKeys(labels: Labels, constraints: readonly SpreadConstraint[]): boolean {
  return constraints.every(({ topologyKey }) => Object.hasOwn(labels, topologyKey));
}

/** `required`: what `requiredNodes` says of the pod. */
export function includesNode(
  { honorsAffinity, honorsTaints }: SpreadConstraint,
  node: NodeInfo,
  { pod, required }: { pod: Pod; required: NodeMatcher | undefined },
): boolean {
  if (honorsAffinity && required?.matches(node.node) === false) return false;
  return !honorsTaints || toleratesAll(pod.spec.tolerations, node.hardTaints);
}

/** Pods on their way out do not count. */
export function countPods(node: NodeInfo, selector: Selector, namespace: string | undefined): number {
  let count = 0;
  for (const { pod } of node.pods.values()) {
    const { deletionTimestamp, namespace: own, labels } = pod.metadata;
    if (deletionTimestamp === undefined && own === namespace && selector.matches(labels)) count++;
  }
  return count;
}
