/** Namespaces and what the garbage collector removes: upstream's test/e2e/apimachinery, on a simulated node. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Conformance, Json } from './conformance.ts';
import { eventually, isReady, pod, startConformance } from './conformance.ts';

let cluster: Conformance;

beforeAll(async () => {
  cluster = await startConformance();
}, 90_000);
afterAll(() => cluster?.stop(), 60_000);

const gone = (path: string): Promise<boolean> =>
  eventually(`${path} to be gone`, async () => (await cluster.send('GET', path)).status === 404);

describe('a namespace [A52]', () => {
  it('keeps a finalizer until it is taken off [conformance: Namespace, apply finalizer to a namespace]', async () => {
    const name = await cluster.namespace('finalized');
    const path = `/api/v1/namespaces/${name}`;
    const finalizer = 'e2e.example.com/fakeFinalizer';
    const made = await cluster.get(path);
    await cluster.put(`${path}/finalize`, { ...made, spec: { finalizers: [...made.spec.finalizers, finalizer] } });
    expect((await cluster.get(path)).spec.finalizers).toEqual(['kubernetes', finalizer]);
    const object = await cluster.get(path);
    await cluster.put(`${path}/finalize`, { ...object, spec: { finalizers: ['kubernetes'] } });
    expect((await cluster.get(path)).spec.finalizers).toEqual(['kubernetes']);
  });

  it('is updated [conformance: Namespace, apply update to a namespace]', async () => {
    const path = `/api/v1/namespaces/${await cluster.namespace('updated')}`;
    await cluster.update(path, ({ metadata }) => (metadata.labels = { ...metadata.labels, updated: 'yes' }));
    const { metadata } = await cluster.get(path);
    expect(metadata.labels).toEqual({ updated: 'yes', 'kubernetes.io/metadata.name': metadata.name });
  });

  it('is patched [conformance: Namespace patching]', async () => {
    const path = `/api/v1/namespaces/${await cluster.namespace('patched')}`;
    await cluster.patch(path, { metadata: { labels: { testLabel: 'testValue' } } }, 'strategic-merge');
    expect((await cluster.get(path)).metadata.labels.testLabel).toBe('testValue');
  });

  it('has a status of its own [conformance: Namespace, apply changes to a namespace status]', async () => {
    const path = `/api/v1/namespaces/${await cluster.namespace('status')}/status`;
    expect((await cluster.get(path)).status.phase).toBe('Active');
    const condition = (type: string): Json => ({ type, status: 'True', reason: 'E2E', message: 'set from a test' });
    const patch = {
      metadata: { annotations: { 'e2e-patched-status': 'true' } },
      status: { conditions: [condition('StatusPatch')] },
    };
    const patched = await cluster.patch(path, patch);
    expect(patched.metadata.annotations['e2e-patched-status']).toBe('true');
    expect(patched.status.conditions).toEqual([expect.objectContaining(condition('StatusPatch'))]);
    await cluster.update(path, ({ status }) => (status.conditions = [...status.conditions, condition('StatusUpdate')]));
    const { status } = await cluster.get(path);
    expect(status.conditions.map(({ type }: Json) => type)).toEqual(['StatusPatch', 'StatusUpdate']);
  });

  it.each([
    ['pods', 'namespace-deletion-removes-pods', pod('test-pod')],
    [
      'services',
      'namespace-deletion-removes-services',
      { metadata: { name: 'test-service' }, spec: { selector: { a: 'b' }, ports: [{ port: 80 }] } },
    ],
  ] as const)('takes its %s with it [conformance: %s]', async (resource, _, object: Json) => {
    const made = await cluster.post('/api/v1/namespaces', { metadata: { name: `removed-${resource}` } });
    const path = `/api/v1/namespaces/${made.metadata.name}`;
    await eventually(
      'the default service account',
      async () => (await cluster.send('GET', `${path}/serviceaccounts/default`)).status === 200,
    );
    await cluster.post(`${path}/${resource}`, object);
    if (resource === 'pods')
      await eventually('the pod runs', async () => isReady(await cluster.get(`${path}/pods/test-pod`)));
    await cluster.remove(path);
    await gone(path);
    await cluster.post('/api/v1/namespaces', { metadata: { name: `removed-${resource}` } });
    expect((await cluster.get(`${path}/${resource}`)).items).toEqual([]);
  });

  it('loses its pods before anything else [conformance: Ordered Namespace Deletion]', async () => {
    const path = `/api/v1/namespaces/${await cluster.namespace('ordered')}`;
    const FINALIZER = 'e2e.example.com/finalizer';
    const held = pod('held');
    await cluster.post(`${path}/pods`, { ...held, metadata: { ...held.metadata, finalizers: [FINALIZER] } });
    await cluster.post(`${path}/configmaps`, { metadata: { name: 'map', finalizers: [FINALIZER] } });
    await eventually('the pod runs', async () => isReady(await cluster.get(`${path}/pods/held`)));
    await cluster.remove(path);
    await eventually(
      'the pod to be deleted',
      async () => (await cluster.get(`${path}/pods/held`)).metadata.deletionTimestamp !== undefined,
    );
    const condition = async (type: string): Promise<Json> =>
      ((await cluster.get(path)).status.conditions ?? []).find((one: Json) => one.type === type);
    await eventually('the namespace to say that a pod remains', async () =>
      (await condition('NamespaceContentRemaining'))?.message?.includes('pods. has 1 resource instances'),
    );
    expect((await cluster.get(`${path}/configmaps/map`)).metadata.deletionTimestamp).toBeUndefined();
    await cluster.patch(`${path}/pods/held`, { metadata: { finalizers: null } });
    await eventually(
      'the config map to be deleted',
      async () => (await cluster.get(`${path}/configmaps/map`)).metadata.deletionTimestamp !== undefined,
    );
    expect((await cluster.send('GET', `${path}/pods/held`)).status).toBe(404);
    await cluster.patch(`${path}/configmaps/map`, { metadata: { finalizers: null } });
    await gone(path);
  });
});

describe('the garbage collector [A19]', () => {
  const template = (app: string): Json => ({
    metadata: { labels: { app } },
    spec: { terminationGracePeriodSeconds: 1, containers: [{ name: 'c', image: 'app' }] },
  });

  /** A Deployment whose ReplicaSet has its pods; gives the namespace's paths. */
  async function deploy(prefix: string): Promise<Record<'deployment' | 'sets' | 'pods', string>> {
    const namespace = await cluster.namespace(prefix);
    const sets = `/apis/apps/v1/namespaces/${namespace}/replicasets`;
    const pods = `/api/v1/namespaces/${namespace}/pods`;
    const deployments = `/apis/apps/v1/namespaces/${namespace}/deployments`;
    await cluster.post(deployments, {
      metadata: { name: 'owner' },
      spec: { replicas: 2, selector: { matchLabels: { app: 'gc' } }, template: template('gc') },
    });
    await eventually('two pods', async () => (await cluster.get(pods)).items.length === 2);
    return { deployment: `${deployments}/owner`, sets, pods };
  }
  const options = (propagationPolicy: string): Json => ({ kind: 'DeleteOptions', apiVersion: 'v1', propagationPolicy });

  it('removes what a Deployment leaves behind [conformance: Garbage Collector, delete deployment,  propagation policy background]', async () => {
    const { deployment, sets, pods } = await deploy('background');
    await cluster.remove(deployment, options('Background'));
    await gone(deployment);
    for (const path of [sets, pods])
      await eventually(`nothing at ${path}`, async () => (await cluster.get(path)).items.length === 0);
  });

  it('leaves orphans alone [conformance: Garbage Collector, delete deployment, propagation policy orphan]', async () => {
    const { deployment, sets, pods } = await deploy('orphan');
    const before = (await cluster.get(sets)).items[0];
    await cluster.remove(deployment, options('Orphan'));
    await gone(deployment);
    // Whatever the collector still had to do, it has done by the time it has taken a later one's pods away.
    const later = await deploy('after-orphan');
    await cluster.remove(later.deployment, options('Background'));
    await eventually('the later pods gone', async () => (await cluster.get(later.pods)).items.length === 0);
    const { items } = await cluster.get(sets);
    expect(items.map(({ metadata }: Json) => [metadata.uid, metadata.ownerReferences])).toEqual([
      [before.metadata.uid, undefined],
    ]);
    const owned = (await cluster.get(pods)).items;
    expect(owned.map(({ metadata }: Json) => metadata.ownerReferences[0].uid)).toEqual([
      before.metadata.uid,
      before.metadata.uid,
    ]);
    expect(owned.every(({ metadata }: Json) => metadata.deletionTimestamp === undefined)).toBe(true);
  });

  it('is not held up by a circle of owners [conformance: Garbage Collector, dependency cycle]', async () => {
    const pods = `/api/v1/namespaces/${await cluster.namespace('cycle')}/pods`;
    const made = await Promise.all(['pod1', 'pod2', 'pod3'].map((name) => cluster.post(pods, pod(name))));
    for (const [index, { metadata }] of made.entries()) {
      const owner = made[(index + 2) % 3].metadata;
      const reference = {
        apiVersion: 'v1',
        kind: 'Pod',
        name: owner.name,
        uid: owner.uid,
        controller: true,
        blockOwnerDeletion: true,
      };
      await cluster.patch(
        `${pods}/${metadata.name}`,
        { metadata: { ownerReferences: [reference] } },
        'strategic-merge',
      );
    }
    await cluster.remove(`${pods}/pod1`, options('Foreground'));
    await eventually('no pods', async () => (await cluster.get(pods)).items.length === 0);
  });
});
