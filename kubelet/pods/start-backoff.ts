/**
 * How long something that failed is left alone (client-go `util/flowcontrol/backoff.go`): doubling, forgotten in
 * time.
 */
import type { Clock } from '../../base/clock.ts';

export interface StartBackoffOptions {
  clock: Clock;
  initialMs: number;
  maxMs: number;
}

interface Entry {
  delayMs: number;
  /** Last failure, by the wall clock: it is compared with times of the runtime. */
  updatedMs: number;
}

export class StartBackoff {
  readonly #options: StartBackoffOptions;
  readonly #entries = new Map<string, Entry>();

  constructor(options: StartBackoffOptions) {
    this.#options = options;
  }

  /** How long to wait still, when the last failure was at `eventMs`; 0: go on. */
  remainingMs(key: string, eventMs: number): number {
    const entry = this.#entries.get(key);
    if (entry === undefined || this.#hasExpired(entry, eventMs)) return 0;
    return Math.max(0, eventMs + entry.delayMs - this.#options.clock.now());
  }

  /** As `remainingMs`, from the failure that was last counted. */
  remainingSinceFailureMs(key: string): number {
    const entry = this.#entries.get(key);
    return entry === undefined ? 0 : this.remainingMs(key, entry.updatedMs);
  }

  delayMs(key: string): number {
    return this.#entries.get(key)?.delayMs ?? 0;
  }

  /** Counts a failure at `eventMs`. */
  next(key: string, eventMs: number): void {
    const { clock, initialMs, maxMs } = this.#options;
    const entry = this.#entries.get(key);
    const delayMs =
      entry === undefined || this.#hasExpired(entry, eventMs) ? initialMs : Math.min(entry.delayMs * 2, maxMs);
    this.#entries.set(key, { delayMs, updatedMs: clock.now() });
  }

  /** Forgets every key that begins with `prefix`. */
  forget(prefix: string): void {
    for (const key of this.#entries.keys()) if (key.startsWith(prefix)) this.#entries.delete(key);
  }

  /** After a run of twice the longest delay, the next failure is the first again. */
  #hasExpired({ updatedMs }: Entry, eventMs: number): boolean {
    return eventMs - updatedMs > 2 * this.#options.maxMs;
  }
}
