/** The client's contract, on both transports, against the real server. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { configMaps } from '../api/core/v1/config-map.ts';
import type { ConfigMap } from '../api/core/v1/config-map.ts';
import { namespaces } from '../api/core/v1/namespace.ts';
import { ApiError, isAlreadyExists, isConflict, isNotFound } from '../api/machinery/errors.ts';
import type { WatchEvent } from '../api/machinery/handler.ts';
import { createHttpServer } from '../apiserver/http/http-server.ts';
import type { HttpServer } from '../apiserver/http/http-server.ts';
import { startTestServer, testAdmin } from '../apiserver/testing.ts';
import type { TestServer } from '../apiserver/testing.ts';
import { realClock } from '../base/clock.ts';
import { silentLogger } from '../base/log.ts';
import { createCertificateAuthority, issueCertificate } from '../base/pki.ts';
import { realRandom } from '../base/random.ts';
import type { Client } from './client.ts';
import { httpClient } from './http.ts';
import type { HttpClient } from './http.ts';
import { inProcessClient } from './in-process.ts';
import { createInformerFactory } from './informer-factory.ts';

let server: TestServer;
let http: HttpServer;
let overHttp: HttpClient;
const clients: Record<string, Client> = {};

beforeAll(async () => {
  server = await startTestServer();
  const issuance = { nowMs: Date.now(), notAfterMs: Date.now() + 3_600_000, random: realRandom };
  const ca = await createCertificateAuthority({ commonName: 'test-ca', ...issuance });
  const leaf = await issueCertificate({
    commonName: 'server',
    ipAddresses: ['127.0.0.1'],
    ca,
    usages: ['server'],
    ...issuance,
  });
  http = createHttpServer({
    handler: (request) => server.api.handler(Object.assign(request, { user: testAdmin })),
    certificate: leaf.certificate,
    key: leaf.privateKey,
    clientCa: ca.certificate,
    log: silentLogger,
  });
  const { port } = await http.listen(0, '127.0.0.1');
  overHttp = httpClient({ server: `https://127.0.0.1:${port}`, ca: ca.certificate, userAgent: 'test' });
  clients['http'] = overHttp;
  clients['in-process'] = inProcessClient({ handler: server.api.handler, user: testAdmin, userAgent: 'test' });
});

afterAll(async () => {
  overHttp.close();
  await http.close();
  await server.close();
});

const caught = (attempt: Promise<unknown>): Promise<unknown> =>
  attempt.then(
    () => undefined,
    (error: unknown) => error,
  );

async function collect(
  batches: AsyncIterable<readonly WatchEvent[]>,
  count: number,
  onBatch: (seen: number) => void = () => undefined,
): Promise<string[]> {
  const seen: string[] = [];
  for await (const batch of batches) {
    for (const { type, object } of batch) seen.push(`${type} ${object.metadata.name ?? ''}`.trim());
    onBatch(seen.length);
    if (seen.length >= count) break;
  }
  return seen;
}

describe.each(['in-process', 'http'])('the %s client', (transport) => {
  const name = (suffix: string): string => `${transport}-${suffix}`;
  const at = (suffix: string): { namespace: string; name: string } => ({ namespace: 'default', name: name(suffix) });
  const client = (): Client => clients[transport]!;
  const create = (suffix: string, more: Partial<ConfigMap> = {}): Promise<ConfigMap> =>
    client().create<ConfigMap>(configMaps, { metadata: { ...at(suffix), labels: { transport } }, ...more });

  it('creates, reads, changes and deletes', async () => {
    const mine = { metadata: at('life'), data: { a: '1' } };
    const created = await client().create<ConfigMap>(configMaps, mine);
    expect(Object.isFrozen(mine)).toBe(false);
    expect([created.kind, created.apiVersion, Object.isFrozen(created.metadata)]).toEqual(['ConfigMap', 'v1', true]);
    const read = await client().get<ConfigMap>(configMaps, at('life'));
    expect(read).toEqual(created);
    const updated = await client().update<ConfigMap>(configMaps, { ...read, data: { a: '2' } }, { fieldManager: 'me' });
    expect(updated.metadata.managedFields?.map(({ manager }) => manager)).toContain('me');
    const body = { data: { b: '3' } };
    const patched = await client().patch<ConfigMap>(configMaps, at('life'), { type: 'merge', body });
    expect(patched.data).toEqual({ a: '2', b: '3' });
    const json = [{ op: 'remove', path: '/data/a' }];
    expect((await client().patch<ConfigMap>(configMaps, at('life'), { type: 'json', body: json })).data).toEqual({
      b: '3',
    });
    const strategic = { data: { b: null, c: '4' } };
    expect(
      (await client().patch<ConfigMap>(configMaps, at('life'), { type: 'strategic', body: strategic })).data,
    ).toEqual({ c: '4' });
    await client().delete(configMaps, at('life'), { preconditions: { uid: created.metadata.uid! } });
    expect(isNotFound(await caught(client().get(configMaps, at('life'))))).toBe(true);
  });

  it('stores nothing in a dry run', async () => {
    await client().create<ConfigMap>(configMaps, { metadata: at('dry') }, { dryRun: true });
    expect(isNotFound(await caught(client().get(configMaps, at('dry'))))).toBe(true);
  });

  it('throws what the server says as ApiError', async () => {
    const first = await create('errors');
    expect(isAlreadyExists(await caught(create('errors')))).toBe(true);
    await client().update(configMaps, { ...first, data: { x: '1' } });
    expect(isConflict(await caught(client().update(configMaps, { ...first, data: { x: '2' } })))).toBe(true);
    const gone = (await caught(client().delete(configMaps, at('missing')))) as ApiError;
    expect([gone.code, gone.message, gone.status.details?.name]).toEqual([
      404,
      `configmaps "${name('missing')}" not found`,
      name('missing'),
    ]);
    const wrong = (await caught(
      client().delete(configMaps, at('errors'), { preconditions: { uid: 'other' } }),
    )) as ApiError;
    expect(wrong.code).toBe(409);
  });

  it('never turns a missing name into a whole collection', async () => {
    await expect(client().delete(configMaps, { namespace: 'default', name: '' })).rejects.toThrow(
      'resource name may not be empty',
    );
    await expect(client().get(configMaps, { name: 'a' })).rejects.toThrow('an empty namespace');
    await expect(client().create(configMaps, { metadata: { name: 'a' } })).rejects.toThrow('an empty namespace');
  });

  it('keeps odd names to one path segment', async () => {
    const error = (await caught(
      client().get(configMaps, { namespace: 'default', name: '../../namespaces/default' }),
    )) as ApiError;
    expect(error.code).toBeGreaterThanOrEqual(400);
    expect(error.message).toContain('configmaps "../../namespaces/default" not found');
  });

  it('lists with selectors and in pages', async () => {
    for (const suffix of ['p-1', 'p-2', 'p-3'])
      await create(suffix, { metadata: { ...at(suffix), labels: { pages: transport } } });
    const options = { namespace: 'default', labelSelector: `pages=${transport}`, limit: 2 };
    const first = await client().list<ConfigMap>(configMaps, options);
    expect(first.items.map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toEqual([
      `ConfigMap ${name('p-1')}`,
      `ConfigMap ${name('p-2')}`,
    ]);
    const rest = await client().list<ConfigMap>(configMaps, { ...options, continue: first.metadata.continue! });
    expect(rest.items.map(({ metadata }) => metadata.name)).toEqual([name('p-3')]);
    expect(rest.metadata.continue ?? '').toBe('');
    const one = await client().list(configMaps, { fieldSelector: `metadata.name=${name('p-2')}` });
    expect(one.items).toHaveLength(1);
    expect((await client().list(namespaces)).items.length).toBeGreaterThan(2);
  });

  it('watches from a version on, and ends when the signal aborts', async () => {
    const { metadata } = await client().list(configMaps, { namespace: 'default' });
    const stop = new AbortController();
    const labelSelector = `watch=${transport}`;
    const watch = client().watch(configMaps, {
      namespace: 'default',
      labelSelector,
      resourceVersion: metadata.resourceVersion!,
      signal: stop.signal,
    });
    const labels = { watch: transport };
    await create('watched', { metadata: { ...at('watched'), labels } });
    await client().patch(configMaps, at('watched'), { type: 'merge', body: { data: { a: '1' } } });
    await client().delete(configMaps, at('watched'));
    const watched = name('watched');
    expect(await collect(watch, 3)).toEqual([`ADDED ${watched}`, `MODIFIED ${watched}`, `DELETED ${watched}`]);
    const open = client().watch(configMaps, {
      labelSelector,
      resourceVersion: metadata.resourceVersion!,
      signal: stop.signal,
    });
    // It would wait for a fourth event for ever.
    const seen = await collect(open, 4, (count) => {
      if (count === 3) stop.abort();
    });
    expect(seen).toHaveLength(3);
  });

  it('streams a list', async () => {
    await create('initial', { metadata: { ...at('initial'), labels: { initial: transport } } });
    const request = {
      labelSelector: `initial=${transport}`,
      sendInitialEvents: true,
      resourceVersionMatch: 'NotOlderThan' as const,
    };
    const signal = new AbortController().signal;
    const seen = await collect(client().watch(configMaps, { ...request, allowWatchBookmarks: true, signal }), 2);
    expect(seen).toEqual([`ADDED ${name('initial')}`, 'BOOKMARK']);
  });

  it('throws when a watch is refused', async () => {
    const signal = new AbortController().signal;
    const error = (await caught(collect(client().watch(configMaps, { resourceVersion: 'x', signal }), 1))) as ApiError;
    expect(error).toBeInstanceOf(ApiError);
    expect(error.code).toBe(400);
  });

  it('feeds informers', async () => {
    const stop = new AbortController();
    const factory = createInformerFactory(client(), { clock: realClock, log: silentLogger });
    const informer = factory.informer<ConfigMap>(configMaps, { labelSelector: `informer=${transport}` });
    const labels = { informer: transport };
    await create('before', { metadata: { ...at('before'), labels } });
    factory.start(stop.signal);
    await factory.waitForSync();
    const arrived = new Promise<string>((resolve) =>
      informer.keys.subscribe((key) => key.endsWith('after') && resolve(key)),
    );
    await create('after', { metadata: { ...at('after'), labels } });
    expect(await arrived).toBe(`default/${name('after')}`);
    const both = informer.lister.list({ namespace: 'default' });
    expect(both.map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toEqual([
      `ConfigMap ${name('after')}`,
      `ConfigMap ${name('before')}`,
    ]);
    expect(both.every((object) => Object.isFrozen(object.metadata.labels))).toBe(true);
    stop.abort();
    await factory.stopped();
  });

  it('gives up when the signal aborts', async () => {
    const stop = new AbortController();
    stop.abort(new Error('enough'));
    await expect(client().get(configMaps, { ...at('life') }, { signal: stop.signal })).rejects.toThrow('enough');
  });
});
