import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ApiObject } from '../api/machinery/meta.ts';
import type { TestServer } from '../apiserver/testing.ts';
import { startTestServer } from '../apiserver/testing.ts';
import { nextStep, nodeTtlController } from './node-ttl.ts';
import { eventually, runControllers } from './testing.ts';

describe('nextStep()', () => {
  it.each([
    [0, 100, 0],
    [0, 101, 1],
    [1, 90, 1],
    [1, 89, 0],
    [0, 5_000, 4],
    [4, 1_800, 4],
    [4, 1, 0],
  ])('from step %d with %d nodes is %d', (step, count, expected) => {
    expect(nextStep(step, count)).toBe(expected);
  });
});

describe('the controller', () => {
  let server: TestServer;
  let stop: () => Promise<void>;
  beforeAll(async () => {
    server = await startTestServer();
    for (let index = 0; index < 100; index++)
      await server.call('POST', '/api/v1/nodes', { metadata: { name: `n-${index}` } });
    stop = runControllers(server.api.handler, [nodeTtlController()]);
  });
  afterAll(async () => {
    await stop();
    await server.close();
  });

  const ttl = (name: string, seconds: string): Promise<true> =>
    eventually(async () => {
      const { metadata } = await server.call<ApiObject>('GET', `/api/v1/nodes/${name}`);
      return metadata.annotations?.['node.alpha.kubernetes.io/ttl'] === seconds ? true : undefined;
    });

  it('writes a node as it changes, by how many there are', async () => {
    await ttl('n-0', '0');
    await server.call('POST', '/api/v1/nodes', { metadata: { name: 'one-more' } });
    await ttl('one-more', '15');
    await server.send('PATCH', '/api/v1/nodes/n-0', {
      body: { metadata: { labels: { a: 'b' } } },
      contentType: 'application/merge-patch+json',
    });
    await ttl('n-0', '15');
  });
});
