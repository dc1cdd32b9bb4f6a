/** Delivers events in order in the background: bounded, retried for a while, never a concern of who records them. */
import { ApiError } from '../api/machinery/errors.ts';
import { sleep } from '../base/clock.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';

export interface EventQueueOptions {
  clock: Clock;
  log: Logger;
}

/** Numbers of client-go `tools/record/event.go`. */
const MAX_QUEUED = 1_000;
const MAX_TRIES = 12;
const RETRY_MS = 10_000;

export class EventQueue {
  readonly #options: EventQueueOptions;
  readonly #sends: (() => Promise<void>)[] = [];
  #draining: Promise<void> | undefined;
  #dropped = 0;

  constructor(options: EventQueueOptions) {
    this.#options = options;
  }

  /** Sends later, after what was pushed before; drops it when too much waits. Never throws. */
  push(send: () => Promise<void>): void {
    if (this.#sends.length >= MAX_QUEUED) {
      // One line a storm, not one an event.
      if (this.#dropped++ === 0) this.#options.log.warn('events are dropped: too many wait to be sent');
      return;
    }
    this.#sends.push(send);
    this.#draining ??= this.#drain();
  }

  /** Resolves when all that was pushed so far has been sent or given up. */
  async flush(): Promise<void> {
    await this.#draining;
  }

  async #drain(): Promise<void> {
    // The caller goes on first: sending may call into the server at once.
    await Promise.resolve();
    for (let send = this.#sends.shift(); send !== undefined; send = this.#sends.shift()) await this.#deliver(send);
    if (this.#dropped > 0) this.#options.log.warn('events were dropped', { count: this.#dropped });
    this.#dropped = 0;
    this.#draining = undefined;
  }

  async #deliver(send: () => Promise<void>): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        await send();
        return;
      } catch (error) {
        if (!isTransient(error) || tries === MAX_TRIES) {
          this.#options.log.debug('an event was not recorded', { error: String(error) });
          return;
        }
      }
      await sleep(this.#options.clock, RETRY_MS);
    }
  }
}

/** A refusal is final; trouble on the way is not. */
function isTransient(error: unknown): boolean {
  return error instanceof ApiError && (error.code === 429 || error.code === 503 || error.code === 504);
}
