/**
 * Time as an injected source, so that the whole control plane can run on simulated time.
 * Nothing outside `base/` and `cli/` reads the real clock or sets a real timer.
 */
export interface Clock {
  /** Milliseconds since the Unix epoch. May jump when the host's clock is set. */
  now(): number;
  /** Milliseconds from an arbitrary origin; never goes back. For measuring durations. */
  monotonicMs(): number;
  /** Calls `callback` once after `delayMs`; returns a function that cancels it. Does not keep the process alive. */
  setTimeout(callback: () => void, delayMs: number): () => void;
  /** Calls `callback` every `periodMs`; returns a function that cancels it. Does not keep the process alive. */
  setInterval(callback: () => void, periodMs: number): () => void;
}

export const realClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  setTimeout(callback, delayMs) {
    // Node fires delays over 2^31-1 ms at once; a wait that long is capped, its owner re-arms.
    const timer = setTimeout(callback, Math.min(delayMs, 0x7fffffff));
    timer.unref();
    return () => clearTimeout(timer);
  },
  setInterval(callback, periodMs) {
    const timer = setInterval(callback, periodMs);
    timer.unref();
    return () => clearInterval(timer);
  },
};

/** Resolves after `delayMs`, or at once when the signal aborts (never rejects). */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      cancel();
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const cancel = clock.setTimeout(done, delayMs);
    signal?.addEventListener('abort', done, { once: true });
  });
}

/** The last time that was written: one request writes the same one several times. */
const written = { epochMs: NaN, text: '' };

/** RFC 3339 in UTC with whole seconds, as Kubernetes' `metav1.Time` is written: `2026-01-02T03:04:05Z`. */
export function formatTime(epochMs: number): string {
  if (written.epochMs !== epochMs) {
    written.text = `${new Date(epochMs).toISOString().slice(0, -5)}Z`;
    written.epochMs = epochMs;
  }
  return written.text;
}

/** RFC 3339 with microseconds, as Kubernetes' `metav1.MicroTime` is written: `2026-01-02T03:04:05.000000Z`. */
export function formatMicroTime(epochMs: number): string {
  return new Date(epochMs).toISOString().replace('Z', '000Z');
}
