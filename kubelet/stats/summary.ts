/** `/stats/summary`: usage as one JSON document (upstream: `kubelet/pkg/apis/stats/v1alpha1`). */
import { formatTime } from '../../base/clock.ts';
import type { HostUsage } from './host-usage.ts';
import type { PodUsage, UsageSnapshot } from './usage.ts';
import { sumOf } from './usage.ts';

export interface Summary {
  node: {
    nodeName: string;
    startTime: string;
    cpu: CpuStats;
    memory: MemoryStats;
    fs?: FileSystemStats;
    rlimit?: { time: string; maxpid: number; curproc: number };
  };
  pods: PodStats[];
}

interface CpuStats {
  time: string;
  /** Since the summary before; absent until there is one. */
  usageNanoCores?: number;
  usageCoreNanoSeconds: number;
}

interface MemoryStats {
  time: string;
  availableBytes?: number;
  usageBytes: number;
  workingSetBytes: number;
  rssBytes?: number;
  pageFaults?: number;
  majorPageFaults?: number;
}

export interface FileSystemStats {
  time: string;
  availableBytes: number;
  capacityBytes: number;
  usedBytes: number;
  inodesFree: number;
  inodes: number;
  inodesUsed: number;
}

interface PodStats {
  podRef: { name: string; namespace: string; uid: string };
  startTime: string;
  containers: { name: string; startTime: string; cpu: CpuStats; memory: MemoryStats }[];
  cpu: CpuStats;
  memory: MemoryStats;
}

export interface SummaryContext {
  nodeName: string;
  /** When the machine started. */
  startedAtMs: number;
  memoryCapacityBytes: number;
  fileSystem?: FileSystemStats;
  processes?: { time: string; maxpid: number; curproc: number };
  rates: UsageRates;
}

/** Of the summary before, what each thing had used by when. */
export class UsageRates {
  #known = new Map<string, { timestampMs: number; cpuUsageNs: number; nanoCores: number | undefined }>();
  #seen = new Set<string>();

  /** Billionths of a core since it was asked for last; between two questions at the same time the same. */
  nanoCores(id: string, { timestampMs, cpuUsageNs }: { timestampMs: number; cpuUsageNs: number }): number | undefined {
    const before = this.#known.get(id);
    this.#seen.add(id);
    if (before !== undefined && timestampMs <= before.timestampMs) return before.nanoCores;
    const isGrown = before !== undefined && cpuUsageNs >= before.cpuUsageNs;
    const nanoCores = isGrown
      ? Math.round(((cpuUsageNs - before.cpuUsageNs) * 1000) / (timestampMs - before.timestampMs))
      : undefined;
    this.#known.set(id, { timestampMs, cpuUsageNs, nanoCores });
    return nanoCores;
  }

  /** Forgets what was not asked about since the last call. */
  forgetOthers(): void {
    for (const id of this.#known.keys()) if (!this.#seen.has(id)) this.#known.delete(id);
    this.#seen = new Set();
  }
}

export function summaryOf({ node, pods }: UsageSnapshot, context: SummaryContext): Summary {
  const { nodeName, startedAtMs, memoryCapacityBytes, fileSystem, processes, rates } = context;
  const summary: Summary = {
    node: {
      nodeName,
      startTime: formatTime(startedAtMs),
      cpu: cpuStats('node', { ...node, rates }),
      memory: memoryStats(node, node.timestampMs, memoryCapacityBytes),
      ...(fileSystem === undefined ? {} : { fs: fileSystem }),
      ...(processes === undefined ? {} : { rlimit: processes }),
    },
    pods: pods.map((pod) => podStats(pod, rates)),
  };
  rates.forgetOthers();
  return summary;
}

function podStats({ namespace, name, uid, startedAtMs, containers }: PodUsage, rates: UsageRates): PodStats {
  const stats = containers.map((container) => container.stats);
  const timestampMs = Math.max(...stats.map((one) => one.timestampMs));
  const total = sumOf(stats);
  return {
    podRef: { name, namespace, uid },
    startTime: formatTime(startedAtMs),
    containers: containers.map((container) => ({
      name: container.name,
      startTime: formatTime(container.startedAtMs),
      cpu: cpuStats(container.stats.id, { ...container.stats, rates }),
      memory: memoryStats(container.stats, container.stats.timestampMs),
    })),
    cpu: cpuStats(uid, { ...total, timestampMs, rates }),
    memory: memoryStats(total, timestampMs),
  };
}

function cpuStats(
  id: string,
  { timestampMs, cpuUsageNs, rates }: { timestampMs: number; cpuUsageNs: number; rates: UsageRates },
): CpuStats {
  const usageNanoCores = rates.nanoCores(id, { timestampMs, cpuUsageNs });
  return {
    time: formatTime(timestampMs),
    ...(usageNanoCores === undefined ? {} : { usageNanoCores }),
    usageCoreNanoSeconds: cpuUsageNs,
  };
}

type MemoryFigures = Omit<HostUsage, 'cpuUsageNs'>;

function memoryStats(usage: MemoryFigures, timestampMs: number, capacityBytes?: number): MemoryStats {
  const { memoryUsageBytes, memoryWorkingSetBytes, memoryRssBytes, memoryPageFaults, memoryMajorPageFaults } = usage;
  return {
    time: formatTime(timestampMs),
    ...(capacityBytes === undefined ? {} : { availableBytes: Math.max(0, capacityBytes - memoryWorkingSetBytes) }),
    usageBytes: memoryUsageBytes,
    workingSetBytes: memoryWorkingSetBytes,
    ...(memoryRssBytes === undefined ? {} : { rssBytes: memoryRssBytes }),
    ...(memoryPageFaults === undefined ? {} : { pageFaults: memoryPageFaults }),
    ...(memoryMajorPageFaults === undefined ? {} : { majorPageFaults: memoryMajorPageFaults }),
  };
}
