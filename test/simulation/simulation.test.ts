import { describe, expect, it } from '@jest/globals';
import { drawPlan } from './plan.ts';
import { run } from './run.ts';

const SEEDS = 20;

describe('the control plane on virtual time', () => {
  it.each(Array.from({ length: SEEDS }, (_, index) => index + 1))('keeps what it promises: seed %i', async (seed) => {
    const { violations } = await run(drawPlan(seed));
    expect(violations).toEqual([]);
  });

  it('has one history for one seed', async () => {
    const first = await run(drawPlan(7));
    const second = await run(drawPlan(7));
    const other = await run(drawPlan(8));
    expect(second.digest).toBe(first.digest);
    expect(other.digest).not.toBe(first.digest);
  });
});
