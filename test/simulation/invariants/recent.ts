/**
 * Values that a controller may still believe in: it acts on what it was told, which lags. What it was told before
 * `LAG_MS` it has heard by now, or its watch has been renewed.
 */

/** The slowest watch of any weather, a lost request, and what a reflector waits at most before it asks again. */
export const LAG_MS = 60_000;

export class Recent<T> {
  #values: { sinceMs: number; value: T }[] = [];

  set(value: T, nowMs: number): void {
    if (this.#values.at(-1)?.value === value) return;
    this.#values.push({ sinceMs: nowMs, value });
  }

  /** All that it was at some moment of the last `LAG_MS`. */
  within(nowMs: number): T[] {
    while (this.#values.length > 1 && this.#values[1]!.sinceMs < nowMs - LAG_MS) this.#values.shift();
    return this.#values.map(({ value }) => value);
  }
}
