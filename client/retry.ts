/** When a request is made again: an update that lost a race, and what the server asks to be tried later. */
import { isConflict } from '../api/machinery/errors.ts';
import { sleep } from '../base/clock.ts';
import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';

export interface RetryOptions {
  clock: Clock;
  random: Random;
  signal?: AbortSignal;
}

const TRIES = 5;
const DELAY_MS = 10;
const JITTER = 0.1;

/**
 * Calls `attempt`, which reads the object anew, changes and writes it, until it does not end in a conflict: at most
 * 5 times, about 10 ms apart. Other errors and the last conflict are thrown.
 */
export async function retryOnConflict<R>(
  { clock, random, signal }: RetryOptions,
  attempt: () => Promise<R>,
): Promise<R> {
  for (let tries = 1; ; tries++) {
    try {
      return await attempt();
    } catch (error) {
      if (!isConflict(error) || tries === TRIES || signal?.aborted) throw error;
    }
    await sleep(clock, DELAY_MS * (1 + JITTER * random.float()), signal);
  }
}

/** How often a request that the server puts off is made at most (client-go `rest/request.go`, `maxRetries`). */
export const MAX_TRIES = 10;

/** The server names a time after which to try again (client-go `rest/with_retry.go`). */
export function retryAfterMs(status: number, retryAfter: string | readonly string[] | undefined): number | undefined {
  if ((status !== 429 && status < 500) || typeof retryAfter !== 'string') return undefined;
  const seconds = Number(retryAfter);
  return Number.isInteger(seconds) && seconds >= 0 ? seconds * 1000 : undefined;
}
