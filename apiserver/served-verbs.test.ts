import { expect, it } from '@jest/globals';
import { startTestServer } from './testing.ts';

it('serves a kind with the verbs that its definition names, and no others', async () => {
  const server = await startTestServer();
  try {
    // Whoever forgets the name deletes nothing.
    const { status } = await server.send('DELETE', '/api/v1/namespaces?labelSelector=nobody%3Dhas-this');
    expect(status).toBe(405);
    expect((await server.send('GET', '/api/v1/namespaces')).status).toBe(200);
  } finally {
    await server.close();
  }
});
