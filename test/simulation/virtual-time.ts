/**
 * Time that passes only when everything that could happen now has happened: timers of the whole control plane in one
 * queue, fired in order of time and then of setting, so that one seed has one history.
 */
import type { Clock } from '../../base/clock.ts';
import { Heap } from '../../scheduler/heap.ts';

interface Timer {
  dueMs: number;
  order: number;
  callback: () => void;
}

const START_MS = Date.UTC(2026, 0, 1);

export class VirtualTime {
  #elapsedMs = 0;
  #order = 0;
  readonly #timers = new Heap<Timer>({ keyOf, less: isBefore });

  /** Since the start. */
  get elapsedMs(): number {
    return this.#elapsedMs;
  }

  /** The time of day where no clock has been set. */
  get nowMs(): number {
    return START_MS + this.#elapsedMs;
  }

  setTimeout(callback: () => void, delayMs: number): () => void {
    const delay = Number.isFinite(delayMs) ? Math.max(0, delayMs) : 0;
    const timer: Timer = { dueMs: this.#elapsedMs + delay, order: this.#order++, callback };
    this.#timers.set(timer);
    return () => void this.#timers.delete(keyOf(timer));
  }

  /**
   * Fires what falls due until `endMs` after the start, and calls `afterEach` whenever all is quiet. False when that
   * would take more than `maxSteps` timers.
   */
  async runUntil(
    { endMs, maxSteps = Infinity }: { endMs: number; maxSteps?: number },
    afterEach: () => void = () => undefined,
  ): Promise<boolean> {
    let steps = 0;
    await settle();
    for (let next = this.#timers.peek(); next !== undefined && next.dueMs <= endMs; next = this.#timers.peek()) {
      if (++steps > maxSteps) return false;
      this.#timers.pop();
      this.#elapsedMs = Math.max(this.#elapsedMs, next.dueMs);
      next.callback();
      await settle();
      afterEach();
    }
    this.#elapsedMs = Math.max(this.#elapsedMs, endMs);
    return true;
  }

  /** Goes on until the promise settles; throws when that takes more than `limitMs`. */
  async runWhile(promise: Promise<unknown>, limitMs: number): Promise<void> {
    let isSettled = false;
    const note = (): void => void (isSettled = true);
    promise.then(note, note);
    const endMs = this.#elapsedMs + limitMs;
    await settle();
    while (!isSettled) {
      const next = this.#timers.peek();
      if (next === undefined || next.dueMs > endMs) throw new Error(`nothing more happens within ${limitMs} ms`);
      await this.runUntil({ endMs: next.dueMs });
    }
  }
}

/** The clock of one machine: it can be set, its monotonic time cannot. */
export class MachineClock implements Clock {
  readonly #time: VirtualTime;
  /** How far its time of day is off. */
  offsetMs = 0;

  constructor(time: VirtualTime) {
    this.#time = time;
  }

  now(): number {
    return this.#time.nowMs + this.offsetMs;
  }

  monotonicMs(): number {
    return this.#time.elapsedMs;
  }

  setTimeout(callback: () => void, delayMs: number): () => void {
    return this.#time.setTimeout(callback, delayMs);
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
}

/**
 * Everything in process and in memory takes microtasks, which all run before an immediate does; what gives way to
 * others (`setImmediate`) has its turn in the second.
 */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve));
}

function keyOf({ order }: Timer): string {
  return String(order);
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order);
}
