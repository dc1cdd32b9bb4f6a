/**
 * NodeResourcesBalancedAllocation: favours nodes whose shares of each resource in use come closer to each other by the
 * pod (`plugins/noderesources/balanced_allocation.go`).
 */
import { MAX_NODE_SCORE } from '../framework.ts';
import type { Plugin } from '../framework.ts';
import { ALLOCATABLE_CPU, ALLOCATABLE_MEMORY, FREE_CPU, FREE_MEMORY } from '../node-info.ts';
import type { NodeInfo } from '../node-info.ts';
import type { NodeResourcesBalancedAllocationArgs } from '../plugin-args.ts';
import type { PodInfo } from '../pod-info.ts';
import { CPU_AND_MEMORY, shareOf } from '../resource-allocation.ts';
import { amountIn } from '../resource.ts';

const DEFAULT_NAMES: readonly string[] = CPU_AND_MEMORY.map(({ name }) => name);

export function nodeResourcesBalancedAllocation(args: NodeResourcesBalancedAllocationArgs = {}): Plugin {
  const listed = args.resources ?? [];
  const names = listed.length === 0 ? DEFAULT_NAMES : listed.map(({ name }) => name);
  return {
    name: 'NodeResourcesBalancedAllocation',
    // Pods that ask for nothing change no balance, and would all go to one node.
    preScore: ({ podInfo: { requests } }) =>
      names.every((name) => amountIn(requests, name) === 0) ? 'skip' : undefined,
    score({ podInfo }, node) {
      if (names === DEFAULT_NAMES) return scoreOfTwo(podInfo, node);
      const without: number[] = [];
      const withPod: number[] = [];
      for (const name of names) {
        const { allocatable, requested, wanted } = shareOf(name, podInfo, node);
        if (allocatable === 0) continue;
        without.push(Math.min(requested / allocatable, 1));
        withPod.push(Math.min((requested + wanted) / allocatable, 1));
      }
      return gain(balance(without), balance(withPod));
    },
  };
}

function gain(without: number, withPod: number): number {
  const half = MAX_NODE_SCORE / 2;
  return half + Math.trunc((half + withPod - without) / 2);
}

/** Of cpu and memory, as for any resources, but without a list for each node. */
function scoreOfTwo({ requests }: PodInfo, { room }: NodeInfo): number {
  const cpu = room[ALLOCATABLE_CPU]!;
  const memory = room[ALLOCATABLE_MEMORY]!;
  // Of one resource alone, or none, the balance is perfect.
  if (cpu === 0 || memory === 0) return gain(MAX_NODE_SCORE, MAX_NODE_SCORE);
  const [usedCpu, usedMemory] = [cpu - room[FREE_CPU]!, memory - room[FREE_MEMORY]!];
  const before = distance(usedCpu / cpu, usedMemory / memory);
  const after = distance((usedCpu + requests.milliCpu) / cpu, (usedMemory + requests.memory) / memory);
  return gain(Math.trunc((1 - before) * MAX_NODE_SCORE), Math.trunc((1 - after) * MAX_NODE_SCORE));
}

/** The standard deviation of two shares. */
function distance(a: number, b: number): number {
  return Math.abs((Math.min(a, 1) - Math.min(b, 1)) / 2);
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
