/** Workloads in their older versions on a server: one object, each time in the form and the words of the version. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Deployment } from '../api/apps/v1/deployment.ts';
import type { ApiObject, ApiObjectList } from '../api/machinery/meta.ts';
import type { TestResponse, TestServer } from './testing.ts';
import { startTestServer } from './testing.ts';

const pathOf = (groupVersion: string, plural = 'deployments'): string =>
  `/apis/${groupVersion}/namespaces/default/${plural}`;
const NEW = pathOf('apps/v1');
const OLD = pathOf('apps/v1beta1');
const OLDEST = pathOf('extensions/v1beta1');

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

/** A Deployment of 2017: no selector. */
const manifest = (name: string, spec: object = {}): object => ({
  metadata: { name },
  spec: {
    template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'c', image: 'i:1' }] } },
    ...spec,
  },
});

describe('an older version', () => {
  it('shows the objects of all versions, each once, in its own form', async () => {
    await server.call('POST', OLDEST, manifest('oldest'));
    await server.call('POST', OLD, manifest('old'));
    await server.call('POST', NEW, manifest('new', { selector: { matchLabels: { app: 'new' } } }));
    for (const [path, apiVersion] of [
      [NEW, 'apps/v1'],
      [OLD, 'apps/v1beta1'],
      [OLDEST, 'extensions/v1beta1'],
    ] as const) {
      const list = await server.call<ApiObjectList<Deployment>>('GET', path);
      expect(list).toMatchObject({ apiVersion, kind: 'DeploymentList' });
      expect(list.items.map(({ metadata }) => metadata.name)).toEqual(['new', 'old', 'oldest']);
      expect(await server.call('GET', `${path}/oldest`)).toMatchObject({
        apiVersion,
        kind: 'Deployment',
        metadata: { labels: { app: 'oldest' } },
        spec: {
          selector: { matchLabels: { app: 'oldest' } },
          strategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 1 } },
        },
      });
    }
    const { entries } = await server.storage.list({ prefix: '/registry/deployments/default/' });
    expect(entries.map(({ value }) => JSON.parse(Buffer.from(value).toString()).apiVersion)).toEqual(
      Array(3).fill('apps/v1'),
    );
  });

  it('is written back without a change, and patched in every way', async () => {
    await server.call('POST', OLDEST, manifest('patched'));
    const read = await server.call<Deployment>('GET', `${OLD}/patched`);
    const written = await server.call<Deployment>('PUT', `${OLD}/patched`, read);
    expect(written.metadata.resourceVersion).toBe(read.metadata.resourceVersion);
    const bodies: [string, unknown][] = [
      ['strategic-merge-patch+json', { spec: { template: { spec: { containers: [{ name: 'c', image: 'i:2' }] } } } }],
      ['merge-patch+json', { spec: { rollbackTo: { revision: 2 } } }],
      ['json-patch+json', [{ op: 'replace', path: '/spec/replicas', value: 4 }]],
    ];
    for (const [type, body] of bodies) {
      const { status } = await server.send('PATCH', `${OLDEST}/patched`, { body, contentType: `application/${type}` });
      expect(status).toBe(200);
    }
    expect(await server.call('GET', `${NEW}/patched`)).toMatchObject({
      metadata: { generation: 4, annotations: { 'deprecated.deployment.rollback.to': '2' } },
      spec: { replicas: 4, template: { spec: { containers: [{ image: 'i:2' }] } } },
    });
    expect(await server.call('GET', `${OLDEST}/patched`)).toMatchObject({ spec: { rollbackTo: { revision: 2 } } });
  });

  it('is applied, and remembered as the version that its managers spoke', async () => {
    const apply = async (path: string, apiVersion: string, manager: string, replicas: number): Promise<number> => {
      const body = { apiVersion, kind: 'Deployment', ...manifest('applied', { replicas }) };
      const contentType = 'application/apply-patch+yaml';
      return (await server.send('PATCH', `${path}/applied?fieldManager=${manager}`, { body, contentType })).status;
    };
    expect(await apply(OLDEST, 'extensions/v1beta1', 'a', 1)).toBe(201);
    expect(await apply(OLDEST, 'extensions/v1beta1', 'a', 2)).toBe(200);
    expect(await apply(OLD, 'apps/v1beta1', 'b', 2)).toBe(200);
    expect(await apply(OLD, 'apps/v1beta1', 'b', 3)).toBe(409);
    const { metadata } = await server.call<ApiObject>('GET', `${NEW}/applied`);
    expect(metadata.managedFields!.map(({ manager, apiVersion }) => [manager, apiVersion]).sort()).toEqual([
      ['a', 'extensions/v1beta1'],
      ['b', 'apps/v1beta1'],
    ]);
  });

  it('is watched and deleted like any other', async () => {
    const stop = new AbortController();
    try {
      const { metadata } = await server.call<ApiObjectList>('GET', OLD);
      const url = `${OLD}?watch=true&resourceVersion=${metadata.resourceVersion!}&fieldSelector=metadata.name%3Dwatched`;
      const events = await server.watch(url, stop.signal);
      const next = async (): Promise<unknown> => JSON.parse(JSON.stringify((await events.next()).value));
      await server.call('POST', NEW, manifest('watched', { selector: { matchLabels: { app: 'watched' } } }));
      expect(await next()).toMatchObject({ type: 'ADDED', object: { apiVersion: 'apps/v1beta1' } });
      await server.call('DELETE', `${OLDEST}/watched`, { propagationPolicy: 'Background' });
      expect(await next()).toMatchObject({ type: 'DELETED', object: { apiVersion: 'apps/v1beta1' } });
    } finally {
      stop.abort();
    }
  });

  it('leaves what it made when it is deleted without a word, as it always did', async () => {
    await server.call('POST', OLDEST, manifest('orphaning'));
    expect(await server.call('DELETE', `${OLDEST}/orphaning`)).toMatchObject({
      metadata: { finalizers: ['orphan'], deletionTimestamp: expect.any(String) },
    });
  });

  it('is scaled, by its own path and by that of today', async () => {
    await server.call('POST', OLDEST, manifest('scaled'));
    const scale = await server.call<{ spec: object }>('GET', `${OLDEST}/scaled/scale`);
    expect(scale).toMatchObject({
      apiVersion: 'autoscaling/v1',
      spec: { replicas: 1 },
      status: { selector: 'app=scaled' },
    });
    await server.call('PUT', `${OLDEST}/scaled/scale`, { ...scale, spec: { replicas: 5 } });
    expect(await server.call('GET', `${NEW}/scaled/scale`)).toMatchObject({ spec: { replicas: 5 } });
  });

  it('knows fields of its own, and no others', async () => {
    const send = async (path: string): Promise<unknown> => {
      const url = `${path}?fieldValidation=Strict&dryRun=All`;
      const selector = { matchLabels: { app: 'strict' } };
      return (await server.send('POST', url, { body: manifest('strict', { selector, rollbackTo: { revision: 1 } }) }))
        .status;
    };
    expect([await send(OLDEST), await send(OLD), await send(NEW)]).toEqual([201, 201, 400]);
  });

  it('warns whoever uses it', async () => {
    const { headers } = await server.send('GET', OLDEST);
    expect([headers['warning']].flat().join()).toBe(
      '299 - "extensions/v1beta1 Deployment is deprecated in v1.8+, unavailable in v1.16+; use apps/v1 Deployment"',
    );
  });

  it('stands behind the version of today, which alone is in the category all', async () => {
    const { groups } = await server.call<{ groups: { name: string; versions: { version: string }[] }[] }>(
      'GET',
      '/apis',
    );
    const versionsOf = (group: string): string =>
      groups
        .find(({ name }) => name === group)!
        .versions.map(({ version }) => version)
        .join();
    expect(versionsOf('apps')).toBe('v1,v1beta2,v1beta1');
    expect(versionsOf('autoscaling')).toBe('v2,v1,v2beta2');
    expect(versionsOf('batch')).toBe('v1,v1beta1');
    expect(versionsOf('policy')).toBe('v1,v1beta1');
    expect(versionsOf('rbac.authorization.k8s.io')).toBe('v1,v1beta1');
    for (const groupVersion of ['apps/v1beta1', 'apps/v1beta2', 'extensions/v1beta1', 'batch/v1beta1']) {
      const { resources } = await server.call<{ resources: { categories?: string[] }[] }>(
        'GET',
        `/apis/${groupVersion}`,
      );
      expect(resources.flatMap(({ categories = [] }) => categories)).toEqual([]);
    }
  });
});

it('a Role of rbac.authorization.k8s.io/v1beta1 is a Role', async () => {
  const path = pathOf('rbac.authorization.k8s.io/v1beta1', 'rolebindings');
  await server.call('POST', path, {
    metadata: { name: 'old' },
    roleRef: { kind: 'ClusterRole', name: 'view' },
    subjects: [{ kind: 'User', name: 'u' }],
  });
  expect(await server.call('GET', `${pathOf('rbac.authorization.k8s.io/v1', 'rolebindings')}/old`)).toMatchObject({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    roleRef: { apiGroup: 'rbac.authorization.k8s.io' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io' }],
  });
});

it('who wrote through one version of an autoscaler owns what it meant in the others', async () => {
  const scaleTargetRef = { kind: 'Deployment', name: 'web' };
  const apply = async (version: string, manager: string, spec: object): Promise<TestResponse> => {
    const apiVersion = `autoscaling/${version}`;
    const body = {
      apiVersion,
      kind: 'HorizontalPodAutoscaler',
      metadata: { name: 'web' },
      spec: { maxReplicas: 3, scaleTargetRef, ...spec },
    };
    const url = `${pathOf(apiVersion, 'horizontalpodautoscalers')}/web?fieldManager=${manager}`;
    return server.send('PATCH', url, { body, contentType: 'application/apply-patch+yaml' });
  };
  const cpu = (averageUtilization: number): object => ({
    metrics: [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization } } }],
  });
  expect((await apply('v1', 'old', { targetCPUUtilizationPercentage: 50 })).status).toBe(201);
  expect((await apply('v2', 'new', cpu(50))).status).toBe(200);
  const refused = await apply('v2', 'new', cpu(60));
  expect(refused.status).toBe(409);
  expect((refused.body as { message: string }).message).toContain(
    'conflict with "old": .spec.targetCPUUtilizationPercentage',
  );
  // It gives the field up, and the other may change it.
  expect((await apply('v1', 'old', {})).status).toBe(200);
  expect((await apply('v2', 'new', cpu(60))).status).toBe(200);
  const read = await server.call('GET', `${pathOf('autoscaling/v1', 'horizontalpodautoscalers')}/web`);
  expect(read).toMatchObject({ spec: { targetCPUUtilizationPercentage: 60 } });
});
