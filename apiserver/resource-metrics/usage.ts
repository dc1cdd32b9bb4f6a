/**
 * Usage between two samples (upstream: metrics-server `pkg/storage/{node,pod,types}.go`): the processors over the
 * time between, the memory of the later one.
 */
import type { ContainerSample, NodeSample, Sample } from './sample.ts';

export interface Usage {
  /** Billionths of a core. */
  nanoCores: number;
  memoryBytes: number;
  timestampMs: number;
  windowMs: number;
}

export interface PodUsage {
  timestampMs: number;
  windowMs: number;
  containers: { name: string; usage: Usage }[];
}

/** Time between samples under which metrics-server takes a young container's whole life for its window. */
export const RESOLUTION_MS = 15_000;
/** A container's first moments say nothing of what it will use. */
const MIN_LIFE_MS = 10_000;

/** Undefined when nothing can be said: no time has passed, or the counter went back, as with a new start. */
export function usageBetween(before: Sample, after: Sample): Usage | undefined {
  const windowMs = after.timestampMs - before.timestampMs;
  if (windowMs <= 0 || after.cpuNs < before.cpuNs) return undefined;
  const nanoCores = Math.round(((after.cpuNs - before.cpuNs) * 1000) / windowMs);
  return { nanoCores, memoryBytes: after.memoryBytes, timestampMs: after.timestampMs, windowMs };
}

export function nodeUsage(before: NodeSample, after: NodeSample): Usage | undefined {
  if (before.node === undefined || after.node === undefined) return undefined;
  return usageBetween(before.node, after.node);
}

/** Undefined unless every container of the pod can be told of. The shortest window and its end stand for the pod. */
export function podUsage(key: string, before: NodeSample, after: NodeSample): PodUsage | undefined {
  const containers: PodUsage['containers'] = [];
  let earliest: Usage | undefined;
  for (const [name, sample] of after.pods.get(key) ?? []) {
    const usage = containerUsage(before.pods.get(key)?.get(name), sample);
    if (usage === undefined) return undefined;
    containers.push({ name, usage });
    if (earliest === undefined || usage.timestampMs < earliest.timestampMs) earliest = usage;
  }
  if (earliest === undefined) return undefined;
  return { timestampMs: earliest.timestampMs, windowMs: earliest.windowMs, containers };
}

function containerUsage(before: ContainerSample | undefined, after: ContainerSample): Usage | undefined {
  const isSame = before !== undefined && !(after.startedAtMs > before.timestampMs);
  if (isSame) return usageBetween(before, after);
  const lifeMs = after.timestampMs - after.startedAtMs;
  if (!(lifeMs >= MIN_LIFE_MS && lifeMs < RESOLUTION_MS)) return undefined;
  return usageBetween({ cpuNs: 0, memoryBytes: 0, timestampMs: after.startedAtMs }, after);
}
