/** A comparison that finds nothing must be able to find something. */
import { describe, expect, it } from '@jest/globals';
import { differenceAt } from './compare.ts';
import { PLANTED_ERRORS, plantingOf } from './planted-errors.ts';

const MAX_SEEDS = 500;

describe('the comparison finds a planted error:', () => {
  it.each(PLANTED_ERRORS.map((planted) => [planted.plugin, planted.error, planted] as const))(
    '%s %s',
    async (_plugin, _error, planted) => {
      let difference: string | undefined;
      for (let seed = 0; difference === undefined && seed < MAX_SEEDS; seed++) {
        difference = await differenceAt(seed, plantingOf(planted));
      }
      expect(difference).toBeDefined();
    },
    120_000,
  );

  it('has one for every plugin', () => {
    const planted = new Set(PLANTED_ERRORS.map(({ plugin }) => plugin));
    expect([...planted].sort()).toEqual([
      'ImageLocality',
      'InterPodAffinity',
      'NodeAffinity',
      'NodeName',
      'NodePorts',
      'NodeResourcesBalancedAllocation',
      'NodeResourcesFit',
      'NodeUnschedulable',
      'PodTopologySpread',
      'TaintToleration',
    ]);
  });
});
