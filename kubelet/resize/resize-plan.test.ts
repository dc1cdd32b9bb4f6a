import { describe, expect, it } from '@jest/globals';
import type { Container, Pod, ResourceRequirements } from '../../api/core/v1/pod/types.ts';
import { testPod } from '../testing.ts';
import { restartsForResize, withResource } from './container-resources.ts';
import { resourcesOf, withResources } from './pod-allocation.ts';
import { memoryShortage, planResize } from './resize-plan.ts';
import { resizeMessage } from './resize-messages.ts';

const guaranteed = (cpu: string, memory: string): ResourceRequirements => ({
  limits: { cpu, memory },
  requests: { cpu, memory },
});
const podOf = (...resources: ResourceRequirements[]): Pod =>
  testPod({ containers: resources.map((one, i) => ({ name: `c${i}`, image: 'i', resources: one })) });
const running = new Map([
  ['c0', 'id0'],
  ['c1', 'id1'],
]);
const Mi = 1 << 20;

describe('planResize() [W12]', () => {
  it('lets the pod grow before its containers, limits before requests', () => {
    const input = { before: podOf(guaranteed('100m', '10Mi')), after: podOf(guaranteed('200m', '20Mi')), running };
    expect(planResize(input, 'cpu')).toEqual([
      { resources: { cpuPeriodUs: 100_000, cpuQuotaUs: 20_000 } },
      { resources: { cpuShares: 204 } },
      { id: 'id0', name: 'c0', resources: { cpuShares: 204, cpuPeriodUs: 100_000, cpuQuotaUs: 20_000 } },
    ]);
    expect(planResize(input, 'memory')).toEqual([
      { resources: { memoryLimitBytes: 20 * Mi } },
      { id: 'id0', name: 'c0', resources: { memoryLimitBytes: 20 * Mi } },
    ]);
  });

  it('lets the pod shrink after its containers, requests before limits', () => {
    const input = { before: podOf(guaranteed('200m', '20Mi')), after: podOf(guaranteed('100m', '20Mi')), running };
    expect(planResize(input, 'cpu')).toEqual([
      { id: 'id0', name: 'c0', resources: { cpuShares: 102, cpuPeriodUs: 100_000, cpuQuotaUs: 10_000 } },
      { resources: { cpuShares: 102 } },
      { resources: { cpuPeriodUs: 100_000, cpuQuotaUs: 10_000 } },
    ]);
    expect(planResize(input, 'memory')).toEqual([]);
  });

  it('takes from one container before it gives to another', () => {
    const before = podOf(guaranteed('100m', '10Mi'), guaranteed('300m', '30Mi'));
    const after = podOf(guaranteed('300m', '30Mi'), guaranteed('100m', '10Mi'));
    const ids = (resource: 'cpu' | 'memory'): (string | undefined)[] =>
      planResize({ before, after, running }, resource).map(({ id }) => id);
    expect(ids('cpu')).toEqual(['id1', 'id0']);
    expect(ids('memory')).toEqual(['id1', 'id0']);
  });

  it('takes a limit that there was none of for less, and a request of memory for nothing to do', () => {
    const before = podOf({ requests: { cpu: '100m', memory: '10Mi' } });
    const after = podOf({ requests: { cpu: '100m', memory: '20Mi' }, limits: { cpu: '100m' } });
    expect(planResize({ before, after, running }, 'cpu')).toEqual([
      { id: 'id0', name: 'c0', resources: { cpuShares: 102, cpuPeriodUs: 100_000, cpuQuotaUs: 10_000 } },
      { resources: { cpuPeriodUs: 100_000, cpuQuotaUs: 10_000 } },
    ]);
    expect(planResize({ before, after, running }, 'memory')).toEqual([]);
  });

  it('leaves containers that do not run, or start anew, to their start', () => {
    const input = { before: podOf(guaranteed('1', '1Mi')), after: podOf(guaranteed('2', '1Mi')), running: new Map() };
    expect(planResize(input, 'cpu').map(({ id }) => id)).toEqual([undefined, undefined]);
  });
});

describe('memoryShortage() [W12]', () => {
  it('keeps memory that is in use', () => {
    const steps = [
      { id: 'id0', name: 'c0', resources: { memoryLimitBytes: 10 } },
      { resources: { memoryLimitBytes: 30 } },
    ];
    const usage = (a: number, b: number): ReadonlyMap<string, number> =>
      new Map([
        ['id0', a],
        ['id1', b],
      ]);
    expect(memoryShortage(steps, usage(9, 20))).toBeUndefined();
    expect(memoryShortage(steps, usage(10, 5))).toBe(
      'cannot decrease memory limits: attempting to set container "c0" memory limit (10) below current usage (10)',
    );
    expect(memoryShortage(steps, usage(11, 50))).toBe(
      'cannot decrease memory limits: [attempting to set container "c0" memory limit (10) below current usage (11), ' +
        'attempting to set pod memory limit (30) below current usage (61)]',
    );
  });
});

describe('restartsForResize() [W12]', () => {
  const container = (resourceName: string, resources: ResourceRequirements): Container =>
    ({ name: 'c', resources, resizePolicy: [{ resourceName, restartPolicy: 'RestartContainer' }] }) as Container;

  it('is for the resources that the policy names', () => {
    const actual = guaranteed('1', '1Gi');
    expect(restartsForResize(container('memory', guaranteed('2', '1024Mi')), actual)).toBe(false);
    expect(restartsForResize(container('memory', guaranteed('1', '2Gi')), actual)).toBe(true);
    expect(restartsForResize(container('cpu', guaranteed('1', '2Gi')), actual)).toBe(false);
    expect(restartsForResize(container('cpu', guaranteed('1001m', '1Gi')), actual)).toBe(true);
    expect(restartsForResize({ name: 'c', resources: guaranteed('9', '9Gi') } as Container, actual)).toBe(false);
  });

  it('is not for a request of memory, which is written nowhere', () => {
    const less = { limits: { memory: '2Gi' }, requests: { memory: '1Gi' } };
    const more = { limits: { memory: '2Gi' }, requests: { memory: '2Gi' } };
    expect(restartsForResize(container('memory', more), less)).toBe(false);
  });
});

describe('withResources() [W12]', () => {
  it('gives the same pod where only the spelling differs', () => {
    const pod = podOf(guaranteed('1', '1Gi'));
    expect(withResources(pod, { c0: guaranteed('1000m', '1024Mi') })).toBe(pod);
    expect(withResources(pod, resourcesOf(pod))).toBe(pod);
    const changed = withResources(pod, { c0: guaranteed('2', '1Gi') });
    expect(changed.spec.containers[0]!.resources).toEqual(guaranteed('2', '1Gi'));
    expect(pod.spec.containers[0]!.resources).toEqual(guaranteed('1', '1Gi'));
  });

  it('takes in sidecars, and no other init containers', () => {
    const initContainers = [
      { name: 'init', image: 'i', resources: guaranteed('1', '1Gi') },
      { name: 'side', image: 'i', resources: guaranteed('1', '1Gi'), restartPolicy: 'Always' },
    ];
    expect(Object.keys(resourcesOf(testPod({ initContainers })))).toEqual(['side', 'web']);
  });
});

it('withResource() changes one resource on both sides', () => {
  const base = { limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '1', 'example.com/gpu': '1' } };
  const other = { limits: { cpu: '2' }, requests: { memory: '5Gi' } };
  expect(withResource(base, other, 'cpu')).toEqual({
    limits: { memory: '1Gi', cpu: '2' },
    requests: { 'example.com/gpu': '1' },
  });
});

it('resizeMessage() is in the words and the order of upstream', () => {
  const pod = podOf({ requests: { memory: '1Gi', cpu: '1' }, limits: { cpu: '1' } }, {});
  expect(resizeMessage('Deferred', pod, { generation: 3, error: 'no room' })).toBe(
    'Pod resize Deferred: {"containers":[{"name":"c0","resources":{"limits":{"cpu":"1"},"requests":{"cpu":"1","memory":"1Gi"}}},' +
      '{"name":"c1","resources":{}}],"generation":3,"error":"no room"}',
  );
});
