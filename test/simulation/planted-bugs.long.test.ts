import { describe, expect, it } from '@jest/globals';
import { mutants } from './mutants.ts';
import { drawPlan } from './plan.ts';
import { run } from './run.ts';

/** Within so many seeds each of them is found. */
const SEEDS = 60;

describe('the simulation', () => {
  it.each(mutants)(
    'finds $name',
    async (mutant) => {
      let found = false;
      const { fromSeed = 1 } = mutant;
      for (let seed = fromSeed; seed < fromSeed + SEEDS && !found; seed++)
        found = (await run(drawPlan(seed, mutant.workloads), { mutant })).violations.length > 0;
      expect(found).toBe(true);
    },
    600_000,
  );
});
