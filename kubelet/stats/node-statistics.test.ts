import { describe, expect, it } from '@jest/globals';
import { silentLogger } from '../../base/log.ts';
import { RuntimeCache } from '../pods/runtime-cache.ts';
import type { ContainerInfo, ContainerStats, RuntimeService } from '../runtime.ts';
import { createTestClock, POD_UID, testContainer, testSandbox } from '../testing.ts';
import { nodeStatistics } from './node-statistics.ts';
import type { NodeStatistics } from './node-statistics.ts';
import { createUsageReader } from './usage.ts';

const START_MS = Date.UTC(2026, 0, 2, 3, 4, 5);

interface Scene {
  statistics: NodeStatistics;
  clock: ReturnType<typeof createTestClock>;
  stats: ContainerStats[];
  fail(): void;
}

async function scene(containers: ContainerInfo[]): Promise<Scene> {
  const clock = createTestClock(START_MS);
  const stats: ContainerStats[] = [];
  let failing = false;
  const runtime = {
    listPodSandboxes: () => Promise.resolve([testSandbox()]),
    listContainers: () => Promise.resolve(containers),
    containerStats: () => (failing ? Promise.reject(new Error('away')) : Promise.resolve([...stats])),
  } as unknown as RuntimeService;
  const cache = new RuntimeCache({ runtime, clock, log: silentLogger, onChange: () => undefined });
  await cache.refresh();
  const read = createUsageReader({ runtime, cache, clock, log: silentLogger });
  const statistics = nodeStatistics({ nodeName: 'node-1', memoryCapacityBytes: 1 << 20, read, clock });
  return { statistics, clock, stats, fail: () => void (failing = true) };
}

function usage(id: string, cpuUsageNs: number, timestampMs: number): ContainerStats {
  return {
    id,
    podSandboxId: 'sandbox-0',
    timestampMs,
    cpuUsageNs,
    memoryUsageBytes: 3000,
    memoryWorkingSetBytes: 2000,
    memoryRssBytes: 1000,
  };
}

describe('/metrics/resource', () => {
  it('has each container, its pod, and the node', async () => {
    const { statistics, stats } = await scene([testContainer('web'), testContainer('log')]);
    stats.push(usage('web-0', 1_500_000_000, START_MS), usage('log-0', 500_000_000, START_MS - 10));
    const lines = (await statistics.resourceMetrics()).split('\n').filter((line) => !line.startsWith('#'));
    const of = (container: string): string => `{container="${container}",namespace="default",pod="web-1"}`;
    expect(lines).toEqual([
      `container_cpu_usage_seconds_total${of('log')} 0.5 ${START_MS - 10}`,
      `container_cpu_usage_seconds_total${of('web')} 1.5 ${START_MS}`,
      `container_memory_working_set_bytes${of('log')} 2000 ${START_MS - 10}`,
      `container_memory_working_set_bytes${of('web')} 2000 ${START_MS}`,
      `container_start_time_seconds${of('log')} 2 ${START_MS - 10}`,
      `container_start_time_seconds${of('web')} 2 ${START_MS}`,
      `node_cpu_usage_seconds_total 2 ${START_MS}`,
      `node_memory_working_set_bytes 4000 ${START_MS}`,
      `pod_cpu_usage_seconds_total{namespace="default",pod="web-1"} 2 ${START_MS}`,
      `pod_memory_working_set_bytes{namespace="default",pod="web-1"} 4000 ${START_MS}`,
      'resource_scrape_error 0',
      '',
    ]);
  });

  it('leaves out what has ended, and says when the runtime is away', async () => {
    const { statistics, stats, fail } = await scene([testContainer('web', { state: 'exited' })]);
    stats.push(usage('web-0', 1, START_MS));
    expect(await statistics.resourceMetrics()).not.toContain('container_cpu');
    fail();
    const text = await statistics.resourceMetrics();
    expect(text).toContain('\nresource_scrape_error 1\n');
    expect(text).toContain('node_cpu_usage_seconds_total 0');
  });
});

describe('/stats/summary', () => {
  it('tells cores in use from the summary before', async () => {
    const { statistics, clock, stats } = await scene([testContainer('web')]);
    stats.push(usage('web-0', 1_000_000_000, START_MS));
    const first = await statistics.summary(true);
    expect(first.pods[0]!.cpu).toEqual({ time: '2026-01-02T03:04:05Z', usageCoreNanoSeconds: 1_000_000_000 });
    await clock.advance(10_000);
    stats[0] = usage('web-0', 3_500_000_000, START_MS + 10_000);
    const second = await statistics.summary(true);
    const cpu = {
      time: '2026-01-02T03:04:15Z',
      usageNanoCores: 250_000_000,
      usageCoreNanoSeconds: 3_500_000_000,
    };
    expect(second).toEqual({
      node: {
        nodeName: 'node-1',
        startTime: '2026-01-02T03:04:05Z',
        cpu,
        memory: {
          time: '2026-01-02T03:04:15Z',
          availableBytes: (1 << 20) - 2000,
          usageBytes: 3000,
          workingSetBytes: 2000,
          rssBytes: 1000,
          pageFaults: 0,
          majorPageFaults: 0,
        },
      },
      pods: [
        {
          podRef: { name: 'web-1', namespace: 'default', uid: POD_UID },
          startTime: '1970-01-01T00:00:01Z',
          containers: [
            {
              name: 'web',
              startTime: '1970-01-01T00:00:02Z',
              cpu,
              memory: { time: '2026-01-02T03:04:15Z', usageBytes: 3000, workingSetBytes: 2000, rssBytes: 1000 },
            },
          ],
          cpu,
          memory: expect.objectContaining({ workingSetBytes: 2000 }),
        },
      ],
    });
    // Asked again at once: nothing new was measured.
    expect((await statistics.summary(true)).pods[0]!.cpu).toEqual(cpu);
  });

  it('starts anew with a container that was started again', async () => {
    const { statistics, stats } = await scene([testContainer('web')]);
    stats.push(usage('web-0', 9, START_MS));
    await statistics.summary(true);
    stats[0] = usage('web-0', 3, START_MS + 1000);
    expect((await statistics.summary(true)).pods[0]!.cpu).not.toHaveProperty('usageNanoCores');
  });
});

it('/metrics/cadvisor has processor time and memory of containers', async () => {
  const { statistics, stats } = await scene([testContainer('web')]);
  stats.push(usage('web-0', 1_000_000_000, START_MS));
  const text = await statistics.cadvisorMetrics();
  const labels = '{container="web",id="web-0",namespace="default",pod="web-1"}';
  expect(text).toContain(`container_cpu_usage_seconds_total${labels} 1 ${START_MS}\n`);
  expect(text).toContain(`container_memory_rss${labels} 1000 ${START_MS}\n`);
});
