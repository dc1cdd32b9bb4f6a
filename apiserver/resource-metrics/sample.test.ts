import { expect, it } from '@jest/globals';
import { parseSample } from './sample.ts';

const WEB = '{container="web",namespace="default",pod="web-1"}';

it('parseSample() reads nodes and containers, and skips the rest', () => {
  const { node, pods } = parseSample(
    [
      '# HELP container_cpu_usage_seconds_total time',
      '# TYPE container_cpu_usage_seconds_total counter',
      `container_cpu_usage_seconds_total${WEB} 4.710169 1624016186000`,
      `container_memory_working_set_bytes${WEB} 9.9e+06 1624016186000`,
      `container_start_time_seconds${WEB} 1.624e+09 1624016186000`,
      'node_cpu_usage_seconds_total 357.35 1624016186500',
      'node_memory_working_set_bytes 1000 1624016186500',
      'pod_cpu_usage_seconds_total{namespace="default",pod="web-1"} 4 1624016186000',
      'resource_scrape_error 0',
      'not a metric at all',
      'node_swap_usage_bytes NaN',
      '',
    ].join('\n'),
  );
  expect(node).toEqual({ cpuNs: 357_350_000_000, memoryBytes: 1000, timestampMs: 1_624_016_186_500 });
  expect([...pods.keys()]).toEqual(['default/web-1']);
  expect(Object.fromEntries(pods.get('default/web-1')!)).toEqual({
    web: {
      cpuNs: 4_710_169_000,
      memoryBytes: 9_900_000,
      timestampMs: 1_624_016_186_000,
      startedAtMs: 1_624_000_000_000,
    },
  });
});

it('parseSample() leaves out a pod of which one container is told by half, and a node without memory', () => {
  const { node, pods } = parseSample(
    [
      `container_cpu_usage_seconds_total${WEB} 1 1`,
      `container_memory_working_set_bytes${WEB} 1 1`,
      `container_cpu_usage_seconds_total{container="log",namespace="default",pod="web-1"} 1 1`,
      `container_cpu_usage_seconds_total{pod="web-2"} 1 1`,
      'node_cpu_usage_seconds_total 1 1',
    ].join('\n'),
  );
  expect([node, pods.size]).toEqual([undefined, 0]);
});
