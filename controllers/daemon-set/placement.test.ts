import { describe, expect, it } from '@jest/globals';
import type { DaemonSet } from '../../api/apps/v1/daemon-set.ts';
import type { Node, Taint } from '../../api/core/v1/node.ts';
import type { Pod, PodSpec } from '../../api/core/v1/pod.ts';
import { daemonPodTemplate, forNode, placementOf, targetNode } from './placement.ts';

const makeSet = (spec: Partial<PodSpec> = {}, annotations?: Record<string, string>): DaemonSet =>
  ({
    metadata: { name: 'd', namespace: 'ns', uid: 'set', ...(annotations === undefined ? {} : { annotations }) },
    spec: { template: { metadata: { labels: { app: 'd' } }, spec: { containers: [], ...spec } } },
  }) as unknown as DaemonSet;
const makeNode = (labels: Record<string, string> = {}, taints: Taint[] = []): Node =>
  ({ metadata: { name: 'n', labels }, spec: { taints } }) as Node;
const tainted = (key: string, effect: string): Node => makeNode({}, [{ key, effect }]);
const on = (spec: Partial<PodSpec>, node: Node): [boolean, boolean] => {
  const { shouldRun, mayStay } = placementOf(makeSet(spec))(node);
  return [shouldRun, mayStay];
};

describe('placementOf()', () => {
  it('asks for the node’s labels', () => {
    const spec = { nodeSelector: { disk: 'ssd' } };
    expect(on(spec, makeNode({ disk: 'ssd' }))).toEqual([true, true]);
    expect(on(spec, makeNode({ disk: 'hdd' }))).toEqual([false, false]);
  });

  it('asks for the required affinity', () => {
    const matchExpressions = [{ key: 'zone', operator: 'In', values: ['a'] }];
    const nodeAffinity = {
      requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions }] },
    };
    expect(on({ affinity: { nodeAffinity } }, makeNode({ zone: 'a' }))).toEqual([true, true]);
    expect(on({ affinity: { nodeAffinity } }, makeNode({ zone: 'b' }))).toEqual([false, false]);
  });

  it('asks for the node’s name', () => {
    expect(on({ nodeName: 'n' }, makeNode())).toEqual([true, true]);
    expect(on({ nodeName: 'other' }, makeNode())).toEqual([false, false]);
  });

  it.each([
    ['not-ready', 'NoExecute'],
    ['unreachable', 'NoExecute'],
    ['disk-pressure', 'NoSchedule'],
    ['memory-pressure', 'NoSchedule'],
    ['pid-pressure', 'NoSchedule'],
    ['unschedulable', 'NoSchedule'],
  ])('puts up with %s:%s', (condition, effect) => {
    expect(on({}, tainted(`node.kubernetes.io/${condition}`, effect))).toEqual([true, true]);
  });

  it('puts up with a node without a network only on the node’s own', () => {
    const node = tainted('node.kubernetes.io/network-unavailable', 'NoSchedule');
    expect(on({}, node)).toEqual([false, true]);
    expect(on({ hostNetwork: true }, node)).toEqual([true, true]);
  });

  it('keeps away from other taints, and is driven away by those that drive away', () => {
    expect(on({}, tainted('mine', 'NoSchedule'))).toEqual([false, true]);
    expect(on({}, tainted('mine', 'NoExecute'))).toEqual([false, false]);
    expect(on({}, tainted('mine', 'PreferNoSchedule'))).toEqual([true, true]);
    const tolerations = [{ key: 'mine', operator: 'Exists' }];
    expect(on({ tolerations }, tainted('mine', 'NoExecute'))).toEqual([true, true]);
  });
});

describe('a pod for a node', () => {
  it('has labels of its revision, the tolerations, and an affinity for the node alone', () => {
    const matchExpressions = [{ key: 'zone', operator: 'In', values: ['a'] }];
    const preferred = [{ weight: 1, preference: { matchExpressions } }];
    const nodeAffinity = {
      requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions }] },
      preferredDuringSchedulingIgnoredDuringExecution: preferred,
    };
    const tolerations = [
      { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute' },
      { key: 'x' },
    ];
    const set = makeSet(
      { affinity: { nodeAffinity }, tolerations },
      { 'deprecated.daemonset.template.generation': '3' },
    );
    const template = forNode(daemonPodTemplate(set, 'abc'), 'n1');
    expect(template.metadata?.labels).toEqual({
      app: 'd',
      'pod-template-generation': '3',
      'controller-revision-hash': 'abc',
    });
    expect(template.spec.tolerations?.map(({ key, effect }) => `${key}:${effect}`)).toEqual([
      'node.kubernetes.io/not-ready:NoExecute',
      'x:undefined',
      'node.kubernetes.io/unreachable:NoExecute',
      'node.kubernetes.io/disk-pressure:NoSchedule',
      'node.kubernetes.io/memory-pressure:NoSchedule',
      'node.kubernetes.io/pid-pressure:NoSchedule',
      'node.kubernetes.io/unschedulable:NoSchedule',
    ]);
    expect(template.spec.affinity?.nodeAffinity).toEqual({
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['n1'] }] }],
      },
      preferredDuringSchedulingIgnoredDuringExecution: preferred,
    });
    expect(targetNode({ metadata: {}, spec: template.spec } as Pod)).toBe('n1');
  });

  it('is for the node that it is bound to, else for the one that it names, else for none', () => {
    const { spec } = forNode(daemonPodTemplate(makeSet(), 'abc'), 'n1');
    expect(targetNode({ metadata: {}, spec: { ...spec, nodeName: 'n2' } } as Pod)).toBe('n2');
    expect(targetNode({ metadata: {}, spec: { containers: [] } } as unknown as Pod)).toBeUndefined();
  });
});
