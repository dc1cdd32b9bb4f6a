/**
 * What upstream's test/e2e/apps asks of the API of workloads, and not of their controllers, which have tests of their
 * own: a server in this process is enough.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { WatchEvent } from '../../api/machinery/handler.ts';
import type { TestServer } from '../../apiserver/testing.ts';
import { startTestServer } from '../../apiserver/testing.ts';

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- objects of many kinds, looked at field by field
type Json = any;

const MERGE = 'application/merge-patch+json';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

const NAMESPACE = '/namespaces/default';
const pathOf = (groupVersion: string, plural: string): string => `/apis/${groupVersion}${NAMESPACE}/${plural}`;
const JOBS = pathOf('batch/v1', 'jobs');
const CRON_JOBS = pathOf('batch/v1', 'cronjobs');
const DAEMON_SETS = pathOf('apps/v1', 'daemonsets');
const STATEFUL_SETS = pathOf('apps/v1', 'statefulsets');
const CONTROLLERS = `/api/v1${NAMESPACE}/replicationcontrollers`;
const BUDGETS = pathOf('policy/v1', 'poddisruptionbudgets');

const get = (path: string): Promise<Json> => server.call('GET', path);
const post = (path: string, body: object): Promise<Json> => server.call('POST', path, body);

async function patch(path: string, body: unknown, contentType = MERGE): Promise<Json> {
  const reply = await server.send('PATCH', path, { body, contentType });
  expect([reply.status, path]).toEqual([200, path]);
  return reply.body;
}

/** Reads, changes and replaces. */
async function replace(path: string, change: (object: Json) => void): Promise<Json> {
  const object = await get(path);
  change(object);
  return server.call('PUT', path, object);
}

const selected = async (path: string, label: string): Promise<Json[]> =>
  (await get(`${path}?labelSelector=${encodeURIComponent(label)}`)).items;
const deleteSelected = (path: string, label: string): Promise<unknown> =>
  server.call('DELETE', `${path}?labelSelector=${encodeURIComponent(label)}&propagationPolicy=Background`);

/** Collects the events of one object from now on. */
async function watchOf(path: string, name: string): Promise<{ next(): Promise<Json>; stop(): void }> {
  const { metadata } = await get(path);
  const stop = new AbortController();
  const query = `watch=true&resourceVersion=${metadata.resourceVersion}&fieldSelector=metadata.name%3D${name}`;
  const events: AsyncIterator<WatchEvent> = await server.watch(`${path}?${query}`, stop.signal);
  return {
    next: async () => JSON.parse(JSON.stringify((await events.next()).value)),
    stop: () => stop.abort(),
  };
}

const podTemplate = (app: string, spec: object = {}): object => ({
  metadata: { labels: { app } },
  spec: { containers: [{ name: 'c', image: 'app:1' }], ...spec },
});
const workload = (name: string, spec: object = {}): object => ({
  metadata: { name, labels: { app: name } },
  spec: { selector: { matchLabels: { app: name } }, template: podTemplate(name), ...spec },
});
const condition = (type: string): object => ({ type, status: 'True', reason: 'E2E', message: 'Set from e2e test' });

describe('a CronJob', () => {
  const cronJob = (name: string): object => ({
    metadata: { name, labels: { special: 'cron' } },
    spec: {
      schedule: '* */1 * * ?',
      concurrencyPolicy: 'Allow',
      suspend: true,
      jobTemplate: { spec: { template: podTemplate(name, { restartPolicy: 'OnFailure' }) } },
    },
  });

  it('takes every operation, and its status too [conformance: CronJob API Operations]', async () => {
    const groups = await get('/apis');
    expect(groups.groups.find(({ name }: Json) => name === 'batch').versions).toContainEqual({
      groupVersion: 'batch/v1',
      version: 'v1',
    });
    const { resources } = await get('/apis/batch/v1');
    expect(resources.map(({ name }: Json) => name)).toEqual(expect.arrayContaining(['cronjobs', 'cronjobs/status']));
    for (const name of ['cron-a', 'cron-b', 'cron-c']) await post(CRON_JOBS, cronJob(name));
    const path = `${CRON_JOBS}/cron-a`;
    expect(await get(path)).toMatchObject({ metadata: { name: 'cron-a' }, status: {} });
    expect(await selected(CRON_JOBS, 'special=cron')).toHaveLength(3);
    expect((await get('/apis/batch/v1/cronjobs?labelSelector=special%3Dcron')).items).toHaveLength(3);
    const watch = await watchOf(CRON_JOBS, 'cron-a');
    try {
      const patched = await patch(path, { metadata: { annotations: { patched: 'true' } } });
      expect(patched.metadata.annotations).toEqual({ patched: 'true' });
      await replace(path, ({ metadata }) => (metadata.annotations.updated = 'true'));
      expect((await watch.next()).object.metadata.annotations).toEqual({ patched: 'true' });
      expect((await watch.next()).object.metadata.annotations).toEqual({ patched: 'true', updated: 'true' });
    } finally {
      watch.stop();
    }
    const status = `${path}/status`;
    const first = '2026-01-01T00:00:00Z';
    const patched = await patch(status, {
      metadata: { annotations: { patchedstatus: 'true' } },
      status: { lastScheduleTime: first },
    });
    expect(patched).toMatchObject({
      metadata: { annotations: { patchedstatus: 'true' } },
      status: { lastScheduleTime: first },
    });
    const second = '2026-01-01T01:00:00Z';
    await replace(status, (object) => (object.status.lastScheduleTime = second));
    expect((await get(status)).status).toEqual({ lastScheduleTime: second });
    await server.call('DELETE', path);
    expect((await server.send('GET', path)).status).toBe(404);
    await deleteSelected(CRON_JOBS, 'special=cron');
    expect(await selected(CRON_JOBS, 'special=cron')).toEqual([]);
  });
});

describe('a Job', () => {
  const job = (name: string, spec: object = {}): object => ({
    metadata: { name },
    spec: { parallelism: 2, completions: 4, template: podTemplate(name, { restartPolicy: 'Never' }), ...spec },
  });

  it('is made suspended, changed, listed and deleted by label [conformance: Jobs, manage lifecycle]', async () => {
    await post(JOBS, job('managed', { suspend: true }));
    const path = `${JOBS}/managed`;
    const label = 'e2e-managed=patched';
    const patched = await patch(path, { metadata: { labels: { 'e2e-managed': 'patched' } } });
    expect(patched.metadata.labels).toMatchObject({ 'e2e-managed': 'patched' });
    const updated = await replace(path, ({ metadata }) => (metadata.annotations = { updated: 'true' }));
    expect(updated.metadata.annotations).toEqual({ updated: 'true' });
    expect((await get(`/apis/batch/v1/jobs?labelSelector=${label.replace('=', '%3D')}`)).items).toHaveLength(1);
    await deleteSelected(JOBS, label);
    expect((await server.send('GET', path)).status).toBe(404);
  });

  it('takes changes to its status alone [conformance: Jobs, apply changes to status]', async () => {
    await post(JOBS, job('status'));
    const status = `${JOBS}/status/status`;
    const startTime = '2026-01-01T00:00:00Z';
    const patched = await patch(status, {
      metadata: { annotations: { patchedstatus: 'true' } },
      status: { startTime, active: 2 },
    });
    expect(patched).toMatchObject({
      metadata: { annotations: { patchedstatus: 'true' } },
      status: { startTime, active: 2 },
    });
    // A suspended Job may start anew.
    await patch(`${JOBS}/status`, { spec: { suspend: true } });
    const later = '2026-01-01T00:00:01Z';
    await replace(status, (object) => (object.status.startTime = later));
    const read = await get(status);
    expect(read).toMatchObject({ kind: 'Job', status: { startTime: later } });
    expect(read.metadata.uid).toBe(patched.metadata.uid);
  });
});

describe('a DaemonSet', () => {
  it('is listed and deleted by label [conformance: DaemonSet, list and delete a collection of DaemonSets]', async () => {
    await post(DAEMON_SETS, workload('listed-daemon'));
    expect(await selected(DAEMON_SETS, 'app=listed-daemon')).toHaveLength(1);
    await deleteSelected(DAEMON_SETS, 'app=listed-daemon');
    expect(await selected(DAEMON_SETS, 'app=listed-daemon')).toEqual([]);
  });

  it('has a status of its own [conformance: DaemonSet, status sub-resource]', async () => {
    await post(DAEMON_SETS, workload('daemon-status'));
    await expectStatusOf(`${DAEMON_SETS}/daemon-status`);
  });
});

/** A status is read, replaced and patched through its subresource, and what was written is read again. */
async function expectStatusOf(path: string): Promise<void> {
  expect(await get(`${path}/status`)).toMatchObject({ status: expect.any(Object) });
  const watch = await watchOf(path.slice(0, path.lastIndexOf('/')), path.slice(path.lastIndexOf('/') + 1));
  try {
    await replace(`${path}/status`, ({ status }) => (status.conditions = [condition('StatusUpdate')]));
    expect((await get(path)).status.conditions).toMatchObject([{ type: 'StatusUpdate', reason: 'E2E' }]);
    await patch(`${path}/status`, { status: { conditions: [condition('StatusPatched')] } });
    expect((await get(`${path}/status`)).status.conditions).toMatchObject([{ type: 'StatusPatched' }]);
    expect((await watch.next()).object.status.conditions[0].type).toBe('StatusUpdate');
    expect((await watch.next()).object.status.conditions[0].type).toBe('StatusPatched');
  } finally {
    watch.stop();
  }
}

describe('a StatefulSet', () => {
  it('is scaled from one to two [conformance: StatefulSet resource Replica scaling]', async () => {
    await post(STATEFUL_SETS, workload('scaled', { serviceName: 'scaled' }));
    const path = `${STATEFUL_SETS}/scaled/scale`;
    expect(await get(path)).toMatchObject({ kind: 'Scale', spec: { replicas: 1 }, status: { selector: 'app=scaled' } });
    const scale = await replace(path, ({ spec }) => (spec.replicas = 2));
    expect(scale.spec.replicas).toBe(2);
    expect((await get(`${STATEFUL_SETS}/scaled`)).spec.replicas).toBe(2);
    await patch(path, { spec: { replicas: 4 } });
    expect((await get(`${STATEFUL_SETS}/scaled`)).spec.replicas).toBe(4);
  });

  it('is listed, patched and deleted by label [conformance: StatefulSet, list, patch and delete a collection of StatefulSets]', async () => {
    await post(STATEFUL_SETS, workload('collected', { serviceName: 'collected' }));
    expect(await selected(STATEFUL_SETS, 'app=collected')).toHaveLength(1);
    const patched = await patch(
      `${STATEFUL_SETS}/collected`,
      {
        metadata: { labels: { 'test-ss': 'patched' } },
        spec: {
          replicas: 2,
          template: { spec: { terminationGracePeriodSeconds: 0, containers: [{ name: 'c', image: 'app:2' }] } },
        },
      },
      'application/strategic-merge-patch+json',
    );
    expect(patched).toMatchObject({
      metadata: { labels: { 'test-ss': 'patched' } },
      spec: { replicas: 2, template: { spec: { containers: [{ name: 'c', image: 'app:2' }] } } },
    });
    await deleteSelected(STATEFUL_SETS, 'test-ss=patched');
    expect(await selected(STATEFUL_SETS, 'test-ss=patched')).toEqual([]);
  });

  it('has a status of its own [conformance: StatefulSet, status sub-resource]', async () => {
    await post(STATEFUL_SETS, workload('stateful-status', { serviceName: 's' }));
    await expectStatusOf(`${STATEFUL_SETS}/stateful-status`);
  });
});

it('a ReplicationController has a scale [conformance: Replication Controller, get and update ReplicationController scale]', async () => {
  await post(CONTROLLERS, {
    metadata: { name: 'rc' },
    spec: { replicas: 1, selector: { app: 'rc' }, template: podTemplate('rc') },
  });
  const path = `${CONTROLLERS}/rc/scale`;
  const scale = await get(path);
  expect(scale).toMatchObject({ spec: { replicas: 1 }, status: { replicas: 0, selector: 'app=rc' } });
  await server.call('PUT', path, { ...scale, spec: { replicas: 2 } });
  expect((await get(path)).spec.replicas).toBe(2);
  expect((await get(`${CONTROLLERS}/rc`)).spec.replicas).toBe(2);
});

describe('a PodDisruptionBudget', () => {
  const budget = (name: string, minAvailable: number | string): object => ({
    metadata: { name, labels: { special: 'budget' } },
    spec: { selector: { matchLabels: { foo: 'bar' } }, minAvailable },
  });

  it('is created, updated, patched and deleted [conformance: PodDisruptionBudget: create, update, patch, and delete object]', async () => {
    await post(BUDGETS, budget('foo', '1%'));
    const path = `${BUDGETS}/foo`;
    const updated = await replace(path, ({ spec }) => (spec.minAvailable = '2%'));
    expect(updated.spec.minAvailable).toBe('2%');
    const patched = await patch(path, { spec: { minAvailable: '3%' } }, 'application/strategic-merge-patch+json');
    expect(patched.spec.minAvailable).toBe('3%');
    await server.call('DELETE', path);
    expect((await server.send('GET', path)).status).toBe(404);
  });

  it('is listed in all namespaces and deleted by label [conformance: PodDisruptionBudget: list and delete collection]', async () => {
    const other = '/apis/policy/v1/namespaces/other/poddisruptionbudgets';
    await server.call('POST', '/api/v1/namespaces', { metadata: { name: 'other' } });
    await post(BUDGETS, budget('foo', 2));
    await post(BUDGETS, budget('foo2', 2));
    await post(other, budget('foo2', 2));
    expect((await get('/apis/policy/v1/poddisruptionbudgets?labelSelector=special%3Dbudget')).items).toHaveLength(3);
    expect(await selected(BUDGETS, 'special=budget')).toHaveLength(2);
    await deleteSelected(BUDGETS, 'special=budget');
    expect(await selected(BUDGETS, 'special=budget')).toEqual([]);
    expect(await selected(other, 'special=budget')).toHaveLength(1);
  });

  it('has a status that is updated and patched [conformance: PodDisruptionBudget: update and patch status]', async () => {
    await post(BUDGETS, budget('status', 1));
    const path = `${BUDGETS}/status/status`;
    const at = '2026-01-01T00:00:00Z';
    await replace(path, ({ status }) => (status.disruptedPods = { 'pod-a': at }));
    expect((await get(path)).status.disruptedPods).toEqual({ 'pod-a': at });
    await patch(path, [{ op: 'remove', path: '/status/disruptedPods' }], 'application/json-patch+json');
    expect((await get(path)).status).not.toHaveProperty('disruptedPods');
    // A budget is not overwritten by who has not read it.
    const { metadata, ...rest } = await get(`${BUDGETS}/status`);
    const { resourceVersion: _version, ...unread } = metadata;
    expect((await server.send('PUT', `${BUDGETS}/status`, { body: { ...rest, metadata: unread } })).status).toBe(422);
  });
});
