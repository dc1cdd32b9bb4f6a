/** ReplicationControllers: upstream's test/e2e/apps/rc.go and what else there uses them, on a simulated node. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { NamespacedKubectl } from '../e2e/harness.ts';
import { kubectlIn } from '../e2e/harness.ts';
import type { Conformance, Json } from './conformance.ts';
import { eventually, isReady, pod, startConformance } from './conformance.ts';

const LIMIT_MS = 60_000;

let cluster: Conformance;
let k: NamespacedKubectl;
let core: string;

beforeAll(async () => {
  cluster = await startConformance();
  k = await kubectlIn(cluster, '35', 'rc');
  core = '/api/v1/namespaces/rc';
}, 90_000);
afterAll(() => cluster?.stop(), 60_000);

const controllerOf = (name: string, replicas: number, labels: Json = {}): Json => ({
  metadata: { name, labels: { app: name, ...labels } },
  spec: {
    replicas,
    selector: { app: name },
    template: {
      metadata: { labels: { app: name, ...labels } },
      spec: { terminationGracePeriodSeconds: 1, containers: [{ name: 'c', image: 'app:1' }] },
    },
  },
});
const podsOf = async (name: string, namespace = core): Promise<Json[]> =>
  (await cluster.get(`${namespace}/pods?labelSelector=app%3D${name}`)).items;
const create = (name: string, replicas: number): Promise<Json> =>
  cluster.post(`${core}/replicationcontrollers`, controllerOf(name, replicas));
const path = (name: string): string => `${core}/replicationcontrollers/${name}`;
const when = (name: string, what: string, check: (object: Json) => boolean): Promise<Json> =>
  eventually(
    `${name} to have ${what}`,
    async () => {
      const object = await cluster.get(path(name));
      return check(object) && object;
    },
    LIMIT_MS,
  );
const available = (name: string, replicas: number): Promise<Json> =>
  when(name, `${replicas} available`, ({ status }) => (status.availableReplicas ?? 0) === replicas);
const gone = (name: string): Promise<boolean> =>
  eventually(`${name} to be gone`, async () => (await cluster.send('GET', path(name))).status === 404, LIMIT_MS);
const deletion = (propagationPolicy: string): Json => ({ kind: 'DeleteOptions', apiVersion: 'v1', propagationPolicy });

describe('a ReplicationController [W2]', () => {
  it('adopts a pod [conformance: Replication Controller, adopt matching pods]', async () => {
    const orphan = await cluster.post(`${core}/pods`, pod('adopted', { labels: { app: 'adopting' } }));
    const { metadata } = await create('adopting', 1);
    await eventually(
      'the pod to be adopted',
      async () => (await cluster.get(`${core}/pods/adopted`)).metadata.ownerReferences?.[0]?.uid === metadata.uid,
      LIMIT_MS,
    );
    expect((await cluster.get(`${core}/pods/adopted`)).metadata.ownerReferences).toEqual([
      {
        apiVersion: 'v1',
        kind: 'ReplicationController',
        name: 'adopting',
        uid: metadata.uid,
        controller: true,
        blockOwnerDeletion: true,
      },
    ]);
    expect((await podsOf('adopting')).map(({ metadata: { uid } }) => uid)).toEqual([orphan.metadata.uid]);
  });

  it('releases a pod [conformance: Replication Controller, release pods]', async () => {
    await create('releasing', 1);
    await available('releasing', 1);
    const [owned] = await podsOf('releasing');
    await cluster.patch(`${core}/pods/${owned.metadata.name}`, { metadata: { labels: { app: 'other' } } });
    await eventually(
      'the pod to be released',
      async () => (await cluster.get(`${core}/pods/${owned.metadata.name}`)).metadata.ownerReferences === undefined,
      LIMIT_MS,
    );
    const [replacement] = await eventually(
      'another pod',
      async () => {
        const found = await podsOf('releasing');
        return found.length === 1 && found;
      },
      LIMIT_MS,
    );
    expect(replacement.metadata.name).toMatch(/^releasing-[a-z0-9]{5}$/);
  });

  it('has a scale [conformance: Replication Controller, get and update ReplicationController scale]', async () => {
    await create('scaled', 1);
    await available('scaled', 1);
    const scale = await cluster.get(`${path('scaled')}/scale`);
    expect(scale).toMatchObject({ kind: 'Scale', spec: { replicas: 1 }, status: { selector: 'app=scaled' } });
    await cluster.put(`${path('scaled')}/scale`, { ...scale, spec: { replicas: 2 } });
    const { status } = await available('scaled', 2);
    expect(status).toEqual({
      replicas: 2,
      fullyLabeledReplicas: 2,
      readyReplicas: 2,
      availableReplicas: 2,
      observedGeneration: 2,
    });
    k.ok('scale', 'rc/scaled', '--replicas=1', '--current-replicas=2');
    await when('scaled', 'one pod', (object) => object.status.replicas === 1);
    k.ok('delete', 'rc', 'scaled');
    await eventually('no pods', async () => (await podsOf('scaled')).length === 0, LIMIT_MS);
  });

  it('says what keeps it from its pods [conformance: Replication Controller, check for issues like exceeding allocated quota]', async () => {
    const namespace = `/api/v1/namespaces/${await cluster.namespace('rc-quota')}`;
    await cluster.post(`${namespace}/resourcequotas`, {
      metadata: { name: 'condition-test' },
      spec: { hard: { pods: '2' } },
    });
    await eventually(
      'the quota to be counted',
      async () => (await cluster.get(`${namespace}/resourcequotas/condition-test`)).status.hard?.pods === '2',
      LIMIT_MS,
    );
    await cluster.post(`${namespace}/replicationcontrollers`, controllerOf('condition-test', 3));
    const read = (): Promise<Json> => cluster.get(`${namespace}/replicationcontrollers/condition-test`);
    const failure = await eventually(
      'the condition',
      async () => (await read()).status.conditions?.find(({ type }: Json) => type === 'ReplicaFailure'),
      LIMIT_MS,
    );
    expect(failure).toMatchObject({
      status: 'True',
      reason: 'FailedCreate',
      message: expect.stringMatching(/^pods "condition-test-[a-z0-9]{5}" is forbidden: exceeded quota: condition-test/),
    });
    await cluster.patch(`${namespace}/replicationcontrollers/condition-test`, { spec: { replicas: 2 } });
    await eventually('no condition', async () => (await read()).status.conditions === undefined, LIMIT_MS);
    expect(await podsOf('condition-test', namespace)).toHaveLength(2);
  });

  it('lives from creation to deletion [conformance: Replication Controller, lifecycle]', async () => {
    const labels = { 'test-rc-static': 'true' };
    const collection = `${core}/replicationcontrollers`;
    const watch = await cluster.watch(collection, { labelSelector: 'test-rc-static=true' });
    await cluster.post(collection, controllerOf('lifecycle', 1, labels));
    await available('lifecycle', 1);
    await cluster.patch(path('lifecycle'), { metadata: { labels: { 'test-rc': 'patched' } } });
    expect((await cluster.get(path('lifecycle'))).metadata.labels['test-rc']).toBe('patched');
    const told = await cluster.patch(
      `${path('lifecycle')}/status`,
      { status: { readyReplicas: 0, availableReplicas: 0 } },
      'strategic-merge',
    );
    expect(told.status.availableReplicas ?? 0).toBe(0);
    await available('lifecycle', 1);
    await cluster.patch(`${path('lifecycle')}/scale`, { spec: { replicas: 2 } });
    await available('lifecycle', 2);
    const listed = await cluster.get('/api/v1/replicationcontrollers?labelSelector=test-rc-static%3Dtrue');
    expect(listed.items.map(({ metadata }: Json) => metadata.name)).toEqual(['lifecycle']);
    await cluster.update(path('lifecycle'), ({ metadata }) => (metadata.annotations = { 'test-rc': 'updated' }));
    await cluster.remove(`${collection}?labelSelector=test-rc-static%3Dtrue`);
    await eventually('the deleted event', () => watch.events.some(({ type }) => type === 'DELETED'), LIMIT_MS);
    watch.stop();
    expect(watch.events[0]!.type).toBe('ADDED');
  });
});

describe('the garbage collector, of ReplicationControllers [A19]', () => {
  it('takes their pods away [conformance: Garbage Collector, delete replication controller, propagation policy background]', async () => {
    await create('background', 2);
    await eventually('pods', async () => (await podsOf('background')).length === 2, LIMIT_MS);
    await cluster.remove(path('background'), deletion('Background'));
    await gone('background');
    await eventually('no pods', async () => (await podsOf('background')).length === 0, LIMIT_MS);
  });

  it('takes their pods away first [conformance: Garbage Collector, delete replication controller, after owned pods]', async () => {
    await create('foreground', 10);
    await available('foreground', 10);
    const deleting = await cluster.remove(path('foreground'), deletion('Foreground'));
    expect(deleting.metadata.finalizers).toContain('foregroundDeletion');
    await gone('foreground');
    expect(await podsOf('foreground')).toEqual([]);
  });

  it('leaves their pods alone [conformance: Garbage Collector, delete replication controller, propagation policy orphan]', async () => {
    await create('orphaning', 10);
    await available('orphaning', 10);
    const before = (await podsOf('orphaning')).map(({ metadata }) => metadata.uid).sort();
    await cluster.remove(path('orphaning'), deletion('Orphan'));
    await gone('orphaning');
    // What the collector had to do, it has done by the time it has taken a later one's pods away.
    await create('after-orphaning', 1);
    await available('after-orphaning', 1);
    await cluster.remove(path('after-orphaning'), deletion('Background'));
    await eventually('no later pods', async () => (await podsOf('after-orphaning')).length === 0, LIMIT_MS);
    const left = await podsOf('orphaning');
    expect(left.map(({ metadata }) => metadata.uid).sort()).toEqual(before);
    expect(left.every(({ metadata }) => metadata.ownerReferences === undefined)).toBe(true);
    expect(left.every(({ metadata }) => metadata.deletionTimestamp === undefined)).toBe(true);
  });

  it('spares pods that have another owner [conformance: Garbage Collector, multiple owners]', async () => {
    await create('to-be-deleted', 10);
    const { metadata } = await create('to-stay', 0);
    await available('to-be-deleted', 10);
    const shared = (await podsOf('to-be-deleted')).slice(0, 5);
    const reference = { apiVersion: 'v1', kind: 'ReplicationController', name: 'to-stay', uid: metadata.uid };
    for (const { metadata: it } of shared)
      await cluster.patch(`${core}/pods/${it.name}`, { metadata: { ownerReferences: [reference] } }, 'strategic-merge');
    await cluster.remove(path('to-be-deleted'), deletion('Foreground'));
    await gone('to-be-deleted');
    const left = await podsOf('to-be-deleted');
    expect(left.map(({ metadata: it }) => it.name).sort()).toEqual(shared.map(({ metadata: it }) => it.name).sort());
    for (const { metadata: it } of left) {
      expect(it.deletionTimestamp).toBeUndefined();
      expect(it.ownerReferences).toEqual([expect.objectContaining({ uid: metadata.uid })]);
    }
  });
});

describe('kubectl, of ReplicationControllers', () => {
  it('describes them [conformance: Kubectl, describe pod or rc]', async () => {
    await create('described', 1);
    await available('described', 1);
    k.ok('expose', 'rc', 'described', '--port=1234', '--target-port=80');
    const [running] = await podsOf('described');
    const about = k.ok('describe', 'pod', running.metadata.name);
    for (const line of [
      /^Name: +described-/m,
      /^Namespace: +rc$/m,
      /^Node: /m,
      /^Labels: +app=described$/m,
      /^Status: +Running$/m,
      /^Controlled By: +ReplicationController\/described$/m,
      /^ {4}Image: +app:1$/m,
      /^ {4}State: +Running$/m,
    ])
      expect(about).toMatch(line);
    const controller = k.ok('describe', 'rc', 'described');
    for (const line of [
      /^Name: +described$/m,
      /^Selector: +app=described$/m,
      /^Replicas: +1 current \/ 1 desired$/m,
      /^Pods Status: +1 Running \/ 0 Waiting \/ 0 Succeeded \/ 0 Failed$/m,
      /Normal +SuccessfulCreate +\S+ +replication-controller +Created pod: described-[a-z0-9]{5}$/m,
    ])
      expect(controller).toMatch(line);
    expect(k.ok('describe', 'service', 'described')).toMatch(/^Selector: +app=described$/m);
    expect(k.ok('describe', 'node', running.spec.nodeName)).toMatch(/^Name: +node-1$/m);
    expect(k.ok('describe', 'namespace', 'rc')).toMatch(/^Status: +Active$/m);
  });

  it('annotates their pods [conformance: Kubectl, patch to annotate]', async () => {
    await create('annotated', 1);
    await available('annotated', 1);
    for (const { metadata } of (await podsOf('annotated')).filter(isReady))
      k.ok('patch', 'pod', metadata.name, '-p', '{"metadata":{"annotations":{"x":"y"}}}');
    for (const { metadata } of await podsOf('annotated')) expect(metadata.annotations).toMatchObject({ x: 'y' });
  });
});
