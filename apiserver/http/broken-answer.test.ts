/** An answer that fails on its way, as its reader sees it. */
import { expect, it } from '@jest/globals';
import type { ApiResponse } from '../../api/machinery/handler.ts';
import { exchange, startListeningServer } from './testing.ts';

it('is no whole answer over HTTP/2, also when all that there was has been sent', async () => {
  async function* chunks(): AsyncGenerator<Uint8Array> {
    for (let i = 0; i < 32; i++) yield Buffer.alloc(1 << 16, 'x');
    await new Promise((resolve) => setImmediate(resolve));
    throw new Error('no more');
  }
  const answer = (): ApiResponse => ({
    status: 200,
    headers: {},
    body: { type: 'stream', chunks: chunks(), contentType: 'text/plain' },
  });
  const server = await startListeningServer({ http: { handler: () => Promise.resolve(answer()) } });
  const session = server.connect();
  try {
    await expect(exchange(session, '/')).rejects.toThrow(/NGHTTP2_INTERNAL_ERROR/);
  } finally {
    session.destroy();
    await server.close();
  }
});
