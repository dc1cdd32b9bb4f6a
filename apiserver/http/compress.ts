/** Compression of large answers (apiserver `responsewriters/writers.go`, `deferredResponseWriter`). */
import { pipeline, Readable } from 'node:stream';
import { promisify } from 'node:util';
import { createGzip, gzip } from 'node:zlib';
import type { ApiRequest } from '../../api/machinery/handler.ts';

/** Smaller ones are not worth the time. */
export const GZIP_THRESHOLD_BYTES = 128 << 10;
/** The fastest. */
const LEVEL = 1;

/** The headers of an answer that is compressed. */
export function withGzip(headers: Record<string, string | string[]>): Record<string, string | string[]> {
  const vary = [headers['vary'] ?? [], 'Accept-Encoding'].flat().join(', ');
  return { ...headers, 'content-encoding': 'gzip', vary };
}

/** By the plain name alone: upstream takes `gzip;q=1` for something else. */
export function takesGzip({ headers }: Pick<ApiRequest, 'headers'>): boolean {
  const accepted = headers['accept-encoding'];
  return accepted !== undefined && accepted.split(',').some((token) => token.trim() === 'gzip');
}

const gzipped = promisify<Uint8Array, { level: number }, Buffer>(gzip);

export function compressed(bytes: Uint8Array): Promise<Uint8Array> {
  return gzipped(bytes, { level: LEVEL });
}

/** Ends when `chunks` end; when nobody reads on, they are told. */
export function compressedChunks(chunks: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  // What breaks off reaches the reader as an error of the stream.
  return pipeline(Readable.from(chunks, { objectMode: true }), createGzip({ level: LEVEL }), () => undefined);
}
