/**
 * Nodes that wait for their turn, at a rate that may change (upstream `RateLimitedTimedQueue`). Driven by the times that
 * it is told; a clock that is set back or forward makes nobody wait longer, and lets one pass at most.
 */
export class EvictionQueue {
  readonly #waiting = new Set<string>();
  #intervalMs: number;
  /** When the next may pass; `Infinity` while nobody may. */
  #nextMs = -Infinity;

  /** The first one passes at once. */
  constructor(ratePerSecond: number) {
    this.#intervalMs = intervalOf(ratePerSecond);
    if (this.#intervalMs === Infinity) this.#nextMs = Infinity;
  }

  /** A rate of 0 stops it. Who would have had to wait at the old rate waits a whole time of the new one. */
  setRate(ratePerSecond: number, nowMs: number): void {
    const intervalMs = intervalOf(ratePerSecond);
    if (intervalMs === this.#intervalMs) return;
    const isOpen = this.#waitMs(nowMs) <= 0;
    this.#intervalMs = intervalMs;
    this.#nextMs = isOpen && intervalMs !== Infinity ? nowMs : nowMs + intervalMs;
  }

  /** Behind all that wait; who waits keeps the place. */
  add(name: string): void {
    this.#waiting.add(name);
  }

  remove(name: string): void {
    this.#waiting.delete(name);
  }

  /** Whose turn it is now, out of the queue: one at a time. */
  take(nowMs: number): string | undefined {
    const [first] = this.#waiting;
    if (first === undefined || this.#waitMs(nowMs) > 0) return undefined;
    this.#waiting.delete(first);
    this.#nextMs = nowMs + this.#intervalMs;
    return first;
  }

  /** Until the first of those that wait may pass. */
  waitMs(nowMs: number): number {
    return this.#waiting.size === 0 ? Infinity : Math.max(0, this.#waitMs(nowMs));
  }

  #waitMs(nowMs: number): number {
    if (this.#nextMs !== Infinity) this.#nextMs = Math.min(this.#nextMs, nowMs + this.#intervalMs);
    return this.#nextMs - nowMs;
  }
}

function intervalOf(ratePerSecond: number): number {
  return ratePerSecond > 0 ? 1_000 / ratePerSecond : Infinity;
}
