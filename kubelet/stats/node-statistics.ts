/** The kubelet's statistics: one reader of usage behind the documents that its server gives. */
import { readFile, statfs } from 'node:fs/promises';
import { uptime } from 'node:os';
import type { Clock } from '../../base/clock.ts';
import { formatTime } from '../../base/clock.ts';
import { cadvisorMetrics, resourceMetrics } from './resource-metrics.ts';
import type { FileSystemStats, Summary, SummaryContext } from './summary.ts';
import { summaryOf, UsageRates } from './summary.ts';
import type { UsageReader } from './usage.ts';

export interface NodeStatistics {
  /** `/stats/summary`; `onlyCpuAndMemory` leaves out file systems and processes. */
  summary(onlyCpuAndMemory: boolean): Promise<Summary>;
  /** `/metrics/resource`. */
  resourceMetrics(): Promise<string>;
  /** `/metrics/cadvisor`. */
  cadvisorMetrics(): Promise<string>;
}

export interface NodeStatisticsOptions {
  nodeName: string;
  memoryCapacityBytes: number;
  /** Whose file system is the node's. Absent: a node without files (simulation). */
  folder?: string;
  read: UsageReader;
  clock: Clock;
}

export function nodeStatistics({
  nodeName,
  memoryCapacityBytes,
  folder,
  read,
  clock,
}: NodeStatisticsOptions): NodeStatistics {
  const rates = new UsageRates();
  const startedAtMs = folder === undefined ? clock.now() : clock.now() - uptime() * 1000;
  return {
    async summary(onlyCpuAndMemory) {
      const context: SummaryContext = { nodeName, startedAtMs, memoryCapacityBytes, rates };
      const snapshot = await read();
      if (onlyCpuAndMemory || folder === undefined) return summaryOf(snapshot, context);
      const time = formatTime(clock.now());
      const [fileSystem, processes] = await Promise.all([fileSystemOf(folder, time), processesOf(time)]);
      return summaryOf(snapshot, { ...context, ...(fileSystem && { fileSystem }), ...(processes && { processes }) });
    },
    resourceMetrics: async () => resourceMetrics(await read()),
    cadvisorMetrics: async () => cadvisorMetrics(await read()),
  };
}

async function fileSystemOf(folder: string, time: string): Promise<FileSystemStats | undefined> {
  const found = await statfs(folder).catch(() => undefined);
  if (found === undefined) return undefined;
  const { bsize, blocks, bfree, bavail, files, ffree } = found;
  return {
    time,
    availableBytes: bavail * bsize,
    capacityBytes: blocks * bsize,
    usedBytes: (blocks - bfree) * bsize,
    inodesFree: ffree,
    inodes: files,
    inodesUsed: files - ffree,
  };
}

async function processesOf(time: string): Promise<SummaryContext['processes']> {
  const read = (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '');
  const [load, pidMax] = await Promise.all([read('/proc/loadavg'), read('/proc/sys/kernel/pid_max')]);
  const curproc = Number(/\/(\d+)/.exec(load)?.[1] ?? NaN);
  return Number.isNaN(curproc) ? undefined : { time, maxpid: Number(pidMax), curproc };
}
