import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ApiObject, ApiObjectList } from '../api/machinery/meta.ts';
import { openLmdbStorage } from './storage/lmdb.ts';
import type { TestServer } from './testing.ts';
import { startTestServer } from './testing.ts';

const MAPS = '/api/v1/namespaces/default/configmaps';
const OTHERS = '/api/v1/namespaces/kube-public/configmaps';

let path: string;
let server: TestServer;
let message: string;

async function start(): Promise<void> {
  server = await startTestServer({ storage: await openLmdbStorage({ path, reserveBytes: 4096 }) });
}

/** Changes one bit of a text wherever the store's file has it. */
async function damage(text: string): Promise<void> {
  const file = join(path, 'store.mdb');
  const content = await readFile(file);
  for (let at = content.indexOf(text); at >= 0; at = content.indexOf(text, at + 1)) content[at]! ^= 0x20;
  await writeFile(file, content);
}

beforeAll(async () => {
  path = await mkdtemp(join(tmpdir(), 'nocher-damaged-'));
  await start();
  await server.call('POST', OTHERS, { metadata: { name: 'good' }, data: { a: 'b' } });
  await server.call('POST', MAPS, { metadata: { name: 'good' }, data: { a: 'b' } });
  const bad = await server.call<ApiObject>('POST', MAPS, {
    metadata: { name: 'bad', finalizers: ['example.com/keep'] },
    data: { a: 'recognizable' },
  });
  await server.close();
  await damage('recognizable');
  await start();
  const { resourceVersion } = bad.metadata;
  message =
    `Internal error occurred: the value of /registry/configmaps/default/bad at revision ${resourceVersion} is ` +
    'damaged; the object has to be deleted';
});
afterAll(async () => {
  await server.close();
  await rm(path, { recursive: true, force: true });
});

describe('an object whose record is damaged on the disk', () => {
  it('is named by whatever would have to read it', async () => {
    const failure = { status: 500, body: { reason: 'InternalError', message } };
    expect(await server.send('GET', `${MAPS}/bad`)).toMatchObject(failure);
    expect(await server.send('GET', MAPS)).toMatchObject(failure);
    expect(await server.send('GET', '/api/v1/configmaps?labelSelector=a%3Db')).toMatchObject(failure);
    expect(await server.send('GET', `${MAPS}?watch=true`)).toMatchObject(failure);
    const patch = { contentType: 'application/merge-patch+json', body: { data: { a: 'c' } } };
    expect(await server.send('PATCH', `${MAPS}/bad`, patch)).toMatchObject(failure);
    expect(await server.send('POST', MAPS, { body: { metadata: { name: 'bad' } } })).toMatchObject({ status: 409 });
  });

  it('keeps nobody from the others', async () => {
    expect(await server.call('GET', `${MAPS}/good`)).toMatchObject({ data: { a: 'b' } });
    expect((await server.call<ApiObjectList>('GET', OTHERS)).items).toHaveLength(1);
    await server.call('PUT', `${MAPS}/good`, { metadata: { name: 'good' }, data: { a: 'c' } });
    const lister = server.api.listers({ group: '', plural: 'configmaps' });
    expect(lister.list({ namespace: 'default' }).map(({ metadata }) => metadata.name)).toEqual(['good']);
    expect(lister.get('default', 'bad')).toBeUndefined();
  });

  it('goes when it is deleted, and whoever watched lists again', async () => {
    const { metadata } = await server.call<ApiObjectList>('GET', OTHERS);
    const stop = new AbortController();
    const query = `watch=true&resourceVersion=${metadata.resourceVersion}`;
    const events = await server.watch(`${MAPS}?${query}`, stop.signal);
    expect(await server.send('DELETE', `${MAPS}/bad`)).toMatchObject({ status: 200, body: { status: 'Success' } });
    await expect(events.next()).rejects.toMatchObject({ status: { code: 410 } });
    const { items } = await server.call<ApiObjectList>('GET', MAPS);
    expect(items.map((item) => item.metadata.name)).toEqual(['good']);
    await server.call('POST', MAPS, { metadata: { name: 'bad' } });
    await server.close();
    await start();
    expect(await server.send('GET', `${MAPS}/bad`)).toMatchObject({ status: 200 });
  });
});
