import { describe, expect, it } from '@jest/globals';
import { cycleOf, nodeOf, onlyNode, podOf } from '../objects-for-tests.ts';
import { podInfoOf } from '../pod-info.ts';
import { taintToleration } from './taint-toleration.ts';

const UNTOLERATED = ['node(s) had untolerated taint(s)'];
const taint = (effect: string, key = 'k', value?: string) => ({
  key,
  effect,
  ...(value === undefined ? {} : { value }),
});

describe('TaintToleration [S6]', () => {
  it.each([
    ['no taints', [], [], undefined],
    ['an untolerated taint', [taint('NoSchedule')], [], UNTOLERATED],
    ['an untolerated NoExecute taint', [taint('NoExecute')], [], UNTOLERATED],
    ['a soft taint', [taint('PreferNoSchedule')], [], undefined],
    ['a tolerated key', [taint('NoSchedule')], [{ key: 'k', operator: 'Exists' }], undefined],
    [
      'a key tolerated for another effect',
      [taint('NoSchedule')],
      [{ key: 'k', operator: 'Exists', effect: 'NoExecute' }],
      UNTOLERATED,
    ],
    ['an equal value', [taint('NoSchedule', 'k', 'v')], [{ key: 'k', value: 'v' }], undefined],
    ['another value', [taint('NoSchedule', 'k', 'v')], [{ key: 'k', operator: 'Equal', value: 'w' }], UNTOLERATED],
    ['an unknown operator', [taint('NoSchedule', 'k', '5')], [{ key: 'k', operator: 'Like', value: '5' }], UNTOLERATED],
    ['everything tolerated', [taint('NoSchedule'), taint('NoExecute', 'l')], [{ operator: 'Exists' }], undefined],
    [
      'one of two tolerated',
      [taint('NoSchedule'), taint('NoSchedule', 'l')],
      [{ key: 'k', operator: 'Exists' }],
      UNTOLERATED,
    ],
  ])('filters a node with %s', (_name, taints, tolerations, reasons) => {
    const cycle = cycleOf(podOf('p', { spec: { tolerations } }), [nodeOf('n', { spec: { taints } })]);
    expect(taintToleration.filter!(cycle, onlyNode(cycle))?.reasons).toEqual(reasons);
  });

  it('prefers nodes with fewer untolerated soft taints', () => {
    const soft = (...keys: string[]) => ({ spec: { taints: keys.map((key) => taint('PreferNoSchedule', key)) } });
    const tolerations = [
      { key: 'a', operator: 'Exists' },
      { key: 'b', operator: 'Exists', effect: 'NoSchedule' },
    ];
    const cycle = cycleOf(podOf('p', { spec: { tolerations } }), [
      nodeOf('n0', soft('a')),
      nodeOf('n1', soft('a', 'b')),
      nodeOf('n2', soft('b', 'c', 'd', 'e')),
    ]);
    taintToleration.preScore!(cycle, cycle.snapshot.nodes);
    const scores = cycle.snapshot.nodes.map((node) => taintToleration.score!(cycle, node));
    expect(scores).toEqual([0, 1, 4]);
    taintToleration.normalizeScore!(cycle, scores);
    expect(scores).toEqual([100, 75, 0]);
  });

  it('has hope only when a change takes away what was in the way', () => {
    const info = podInfoOf(podOf('p'));
    const tainted = nodeOf('n', { spec: { taints: [taint('NoSchedule')] } });
    const hint = taintToleration.queueingHint!;
    expect(hint(info, { name: 'NodeUpdateTaint', node: nodeOf('n'), previous: tainted })).toBe(true);
    expect(hint(info, { name: 'NodeUpdateTaint', node: tainted, previous: nodeOf('n') })).toBe(false);
    expect(hint(info, { name: 'NodeAdd', node: tainted })).toBe(false);
  });
});
