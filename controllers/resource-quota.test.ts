/** The quota controller and the admission plugin together, as in a cluster. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ResourceQuota } from '../api/core/v1/resource-quota.ts';
import type { Status } from '../api/machinery/errors.ts';
import { resources } from '../api/resources.ts';
import type { TestResponse, TestServer } from '../apiserver/testing.ts';
import { startTestServer } from '../apiserver/testing.ts';
import { resourceQuotaController } from './resource-quota.ts';
import { eventually, runControllers } from './testing.ts';

let server: TestServer;
let stop: () => Promise<void>;
beforeAll(async () => {
  server = await startTestServer();
  stop = runControllers(server.api.handler, [resourceQuotaController(resources)]);
});
afterAll(async () => {
  await stop();
  await server.close();
});

let spaces = 0;
/** The URL of a new namespace. */
async function space(): Promise<string> {
  const name = `space-${++spaces}`;
  await server.call('POST', '/api/v1/namespaces', { metadata: { name } });
  await server.call('POST', `/api/v1/namespaces/${name}/serviceaccounts`, { metadata: { name: 'default' } });
  return `/api/v1/namespaces/${name}`;
}

/** A quota whose status is known. */
async function limit(url: string, spec: object, name = 'q'): Promise<void> {
  await server.call('POST', `${url}/resourcequotas`, { metadata: { name }, spec });
  await eventually(async () => ((await quotaOf(url, name)).status?.hard === undefined ? undefined : true));
}

const quotaOf = (url: string, name = 'q'): Promise<ResourceQuota> =>
  server.call('GET', `${url}/resourcequotas/${name}`);
const used = async (url: string, name = 'q'): Promise<unknown> => (await quotaOf(url, name)).status?.used;
const becomes = (url: string, wanted: Record<string, string>, name = 'q'): Promise<true> =>
  eventually(async () => {
    const now = (await quotaOf(url, name)).status?.used ?? {};
    return Object.keys(wanted).every((key) => now[key] === wanted[key]) ? true : undefined;
  });
const message = ({ body }: TestResponse): string | undefined => (body as Status).message;
const pod = (name: string, spec: object = {}): object => ({
  metadata: { name },
  spec: { containers: [{ name: 'c', image: 'i' }], ...spec },
});
const container = (requests: object): object => ({ containers: [{ name: 'c', image: 'i', resources: { requests } }] });

describe('ResourceQuota', () => {
  it('refuses what is too much, and takes it when something goes', async () => {
    const url = await space();
    await limit(url, { hard: { pods: '2', 'requests.cpu': '1' } });
    await server.call('POST', `${url}/pods`, pod('a', container({ cpu: '300m' })));
    await server.call('POST', `${url}/pods`, pod('b', container({ cpu: '300m' })));
    expect(await used(url)).toEqual({ pods: '2', 'requests.cpu': '600m' });
    const third = { body: pod('c', container({ cpu: '500m' })) };
    const refused = await server.send('POST', `${url}/pods`, third);
    expect({ status: refused.status, message: message(refused) }).toEqual({
      status: 403,
      message:
        'pods "c" is forbidden: exceeded quota: q, requested: pods=1,requests.cpu=500m, used: pods=2,requests.cpu=600m, limited: pods=2,requests.cpu=1',
    });
    await server.call('DELETE', `${url}/pods/a?gracePeriodSeconds=0`);
    await becomes(url, { pods: '1', 'requests.cpu': '300m' });
    expect((await server.send('POST', `${url}/pods`, third)).status).toBe(201);
  });

  it('wants to know what pods need', async () => {
    const url = await space();
    await limit(url, { hard: { memory: '1Gi' } });
    expect(message(await server.send('POST', `${url}/pods`, { body: pod('a') }))).toBe(
      'pods "a" is forbidden: failed quota: q: must specify memory for: c',
    );
  });

  it('counts what was there before it', async () => {
    const url = await space();
    await server.call('POST', `${url}/secrets`, { metadata: { name: 's' } });
    await limit(url, {
      hard: { secrets: '1', 'count/secrets': '5', resourcequotas: '3', 'count/leases.coordination.k8s.io': '1' },
    });
    expect(await used(url)).toEqual({
      secrets: '1',
      'count/secrets': '1',
      resourcequotas: '1',
      'count/leases.coordination.k8s.io': '0',
    });
    expect(message(await server.send('POST', `${url}/secrets`, { body: { metadata: { name: 't' } } }))).toBe(
      'secrets "t" is forbidden: exceeded quota: q, requested: secrets=1, used: secrets=1, limited: secrets=1',
    );
  });

  it('charges a dry run to nobody', async () => {
    const url = await space();
    await limit(url, { hard: { configmaps: '1' } });
    const make = (query: string): Promise<TestResponse> =>
      server.send('POST', `${url}/configmaps${query}`, { body: { metadata: { name: 'm' } } });
    expect((await make('?dryRun=All')).status).toBe(201);
    expect(await used(url)).toEqual({ configmaps: '0' });
    expect((await make('')).status).toBe(201);
    expect((await make('?dryRun=All')).status).toBe(403);
  });

  it('lets through as many as there is room for, however many come at once', async () => {
    const url = await space();
    await limit(url, { hard: { configmaps: '7' } });
    await limit(url, { hard: { 'count/configmaps': '5' } }, 'r');
    const answers = await Promise.all(
      Array.from({ length: 30 }, (_, i) =>
        server.send('POST', `${url}/configmaps`, { body: { metadata: { name: `m${i}` } } }),
      ),
    );
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status === 201)).toHaveLength(5);
    expect(statuses.filter((status) => status === 403)).toHaveLength(25);
    expect(await used(url, 'r')).toEqual({ 'count/configmaps': '5' });
    expect(await used(url)).toEqual({ configmaps: '5' });
  });

  it('charges Services for what an update adds, and gives back what it takes away', async () => {
    const url = await space();
    await limit(url, { hard: { services: '2', 'services.nodeports': '1' } });
    await server.call('POST', `${url}/services`, { metadata: { name: 's' }, spec: { ports: [{ port: 80 }] } });
    const change = (spec: object): Promise<TestResponse> =>
      server.send('PATCH', `${url}/services/s`, { body: { spec }, contentType: 'application/merge-patch+json' });
    expect((await change({ type: 'NodePort' })).status).toBe(200);
    expect(await used(url)).toEqual({ services: '1', 'services.nodeports': '1' });
    expect(
      message(
        await change({
          ports: [
            { name: 'a', port: 80 },
            { name: 'b', port: 81 },
          ],
        }),
      ),
    ).toContain(
      'exceeded quota: q, requested: services.nodeports=1, used: services.nodeports=1, limited: services.nodeports=1',
    );
    expect((await change({ type: 'ClusterIP' })).status).toBe(200);
    await becomes(url, { 'services.nodeports': '0' });
  });

  it('counts the pods of its scopes only', async () => {
    const url = await space();
    await limit(url, { hard: { pods: '5' }, scopes: ['BestEffort'] }, 'best');
    await limit(url, { hard: { pods: '5' }, scopes: ['NotBestEffort'] }, 'not');
    await server.call('POST', `${url}/pods`, pod('a'));
    expect([await used(url, 'best'), await used(url, 'not')]).toEqual([{ pods: '1' }, { pods: '0' }]);
    await server.call('POST', `${url}/pods`, pod('b', container({ cpu: '1' })));
    expect([await used(url, 'best'), await used(url, 'not')]).toEqual([{ pods: '1' }, { pods: '1' }]);
    const body = { status: { phase: 'Succeeded' } };
    await server.send('PATCH', `${url}/pods/a/status`, { body, contentType: 'application/merge-patch+json' });
    await becomes(url, { pods: '0' }, 'best');
  });

  it('follows its spec', async () => {
    const url = await space();
    await limit(url, { hard: { pods: '5', secrets: '1' } });
    const body = [{ op: 'replace', path: '/spec/hard', value: { pods: '6' } }];
    await server.send('PATCH', `${url}/resourcequotas/q`, { body, contentType: 'application/json-patch+json' });
    await eventually(async () => ((await quotaOf(url)).status?.hard?.['pods'] === '6' ? true : undefined));
    expect((await quotaOf(url)).status).toEqual({ hard: { pods: '6' }, used: { pods: '0' } });
  });
});
