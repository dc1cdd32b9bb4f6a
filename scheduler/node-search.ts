/**
 * Finds the node for one pod: filters nodes until enough of them fit, asks extenders, scores what is left, takes the best
 * (`pkg/scheduler/schedule_one.go schedulePod`).
 */
import type { Random } from '../base/random.ts';
import { EXTENDER_NAME } from './extender-chain.ts';
import type { ExtenderChain } from './extender-chain.ts';
import type { Diagnosis } from './fit-error.ts';
import type { Cycle, PluginRejection } from './framework.ts';
import type { NodeInfo } from './node-info.ts';
import { nominatedNodeOf } from './nominated-pods.ts';
import { formatNames } from './plugin-runner.ts';
import type { PluginRunner } from './plugin-runner.ts';
import type { TimeSlice } from './time-slice.ts';

export type SearchResult =
  { type: 'found'; nodeName: string } | { type: 'noNodes' } | { type: 'unfit'; diagnosis: Diagnosis };

export interface NodeSearchOptions {
  runner: PluginRunner;
  random: Random;
  slice: TimeSlice;
  /** Default: none. */
  extenders?: ExtenderChain;
  /** 0: as many as `feasibleNodesToFind` says. */
  percentageOfNodesToScore?: number;
}

const MIN_FEASIBLE_NODES = 100;
const MIN_FEASIBLE_PERCENTAGE = 5;
const NODES_PER_LOOK = 32;
const NONE: ReadonlySet<string> = new Set();

interface Filtered {
  feasible: readonly NodeInfo[];
  rejections: ReadonlyMap<string, PluginRejection>;
}

/** Keeps where the last search ended, so that all nodes come first by turns. */
export class NodeSearch {
  readonly #options: NodeSearchOptions;
  #nextStart = 0;

  constructor(options: NodeSearchOptions) {
    this.#options = options;
  }

  /** Changes nothing. Throws what plugins and extenders throw. */
  async findNode(cycle: Cycle): Promise<SearchResult> {
    const { runner, slice, extenders } = this.#options;
    const { nodes } = cycle.snapshot;
    if (nodes.length === 0) return { type: 'noNodes' };
    const preFilter = runner.runPreFilter(cycle);
    if (preFilter.rejection !== undefined) return { type: 'unfit', diagnosis: rejectedOutright(cycle, preFilter) };
    const nominated = await this.#nominatedNode(cycle);
    if (nominated !== undefined) return { type: 'found', nodeName: nominated };
    const candidates = preFilter.nodeNames === undefined ? nodes : named(cycle, preFilter.nodeNames);
    const { feasible, rejections, isCut } = await this.#askExtenders(cycle, await this.#filter(cycle, candidates));
    if (feasible.length === 0) {
      const { narrowedBy } = preFilter;
      return { type: 'unfit', diagnosis: diagnosisOf({ cycle, rejections, narrowedBy, isCut }) };
    }
    if (feasible.length === 1) return { type: 'found', nodeName: feasible[0]!.name };
    const scores = await runner.runScore(cycle, feasible, slice);
    await extenders?.addScores(cycle.pod, feasible, scores);
    return { type: 'found', nodeName: feasible[this.#best(scores)]!.name };
  }

  /** The node that was made free for the pod, if it is (`evaluateNominatedNode`). */
  async #nominatedNode(cycle: Cycle): Promise<string | undefined> {
    const { runner, extenders } = this.#options;
    const name = nominatedNodeOf(cycle.pod);
    const node = name === '' ? undefined : cycle.snapshot.get(name);
    if (node === undefined || runner.runFilterWithNominated(cycle, node) !== undefined) return undefined;
    if (extenders === undefined) return name;
    try {
      const { feasible } = await extenders.filter(cycle.pod, [node]);
      return feasible.length === 0 ? undefined : name;
    } catch {
      // Who cannot be asked about this node is asked about all: what is wrong comes to light there.
      return undefined;
    }
  }

  /** About the nodes that the plugins have left. */
  async #askExtenders({ pod }: Cycle, { feasible, rejections }: Filtered): Promise<Filtered & { isCut: boolean }> {
    const { extenders } = this.#options;
    if (extenders === undefined || extenders.isEmpty) return { feasible, rejections, isCut: false };
    const verdict = await extenders.filter(pod, feasible);
    return {
      feasible: verdict.feasible,
      rejections: new Map([...rejections, ...verdict.rejections]),
      isCut: verdict.feasible.length < feasible.length,
    };
  }

  async #filter(cycle: Cycle, candidates: readonly NodeInfo[]): Promise<Filtered> {
    const { runner, slice, percentageOfNodesToScore } = this.#options;
    const wanted = feasibleNodesToFind(candidates.length, percentageOfNodesToScore);
    const feasible: NodeInfo[] = [];
    const rejections = new Map<string, PluginRejection>();
    const rejectionOf = runner.nodeFilter(cycle);
    for (let i = 0; i < candidates.length && feasible.length < wanted; i++) {
      if (i % NODES_PER_LOOK === 0 && slice.isOver) await slice.giveWay();
      const node = candidates[(this.#nextStart + i) % candidates.length]!;
      const rejection = rejectionOf(node);
      if (rejection === undefined) feasible.push(node);
      else if (rejection.code === 'Error') throw new Error(rejection.reasons.join(', '));
      else rejections.set(node.name, rejection);
    }
    this.#nextStart = (this.#nextStart + feasible.length + rejections.size) % cycle.snapshot.nodes.length;
    return { feasible, rejections };
  }

  /** Any one of the best, each as likely as the other. */
  #best(scores: readonly number[]): number {
    let best = 0;
    let equals = 1;
    for (let i = 1; i < scores.length; i++) {
      if (scores[i]! > scores[best]!) {
        best = i;
        equals = 1;
      } else if (scores[i] === scores[best]) {
        equals++;
        if (this.#options.random.float() * equals < 1) best = i;
      }
    }
    return best;
  }
}

/**
 * How many nodes that fit are enough to choose from (`numFeasibleNodesToFind`): all of up to 100, then a share that
 * falls from half of them to a twentieth, unless a share is given.
 */
export function feasibleNodesToFind(nodeCount: number, percentageOfNodesToScore = 0): number {
  if (nodeCount < MIN_FEASIBLE_NODES) return nodeCount;
  const adaptive = Math.max(50 - Math.floor(nodeCount / 125), MIN_FEASIBLE_PERCENTAGE);
  const percentage = percentageOfNodesToScore === 0 ? adaptive : percentageOfNodesToScore;
  return Math.max(Math.floor((nodeCount * percentage) / 100), MIN_FEASIBLE_NODES);
}

function named({ snapshot }: Cycle, names: ReadonlySet<string>): NodeInfo[] {
  return [...names].map((name) => snapshot.get(name)).filter((node) => node !== undefined);
}

function rejectedOutright({ snapshot }: Cycle, { rejection }: { rejection?: PluginRejection }): Diagnosis {
  return {
    nodeCount: snapshot.nodes.length,
    rejections: new Map(),
    ...(rejection === undefined ? {} : { preFilter: rejection }),
    rejectors: rejection === undefined ? NONE : new Set([rejection.plugin]),
  };
}

function diagnosisOf(found: {
  cycle: Cycle;
  rejections: ReadonlyMap<string, PluginRejection>;
  narrowedBy: ReadonlySet<string>;
  /** Whether extenders have left out nodes. */
  isCut: boolean;
}): Diagnosis {
  const { cycle, rejections, narrowedBy, isCut } = found;
  const rejectors = new Set(narrowedBy);
  for (const { plugin } of rejections.values()) rejectors.add(plugin);
  if (isCut) rejectors.add(EXTENDER_NAME);
  const absent =
    narrowedBy.size === 0 ? {} : { absentReason: `node(s) didn't satisfy plugin(s) ${formatNames(narrowedBy)}` };
  return { nodeCount: cycle.snapshot.nodes.length, rejections, rejectors, ...absent };
}
