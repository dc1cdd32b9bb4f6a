import { describe, expect, it } from '@jest/globals';
import { drawPlan } from './plan.ts';
import { regressions } from './regressions.ts';
import { run } from './run.ts';
import { PATIENCE_MS, testSeeds } from './seed-suite.ts';

describe('the control plane on virtual time', () => {
  testSeeds(1, 4);

  it.each(regressions)(
    'keeps what it promises: seed $seed of $workloads ($bug)',
    async ({ seed, workloads }) => {
      const { violations } = await run(drawPlan(seed, workloads));
      expect(violations).toEqual([]);
    },
    PATIENCE_MS,
  );

  it(
    'has one history for one seed',
    async () => {
      const first = await run(drawPlan(7));
      const second = await run(drawPlan(7));
      const other = await run(drawPlan(8));
      expect(second.digest).toBe(first.digest);
      expect(other.digest).not.toBe(first.digest);
    },
    PATIENCE_MS,
  );
});
