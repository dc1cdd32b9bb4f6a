/** metrics.k8s.io as the simulated nodes would have it: the load of an app, spread over its pods that run. */
import type { Pod } from '../../api/core/v1/pod.ts';
import type { Listers } from '../../api/machinery/handler.ts';
import type { PodMetrics } from '../../api/metrics/v1beta1/types.ts';
import type { ServerParts } from '../../apiserver/api-server.ts';
import { renderList } from '../../apiserver/render/render.ts';
import type { VerbHandler } from '../../apiserver/router.ts';
import { readOptionsOf } from '../../apiserver/verbs/list-options.ts';
import { formatTime } from '../../base/clock.ts';

/** By the `app` label, in thousandths of a CPU. */
export type Loads = ReadonlyMap<string, number>;

export interface MetricsOptions {
  loads: Loads;
  /** Whether the pod's container runs at the moment. */
  isRunning(pod: Pod): boolean;
  /** Of the pod's node, which tells when it has measured. */
  nowMs(pod: Pod): number;
}

export function servePodMetrics({ router, kinds, listers }: ServerParts, options: MetricsOptions): void {
  const kind = kinds.find(({ resource }) => resource.group === 'metrics.k8s.io' && resource.names.plural === 'pods')!;
  router.addAsked(kind, { list: listMetrics(listers, options) });
}

function listMetrics(listers: Listers, { loads, isRunning, nowMs }: MetricsOptions): VerbHandler {
  const pods = listers<Pod>({ group: '', plural: 'pods' });
  return (context, kind, { clock }) => {
    const { labelSelector, fieldSelector } = readOptionsOf(context, kind);
    const found = pods.list({ namespace: context.info.namespace, labelSelector, fieldSelector }).filter(isRunning);
    const objects = found.map((pod): PodMetrics => {
      const app = pod.metadata.labels?.['app'] ?? '';
      const sharing = found.filter(({ metadata }) => metadata.labels?.['app'] === app).length;
      const cpu = `${Math.round((loads.get(app) ?? 0) / sharing)}m`;
      const { name, namespace } = pod.metadata;
      return {
        apiVersion: 'metrics.k8s.io/v1beta1',
        kind: 'PodMetrics',
        metadata: { name: name!, namespace: namespace! },
        timestamp: formatTime(nowMs(pod)),
        window: '15s',
        containers: [{ name: 'c', usage: { cpu, memory: '1Mi' } }],
      };
    });
    return Promise.resolve(renderList(context, kind, { metadata: {}, objects, nowMs: clock.now() }));
  };
}
