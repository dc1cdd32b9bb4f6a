/** How many replicas a metric asks for (upstream: `pkg/controller/podautoscaler/replica_calculator.go`). Pure. */
import type { Pod } from '../../api/core/v1/pod/types.ts';
import type { PodMetrics } from './metrics.ts';
import { usageOf, utilizationOf } from './metrics.ts';
import type { PodGroups, PodTimes } from './pod-groups.ts';
import { countReady, groupPods, requestsOf } from './pod-groups.ts';

/** How far the ratio may be from 1 without any change. */
export interface Tolerances {
  up: number;
  down: number;
}

/** What every proposal starts from. */
export interface Situation {
  currentReplicas: number;
  tolerances: Tolerances;
  /** Of the target's selector. */
  pods: readonly Pod[];
  times: PodTimes;
}

export interface Proposal {
  replicas: number;
  /** What is used, in thousandths: per pod, or in all when the target is. */
  usage: number;
}

const MAX_INT32 = 2 ** 31 - 1;

const roundUp = (replicas: number): number => Math.min(MAX_INT32, Math.ceil(replicas));

function isWithin(ratio: number, { up, down }: Tolerances): boolean {
  return 1 - down <= ratio && ratio <= 1 + up;
}

/** `GetResourceReplicas`: per cent of what the pods ask for. Throws when nothing can be said. */
export function replicasForUtilization(
  situation: Situation,
  target: { resource: string; container: string; percent: number; metrics: PodMetrics },
): Proposal & { percent: number } {
  const { resource, container } = target;
  const { groups, metrics } = countedPods(situation, target.metrics, resource);
  const requests = requestsOf(situation.pods, container, resource);
  const { ratio, percent, averageValue } = utilizationOf(metrics, requests, target.percent);
  // A pod that is not measured is taken to use all that it asks for, or what is wanted when that is more.
  const assumed = (name: string): number =>
    Math.trunc(((requests.get(name) ?? 0) * Math.max(100, target.percent)) / 100);
  const replicas = replicasFor(situation, groups, {
    ratio,
    metrics,
    assumed,
    again: () => utilizationOf(metrics, requests, target.percent).ratio,
  });
  return { replicas, usage: averageValue, percent };
}

/** `calcPlainMetricReplicas`: an average value per pod. Throws when nothing can be said. */
export function replicasForAverage(
  situation: Situation,
  target: { resource: string; value: number; metrics: PodMetrics },
): Proposal {
  const { groups, metrics } = countedPods(situation, target.metrics, target.resource);
  const { ratio, averageValue } = usageOf(metrics, target.value);
  const assumed = (): number => target.value;
  const replicas = replicasFor(situation, groups, {
    ratio,
    metrics,
    assumed,
    again: () => usageOf(metrics, target.value).ratio,
  });
  return { replicas, usage: averageValue };
}

function countedPods(
  { pods, times }: Situation,
  measured: PodMetrics,
  resource: string,
): { groups: PodGroups; metrics: PodMetrics } {
  if (pods.length === 0) throw new Error('no pods returned by selector while calculating replica count');
  const groups = groupPods(pods, { metrics: measured, resource, times });
  const metrics: PodMetrics = new Map(measured);
  for (const name of [...groups.ignored, ...groups.unready]) metrics.delete(name);
  if (metrics.size === 0) throw new Error('did not receive metrics for targeted pods (pods might be unready)');
  return { groups, metrics };
}

interface Measurement {
  ratio: number;
  /** Taken over: what is assumed of pods that are not measured is added. */
  metrics: PodMetrics;
  /** What a pod without figures is taken to use when there would be fewer replicas. */
  assumed(name: string): number;
  /** The ratio with what has been added. */
  again(): number;
}

/** Never in the other direction than the measured pods ask for, whatever is assumed of the others. */
function replicasFor({ currentReplicas, tolerances }: Situation, groups: PodGroups, measured: Measurement): number {
  const { ratio, metrics } = measured;
  if (!assumeOfOthers(groups, measured))
    return isWithin(ratio, tolerances) ? currentReplicas : roundUp(ratio * groups.ready);
  const next = measured.again();
  if (isWithin(next, tolerances) || isTurned(ratio, next)) return currentReplicas;
  const replicas = roundUp(next * metrics.size);
  const isAgainst = next < 1 ? replicas > currentReplicas : replicas < currentReplicas;
  return isAgainst ? currentReplicas : replicas;
}

const isTurned = (before: number, after: number): boolean => (before < 1 && after > 1) || (before > 1 && after < 1);

/** Pods without figures hold back any change; unready ones only a larger number. False when there are none. */
function assumeOfOthers({ unready, missing }: PodGroups, { ratio, metrics, assumed }: Measurement): boolean {
  const held = ratio > 1 ? unready : new Set<string>();
  if (held.size === 0 && missing.size === 0) return false;
  const add = (name: string, value: number): unknown => metrics.set(name, { value, timestampMs: 0, windowMs: 0 });
  if (ratio !== 1) for (const name of missing) add(name, ratio < 1 ? assumed(name) : 0);
  for (const name of held) add(name, 0);
  return true;
}

/** `getUsageRatioReplicaCount`: a value for all replicas together. From 0 replicas on, it alone decides. */
export function replicasForValue(
  { currentReplicas, tolerances, pods }: Situation,
  { value, usage }: { value: number; usage: number },
): Proposal {
  const ratio = usage / value;
  if (currentReplicas === 0) return { replicas: roundUp(ratio), usage };
  if (isWithin(ratio, tolerances)) return { replicas: currentReplicas, usage };
  if (pods.length === 0)
    throw new Error('unable to calculate ready pods: no pods returned by selector while calculating replica count');
  return { replicas: roundUp(ratio * countReady(pods)), usage };
}

/** `GetExternalPerPodMetricReplicas`: a value that is shared out among the replicas that there are. */
export function replicasForShare(
  { statusReplicas, tolerances }: { statusReplicas: number; tolerances: Tolerances },
  { value, usage }: { value: number; usage: number },
): Proposal {
  const isClose = isWithin(usage / (value * statusReplicas), tolerances);
  const share = Math.ceil(usage / statusReplicas);
  return {
    replicas: isClose ? statusReplicas : roundUp(usage / value),
    usage: Number.isFinite(share) ? share : usage,
  };
}
