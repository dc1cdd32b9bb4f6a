/**
 * How long a failed pod stays before another one is made on its node: a kubelet that refuses the pod would refuse the
 * next one too (client-go `util/flowcontrol` Backoff, as `failedPodsBackoff` has it).
 */
const INITIAL_MS = 1_000;
const MAX_MS = 15 * 60_000;
/** So long after its last failure a node begins anew. */
const EXPIRY_MS = 2 * MAX_MS;

interface Entry {
  delayMs: number;
  updatedMs: number;
}

export class FailedPodBackoff {
  readonly #entries = new Map<string, Entry>();

  /** What is left of the wait that the last failure began; 0 when a pod may be replaced now. */
  remainingMs(key: string, nowMs: number): number {
    const entry = this.#entries.get(key);
    if (entry === undefined || isExpired(entry, nowMs)) return 0;
    return Math.max(0, entry.updatedMs + entry.delayMs - nowMs);
  }

  /** A failed pod is being replaced: the next one waits, twice as long every time. */
  next(key: string, nowMs: number): void {
    this.#forgetExpired(nowMs);
    const entry = this.#entries.get(key);
    const delayMs = entry === undefined ? INITIAL_MS : Math.min(2 * entry.delayMs, MAX_MS);
    // Moves to the end: entries lie in the order of their last failure.
    this.#entries.delete(key);
    this.#entries.set(key, { delayMs, updatedMs: nowMs });
  }

  #forgetExpired(nowMs: number): void {
    for (const [key, entry] of this.#entries) {
      if (!isExpired(entry, nowMs)) return;
      this.#entries.delete(key);
    }
  }
}

function isExpired({ updatedMs }: Entry, nowMs: number): boolean {
  return nowMs - updatedMs > EXPIRY_MS;
}
