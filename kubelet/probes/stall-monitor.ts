/**
 * Measures when this process could not act: a timer that comes late tells for how long the event loop stood still. A
 * probe that spans such a stall says nothing about the container.
 */
import type { Clock } from '../../base/clock.ts';

const PERIOD_MS = 50;
const KEPT = 100;
/** Shorter ones are ordinary. */
const MIN_STALL_MS = 50;

export class StallMonitor {
  readonly #clock: Clock;
  readonly #stalls: { startMs: number; endMs: number }[] = [];
  #lastMs = 0;
  /** What is measured at the moment; the timer runs while there is any. */
  #measured = 0;
  #cancelTimer: () => void = () => undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How long the loop stood still while `act` was under way. */
  async during<T>(act: () => Promise<T>): Promise<{ result: T; stalledMs: number }> {
    const startMs = this.#clock.monotonicMs();
    if (this.#measured++ === 0) {
      this.#lastMs = startMs;
      this.#cancelTimer = this.#clock.setInterval(() => this.#tick(), PERIOD_MS);
    }
    try {
      const result = await act();
      return { result, stalledMs: this.#stalledMs(startMs, this.#clock.monotonicMs()) };
    } finally {
      if (--this.#measured === 0) this.#cancelTimer();
    }
  }

  #tick(): void {
    const nowMs = this.#clock.monotonicMs();
    const lateMs = nowMs - this.#lastMs - PERIOD_MS;
    if (lateMs >= MIN_STALL_MS) {
      this.#stalls.push({ startMs: this.#lastMs + PERIOD_MS, endMs: nowMs });
      if (this.#stalls.length > KEPT) this.#stalls.shift();
    }
    this.#lastMs = nowMs;
  }

  /** How long the loop stood still between two monotonic times, all stalls together. */
  #stalledMs(fromMs: number, toMs: number): number {
    // The stall that is just over may be seen here before the timer sees it.
    const current = { startMs: this.#lastMs + PERIOD_MS, endMs: this.#clock.monotonicMs() };
    const all = current.endMs - current.startMs >= MIN_STALL_MS ? [...this.#stalls, current] : this.#stalls;
    return all.reduce(
      (sum, { startMs, endMs }) => sum + Math.max(0, Math.min(endMs, toMs) - Math.max(startMs, fromMs)),
      0,
    );
  }
}
