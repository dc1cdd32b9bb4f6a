/** The metrics of an API server's process, under upstream's names where upstream has one. */
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { Counter, Histogram } from 'prom-client';
import type { EventLoopMonitor } from '../../base/event-loop.ts';
import type { RequestMeter, RequestSeries } from './request-meter.ts';
import { DURATION_BUCKETS } from './request-meter.ts';

export interface MetricsSources {
  requests: RequestMeter;
  eventLoop: EventLoopMonitor;
  /** Objects by `resource.group`. */
  objectCounts(): Iterable<[resource: string, count: number]>;
}

export function metricsRegistry({ requests, eventLoop, objectCounts }: MetricsSources): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  new Gauge({
    name: 'nocher_event_loop_longest_stall_seconds',
    help: 'The longest time since the last scrape in which the process could not act.',
    registers,
    collect() {
      this.set(eventLoop.takeLongestStallMs() / 1000);
    },
  });
  new Gauge({
    name: 'apiserver_current_inflight_requests',
    help: 'Requests that are being served, without watches.',
    labelNames: ['request_kind'],
    registers,
    collect() {
      for (const [kind, count] of Object.entries(requests.inFlight())) this.set({ request_kind: kind }, count);
    },
  });
  new Gauge({
    name: 'apiserver_storage_objects',
    help: 'Objects stored, by kind.',
    labelNames: ['resource'],
    registers,
    collect() {
      for (const [resource, count] of objectCounts()) this.set({ resource }, count);
    },
  });
  registry.registerMetric(requestCounter(requests));
  registry.registerMetric(requestDurations(requests));
  return registry;
}

/** The numbers are ours, the text is the library's: its own counters cost a hash of the labels for every request. */
function requestCounter(requests: RequestMeter): Counter {
  const name = 'apiserver_request_total';
  return metric<Counter>({
    name,
    type: 'counter',
    help: 'Requests by verb, kind and status code.',
    samples: () => [...requests.series()].map(({ labels, count }) => ({ labels, value: count })),
  });
}

function requestDurations(requests: RequestMeter): Histogram {
  const name = 'apiserver_request_duration_seconds';
  const samplesOf = ({ labels, count, seconds, buckets }: RequestSeries): Sample[] => {
    let below = 0;
    const bounded = buckets.map((inBucket, i) => {
      below += inBucket;
      return { metricName: `${name}_bucket`, labels: { ...labels, le: DURATION_BUCKETS[i]! }, value: below };
    });
    return [
      ...bounded,
      { metricName: `${name}_bucket`, labels: { ...labels, le: '+Inf' }, value: count },
      { metricName: `${name}_sum`, labels, value: seconds },
      { metricName: `${name}_count`, labels, value: count },
    ];
  };
  return metric<Histogram>({
    name,
    type: 'histogram',
    help: 'Time until the answer begins, by verb, kind and status code.',
    samples: () => [...requests.series()].flatMap(samplesOf),
  });
}

interface Sample {
  metricName?: string;
  labels: Record<string, string | number>;
  value: number;
}

interface Metric {
  name: string;
  type: 'counter' | 'histogram';
  help: string;
  samples(): Sample[];
}

/** What a registry asks of a metric (prom-client `lib/registry.js`). */
function metric<T>({ name, type, help, samples }: Metric): T {
  const get = async (): Promise<object> => ({ name, help, type, values: samples(), aggregator: 'sum' });
  return { name, help, type, get, reset: () => undefined } as T;
}
