import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Node } from '../../api/core/v1/node.ts';
import type { Lister } from '../../api/machinery/handler.ts';
import type { Clock } from '../../base/clock.ts';
import { silentLogger } from '../../base/log.ts';
import { createTestClock } from '../../kubelet/testing.ts';
import { Collector } from './collector.ts';
import type { Samples } from './collector.ts';

const lister = (names: readonly string[]): Lister<Node> => ({
  get: () => undefined,
  list: () => names.map((name) => ({ metadata: { name } }) as Node),
});

describe('Collector', () => {
  let clock: ReturnType<typeof createTestClock>;
  let asked: [node: string, atMs: number][];
  let away: Set<string>;
  let collector: Collector;
  beforeEach(() => {
    clock = createTestClock();
    asked = [];
    away = new Set();
    collector = newCollector(['a', 'b'], clock);
  });

  function newCollector(names: string[], on: Clock): Collector {
    return new Collector({
      nodes: lister(names),
      clock: on,
      log: silentLogger,
      source: (node, signal) => {
        const name = node.metadata.name!;
        asked.push([name, clock.monotonicMs()]);
        if (name === 'silent')
          return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('late'))));
        if (away.has(name)) return Promise.reject(new Error('away'));
        const sample = { cpuNs: asked.length, memoryBytes: 1, timestampMs: clock.now() };
        return Promise.resolve({ node: sample, pods: new Map() });
      },
    });
  }

  /** Asks, and lets the time pass that the answer takes. */
  async function ask(ms = 1000): Promise<Samples> {
    const answer = collector.samples();
    await clock.advance(ms);
    return answer;
  }

  const windows = (samples: Samples): [string, number][] =>
    [...samples]
      .map(([name, { before, after }]): [string, number] => [name, after.node!.timestampMs - before.node!.timestampMs])
      .sort();

  it('asks nobody before it is asked', async () => {
    await clock.advance(600_000);
    expect(asked).toEqual([]);
  });

  it('waits for a second sample when there is nothing to compare with', async () => {
    expect(windows(await ask())).toEqual([
      ['a', 1000],
      ['b', 1000],
    ]);
    expect(asked).toHaveLength(4);
  });

  it('gives the same answer for 10 s, then compares with the one before', async () => {
    await ask();
    await clock.advance(9000);
    await ask(0);
    expect(asked).toHaveLength(4);
    await clock.advance(6000);
    expect(windows(await ask(0))).toEqual([
      ['a', 15_000],
      ['b', 15_000],
    ]);
    expect(asked).toHaveLength(6);
  });

  it('begins anew after a minute of silence', async () => {
    await ask();
    await clock.advance(61_000);
    expect(windows(await ask())).toEqual([
      ['a', 1000],
      ['b', 1000],
    ]);
  });

  it('asks once for questions that come together', async () => {
    const answers = Promise.all([collector.samples(), collector.samples()]);
    await clock.advance(1000);
    expect((await answers).map(({ size }) => size)).toEqual([2, 2]);
    expect(asked).toHaveLength(4);
  });

  it('leaves out nodes that do not answer, and takes them back later', async () => {
    away.add('b');
    expect([...(await ask()).keys()]).toEqual(['a']);
    away.clear();
    await clock.advance(15_000);
    expect([...(await ask(0)).keys()]).toEqual(['a']);
    await clock.advance(15_000);
    expect([...(await ask(0)).keys()].sort()).toEqual(['a', 'b']);
  });

  it('waits 10 s for a node, no longer', async () => {
    collector = newCollector(['a', 'silent'], clock);
    expect([...(await ask(21_000)).keys()]).toEqual(['a']);
  });
});
