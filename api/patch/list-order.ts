/**
 * The order of a merged list: what the patch names stands in the patch's order, the rest in the original's, and the
 * two interleave as the original had them (apimachinery `strategicpatch`, `normalizeElementOrder`).
 */
import { isObject } from './json-value.ts';

export interface MergedList {
  merged: readonly unknown[];
  /** The order that the patch asks for: items, or values of primitives. */
  order: readonly unknown[];
  original: readonly unknown[];
  /** The key that identifies items; primitives identify themselves. */
  key: string | undefined;
}

/** The items of `merged`, all of them, in order. */
export function orderItems({ merged, order, original, key }: MergedList): unknown[] {
  const identify = (item: unknown): string => identityOf(key !== undefined && isObject(item) ? item[key] : item);
  const ranks = rank(order, identify);
  const places = rank(original, identify);
  const byRank = (ranking: Map<string, number>) => (a: unknown, b: unknown) =>
    (ranking.get(identify(a)) ?? Infinity) - (ranking.get(identify(b)) ?? Infinity) || 0;
  const named = merged.filter((item) => ranks.has(identify(item))).sort(byRank(ranks));
  const others = merged.filter((item) => !ranks.has(identify(item))).sort(byRank(places));
  const result: unknown[] = [];
  let next = 0;
  for (const item of named) {
    const place = places.get(identify(item));
    while (next < others.length && place !== undefined && isBefore(places.get(identify(others[next])), place)) {
      result.push(others[next++]);
    }
    result.push(item);
  }
  return [...result, ...others.slice(next)];
}

/** A value as a map key: equal values have equal texts. */
export function identityOf(value: unknown): string {
  return JSON.stringify(value ?? null);
}

function isBefore(place: number | undefined, other: number): boolean {
  return place !== undefined && place < other;
}

function rank(items: readonly unknown[], identify: (item: unknown) => string): Map<string, number> {
  const ranks = new Map<string, number>();
  for (const [i, item] of items.entries()) {
    const id = identify(item);
    if (!ranks.has(id)) ranks.set(id, i);
  }
  return ranks;
}
