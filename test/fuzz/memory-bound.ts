/** That what a server took is given back when it is gone, over any number of servers. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Failure } from './invariants.ts';

const GROWTH_BYTES = 150 * 2 ** 20;
/** Caches and compiled code have their size by then. */
const EPISODES_TO_SETTLE = 3;

export class MemoryBound {
  readonly #collect: () => void;
  #episodes = 0;
  #settled = 0;

  constructor() {
    setFlagsFromString('--expose_gc');
    this.#collect = runInNewContext('gc') as () => void;
  }

  /** After each server; undefined: all is well. */
  check(): Failure | undefined {
    this.#collect();
    const { heapUsed, external } = process.memoryUsage();
    const used = heapUsed + external;
    if (++this.#episodes <= EPISODES_TO_SETTLE) this.#settled = used;
    if (used <= this.#settled + GROWTH_BYTES) return undefined;
    const mebibytes = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MiB`;
    return {
      what: 'memory',
      detail: `${mebibytes(used)} after ${this.#episodes} servers, ${mebibytes(this.#settled)} after the first`,
    };
  }
}
