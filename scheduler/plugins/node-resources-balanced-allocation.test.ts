import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { cycleOf, nodeOf, onlyNode, podOf } from '../objects-for-tests.ts';
import { nodeResourcesBalancedAllocation } from './node-resources-balanced-allocation.ts';

const plugin = nodeResourcesBalancedAllocation();

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

  it('scores cpu and memory as it scores any list of two', () => {
    const listed = nodeResourcesBalancedAllocation({ resources: [{ name: 'cpu' }, { name: 'memory' }] });
    const cpu = fc.constantFrom('0', '100m', '333m', '1', '1500m', '4', '9');
    const memory = fc.constantFrom('0', '1', '1Gi', '3Gi', '5500Mi', '16Gi', '40Gi');
    const amounts = fc.record({ cpu, memory });
    fc.assert(
      fc.property(amounts, amounts, amounts, (requests, present, size) => {
        const nodes = [nodeOf('n', { allocatable: { ...size, pods: '10' } })];
        const cycle = cycleOf(podOf('p', { requests }), nodes, { n: [podOf('q', { requests: present })] });
        expect(plugin.score!(cycle, onlyNode(cycle))).toBe(listed.score!(cycle, onlyNode(cycle)));
      }),
      { numRuns: 1000 },
    );
  });

  it('says nothing about pods that ask for nothing', () => {
    expect(plugin.preScore!(cycleOf(podOf('p'), []), [])).toBe('skip');
  });

  it('balances other resources too, but not those that the pod does not ask for', () => {
    const three = nodeResourcesBalancedAllocation({
      resources: [{ name: 'cpu' }, { name: 'memory' }, { name: 'example.com/gpu' }],
    });
    const allocatable = { cpu: '4', memory: '16Gi', pods: '10', 'example.com/gpu': '4' };
    const scoreOf = (requests: Record<string, string>) => {
      const cycle = cycleOf(podOf('p', { requests }), [nodeOf('n', { allocatable })]);
      return three.preScore!(cycle, cycle.snapshot.nodes) ?? three.score!(cycle, onlyNode(cycle));
    };
    expect(scoreOf({})).toBe('skip');
    expect(scoreOf({ 'ephemeral-storage': '1Gi' })).toBe('skip');
    expect(scoreOf({ cpu: '1', memory: '4Gi' })).toBe(75);
    // shares 1, 0, 0 of three: a deviation of 0.471
    expect(scoreOf({ 'example.com/gpu': '4' })).toBe(51);
  });
});
