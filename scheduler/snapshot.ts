/** The nodes as they were when a pod's cycle began: what plugins read (`pkg/scheduler/backend/cache/snapshot.go`). */
import type { NodeChanges } from './node-changes.ts';
import type { NodeInfo } from './node-info.ts';

export interface Snapshot {
  /** Nodes of different zones by turns, so that the nodes that are looked at first are spread over zones. */
  readonly nodes: readonly NodeInfo[];
  get(nodeName: string): NodeInfo | undefined;
  /** Nodes with pods that have inter-pod affinity or anti-affinity of any kind. */
  readonly havePodsWithAffinity: ReadonlySet<NodeInfo>;
  readonly havePodsWithRequiredAntiAffinity: ReadonlySet<NodeInfo>;
  /** On how many nodes an image is, by its name. */
  readonly imageNodes: ReadonlyMap<string, number>;
  /** How it came to differ from earlier snapshots. */
  readonly changes: NodeChanges;
}

/** Region and zone, as nodes are labelled (`utilnode.GetZoneKey`); `''` for a node without. */
export function zoneOf(labels: Readonly<Record<string, string>>): string {
  const zone = labels['topology.kubernetes.io/zone'] ?? '';
  const region = labels['topology.kubernetes.io/region'] ?? '';
  return zone === '' && region === '' ? '' : `${region}:${zone}`;
}

/** One node of each zone, then the next of each, and so on; zones and nodes in the order given. */
export function interleaveZones(nodes: Iterable<NodeInfo>): NodeInfo[] {
  const zones = new Map<string, NodeInfo[]>();
  for (const node of nodes) {
    const zone = zoneOf(node.labels);
    const members = zones.get(zone);
    if (members === undefined) zones.set(zone, [node]);
    else members.push(node);
  }
  const lists = [...zones.values()];
  if (lists.length === 1) return lists[0]!;
  const longest = lists.reduce((length, { length: own }) => Math.max(length, own), 0);
  const ordered: NodeInfo[] = [];
  for (let round = 0; round < longest; round++) {
    for (const list of lists) if (round < list.length) ordered.push(list[round]!);
  }
  return ordered;
}
