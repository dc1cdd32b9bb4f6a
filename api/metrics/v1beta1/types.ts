/** Wire types of metrics.k8s.io (`staging/src/k8s.io/metrics/pkg/apis/metrics/v1beta1/types.go`). */
import type { ApiObject } from '../../machinery/meta.ts';

/** `cpu` and `memory`, as quantities. */
export type ResourceUsage = Record<string, string>;

interface Measured extends ApiObject {
  /** When the interval ended. */
  timestamp: string;
  /** How long it was, as Go writes durations: `15.012s`. Memory is that at its end. */
  window: string;
}

export interface NodeMetrics extends Measured {
  usage: ResourceUsage;
}

export interface ContainerMetrics {
  name: string;
  usage: ResourceUsage;
}

export interface PodMetrics extends Measured {
  containers: ContainerMetrics[];
}
