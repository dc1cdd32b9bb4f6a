/**
 * PodTopologySpread: keeps pods that belong together spread over topology domains, no domain more than `maxSkew` pods
 * ahead of the emptiest; where that is a wish only, emptier domains score better (`plugins/podtopologyspread`).
 */
import type { Node } from '../../api/core/v1/node.ts';
import type { Pod } from '../../api/core/v1/pod.ts';
import { deepEqual } from '../../api/machinery/equality.ts';
import { LruMap } from '../../client/lru-map.ts';
import type { ClusterEvent, ClusterEventName } from '../cluster-event.ts';
import { defaultSelectorOf } from '../default-selector.ts';
import type { GroupListers } from '../default-selector.ts';
import { MovedTally } from '../domain-tally.ts';
import { MAX_NODE_SCORE, SKIP, CONTINUE, stateKey } from '../framework.ts';
import type { Cycle, Plugin, Rejection } from '../framework.ts';
import { KeptSum } from '../kept-sum.ts';
import { labelOf } from '../labels.ts';
import type { NodeInfo } from '../node-info.ts';
import { requiredNodes } from '../node-selector.ts';
import type { NodeMatcher } from '../node-selector.ts';
import type { PodTopologySpreadArgs } from '../plugin-args.ts';
import type { PodInfo } from '../pod-info.ts';
import type { Snapshot } from '../snapshot.ts';
import {
  HOSTNAME,
  SpreadCounts,
  compileConstraints,
  countPods,
  hasAllKeys,
  includesNode,
  textOfScope,
} from '../spread-counts.ts';
import type { SpreadConstraint, SpreadScope } from '../spread-counts.ts';

const MISMATCH = "node(s) didn't match pod topology spread constraints";
const TOO_FAR_AHEAD: Rejection = { code: 'Unschedulable', reasons: [MISMATCH] };
const NO_LABEL: Rejection = {
  code: 'UnschedulableAndUnresolvable',
  reasons: [`${MISMATCH} (missing required label)`],
};

const SYSTEM_CONSTRAINTS = [
  { topologyKey: HOSTNAME, whenUnsatisfiable: 'ScheduleAnyway', maxSkew: 3 },
  { topologyKey: 'topology.kubernetes.io/zone', whenUnsatisfiable: 'ScheduleAnyway', maxSkew: 5 },
];

/** Kinds of pods whose counts are kept from one to the next. */
const MAX_KEPT = 64;

const EVENTS: readonly ClusterEventName[] = [
  'AssignedPodAdd',
  'AssignedPodUpdateLabel',
  'AssignedPodDelete',
  'PodUpdateLabel',
  'PodUpdateToleration',
  'NodeAdd',
  'NodeDelete',
  'NodeUpdateLabel',
  'NodeUpdateTaint',
];

/** One hard constraint on its way through the cycle. */
interface Limit {
  constraint: SpreadConstraint;
  tally: MovedTally;
  /** Whether the pod itself counts where it goes. */
  isSelfMatching: boolean;
}

interface Limits {
  list: readonly Limit[];
  required: NodeMatcher | undefined;
}

interface Wishes {
  constraints: readonly SpreadConstraint[];
  needsAllKeys: boolean;
  counts: SpreadCounts;
  /** So that the pods in a few large domains count as much as those in many small ones. */
  weights: readonly number[];
}

const LIMITS = stateKey<Limits>('spread limits', ({ list, required }) => ({
  list: list.map((limit) => ({ ...limit, tally: limit.tally.clone() })),
  required,
}));
const WISHES = stateKey<Wishes>('spread wishes');

/** The score of a node that lacks a topology key. */
const UNSCORED = -1;

export function podTopologySpread(listers: GroupListers, args: PodTopologySpreadArgs = {}): Plugin {
  const isSystem = (args.defaultingType ?? 'System') === 'System';
  const defaults = isSystem ? SYSTEM_CONSTRAINTS : (args.defaultConstraints ?? []);
  const kept = new LruMap<string, KeptSum<SpreadCounts>>(MAX_KEPT);

  function constraintsOf(pod: Pod, action: 'DoNotSchedule' | 'ScheduleAnyway'): SpreadConstraint[] {
    const own = pod.spec.topologySpreadConstraints ?? [];
    if (own.length > 0) return compileConstraints(own, action, pod.metadata.labels);
    const constraints = compileConstraints(defaults, action, pod.metadata.labels);
    if (constraints.length === 0) return [];
    const selector = defaultSelectorOf(pod, listers);
    return selector === undefined ? [] : constraints.map((constraint) => ({ ...constraint, selector }));
  }

  function countsOver(snapshot: Snapshot, scope: SpreadScope): SpreadCounts {
    const text = textOfScope(scope);
    let sum = kept.get(text);
    if (sum === undefined) kept.set(text, (sum = new KeptSum(() => new SpreadCounts(scope))));
    return sum.over(snapshot);
  }

  return {
    name: 'PodTopologySpread',
    events: EVENTS,
    queueingHint: ({ pod }, event) => mayHelp(pod, constraintsOf(pod, 'DoNotSchedule'), event),
    preFilter({ pod, state, snapshot }) {
      const constraints = constraintsOf(pod, 'DoNotSchedule');
      if (constraints.length === 0) return SKIP;
      const { tallies } = countsOver(snapshot, { pod, constraints, needsAllKeys: true });
      const list = constraints.map((constraint, i) => ({
        constraint,
        tally: new MovedTally(tallies[i]!),
        isSelfMatching: constraint.selector.matches(pod.metadata.labels),
      }));
      state.write(LIMITS, { list, required: requiredNodes(pod) });
      return CONTINUE;
    },
    addPod: (cycle, podInfo, node) => movePod(cycle, { podInfo, node, by: 1 }),
    removePod: (cycle, podInfo, node) => movePod(cycle, { podInfo, node, by: -1 }),
    filter: ({ state }, { labels }) => rejectionOf(state.get(LIMITS).list, labels),
    preScore({ pod, state, snapshot }, nodes) {
      const constraints = constraintsOf(pod, 'ScheduleAnyway');
      if (constraints.length === 0) return 'skip';
      const needsAllKeys = (pod.spec.topologySpreadConstraints ?? []).length > 0 || !isSystem;
      const counts = countsOver(snapshot, { pod, constraints, needsAllKeys });
      const scored = needsAllKeys ? nodes.filter(({ labels }) => hasAllKeys(labels, constraints)) : nodes;
      const weights = constraints.map((constraint) => Math.log(domainCount(constraint, scored) + 2));
      state.write(WISHES, { constraints, needsAllKeys, counts, weights });
      return undefined;
    },
    score: ({ pod, state }, node) => scoreOf(pod, state.get(WISHES), node),
    normalizeScore: (_cycle, scores) => normalize(scores),
  };
}

function rejectionOf(limits: readonly Limit[], labels: Readonly<Record<string, string>>): Rejection | undefined {
  for (const { constraint, tally, isSelfMatching } of limits) {
    const domain = labelOf(labels, constraint.topologyKey);
    if (domain === undefined) return NO_LABEL;
    const least = tally.domainCount < constraint.minDomains ? 0 : tally.least;
    const skew = tally.podsIn(domain) + (isSelfMatching ? 1 : 0) - least;
    if (skew > constraint.maxSkew) return TOO_FAR_AHEAD;
  }
  return undefined;
}

/** `updateWithPod`; unlike it, a pod on its way out, which was never counted, is not taken away either. */
function movePod({ pod, state }: Cycle, move: { podInfo: PodInfo; node: NodeInfo; by: 1 | -1 }): void {
  const { podInfo, node, by } = move;
  const { namespace, labels, deletionTimestamp } = podInfo.pod.metadata;
  if (namespace !== pod.metadata.namespace || deletionTimestamp !== undefined) return;
  const { list, required } = state.get(LIMITS);
  const constraints = list.map(({ constraint }) => constraint);
  if (!hasAllKeys(node.labels, constraints)) return;
  for (const { constraint, tally } of list) {
    if (!constraint.selector.matches(labels) || !includesNode(constraint, node, { pod, required })) continue;
    tally.move(node.labels[constraint.topologyKey]!, by);
  }
}

function domainCount({ topologyKey }: SpreadConstraint, nodes: readonly NodeInfo[]): number {
  if (topologyKey === HOSTNAME) return nodes.length;
  return new Set(nodes.map(({ labels }) => labelOf(labels, topologyKey) ?? '')).size;
}

/** The more pods, the higher: turned round by `normalize`. */
function scoreOf(pod: Pod, wishes: Wishes, node: NodeInfo): number {
  const { constraints, needsAllKeys, counts, weights } = wishes;
  if (needsAllKeys && !hasAllKeys(node.labels, constraints)) return UNSCORED;
  let score = 0;
  for (const [i, { topologyKey, selector, maxSkew }] of constraints.entries()) {
    const domain = labelOf(node.labels, topologyKey);
    if (domain === undefined) continue;
    const pods =
      topologyKey === HOSTNAME
        ? countPods(node, selector, pod.metadata.namespace)
        : (counts.tallies[i]!.pods.get(domain) ?? 0);
    // A larger skew waters down the differences between domains.
    score += pods * weights[i]! + (maxSkew - 1);
  }
  return Math.round(score);
}

function normalize(scores: number[]): void {
  const scored = scores.filter((score) => score !== UNSCORED);
  let [lowest, highest] = [Infinity, 0];
  for (const score of scored) {
    lowest = Math.min(lowest, score);
    highest = Math.max(highest, score);
  }
  for (const [i, score] of scores.entries()) {
    if (score === UNSCORED) scores[i] = 0;
    else if (highest === 0) scores[i] = MAX_NODE_SCORE;
    else scores[i] = Math.floor((MAX_NODE_SCORE * (highest + lowest - score)) / highest);
  }
}

/** `isSchedulableAfterPodChange`, `isSchedulableAfterNodeChange` */
function mayHelp(pod: Pod, constraints: readonly SpreadConstraint[], event: ClusterEvent): boolean {
  switch (event.name) {
    case 'AssignedPodAdd':
    case 'AssignedPodDelete':
      return isNeighbour(pod, event.pod) && constraints.some(({ selector }) => selector.matches(labelsOf(event.pod)));
    case 'AssignedPodUpdateLabel':
      return isNeighbour(pod, event.pod) && changesMatches(constraints, event);
    case 'PodUpdateLabel':
      return changesMatches(constraints, event);
    case 'PodUpdateToleration':
      return constraints.some(({ honorsTaints }) => honorsTaints);
    case 'NodeAdd':
    case 'NodeDelete':
      return hasAllKeys(event.node.metadata.labels ?? {}, constraints);
    case 'NodeUpdateLabel':
    case 'NodeUpdateTaint':
      return changesDomains(pod, constraints, event);
    default:
      return true;
  }
}

function labelsOf({ metadata }: Pod): Readonly<Record<string, string>> {
  return metadata.labels ?? {};
}

function isNeighbour(pod: Pod, other: Pod): boolean {
  return pod.metadata.namespace === other.metadata.namespace;
}

function changesMatches(
  constraints: readonly SpreadConstraint[],
  { pod, previous }: { pod: Pod; previous: Pod },
): boolean {
  return constraints.some(({ selector }) => selector.matches(labelsOf(pod)) !== selector.matches(labelsOf(previous)));
}

function changesDomains(
  pod: Pod,
  constraints: readonly SpreadConstraint[],
  { node, previous }: { node: Node; previous: Node },
): boolean {
  const [before, after] = [previous.metadata.labels ?? {}, node.metadata.labels ?? {}];
  const matches = hasAllKeys(after, constraints);
  if (matches !== hasAllKeys(before, constraints)) return true;
  if (!matches) return false;
  if (constraints.some(({ topologyKey }) => before[topologyKey] !== after[topologyKey])) return true;
  if (!deepEqual(previous.spec.taints, node.spec.taints)) return true;
  // Beyond upstream's: the node may begin to count.
  const required = requiredNodes(pod);
  return required !== undefined && required.matches(node) !== required.matches(previous);
}
