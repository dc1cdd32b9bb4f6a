/**
 * How long something that failed is left alone (client-go `util/flowcontrol/backoff.go`): doubling, forgotten in time.
 * Failures bear times of the runtime, by the wall clock, which may jump; waits are measured by the monotonic one.
 */
import type { Clock } from '../../base/clock.ts';

export interface StartBackoffOptions {
  clock: Clock;
  initialMs: number;
  maxMs: number;
}

interface Entry {
  delayMs: number;
  /** When the last failure was counted, and the next try began. */
  triedMs: number;
  /** The failure that was asked about last, and when it was by the monotonic clock. */
  failure: { eventMs: number; monotonicMs: number } | undefined;
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
    if (entry === undefined) return 0;
    const failedMs = this.#failedMs(entry, eventMs);
    if (this.#hasExpired(entry, failedMs)) return 0;
    return Math.max(0, failedMs + entry.delayMs - this.#options.clock.monotonicMs());
  }

  /** As `remainingMs`, from the failure that was last counted. */
  remainingSinceFailureMs(key: string): number {
    const entry = this.#entries.get(key);
    if (entry === undefined) return 0;
    return Math.max(0, entry.triedMs + entry.delayMs - this.#options.clock.monotonicMs());
  }

  delayMs(key: string): number {
    return this.#entries.get(key)?.delayMs ?? 0;
  }

  /** Counts a failure at `eventMs`. */
  next(key: string, eventMs: number): void {
    const { clock, initialMs, maxMs } = this.#options;
    const entry = this.#entries.get(key);
    const isFirst = entry === undefined || this.#hasExpired(entry, this.#failedMs(entry, eventMs));
    const delayMs = isFirst ? initialMs : Math.min(entry.delayMs * 2, maxMs);
    this.#entries.set(key, { delayMs, triedMs: clock.monotonicMs(), failure: undefined });
  }

  /** Forgets every key that begins with `prefix`. */
  forget(prefix: string): void {
    for (const key of this.#entries.keys()) if (key.startsWith(prefix)) this.#entries.delete(key);
  }

  /** A failure is no older than the try before it, whatever the wall clock says. */
  #failedMs(entry: Entry, eventMs: number): number {
    if (entry.failure?.eventMs === eventMs) return entry.failure.monotonicMs;
    const { clock } = this.#options;
    const nowMs = clock.monotonicMs();
    const ageMs = Math.min(Math.max(0, clock.now() - eventMs), nowMs - entry.triedMs);
    entry.failure = { eventMs, monotonicMs: nowMs - ageMs };
    return entry.failure.monotonicMs;
  }

  /** After a run of twice the longest delay, the next failure is the first again. */
  #hasExpired({ triedMs }: Entry, failedMs: number): boolean {
    return failedMs - triedMs > 2 * this.#options.maxMs;
  }
}
