/** Events go an hour after their last write, whichever API wrote them. */
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { ManualClock } from '../../client/manual-clock.ts';
import { formatMicroTime } from '../../base/clock.ts';
import { silentLogger } from '../../base/log.ts';
import type { ServerParts } from '../api-server.ts';
import type { TestServer } from '../testing.ts';
import { startTestServer } from '../testing.ts';
import { CachedObject } from '../cacher/cached-object.ts';
import { startExpiry } from './event-ttl.ts';

const MINUTE_MS = 60_000;
const CORE = '/api/v1/namespaces/default/events';
const NEW = '/apis/events.k8s.io/v1/namespaces/default/events';

let server: TestServer | undefined;
const stop = new AbortController();
afterEach(async () => {
  stop.abort();
  await server?.close();
});

describe('events', () => {
  it('go an hour after their last write, with their series; other objects stay [A47]', async () => {
    let parts: ServerParts | undefined;
    server = await startTestServer({ extend: (all) => void (parts = all) });
    const { call } = server;
    const clock = new ManualClock(Date.now());
    startExpiry({ kinds: parts!.kinds, storage: server.storage, clock, log: silentLogger }, stop.signal);

    const about = { kind: 'Pod', namespace: 'default', name: 'p' };
    await call('POST', CORE, { metadata: { name: 'single' }, involvedObject: about, reason: 'Once', type: 'Normal' });
    await call('POST', NEW, {
      metadata: { name: 'series' },
      regarding: about,
      eventTime: formatMicroTime(clock.now()),
      reportingController: 'example.com/c',
      reportingInstance: 'c-1',
      action: 'Doing',
      reason: 'Often',
      type: 'Normal',
    });
    await call('POST', '/api/v1/namespaces/default/configmaps', { metadata: { name: 'stays' } });
    const names = async (): Promise<string[]> =>
      (await call<{ items: { metadata: { name: string } }[] }>('GET', CORE)).items.map(({ metadata }) => metadata.name);

    const decodings = jest.spyOn(CachedObject.prototype, 'decode');
    const objects = jest.spyOn(CachedObject.prototype, 'object');
    clock.advance(59 * MINUTE_MS);
    // What is young is not even looked into.
    expect([decodings.mock.calls.length, objects.mock.calls.length]).toEqual([0, 0]);
    jest.restoreAllMocks();
    expect(await names()).toEqual(['series', 'single']);
    const lastObservedTime = formatMicroTime(clock.now());
    const body = JSON.stringify({ series: { count: 2, lastObservedTime } });
    const patched = await server.send('PATCH', `${NEW}/series`, { body, contentType: 'application/merge-patch+json' });
    expect(patched.status).toBe(200);

    clock.advance(2 * MINUTE_MS);
    while ((await names()).includes('single')) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(await names()).toEqual(['series']);
    clock.advance(60 * MINUTE_MS);
    while ((await names()).length > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    expect((await server.send('GET', '/api/v1/namespaces/default/configmaps/stays')).status).toBe(200);

    await call('POST', CORE, { metadata: { name: 'old' }, involvedObject: about, reason: 'Once', type: 'Normal' });
    const later = new ManualClock(Date.now() + 61 * MINUTE_MS);
    // A server that starts later finds what was written before.
    startExpiry({ kinds: parts!.kinds, storage: server.storage, clock: later, log: silentLogger }, stop.signal);
    later.advance(MINUTE_MS);
    while ((await names()).length > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  });
});
