import { describe, expect, it } from '@jest/globals';
import { cycleOf, nodeOf, onlyNode, podOf } from '../objects-for-tests.ts';
import { nodeName } from './node-name.ts';

describe('NodeName [S2]', () => {
  it.each([
    ['', undefined],
    ['n1', undefined],
    ['n2', ["node(s) didn't match the requested node name"]],
  ])('filters node n1 for a pod that names %p', (wanted, reasons) => {
    const cycle = cycleOf(podOf('p', { spec: { nodeName: wanted } }), [nodeOf('n1')]);
    expect(nodeName.preFilter!(cycle).type).toBe(wanted === '' ? 'skip' : 'continue');
    expect(nodeName.filter!(cycle, onlyNode(cycle))?.reasons).toEqual(reasons);
  });
});
