/**
 * Asks the extenders one after the other, each about what those before it have left, and puts up with those that may
 * fail (`pkg/scheduler/schedule_one.go findNodesThatPassExtenders, prioritizeNodes, extendersBinding`,
 * `framework/preemption/preemption.go callExtenders`).
 */
import type { Pod } from '../api/core/v1/pod.ts';
import type { Logger } from '../base/log.ts';
import { MAX_EXTENDER_SCORE } from './extender.ts';
import type { Extender, FilteredNodes } from './extender.ts';
import { MAX_NODE_SCORE } from './framework.ts';
import type { Cycle, PluginRejection } from './framework.ts';
import type { NodeInfo } from './node-info.ts';
import type { Candidate } from './plugins/default-preemption-victims.ts';

/** Stands for the extenders among the plugins that rejected a pod: any event may change their mind. */
export const EXTENDER_NAME = 'Extender';

export interface ExtendersVerdict {
  feasible: readonly NodeInfo[];
  /** Of the nodes that an extender gives a reason for; it may leave out others without a word. */
  rejections: ReadonlyMap<string, PluginRejection>;
}

export class ExtenderChain {
  readonly #extenders: readonly Extender[];
  readonly #log: Logger;

  constructor(extenders: readonly Extender[], log: Logger) {
    this.#extenders = extenders;
    this.#log = log;
  }

  get isEmpty(): boolean {
    return this.#extenders.length === 0;
  }

  /** Rejects when an extender fails that is not to be ignored. */
  async filter(pod: Pod, nodes: readonly NodeInfo[]): Promise<ExtendersVerdict> {
    let feasible = nodes;
    const rejections = new Map<string, PluginRejection>();
    for (const extender of this.#interestedIn(pod)) {
      if (feasible.length === 0) break;
      if (!extender.canFilter) continue;
      const asked = feasible;
      const result = await this.#unlessIgnorable(extender, () => extender.filter(pod, asked));
      if (result === undefined) continue;
      feasible = result.feasible;
      for (const [name, rejection] of rejectionsOf(asked, result)) rejections.set(name, rejection);
    }
    return { feasible, rejections };
  }

  /** Adds to the nodes' scores, in place, what the extenders give them; all are asked at once, and any may fail. */
  async addScores(pod: Pod, nodes: readonly NodeInfo[], totals: number[]): Promise<void> {
    const asked = this.#interestedIn(pod).filter(({ canPrioritize }) => canPrioritize);
    const answers = await Promise.allSettled(asked.map((extender) => extender.prioritize(pod, nodes)));
    for (const [i, answer] of answers.entries()) {
      const { name, weight } = asked[i]!;
      if (answer.status === 'rejected') {
        this.#log.debug('an extender has given no scores', { extender: name, error: String(answer.reason) });
        continue;
      }
      const factor = weight * (MAX_NODE_SCORE / MAX_EXTENDER_SCORE);
      for (const [n, node] of nodes.entries()) totals[n]! += (answer.value.get(node.name) ?? 0) * factor;
    }
  }

  /**
   * The candidates that are left. Rejects when an extender fails, or leaves a candidate without victims, and is not to
   * be ignored.
   */
  async preempt({ pod, snapshot }: Cycle, candidates: readonly Candidate[]): Promise<readonly Candidate[]> {
    let left = candidates;
    for (const extender of this.#interestedIn(pod)) {
      if (left.length === 0) break;
      if (!extender.canPreempt) continue;
      const asked = left;
      const result = await this.#unlessIgnorable(extender, () => extender.preempt(pod, asked, snapshot));
      if (result !== undefined) left = withVictims(extender, result);
    }
    return left;
  }

  /** `true` when an extender has bound the pod; `false` when that is for the plugins. */
  async bind(pod: Pod, nodeName: string): Promise<boolean> {
    for (const extender of this.#interestedIn(pod)) {
      if (!extender.canBind) continue;
      const bound = await this.#unlessIgnorable(extender, async () => {
        await extender.bind(pod, nodeName);
        return true;
      });
      if (bound === true) return true;
    }
    return false;
  }

  #interestedIn(pod: Pod): readonly Extender[] {
    return this.#extenders.filter((extender) => extender.isInterested(pod));
  }

  async #unlessIgnorable<T>({ name, isIgnorable }: Extender, ask: () => Promise<T>): Promise<T | undefined> {
    try {
      return await ask();
    } catch (error) {
      if (!isIgnorable) throw error;
      this.#log.info('an extender that may fail was passed over', { extender: name, error: String(error) });
      return undefined;
    }
  }
}

/** Of nodes that it was asked about and did not leave in. */
function rejectionsOf(
  asked: readonly NodeInfo[],
  { feasible, failed, unresolvable }: FilteredNodes,
): [string, PluginRejection][] {
  const left = new Set(feasible.map(({ name }) => name));
  return asked.flatMap(({ name }): [string, PluginRejection][] => {
    const final = unresolvable.get(name);
    const reason = final ?? failed.get(name);
    if (reason === undefined || left.has(name)) return [];
    const code = final === undefined ? 'Unschedulable' : 'UnschedulableAndUnresolvable';
    return [[name, { code, reasons: [reason], plugin: EXTENDER_NAME }]];
  });
}

function withVictims({ isIgnorable }: Extender, candidates: readonly Candidate[]): readonly Candidate[] {
  const empty = candidates.find(({ victims }) => victims.length === 0);
  if (empty !== undefined && !isIgnorable) {
    throw new Error(`expected at least one victim pod on node ${JSON.stringify(empty.nodeName)}`);
  }
  return candidates.filter(({ victims }) => victims.length > 0);
}
