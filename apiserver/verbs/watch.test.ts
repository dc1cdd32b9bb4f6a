import { describe, expect, it } from '@jest/globals';
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
