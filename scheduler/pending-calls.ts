/** Calls to the API that nobody waits for, counted and bounded. */

export class PendingCalls {
  readonly #limit: number;
  readonly #calls = new Set<Promise<void>>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  get isFull(): boolean {
    return this.#calls.size >= this.#limit;
  }

  /** `call` must not reject. */
  track(call: Promise<void>): void {
    const tracked = call.finally(() => this.#calls.delete(tracked));
    this.#calls.add(tracked);
  }

  /** Resolves when one more call may be made. */
  async room(): Promise<void> {
    while (this.isFull) await Promise.race(this.#calls);
  }

  async allDone(): Promise<void> {
    await Promise.all(this.#calls);
  }
}
