/**
 * What this node's containers and the node itself use at one moment: cumulative processor time, memory at hand. Read
 * when somebody asks, never by itself.
 */
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { RuntimeCache } from '../pods/runtime-cache.ts';
import { containerName } from '../pods/runtime-pod.ts';
import type { ContainerStats, RuntimeService } from '../runtime.ts';
import type { HostUsage } from './host-usage.ts';

export interface ContainerUsage {
  name: string;
  startedAtMs: number;
  stats: ContainerStats;
}

export interface PodUsage {
  namespace: string;
  name: string;
  uid: string;
  startedAtMs: number;
  /** Those that run, by name; a container whose usage could not be read is not among them. */
  containers: ContainerUsage[];
}

export interface NodeUsage extends HostUsage {
  timestampMs: number;
}

export interface UsageSnapshot {
  node: NodeUsage;
  /** Those with a running container, by namespace and name. */
  pods: PodUsage[];
  /** The runtime could not tell; `pods` is empty then. */
  failed: boolean;
}

/** Reads a snapshot; never rejects for what the runtime does. */
export type UsageReader = () => Promise<UsageSnapshot>;

export interface UsageReaderOptions {
  runtime: Pick<RuntimeService, 'containerStats'>;
  cache: RuntimeCache;
  /** Of the machine. Absent: the node uses what its pods use (simulation). */
  host?: () => Promise<HostUsage>;
  clock: Clock;
  log: Logger;
}

export function createUsageReader({ runtime, cache, host, clock, log }: UsageReaderOptions): UsageReader {
  return async () => {
    let failed = false;
    const stats = await runtime.containerStats().catch((error: unknown): ContainerStats[] => {
      failed = true;
      log.warn('cannot read what the containers use', { error: String(error) });
      return [];
    });
    const pods = podsOf(stats, cache);
    const usage = host === undefined ? sumOf(stats) : await host();
    return { node: { timestampMs: clock.now(), ...usage }, pods, failed };
  };
}

function podsOf(stats: readonly ContainerStats[], cache: RuntimeCache): PodUsage[] {
  const byId = new Map(stats.map((one) => [one.id, one]));
  const pods: PodUsage[] = [];
  for (const uid of cache.uids()) {
    const { sandboxes, containers } = cache.get(uid);
    const sandbox = sandboxes[0];
    if (sandbox === undefined) continue;
    const used = containers.flatMap((container): ContainerUsage[] => {
      const one = byId.get(container.id);
      if (one === undefined || container.state !== 'running') return [];
      return [{ name: containerName(container), startedAtMs: container.startedAtMs, stats: one }];
    });
    if (used.length === 0) continue;
    const { namespace, name } = sandbox.metadata;
    const byName = used.sort((a, b) => (a.name < b.name ? -1 : 1));
    pods.push({ namespace, name, uid, startedAtMs: sandbox.createdAtMs, containers: byName });
  }
  return pods.sort((a, b) => (`${a.namespace}/${a.name}` < `${b.namespace}/${b.name}` ? -1 : 1));
}

/** Over a pod's containers, or a node's. */
export function sumOf(stats: readonly ContainerStats[]): HostUsage {
  const sum = (amount: (one: ContainerStats) => number): number => stats.reduce((total, one) => total + amount(one), 0);
  return {
    cpuUsageNs: sum(({ cpuUsageNs }) => cpuUsageNs),
    memoryUsageBytes: sum(({ memoryUsageBytes }) => memoryUsageBytes),
    memoryWorkingSetBytes: sum(({ memoryWorkingSetBytes }) => memoryWorkingSetBytes),
    memoryRssBytes: sum(({ memoryRssBytes = 0 }) => memoryRssBytes),
    memoryPageFaults: sum(({ memoryPageFaults = 0 }) => memoryPageFaults),
    memoryMajorPageFaults: sum(({ memoryMajorPageFaults = 0 }) => memoryMajorPageFaults),
  };
}
