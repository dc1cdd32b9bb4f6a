/** Reads a request body up to a limit, of one request and of all together. */
import type { Readable } from 'node:stream';
import type { Clock } from '../../base/clock.ts';

export type BodyOutcome =
  | { type: 'read'; bytes: Uint8Array }
  /** The rest is left unread. */
  | { type: 'too-large' | 'too-slow' | 'no-room' }
  /** The stream failed or closed before the body's end. */
  | { type: 'cut-off' };

/** What bodies that are being read take together. */
export class BodyBudget {
  #left: number;

  constructor(bytes: number) {
    this.#left = bytes;
  }

  take(bytes: number): boolean {
    if (bytes > this.#left) return false;
    this.#left -= bytes;
    return true;
  }

  giveBack(bytes: number): void {
    this.#left += bytes;
  }
}

export interface BodyLimits {
  maxBytes: number;
  timeoutMs: number;
  budget: BodyBudget;
  clock: Clock;
}

/** Never rejects. */
export function readBody(body: Readable, { maxBytes, timeoutMs, budget, clock }: BodyLimits): Promise<BodyOutcome> {
  return new Promise((resolve) => {
    const chunks: Uint8Array[] = [];
    let size = 0;
    let taken = 0;
    const settle = (): void => {
      cancelTimeout();
      budget.giveBack(taken);
      body.removeListener('data', onData).removeListener('end', onEnd);
      body.removeListener('error', onFailure).removeListener('close', onFailure);
    };
    const refuse = (type: 'too-large' | 'too-slow' | 'no-room'): void => {
      settle();
      body.pause();
      resolve({ type });
    };
    const onData = (chunk: Uint8Array): void => {
      size += chunk.length;
      if (size > maxBytes) return refuse('too-large');
      if (!budget.take(chunk.length)) return refuse('no-room');
      taken += chunk.length;
      chunks.push(chunk);
    };
    const onEnd = (): void => {
      settle();
      resolve({ type: 'read', bytes: chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, size) });
    };
    const onFailure = (): void => {
      settle();
      resolve({ type: 'cut-off' });
    };
    const cancelTimeout = clock.setTimeout(() => refuse('too-slow'), timeoutMs);
    // Nothing tells of what happened before anybody listened.
    if (body.destroyed) return onFailure();
    body.on('data', onData).on('end', onEnd).on('error', onFailure).on('close', onFailure);
  });
}
