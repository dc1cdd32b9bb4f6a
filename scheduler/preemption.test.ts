/** Preemption from end to end, against the real API server in this process. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { pods } from '../api/core/v1/pod.ts';
import type { Pod } from '../api/core/v1/pod.ts';
import { podDisruptionBudgets } from '../api/policy/v1/pod-disruption-budget.ts';
import type { PriorityClass } from '../api/scheduling/v1/priority-class.ts';
import { priorityClasses } from '../api/scheduling/v1/priority-class.ts';
import { isNotFound } from '../api/machinery/errors.ts';
import { eventually, startTestCluster } from './cluster-for-tests.ts';
import type { TestCluster } from './cluster-for-tests.ts';
import { nodeOf } from './objects-for-tests.ts';
import type { PodFacts } from './objects-for-tests.ts';

let cluster: TestCluster;

beforeEach(async () => {
  cluster = await startTestCluster();
  for (const [name, value, preemptionPolicy] of [
    ['low', 1, 'PreemptLowerPriority'],
    ['middle', 50, 'PreemptLowerPriority'],
    ['high', 100, 'PreemptLowerPriority'],
    ['polite', 100, 'Never'],
  ] as const)
    await cluster.client.create(priorityClasses, {
      apiVersion: 'scheduling.k8s.io/v1',
      kind: 'PriorityClass',
      metadata: { name },
      value,
      preemptionPolicy,
    } as PriorityClass);
});
afterEach(() => cluster.stop());

const asking = (priorityClassName: string, cpu: string): PodFacts => ({
  requests: { cpu },
  spec: { priorityClassName, terminationGracePeriodSeconds: 0 },
});
const oneCpu = (name: string): ReturnType<typeof nodeOf> =>
  nodeOf(name, { allocatable: { cpu: '1', memory: '8Gi', pods: '110' } });
const isGone = (name: string): Promise<boolean> =>
  cluster.getPod(name).then(
    () => false,
    (error: unknown) => isNotFound(error),
  );
const gone = (name: string): Promise<boolean> => eventually(() => isGone(name));

/** A finalizer keeps it after its deletion. */
async function holdPod(name: string): Promise<void> {
  const body = { metadata: { finalizers: ['example.com/hold'] } };
  await cluster.client.patch(pods, { namespace: 'default', name }, { type: 'merge', body });
}
async function letGo(name: string): Promise<void> {
  const body = { metadata: { finalizers: null } };
  await cluster.client.patch(pods, { namespace: 'default', name }, { type: 'merge', body });
}

describe('preemption [S9]', () => {
  it('has a pod of lower priority deleted, says so, and keeps the node for the pod', async () => {
    await cluster.createNode(oneCpu('n1'));
    cluster.startScheduler();
    await cluster.createPod('victim', asking('low', '800m'));
    await cluster.bound('victim');
    await holdPod('victim');
    const { metadata } = await cluster.createPod('preemptor', asking('high', '800m'));

    const victim = await eventually(async () => {
      const pod = await cluster.getPod('victim');
      return pod.metadata.deletionTimestamp !== undefined && pod;
    });
    expect(victim.status?.conditions?.find(({ type }) => type === 'DisruptionTarget')).toMatchObject({
      status: 'True',
      reason: 'PreemptionByScheduler',
      message: 'default-scheduler: preempting to accommodate a higher priority pod',
    });
    expect(await cluster.eventOf('victim', 'Preempted')).toMatchObject({
      type: 'Normal',
      action: 'Preempting',
      message: `Preempted by pod ${metadata.uid} on node n1`,
      related: { kind: 'Pod', name: 'preemptor' },
    });
    const promised = await eventually(async () => {
      const pod = await cluster.getPod('preemptor');
      return pod.status?.nominatedNodeName === 'n1' && pod;
    });
    expect(promised.spec.nodeName).toBeUndefined();

    // The node is promised: what comes later and is worth less does not take it, and nothing else has to go.
    await cluster.createPod('grabber', asking('middle', '600m'));
    await cluster.conditionOf('grabber', ({ reason }) => reason === 'Unschedulable');
    await letGo('victim');
    expect(await cluster.bound('preemptor')).toBe('n1');
    expect((await cluster.getPod('preemptor')).status?.nominatedNodeName).toBeUndefined();
    expect((await cluster.getPod('grabber')).spec.nodeName).toBeUndefined();
  });

  it('does not preempt for a pod that must not, nor one of the same priority', async () => {
    await cluster.createNode(oneCpu('n1'));
    cluster.startScheduler();
    await cluster.createPod('present', asking('middle', '800m'));
    await cluster.bound('present');
    await cluster.createPod('polite', asking('polite', '800m'));
    const { message } = await cluster.conditionOf('polite');
    expect(message).toBe(
      '0/1 nodes are available: 1 Insufficient cpu. preemption: not eligible due to preemptionPolicy=Never.',
    );
    await cluster.createPod('equal', asking('middle', '800m'));
    expect((await cluster.conditionOf('equal')).message).toBe(
      '0/1 nodes are available: 1 Insufficient cpu. ' +
        'preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.',
    );
    expect((await cluster.getPod('present')).metadata.deletionTimestamp).toBeUndefined();
  });

  it('prefers the node where no budget is broken, and breaks one when there is no other way', async () => {
    await cluster.createNode(oneCpu('n1'));
    await cluster.createNode(oneCpu('n2'));
    const { client } = cluster;
    const selector = { matchLabels: { app: 'guarded' } };
    await client.create(podDisruptionBudgets, {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: { name: 'guard', namespace: 'default' },
      spec: { minAvailable: 1, selector },
    });
    cluster.startScheduler();
    await cluster.createPod('guarded', { ...asking('low', '800m'), labels: { app: 'guarded' } });
    await cluster.bound('guarded');
    // Worth more than the guarded one, and still the better choice.
    await cluster.createPod('free', asking('middle', '800m'));
    await cluster.bound('free');
    await cluster.createPod('first', asking('high', '800m'));
    await gone('free');
    await cluster.bound('first');
    expect(await isGone('guarded')).toBe(false);
    await cluster.createPod('second', asking('high', '800m'));
    await gone('guarded');
    expect(await cluster.bound('second')).toBeDefined();
  });

  it('serves many preemptors at once, with one victim each', async () => {
    const names = Array.from({ length: 6 }, (_, i) => `${i}`);
    for (const name of names) await cluster.createNode(oneCpu(`n${name}`));
    cluster.startScheduler();
    for (const name of names) await cluster.createPod(`victim-${name}`, asking('low', '800m'));
    for (const name of names) await cluster.bound(`victim-${name}`);
    await cluster.createPod('spare', asking('low', '100m'));
    await Promise.all(names.map((name) => cluster.createPod(`preemptor-${name}`, asking('high', '800m'))));
    const nodes = await Promise.all(names.map((name) => cluster.bound(`preemptor-${name}`)));
    expect(new Set(nodes).size).toBe(6);
    expect(await cluster.bound('spare')).toBeDefined();
  });

  it('takes the promise back from a pod when one of higher priority needs the node', async () => {
    await cluster.createNode(oneCpu('n1'));
    cluster.startScheduler();
    await cluster.createPod('victim', asking('low', '800m'));
    await cluster.bound('victim');
    await holdPod('victim');
    const nominated = (name: string): Promise<Pod> =>
      eventually(async () => {
        const pod = await cluster.getPod(name);
        return pod.status?.nominatedNodeName === 'n1' && pod;
      });
    await cluster.createPod('middle', asking('middle', '800m'));
    await nominated('middle');
    await cluster.createPod('high', asking('high', '800m'));
    await nominated('high');
    await letGo('victim');
    expect(await cluster.bound('high')).toBe('n1');
    expect((await cluster.getPod('middle')).spec.nodeName).toBeUndefined();
  });

  describe('wakes who had to leave room for a pod that gives its node up', () => {
    const nominated = (name: string): Promise<unknown> =>
      eventually(async () => (await cluster.getPod(name)).status?.nominatedNodeName === 'n1');
    const tolerating = (...keys: string[]): NonNullable<PodFacts['spec']> => ({
      tolerations: keys.map((key) => ({ key, operator: 'Exists' })),
    });

    /** The preemptor waits for `n1`, and a small pod because `n1` is promised to it. */
    async function promiseNode(cpuOfOther: string): Promise<void> {
      const n1 = oneCpu('n1');
      await cluster.createNode({ ...n1, metadata: { ...n1.metadata, labels: { disk: 'ssd' } } });
      const allocatable = { cpu: cpuOfOther, memory: '8Gi', pods: '110' };
      const spec = { taints: [{ key: 'k', effect: 'NoSchedule' }] };
      await cluster.createNode(nodeOf('n2', { allocatable, spec }));
      cluster.startScheduler();
      await cluster.createPod('victim', asking('low', '800m'));
      await cluster.bound('victim');
      await holdPod('victim');
      const { requests, spec: asked } = asking('high', '800m');
      const wishes = { nodeSelector: { disk: 'ssd' }, ...tolerating('k') };
      await cluster.createPod('preemptor', { requests: requests!, spec: { ...asked, ...wishes } });
      await nominated('preemptor');
      const { spec: small } = asking('middle', '100m');
      const rejected = { requests: { cpu: '100m' }, spec: { ...small, ...tolerating('x') } };
      await cluster.createPod('small', rejected);
      await cluster.conditionOf('small', ({ reason }) => reason === 'Unschedulable');
    }

    it('because no node will do any more', async () => {
      await promiseNode('100m');
      await cluster.patchNode('n1', { spec: { taints: [{ key: 'x', effect: 'NoSchedule' }] } });
      // Of the two this wakes the preemptor only.
      await cluster.patchNode('n2', { metadata: { labels: { disk: 'ssd' } } });
      expect(await cluster.bound('small')).toBe('n1');
      expect((await cluster.getPod('preemptor')).status?.nominatedNodeName).toBeUndefined();
    });

    it('because another node will do', async () => {
      await promiseNode('1');
      await cluster.patchNode('n2', { metadata: { labels: { disk: 'ssd' } } });
      expect(await cluster.bound('preemptor')).toBe('n2');
      expect(await cluster.bound('small')).toBe('n1');
    });
  });
});
