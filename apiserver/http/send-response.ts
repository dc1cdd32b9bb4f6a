/** Writes an `ApiResponse` to a connection with back-pressure: a slow reader slows its own stream only. */
import { setImmediate } from 'node:timers/promises';
import type { ApiRequest, ApiResponse } from '../../api/machinery/handler.ts';
import { encodeBody } from '../render/encode.ts';
import { compressed, compressedChunks, GZIP_THRESHOLD_BYTES, takesGzip, withGzip } from './compress.ts';

/** What HTTP/1.1 responses and HTTP/2 streams have in common. */
export interface ResponseSink {
  head(status: number, headers: Record<string, string | string[] | number>): void;
  /** Sends the head now: clients of a watch wait for it, and the first event may take long. */
  flushHead(): void;
  /** False when the connection's buffer is full. */
  write(bytes: Uint8Array): boolean;
  drained(callback: () => void): void;
  end(bytes?: Uint8Array): void;
  /** Never looks like the end of what was written. */
  abort(): void;
}

export async function sendResponse(
  { status, headers, body }: ApiResponse,
  sink: ResponseSink,
  request: ApiRequest,
): Promise<void> {
  const common = { 'cache-control': 'no-cache, private', ...headers };
  switch (body.type) {
    case 'none':
      sink.head(status, common);
      sink.end();
      return;
    case 'object':
      await sendDocument(sink, request, { status, headers: common, ...encodeBody(request, body.encoded, status) });
      return;
    case 'bytes':
      await (body.compressible === true ? sendDocument : sendBytes)(sink, request, {
        status,
        headers: common,
        bytes: body.bytes,
        contentType: body.contentType,
      });
      return;
    case 'stream':
      await sendStream(sink, request, { status, headers: { ...common, 'content-type': body.contentType }, body });
      return;
    case 'watch':
      sink.head(status, { ...common, 'content-type': body.contentType });
      sink.flushHead();
      await pump(body.frames, sink, request.signal);
      return;
    case 'carried':
      return sendCarried(sink, request, { status, headers, chunks: body.chunks });
    case 'events':
    case 'upgrade':
      throw new Error(`a response of type ${body.type} cannot be sent over this connection`);
  }
}

/** A proxy's own headers come before those of the answer, as with upstream, and neither takes the place of the other. */
async function sendCarried(
  sink: ResponseSink,
  { signal }: ApiRequest,
  { status, headers, chunks }: { status: number; headers: Headers; chunks: AsyncIterable<Uint8Array> },
): Promise<void> {
  const own = 'no-cache, private';
  const caching = headers['cache-control'];
  sink.head(status, { ...headers, 'cache-control': caching === undefined ? own : `${own}, ${String(caching)}` });
  sink.flushHead();
  await pump(chunks, sink, signal);
}

type Headers = Record<string, string | string[]>;

interface WholeAnswer {
  status: number;
  headers: Headers;
  bytes: Uint8Array;
  contentType: string;
}

async function sendDocument(sink: ResponseSink, request: ApiRequest, answer: WholeAnswer): Promise<void> {
  if (answer.bytes.length <= GZIP_THRESHOLD_BYTES || !takesGzip(request)) return sendBytes(sink, request, answer);
  const bytes = await compressed(answer.bytes);
  sendBytes(sink, request, { ...answer, bytes, headers: withGzip(answer.headers) });
}

function sendBytes(
  sink: ResponseSink,
  { method }: ApiRequest,
  { status, headers, bytes, contentType }: WholeAnswer,
): void {
  sink.head(status, { ...headers, 'content-type': contentType, 'content-length': bytes.length });
  sink.end(method === 'HEAD' ? undefined : bytes);
}

/** Whether a document is large shows when its first chunk is. */
async function sendStream(
  sink: ResponseSink,
  request: ApiRequest,
  { status, headers, body }: { status: number; headers: Headers; body: StreamBody },
): Promise<void> {
  const { chunks, compressible = false } = body;
  if (!compressible || !takesGzip(request)) {
    sink.head(status, headers);
    sink.flushHead();
    return pump(chunks, sink, request.signal);
  }
  const iterator = chunks[Symbol.asyncIterator]();
  const first = await iterator.next();
  const all = resumed(first, iterator);
  const isLarge = first.done !== true && first.value.length > GZIP_THRESHOLD_BYTES;
  sink.head(status, isLarge ? withGzip(headers) : headers);
  await pump(isLarge ? compressedChunks(all) : all, sink, request.signal);
}

type StreamBody = Extract<ApiResponse['body'], { type: 'stream' }>;

async function* resumed(
  first: IteratorResult<Uint8Array>,
  iterator: AsyncIterator<Uint8Array>,
): AsyncIterable<Uint8Array> {
  for (let next = first; next.done !== true; next = await iterator.next()) yield next.value;
}

/** Between chunks the event loop gets its turn, so that a large LIST never holds it. */
async function pump(chunks: AsyncIterable<Uint8Array>, sink: ResponseSink, signal: AbortSignal): Promise<void> {
  for await (const chunk of chunks) {
    if (signal.aborted) return;
    const roomLeft = sink.write(chunk);
    if (!roomLeft) await new Promise<void>((resolve) => sink.drained(resolve));
    else if (chunk.length > 65_536) await setImmediate();
  }
  sink.end();
}
