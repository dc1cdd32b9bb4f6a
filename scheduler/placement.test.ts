/** Spreading and inter-pod affinity from end to end, against the real API server in this process. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { namespaces } from '../api/core/v1/namespace.ts';
import { pods } from '../api/core/v1/pod.ts';
import type { Pod, PodSpec } from '../api/core/v1/pod.ts';
import { services } from '../api/core/v1/service.ts';
import { serviceAccounts } from '../api/core/v1/service-account.ts';
import { startTestCluster } from './cluster-for-tests.ts';
import type { TestCluster } from './cluster-for-tests.ts';
import { nodeOf, podOf } from './objects-for-tests.ts';

type Constraint = NonNullable<PodSpec['topologySpreadConstraints']>[number];

const ZONE = 'topology.kubernetes.io/zone';
const HOSTNAME = 'kubernetes.io/hostname';
const NOT_HELPFUL = 'Preemption is not helpful for scheduling';

let cluster: TestCluster;

beforeEach(async () => {
  cluster = await startTestCluster();
  for (const [name, zone] of [
    ['a1', 'a'],
    ['a2', 'a'],
    ['b1', 'b'],
  ] as const) {
    await cluster.createNode(nodeOf(name, { labels: { [HOSTNAME]: name, [ZONE]: zone } }));
  }
});
afterEach(() => cluster.stop());

const spread = (facts: Partial<Constraint> = {}): Constraint => ({
  maxSkew: 1,
  topologyKey: HOSTNAME,
  whenUnsatisfiable: 'DoNotSchedule',
  labelSelector: { matchLabels: { app: 'web' } },
  ...facts,
});

async function createAll(names: readonly string[], facts: Parameters<TestCluster['createPod']>[1]): Promise<string[]> {
  for (const name of names) await cluster.createPod(name, facts);
  return Promise.all(names.map((name) => cluster.bound(name)));
}

const labels = { app: 'web' };

describe('a pod with spread constraints [S5]', () => {
  it('goes to the emptiest domain, waits when that has no room, and goes on when a pod ends', async () => {
    await cluster.patchNode('b1', { status: { allocatable: { pods: '1' } } }, 'status');
    cluster.startScheduler();
    const facts = { labels, spec: { topologySpreadConstraints: [spread()] } };
    expect((await createAll(['p1', 'p2', 'p3'], facts)).sort()).toEqual(['a1', 'a2', 'b1']);
    expect((await createAll(['p4', 'p5'], facts)).sort()).toEqual(['a1', 'a2']);
    await cluster.createPod('p6', facts);
    const reasons = "1 Too many pods, 2 node(s) didn't match pod topology spread constraints";
    const preemption = 'preemption: 0/3 nodes are available: 3 No preemption victims found for incoming pod.';
    expect(await cluster.conditionOf('p6')).toMatchObject({
      reason: 'Unschedulable',
      message: `0/3 nodes are available: ${reasons}. ${preemption}`,
    });
    const [gone] = (await cluster.client.list<Pod>(pods, { namespace: 'default' })).items.filter(
      ({ spec }) => spec.nodeName === 'a2',
    );
    await cluster.deletePod(gone!.metadata.name!);
    expect(await cluster.bound('p6')).toBe('a2');
  });

  it('counts the pods of its own revision by matchLabelKeys', async () => {
    cluster.startScheduler();
    const constraint = spread({ topologyKey: ZONE, matchLabelKeys: ['rev'] });
    const revision = (rev: string) => ({
      labels: { ...labels, rev },
      spec: { topologySpreadConstraints: [constraint], nodeSelector: { [HOSTNAME]: 'a1' } },
    });
    expect(await createAll(['old'], revision('1'))).toEqual(['a1']);
    expect(await createAll(['new'], revision('2'))).toEqual(['a1']);
    // The server has made the keys part of the selector.
    const { spec } = await cluster.getPod('new');
    expect(spec.topologySpreadConstraints![0]!.labelSelector).toEqual({
      matchLabels: labels,
      matchExpressions: [{ key: 'rev', operator: 'In', values: ['2'] }],
    });
  });

  it('is spread with the others of its Service when it says nothing itself', async () => {
    await cluster.client.create(services, {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web', namespace: 'default' },
      spec: { selector: labels, ports: [{ port: 80 }] },
    } as never);
    cluster.startScheduler();
    await createAll(['p0'], { labels, spec: { nodeSelector: { [HOSTNAME]: 'a1' } } });
    const nodes: string[] = [];
    for (const name of ['p1', 'p2']) nodes.push(...(await createAll([name], { labels })));
    expect(nodes.sort()).toEqual(['a2', 'b1']);
  });
});

describe('a pod with inter-pod affinity [S4]', () => {
  const near = (app: string, topologyKey: string, facts: object = {}) => ({
    requiredDuringSchedulingIgnoredDuringExecution: [
      { topologyKey, labelSelector: { matchLabels: { app } }, ...facts },
    ],
  });

  it('avoids its like, says so when they are everywhere, and takes the place of one that ends', async () => {
    cluster.startScheduler();
    const facts = { labels, spec: { affinity: { podAntiAffinity: near('web', HOSTNAME) } } };
    expect((await createAll(['p1', 'p2', 'p3'], facts)).sort()).toEqual(['a1', 'a2', 'b1']);
    await cluster.createPod('p4', facts);
    const { message } = await cluster.conditionOf('p4');
    expect(message).toMatch(
      /^0\/3 nodes are available: 3 node\(s\) didn't match pod anti-affinity rules\. preemption: /,
    );
    const freed = await cluster.bound('p2');
    await cluster.deletePod('p2');
    expect(await cluster.bound('p4')).toBe(freed);
    // Others avoid what avoids them.
    await cluster.createPod('plain', { labels });
    expect((await cluster.conditionOf('plain')).message).toContain(
      "3 node(s) didn't satisfy existing pods anti-affinity rules",
    );
  });

  it('waits for the pods that it needs, in namespaces chosen by labels', async () => {
    await cluster.client.create(namespaces, {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'store', labels: { tier: 'data' } },
    });
    await cluster.client.create(serviceAccounts, {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: 'default', namespace: 'store' },
    });
    cluster.startScheduler();
    const namespaceSelector = { matchLabels: { tier: 'data' } };
    await cluster.createPod('client', { spec: { affinity: { podAffinity: near('db', ZONE, { namespaceSelector }) } } });
    const { message } = await cluster.conditionOf('client');
    const preemption = `preemption: 0/3 nodes are available: 3 ${NOT_HELPFUL}.`;
    expect(message).toBe(`0/3 nodes are available: 3 node(s) didn't match pod affinity rules. ${preemption}`);
    const db = podOf('db', { labels: { app: 'db' }, spec: { nodeSelector: { [HOSTNAME]: 'b1' } } });
    const { uid: _uid, ...metadata } = db.metadata;
    await cluster.client.create<Pod>(pods, { ...db, metadata: { ...metadata, namespace: 'store' } });
    expect(await cluster.bound('client')).toBe('b1');
  });

  it('may be the first of a group that stays together', async () => {
    cluster.startScheduler();
    const facts = { labels, spec: { affinity: { podAffinity: near('web', ZONE) } } };
    const [first] = await createAll(['p1'], facts);
    const others = await createAll(['p2', 'p3', 'p4'], facts);
    expect(new Set([first!, ...others].map((name) => name[0])).size).toBe(1);
  });
});
