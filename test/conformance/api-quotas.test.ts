/** Quotas and limits of namespaces: upstream's test/e2e/apimachinery/resource_quota.go and test/e2e/scheduling/limit_range.go. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Conformance, Json } from './conformance.ts';
import { eventually, pod, startConformance } from './conformance.ts';

let cluster: Conformance;
beforeAll(async () => {
  cluster = await startConformance(['--runtime', 'none']);
}, 90_000);
afterAll(() => cluster?.stop(), 60_000);

/** The URL of a new namespace. */
const space = async (): Promise<string> => `/api/v1/namespaces/${await cluster.namespace('quota')}`;

const usedOf = async (url: string, name = 'quota'): Promise<Json> =>
  (await cluster.get(`${url}/resourcequotas/${name}`)).status.used ?? {};

async function limit(url: string, spec: Json, name = 'quota'): Promise<void> {
  await cluster.post(`${url}/resourcequotas`, { metadata: { name }, spec });
  await eventually('the quota is counted', async () => Object.keys(await usedOf(url, name)).length > 0);
}

const becomes = (url: string, wanted: Json, name = 'quota'): Promise<unknown> =>
  eventually(`used is ${JSON.stringify(wanted)}`, async () => {
    const used = await usedOf(url, name);
    return Object.entries(wanted).every(([key, value]) => used[key] === value);
  });

const refused = async (collection: string, body: Json): Promise<string> => {
  const { status, body: answer } = await cluster.send('POST', collection, { body });
  expect(status).toBe(403);
  return answer.message;
};

const template = { metadata: { labels: { app: 'a' } }, spec: { containers: [{ name: 'c', image: 'i' }] } };

/** How upstream calls it, the resource, where it is made, and what with. */
const COUNTED: [string, string, string, Json][] = [
  ['configmap', 'configmaps', 'configmaps', {}],
  ['secret', 'secrets', 'secrets', {}],
  ['service', 'services', 'services', { spec: { ports: [{ port: 80 }] } }],
  [
    'replicationController',
    'replicationcontrollers',
    'replicationcontrollers',
    { spec: { replicas: 0, selector: { app: 'a' }, template } },
  ],
  [
    'replicaSet',
    'count/replicasets.apps',
    'replicasets',
    { spec: { replicas: 0, selector: { matchLabels: { app: 'a' } }, template } },
  ],
];

describe('object count quota [W13]', () => {
  for (const [kind, resource, plural, content] of COUNTED) {
    it(`takes in a ${kind} and gives it back [conformance: ResourceQuota, object count quota, ${kind}]`, async () => {
      const url = await space();
      const collection = `${plural === 'replicasets' ? url.replace('/api/v1', '/apis/apps/v1') : url}/${plural}`;
      // Every namespace is given one ConfigMap.
      const before = plural === 'configmaps' ? 1 : 0;
      await eventually('what it starts with', async () => (await cluster.get(collection)).items.length === before);
      await limit(url, { hard: { [resource]: String(before + 1) } });
      await becomes(url, { [resource]: String(before) });
      await cluster.post(collection, { metadata: { name: 'one' }, ...content });
      await becomes(url, { [resource]: String(before + 1) });
      expect(await refused(collection, { metadata: { name: 'two' }, ...content })).toContain('exceeded quota: quota');
      await cluster.remove(`${collection}/one`);
      await becomes(url, { [resource]: String(before) });
    });
  }

  it('takes in a pod with what it needs [conformance: ResourceQuota, object count quota, pod]', async () => {
    const url = await space();
    const requests = { cpu: '500m', memory: '252Mi', 'ephemeral-storage': '30Gi', 'example.com/dongle': '2' };
    const limits = { 'example.com/dongle': '2' };
    const hard = {
      pods: '5',
      cpu: '1',
      memory: '500Mi',
      'ephemeral-storage': '50Gi',
      'requests.example.com/dongle': '3',
    };
    await limit(url, { hard });
    const wanting = (name: string, more: Json = {}): Json =>
      pod(name, { container: { resources: { requests: { ...requests, ...more }, limits: { ...limits, ...more } } } });
    await cluster.post(`${url}/pods`, wanting('fits'));
    const used = {
      pods: '1',
      cpu: '500m',
      memory: '252Mi',
      'ephemeral-storage': '30Gi',
      'requests.example.com/dongle': '2',
    };
    await becomes(url, used);
    expect(await refused(`${url}/pods`, wanting('large', { cpu: '600m' }))).toContain('requested: cpu=600m');
    expect(await refused(`${url}/pods`, wanting('extended'))).toContain('requests.example.com/dongle=2');
    await becomes(url, used);
    await cluster.remove(`${url}/pods/fits`, { gracePeriodSeconds: 0 });
    await becomes(url, {
      pods: '0',
      cpu: '0',
      memory: '0',
      'ephemeral-storage': '0',
      'requests.example.com/dongle': '0',
    });
  });

  it('counts itself [conformance: ResourceQuota, object count quota, resourcequotas]', async () => {
    const url = await space();
    const hard = { pods: '5', services: '10', resourcequotas: '1', 'services.nodeports': '1' };
    await limit(url, { hard });
    await becomes(url, { pods: '0', services: '0', resourcequotas: '1', 'services.nodeports': '0' });
    expect((await cluster.get(`${url}/resourcequotas/quota`)).status.hard).toEqual(hard);
  });
});

describe('a quota [W13]', () => {
  it('is updated and deleted [conformance: ResourceQuota, update and delete]', async () => {
    const url = await space();
    await limit(url, { hard: { cpu: '1', memory: '500Mi' } });
    const path = `${url}/resourcequotas/quota`;
    const updated = await cluster.update(path, (one) => void (one.spec.hard = { cpu: '2', memory: '1Gi' }));
    expect(updated.spec.hard).toEqual({ cpu: '2', memory: '1Gi' });
    await eventually('the status follows', async () => (await cluster.get(path)).status.hard.cpu === '2');
    await cluster.remove(path);
    expect((await cluster.send('GET', path)).status).toBe(404);
  });

  it('lives as other objects do [conformance: ResourceQuota, manage lifecycle of a ResourceQuota]', async () => {
    const url = await space();
    const labels = { e2e: 'quota' };
    const made = await cluster.post(`${url}/resourcequotas`, {
      metadata: { name: 'q', labels },
      spec: { hard: { cpu: '1' } },
    });
    const listed = await cluster.get('/api/v1/resourcequotas?labelSelector=e2e%3Dquota');
    expect(listed.items.map(({ metadata }: Json) => metadata.uid)).toEqual([made.metadata.uid]);
    const patch = { metadata: { labels: { patched: 'true' } }, spec: { hard: { memory: '750Mi' } } };
    expect((await cluster.patch(`${url}/resourcequotas/q`, patch)).spec.hard).toEqual({ cpu: '1', memory: '750Mi' });
    await cluster.remove(`${url}/resourcequotas?labelSelector=patched%3Dtrue`);
    await eventually('it is gone', async () => (await cluster.get(`${url}/resourcequotas`)).items.length === 0);
  });

  it('has a status of its own [conformance: ResourceQuota, apply changes to a ResourceQuota status]', async () => {
    const url = await space();
    await limit(url, { hard: { cpu: '500m', memory: '500Mi' } });
    const path = `${url}/resourcequotas/quota`;
    await cluster.update(path, (one) => void (one.metadata.labels = { changed: 'yes' }));
    const patched = await cluster.patch(`${path}/status`, { status: { hard: { cpu: '501m' } } });
    expect([patched.status.hard.cpu, patched.spec.hard.cpu]).toEqual(['501m', '500m']);
    // The controller sets it right again.
    await eventually(
      'the status is the spec’s',
      async () => (await cluster.get(`${path}/status`)).status.hard.cpu === '500m',
    );
  });

  it('counts pods by their class of service [conformance: ResourceQuota, quota scope, BestEffort and NotBestEffort scope]', async () => {
    const url = await space();
    await limit(url, { hard: { pods: '5' }, scopes: ['BestEffort'] }, 'best');
    await limit(url, { hard: { pods: '5' }, scopes: ['NotBestEffort'] }, 'not');
    await cluster.post(`${url}/pods`, pod('a'));
    await becomes(url, { pods: '1' }, 'best');
    await becomes(url, { pods: '0' }, 'not');
    await cluster.remove(`${url}/pods/a`, { gracePeriodSeconds: 0 });
    await becomes(url, { pods: '0' }, 'best');
    await cluster.post(`${url}/pods`, pod('b', { container: { resources: { requests: { cpu: '500m' } } } }));
    await becomes(url, { pods: '1' }, 'not');
    await becomes(url, { pods: '0' }, 'best');
    await cluster.remove(`${url}/pods/b`, { gracePeriodSeconds: 0 });
    await becomes(url, { pods: '0' }, 'not');
  });

  it('counts pods by whether they end [conformance: ResourceQuota, quota scope, Terminating and NotTerminating scope]', async () => {
    const url = await space();
    const hard = { pods: '5', 'requests.cpu': '1' };
    await limit(url, { hard, scopes: ['Terminating'] }, 'ending');
    await limit(url, { hard, scopes: ['NotTerminating'] }, 'lasting');
    const container = { resources: { requests: { cpu: '500m' } } };
    await cluster.post(`${url}/pods`, pod('a', { container }));
    await becomes(url, { pods: '1', 'requests.cpu': '500m' }, 'lasting');
    await becomes(url, { pods: '0', 'requests.cpu': '0' }, 'ending');
    await cluster.post(`${url}/pods`, pod('b', { container, activeDeadlineSeconds: 3600 }));
    await becomes(url, { pods: '1', 'requests.cpu': '500m' }, 'ending');
    for (const name of ['a', 'b']) await cluster.remove(`${url}/pods/${name}`, { gracePeriodSeconds: 0 });
    for (const quota of ['ending', 'lasting']) await becomes(url, { pods: '0', 'requests.cpu': '0' }, quota);
  });
});

describe('a limit range [W13]', () => {
  const limits = {
    type: 'Container',
    min: { cpu: '50m', memory: '100Mi' },
    max: { cpu: '500m', memory: '500Mi' },
    default: { cpu: '500m', memory: '500Mi' },
    defaultRequest: { cpu: '100m', memory: '200Mi' },
  };

  it('fills in pods and bounds them, until it is changed or goes [conformance: LimitRange, resources]', async () => {
    const url = await space();
    await cluster.post(`${url}/limitranges`, { metadata: { name: 'limits' }, spec: { limits: [limits] } });
    const plain = await cluster.post(`${url}/pods`, pod('plain'));
    expect(plain.spec.containers[0].resources).toEqual({ requests: limits.defaultRequest, limits: limits.default });
    const partly = { requests: { cpu: '300m' }, limits: { cpu: '300m' } };
    const merged = await cluster.post(`${url}/pods`, pod('partly', { container: { resources: partly } }));
    expect(merged.spec.containers[0].resources).toEqual({
      requests: { cpu: '300m', memory: '200Mi' },
      limits: { cpu: '300m', memory: '500Mi' },
    });
    const small = pod('small', { container: { resources: { requests: { cpu: '10m' }, limits: { cpu: '10m' } } } });
    const large = pod('large', { container: { resources: { requests: { cpu: '600m' }, limits: { cpu: '600m' } } } });
    expect(await refused(`${url}/pods`, small)).toContain('minimum cpu usage per Container is 50m, but request is 10m');
    expect(await refused(`${url}/pods`, large)).toContain('maximum cpu usage per Container is 500m, but limit is 600m');
    const lower = { ...limits, min: { cpu: '9m', memory: '49Mi' } };
    await cluster.update(`${url}/limitranges/limits`, (one) => void (one.spec.limits = [lower]));
    await cluster.post(`${url}/pods`, small);
    await cluster.remove(`${url}/limitranges/limits`);
    await cluster.post(`${url}/pods`, large);
  });

  it('is listed, patched and deleted with others [conformance: LimitRange, list, patch and delete a LimitRange by collection]', async () => {
    const url = await space();
    const selector = 'labelSelector=e2e%3Dlimits';
    const metadata = { name: 'one', labels: { e2e: 'limits' } };
    for (const place of [url, await space()])
      await cluster.post(`${place}/limitranges`, { metadata, spec: { limits: [limits] } });
    expect((await cluster.get(`/api/v1/limitranges?${selector}`)).items).toHaveLength(2);
    const patched = await cluster.patch(
      `${url}/limitranges/one`,
      { metadata: { labels: { one: 'patched' } }, spec: { limits: [{ type: 'Container', min: { cpu: '49m' } }] } },
      'strategic-merge',
    );
    expect(patched.spec.limits[0].min.cpu).toBe('49m');
    await cluster.remove(`${url}/limitranges?labelSelector=one%3Dpatched`);
    await eventually(
      'one is gone',
      async () => (await cluster.get(`/api/v1/limitranges?${selector}`)).items.length === 1,
    );
  });
});
