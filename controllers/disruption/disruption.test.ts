import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { pods } from '../../api/core/v1/pod.ts';
import type { ApiError } from '../../api/machinery/errors.ts';
import { notFound, pathNotFound, serviceUnavailable } from '../../api/machinery/errors.ts';
import { resources } from '../../api/resources.ts';
import type { ApiObject } from '../../api/machinery/meta.ts';
import type { PodDisruptionBudget, PodDisruptionBudgetStatus } from '../../api/policy/v1/pod-disruption-budget.ts';
import { podDisruptionBudgets } from '../../api/policy/v1/pod-disruption-budget.ts';
import type { TestServer } from '../../apiserver/testing.ts';
import { startTestServer } from '../../apiserver/testing.ts';
import type { ResourceRef } from '../../client/client.ts';
import type { ControllerContext } from '../../client/controller.ts';
import { silentEventRecorder } from '../../client/events.ts';
import { eventually, runControllers } from '../testing.ts';
import { disruptionController } from './disruption.ts';
import { staleDisruptionController } from './stale-disruption.ts';

const PODS = '/api/v1/namespaces/default/pods';
const BUDGETS = '/apis/policy/v1/namespaces/default/poddisruptionbudgets';
const APPS = '/apis/apps/v1/namespaces/default';

/** What was told of which object. */
const told: { name: string | undefined; type: string; reason: string; message: string }[] = [];

let server: TestServer;
let stop: () => Promise<void>;
beforeAll(async () => {
  server = await startTestServer();
  stop = runControllers(server.api.handler, [disruptionController(resources), staleDisruptionController], {
    event: (object, type, reason, message) =>
      void told.push({ name: 'metadata' in object ? object.metadata.name : object.name, type, reason, message }),
  });
});
afterAll(async () => {
  await stop();
  await server.close();
});

const template = (app: string): object => ({
  metadata: { labels: { app } },
  spec: { containers: [{ name: 'c', image: 'i' }] },
});

/** A running pod, ready or not. */
async function run(
  name: string,
  app: string,
  { owner, ready = true }: { owner?: object; ready?: boolean } = {},
): Promise<void> {
  await server.call('POST', PODS, {
    metadata: { name, labels: { app }, ...(owner && { ownerReferences: [{ controller: true, ...owner }] }) },
    spec: { containers: [{ name: 'c', image: 'i' }] },
  });
  await server.send('PATCH', `${PODS}/${name}/status`, {
    body: { status: { phase: 'Running', conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] } },
    contentType: 'application/merge-patch+json',
  });
}

const make = (app: string, spec: object): Promise<unknown> =>
  server.call('POST', BUDGETS, { metadata: { name: app }, spec: { selector: { matchLabels: { app } }, ...spec } });

const when = (name: string, check: (status: NonNullable<PodDisruptionBudget['status']>) => boolean): Promise<object> =>
  eventually(async () => {
    const { status } = await server.call<PodDisruptionBudget>('GET', `${BUDGETS}/${name}`);
    return status !== undefined && check(status) ? status : undefined;
  });

/** Says what one count of a budget comes to whose pod's controller is not in the cache, after the server's answer. */
async function countWith(answer: ApiError): Promise<{ error: unknown; status: PodDisruptionBudgetStatus | undefined }> {
  const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'set', uid: 'u', controller: true };
  const pod = { metadata: { namespace: 'default', name: 'p', ownerReferences: [owner] }, spec: {} };
  const budget = {
    metadata: { namespace: 'default', name: 'b' },
    spec: { selector: {}, maxUnavailable: 1 },
  } as unknown as PodDisruptionBudget;
  let status: PodDisruptionBudgetStatus | undefined;
  const context = {
    lister: (kind: ResourceRef) => ({
      get: () => (kind === podDisruptionBudgets ? budget : undefined),
      list: () => (kind === pods ? [pod] : []),
    }),
    client: {
      get: () => Promise.reject(answer),
      update: (_: unknown, object: PodDisruptionBudget) => Promise.resolve((status = object.status)),
    },
    events: silentEventRecorder,
    now: () => 0,
  };
  const key = { namespace: 'default', name: 'b' };
  const failure: unknown = await disruptionController(resources)
    .reconcile(key, context as unknown as ControllerContext)
    .then(
      () => undefined,
      (error: unknown) => error,
    );
  return { error: failure, status };
}

const ownerOf = ({ apiVersion, kind, metadata: { name, uid } }: ApiObject): object => ({ apiVersion, kind, name, uid });
const eventsOf = (name: string): string[] => told.filter((one) => one.name === name).map(({ reason }) => reason);

describe('the disruption controller', () => {
  it('counts pods that are there', async () => {
    await make('counted', { minAvailable: 1 });
    await when('counted', ({ observedGeneration }) => observedGeneration === 1);
    expect(eventsOf('counted')).toContain('NoPods');
    await run('counted-1', 'counted');
    await run('counted-2', 'counted');
    await run('counted-3', 'counted', { ready: false });
    const status = await when(
      'counted',
      ({ currentHealthy, expectedPods }) => currentHealthy === 2 && expectedPods === 3,
    );
    expect(status).toMatchObject({ desiredHealthy: 1, disruptionsAllowed: 1 });
    await server.call('DELETE', `${PODS}/counted-1?gracePeriodSeconds=0`);
    await when('counted', ({ disruptionsAllowed }) => disruptionsAllowed === 0);
  });

  it('takes the size from the Deployment above the ReplicaSet', async () => {
    const selector = { matchLabels: { app: 'deployed' } };
    const deployment = await server.call<ApiObject>('POST', `${APPS}/deployments`, {
      metadata: { name: 'deployed' },
      spec: { replicas: 10, selector, template: template('deployed') },
    });
    const set = await server.call<ApiObject>('POST', `${APPS}/replicasets`, {
      metadata: { name: 'deployed-1', ownerReferences: [{ controller: true, ...ownerOf(deployment) }] },
      spec: { replicas: 2, selector, template: template('deployed') },
    });
    for (const name of ['deployed-a', 'deployed-b']) await run(name, 'deployed', { owner: ownerOf(set) });
    await make('deployed', { maxUnavailable: '85%' });
    const status = await when('deployed', ({ currentHealthy }) => currentHealthy === 2);
    expect(status).toMatchObject({ expectedPods: 10, desiredHealthy: 1, disruptionsAllowed: 1 });
  });

  it('asks a custom kind for its scale, and says what has none', async () => {
    const definition = (plural: string, kind: string, subresources: object): object => ({
      metadata: { name: `${plural}.example.com` },
      spec: {
        group: 'example.com',
        scope: 'Namespaced',
        names: { plural, kind },
        versions: [
          {
            name: 'v1',
            served: true,
            storage: true,
            subresources,
            schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
          },
        ],
      },
    });
    const scale = { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas' };
    for (const body of [definition('packs', 'Pack', { scale }), definition('loners', 'Loner', {})])
      await server.call('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', body);
    const custom = '/apis/example.com/v1/namespaces/default';
    const created = async (plural: string, kind: string): Promise<ApiObject> =>
      eventually(async () => {
        const { status, body } = await server.send('POST', `${custom}/${plural}`, {
          body: { apiVersion: 'example.com/v1', kind, metadata: { name: plural }, spec: { replicas: 4 } },
        });
        return status === 201 ? (body as ApiObject) : undefined;
      });
    await run('packed', 'packed', { owner: ownerOf(await created('packs', 'Pack')) });
    await make('packed', { minAvailable: '50%' });
    expect(await when('packed', ({ expectedPods }) => expectedPods === 4)).toMatchObject({ desiredHealthy: 2 });
    await run('alone', 'alone', { owner: ownerOf(await created('loners', 'Loner')) });
    await make('alone', { maxUnavailable: 1 });
    const message = 'loners.example.com does not implement the scale subresource';
    expect(
      await when('alone', ({ conditions = [] }) => conditions.some(({ reason }) => reason === 'SyncFailed')),
    ).toMatchObject({
      disruptionsAllowed: 0,
      conditions: [{ type: 'DisruptionAllowed', status: 'False', message }],
    });
    expect(told).toContainEqual({
      name: 'alone',
      type: 'Warning',
      reason: 'CalculateExpectedPodCountFailed',
      message: `Failed to calculate the number of expected pods: ${message}`,
    });
    // Counted when its kind has one.
    await server.send('PATCH', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/loners.example.com', {
      body: [{ op: 'replace', path: '/spec/versions/0/subresources', value: { scale } }],
      contentType: 'application/json-patch+json',
    });
    await when('alone', ({ expectedPods }) => expectedPods === 4);
    expect(eventsOf('alone').filter((reason) => reason === 'CalculateExpectedPodCountFailed')).toHaveLength(1);
  });

  it('asks again when the server had no answer, but not for what is not there', async () => {
    const missing = await countWith(notFound({ group: 'apps', resource: 'replicasets' }, 'set'));
    expect(missing.error).toBeUndefined();
    expect(missing.status?.conditions).toMatchObject([{ message: 'found no controllers for pod "p"' }]);
    for (const answer of [serviceUnavailable('no'), pathNotFound()]) {
      const { error, status } = await countWith(answer);
      expect(error).toBe(answer);
      expect(status?.conditions).toMatchObject([{ reason: 'SyncFailed', message: answer.message }]);
    }
  });

  it('tells of pods without a controller, and of those with two budgets', async () => {
    await make('bare', { maxUnavailable: 1 });
    await make('bare-too', { selector: { matchExpressions: [{ key: 'app', operator: 'In', values: ['bare'] }] } });
    await run('bare-1', 'bare');
    await eventually(async () => (eventsOf('bare').includes('UnmanagedPods') ? true : undefined));
    const many = await eventually(async () => told.find(({ reason }) => reason === 'MultiplePodDisruptionBudgets'));
    expect(many).toEqual({
      name: 'bare-1',
      type: 'Warning',
      reason: 'MultiplePodDisruptionBudgets',
      message: 'Pod "default"/"bare-1" matches multiple PodDisruptionBudgets.  Chose "bare" arbitrarily.',
    });
  });

  it('counts a pod again that was granted to go and stayed, and says so', async () => {
    await run('stayed', 'stayed');
    await make('stayed', { minAvailable: 1 });
    await when('stayed', ({ currentHealthy }) => currentHealthy === 1);
    const marked = [{ type: 'DisruptionTarget', status: 'True', reason: 'EvictionByEvictionAPI', message: 'Gone' }];
    const long = '2026-01-02T03:04:05Z';
    await server.send('PATCH', `${PODS}/stayed/status`, {
      body: { status: { conditions: marked.map((one) => ({ ...one, lastTransitionTime: long })) } },
      contentType: 'application/strategic-merge-patch+json',
    });
    await server.send('PATCH', `${BUDGETS}/stayed/status`, {
      body: { status: { disruptedPods: { stayed: long } } },
      contentType: 'application/merge-patch+json',
    });
    await eventually(async () => (eventsOf('stayed').includes('NotDeleted') ? true : undefined));
    await when('stayed', ({ disruptedPods, currentHealthy }) => disruptedPods === undefined && currentHealthy === 1);
    const pod = await eventually(async () => {
      const { status } = await server.call<ApiObject & { status: { conditions: { type: string; status: string }[] } }>(
        'GET',
        `${PODS}/stayed`,
      );
      return status.conditions.find((one) => one.type === 'DisruptionTarget' && one.status === 'False');
    });
    expect(Object.keys(pod)).not.toContain('reason');
  });
});
