/**
 * Scores of a node by what would be in use of it with the pod (`plugins/noderesources/resource_allocation.go`,
 * `least_allocated.go`, `most_allocated.go`, `requested_to_capacity_ratio.go`).
 */
import { MAX_NODE_SCORE } from './framework.ts';
import { ALLOCATABLE_CPU, ALLOCATABLE_MEMORY, NON_ZERO_CPU, NON_ZERO_MEMORY } from './node-info.ts';
import type { NodeInfo } from './node-info.ts';
import { weightOf } from './plugin-args.ts';
import type { ResourceSpec, ScoringStrategy, UtilizationShapePoint } from './plugin-args.ts';
import type { PodInfo } from './pod-info.ts';
import { amountIn, isScalarResource } from './resource.ts';

/** The highest score of a point in a `RequestedToCapacityRatio` shape (`MaxCustomPriorityScore`). */
const MAX_SHAPE_SCORE = 10;

export const CPU_AND_MEMORY: readonly ResourceSpec[] = [{ name: 'cpu' }, { name: 'memory' }];

/** Of one resource: what the node has, what the pods on it take, what the pod adds. */
export interface Share {
  allocatable: number;
  requested: number;
  wanted: number;
}

export type AllocationScore = (podInfo: PodInfo, node: NodeInfo) => number;

/** Pods that ask for no cpu or memory count with the defaults for such pods, so that these spread too. */
export function allocationScore(strategy: ScoringStrategy = {}): AllocationScore {
  const { type = 'LeastAllocated' } = strategy;
  const listed = strategy.resources ?? [];
  const specs = listed.length === 0 ? CPU_AND_MEMORY : listed;
  const resources = specs.map((spec) => ({ name: spec.name, weight: weightOf(spec) }));
  if (type === 'RequestedToCapacityRatio') {
    return ratioScore(resources, shapeFunction(strategy.requestedToCapacityRatio?.shape ?? []));
  }
  const scoreOf = type === 'MostAllocated' ? mostAllocated : leastAllocated;
  if (listed.length === 0) return (podInfo, node) => scoreOfTwo(scoreOf, podInfo, node);
  return (podInfo, node) => {
    let sum = 0;
    let weights = 0;
    for (const { name, weight } of resources) {
      const share = filledShareOf(name, podInfo, node);
      if (share.allocatable === 0) continue;
      sum += weight * scoreOf(share.requested + share.wanted, share.allocatable);
      weights += weight;
    }
    return weights === 0 ? 0 : Math.floor(sum / weights);
  };
}

/** Of cpu and memory, as for any resources, but without an object for each of them: it is asked for every node. */
function scoreOfTwo(scoreOf: typeof leastAllocated, { nonZero: wanted }: PodInfo, { room }: NodeInfo): number {
  const milliCpu = room[ALLOCATABLE_CPU]!;
  const memory = room[ALLOCATABLE_MEMORY]!;
  const cpuScore = milliCpu === 0 ? 0 : scoreOf(room[NON_ZERO_CPU]! + wanted.milliCpu, milliCpu);
  const memoryScore = memory === 0 ? 0 : scoreOf(room[NON_ZERO_MEMORY]! + wanted.memory, memory);
  return milliCpu === 0 || memory === 0 ? cpuScore + memoryScore : Math.floor((cpuScore + memoryScore) / 2);
}

/** Requests as they are. A scalar resource that the pod does not ask for is as if the node had none of it. */
export function shareOf(name: string, { requests }: PodInfo, node: NodeInfo): Share {
  const wanted = amountIn(requests, name);
  if (wanted === 0 && isScalarResource(name)) return { allocatable: 0, requested: 0, wanted };
  return { allocatable: amountIn(node.allocatable, name), requested: amountIn(node.requested, name), wanted };
}

function filledShareOf(name: string, podInfo: PodInfo, node: NodeInfo): Share {
  if (name === 'cpu') {
    const { milliCpu } = node.nonZero;
    return { allocatable: node.allocatable.milliCpu, requested: milliCpu, wanted: podInfo.nonZero.milliCpu };
  }
  if (name === 'memory') {
    const { memory } = node.nonZero;
    return { allocatable: node.allocatable.memory, requested: memory, wanted: podInfo.nonZero.memory };
  }
  return shareOf(name, podInfo, node);
}

function leastAllocated(requested: number, allocatable: number): number {
  if (requested > allocatable) return 0;
  return Math.floor(((allocatable - requested) * MAX_NODE_SCORE) / allocatable);
}

function mostAllocated(requested: number, allocatable: number): number {
  return Math.floor((Math.min(requested, allocatable) * MAX_NODE_SCORE) / allocatable);
}

/** Resources that score nothing do not count, not even by their weight. */
function ratioScore(
  resources: readonly Required<ResourceSpec>[],
  scoreOf: (utilization: number) => number,
): AllocationScore {
  return (podInfo, node) => {
    let sum = 0;
    let weights = 0;
    for (const { name, weight } of resources) {
      const { allocatable, requested, wanted } = filledShareOf(name, podInfo, node);
      if (allocatable === 0) continue;
      const score = scoreOf(Math.floor((Math.min(requested + wanted, allocatable) * 100) / allocatable));
      if (score <= 0) continue;
      sum += weight * score;
      weights += weight;
    }
    return weights === 0 ? 0 : Math.round(sum / weights);
  };
}

/** The line through the points, level before the first and after the last; in node scores. */
export function shapeFunction(shape: readonly UtilizationShapePoint[]): (utilization: number) => number {
  const scale = MAX_NODE_SCORE / MAX_SHAPE_SCORE;
  const points = shape.map(({ utilization, score }) => ({ utilization, score: score * scale }));
  return (utilization) => {
    const next = points.findIndex((point) => utilization <= point.utilization);
    if (next === -1) return points.at(-1)?.score ?? 0;
    const to = points[next]!;
    if (next === 0) return to.score;
    const from = points[next - 1]!;
    const run = to.utilization - from.utilization;
    return from.score + Math.trunc(((to.score - from.score) * (utilization - from.utilization)) / run);
  };
}
