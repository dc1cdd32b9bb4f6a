/** Reads a request body up to a limit. */
import type { Readable } from 'node:stream';

/**
 * Undefined when the body is larger than `maxBytes`; the rest is left unread. Rejects when the stream fails or closes
 * before its end.
 */
export function readBody(body: Readable, maxBytes: number): Promise<Uint8Array | undefined> {
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = [];
    let size = 0;
    const settle = (): void => {
      body.removeListener('data', onData).removeListener('end', onEnd);
      body.removeListener('error', onFailure).removeListener('close', onFailure);
    };
    const onData = (chunk: Uint8Array): void => {
      size += chunk.length;
      chunks.push(chunk);
      if (size <= maxBytes) return;
      settle();
      body.pause();
      resolve(undefined);
    };
    const onEnd = (): void => {
      settle();
      resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, size));
    };
    const onFailure = (error?: Error): void => {
      settle();
      reject(error ?? new Error('the request was closed before its body ended'));
    };
    body.on('data', onData).on('end', onEnd).on('error', onFailure).on('close', onFailure);
  });
}
