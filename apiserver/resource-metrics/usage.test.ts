import { describe, expect, it } from '@jest/globals';
import type { ContainerSample, NodeSample } from './sample.ts';
import { nodeUsage, podUsage, usageBetween } from './usage.ts';

const sample = (cpuNs: number, timestampMs: number, startedAtMs = 0): ContainerSample => ({
  cpuNs,
  memoryBytes: cpuNs * 2,
  timestampMs,
  startedAtMs,
});

const nodeSample = (containers: Record<string, ContainerSample>): NodeSample => ({
  node: containers['node'],
  pods: new Map([['a/p', new Map(Object.entries(containers).filter(([name]) => name !== 'node'))]]),
});

describe('usageBetween()', () => {
  it('spreads the processor time over the window', () => {
    expect(usageBetween(sample(1_000_000_000, 5000), sample(4_000_000_000, 20_000))).toEqual({
      nanoCores: 200_000_000,
      memoryBytes: 8_000_000_000,
      timestampMs: 20_000,
      windowMs: 15_000,
    });
  });

  it.each([
    ['no time has passed', sample(1, 5000), sample(2, 5000)],
    ['time went back', sample(1, 5000), sample(2, 4000)],
    ['the counter went back', sample(2, 5000), sample(1, 6000)],
  ])('says nothing when %s', (_why, before, after) => {
    expect(usageBetween(before, after)).toBeUndefined();
  });
});

describe('podUsage()', () => {
  const usage = (before: Record<string, ContainerSample>, after: Record<string, ContainerSample>) =>
    podUsage('a/p', nodeSample(before), nodeSample(after));

  it('tells each container, and the earliest end of a window', () => {
    const found = usage({ x: sample(0, 1000), y: sample(0, 1100) }, { x: sample(5, 2000), y: sample(5, 1900) });
    expect(found).toMatchObject({ timestampMs: 1900, windowMs: 800 });
    expect(found!.containers.map(({ name, usage: { nanoCores } }) => [name, nanoCores])).toEqual([
      ['x', 5],
      ['y', 6],
    ]);
  });

  it('says nothing while one container is not known', () => {
    expect(usage({ x: sample(0, 1000) }, { x: sample(5, 2000), y: sample(5, 2000, 1500) })).toBeUndefined();
    expect(podUsage('a/other', nodeSample({}), nodeSample({}))).toBeUndefined();
  });

  it('takes the whole life of a container that is new and has lived for 10 s', () => {
    const before = { x: sample(100, 1000) };
    // Started again, whatever it had used before.
    expect(usage(before, { x: sample(500, 16_000, 6000) })).toMatchObject({ windowMs: 10_000 });
    expect(usage({}, { x: sample(500, 16_000, 6001) })).toBeUndefined();
    expect(usage({}, { x: sample(500, 16_000, 1000) })).toBeUndefined();
    expect(usage({}, { x: sample(500, 16_000, NaN) })).toBeUndefined();
  });
});

it('nodeUsage() needs both samples', () => {
  const [one, two] = [nodeSample({ node: sample(0, 0) }), nodeSample({ node: sample(1000, 1000) })];
  expect(nodeUsage(one, two)).toMatchObject({ nanoCores: 1000 });
  expect(nodeUsage(nodeSample({}), two)).toBeUndefined();
  expect(nodeUsage(one, nodeSample({}))).toBeUndefined();
});
