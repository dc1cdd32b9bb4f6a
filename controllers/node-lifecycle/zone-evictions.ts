/** Which nodes' pods may be told to leave, by how the zones are: what one run of the controller knows of that. */
import type { Node } from '../../api/core/v1/node.ts';
import { EvictionQueue } from './eviction-queue.ts';
import type { Disruption, EvictionLimits } from './zone-state.ts';
import { countZones, disruptionOf, zoneOf } from './zone-state.ts';

/** `NodeEvictionPeriod` */
const SHORTEST_WAIT_MS = 100;

interface Waiting {
  zone: string;
  /** It was its turn. */
  mayGo: boolean;
  /** The look after which it came. */
  since: number;
}

export interface ZoneLook {
  present: readonly Node[];
  nowMs: number;
}

export class ZoneEvictions {
  readonly #limits: EvictionLimits;
  readonly #queues = new Map<string, EvictionQueue>();
  readonly #waiting = new Map<string, Waiting>();
  #disruption: Disruption = { states: new Map(), rates: new Map(), isTotal: false };
  #looks = 0;

  constructor(limits: EvictionLimits) {
    this.#limits = limits;
  }

  /** Looks at all nodes; gives what was known before and what is now. */
  look({ present, nowMs }: ZoneLook): { before: Disruption; now: Disruption } {
    const before = this.#disruption;
    const now = disruptionOf(countZones(present), this.#limits);
    this.#disruption = now;
    this.#looks += 1;
    if (now.isTotal) for (const name of this.#waiting.keys()) this.forget(name);
    for (const zone of this.#queues.keys()) {
      if (!now.rates.has(zone)) this.#queues.delete(zone);
    }
    for (const [zone, rate] of now.rates) this.#queueOf(zone).setRate(rate, nowMs);
    return { before, now };
  }

  get isTotal(): boolean {
    return this.#disruption.isTotal;
  }

  /**
   * Whether it is the turn of a node that is not ready, and has been through a look at all nodes; until then, it
   * waits. The turn stays the node's until it is forgotten.
   */
  isTurnOf(node: Node, nowMs: number): boolean {
    const name = node.metadata.name!;
    const zone = zoneOf(node);
    if (this.#waiting.get(name)?.zone !== zone) this.forget(name);
    const own = this.#waiting.get(name) ?? { zone, mayGo: false, since: this.#looks };
    this.#waiting.set(name, own);
    if (this.isTotal || own.mayGo) return own.mayGo;
    if (this.#looks === own.since) return false;
    const queue = this.#queueOf(zone);
    queue.add(name);
    for (let next = queue.take(nowMs); next !== undefined; next = queue.take(nowMs)) {
      const waiting = this.#waiting.get(next);
      if (waiting !== undefined) waiting.mayGo = true;
    }
    return own.mayGo;
  }

  /** It is well, gone, or told to leave already. */
  forget(name: string): void {
    const waiting = this.#waiting.get(name);
    if (waiting !== undefined) this.#queues.get(waiting.zone)?.remove(name);
    this.#waiting.delete(name);
  }

  /** When to ask for the node again, if not sooner for another reason; `Infinity` for one that does not wait. */
  waitMs(name: string, nowMs: number): number {
    const waiting = this.#waiting.get(name);
    if (waiting === undefined || waiting.mayGo) return Infinity;
    return Math.max(SHORTEST_WAIT_MS, this.#queues.get(waiting.zone)?.waitMs(nowMs) ?? Infinity);
  }

  #queueOf(zone: string): EvictionQueue {
    let queue = this.#queues.get(zone);
    if (queue === undefined) {
      queue = new EvictionQueue(this.#disruption.rates.get(zone) ?? this.#limits.rate);
      this.#queues.set(zone, queue);
    }
    return queue;
  }
}
