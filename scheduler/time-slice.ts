/**
 * Lets a long computation share the thread: it asks now and then whether its time is up, and gives way if so.
 * A slice begins when the last one gave way: waits that others end within the same turn are part of it.
 */
import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../base/clock.ts';

export class TimeSlice {
  readonly #clock: Clock;
  readonly #lengthMs: number;
  #startMs: number;

  constructor(clock: Clock, lengthMs: number) {
    this.#clock = clock;
    this.#lengthMs = lengthMs;
    this.#startMs = clock.monotonicMs();
  }

  get isOver(): boolean {
    return this.#clock.monotonicMs() - this.#startMs >= this.#lengthMs;
  }

  /** Everyone else on the event loop has a turn; then a new slice begins. */
  async giveWay(): Promise<void> {
    await setImmediate();
    this.#startMs = this.#clock.monotonicMs();
  }
}
