/** Which pods count, and what they ask for (upstream: `replica_calculator.go`, `groupPods`, `calculateRequests`). */
import { isSidecar } from '../../api/core/v1/pod/containers.ts';
import { amountOf, hasPodLevelResources, podRequests } from '../../api/core/v1/pod/resources.ts';
import type { Pod } from '../../api/core/v1/pod/types.ts';
import { podCondition } from '../pods.ts';
import type { PodMetric, PodMetrics } from './metrics.ts';

export interface PodTimes {
  nowMs: number;
  /** After a pod's start, in which its processor time is that of its start. */
  cpuInitializationMs: number;
  /** After a pod's start, in which it may become ready for the first time. */
  initialReadinessMs: number;
}

export interface PodGroups {
  ready: number;
  /** Waiting, or starting still. */
  unready: Set<string>;
  /** Running, and not measured. */
  missing: Set<string>;
  /** Ended or ending. */
  ignored: Set<string>;
}

export function groupPods(
  pods: readonly Pod[],
  { metrics, resource, times }: { metrics: PodMetrics; resource: string; times: PodTimes },
): PodGroups {
  const groups: PodGroups = { ready: 0, unready: new Set(), missing: new Set(), ignored: new Set() };
  for (const pod of pods) {
    const name = pod.metadata.name!;
    const metric = metrics.get(name);
    if (pod.metadata.deletionTimestamp !== undefined || pod.status?.phase === 'Failed') groups.ignored.add(name);
    else if (pod.status?.phase === 'Pending') groups.unready.add(name);
    else if (metric === undefined) groups.missing.add(name);
    else if (resource === 'cpu' && isStarting(pod, metric, times)) groups.unready.add(name);
    else groups.ready++;
  }
  return groups;
}

/** What a pod uses while it starts says nothing of its load. */
function isStarting(pod: Pod, metric: PodMetric, times: PodTimes): boolean {
  const condition = podCondition(pod, 'Ready');
  const startMs = Date.parse(pod.status?.startTime ?? '');
  if (condition === undefined || Number.isNaN(startMs)) return true;
  const changedMs = Date.parse(condition.lastTransitionTime ?? '') || 0;
  const isUnready = condition.status === 'False';
  if (startMs + times.cpuInitializationMs > times.nowMs)
    return isUnready || metric.timestampMs < changedMs + metric.windowMs;
  // It has never been ready.
  return isUnready && startMs + times.initialReadinessMs > changedMs;
}

export function countReady(pods: readonly Pod[]): number {
  return pods.filter((pod) => pod.status?.phase === 'Running' && podCondition(pod, 'Ready')?.status === 'True').length;
}

/** By name, in thousandths. Throws for a pod that does not say what it asks for. */
export function requestsOf(pods: readonly Pod[], container: string, resource: string): Map<string, number> {
  return new Map(pods.map((pod) => [pod.metadata.name!, requestOf(pod, container, resource)]));
}

function requestOf(pod: Pod, container: string, resource: string): number {
  const { name } = pod.metadata;
  if (container === '' && hasPodLevelResources(pod)) {
    const amount = podRequests(pod).get(resource);
    if (amount === undefined) throw new Error(`missing pod-level request for ${resource} in Pod ${name}`);
    return amount.milliValue();
  }
  const all = [...pod.spec.containers, ...(pod.spec.initContainers ?? []).filter(isSidecar)];
  const counted = container === '' ? all : all.filter((one) => one.name === container);
  if (counted.length === 0) throw new Error(`container ${container} not found in Pod ${name}`);
  let total = 0;
  for (const { name: counts, resources } of counted) {
    if (!Object.hasOwn(resources?.requests ?? {}, resource))
      throw new Error(`missing request for ${resource} in container ${counts} of Pod ${name}`);
    total += amountOf(resources?.requests, resource).milliValue();
  }
  return total;
}
