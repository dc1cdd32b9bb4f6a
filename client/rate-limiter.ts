/** How long a failed item waits (client-go `util/workqueue/default_rate_limiters.go`), and a token bucket. */
import type { Clock } from '../base/clock.ts';

export interface RateLimiter<T> {
  /** Counts one failure of `item` and gives the delay before its next try. */
  nextDelayMs(item: T): number;
  forget(item: T): void;
  numRequeues(item: T): number;
}

/** `baseMs`, doubled with every failure of the same item, at most `maxMs`. */
export function exponentialRateLimiter<T>({ baseMs, maxMs }: { baseMs: number; maxMs: number }): RateLimiter<T> {
  const failures = new Map<T, number>();
  return {
    nextDelayMs(item) {
      const count = failures.get(item) ?? 0;
      failures.set(item, count + 1);
      return Math.min(baseMs * 2 ** count, maxMs);
    },
    forget(item) {
      failures.delete(item);
    },
    numRequeues: (item) => failures.get(item) ?? 0,
  };
}

export interface BucketOptions {
  clock: Clock;
  perSecond: number;
  burst: number;
}

/** One bucket over all items: a burst is free, after it `perSecond` items get through. */
export function bucketRateLimiter<T>(options: BucketOptions): RateLimiter<T> {
  const bucket = new TokenBucket(options);
  return { nextDelayMs: () => bucket.reserveMs(), forget: () => undefined, numRequeues: () => 0 };
}

/** The longest of the limiters' delays. */
export function maxOfRateLimiters<T>(limiters: readonly RateLimiter<T>[]): RateLimiter<T> {
  return {
    nextDelayMs: (item) => Math.max(...limiters.map((limiter) => limiter.nextDelayMs(item))),
    forget(item) {
      for (const limiter of limiters) limiter.forget(item);
    },
    numRequeues: (item) => Math.max(...limiters.map((limiter) => limiter.numRequeues(item))),
  };
}

/** Holds at most `burst` tokens and gains `perSecond` of them; starts full. */
export class TokenBucket {
  readonly #clock: Clock;
  readonly #perMs: number;
  readonly #burst: number;
  #tokens: number;
  #updatedMs: number;

  constructor({ clock, perSecond, burst }: BucketOptions) {
    this.#clock = clock;
    this.#perMs = perSecond / 1000;
    this.#burst = burst;
    this.#tokens = burst;
    this.#updatedMs = clock.monotonicMs();
  }

  /** Takes a token if there is one. */
  tryTake(): boolean {
    this.#refill();
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  /** Takes a token, on credit when there is none; gives the time until it is earned. */
  reserveMs(): number {
    this.#refill();
    this.#tokens -= 1;
    return this.#tokens >= 0 ? 0 : -this.#tokens / this.#perMs;
  }

  #refill(): void {
    const nowMs = this.#clock.monotonicMs();
    this.#tokens = Math.min(this.#burst, this.#tokens + (nowMs - this.#updatedMs) * this.#perMs);
    this.#updatedMs = nowMs;
  }
}
