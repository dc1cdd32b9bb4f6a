import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ApiObject } from '../../api/machinery/meta.ts';
import type { TestServer } from '../testing.ts';
import { startTestServer } from '../testing.ts';

let server: TestServer;
const deployments = '/apis/apps/v1/namespaces/default/deployments';
const template = {
  metadata: { labels: { app: 'a' } },
  spec: { serviceAccount: 'bot', containers: [{ name: 'c', image: 'i', resources: { limits: { cpu: '1' } } }] },
};
const deployment = (name: string) => ({
  metadata: { name },
  spec: { selector: { matchLabels: { app: 'a' } }, template },
});

beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

function reversed(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, member]) => [key, reversed(member)]),
  );
}

describe('update', () => {
  it('takes fields in another order for no change', async () => {
    const created = await server.call<ApiObject>('POST', deployments, deployment('order'));
    const replaced = await server.call<ApiObject>('PUT', `${deployments}/order`, reversed(created));
    expect(replaced.metadata).toMatchObject({ generation: 1, resourceVersion: created.metadata.resourceVersion });
  });

  it('writes the status of an object whose spec defaulting would touch', async () => {
    const created = await server.call<ApiObject>('POST', deployments, deployment('status'));
    const reported = await server.call('PUT', `${deployments}/status/status`, {
      ...created,
      status: { observedGeneration: 1 },
    });
    expect(reported).toMatchObject({ metadata: { generation: 1 }, status: { observedGeneration: 1 } });
  });
});

describe('update with a resourceVersion', () => {
  it('is told that the object is not found when a deletion came first', async () => {
    const path = '/api/v1/namespaces/default/configmaps';
    const created = await server.call<ApiObject>('POST', path, { metadata: { name: 'raced' } });
    const deletion = server.send('DELETE', `${path}/raced`);
    const update = server.send('PUT', `${path}/raced`, { body: { ...created, data: { a: '1' } } });
    expect((await deletion).status).toBe(200);
    expect(await update).toMatchObject({ status: 404, body: { message: 'configmaps "raced" not found' } });
  });
});

describe('bodies that are no object of the kind', () => {
  const pod = '/api/v1/namespaces/default/pods/nosuch';
  it.each([
    [
      'POST',
      `${pod}/binding`,
      { metadata: { labels: { a: 1 } }, target: { name: 'n' } },
      /^Binding in version "v1" cannot be handled as a Binding: json: cannot unmarshal number /,
    ],
    [
      'POST',
      `${pod}/eviction`,
      { deleteOptions: 'now' },
      /^Eviction in version "v1" cannot be handled as a Eviction: json: cannot unmarshal string /,
    ],
    [
      'PUT',
      '/apis/apps/v1/namespaces/default/deployments/order/scale',
      { spec: { replicas: 'many' } },
      /^Scale in version "v1" cannot be handled as a Scale: json: cannot unmarshal string /,
    ],
    [
      'DELETE',
      pod,
      { gracePeriodSeconds: 'soon' },
      /^DeleteOptions in version "v1" cannot be handled as a DeleteOptions: json: cannot unmarshal string /,
    ],
  ])('%s %s says what does not fit', async (method, url, body, message) => {
    const response = await server.send(method, url, { body });
    const expected = typeof message === 'string' ? message : expect.stringMatching(message);
    expect(response).toMatchObject({ status: 400, body: { reason: 'BadRequest', message: expected } });
  });
});
