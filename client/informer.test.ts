import { afterEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { expired, serviceUnavailable } from '../api/machinery/errors.ts';
import { silentLogger } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Client } from './client.ts';
import { inProcessClient } from './in-process.ts';
import { createInformerFactory } from './informer-factory.ts';
import type { InformerFactory } from './informer-factory.ts';
import type { Informer, InformerChange } from './informer.ts';
import { ManualClock, settle } from './manual-clock.ts';
import { configMaps, describeObject, MemoryServer, unavailable } from './memory-server.ts';
import type { MemoryObject } from './memory-server.ts';
import { OWNER_UID_INDEX } from './store.ts';

const random: Random = { uuid: () => 'uuid', bytes: (size) => new Uint8Array(size), float: () => 0.5 };

interface Setup {
  server: MemoryServer;
  clock: ManualClock;
  client: Client;
  factory: InformerFactory;
  informer: Informer<MemoryObject>;
  stop: AbortController;
}

const stops: AbortController[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop.abort();
});

function setUp(): Setup {
  const server = new MemoryServer();
  const clock = new ManualClock();
  const client = inProcessClient({ handler: server.handler, user: { name: 'test', groups: [] }, userAgent: 'test' });
  const factory = createInformerFactory(client, { clock, log: silentLogger, random });
  const informer = factory.informer<MemoryObject>(configMaps);
  const stop = new AbortController();
  stops.push(stop);
  return { server, clock, client, factory, informer, stop };
}

const make = (client: Client, name: string, more: Partial<MemoryObject['metadata']> = {}): Promise<MemoryObject> =>
  client.create<MemoryObject>(configMaps, { metadata: { namespace: 'ns', name, ...more } });

const contents = (informer: Informer<MemoryObject>): string[] => informer.lister.list().map(describeObject);
const describeChange = ({ type, key, object, previous }: InformerChange<MemoryObject>): string =>
  [type, key, previous?.metadata.resourceVersion ?? '-', object.metadata.resourceVersion].join(' ');

describe('informer', () => {
  it('shows what there was and what comes, with the server’s own frozen objects', async () => {
    const { server, client, factory, informer, stop } = setUp();
    const first = await make(client, 'a');
    expect(informer.hasSynced).toBe(false);
    factory.start(stop.signal);
    await factory.waitForSync();
    expect(informer.lister.get('ns', 'a')).toBe(first);
    expect(Object.isFrozen(first.metadata)).toBe(true);
    await make(client, 'b');
    await client.delete(configMaps, { namespace: 'ns', name: 'a' });
    await settle();
    expect(contents(informer)).toEqual(['ns/b=102']);
    expect([informer.resourceVersion, informer.hasSeen('103'), informer.hasSeen('104')]).toEqual(['103', true, false]);
    expect(server.requests.filter(({ query }) => query.has('watch'))).toHaveLength(1);
  });

  it('tells subscribers of adds, updates and deletes with the state before, late ones of what is there', async () => {
    const { client, factory, informer, stop } = setUp();
    const seen: string[] = [];
    informer.changes.subscribe((change) => seen.push(describeChange(change)));
    await make(client, 'a');
    factory.start(stop.signal);
    await factory.waitForSync();
    await client.patch(configMaps, { namespace: 'ns', name: 'a' }, { type: 'merge', body: { data: { x: '1' } } });
    await settle();
    const late: string[] = [];
    informer.changes.subscribe((change) => late.push(describeChange(change)));
    await client.delete(configMaps, { namespace: 'ns', name: 'a' });
    await settle();
    expect(seen).toEqual(['add ns/a - 101', 'update ns/a 101 102', 'delete ns/a 102 103']);
    expect(late).toEqual(['add ns/a - 102', 'delete ns/a 102 103']);
  });

  it('emits each key once per batch', async () => {
    const { server, client, clock, factory, informer, stop } = setUp();
    factory.start(stop.signal);
    await factory.waitForSync();
    const keys: string[] = [];
    informer.keys.subscribe((key) => keys.push(key));
    server.disconnect();
    await make(client, 'a');
    for (const x of ['1', '2', '3']) {
      await client.patch(configMaps, { namespace: 'ns', name: 'a' }, { type: 'merge', body: { data: { x } } });
    }
    await clock.run(1000);
    expect(keys).toEqual(['ns/a']);
    expect(contents(informer)).toEqual(server.contents());
  });

  it('tells of an object that was replaced under its name as a delete and an add', async () => {
    const { server, client, clock, factory, informer, stop } = setUp();
    await make(client, 'a');
    factory.start(stop.signal);
    await factory.waitForSync();
    const seen: string[] = [];
    server.intercept = () => Promise.reject(unavailable());
    server.disconnect();
    await settle();
    server.intercept = () => undefined;
    await client.delete(configMaps, { namespace: 'ns', name: 'a' });
    await make(client, 'a');
    server.compact();
    informer.changes.subscribe((change) => seen.push(describeChange(change)));
    await clock.run(60_000);
    expect(seen).toEqual(['add ns/a - 101', 'delete ns/a 101 101', 'add ns/a - 103']);
  });

  it('follows bookmarks, so that a quiet kind does not expire', async () => {
    const { server, client, factory, informer, stop } = setUp();
    factory.start(stop.signal);
    await factory.waitForSync();
    await client.create<MemoryObject>(
      { ...configMaps, names: { plural: 'secrets', kind: 'Secret' } },
      { metadata: { namespace: 'ns', name: 's' } },
    );
    const progress: string[] = [];
    informer.progress.subscribe((version) => progress.push(version));
    server.bookmark();
    await settle();
    expect(progress).toEqual(['100', '101']);
    expect(informer.hasSeen('101')).toBe(true);
  });

  it('lists in pages where the server streams no lists', async () => {
    const { server, client, factory, informer, stop } = setUp();
    server.streamsLists = false;
    for (let i = 0; i < 1201; i++) await make(client, `m-${i}`);
    factory.start(stop.signal);
    await factory.waitForSync();
    const pages = server.requests.filter(({ method, query }) => method === 'GET' && !query.has('watch'));
    expect(pages.map(({ query }) => query.get('limit'))).toEqual(['500', '500', '500']);
    expect(contents(informer)).toEqual(server.contents());
    await make(client, 'later');
    await settle();
    expect(informer.lister.get('ns', 'later')).toBeDefined();
  });

  it('waits longer and longer while the server is away, and then goes on where it was', async () => {
    const { server, client, clock, factory, informer, stop } = setUp();
    factory.start(stop.signal);
    await factory.waitForSync();
    server.intercept = () => Promise.reject(serviceUnavailable('away'));
    const before = server.requests.length;
    server.disconnect();
    await clock.run(10_000);
    const tries = server.requests.length - before;
    expect(tries).toBeGreaterThan(3);
    expect(tries).toBeLessThan(10);
    server.intercept = () => undefined;
    await make(client, 'a');
    await clock.run(60_000);
    expect(contents(informer)).toEqual(server.contents());
    expect(server.requests.filter(({ query }) => query.has('sendInitialEvents'))).toHaveLength(1);
  });

  it('stops when the signal aborts', async () => {
    const { server, clock, factory, stop } = setUp();
    factory.start(stop.signal);
    await factory.waitForSync();
    stop.abort();
    await factory.stopped();
    const before = server.requests.length;
    await clock.run(60_000);
    expect([server.requests.length, clock.pending]).toEqual([before, 0]);
  });

  it('waitForSync() rejects when its signal aborts', async () => {
    const { factory, stop } = setUp();
    const waiting = factory.waitForSync(stop.signal);
    stop.abort(new Error('stopping'));
    await expect(waiting).rejects.toThrow('stopping');
  });
});

describe('informer factory', () => {
  it('shares one informer per kind and selection, and starts those that come late', async () => {
    const { server, client, factory, informer, stop } = setUp();
    factory.start(stop.signal);
    expect(factory.informer(configMaps)).toBe(informer);
    const selected = factory.informer<MemoryObject>(configMaps, { namespace: 'ns', labelSelector: 'a=b' });
    expect(selected).not.toBe(informer);
    await make(client, 'a');
    await factory.waitForSync();
    const { path, query } = server.requests.find((request) => request.query.get('labelSelector') === 'a=b')!;
    expect([path, query.get('sendInitialEvents')]).toEqual(['/api/v1/namespaces/ns/configmaps', 'true']);
    expect(selected.hasSynced).toBe(true);
  });
});

describe('informer indexes', () => {
  it('finds objects by owner and by what is added, before and after', async () => {
    const { client, factory, informer, stop } = setUp();
    const owner = { apiVersion: 'v1', kind: 'Owner', name: 'o', uid: 'uid-o' };
    await make(client, 'b', { ownerReferences: [owner], labels: { app: 'x' } });
    factory.start(stop.signal);
    await factory.waitForSync();
    informer.addIndex('app', ({ metadata }) =>
      metadata.labels?.['app'] === undefined ? [] : [metadata.labels['app']],
    );
    await make(client, 'a', { ownerReferences: [owner], labels: { app: 'x' } });
    await settle();
    const names = (list: MemoryObject[]): (string | undefined)[] => list.map(({ metadata }) => metadata.name);
    expect(names(informer.byIndex(OWNER_UID_INDEX, 'uid-o'))).toEqual(['a', 'b']);
    expect(names(informer.byIndex('app', 'x'))).toEqual(['a', 'b']);
    await client.patch(
      configMaps,
      { namespace: 'ns', name: 'a' },
      { type: 'merge', body: { metadata: { labels: { app: 'y' } } } },
    );
    await client.delete(configMaps, { namespace: 'ns', name: 'b' });
    await settle();
    expect([names(informer.byIndex('app', 'x')), names(informer.byIndex('app', 'y'))]).toEqual([[], ['a']]);
    expect(() => informer.byIndex('nope', 'x')).toThrow('"nope" does not exist');
  });
});

type Move =
  | { do: 'create' | 'patch' | 'delete'; name: string }
  | { do: 'disconnect' | 'expire' | 'fail' | 'recover' | 'compact' | 'hold' | 'release' | 'bookmark' | 'no-streaming' }
  | { do: 'run'; ms: number };

const name = fc.constantFrom('a', 'b', 'c', 'd');
const moves = fc.array(
  fc.oneof(
    fc.record({ do: fc.constantFrom('create' as const, 'patch' as const, 'delete' as const), name }),
    fc.record({
      do: fc.constantFrom(
        ...([
          'disconnect',
          'expire',
          'fail',
          'recover',
          'compact',
          'hold',
          'release',
          'bookmark',
          'no-streaming',
        ] as const),
      ),
    }),
    fc.record({ do: fc.constant('run' as const), ms: fc.integer({ min: 0, max: 3000 }) }),
  ),
  { maxLength: 60, size: 'max' },
);

async function play(move: Move, { server, clock }: Setup): Promise<void> {
  const write = inProcessClient({
    handler: quietly(server),
    user: { name: 'writer', groups: [] },
    userAgent: 'writer',
  });
  const ignore = (): void => undefined;
  switch (move.do) {
    case 'create':
      return void (await make(write, move.name).catch(ignore));
    case 'patch':
      return void (await write
        .patch(configMaps, { namespace: 'ns', name: move.name }, { type: 'merge', body: {} })
        .catch(ignore));
    case 'delete':
      return void (await write.delete(configMaps, { namespace: 'ns', name: move.name }).catch(ignore));
    case 'disconnect':
      return server.disconnect();
    case 'expire':
      return server.disconnect(expired('too old'));
    case 'fail':
      server.intercept = () => Promise.reject(unavailable());
      return server.disconnect();
    case 'recover':
      server.intercept = () => undefined;
      return undefined;
    case 'compact':
      return server.compact();
    case 'hold':
      return server.holdWatches();
    case 'release':
      return server.releaseWatches();
    case 'bookmark':
      return server.bookmark();
    case 'no-streaming':
      server.streamsLists = !server.streamsLists;
      return undefined;
    case 'run':
      return clock.run(move.ms);
  }
}

/** The writer is not hit by the failures that are meant for the informer. */
function quietly(server: MemoryServer): MemoryServer['handler'] {
  return async (request) => {
    const { intercept } = server;
    server.intercept = () => undefined;
    const answer = server.handler(request);
    await Promise.resolve();
    server.intercept = intercept;
    return answer;
  };
}

describe('informer, whatever happens on the way', () => {
  it('ends up equal to the server, and its changes add up to the same', async () => {
    await fc.assert(
      fc.asyncProperty(moves, async (all) => {
        const setup = setUp();
        const { server, clock, factory, informer, stop } = setup;
        const copy = new Map<string, MemoryObject>();
        informer.changes.subscribe(({ type, key, object, previous }) => {
          expect(copy.get(key)).toBe(previous);
          if (type === 'delete') copy.delete(key);
          else copy.set(key, object);
        });
        factory.start(stop.signal);
        for (const move of all) await play(move, setup);
        server.intercept = () => undefined;
        server.releaseWatches();
        await clock.run(120_000);
        expect(contents(informer)).toEqual(server.contents());
        expect([...copy.values()].map(describeObject).sort()).toEqual(server.contents());
        stop.abort();
        await factory.stopped();
      }),
      { numRuns: 1000 },
    );
  }, 60_000);
});
