import { describe, expect, it } from '@jest/globals';
import type { Cycle, Plugin } from './framework.ts';
import { stateKey } from './framework.ts';
import { NominatedPods } from './nominated-pods.ts';
import { cycleOf, nodeOf, onlyNode, podOf } from './objects-for-tests.ts';
import { PluginRunner } from './plugin-runner.ts';
import type { PodInfo } from './pod-info.ts';
import { podInfoOf } from './pod-info.ts';
import { nodeResourcesFit } from './plugins/node-resources-fit.ts';

const infoOf = (name: string, priority: number, cpu = '2'): PodInfo =>
  podInfoOf(podOf(name, { spec: { priority }, requests: { cpu } }));

const SEEN = stateKey<string[]>('pods that were thought onto nodes', (keys) => [...keys]);

/** Keeps in its state which pods are on the node in thought. */
const observer: Plugin = {
  name: 'Observer',
  preFilter({ state }) {
    state.write(SEEN, []);
    return { type: 'continue' };
  },
  filter: () => undefined,
  addPod: ({ state }, { key }) => void state.get(SEEN).push(key),
};

function cycleFor(info: PodInfo, plugins: readonly Plugin[], nominated: NominatedPods): [Cycle, PluginRunner] {
  const cycle = { ...cycleOf(info.pod, [nodeOf('n1')]), podInfo: info };
  const runner = new PluginRunner(
    plugins.map((plugin) => ({ plugin })),
    nominated,
  );
  runner.runPreFilter(cycle);
  return [cycle, runner];
}

describe('PluginRunner [S9]', () => {
  it('leaves room for nominated pods that come first, and for no others', () => {
    const nominated = new NominatedPods();
    nominated.set(infoOf('first', 10, '3'), 'n1');
    for (const [priority, code] of [
      [5, 'Unschedulable'],
      [10, 'Unschedulable'],
      [11, undefined],
    ] as const) {
      const [cycle, runner] = cycleFor(infoOf('p', priority), [nodeResourcesFit(), observer], nominated);
      expect(runner.runFilterWithNominated(cycle, onlyNode(cycle))?.code).toBe(code);
      expect(runner.runFilter(cycle, onlyNode(cycle))).toBeUndefined();
      expect([onlyNode(cycle).pods.size, cycle.state.get(SEEN)]).toEqual([0, []]);
    }
  });

  it('shows nominated pods to the plugins, and has a node pass without them too', () => {
    const nominated = new NominatedPods();
    nominated.set(infoOf('first', 10), 'n1');
    const asked: number[] = [];
    const lonely: Plugin = {
      name: 'Lonely',
      filter({ state }, { pods }) {
        asked.push(pods.size);
        expect(state.get(SEEN)).toEqual([...pods.keys()]);
        return pods.size === 0 ? { code: 'Unschedulable', reasons: ['alone'] } : undefined;
      },
    };
    const [cycle, runner] = cycleFor(infoOf('p', 5), [observer, lonely], nominated);
    expect(runner.runFilterWithNominated(cycle, onlyNode(cycle))).toEqual({
      code: 'Unschedulable',
      reasons: ['alone'],
      plugin: 'Lonely',
    });
    expect(asked).toEqual([1, 0]);
  });
});
