/** `/metrics`: what the kubelet has at work, under upstream's names (`pkg/kubelet/metrics/metrics.go`). */
import type { RuntimePod } from '../pods/runtime-pod.ts';
import { metricsText } from './resource-metrics.ts';

/** Container states in upstream's order. */
const STATES = ['created', 'exited', 'running', 'unknown'] as const;

/** Pods with a sandbox that is ready, and containers by their state. */
export function kubeletMetrics(pods: readonly RuntimePod[]): string {
  const isReady = ({ sandboxes }: RuntimePod): boolean => sandboxes.some(({ state }) => state === 'ready');
  const containers = pods.flatMap((pod) => pod.containers);
  const timestampMs = NaN;
  return metricsText([
    {
      name: 'kubelet_running_containers',
      type: 'gauge',
      help: 'Containers of the node by their state',
      samples: STATES.map((state) => ({
        labels: { container_state: state },
        value: containers.filter((one) => one.state === state).length,
        timestampMs,
      })),
    },
    {
      name: 'kubelet_running_pods',
      type: 'gauge',
      help: 'Pods of the node whose sandbox is ready',
      samples: [{ labels: {}, value: pods.filter(isReady).length, timestampMs }],
    },
  ]);
}
