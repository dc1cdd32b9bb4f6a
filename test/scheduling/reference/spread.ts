/** Spreading over topology domains, by the API's documentation. Slow on purpose: counts for every node anew. */
import type { V1LabelSelector, V1TopologySpreadConstraint } from '@kubernetes/client-node';
import type { Node } from '../../../api/core/v1/node.ts';
import type { Pod } from '../../../api/core/v1/pod.ts';
import type { PodTopologySpreadArgs } from '../../../scheduler/plugin-args.ts';
import type { Cluster } from '../random-cluster.ts';
import { podsOn } from './amounts.ts';
import { allowsNode, matchesMap, matchesSelector, toleratesHardTaints } from './matching.ts';

const SYSTEM: V1TopologySpreadConstraint[] = [
  { topologyKey: 'kubernetes.io/hostname', whenUnsatisfiable: 'ScheduleAnyway', maxSkew: 3 },
  { topologyKey: 'topology.kubernetes.io/zone', whenUnsatisfiable: 'ScheduleAnyway', maxSkew: 5 },
];

export interface SpreadContext {
  cluster: Cluster;
  args: PodTopologySpreadArgs;
}

function isSystem({ defaultingType = 'System' }: PodTopologySpreadArgs): boolean {
  return defaultingType === 'System';
}

/** Of the pod's Services and its ReplicaSet; the random clusters have no other owners. */
function groupOf({ metadata }: Pod, { services, replicaSets }: Cluster): V1LabelSelector | undefined {
  const isHere = (one: { metadata: { namespace?: string } }): boolean => one.metadata.namespace === metadata.namespace;
  const maps = services
    .filter(isHere)
    .map(({ spec }) => spec?.selector)
    .filter((selector) => selector !== undefined && matchesMap(selector, metadata.labels));
  const owner = metadata.ownerReferences?.find(({ controller }) => controller);
  const set = replicaSets.filter(isHere).find((one) => one.metadata.name === owner?.name);
  const labels = Object.assign({}, ...maps, set?.spec.selector.matchLabels) as Record<string, string>;
  return Object.keys(labels).length === 0 ? undefined : { matchLabels: labels };
}

function constraintsOf(pod: Pod, action: string, { cluster, args }: SpreadContext): V1TopologySpreadConstraint[] {
  const own = pod.spec.topologySpreadConstraints ?? [];
  const ofAction = (list: V1TopologySpreadConstraint[]): V1TopologySpreadConstraint[] =>
    list.filter(({ whenUnsatisfiable }) => whenUnsatisfiable === action);
  if (own.length > 0) return ofAction(own);
  const group = groupOf(pod, cluster);
  if (group === undefined) return [];
  const defaults = isSystem(args) ? SYSTEM : (args.defaultConstraints ?? []);
  return ofAction(defaults).map((constraint) => ({ ...constraint, labelSelector: group }));
}

/** `matchLabelKeys` narrow to the pods with the same values as the pod. */
function isCounted(pod: Pod, constraint: V1TopologySpreadConstraint, other: Pod): boolean {
  const { labelSelector, matchLabelKeys = [] } = constraint;
  const { labels = {} } = pod.metadata;
  const keys = matchLabelKeys.filter((key) => labels[key] !== undefined);
  const sameKeys = keys.every((key) => other.metadata.labels?.[key] === labels[key]);
  return sameKeys && matchesSelector(labelSelector, other.metadata.labels);
}

function countOn(pod: Pod, constraint: V1TopologySpreadConstraint, { node, cluster }: Place): number {
  const present = podsOn(cluster, node.metadata.name).filter(
    ({ metadata }) => metadata.namespace === pod.metadata.namespace && metadata.deletionTimestamp === undefined,
  );
  return present.filter((other) => isCounted(pod, constraint, other)).length;
}

interface Place {
  node: Node;
  cluster: Cluster;
}

function includes(pod: Pod, constraint: V1TopologySpreadConstraint, node: Node): boolean {
  const { nodeAffinityPolicy = 'Honor', nodeTaintsPolicy = 'Ignore' } = constraint;
  if (nodeAffinityPolicy === 'Honor' && !allowsNode(pod, node)) return false;
  return nodeTaintsPolicy === 'Ignore' || toleratesHardTaints(pod, node);
}

function hasKeys(node: Node, constraints: readonly V1TopologySpreadConstraint[]): boolean {
  return constraints.every(({ topologyKey }) => node.metadata.labels?.[topologyKey] !== undefined);
}

/** Counted pods by domain, of the nodes that are included. */
function domainsOf(
  pod: Pod,
  constraint: V1TopologySpreadConstraint,
  { nodes, cluster }: { nodes: readonly Node[]; cluster: Cluster },
): Map<string, number> {
  const domains = new Map<string, number>();
  for (const node of nodes) {
    if (!includes(pod, constraint, node)) continue;
    const domain = node.metadata.labels?.[constraint.topologyKey] ?? '';
    domains.set(domain, (domains.get(domain) ?? 0) + countOn(pod, constraint, { node, cluster }));
  }
  return domains;
}

export function spreadReason(pod: Pod, node: Node, context: SpreadContext): string | undefined {
  const { cluster } = context;
  const constraints = constraintsOf(pod, 'DoNotSchedule', context);
  const nodes = cluster.nodes.filter((one) => hasKeys(one, constraints));
  for (const constraint of constraints) {
    const domain = node.metadata.labels?.[constraint.topologyKey];
    const mismatch = "node(s) didn't match pod topology spread constraints";
    if (domain === undefined) return `${mismatch} (missing required label)`;
    const domains = domainsOf(pod, constraint, { nodes, cluster });
    const least = domains.size < (constraint.minDomains ?? 1) ? 0 : Math.min(...domains.values());
    const own = isCounted(pod, constraint, pod) ? 1 : 0;
    if ((domains.get(domain) ?? 0) + own - least > constraint.maxSkew) return mismatch;
  }
  return undefined;
}

/** Scores of the candidates, 0 to 100. */
export function spreadScores(pod: Pod, candidates: readonly Node[], context: SpreadContext): number[] {
  const { cluster, args } = context;
  const constraints = constraintsOf(pod, 'ScheduleAnyway', context);
  if (constraints.length === 0) return candidates.map(() => 0);
  const strict = (pod.spec.topologySpreadConstraints ?? []).length > 0 || !isSystem(args);
  const counts = (node: Node): boolean => !strict || hasKeys(node, constraints);
  const scored = candidates.filter(counts);
  const nodes = cluster.nodes.filter(counts);
  const raw = scored.map((node) => {
    let sum = 0;
    for (const constraint of constraints) {
      const key = constraint.topologyKey;
      const domain = node.metadata.labels?.[key];
      if (domain === undefined) continue;
      const byHost = key === 'kubernetes.io/hostname';
      const pods = byHost
        ? countOn(pod, constraint, { node, cluster })
        : (domainsOf(pod, constraint, { nodes, cluster }).get(domain) ?? 0);
      const names = new Set(scored.map(({ metadata }) => metadata.labels?.[key] ?? ''));
      sum += pods * Math.log((byHost ? scored.length : names.size) + 2) + constraint.maxSkew - 1;
    }
    return Math.round(sum);
  });
  const [most, fewest] = [Math.max(0, ...raw), Math.min(...raw)];
  return candidates.map((node) => {
    const i = scored.indexOf(node);
    if (i < 0) return 0;
    return most === 0 ? 100 : Math.floor((100 * (most + fewest - raw[i]!)) / most);
  });
}
