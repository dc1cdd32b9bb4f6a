/**
 * metrics.k8s.io/v1beta1, answered from the collector and never stored (upstream: metrics-server `pkg/api`). It is
 * served by this server itself, not behind an APIService that points elsewhere: there is one process, and the answer
 * needs nothing that it does not have.
 */
import type { Node } from '../../api/core/v1/node.ts';
import type { Pod } from '../../api/core/v1/pod.ts';
import * as errors from '../../api/machinery/errors.ts';
import type { Listers } from '../../api/machinery/handler.ts';
import type { ApiObject } from '../../api/machinery/meta.ts';
import { quantityFromInteger, Quantity } from '../../api/machinery/quantity.ts';
import type { NodeMetrics, PodMetrics, ResourceUsage } from '../../api/metrics/v1beta1/types.ts';
import { formatTime } from '../../base/clock.ts';
import { pathName } from '../request-info.ts';
import type { ServedKind } from '../registry/served-kind.ts';
import { render, renderList } from '../render/render.ts';
import { encodedObject } from '../responses.ts';
import type { RequestContext } from '../request-context.ts';
import type { VerbHandler } from '../router.ts';
import { readOptionsOf } from '../verbs/list-options.ts';
import type { Collector, Samples } from './collector.ts';
import type { Usage } from './usage.ts';
import { nodeUsage, podUsage } from './usage.ts';

interface Sources {
  listers: Listers;
  collector: Collector;
}

const API_VERSION = 'metrics.k8s.io/v1beta1';

export function nodeMetricsHandlers({ listers, collector }: Sources): Record<string, VerbHandler> {
  const nodes = listers<Node>({ group: '', plural: 'nodes' });
  return {
    async get(context, kind, { clock }) {
      const name = pathName(context.info);
      const node = nodes.get('', name);
      if (node === undefined) throw errors.notFound({ group: '', resource: 'nodes' }, name);
      const found = metricsOfNode(node, await collector.samples(), clock.now());
      if (found === undefined) throw missing('nodemetrics', name);
      return render(context, kind, { object: encodedObject(found), nowMs: clock.now() });
    },
    async list(context, kind, { clock }) {
      const wanted = nodes.list(selectorsOf(context, kind));
      const samples = wanted.length === 0 ? new Map() : await collector.samples();
      const objects = byName(wanted).flatMap((node) => metricsOfNode(node, samples, clock.now()) ?? []);
      return renderList(context, kind, { metadata: {}, objects, nowMs: clock.now() });
    },
  };
}

export function podMetricsHandlers({ listers, collector }: Sources): Record<string, VerbHandler> {
  const pods = listers<Pod>({ group: '', plural: 'pods' });
  return {
    async get(context, kind, { clock }) {
      const { namespace } = context.info;
      const name = pathName(context.info);
      const pod = pods.get(namespace, name);
      if (pod === undefined) throw errors.notFound({ group: '', resource: 'pods' }, `${namespace}/${name}`);
      const found = metricsOfPod(pod, await collector.samples(), clock.now());
      if (found === undefined) throw missing('podmetrics', `${namespace}/${name}`);
      return render(context, kind, { object: encodedObject(found), nowMs: clock.now() });
    },
    async list(context, kind, { clock }) {
      const { namespace } = context.info;
      const found = pods.list({ ...selectorsOf(context, kind), ...(namespace === '' ? {} : { namespace }) });
      const running = found.filter(({ status }) => status?.phase === 'Running');
      const samples = running.length === 0 ? new Map() : await collector.samples();
      const objects = byName(running).flatMap((pod) => metricsOfPod(pod, samples, clock.now()) ?? []);
      return renderList(context, kind, { metadata: {}, objects, nowMs: clock.now() });
    },
  };
}

function selectorsOf(context: RequestContext, kind: ServedKind): Pick<ReturnType<typeof readOptionsOf>, Selectors> {
  const { labelSelector, fieldSelector } = readOptionsOf(context, kind);
  return { labelSelector, fieldSelector };
}

type Selectors = 'labelSelector' | 'fieldSelector';

const keyOf = ({ metadata }: ApiObject): string => `${metadata.namespace ?? ''}/${metadata.name ?? ''}`;

function byName<T extends ApiObject>(objects: readonly T[]): T[] {
  return [...objects].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}

function missing(resource: string, name: string): errors.ApiError {
  return errors.notFound({ group: 'metrics.k8s.io', resource }, name);
}

function metricsOfNode(node: Node, samples: Samples, nowMs: number): NodeMetrics | undefined {
  const pair = samples.get(node.metadata.name!);
  const usage = pair === undefined ? undefined : nodeUsage(pair.before, pair.after);
  if (usage === undefined) return undefined;
  return { ...head('NodeMetrics', node, { ...usage, nowMs }), usage: resourceUsage(usage) };
}

function metricsOfPod(pod: Pod, samples: Samples, nowMs: number): PodMetrics | undefined {
  const pair = samples.get(pod.spec.nodeName ?? '');
  const usage = pair === undefined ? undefined : podUsage(keyOf(pod), pair.before, pair.after);
  if (usage === undefined) return undefined;
  const containers = usage.containers.map((container) => ({
    name: container.name,
    usage: resourceUsage(container.usage),
  }));
  return { ...head('PodMetrics', pod, { ...usage, nowMs }), containers };
}

interface Interval {
  timestampMs: number;
  windowMs: number;
  nowMs: number;
}

function head(
  kind: string,
  { metadata }: ApiObject,
  { timestampMs, windowMs, nowMs }: Interval,
): Omit<NodeMetrics, 'usage'> {
  const { name, namespace, labels } = metadata;
  return {
    kind,
    apiVersion: API_VERSION,
    metadata: {
      name: name!,
      ...(namespace === undefined ? {} : { namespace }),
      creationTimestamp: formatTime(nowMs),
      ...(labels === undefined ? {} : { labels }),
    },
    timestamp: formatTime(timestampMs),
    window: windowText(windowMs),
  };
}

/** As Go writes a duration, in milliseconds at the finest: `1m0.5s`. */
export function windowText(windowMs: number): string {
  const minutes = Math.floor(windowMs / 60_000);
  const seconds = Math.round(windowMs % 60_000) / 1000;
  return minutes === 0 ? `${seconds}s` : `${minutes}m${seconds}s`;
}

function resourceUsage({ nanoCores, memoryBytes }: Usage): ResourceUsage {
  return {
    cpu: new Quantity(BigInt(Math.round(nanoCores))).toString(),
    memory: quantityFromInteger(Math.round(memoryBytes), 'BinarySI').toString(),
  };
}
