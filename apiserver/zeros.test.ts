import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Deployment } from '../api/apps/v1/deployment.ts';
import type { TestResponse, TestServer } from './testing.ts';
import { startTestServer } from './testing.ts';

const DEPLOYMENTS = '/apis/apps/v1/namespaces/default/deployments';

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

/** A Deployment that says of some things only that they are not so. */
function zeroed(name: string, zeros: boolean): object {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: 'default' },
    spec: {
      ...(zeros ? { minReadySeconds: 0, paused: false } : {}),
      replicas: 0,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name }, ...(zeros ? { annotations: {} } : {}) },
        spec: {
          ...(zeros ? { hostNetwork: false, nodeName: '', volumes: [] } : {}),
          automountServiceAccountToken: false,
          containers: [{ name: 'c', image: 'i:1', ...(zeros ? { stdin: false, args: [] } : {}) }],
        },
      },
    },
  };
}

function expectBare({ spec }: Deployment): void {
  expect(spec).not.toHaveProperty('minReadySeconds');
  expect(spec).not.toHaveProperty('paused');
  expect(spec.replicas).toBe(0);
  expect(spec.template.metadata).toEqual({ labels: expect.any(Object) });
  for (const field of ['hostNetwork', 'nodeName', 'volumes']) expect(spec.template.spec).not.toHaveProperty(field);
  expect(spec.template.spec?.automountServiceAccountToken).toBe(false);
  const [container] = spec.template.spec!.containers;
  expect(container).toMatchObject({ resources: {} });
  expect(container).not.toHaveProperty('stdin');
  expect(container).not.toHaveProperty('args');
}

const create = (name: string, zeros: boolean): Promise<Deployment> =>
  server.call<Deployment>('POST', DEPLOYMENTS, zeroed(name, zeros));
const patch = (name: string, body: unknown, contentType: string): Promise<TestResponse> =>
  server.send('PATCH', `${DEPLOYMENTS}/${name}?fieldManager=a`, { body, contentType });

describe('zeros of optional values', () => {
  it('are not stored by a create, and taking them out of a manifest changes nothing', async () => {
    const made = await create('made', true);
    expectBare(made);
    expect(made.status).toEqual({});
    expect(JSON.stringify(made.metadata.managedFields)).not.toContain('minReadySeconds');
    const same = await server.call<Deployment>('PUT', `${DEPLOYMENTS}/made`, zeroed('made', false));
    expect(same.metadata.resourceVersion).toBe(made.metadata.resourceVersion);
  });

  it('are not stored by an update', async () => {
    const made = await create('updated', false);
    const updated = await server.call<Deployment>('PUT', `${DEPLOYMENTS}/updated`, zeroed('updated', true));
    expectBare(updated);
    expect(updated.metadata).toEqual(made.metadata);
  });

  it.each([
    [
      'application/strategic-merge-patch+json',
      { spec: { minReadySeconds: 0, template: { spec: { hostNetwork: false } } } },
    ],
    ['application/merge-patch+json', { spec: { minReadySeconds: 0, template: { spec: { hostNetwork: false } } } }],
    ['application/json-patch+json', [{ op: 'add', path: '/spec/template/spec/hostNetwork', value: false }]],
  ])('are not stored by a patch (%s)', async (type, body) => {
    const name = `patched-${type.length}`;
    const made = await create(name, false);
    const response = await patch(name, body, type);
    expect(response).toMatchObject({ status: 200, body: { metadata: made.metadata } });
    expectBare(response.body as Deployment);
  });

  it('are owned and not stored by an apply, and applying them again changes nothing', async () => {
    const apply = (zeros: boolean): Promise<TestResponse> =>
      patch('applied', zeroed('applied', zeros), 'application/apply-patch+yaml');
    const made = await apply(true);
    expect(made.status).toBe(201);
    expectBare(made.body as Deployment);
    expect((made.body as Deployment).metadata.managedFields).toMatchObject([
      { fieldsV1: { 'f:spec': { 'f:minReadySeconds': {}, 'f:template': { 'f:spec': { 'f:hostNetwork': {} } } } } },
    ]);
    const revision = await server.storage.currentRevision();
    expect(await apply(true)).toMatchObject({ status: 200, body: made.body as object });
    expect(await server.storage.currentRevision()).toBe(revision);
    const bare = await apply(false);
    expect(bare).toMatchObject({ status: 200, body: { metadata: { generation: 1 } } });
    expectBare(bare.body as Deployment);
  });
});

describe('what is always written', () => {
  it('stands in objects that do not say it', async () => {
    const lease = { metadata: { name: 'bare', namespace: 'default' } };
    expect(await server.call('POST', '/apis/coordination.k8s.io/v1/namespaces/default/leases', lease)).toHaveProperty(
      'spec',
      {},
    );
    const event = { ...lease, involvedObject: { namespace: 'default' } };
    expect(await server.call('POST', '/api/v1/namespaces/default/events', event)).toMatchObject({
      source: {},
      firstTimestamp: null,
      eventTime: null,
      reportingComponent: '',
    });
  });
});
