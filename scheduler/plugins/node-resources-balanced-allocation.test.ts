import { describe, expect, it } from '@jest/globals';
import { cycleOf, nodeOf, onlyNode, podOf } from '../objects-for-tests.ts';
import { nodeResourcesBalancedAllocation as plugin } from './node-resources-balanced-allocation.ts';

describe('NodeResourcesBalancedAllocation [S1]', () => {
  it.each<[string, Record<string, string>, Record<string, string>, number]>([
    ['keeps an empty node even', { cpu: '1', memory: '4Gi' }, {}, 75],
    // 1 of 4 cpus, no memory: balance 87 after 100
    ['makes it uneven', { cpu: '1' }, {}, 68],
    ['makes it even again', { memory: '8Gi' }, { cpu: '2' }, 87],
    ['fills one side of an empty node', { cpu: '4' }, {}, 50],
    ['fills the other side', { memory: '16Gi' }, { cpu: '4' }, 100],
  ])('scores a pod that %s', (_name, requests, present, expected) => {
    const cycle = cycleOf(podOf('p', { requests }), [nodeOf('n')], { n: [podOf('q', { requests: present })] });
    expect(plugin.preScore!(cycle, cycle.snapshot.nodes)).toBeUndefined();
    expect(plugin.score!(cycle, onlyNode(cycle))).toBe(expected);
  });

  it('says nothing about pods that ask for nothing', () => {
    expect(plugin.preScore!(cycleOf(podOf('p'), []), [])).toBe('skip');
  });
});
