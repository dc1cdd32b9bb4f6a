import { describe, expect, it } from '@jest/globals';
import type { Node } from '../../api/core/v1/node.ts';
import type { PodSpec } from '../../api/core/v1/pod/types.ts';
import { testPod } from '../testing.ts';
import { misfitsOf } from './node-fit.ts';
import type { NodeFitQuestion } from './node-fit.ts';

const NODE = { metadata: { name: 'node-1', labels: { disk: 'ssd' } }, spec: {} } as unknown as Node;
const TAINTED = {
  ...NODE,
  spec: { taints: ['NoSchedule', 'NoExecute'].map((effect) => ({ key: effect.toLowerCase(), effect })) },
} as unknown as Node;
const QUESTION: NodeFitQuestion = {
  pod: testPod(),
  others: [],
  nodeName: 'node-1',
  allocatable: { pods: '3', cpu: '2', memory: '1Gi', 'ephemeral-storage': '1G', 'example.com/disk': '1' },
  node: NODE,
};
const asking = (requests: Record<string, string>): Partial<PodSpec> => ({
  containers: [{ name: 'a', image: 'a', resources: { requests } }],
});
const listening = (hostPort: number, hostIP?: string): Partial<PodSpec> => ({
  containers: [
    { name: 'a', image: 'a', ports: [{ containerPort: 80, hostPort, ...(hostIP === undefined ? {} : { hostIP }) }] },
  ],
});
/** As they are told, one line each. */
const told = (spec: Partial<PodSpec>, question: Partial<NodeFitQuestion> = {}): string[] =>
  misfitsOf({ ...QUESTION, pod: testPod(spec), ...question }).map(({ reason, message }) => `${reason}: ${message}`);

describe('misfitsOf()', () => {
  const short = (what: string): string => `Node didn't have enough resource: ${what}`;

  it('has room for what just fits', () => {
    const others = [testPod(asking({ cpu: '1500m', memory: '512Mi' }), { uid: 'b' })];
    expect(told(asking({ cpu: '500m', memory: '512Mi', 'example.com/disk': '1' }), { others })).toEqual([]);
  });

  it('says of each resource what is asked for, in use and there', () => {
    const others = [testPod(asking({ cpu: '1500m', 'example.com/disk': '1' }), { uid: 'b' })];
    expect(told(asking({ 'example.com/disk': '1', memory: '2Gi', cpu: '600m' }), { others })).toEqual([
      `OutOfcpu: ${short('cpu, requested: 600, used: 1500, capacity: 2000')}`,
      `OutOfmemory: ${short('memory, requested: 2147483648, used: 0, capacity: 1073741824')}`,
      `OutOfexample.com/disk: ${short('example.com/disk, requested: 1, used: 1, capacity: 1')}`,
    ]);
  });

  it('takes so many pods and no more, whatever they ask for', () => {
    const others = ['b', 'c', 'd'].map((uid) => testPod({}, { uid }));
    expect(told({}, { others })).toEqual([`OutOfpods: ${short('pods, requested: 1, used: 3, capacity: 3')}`]);
    expect(told({}, { others: others.slice(1) })).toEqual([]);
  });

  it('leaves resources that the node does not know to whoever does, and is out of its own kinds', () => {
    expect(told(asking({ 'example.com/gpu': '1', cpu: '1' }))).toEqual([]);
    expect(told(asking({ 'hugepages-2Mi': '2Mi' }))).toEqual([
      `OutOfhugepages-2Mi: ${short('hugepages-2Mi, requested: 2097152, used: 0, capacity: 0')}`,
    ]);
  });

  it('keeps to node selectors and affinity', () => {
    const message = "NodeAffinity: Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector";
    expect(told({ nodeSelector: { disk: 'ssd' } })).toEqual([]);
    expect(told({ nodeSelector: { disk: 'hdd' } })).toEqual([message]);
    expect(told({ nodeSelector: { disk: 'hdd' } }, { node: undefined })).toEqual([]);
  });

  it('gives a port of the node to one pod for each address', () => {
    const message = "NodePorts: Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports";
    const others = [testPod(listening(8080, '192.0.2.1'), { uid: 'b' })];
    expect(told(listening(8080, '192.0.2.2'), { others })).toEqual([]);
    expect(told(listening(8080), { others })).toEqual([message]);
    expect(told(listening(8081), { others })).toEqual([]);
  });

  it('asks for toleration of the taints that would end the pod, and of no others', () => {
    const message =
      "TaintToleration: Predicate TaintToleration failed: node(s) had taints that the pod didn't tolerate";
    expect(told({}, { node: TAINTED })).toEqual([message]);
    expect(told({ tolerations: [{ key: 'noexecute', operator: 'Exists' }] }, { node: TAINTED })).toEqual([]);
  });
});
