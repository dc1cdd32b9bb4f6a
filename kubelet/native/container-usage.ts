/** What a pod's containers use, as its monitor tells it. */
import type { ContainerStats } from '../runtime.ts';
import type { Sandbox } from './sandbox.ts';

interface Usage {
  id: string;
  cpuUsageNs: number | null;
  memoryUsageBytes: number | null;
  memoryWorkingSetBytes: number | null;
}

/** None when the monitor does not answer. */
export async function usageOf({ monitor, record }: Sandbox): Promise<ContainerStats[]> {
  try {
    const { timestamp, containers } = await monitor.request<{ timestamp: string; containers: Usage[] }>('stats');
    return containers.map(({ id, cpuUsageNs, memoryUsageBytes, memoryWorkingSetBytes }) => ({
      id,
      podSandboxId: record.id,
      timestampMs: Date.parse(timestamp),
      cpuUsageNs: cpuUsageNs ?? 0,
      memoryUsageBytes: memoryUsageBytes ?? 0,
      memoryWorkingSetBytes: memoryWorkingSetBytes ?? 0,
    }));
  } catch {
    return [];
  }
}
