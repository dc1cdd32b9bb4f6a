/** The scheduler's plugins against a plain, slow reading of the documentation, on random clusters. */
import { describe, expect, it } from '@jest/globals';
import { realClock } from '../../base/clock.ts';
import { silentLogger } from '../../base/log.ts';
import type { Client } from '../../client/client.ts';
import { createInformerFactory } from '../../client/informer-factory.ts';
import { defaultProfile } from '../../scheduler/profile.ts';
import type { ProfileOptions } from '../../scheduler/profile.ts';
import { differenceAt, profileOver } from './compare.ts';
import { Choices } from '../choices.ts';
import { PLANTED_ERRORS, plantingOf } from './planted-errors.ts';
import { randomClusterOf } from './random-cluster.ts';

describe('the plugins and the reference agree', () => {
  it.each(Array.from({ length: 5 }, (_, i) => i * 100))(
    'on clusters of 100 seeds from %i [S1] [S2] [S3] [S4] [S5] [S6] [S7]',
    async (first) => {
      for (let seed = first; seed < first + 100; seed++) expect(await differenceAt(seed)).toBeUndefined();
    },
    120_000,
  );

  it('and would not if a plugin let every pod in', async () => {
    const planted = PLANTED_ERRORS.find(({ plugin, plant }) => plugin === 'TaintToleration' && plant.name === 'lax')!;
    const found = await Promise.all(Array.from({ length: 20 }, (_, seed) => differenceAt(seed, plantingOf(planted))));
    expect(found.join()).toContain('TaintToleration filters');
  });

  it('repeats a seed exactly', () => {
    const clusterOf = (seed: number): string => JSON.stringify(randomClusterOf(new Choices(seed)));
    expect(clusterOf(7)).toBe(clusterOf(7));
    expect(clusterOf(7)).not.toBe(clusterOf(8));
  });

  it('with the weights of the default profile', () => {
    const weights = profileOver(randomClusterOf(new Choices(1)), {}).map(({ plugin, weight }) => [plugin.name, weight]);
    const known = new Set(weights.map(([name]) => name));
    const client = {} as Client;
    const informers = createInformerFactory(client, { clock: realClock, log: silentLogger });
    const options = { client, informers, signal: AbortSignal.abort(), budgets: () => [] };
    const upstream = defaultProfile(options as unknown as ProfileOptions).map(({ plugin, weight }) => [
      plugin.name,
      weight,
    ]);
    expect(upstream.filter(([name]) => known.has(name))).toEqual(weights);
  });
});
