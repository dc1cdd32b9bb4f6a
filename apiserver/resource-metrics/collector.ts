/**
 * Keeps the last two samples of every node, for as long as somebody asks (upstream's metrics-server scrapes every 15 s,
 * asked or not).
 *
 * Flow: a question → is there a pair, and is its later sample young? → else the nodes are asked once, all questions
 * that come meanwhile waiting for the same answer. The first question after a silence has nothing to compare with: it
 * waits for a second sample, a second later. Without questions nothing runs.
 */
import type { Node } from '../../api/core/v1/node.ts';
import type { Lister } from '../../api/machinery/handler.ts';
import type { Clock } from '../../base/clock.ts';
import { sleep } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { NodeSample } from './sample.ts';

/** Reads one node's usage now; rejects when the node cannot be asked. */
export type SampleSource = (node: Node, signal: AbortSignal) => Promise<NodeSample>;

export interface SamplePair {
  before: NodeSample;
  after: NodeSample;
}

/** By the node's name; nodes of which fewer than two samples are known are not there. */
export type Samples = ReadonlyMap<string, SamplePair>;

export interface CollectorOptions {
  nodes: Lister<Node>;
  source: SampleSource;
  clock: Clock;
  log: Logger;
}

/** Autoscalers ask every 15 s and are to get new figures each time. */
const FRESH_MS = 10_000;
/** Older samples say nothing of what is used now (metrics-server would have four). */
const COMPARABLE_MS = 60_000;
const FIRST_WINDOW_MS = 1_000;
const SCRAPE_TIMEOUT_MS = 10_000;
/** Nodes asked at the same time. */
const AT_ONCE = 32;

interface Round {
  takenMs: number;
  samples: Map<string, NodeSample>;
}

export class Collector {
  readonly #options: CollectorOptions;
  #before: Round | undefined;
  #after: Round | undefined;
  #running: Promise<void> | undefined;
  /** Nodes that could not be asked last time: it has been said. */
  readonly #failing = new Set<string>();

  constructor(options: CollectorOptions) {
    this.#options = options;
  }

  /** Never rejects for what nodes do: those that cannot be asked are missing. */
  async samples(): Promise<Samples> {
    if (!this.#isFresh()) await (this.#running ??= this.#collect().finally(() => (this.#running = undefined)));
    const pairs = new Map<string, SamplePair>();
    for (const [name, after] of this.#after?.samples ?? []) {
      const before = this.#before?.samples.get(name);
      if (before !== undefined) pairs.set(name, { before, after });
    }
    return pairs;
  }

  #ageMs(round: Round | undefined): number {
    return round === undefined ? Infinity : this.#options.clock.monotonicMs() - round.takenMs;
  }

  #isFresh(): boolean {
    return this.#before !== undefined && this.#ageMs(this.#after) < FRESH_MS;
  }

  async #collect(): Promise<void> {
    if (this.#ageMs(this.#after) > COMPARABLE_MS) {
      this.#after = await this.#scrapeAll();
      await sleep(this.#options.clock, FIRST_WINDOW_MS);
    }
    const next = await this.#scrapeAll();
    this.#before = this.#after;
    this.#after = next;
  }

  async #scrapeAll(): Promise<Round> {
    const { nodes, clock } = this.#options;
    const round: Round = { takenMs: clock.monotonicMs(), samples: new Map() };
    const waiting = nodes.list();
    const work = async (): Promise<void> => {
      for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
        const sample = await this.#scrape(node);
        if (sample !== undefined) round.samples.set(node.metadata.name!, sample);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    return round;
  }

  async #scrape(node: Node): Promise<NodeSample | undefined> {
    const { source, clock, log } = this.#options;
    const abort = new AbortController();
    const cancel = clock.setTimeout(() => abort.abort(), SCRAPE_TIMEOUT_MS);
    const name = node.metadata.name!;
    try {
      const sample = await source(node, abort.signal);
      this.#failing.delete(name);
      return sample;
    } catch (error) {
      const fields = { node: name, error: (error as Error).message };
      if (this.#failing.has(name)) log.debug('still cannot read what a node uses', fields);
      else log.warn('cannot read what a node uses', fields);
      this.#failing.add(name);
      return undefined;
    } finally {
      cancel();
    }
  }
}
