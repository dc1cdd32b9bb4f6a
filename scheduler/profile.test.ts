import { describe, expect, it } from '@jest/globals';
import { realClock } from '../base/clock.ts';
import { silentLogger } from '../base/log.ts';
import type { Client } from '../client/client.ts';
import { createInformerFactory } from '../client/informer-factory.ts';
import { defaultProfile } from './profile.ts';
import type { ProfileOptions } from './profile.ts';

describe('defaultProfile()', () => {
  it("has upstream's plugins in upstream's order, with upstream's weights", () => {
    const client = {} as Client;
    const informers = createInformerFactory(client, { clock: realClock, log: silentLogger });
    const options = { client, informers, signal: AbortSignal.abort(), budgets: () => [] };
    const profile = defaultProfile(options as unknown as ProfileOptions);
    const scored = profile.filter(({ plugin }) => plugin.score !== undefined);
    expect(scored.map(({ plugin, weight = 1 }) => [plugin.name, weight])).toEqual([
      ['TaintToleration', 3],
      ['NodeAffinity', 2],
      ['NodeResourcesFit', 1],
      ['PodTopologySpread', 2],
      ['InterPodAffinity', 2],
      ['NodeResourcesBalancedAllocation', 1],
      ['ImageLocality', 1],
    ]);
    const filtering = profile.filter(({ plugin }) => plugin.filter !== undefined);
    expect(filtering.map(({ plugin }) => plugin.name)).toEqual([
      'NodeUnschedulable',
      'NodeName',
      'TaintToleration',
      'NodeAffinity',
      'NodePorts',
      'NodeResourcesFit',
      'VolumeRestrictions',
      'NodeVolumeLimits',
      'VolumeBinding',
      'VolumeZone',
      'PodTopologySpread',
      'InterPodAffinity',
    ]);
  });
});
