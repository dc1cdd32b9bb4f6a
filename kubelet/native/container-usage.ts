/** What a pod's containers use, as its monitor tells it. */
import type { ContainerStats } from '../runtime.ts';
import type { Sandbox } from './sandbox.ts';

interface Usage {
  id: string;
  cpuUsageNs: number | null;
  memoryUsageBytes: number | null;
  memoryWorkingSetBytes: number | null;
  memoryRssBytes: number | null;
  memoryPageFaults: number | null;
  memoryMajorPageFaults: number | null;
}

/** None when the monitor does not answer. */
export async function usageOf({ monitor, record }: Sandbox): Promise<ContainerStats[]> {
  try {
    const { timestamp, containers } = await monitor.request<{ timestamp: string; containers: Usage[] }>('stats');
    return containers.map((usage) => ({
      id: usage.id,
      podSandboxId: record.id,
      timestampMs: Date.parse(timestamp),
      cpuUsageNs: usage.cpuUsageNs ?? 0,
      memoryUsageBytes: usage.memoryUsageBytes ?? 0,
      memoryWorkingSetBytes: usage.memoryWorkingSetBytes ?? 0,
      memoryRssBytes: usage.memoryRssBytes ?? 0,
      memoryPageFaults: usage.memoryPageFaults ?? 0,
      memoryMajorPageFaults: usage.memoryMajorPageFaults ?? 0,
    }));
  } catch {
    return [];
  }
}
