import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { podQosClass } from '../qos.ts';
import { defaultPod } from './defaults.ts';
import { podLimits, podRequests } from './resources.ts';
import type { ResourceAmounts } from './resources.ts';
import type { Pod } from './types.ts';

function podOf(yaml: string): Pod {
  const pod = { metadata: { name: 'p' }, spec: parse(yaml) as unknown } as Pod;
  defaultPod(pod);
  return pod;
}

const show = (amounts: ResourceAmounts): Record<string, string> =>
  Object.fromEntries([...amounts].map(([name, amount]) => [name, amount.toString()]));

const c = (name: string, cpu: string, more = ''): string =>
  `{ name: ${name}, image: i, ${more} resources: { requests: { cpu: ${cpu} } } }`;

describe('podRequests()', () => {
  it('adds up regular containers', () => {
    expect(show(podRequests(podOf(`containers: [${c('a', '100m')}, ${c('b', '250m')}]`)))).toEqual({ cpu: '350m' });
  });

  it('takes the largest init container when it needs more', () => {
    expect(show(podRequests(podOf(`{ initContainers: [${c('i', '2')}], containers: [${c('a', '1')}] }`)))).toEqual({
      cpu: '2',
    });
  });

  it('counts sidecars beside the containers that start after them', () => {
    const always = 'restartPolicy: Always,';
    const before = podOf(`{ initContainers: [${c('s', '1', always)}, ${c('i', '3')}], containers: [${c('a', '1')}] }`);
    expect(show(podRequests(before))).toEqual({ cpu: '4' });
    const after = podOf(`{ initContainers: [${c('i', '3')}, ${c('s', '1', always)}], containers: [${c('a', '1')}] }`);
    expect(show(podRequests(after))).toEqual({ cpu: '3' });
  });

  it('adds the overhead, to limits only where there are some', () => {
    const pod = podOf(`
overhead: { cpu: 100m, memory: 64Mi }
containers: [{ name: a, image: i, resources: { limits: { cpu: "1" } } }]
`);
    expect(show(podRequests(pod))).toEqual({ cpu: '1100m', memory: '64Mi' });
    expect(show(podRequests(pod, { excludeOverhead: true }))).toEqual({ cpu: '1' });
    expect(show(podLimits(pod))).toEqual({ cpu: '1100m' });
  });

  it('prefers what is set for the pod as a whole', () => {
    const pod = podOf(`{ resources: { requests: { cpu: "2" } }, containers: [${c('a', '1')}] }`);
    expect(show(podRequests(pod))).toEqual({ cpu: '2' });
    expect(show(podRequests(pod, { skipPodLevelResources: true }))).toEqual({ cpu: '1' });
  });

  it('counts what is in use while a resize is under way', () => {
    const pod = podOf(`containers: [${c('a', '1')}]`);
    const status = { name: 'a', image: 'i', imageID: '', ready: true, restartCount: 0 };
    pod.status = {
      containerStatuses: [{ ...status, allocatedResources: { cpu: '3' }, resources: { requests: { cpu: '2' } } }],
    };
    expect(show(podRequests(pod))).toEqual({ cpu: '1' });
    expect(show(podRequests(pod, { useStatusResources: true }))).toEqual({ cpu: '3' });
  });

  it('counts what does not parse as absent', () => {
    expect(show(podRequests(podOf(`containers: [${c('a', 'many')}, ${c('b', '1')}]`)))).toEqual({ cpu: '1' });
  });
});

describe('podQosClass()', () => {
  const limits = 'resources: { limits: { cpu: "1", memory: 1Gi } }';
  it.each([
    ['containers: [{ name: a, image: i }]', 'BestEffort'],
    ['containers: [{ name: a, image: i, resources: { requests: { cpu: 0 } } }]', 'BestEffort'],
    ['containers: [{ name: a, image: i, resources: { limits: { example.com/gpu: 1 } } }]', 'BestEffort'],
    [`containers: [{ name: a, image: i, ${limits} }]`, 'Guaranteed'],
    [`containers: [{ name: a, image: i, ${limits} }, { name: b, image: i }]`, 'Burstable'],
    [`{ initContainers: [{ name: i, image: i }], containers: [{ name: a, image: i, ${limits} }] }`, 'Burstable'],
    ['containers: [{ name: a, image: i, resources: { limits: { cpu: "1" } } }]', 'Burstable'],
    [
      'containers: [{ name: a, image: i, resources: { limits: { cpu: "1", memory: 1Gi }, requests: { cpu: 500m } } }]',
      'Burstable',
    ],
    ['{ resources: { limits: { cpu: "1", memory: 1Gi } }, containers: [{ name: a, image: i }] }', 'Guaranteed'],
  ])('%s is %s', (yaml, expected) => {
    expect(podQosClass(podOf(yaml))).toBe(expected);
  });

  it('is what was recorded at creation', () => {
    const pod = podOf('containers: [{ name: a, image: i }]');
    pod.status = { qosClass: 'Burstable' };
    expect(podQosClass(pod)).toBe('Burstable');
  });
});
