/** Exponential backoff with jitter for loops that retry (client-go `wait.Backoff`). */
import type { Random } from '../base/random.ts';

export interface BackoffOptions {
  initialMs: number;
  maxMs: number;
  /** Default 2. */
  factor?: number;
  /** Up to this share of the delay is added at random. Default 1. */
  jitter?: number;
  random: Random;
}

export interface Backoff {
  /** The delay before the next try; every call counts as a failure. */
  nextMs(): number;
  /** The next failure is the first again. */
  reset(): void;
}

export function createBackoff({ initialMs, maxMs, factor = 2, jitter = 1, random }: BackoffOptions): Backoff {
  let delayMs = initialMs;
  return {
    nextMs() {
      const current = delayMs;
      delayMs = Math.min(delayMs * factor, maxMs);
      return current * (1 + jitter * random.float());
    },
    reset() {
      delayMs = initialMs;
    },
  };
}
