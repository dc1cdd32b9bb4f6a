/** What the fuzzer (test/fuzz) has found: requests that the server once failed at, each with what answers it. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { TestServer } from './testing.ts';
import { startTestServer } from './testing.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

const PODS = '/api/v1/namespaces/default/pods';

describe('a request that a fault of ours met', () => {
  it.each<[string, string, string, unknown, number]>([
    ['a pod without containers', 'POST', PODS, { metadata: { name: 'a' }, spec: {} }, 422],
    ['a volume without a name', 'POST', PODS, { metadata: { name: 'a' }, spec: { volumes: [{}] } }, 422],
  ])('is answered: %s', async (_title, method, url, body, expected) => {
    const { status } = await server.send(method, url, { body });
    expect(status).toBe(expected);
  });
});
