/** Deployments and ReplicaSets: upstream's test/e2e/apps, on a simulated node. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Conformance, Json } from './conformance.ts';
import { eventually, isReady, pod, startConformance } from './conformance.ts';

let cluster: Conformance;
let namespace: string;
let pods: string;
let sets: string;
let deployments: string;

beforeAll(async () => {
  cluster = await startConformance();
  namespace = await cluster.namespace('apps');
  pods = `/api/v1/namespaces/${namespace}/pods`;
  sets = `/apis/apps/v1/namespaces/${namespace}/replicasets`;
  deployments = `/apis/apps/v1/namespaces/${namespace}/deployments`;
}, 90_000);
afterAll(() => cluster?.stop(), 60_000);

const template = (app: string, image: string): Json => ({
  metadata: { labels: { app } },
  spec: { terminationGracePeriodSeconds: 1, containers: [{ name: 'c', image }] },
});
const workload = (name: string, replicas: number, spec: Json = {}): Json => ({
  metadata: { name, labels: { app: name } },
  spec: { replicas, selector: { matchLabels: { app: name } }, template: template(name, 'app:1'), ...spec },
});
const selected = async (path: string, app: string): Promise<Json[]> =>
  (await cluster.get(`${path}?labelSelector=app%3D${app}`)).items;
const setImage = (name: string, image: string): Promise<Json> =>
  cluster.patch(
    `${deployments}/${name}`,
    { spec: { template: { spec: { containers: [{ name: 'c', image }] } } } },
    'strategic-merge',
  );
const imageOf = ({ spec }: Json): string => spec.template.spec.containers[0].image;

/** Rolled out: everything new, nothing old, and the controller has seen it. */
const rolledOut = (name: string): Promise<Json> =>
  eventually(`${name} to be rolled out`, async () => {
    const object = await cluster.get(`${deployments}/${name}`);
    const { status = {}, spec, metadata } = object;
    const isDone =
      status.observedGeneration >= metadata.generation &&
      status.updatedReplicas === spec.replicas &&
      status.replicas === spec.replicas &&
      status.availableReplicas === spec.replicas;
    return isDone && object;
  });
const available = (name: string, replicas: number): Promise<Json> =>
  eventually(`${name} to have ${replicas}`, async () => {
    const object = await cluster.get(`${sets}/${name}`);
    return object.status?.availableReplicas === replicas && object;
  });
const condition = (type: string): Json => ({ type, status: 'True', reason: 'E2E', message: 'Set from e2e test' });
const typesOf = ({ status }: Json): string[] => status.conditions.map(({ type }: Json) => type);

describe('a Deployment [W3]', () => {
  it('deletes old pods and makes new ones [conformance: Deployment RollingUpdate]', async () => {
    // As upstream: a ReplicaSet with pods is there first, and is adopted.
    await cluster.post(sets, {
      ...workload('rolling', 1),
      metadata: {
        name: 'rolling-controller',
        labels: { app: 'rolling' },
        annotations: { 'deployment.kubernetes.io/revision': '3546343826724305832' },
      },
    });
    await available('rolling-controller', 1);
    await cluster.post(deployments, workload('rolling', 1, { template: template('rolling', 'app:2') }));
    const done = await rolledOut('rolling');
    expect(done.metadata.annotations['deployment.kubernetes.io/revision']).toBe('3546343826724305833');
    const all = await selected(sets, 'rolling');
    const old = all.find(({ metadata }) => metadata.name === 'rolling-controller');
    expect(old.spec.replicas).toBe(0);
    expect(old.metadata.ownerReferences[0]).toMatchObject({ kind: 'Deployment', name: 'rolling', controller: true });
    expect(all).toHaveLength(2);
  });

  it('never runs old and new pods together when it recreates [conformance: Deployment Recreate]', async () => {
    await cluster.post(deployments, workload('recreate', 2, { strategy: { type: 'Recreate' } }));
    await rolledOut('recreate');
    const { metadata } = await cluster.get(pods);
    const watch = await cluster.watch(pods, {
      labelSelector: 'app=recreate',
      resourceVersion: metadata.resourceVersion,
    });
    await setImage('recreate', 'app:2');
    await rolledOut('recreate');
    watch.stop();
    const running = new Set<string>();
    const old = new Set(
      (await selected(sets, 'recreate'))
        .filter((set) => imageOf(set) === 'app:1')
        .map(({ metadata: { name } }) => name),
    );
    const seen: string[] = [];
    for (const { type, object } of watch.events) {
      const isOld = old.has(object.metadata.ownerReferences[0].name);
      if (isOld) seen.push(`old ${type}`);
      else if (!running.has(object.metadata.name)) seen.push('new');
      running.add(object.metadata.name);
    }
    expect(seen.filter((one) => one === 'old DELETED')).toHaveLength(2);
    expect(seen.indexOf('new')).toBeGreaterThan(seen.lastIndexOf('old MODIFIED'));
    expect(seen.filter((one) => one === 'new')).toHaveLength(2);
  });

  it('cleans up old ReplicaSets [conformance: Deployment RevisionHistoryLimit]', async () => {
    await cluster.post(sets, workload('history', 1));
    await available('history', 1);
    await cluster.post(
      deployments,
      workload('history', 1, { revisionHistoryLimit: 0, template: template('history', 'app:2') }),
    );
    await rolledOut('history');
    await eventually('one ReplicaSet', async () => (await selected(sets, 'history')).length === 1);
    expect(imageOf((await selected(sets, 'history'))[0])).toBe('app:2');
  });

  it('rolls over what has not been rolled out yet [conformance: Deployment Rollover]', async () => {
    await cluster.post(sets, workload('rollover', 1));
    await available('rollover', 1);
    const spec = {
      minReadySeconds: 1,
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
      template: template('rollover', 'app:stuck'),
    };
    // Nothing of the second template can run.
    spec.template.spec.nodeSelector = { nosuch: 'node' };
    await cluster.post(deployments, workload('rollover', 1, spec));
    await eventually('a second ReplicaSet', async () =>
      (await selected(sets, 'rollover')).some((set) => imageOf(set) === 'app:stuck' && set.status.replicas === 1),
    );
    expect((await cluster.get(`${sets}/rollover`)).spec.replicas).toBe(1);
    await cluster.patch(`${deployments}/rollover`, {
      spec: { template: { spec: { nodeSelector: null, containers: [{ name: 'c', image: 'app:3' }] } } },
    });
    await rolledOut('rollover');
    const scales = (await selected(sets, 'rollover')).map((set) => [imageOf(set), set.spec.replicas]);
    expect(scales.sort()).toEqual([
      ['app:1', 0],
      ['app:3', 1],
      ['app:stuck', 0],
    ]);
  });

  it('scales its ReplicaSets in proportion [conformance: Deployment Proportional Scaling]', async () => {
    const strategy = { type: 'RollingUpdate', rollingUpdate: { maxSurge: 3, maxUnavailable: 2 } };
    await cluster.post(deployments, workload('proportional', 10, { strategy }));
    await rolledOut('proportional');
    await cluster.patch(
      `${deployments}/proportional`,
      {
        spec: { template: { spec: { nodeSelector: { nosuch: 'node' }, containers: [{ name: 'c', image: 'app:2' }] } } },
      },
      'strategic-merge',
    );
    const scales = async (): Promise<Record<string, number>> =>
      Object.fromEntries((await selected(sets, 'proportional')).map((set) => [imageOf(set), set.spec.replicas]));
    // maxUnavailable 2 leaves 8 of the first, maxSurge 3 lets 13 be in all.
    await eventually(
      '8 and 5',
      async () => JSON.stringify(await scales()) === JSON.stringify({ ...(await scales()), 'app:1': 8, 'app:2': 5 }),
    );
    await eventually(
      'the controller',
      async () => (await cluster.get(`${deployments}/proportional`)).status.availableReplicas === 8,
    );
    await cluster.patch(`${deployments}/proportional`, { spec: { replicas: 30 } });
    // 20 more: 8 of 13 and 5 of 13 of 33.
    await eventually('20 and 13', async () => {
      const now = await scales();
      return now['app:1'] === 20 && now['app:2'] === 13;
    });
  });

  it('has a scale [conformance: Deployment, completes the scaling of a Deployment subresource]', async () => {
    await cluster.post(deployments, workload('scaled', 1));
    await rolledOut('scaled');
    const path = `${deployments}/scaled/scale`;
    const scale = await cluster.get(path);
    expect(scale).toMatchObject({
      kind: 'Scale',
      apiVersion: 'autoscaling/v1',
      spec: { replicas: 1 },
      status: { replicas: 1, selector: 'app=scaled' },
    });
    await cluster.put(path, { ...scale, metadata: { ...scale.metadata, resourceVersion: '' }, spec: { replicas: 2 } });
    expect((await cluster.get(`${deployments}/scaled`)).spec.replicas).toBe(2);
    await cluster.patch(path, { spec: { replicas: 4 } });
    expect((await cluster.get(`${deployments}/scaled`)).spec.replicas).toBe(4);
    await rolledOut('scaled');
  });

  it('lives and dies [conformance: Deployment, completes the lifecycle of a Deployment]', async () => {
    const path = `${deployments}/lifecycle`;
    await cluster.post(deployments, {
      ...workload('lifecycle', 1),
      metadata: { name: 'lifecycle', labels: { 'test-deployment-static': 'true' } },
    });
    await rolledOut('lifecycle');
    await cluster.patch(
      path,
      {
        metadata: { labels: { 'test-deployment': 'patched' } },
        spec: { replicas: 2, template: { spec: { containers: [{ name: 'c', image: 'app:2' }] } } },
      },
      'strategic-merge',
    );
    expect((await rolledOut('lifecycle')).spec.replicas).toBe(2);
    const listed = (await cluster.get('/apis/apps/v1/deployments?labelSelector=test-deployment-static%3Dtrue')).items;
    expect(listed.map(({ metadata }: Json) => metadata.labels['test-deployment'])).toEqual(['patched']);
    await cluster.update(path, (object) => (object.metadata.labels['test-deployment'] = 'updated'));
    expect((await cluster.get(`${path}/status`)).status.readyReplicas).toBe(2);
    const watch = await cluster.watch(deployments, { labelSelector: 'test-deployment-static=true' });
    await cluster.patch(`${path}/status`, { status: { readyReplicas: 0, availableReplicas: 0 } });
    await eventually('the patched status', () =>
      watch.events.some(({ type, object }) => type === 'MODIFIED' && (object.status.readyReplicas ?? 0) === 0),
    );
    await eventually(
      'the controller to write it right',
      async () => (await cluster.get(path)).status.readyReplicas === 2,
    );
    await cluster.remove(`${deployments}?labelSelector=test-deployment-static%3Dtrue`);
    await eventually('the deleted event', () => watch.events.some(({ type }) => type === 'DELETED'));
    watch.stop();
  });

  it('has a status of its own [conformance: Deployment, status sub-resource]', async () => {
    await cluster.post(deployments, workload('status', 1));
    await rolledOut('status');
    const path = `${deployments}/status/status`;
    await cluster.update(path, ({ status }) => status.conditions.push(condition('StatusUpdate')));
    expect(typesOf(await cluster.get(path))).toContain('StatusUpdate');
    await cluster.patch(path, { status: { conditions: [condition('StatusPatched')] } });
    expect(typesOf(await cluster.get(path))).toContain('StatusPatched');
  });
});

describe('a ReplicaSet [W2]', () => {
  it('is replaced and patched [conformance: ReplicaSet, is created, Replaced and Patched]', async () => {
    await cluster.post(sets, workload('replaced', 1));
    await available('replaced', 1);
    await cluster.update(`${sets}/replaced`, ({ spec }) => (spec.replicas = 2));
    await available('replaced', 2);
    await cluster.patch(
      `${sets}/replaced`,
      {
        metadata: { labels: { 'test-rs': 'patched' } },
        spec: { replicas: 3, template: { spec: { containers: [{ name: 'c', image: 'app:2' }] } } },
      },
      'strategic-merge',
    );
    const patched = await available('replaced', 3);
    expect([patched.metadata.labels['test-rs'], imageOf(patched)]).toEqual(['patched', 'app:2']);
  });

  it('has a scale [conformance: ReplicaSet, completes the scaling of a ReplicaSet subresource]', async () => {
    await cluster.post(sets, workload('set-scaled', 1));
    await available('set-scaled', 1);
    const path = `${sets}/set-scaled/scale`;
    const scale = await cluster.get(path);
    expect(scale).toMatchObject({
      kind: 'Scale',
      spec: { replicas: 1 },
      status: { replicas: 1, selector: 'app=set-scaled' },
    });
    await cluster.put(path, { ...scale, metadata: { ...scale.metadata, resourceVersion: '' }, spec: { replicas: 2 } });
    expect((await cluster.get(`${sets}/set-scaled`)).spec.replicas).toBe(2);
    await cluster.patch(path, { spec: { replicas: 4 } });
    expect((await cluster.get(`${sets}/set-scaled`)).spec.replicas).toBe(4);
  });

  it('adopts and releases pods [conformance: Replica Set, adopt matching pods and release non matching pods]', async () => {
    const orphan = await cluster.post(pods, pod('adopted', { labels: { app: 'adopting' } }));
    const set = await cluster.post(sets, workload('adopting', 1));
    await eventually(
      'the pod to be adopted',
      async () => (await cluster.get(`${pods}/adopted`)).metadata.ownerReferences?.[0]?.uid === set.metadata.uid,
    );
    expect((await selected(pods, 'adopting')).map(({ metadata }) => metadata.uid)).toEqual([orphan.metadata.uid]);
    await cluster.patch(`${pods}/adopted`, { metadata: { labels: { app: 'other' } } });
    await eventually(
      'the pod to be released',
      async () => (await cluster.get(`${pods}/adopted`)).metadata.ownerReferences === undefined,
    );
    await available('adopting', 1);
    expect((await selected(pods, 'adopting')).map(({ metadata }) => metadata.name)).not.toContain('adopted');
  });

  it('is listed and deleted by label [conformance: ReplicaSet, list and delete a collection of ReplicaSets]', async () => {
    await cluster.post(sets, workload('collected', 3));
    await available('collected', 3);
    const path = '?labelSelector=app%3Dcollected';
    expect((await cluster.get(`/apis/apps/v1/replicasets${path}`)).items).toHaveLength(1);
    await cluster.remove(`${sets}${path}`);
    await eventually(
      'no ReplicaSet',
      async () => (await cluster.get(`/apis/apps/v1/replicasets${path}`)).items.length === 0,
    );
  });

  it('has a status of its own [conformance: ReplicaSet, status sub-resource]', async () => {
    await cluster.post(sets, workload('set-status', 1));
    await available('set-status', 1);
    const path = `${sets}/set-status/status`;
    await cluster.update(
      path,
      ({ status }) => (status.conditions = [...(status.conditions ?? []), condition('StatusUpdate')]),
    );
    expect(typesOf(await cluster.get(path))).toEqual(['StatusUpdate']);
    await cluster.patch(path, { status: { conditions: [condition('StatusPatched')] } });
    expect(typesOf(await cluster.get(path))).toEqual(['StatusPatched']);
    expect((await selected(pods, 'set-status')).every(isReady)).toBe(true);
  });
});
