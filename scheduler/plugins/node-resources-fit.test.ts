import { describe, expect, it } from '@jest/globals';
import { cycleOf, nodeOf, onlyNode, podOf } from '../objects-for-tests.ts';
import type { NodeResourcesFitArgs, ScoringStrategy } from '../plugin-args.ts';
import { podInfoOf } from '../pod-info.ts';
import { nodeResourcesFit as nodeResourcesFitWith } from './node-resources-fit.ts';

const nodeResourcesFit = nodeResourcesFitWith();
const ALLOCATABLE = { cpu: '2', memory: '4Gi', 'ephemeral-storage': '10Gi', pods: '3', 'example.com/gpu': '2' };

describe('NodeResourcesFit [S1]', () => {
  it.each<[string, Record<string, string>, Record<string, string>[], string[] | undefined, string | undefined]>([
    ['all of it', { cpu: '2', memory: '4Gi' }, [], undefined, undefined],
    ['what is left', { cpu: '500m' }, [{ cpu: '1500m' }], undefined, undefined],
    ['more cpu than is left', { cpu: '501m' }, [{ cpu: '1500m' }], ['Insufficient cpu'], 'Unschedulable'],
    ['more cpu than there is', { cpu: '2001m' }, [], ['Insufficient cpu'], 'UnschedulableAndUnresolvable'],
    [
      'too much of two',
      { cpu: '1', memory: '3Gi' },
      [{ cpu: '1500m', memory: '2Gi' }],
      ['Insufficient cpu', 'Insufficient memory'],
      'Unschedulable',
    ],
    [
      'too much storage',
      { 'ephemeral-storage': '11Gi' },
      [],
      ['Insufficient ephemeral-storage'],
      'UnschedulableAndUnresolvable',
    ],
    ['an extended resource', { 'example.com/gpu': '1' }, [{ 'example.com/gpu': '1' }], undefined, undefined],
    [
      'too much of one',
      { 'example.com/gpu': '2' },
      [{ 'example.com/gpu': '1' }],
      ['Insufficient example.com/gpu'],
      'Unschedulable',
    ],
    [
      'an unknown resource',
      { 'example.com/fpga': '1' },
      [],
      ['Insufficient example.com/fpga'],
      'UnschedulableAndUnresolvable',
    ],
    ['nothing where pods may come', {}, [{ cpu: '2' }, {}], undefined, undefined],
    ['nothing where no more pods may come', {}, [{}, {}, {}], ['Too many pods'], 'Unschedulable'],
    [
      'cpu on a full node',
      { cpu: '1' },
      [{ cpu: '2' }, {}, {}],
      ['Too many pods', 'Insufficient cpu'],
      'Unschedulable',
    ],
  ])('filters a node for a pod that requests %s', (_name, requests, present, reasons, code) => {
    const pods = present.map((own, i) => podOf(`q${i}`, { requests: own }));
    const cycle = cycleOf(podOf('p', { requests }), [nodeOf('n', { allocatable: ALLOCATABLE })], { n: pods });
    const rejection = nodeResourcesFit.filter!(cycle, onlyNode(cycle));
    expect(rejection?.reasons).toEqual(reasons);
    expect(rejection?.code).toBe(code);
  });

  it.each<[string, Record<string, string>, Record<string, string>[], number]>([
    // (75 + 75) / 2
    ['an empty node', { cpu: '1', memory: '4Gi' }, [], 75],
    // cpu 4000m-1000m-2000m: 25; memory 16-4-4 GiB: 50
    ['a node in use', { cpu: '1', memory: '4Gi' }, [{ cpu: '2', memory: '4Gi' }], 37],
    // 100m of 4000m: 97; 200Mi of 16Gi: 98
    ['a pod that asks for nothing', {}, [], 97],
    ['a pod beside one that asks for nothing', { cpu: '4', memory: '16Gi' }, [{}], 0],
  ])('scores %s', (_name, requests, present, expected) => {
    const pods = present.map((own, i) => podOf(`q${i}`, { requests: own }));
    const cycle = cycleOf(podOf('p', { requests }), [nodeOf('n')], { n: pods });
    expect(nodeResourcesFit.score!(cycle, onlyNode(cycle))).toBe(expected);
  });

  it('scores a node without memory by its cpu', () => {
    const cycle = cycleOf(podOf('p', { requests: { cpu: '1' } }), [nodeOf('n', { allocatable: { cpu: '2' } })]);
    expect(nodeResourcesFit.score!(cycle, onlyNode(cycle))).toBe(50);
  });

  it('has hope when a node that is big enough comes or offers more of what is asked for', () => {
    const info = podInfoOf(podOf('p', { requests: { cpu: '3' } }));
    const of = (cpu: string, memory = '1Gi') => nodeOf('n', { allocatable: { cpu, memory, pods: '10' } });
    const hint = nodeResourcesFit.queueingHint!;
    expect(hint(info, { name: 'NodeAdd', node: of('3') })).toBe(true);
    expect(hint(info, { name: 'NodeAdd', node: of('2') })).toBe(false);
    expect(hint(info, { name: 'NodeUpdateAllocatable', node: of('4'), previous: of('3') })).toBe(true);
    expect(hint(info, { name: 'NodeUpdateAllocatable', node: of('2'), previous: of('1') })).toBe(false);
    expect(hint(info, { name: 'NodeUpdateAllocatable', node: of('4', '2Gi'), previous: of('4') })).toBe(false);
    const pod = (cpu: string) => podOf('q', { requests: { cpu, memory: '1Gi' } });
    expect(hint(info, { name: 'AssignedPodScaleDown', pod: pod('1'), previous: pod('2') })).toBe(true);
    expect(hint(info, { name: 'AssignedPodScaleDown', pod: pod('1'), previous: pod('1') })).toBe(false);
    expect(hint(info, { name: 'AssignedPodDelete', pod: pod('1') })).toBe(true);
  });

  it('leaves ignored extended resources to someone else, by name or by group', () => {
    const requests = { 'example.com/gpu': '9', 'example.org/fpga': '9', 'hugepages-2Mi': '2Mi' };
    const cycle = cycleOf(podOf('p', { requests }), [nodeOf('n', { allocatable: ALLOCATABLE })]);
    const reasonsWith = (args: NodeResourcesFitArgs) =>
      nodeResourcesFitWith(args).filter!(cycle, onlyNode(cycle))?.reasons;
    expect(reasonsWith({ ignoredResources: ['example.com/gpu'] })).toEqual([
      'Insufficient example.org/fpga',
      'Insufficient hugepages-2Mi',
    ]);
    expect(reasonsWith({ ignoredResourceGroups: ['example.org'] })).toEqual([
      'Insufficient example.com/gpu',
      'Insufficient hugepages-2Mi',
    ]);
    const all = { ignoredResources: ['hugepages-2Mi'], ignoredResourceGroups: ['example.com', 'example.org'] };
    expect(reasonsWith(all)).toEqual(['Insufficient hugepages-2Mi']);
  });

  const fill = [
    { utilization: 0, score: 0 },
    { utilization: 50, score: 4 },
    { utilization: 100, score: 10 },
  ];
  const ratio = { type: 'RequestedToCapacityRatio' as const, requestedToCapacityRatio: { shape: fill } };
  const gpus = { resources: [{ name: 'cpu', weight: 1 }, { name: 'example.com/gpu', weight: 3 }] }; // prettier-ignore
  const half = { resources: [{ name: 'cpu', weight: 0 }, { name: 'memory', weight: 1 }] }; // prettier-ignore
  it.each<[string, ScoringStrategy, Record<string, string>, number]>([
    // 2 of 4 cpus, 4 of 16 GiB in use: (50 + 25) / 2
    ['MostAllocated', { type: 'MostAllocated' }, { cpu: '1', memory: '2Gi' }, 37],
    ['MostAllocated beyond the full node', { type: 'MostAllocated' }, { cpu: '9', memory: '14Gi' }, 100],
    ['a weight of 0 as 1', { ...half, type: 'MostAllocated' }, { cpu: '1', memory: '2Gi' }, 37],
    ['LeastAllocated by weight', gpus, { cpu: '1', 'example.com/gpu': '1' }, 68],
    ['a resource that the pod does not ask for', gpus, { cpu: '1' }, 50],
    ['a resource that the node does not have', { resources: [{ name: 'example.com/fpga' }] }, {}, 0],
    // cpu 50 % in use: 40; memory 25 %: 20
    ['RequestedToCapacityRatio', ratio, { cpu: '1', memory: '2Gi' }, 30],
    // cpu 75 %: 40 + 60 * 25/50; memory scores 0 at 0 % and does not count
    [
      'RequestedToCapacityRatio of one',
      { ...ratio, resources: [{ name: 'cpu' }, { name: 'x.io/y' }] },
      { cpu: '2' },
      70,
    ],
  ])('scores by %s', (_name, scoringStrategy, requests, expected) => {
    const present = { n: [podOf('q', { requests: { cpu: '1', memory: '2Gi' } })] };
    const allocatable = { cpu: '4', memory: '16Gi', pods: '10', 'example.com/gpu': '4' };
    const cycle = cycleOf(podOf('p', { requests }), [nodeOf('n', { allocatable })], present);
    expect(nodeResourcesFitWith({ scoringStrategy }).score!(cycle, onlyNode(cycle))).toBe(expected);
  });
});
