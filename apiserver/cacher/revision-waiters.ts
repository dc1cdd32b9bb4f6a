/** Who waits until the cache is at a revision, or until his time is over. */
import type { Clock } from '../../base/clock.ts';

interface Waiter {
  revision: number;
  reach: () => void;
}

export class RevisionWaiters {
  readonly #clock: Clock;
  readonly #waiting = new Set<Waiter>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** False when `revision` is not reached within `timeoutMs`: it may never be, so that nothing of the wait stays. */
  wait(revision: number, timeoutMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const waiter: Waiter = {
        revision,
        reach: () => {
          cancel();
          resolve(true);
        },
      };
      const cancel = this.#clock.setTimeout(() => {
        this.#waiting.delete(waiter);
        resolve(false);
      }, timeoutMs);
      this.#waiting.add(waiter);
    });
  }

  /** The cache has come to `revision`. */
  reached(revision: number): void {
    for (const waiter of this.#waiting) {
      if (waiter.revision > revision) continue;
      this.#waiting.delete(waiter);
      waiter.reach();
    }
  }
}
