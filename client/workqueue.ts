/**
 * The queue between informers and workers, with client-go's rules (`util/workqueue`): an item is handed out once
 * however often it was added, never to two workers at once, and again when it was added while being worked on.
 */
import type { Clock } from '../base/clock.ts';
import { bucketRateLimiter, exponentialRateLimiter, maxOfRateLimiters } from './rate-limiter.ts';
import type { RateLimiter } from './rate-limiter.ts';

export interface Workqueue<T> {
  /** Asks for `item` to be worked on. No effect while it waits already, or after shutdown. */
  add(item: T): void;
  /** The next item; undefined once the queue is shut down and empty. Each item got must be `done`. */
  get(): Promise<T | undefined>;
  /** The worker is finished with `item`; when it was added meanwhile, it is queued again now. */
  done(item: T): void;
  /** Adds after a delay; of several delays the shortest counts. */
  addAfter(item: T, delayMs: number): void;
  /** Adds after the delay that the rate limiter gives to this (failed) item. */
  addRateLimited(item: T): void;
  /** The item succeeded: its next failure is its first again. */
  forget(item: T): void;
  /** How often the item failed since it was last forgotten. */
  numRequeues(item: T): number;
  /** Items that are ready and not handed out. */
  readonly length: number;
  readonly isShuttingDown: boolean;
  /** Takes no more items, drops those that wait for a time, lets workers drain the rest. */
  shutDown(): void;
}

export interface WorkqueueOptions<T> {
  clock: Clock;
  /** Default: `defaultRateLimiter`. */
  rateLimiter?: RateLimiter<T>;
}

/** client-go `DefaultTypedControllerRateLimiter`: per item 5 ms doubling to 1000 s; over all 10 a second, burst 100. */
export function defaultRateLimiter<T>(clock: Clock): RateLimiter<T> {
  return maxOfRateLimiters([
    exponentialRateLimiter({ baseMs: 5, maxMs: 1_000_000 }),
    bucketRateLimiter({ clock, perSecond: 10, burst: 100 }),
  ]);
}

/** Items are compared as by `Map`: use strings, or one object per thing. */
export function createWorkqueue<T>({ clock, rateLimiter }: WorkqueueOptions<T>): Workqueue<T> {
  return new Queue<T>(clock, rateLimiter ?? defaultRateLimiter<T>(clock));
}

interface Waiting {
  readyAtMs: number;
  cancel(): void;
}

/**
 * Invariants: an item in `#ready` is in `#dirty` and not in `#processing`; an item in both `#dirty` and
 * `#processing` is queued by `done`.
 */
class Queue<T> implements Workqueue<T> {
  readonly #clock: Clock;
  readonly #limiter: RateLimiter<T>;
  /** A Set keeps the order of insertion, and so is a queue without duplicates. */
  readonly #ready = new Set<T>();
  readonly #dirty = new Set<T>();
  readonly #processing = new Set<T>();
  readonly #waiting = new Map<T, Waiting>();
  readonly #getters: ((item: T | undefined) => void)[] = [];
  #shuttingDown = false;

  constructor(clock: Clock, limiter: RateLimiter<T>) {
    this.#clock = clock;
    this.#limiter = limiter;
  }

  get length(): number {
    return this.#ready.size;
  }

  get isShuttingDown(): boolean {
    return this.#shuttingDown;
  }

  add(item: T): void {
    if (this.#shuttingDown || this.#dirty.has(item)) return;
    this.#dirty.add(item);
    if (!this.#processing.has(item)) this.#makeReady(item);
  }

  get(): Promise<T | undefined> {
    for (const item of this.#ready) {
      this.#ready.delete(item);
      this.#hand(item);
      return Promise.resolve(item);
    }
    if (this.#shuttingDown) return Promise.resolve(undefined);
    return new Promise((resolve) => this.#getters.push(resolve));
  }

  done(item: T): void {
    if (!this.#processing.delete(item)) return;
    if (this.#dirty.has(item)) this.#makeReady(item);
  }

  addAfter(item: T, delayMs: number): void {
    if (this.#shuttingDown) return;
    if (delayMs <= 0) {
      this.add(item);
      return;
    }
    const readyAtMs = this.#clock.monotonicMs() + delayMs;
    const waiting = this.#waiting.get(item);
    if (waiting !== undefined) {
      if (waiting.readyAtMs <= readyAtMs) return;
      waiting.cancel();
    }
    this.#wait(item, readyAtMs);
  }

  addRateLimited(item: T): void {
    this.addAfter(item, this.#limiter.nextDelayMs(item));
  }

  forget(item: T): void {
    this.#limiter.forget(item);
  }

  numRequeues(item: T): number {
    return this.#limiter.numRequeues(item);
  }

  shutDown(): void {
    if (this.#shuttingDown) return;
    this.#shuttingDown = true;
    for (const { cancel } of this.#waiting.values()) cancel();
    this.#waiting.clear();
    for (const resolve of this.#getters.splice(0)) resolve(undefined);
  }

  #makeReady(item: T): void {
    const getter = this.#getters.shift();
    if (getter === undefined) {
      this.#ready.add(item);
      return;
    }
    this.#hand(item);
    getter(item);
  }

  #hand(item: T): void {
    this.#processing.add(item);
    this.#dirty.delete(item);
  }

  #wait(item: T, readyAtMs: number): void {
    const fire = (): void => {
      this.#waiting.delete(item);
      // A clock may cap a long delay and fire early.
      if (this.#clock.monotonicMs() < readyAtMs - 1) this.#wait(item, readyAtMs);
      else this.add(item);
    };
    const cancel = this.#clock.setTimeout(fire, Math.max(0, readyAtMs - this.#clock.monotonicMs()));
    this.#waiting.set(item, { readyAtMs, cancel });
  }
}
