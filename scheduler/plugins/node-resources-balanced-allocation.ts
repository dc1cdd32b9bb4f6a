/**
 * NodeResourcesBalancedAllocation: favours nodes whose shares of cpu and memory in use come closer to each other by
 * the pod (`plugins/noderesources/balanced_allocation.go`).
 */
import { MAX_NODE_SCORE } from '../framework.ts';
import type { Plugin } from '../framework.ts';
import type { Resource } from '../resource.ts';

type Amounts = Pick<Resource, 'milliCpu' | 'memory'>;

export const nodeResourcesBalancedAllocation: Plugin = {
  name: 'NodeResourcesBalancedAllocation',
  // Pods that ask for nothing change no balance, and would all go to one node.
  preScore: ({ podInfo: { requests } }) => (requests.milliCpu === 0 && requests.memory === 0 ? 'skip' : undefined),
  score({ podInfo: { requests } }, { requested, allocatable }) {
    const without = balance(requested, allocatable);
    const withPod = balance(
      { milliCpu: requested.milliCpu + requests.milliCpu, memory: requested.memory + requests.memory },
      allocatable,
    );
    const half = MAX_NODE_SCORE / 2;
    return half + Math.floor((half + withPod - without) / 2);
  },
};

/** 100 when the shares are equal, 50 when one is full and the other empty. */
export function balance(requested: Amounts, allocatable: Amounts): number {
  if (allocatable.milliCpu === 0 || allocatable.memory === 0) return MAX_NODE_SCORE;
  const cpu = Math.min(requested.milliCpu / allocatable.milliCpu, 1);
  const memory = Math.min(requested.memory / allocatable.memory, 1);
  return Math.trunc((1 - Math.abs(cpu - memory) / 2) * MAX_NODE_SCORE);
}
