/** What the fuzzer (test/fuzz) has found: requests that the server once failed at, each with what answers it. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { realClock, sleep } from '../base/clock.ts';
import { silentLogger } from '../base/log.ts';
import { createHandlerChain } from './handler-chain.ts';
import type { TestServer } from './testing.ts';
import { startTestServer } from './testing.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';
const APPLY = 'application/apply-patch+yaml';
const PODS = '/api/v1/namespaces/default/pods';

describe('a request that a fault of ours met', () => {
  it.each<[string, string, unknown]>([
    ['an apiVersion that is an object', APPLY, { apiVersion: {}, kind: 'ConfigMap' }],
    ['an apiVersion that is a number', APPLY, { apiVersion: 1, kind: 'ConfigMap' }],
    ['an apiVersion that is null', APPLY, { apiVersion: null }],
    ['metadata that is text', APPLY, { apiVersion: 'v1', kind: 'Pod', metadata: 'x' }],
    ['an apiVersion that is an object, and a kind', 'application/json', { apiVersion: {}, kind: {} }],
    ['a kind that is a list', 'application/json', { kind: [] }],
  ])('is answered with 400: %s', async (_title, contentType, body) => {
    const method = contentType === APPLY ? 'PATCH' : 'PUT';
    const { status } = await server.send(method, `${CONFIG_MAPS}/a?fieldManager=x`, { body, contentType });
    expect(status).toBe(400);
  });

  it.each<[string, string, string, unknown, number]>([
    ['a pod without containers', 'POST', PODS, { metadata: { name: 'a' }, spec: {} }, 422],
    ['a volume without a name', 'POST', PODS, { metadata: { name: 'a' }, spec: { volumes: [{}] } }, 422],
  ])('is answered: %s', async (_title, method, url, body, expected) => {
    const { status } = await server.send(method, url, { body });
    expect(status).toBe(expected);
  });

  it('changes nothing where no ephemeral container is added', async () => {
    const body = { metadata: { name: 'plain' }, spec: { containers: [{ name: 'c', image: 'i' }] } };
    const made = await server.send('POST', PODS, { body });
    const updated = await server.send('PUT', `${PODS}/plain/ephemeralcontainers`, { body: made.body });
    expect(updated).toMatchObject({ status: 200, body: made.body as object });
  });

  it('refuses an object that large defaults of its schema would make larger than memory', async () => {
    const item = { type: 'object', properties: { text: { type: 'string', default: 'x'.repeat(500_000) } } };
    const spec = { type: 'object', properties: { items: { type: 'array', items: item } } };
    const definition = {
      metadata: { name: 'bombs.example.com' },
      spec: {
        group: 'example.com',
        scope: 'Namespaced',
        names: { plural: 'bombs', kind: 'Bomb' },
        versions: [
          {
            name: 'v1',
            served: true,
            storage: true,
            schema: { openAPIV3Schema: { type: 'object', properties: { spec } } },
          },
        ],
      },
    };
    await server.call('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', definition);
    const url = '/apis/example.com/v1/namespaces/default/bombs';
    while ((await server.send('GET', url)).status !== 200) await sleep(realClock, 5);
    const create = async (count: number): Promise<number> => {
      const body = { metadata: { name: `b${count}` }, spec: { items: Array.from({ length: count }, () => ({})) } };
      return (await server.send('POST', url, { body })).status;
    };
    expect(await create(2)).toBe(201);
    expect(await create(100_000)).toBe(413);
  });

  it('leaves managedFields out where nobody owns anything, so that nothing changes when it comes back', async () => {
    const body = { apiVersion: 'v1', kind: 'ConfigMap' };
    const url = `${CONFIG_MAPS}/unowned`;
    const applied = await server.send('PATCH', `${url}?fieldManager=x`, { body, contentType: APPLY });
    expect(applied).toMatchObject({ status: 201, body: { metadata: { name: 'unowned' } } });
    expect(applied.body).not.toHaveProperty('metadata.managedFields');
    expect((await server.send('PUT', url, { body: applied.body })).body).toEqual(applied.body);
  });
});

describe('a body of who may not send it', () => {
  it('is not asked for', async () => {
    const handler = createHandlerChain({
      meter: async (context, next) => next(context),
      authenticate: () => undefined,
      authorize: () => ({ decision: 'no-opinion', reason: '' }),
      maxRequestsInFlight: 1,
      endpoint: () => Promise.reject(new Error('reached')),
      log: silentLogger,
    });
    let isAsked = false;
    const { status } = await handler({
      method: 'POST',
      path: CONFIG_MAPS,
      query: new URLSearchParams(),
      headers: {},
      signal: new AbortController().signal,
      receiveBody: () => Promise.resolve(void (isAsked = true)),
    });
    expect([status, isAsked]).toEqual([403, false]);
  });
});
