import { describe, expect, it } from '@jest/globals';
import type { Random } from '../base/random.ts';
import { realRandom } from '../base/random.ts';
import type { Plugin } from './framework.ts';
import { NodeSearch, feasibleNodesToFind } from './node-search.ts';
import { ManualClock, cycleOf, nodeOf, podOf } from './objects-for-tests.ts';
import { PluginRunner } from './plugin-runner.ts';
import { TimeSlice } from './time-slice.ts';

function searchWith(plugins: readonly Plugin[], random: Random = realRandom, weight = 1): NodeSearch {
  const runner = new PluginRunner(plugins.map((plugin) => ({ plugin, weight })));
  return new NodeSearch({ runner, random, slice: new TimeSlice(new ManualClock(), 5) });
}

const nodes = (count: number): ReturnType<typeof nodeOf>[] => Array.from({ length: count }, (_, i) => nodeOf(`n${i}`));

/** Scores by the number in the node's name. */
const byNumber: Plugin = { name: 'ByNumber', score: (_cycle, { name }) => Number(name.slice(1)) };

describe('feasibleNodesToFind()', () => {
  it.each([
    [1, 1],
    [99, 99],
    [100, 100],
    [250, 120],
    [500, 230],
    [1000, 420],
    [5000, 500],
    [6000, 300],
    [15000, 750],
  ])('wants of %p nodes %p', (count, expected) => {
    expect(feasibleNodesToFind(count)).toBe(expected);
  });
});

describe('NodeSearch', () => {
  it('says when there are no nodes', async () => {
    expect(await searchWith([]).findNode(cycleOf(podOf('p'), []))).toEqual({ type: 'noNodes' });
  });

  it('takes the node with the best sum of weighted scores', async () => {
    const other: Plugin = { name: 'Other', score: (_cycle, { name }) => (name === 'n1' ? 5 : 0) };
    const runner = new PluginRunner([{ plugin: byNumber }, { plugin: other, weight: 3 }]);
    const search = new NodeSearch({ runner, random: realRandom, slice: new TimeSlice(new ManualClock(), 5) });
    expect(await search.findNode(cycleOf(podOf('p'), nodes(9)))).toEqual({ type: 'found', nodeName: 'n1' });
  });

  it('takes each of equal nodes sometimes', async () => {
    const search = searchWith([]);
    const found = new Set<string>();
    for (let i = 0; i < 200; i++) {
      const result = await search.findNode(cycleOf(podOf('p'), nodes(4)));
      if (result.type === 'found') found.add(result.nodeName);
    }
    expect([...found].sort()).toEqual(['n0', 'n1', 'n2', 'n3']);
  });

  it('looks only at the nodes that preFilter names, and says so', async () => {
    const looked: string[] = [];
    const chooser: Plugin = {
      name: 'Chooser',
      preFilter: () => ({ type: 'continue', nodeNames: new Set(['n1', 'gone']) }),
      filter: (_cycle, { name }) => {
        looked.push(name);
        return { code: 'Unschedulable', reasons: ['full'] };
      },
    };
    const result = await searchWith([chooser]).findNode(cycleOf(podOf('p'), nodes(3)));
    expect(looked).toEqual(['n1']);
    expect(result).toMatchObject({
      type: 'unfit',
      diagnosis: {
        nodeCount: 3,
        rejectors: new Set(['Chooser']),
        absentReason: "node(s) didn't satisfy plugin(s) [Chooser]",
      },
    });
  });

  it('does not filter by a plugin that skips the pod', async () => {
    const skipping: Plugin = {
      name: 'Skipping',
      preFilter: () => ({ type: 'skip' }),
      filter: () => ({ code: 'Unschedulable', reasons: ['never'] }),
    };
    expect((await searchWith([skipping]).findNode(cycleOf(podOf('p'), nodes(1)))).type).toBe('found');
  });

  it('begins where the last search ended', async () => {
    const looked: string[] = [];
    const watching: Plugin = { name: 'Watching', filter: (_cycle, { name }) => void looked.push(name) as undefined };
    const search = searchWith([watching]);
    for (let i = 0; i < 2; i++) await search.findNode(cycleOf(podOf('p'), nodes(150)));
    expect(looked.length).toBe(200);
    expect([looked[0], looked[99], looked[100], looked[199]]).toEqual(['n0', 'n99', 'n100', 'n49']);
  });

  it('gives others a turn while it looks at many nodes', async () => {
    const clock = new ManualClock();
    const slow: Plugin = { name: 'Slow', filter: () => void clock.advance(0.25) as undefined };
    const runner = new PluginRunner([{ plugin: slow }]);
    const search = new NodeSearch({ runner, random: realRandom, slice: new TimeSlice(clock, 5) });
    let turns = 0;
    let isDone = false;
    const count = (): void => {
      turns++;
      if (!isDone) setImmediate(count);
    };
    setImmediate(count);
    await search.findNode(cycleOf(podOf('p'), nodes(90)));
    isDone = true;
    // 90 nodes take 22.5 ms; the clock is looked at every 32 nodes, which take 8 ms.
    expect(turns).toBeGreaterThanOrEqual(2);
  });

  it('throws for scores out of range', async () => {
    const wrong: Plugin = { name: 'Wrong', score: () => 101 };
    await expect(searchWith([wrong]).findNode(cycleOf(podOf('p'), nodes(2)))).rejects.toThrow('invalid score 101');
  });
});
