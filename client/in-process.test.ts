import { describe, expect, it } from '@jest/globals';
import { ApiError } from '../api/machinery/errors.ts';
import type { ApiRequest, ApiResponse, ResponseBody, WatchEvent } from '../api/machinery/handler.ts';
import type { ApiObject } from '../api/machinery/meta.ts';
import type { Client, ResourceRef } from './client.ts';
import { inProcessClient } from './in-process.ts';
import { configMaps } from './memory-server.ts';

const user = { name: 'system:test', groups: ['system:authenticated'] };
const apps: ResourceRef = {
  group: 'apps',
  version: 'v1',
  scope: 'Namespaced',
  names: { plural: 'deployments', kind: 'Deployment' },
};
const nodes: ResourceRef = { group: '', version: 'v1', scope: 'Cluster', names: { plural: 'nodes', kind: 'Node' } };
const pods: ResourceRef = { ...configMaps, names: { plural: 'pods', kind: 'Pod' } };

function answering(body: ResponseBody, status = 200): { client: Client; requests: ApiRequest[] } {
  const requests: ApiRequest[] = [];
  const handler = (request: ApiRequest): Promise<ApiResponse> => {
    requests.push(request);
    return Promise.resolve({ status, headers: {}, body });
  };
  return { client: inProcessClient({ handler, user, userAgent: 'agent' }), requests };
}

const json = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));
const asObject = (value: unknown): ResponseBody => ({
  type: 'object',
  encoded: { object: () => value, bytes: () => json(value) },
});
const line = ({ method, path, query }: ApiRequest): string => `${method} ${path}${query.size > 0 ? `?${query}` : ''}`;

describe('requests', () => {
  it('go to the paths that the API has', async () => {
    const { client, requests } = answering(asObject({ metadata: {} }));
    const metadata = { namespace: 'ns', name: 'web' };
    await client.get(apps, { namespace: 'ns', name: 'web' }, { subresource: 'scale' });
    await client.list(apps);
    await client.list(apps, { namespace: 'ns', limit: 5, fieldSelector: 'a=b' });
    await client.get(nodes, { namespace: 'ignored', name: 'n 1' });
    await client.create(nodes, { metadata: { name: 'n1' } }, { fieldManager: 'me', dryRun: true });
    await client.create(pods, { kind: 'Binding', metadata }, { subresource: 'binding' });
    await client
      .create(pods, { kind: 'TokenRequest', metadata: {} } as ApiObject, { subresource: 'token', name: 'x' })
      .catch((error: Error) => expect(error.message).toContain('namespace'));
    await client.update(apps, { metadata }, { subresource: 'status' });
    await client.patch(
      apps,
      { namespace: 'ns', name: 'web' },
      { type: 'apply', body: {}, force: true, fieldManager: 'me' },
    );
    await client.delete(apps, { namespace: 'ns', name: 'web' });
    expect(requests.map(line)).toEqual([
      'GET /apis/apps/v1/namespaces/ns/deployments/web/scale',
      'GET /apis/apps/v1/deployments',
      'GET /apis/apps/v1/namespaces/ns/deployments?fieldSelector=a%3Db&limit=5',
      'GET /api/v1/nodes/n%201',
      'POST /api/v1/nodes?fieldManager=me&dryRun=All',
      'POST /api/v1/namespaces/ns/pods/web/binding',
      'PUT /apis/apps/v1/namespaces/ns/deployments/web/status',
      'PATCH /apis/apps/v1/namespaces/ns/deployments/web?fieldManager=me&force=true',
      'DELETE /apis/apps/v1/namespaces/ns/deployments/web',
    ]);
  });

  it('carry who asks, and the object itself, with its kind', async () => {
    const { client, requests } = answering(asObject({ metadata: {} }));
    await client.create(apps, { metadata: { namespace: 'ns', name: 'web' } });
    await client.patch(apps, { namespace: 'ns', name: 'web' }, { type: 'strategic', body: { a: 1 } });
    await client.delete(
      apps,
      { namespace: 'ns', name: 'web' },
      { propagationPolicy: 'Orphan', preconditions: { uid: 'u' } },
    );
    expect(requests[0]).toMatchObject({
      user,
      wantsObjects: true,
      headers: { 'user-agent': 'agent', 'content-type': 'application/json' },
    });
    expect(requests.map(({ object }) => object)).toEqual([
      { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { namespace: 'ns', name: 'web' } },
      { a: 1 },
      { apiVersion: 'v1', kind: 'DeleteOptions', propagationPolicy: 'Orphan', preconditions: { uid: 'u' } },
    ]);
    expect(requests[1]!.headers['content-type']).toBe('application/strategic-merge-patch+json');
  });
});

describe('responses', () => {
  it('that put a request off are waited for, ten times at most', async () => {
    let requests = 0;
    const handler = (admitAt: number) => (): Promise<ApiResponse> => {
      const isAdmitted = ++requests === admitAt;
      const status = { kind: 'Status', message: 'too many', reason: 'TooManyRequests', code: 429 };
      return Promise.resolve(
        isAdmitted
          ? { status: 200, headers: {}, body: asObject({ metadata: { name: 'a' } }) }
          : { status: 429, headers: { 'retry-after': '0' }, body: asObject(status) },
      );
    };
    const get = (admitAt: number): Promise<ApiObject> =>
      inProcessClient({ handler: handler(admitAt), user, userAgent: 'agent' }).get(nodes, { name: 'a' });
    expect((await get(3)).metadata.name).toBe('a');
    requests = 0;
    await expect(get(20)).rejects.toMatchObject({ code: 429 });
    expect(requests).toBe(10);
  });

  const get = (body: ResponseBody): Promise<ApiObject> =>
    answering(body).client.get(configMaps, { namespace: 'ns', name: 'a' });
  const value = { metadata: { name: 'a' } };

  it('are the server’s own object, or decoded from whatever it sends', async () => {
    expect(await get(asObject(value))).toBe(value);
    expect(await get({ type: 'bytes', bytes: json(value), contentType: 'application/json' })).toEqual(value);
    const chunks = (async function* () {
      yield json(value).subarray(0, 5);
      yield json(value).subarray(5);
    })();
    expect(await get({ type: 'stream', chunks, contentType: 'application/json' })).toEqual(value);
    await expect(get({ type: 'upgrade', accept: () => undefined })).rejects.toThrow(
      'unexpected response of type upgrade',
    );
  });

  it('are not decoded when nobody looks at them', async () => {
    let decoded = 0;
    const { client } = answering({
      type: 'object',
      encoded: { ...(asObject(value) as Extract<ResponseBody, { type: 'object' }>).encoded, object: () => ++decoded },
    } as unknown as ResponseBody);
    const object = { metadata: { namespace: 'ns', name: 'a' } };
    expect(await client.create(configMaps, object, { ignoresResult: true })).toBeUndefined();
    await client.delete(configMaps, { namespace: 'ns', name: 'a' });
    expect(decoded).toBe(0);
    await client.create(configMaps, object);
    expect(decoded).toBe(1);
  });

  it('become errors, also in the middle of a watch, after what came before', async () => {
    const status = { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' };
    const events: WatchEvent[] = [
      { type: 'ADDED', object: value },
      { type: 'ERROR', object: status as unknown as ApiObject },
    ];
    const batches = (async function* () {
      yield events;
    })();
    const seen: string[] = [];
    const watching = (async () => {
      for await (const batch of answering({ type: 'events', batches }).client.watch(configMaps, {
        signal: new AbortController().signal,
      })) {
        seen.push(...batch.map(({ type }) => type));
      }
    })();
    await expect(watching).rejects.toMatchObject({ code: 410, reason: 'Expired', message: 'too old' });
    await expect(watching).rejects.toBeInstanceOf(ApiError);
    expect(seen).toEqual(['ADDED']);
  });
});
