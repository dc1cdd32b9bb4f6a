/** Ranges of sizes and costs: whole numbers that stay at 2^64 - 1 where they would pass it. */
export interface Estimate {
  readonly min: number;
  readonly max: number;
}

/** As a double: nothing that is compared with it comes near. */
export const MOST = 2 ** 64;

export const UNKNOWN: Estimate = { min: 0, max: MOST };
export const ZERO: Estimate = { min: 0, max: 0 };

export function exactly(count: number): Estimate {
  return { min: count, max: count };
}

function capped(value: number): number {
  return Math.min(value, MOST);
}

export function plus(...estimates: readonly Estimate[]): Estimate {
  return estimates.reduce((a, b) => ({ min: capped(a.min + b.min), max: capped(a.max + b.max) }), ZERO);
}

export function times(a: Estimate, b: Estimate): Estimate {
  return { min: capped(a.min * b.min), max: capped(a.max * b.max) };
}

/** Rounded up. */
export function scaled(a: Estimate, factor: number): Estimate {
  return { min: capped(Math.ceil(a.min * factor)), max: capped(Math.ceil(a.max * factor)) };
}

/** The range that covers both. */
export function union(a: Estimate, b: Estimate): Estimate {
  return { min: Math.min(a.min, b.min), max: Math.max(a.max, b.max) };
}
