import { afterEach, describe, expect, it } from '@jest/globals';
import { realClock } from '../../base/clock.ts';
import { monitorEventLoop } from '../../base/event-loop.ts';
import { startTestServer } from '../testing.ts';
import type { TestServer } from '../testing.ts';

const block = (ms: number): void => {
  const endMs = realClock.monotonicMs() + ms;
  while (realClock.monotonicMs() < endMs);
};

describe('/metrics [T10]', () => {
  let server: TestServer;
  afterEach(() => server.close());

  async function scrape(): Promise<(name: string) => number | undefined> {
    const { body, headers } = await server.send('GET', '/metrics');
    expect(headers).toBeDefined();
    const values = new Map<string, number>();
    for (const line of String(body).split('\n')) {
      const at = line.lastIndexOf(' ');
      if (line !== '' && !line.startsWith('#')) values.set(line.slice(0, at), Number(line.slice(at + 1)));
    }
    return (name) => values.get(name);
  }

  it('counts requests and their times by verb, kind and code, and objects by kind', async () => {
    server = await startTestServer({ eventLoop: monitorEventLoop() });
    for (const name of ['a', 'b', 'a']) {
      await server.send('POST', '/api/v1/namespaces/default/configmaps', { body: { metadata: { name } } });
    }
    await server.send('GET', '/apis/apps/v1/deployments');
    await server.send('GET', '/nowhere/1');
    await server.send('GET', '/nowhere/2');
    const value = await scrape();
    const posts = 'verb="POST",group="",version="v1",resource="configmaps",subresource="",scope="namespace"';
    expect(value(`apiserver_request_total{${posts},code="201"}`)).toBe(2);
    expect(value(`apiserver_request_total{${posts},code="409"}`)).toBe(1);
    expect(value(`apiserver_request_duration_seconds_count{${posts},code="201"}`)).toBe(2);
    expect(value(`apiserver_request_duration_seconds_bucket{${posts},code="201",le="+Inf"}`)).toBe(2);
    const lists = 'verb="LIST",group="apps",version="v1",resource="deployments",subresource="",scope="cluster"';
    expect(value(`apiserver_request_total{${lists},code="200"}`)).toBe(1);
    // Paths are the clients' choice: they make no series of their own.
    const other = 'verb="GET",group="",version="",resource="",subresource="",scope=""';
    expect(value(`apiserver_request_total{${other},code="404"}`)).toBe(2);
    expect(value('apiserver_storage_objects{resource="configmaps"}')).toBe(2);
    expect(value('apiserver_storage_objects{resource="deployments.apps"}')).toBe(0);
    expect(value('apiserver_current_inflight_requests{request_kind="readOnly"}')).toBe(1);
    expect(value('process_resident_memory_bytes')).toBeGreaterThan(0);
  });

  it('tells the longest stall of the event loop since the last scrape', async () => {
    server = await startTestServer({ eventLoop: monitorEventLoop() });
    const STALL = 'nocher_event_loop_longest_stall_seconds';
    await scrape();
    await new Promise((resolve) => realClock.setTimeout(() => resolve(undefined), 50));
    block(400);
    await new Promise((resolve) => realClock.setTimeout(() => resolve(undefined), 50));
    expect((await scrape())(STALL)).toBeGreaterThan(0.3);
    await new Promise((resolve) => realClock.setTimeout(() => resolve(undefined), 50));
    expect((await scrape())(STALL)).toBeLessThan(0.3);
  });
});
