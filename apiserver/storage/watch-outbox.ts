/** The bounded queue between commits and one watcher: filled without waiting, cut off when it runs over. */
import { StorageError } from './storage.ts';
import type { StorageEvent, WatchOptions } from './storage.ts';

const DEFAULT_MAX_QUEUED = 10_000;

export class WatchOutbox {
  readonly #prefix: string;
  readonly #maxQueued: number;
  #batches: StorageEvent[][] = [];
  #queued = 0;
  #ended = false;
  #error: StorageError | undefined;
  #wake: (() => void) | undefined;

  constructor(options: Pick<WatchOptions, 'prefix' | 'maxQueued'>) {
    this.#prefix = options.prefix;
    this.#maxQueued = options.maxQueued ?? DEFAULT_MAX_QUEUED;
  }

  /** Queues the events of the prefix. A watcher that falls too far behind is ended and what it had queued dropped. */
  push(events: StorageEvent[]): void {
    if (this.#ended) return;
    const matches = (event: StorageEvent): boolean => event.key.startsWith(this.#prefix);
    // Most watchers want everything; they share one array.
    const batch = events.every(matches) ? events : events.filter(matches);
    if (batch.length === 0) return;
    this.#batches.push(batch);
    this.#queued += batch.length;
    if (this.#queued > this.#maxQueued) {
      const message = `watcher of ${this.#prefix} fell more than ${this.#maxQueued} events behind`;
      this.#batches = [];
      this.end(new StorageError('slow-watcher', message));
    }
    this.#wake?.();
  }

  /** After what is queued, the watch ends: with the error, or normally. */
  end(error?: StorageError): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    this.#wake?.();
  }

  /** Ends the watch normally and drops what is queued. */
  abort(): void {
    this.#batches = [];
    this.end();
  }

  /** The next batch; undefined when the watch ended normally. One caller at a time. */
  async next(): Promise<StorageEvent[] | undefined> {
    while (this.#batches.length === 0 && !this.#ended) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
    const batch = this.#batches.shift();
    if (batch !== undefined) this.#queued -= batch.length;
    else if (this.#error !== undefined) throw this.#error;
    return batch;
  }
}
