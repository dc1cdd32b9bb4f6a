/** For tests: a clock that stands still until it is told to go on. */
import type { Clock } from '../base/clock.ts';

interface Timer {
  dueMs: number;
  callback: () => void;
}

export class ManualClock implements Clock {
  #nowMs: number;
  #timers = new Set<Timer>();

  constructor(startMs = Date.UTC(2026, 0, 1)) {
    this.#nowMs = startMs;
  }

  now(): number {
    return this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  /** How many timers wait. */
  get pending(): number {
    return this.#timers.size;
  }

  setTimeout(callback: () => void, delayMs: number): () => void {
    const timer: Timer = { dueMs: this.#nowMs + Math.max(0, delayMs), callback };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  setInterval(callback: () => void, periodMs: number): () => void {
    let cancel = (): void => undefined;
    const arm = (): void => {
      cancel = this.setTimeout(() => {
        arm();
        callback();
      }, periodMs);
    };
    arm();
    return () => cancel();
  }

  /** Moves on, firing what falls due in order of time. */
  advance(durationMs: number): void {
    const endMs = this.#nowMs + durationMs;
    for (let timer = this.#nextBefore(endMs); timer !== undefined; timer = this.#nextBefore(endMs)) {
      this.#fire(timer);
    }
    this.#nowMs = endMs;
  }

  /** Moves on and lets promises settle after every timer. */
  async run(durationMs: number): Promise<void> {
    const endMs = this.#nowMs + durationMs;
    await settle();
    for (let timer = this.#nextBefore(endMs); timer !== undefined; timer = this.#nextBefore(endMs)) {
      this.#fire(timer);
      await settle();
    }
    this.#nowMs = endMs;
    await settle();
  }

  #fire(timer: Timer): void {
    this.#timers.delete(timer);
    this.#nowMs = Math.max(this.#nowMs, timer.dueMs);
    timer.callback();
  }

  #nextBefore(endMs: number): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.dueMs <= endMs && (next === undefined || timer.dueMs < next.dueMs)) next = timer;
    }
    return next;
  }
}

/** Lets everything run that waits for nothing but its turn. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}
