import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { WatchEvent } from '../../api/machinery/handler.ts';
import type { TestServer } from '../testing.ts';
import { startTestServer, testAdmin } from '../testing.ts';
import { gatherMsFor } from './watch.ts';

describe('gatherMsFor()', () => {
  it.each([
    [1, 0],
    [100, 0],
    [101, 6],
    [500, 25],
    [1_000, 50],
    [50_000, 50],
  ])('gives %d watchers %d ms', (watchers, ms) => {
    expect(gatherMsFor(watchers)).toBe(ms);
  });
});

describe('a watch from before what the cache remembers', () => {
  it('is told so by an event, as upstream does', async () => {
    const server = await startTestServer();
    const maps = '/api/v1/namespaces/default/configmaps';
    await server.call('POST', maps, { metadata: { name: 'a' } });
    // Another server of the store begins with what there is.
    const later = await startTestServer({ storage: server.storage });
    try {
      const response = await later.api.handler({
        method: 'GET',
        path: maps,
        query: new URLSearchParams('watch=true&resourceVersion=1'),
        headers: {},
        user: testAdmin,
        signal: new AbortController().signal,
      });
      expect(response.status).toBe(200);
      const frames: string[] = [];
      if (response.body.type === 'watch')
        for await (const frame of response.body.frames) frames.push(Buffer.from(frame).toString());
      expect(frames.map((frame) => JSON.parse(frame) as unknown)).toMatchObject([
        { type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired' } },
      ]);
    } finally {
      await later.close();
      await server.close();
    }
  });
});

describe('the old path /watch/…/NAME', () => {
  const maps = '/api/v1/namespaces/default/configmaps';
  const named = '/api/v1/watch/namespaces/default/configmaps/a';
  let server: TestServer;

  beforeAll(async () => {
    server = await startTestServer();
    for (const name of ['b', 'a', 'c']) await server.call('POST', maps, { metadata: { name } });
  });
  afterAll(() => server.close());

  it('shows the named object and no other, since access is granted to that one', async () => {
    const stop = new AbortController();
    const events = await server.watch(named, stop.signal);
    await server.call('PUT', `${maps}/b`, { metadata: { name: 'b' }, data: { k: 'v' } });
    await server.call('DELETE', `${maps}/a`);
    const seen = [await events.next(), await events.next()].map(({ value }) => value as WatchEvent);
    stop.abort();
    expect(seen).toMatchObject([
      { type: 'ADDED', object: { metadata: { name: 'a' } } },
      { type: 'DELETED', object: { metadata: { name: 'a' } } },
    ]);
  });

  it('takes a field selector that demands the same name, and no other', async () => {
    const stop = new AbortController();
    await server.watch(`${named}?fieldSelector=metadata.name%3Da`, stop.signal);
    stop.abort();
    for (const selector of ['metadata.name=b', 'metadata.name!=a', 'metadata.namespace=default']) {
      expect(await server.send('GET', `${named}?fieldSelector=${encodeURIComponent(selector)}`)).toMatchObject({
        status: 400,
        body: { message: "fieldSelector metadata.name doesn't match requested name" },
      });
    }
  });

  it('is for GET alone', async () => {
    expect(await server.send('POST', '/api/v1/watch/namespaces/default/configmaps')).toMatchObject({ status: 405 });
  });
});

describe('timeoutSeconds=0', () => {
  it('leaves the time of a watch to the server, as upstream does', async () => {
    const server = await startTestServer();
    try {
      const path = '/api/v1/namespaces/default/configmaps';
      const stop = new AbortController();
      const events = await server.watch(`${path}?watch=true&timeoutSeconds=0`, stop.signal);
      // A timer that the watch had set to end it at once fires before this one.
      await new Promise((resolve) => setTimeout(resolve, 2));
      await server.call('POST', path, { metadata: { name: 'later' } });
      expect(await events.next()).toMatchObject({ value: { type: 'ADDED', object: { metadata: { name: 'later' } } } });
      stop.abort();
    } finally {
      await server.close();
    }
  });
});
