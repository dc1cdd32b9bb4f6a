/** The suite of a range of seeds. A failing one is told, step by step, by `main.ts`. */
import { expect, it } from '@jest/globals';
import { drawPlan } from './plan.ts';
import { run } from './run.ts';

/** A run takes half a second where nothing else does; behind everything else, it may take its time. */
export const PATIENCE_MS = 600_000;

export function testSeeds(first: number, last: number): void {
  const seeds = Array.from({ length: last - first + 1 }, (_, index) => first + index);
  it.each(seeds)(
    'keeps what it promises: seed %i',
    async (seed) => {
      const { violations } = await run(drawPlan(seed));
      expect(violations).toEqual([]);
    },
    PATIENCE_MS,
  );
}
