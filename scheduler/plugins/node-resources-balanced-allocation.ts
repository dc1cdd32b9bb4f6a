/**
 * NodeResourcesBalancedAllocation: favours nodes whose shares of each resource in use come closer to each other by the
 * pod (`plugins/noderesources/balanced_allocation.go`).
 */
import { MAX_NODE_SCORE } from '../framework.ts';
import type { Plugin } from '../framework.ts';
import type { NodeResourcesBalancedAllocationArgs } from '../plugin-args.ts';
import { CPU_AND_MEMORY, shareOf } from '../resource-allocation.ts';
import { amountIn } from '../resource.ts';

export function nodeResourcesBalancedAllocation(args: NodeResourcesBalancedAllocationArgs = {}): Plugin {
  const listed = args.resources ?? [];
  const names = (listed.length === 0 ? CPU_AND_MEMORY : listed).map(({ name }) => name);
  return {
    name: 'NodeResourcesBalancedAllocation',
    // Pods that ask for nothing change no balance, and would all go to one node.
    preScore: ({ podInfo: { requests } }) =>
      names.every((name) => amountIn(requests, name) === 0) ? 'skip' : undefined,
    score({ podInfo }, node) {
      const without: number[] = [];
      const withPod: number[] = [];
      for (const name of names) {
        const { allocatable, requested, wanted } = shareOf(name, podInfo, node);
        if (allocatable === 0) continue;
        without.push(Math.min(requested / allocatable, 1));
        withPod.push(Math.min((requested + wanted) / allocatable, 1));
      }
      const half = MAX_NODE_SCORE / 2;
      return half + Math.trunc((half + balance(withPod) - balance(without)) / 2);
    },
  };
}

/** 100 when the shares are equal; less by their standard deviation. */
export function balance(shares: readonly number[]): number {
  return Math.trunc((1 - standardDeviation(shares)) * MAX_NODE_SCORE);
}

function standardDeviation(shares: readonly number[]): number {
  // The formula of two gives the same but for its rounding.
  if (shares.length === 2) return Math.abs((shares[0]! - shares[1]!) / 2);
  if (shares.length < 2) return 0;
  const mean = shares.reduce((sum, share) => sum + share, 0) / shares.length;
  const squares = shares.reduce((sum, share) => sum + (share - mean) * (share - mean), 0);
  return Math.sqrt(squares / shares.length);
}
