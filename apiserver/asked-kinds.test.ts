/** Binding and ComponentStatus: kinds of the core group that are answered without being stored. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Pod } from '../api/core/v1/pod.ts';
import type { TestServer } from './testing.ts';
import { startTestServer } from './testing.ts';

const DEFAULT = '/api/v1/namespaces/default';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
  for (const name of ['a', 'b'])
    await server.call('POST', `${DEFAULT}/pods`, {
      metadata: { name },
      spec: { containers: [{ name: 'c', image: 'i' }] },
    });
});
afterAll(() => server.close());

it('binds the pod that a Binding names', async () => {
  const body = { metadata: { name: 'a' }, target: { kind: 'Node', name: 'n1' } };
  expect(await server.send('POST', `${DEFAULT}/bindings`, { body })).toMatchObject({
    status: 201,
    body: { kind: 'Status', status: 'Success' },
  });
  expect((await server.call<Pod>('GET', `${DEFAULT}/pods/a`)).spec.nodeName).toBe('n1');
  expect((await server.send('POST', `${DEFAULT}/bindings`, { body })).status).toBe(409);
  const unnamed = { target: { kind: 'Node', name: 'n1' } };
  expect((await server.send('POST', `${DEFAULT}/bindings`, { body: unnamed })).status).toBe(400);
  const nowhere = { metadata: { name: 'b' } };
  expect((await server.send('POST', `${DEFAULT}/bindings`, { body: nowhere })).status).toBe(422);
  expect((await server.send('GET', `${DEFAULT}/bindings`)).status).toBe(405);
});

it('says how the parts of the control plane are, and that nobody should ask', async () => {
  const list = await server.send('GET', '/api/v1/componentstatuses');
  expect(list.headers['warning']).toEqual(['299 - "v1 ComponentStatus is deprecated in v1.19+"']);
  expect(list.body).toMatchObject({ kind: 'ComponentStatusList', items: [{}, {}, { metadata: { name: 'etcd-0' } }] });
  expect(await server.call('GET', '/api/v1/componentstatuses/scheduler')).toMatchObject({
    conditions: [{ type: 'Healthy', status: 'True' }],
  });
  expect((await server.send('GET', '/api/v1/componentstatuses/none')).status).toBe(404);
  expect((await server.send('DELETE', '/api/v1/componentstatuses/scheduler')).status).toBe(405);
  const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io';
  const table = await server.send('GET', '/api/v1/componentstatuses', { accept });
  expect((table.body as { rows: { cells: unknown[] }[] }).rows.map(({ cells }) => cells)).toContainEqual([
    'etcd-0',
    'Healthy',
    'ok',
    '',
  ]);
});
