/**
 * How bad it is in the zones of a cluster, and how fast their pods may be told to leave: where many nodes are silent at
 * once, it may well be the network to us that is down, and not they
 * (upstream `ComputeZoneState`, `handleDisruption`, `setLimiterInZone`).
 */
import type { Node } from '../../api/core/v1/node.ts';

export interface EvictionLimits {
  /** Nodes a second, in a zone that is well or all silent (`--node-eviction-rate`). */
  rate: number;
  /** In a large zone that is in part silent (`--secondary-node-eviction-rate`). */
  secondaryRate: number;
  /** From how many of its nodes on it is in part silent (`--unhealthy-zone-threshold`). */
  unhealthyShare: number;
  /** A zone of more nodes is large (`--large-cluster-size-threshold`). */
  largeSize: number;
}

export const DEFAULT_LIMITS: EvictionLimits = { rate: 0.1, secondaryRate: 0.01, unhealthyShare: 0.55, largeSize: 50 };

export type ZoneState = 'Normal' | 'PartialDisruption' | 'FullDisruption';

/** A few nodes are never a disruption. */
const MOST_OF_FEW = 2;

export interface ZoneCount {
  ready: number;
  notReady: number;
}

export interface Disruption {
  states: ReadonlyMap<string, ZoneState>;
  /** Nodes a second, by zone. */
  rates: ReadonlyMap<string, number>;
  /** No node anywhere is ready: nobody is told to leave. */
  isTotal: boolean;
}

/** `GetZoneKey`: empty for a node that says nothing of where it is. */
export function zoneOf({ metadata: { labels = {} } }: Node): string {
  const region = labels['topology.kubernetes.io/region'] ?? '';
  const zone = labels['topology.kubernetes.io/zone'] ?? '';
  return region === '' && zone === '' ? '' : `${region}:\0:${zone}`;
}

export function readyStatus({ status }: Node): string | undefined {
  return status?.conditions?.find(({ type }) => type === 'Ready')?.status;
}

const EXCLUDED = 'node.kubernetes.io/exclude-disruption';

/** Of every zone that has nodes; those with the label that excludes them do not count. */
export function countZones(present: readonly Node[]): Map<string, ZoneCount> {
  const counts = new Map<string, ZoneCount>();
  for (const node of present) {
    const zone = zoneOf(node);
    const count = counts.get(zone) ?? { ready: 0, notReady: 0 };
    counts.set(zone, count);
    if (node.metadata.labels?.[EXCLUDED] !== undefined) continue;
    count[readyStatus(node) === 'True' ? 'ready' : 'notReady'] += 1;
  }
  return counts;
}

export function zoneStateOf({ ready, notReady }: ZoneCount, { unhealthyShare }: EvictionLimits): ZoneState {
  if (ready === 0 && notReady > 0) return 'FullDisruption';
  const isPartial = notReady > MOST_OF_FEW && notReady / (notReady + ready) >= unhealthyShare;
  return isPartial ? 'PartialDisruption' : 'Normal';
}

export function disruptionOf(counts: ReadonlyMap<string, ZoneCount>, limits: EvictionLimits): Disruption {
  const states = new Map([...counts].map(([zone, count]) => [zone, zoneStateOf(count, limits)]));
  const all = [...counts.values()];
  const isTotal = all.every(({ ready }) => ready === 0) && all.some(({ notReady }) => notReady > 0);
  const rateOf = ([zone, { ready, notReady }]: [string, ZoneCount]): [string, number] => {
    if (isTotal) return [zone, 0];
    if (states.get(zone) !== 'PartialDisruption') return [zone, limits.rate];
    return [zone, ready + notReady > limits.largeSize ? limits.secondaryRate : 0];
  };
  return { states, rates: new Map([...counts].map(rateOf)), isTotal };
}
