import { describe, expect, it } from '@jest/globals';
import { drawPlan } from './plan.ts';
import { regressions } from './regressions.ts';
import { run } from './run.ts';
import { testSeeds } from './seed-suite.ts';

describe('the control plane on virtual time', () => {
  testSeeds(1, 30);

  it.each(regressions)('keeps what it promises: seed $seed ($bug)', async ({ seed }) => {
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
