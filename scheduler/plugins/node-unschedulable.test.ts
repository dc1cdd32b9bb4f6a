import { describe, expect, it } from '@jest/globals';
import { cycleOf, nodeOf, onlyNode, podOf } from '../objects-for-tests.ts';
import { podInfoOf } from '../pod-info.ts';
import { nodeUnschedulable } from './node-unschedulable.ts';

const TOLERANT = [{ key: 'node.kubernetes.io/unschedulable', operator: 'Exists', effect: 'NoSchedule' }];

describe('NodeUnschedulable [S2]', () => {
  it.each([
    ['a schedulable node', false, [], undefined],
    ['a cordoned node', true, [], ['node(s) were unschedulable']],
    ['a cordoned node that the pod tolerates', true, TOLERANT, undefined],
    [
      'a cordoned node of which the pod tolerates something else',
      true,
      [{ key: 'x', operator: 'Exists' }],
      ['node(s) were unschedulable'],
    ],
  ])('filters %s', (_name, unschedulable, tolerations, reasons) => {
    const cycle = cycleOf(podOf('p', { spec: { tolerations } }), [nodeOf('n', { spec: { unschedulable } })]);
    expect(nodeUnschedulable.filter!(cycle, onlyNode(cycle))?.reasons).toEqual(reasons);
  });

  it('has hope when a node is uncordoned, not when one is cordoned', () => {
    const open = nodeOf('n');
    const closed = nodeOf('n', { spec: { unschedulable: true } });
    const info = podInfoOf(podOf('p'));
    const hint = nodeUnschedulable.queueingHint!;
    expect(hint(info, { name: 'NodeUpdateTaint', node: open, previous: closed })).toBe(true);
    expect(hint(info, { name: 'NodeUpdateTaint', node: closed, previous: open })).toBe(false);
    expect(hint(info, { name: 'NodeUpdateTaint', node: open, previous: open })).toBe(false);
    expect(hint(info, { name: 'NodeAdd', node: open })).toBe(true);
    expect(hint(info, { name: 'NodeAdd', node: closed })).toBe(false);
  });
});
