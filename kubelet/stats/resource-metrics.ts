/**
 * `/metrics/resource` and `/metrics/cadvisor`: usage in Prometheus' text form, under upstream's names
 * (`pkg/kubelet/metrics/collectors/resource_metrics.go`).
 */
import type { HostUsage } from './host-usage.ts';
import type { PodUsage, UsageSnapshot } from './usage.ts';
import { sumOf } from './usage.ts';

/** Of the text form that Prometheus 0.0.4 reads. */
export const METRICS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

interface Sample {
  labels: Readonly<Record<string, string>>;
  value: number;
  timestampMs: number;
}

export interface Family {
  name: string;
  type: 'counter' | 'gauge';
  help: string;
  samples: Sample[];
}

const CPU_HELP = 'Processor time that the container has used, in seconds of one core';
const WORKING_SET_HELP = 'Memory of the container that cannot be taken back at once';
const START_HELP = 'When the container started, in seconds since 1970';

const seconds = (ns: number): number => ns / 1e9;

/** What metrics-server scrapes: one line for each figure of each container, each pod and the node. */
export function resourceMetrics({ node, pods, failed }: UsageSnapshot): string {
  const ofNode = (value: number): Sample[] => [{ labels: {}, value, timestampMs: node.timestampMs }];
  return metricsText([
    ...containerFamilies(pods),
    {
      name: 'node_cpu_usage_seconds_total',
      type: 'counter',
      help: 'Processor time that the node has used, in seconds of one core',
      samples: ofNode(seconds(node.cpuUsageNs)),
    },
    {
      name: 'node_memory_working_set_bytes',
      type: 'gauge',
      help: 'Memory of the node that cannot be taken back at once',
      samples: ofNode(node.memoryWorkingSetBytes),
    },
    ...podFamilies(pods),
    {
      name: 'resource_scrape_error',
      type: 'gauge',
      help: '1 when the container runtime could not tell what is used, else 0',
      samples: [{ labels: {}, value: failed ? 1 : 0, timestampMs: NaN }],
    },
  ]);
}

function containerFamilies(pods: readonly PodUsage[]): Family[] {
  const samples = (value: (one: ContainerFigures) => number): Sample[] =>
    pods.flatMap(({ namespace, name, containers }) =>
      containers.map(({ name: container, startedAtMs, stats }) => ({
        labels: { container, namespace, pod: name },
        value: value({ ...stats, startedAtMs }),
        timestampMs: stats.timestampMs,
      })),
    );
  return [
    {
      name: 'container_cpu_usage_seconds_total',
      type: 'counter',
      help: CPU_HELP,
      samples: samples(({ cpuUsageNs }) => seconds(cpuUsageNs)),
    },
    {
      name: 'container_memory_working_set_bytes',
      type: 'gauge',
      help: WORKING_SET_HELP,
      samples: samples(({ memoryWorkingSetBytes }) => memoryWorkingSetBytes),
    },
    {
      name: 'container_start_time_seconds',
      type: 'gauge',
      help: START_HELP,
      samples: samples(({ startedAtMs }) => startedAtMs / 1000),
    },
  ];
}

function podFamilies(pods: readonly PodUsage[]): Family[] {
  const samples = (value: (total: HostUsage) => number): Sample[] =>
    pods.map(({ namespace, name, containers }) => {
      const stats = containers.map((container) => container.stats);
      const timestampMs = Math.max(...stats.map((one) => one.timestampMs));
      return { labels: { namespace, pod: name }, value: value(sumOf(stats)), timestampMs };
    });
  return [
    {
      name: 'pod_cpu_usage_seconds_total',
      type: 'counter',
      help: "Processor time that the pod's containers have used, in seconds of one core",
      samples: samples(({ cpuUsageNs }) => seconds(cpuUsageNs)),
    },
    {
      name: 'pod_memory_working_set_bytes',
      type: 'gauge',
      help: "Memory of the pod's containers that cannot be taken back at once",
      samples: samples(({ memoryWorkingSetBytes }) => memoryWorkingSetBytes),
    },
  ];
}

interface ContainerFigures {
  cpuUsageNs: number;
  memoryWorkingSetBytes: number;
  startedAtMs: number;
}

/** Of cadvisor's figures those that the runtime tells anyway: processor time, memory and start of each container. */
export function cadvisorMetrics({ pods }: UsageSnapshot): string {
  const all = pods.flatMap(({ namespace, name, containers }) =>
    containers.map((container) => ({
      ...container.stats,
      startedAtMs: container.startedAtMs,
      labels: { container: container.name, id: container.stats.id, namespace, pod: name },
    })),
  );
  const family = (
    name: string,
    { type, help, value }: { type: Family['type']; help: string; value(one: (typeof all)[number]): number },
  ): Family => ({
    name,
    type,
    help,
    samples: all.map((one) => ({ labels: one.labels, value: value(one), timestampMs: one.timestampMs })),
  });
  return metricsText([
    family('container_cpu_usage_seconds_total', {
      type: 'counter',
      help: CPU_HELP,
      value: ({ cpuUsageNs }) => seconds(cpuUsageNs),
    }),
    family('container_memory_usage_bytes', {
      type: 'gauge',
      help: 'Memory of the container, caches included',
      value: ({ memoryUsageBytes }) => memoryUsageBytes,
    }),
    family('container_memory_working_set_bytes', {
      type: 'gauge',
      help: WORKING_SET_HELP,
      value: ({ memoryWorkingSetBytes }) => memoryWorkingSetBytes,
    }),
    family('container_memory_rss', {
      type: 'gauge',
      help: 'Memory of the container that no file backs',
      value: ({ memoryRssBytes = 0 }) => memoryRssBytes,
    }),
    family('container_start_time_seconds', {
      type: 'gauge',
      help: START_HELP,
      value: ({ startedAtMs }) => startedAtMs / 1000,
    }),
  ]);
}

/** In Prometheus' text form; a time that is NaN is left out. */
export function metricsText(families: readonly Family[]): string {
  const lines: string[] = [];
  for (const { name, type, help, samples } of families) {
    if (samples.length === 0) continue;
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
    for (const { labels, value, timestampMs } of samples) {
      const time = Number.isNaN(timestampMs) ? '' : ` ${Math.trunc(timestampMs)}`;
      lines.push(`${name}${labelText(labels)} ${value}${time}`);
    }
  }
  return `${lines.join('\n')}\n`;
}

/** Values are names of objects, which need no escaping, but for ids that a runtime chose. */
function labelText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}
