/** Two API servers on one store: on etcd where it is installed, and on one in memory that both believe to be shared. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { realClock } from '../base/clock.ts';
import { silentLogger } from '../base/log.ts';
import { realRandom } from '../base/random.ts';
import type { Service } from '../api/core/v1/service.ts';
import type { WatchEvent } from '../api/machinery/handler.ts';
import { installedEtcd, startEtcd } from '../test/etcd-process.ts';
import { SharedServiceAllocation } from './registry/allocators/shared-service-allocation.ts';
import { openEtcdStorage } from './storage/etcd.ts';
import { createMemoryStorage } from './storage/memory.ts';
import type { Storage } from './storage/storage.ts';
import { startTestServer } from './testing.ts';
import type { TestServer } from './testing.ts';

interface Shared {
  server: TestServer;
  allocation: SharedServiceAllocation;
}

async function startOn(storage: Storage): Promise<Shared> {
  let allocation: SharedServiceAllocation | undefined;
  const server = await startTestServer({
    storage,
    extend({ store, kinds, listers, freshen }) {
      allocation = new SharedServiceAllocation({
        lister: listers<Service>({ group: '', plural: 'services' }),
        // Sixteen node ports and five addresses (the first is the API server's): servers must meet.
        serviceCidr: '10.96.0.0/29',
        nodePortRange: { first: 30000, last: 30015 },
        random: realRandom,
        storage,
        freshen,
        log: silentLogger,
      });
      store.addHook(
        kinds.find(({ resource }) => resource.names.plural === 'services')!,
        allocation.hook,
      );
      return () => allocation!.repair();
    },
  });
  return { server, allocation: allocation! };
}

const SERVICES = '/api/v1/namespaces/default/services';
const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';
const port = { port: 80, protocol: 'TCP' };
const service = (name: string, spec: object = {}): object => ({ metadata: { name }, spec: { ports: [port], ...spec } });
const messageOf = ({ body }: { body: unknown }): string => (body as { message: string }).message;

/** `open` gives one more connection to the store. */
function describeServers(open: () => Promise<Storage>): void {
  let a: Shared;
  let b: Shared;
  beforeAll(async () => {
    a = await startOn(await open());
    b = await startOn(await open());
  });
  afterAll(() => Promise.all([a.server.close(), b.server.close()]));

  it('read what the other has just written', async () => {
    for (let i = 0; i < 50; i++) {
      const [writer, reader] = i % 2 === 0 ? [a, b] : [b, a];
      await writer.server.call('POST', CONFIG_MAPS, { metadata: { name: `read-${i}` } });
      await reader.server.call('GET', `${CONFIG_MAPS}/read-${i}`);
    }
  });

  it('admit into a namespace that the other has just made', async () => {
    await a.server.call('POST', '/api/v1/namespaces', { metadata: { name: 'fresh' } });
    const body = { metadata: { name: 'in-it' } };
    expect(await b.server.send('POST', '/api/v1/namespaces/fresh/configmaps', { body })).toMatchObject({ status: 201 });
  });

  it('show all writes in one order, each once', async () => {
    const stop = new AbortController();
    const { metadata } = await a.server.call<{ metadata: { resourceVersion: string } }>('GET', CONFIG_MAPS);
    const url = `${CONFIG_MAPS}?watch=true&resourceVersion=${metadata.resourceVersion}`;
    const watches = await Promise.all([a, b].map(({ server }) => server.watch(url, stop.signal)));
    const count = 60;
    const writes = Array.from({ length: count }, (_, i) => {
      const { server } = i % 2 === 0 ? a : b;
      return server.call('POST', CONFIG_MAPS, { metadata: { name: `order-${i}` } });
    });
    await Promise.all(writes);
    const [first, second] = await Promise.all(watches.map((watch) => take(watch, count)));
    expect(first).toEqual(second);
    const revisions = first!.map(([, revision]) => Number(revision));
    expect(revisions).toEqual(revisions.toSorted((x, y) => x - y));
    expect(new Set(first!.map(([name]) => name)).size).toBe(count);
    stop.abort();
  });

  it('refuse an update that the other came before', async () => {
    const made = await a.server.call<{ metadata: object }>('POST', CONFIG_MAPS, { metadata: { name: 'race' } });
    await b.server.call('PUT', `${CONFIG_MAPS}/race`, { ...made, data: { a: '1' } });
    const late = await a.server.send('PUT', `${CONFIG_MAPS}/race`, { body: { ...made, data: { a: '2' } } });
    expect(late.status).toBe(409);
  });

  it('give no address or node port twice, to the last one', async () => {
    const names = Array.from({ length: 5 }, (_, i) => `svc-${i}`);
    const made = await Promise.all(
      names.map((name, i) =>
        (i % 2 === 0 ? a : b).server.call<Service>('POST', SERVICES, service(name, { type: 'NodePort' })),
      ),
    );
    expect(new Set(made.map(({ spec }) => spec!.clusterIP)).size).toBe(5);
    expect(new Set(made.map(({ spec }) => spec!.ports![0]!.nodePort)).size).toBe(5);
    const full = await b.server.send('POST', SERVICES, { body: service('one-more') });
    expect(full.status).toBe(500);
    expect(messageOf(full)).toContain('range is full');
    // What one deletes, the other gives out.
    await a.server.call('DELETE', `${SERVICES}/svc-3`);
    const next = await b.server.call<Service>('POST', SERVICES, service('one-more'));
    expect(next.spec!.clusterIP).toBe(made[3]!.spec!.clusterIP);
    for (const name of [...names.filter((name) => name !== 'svc-3'), 'one-more'])
      await b.server.call('DELETE', `${SERVICES}/${name}`);
  });

  it('refuse a value that the other gave, and give what it has freed', async () => {
    const asked = { type: 'NodePort', ports: [{ ...port, nodePort: 30007 }] };
    const made = await a.server.call<Service>('POST', SERVICES, service('owner', asked));
    const refused = await b.server.send('POST', SERVICES, { body: service('other', asked) });
    expect(refused.status).toBe(422);
    expect(messageOf(refused)).toContain('provided port is already allocated');
    await b.server.call('PUT', `${SERVICES}/owner`, {
      ...made,
      spec: { ...made.spec, ports: [{ ...made.spec!.ports![0], nodePort: 30008 }] },
    });
    await a.server.call('POST', SERVICES, service('other', asked));
    await a.server.call('DELETE', `${SERVICES}/other`);
    await a.server.call('DELETE', `${SERVICES}/owner`);
  });

  it('keep nothing claimed for a write that failed', async () => {
    await a.server.call('POST', SERVICES, service('twice', { clusterIP: '10.96.0.2' }));
    for (const { server } of [a, b]) {
      const again = await server.send('POST', SERVICES, { body: service('twice', { clusterIP: '10.96.0.3' }) });
      expect(again.status).toBe(409);
    }
    const dryRun = await b.server.send('POST', `${SERVICES}?dryRun=All`, {
      body: service('dry', { clusterIP: '10.96.0.3' }),
    });
    expect(dryRun.status).toBe(201);
    await a.server.call('POST', SERVICES, service('taker', { clusterIP: '10.96.0.3' }));
    await b.server.call('DELETE', `${SERVICES}/taker`);
    await b.server.call('DELETE', `${SERVICES}/twice`);
  });

  it('clean up after a server that crashed between the claim and the Service', async () => {
    const storage = a.server.storage;
    const key = '/registry/nocher.io/service-claims/ip/10.96.0.4';
    const owner = { namespace: 'default', name: 'never-stored', uid: 'u' };
    await storage.create(key, Buffer.from(JSON.stringify({ owner, isLeaving: false })));
    const wanted = service('wanted', { clusterIP: '10.96.0.4' });
    expect((await b.server.send('POST', SERVICES, { body: wanted })).status).toBe(422);
    for (let i = 0; i < 3; i++) await b.allocation.repair();
    await b.server.call('POST', SERVICES, wanted);
    await b.server.call('DELETE', `${SERVICES}/wanted`);
  });

  it('read on while others write to the store', async () => {
    const storage = a.server.storage;
    for (let i = 0; i < 3; i++) {
      await storage.create(`/elsewhere/${i}`, Buffer.from('x'));
      await b.server.call('GET', `${CONFIG_MAPS}/race`);
    }
  });
}

async function take(watch: AsyncIterator<WatchEvent>, count: number): Promise<[string, string][]> {
  const seen: [string, string][] = [];
  while (seen.length < count) {
    const { value } = (await watch.next()) as { value: WatchEvent };
    const { name, resourceVersion } = value.object.metadata;
    if (name?.startsWith('order-')) seen.push([name, resourceVersion!]);
  }
  return seen;
}

describe('API servers on one store in memory', () => {
  const storage = createMemoryStorage();
  describeServers(async () => Object.assign(storage, { isShared: true }));
});

(installedEtcd() === undefined ? describe.skip : describe)('API servers on one etcd', () => {
  let etcd: Awaited<ReturnType<typeof startEtcd>>;
  beforeAll(async () => {
    etcd = await startEtcd();
  });
  afterAll(() => etcd.stop());
  describeServers(() => openEtcdStorage({ endpoints: etcd.endpoints }, realClock));
});
