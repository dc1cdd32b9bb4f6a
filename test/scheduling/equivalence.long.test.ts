/** As `equivalence.test.ts`, on ten thousand clusters. */
import { describe, expect, it } from '@jest/globals';
import { differenceAt } from './compare.ts';

const SEEDS_EACH = 500;

describe('the plugins and the reference agree', () => {
  it.each(Array.from({ length: 20 }, (_, i) => 1_000_000 + i * SEEDS_EACH))(
    'on clusters of 500 seeds from %i',
    async (first) => {
      for (let seed = first; seed < first + SEEDS_EACH; seed++) expect(await differenceAt(seed)).toBeUndefined();
    },
    300_000,
  );
});
