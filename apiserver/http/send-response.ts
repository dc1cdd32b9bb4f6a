/** Writes an `ApiResponse` to a connection with back-pressure: a slow reader slows its own stream only. */
import { setImmediate } from 'node:timers/promises';
import type { ApiRequest, ApiResponse } from '../../api/machinery/handler.ts';
import { mediaTypeOf } from '../decode.ts';
import { encodePretty, encodeYaml } from './encodings.ts';

/** What HTTP/1.1 responses and HTTP/2 streams have in common. */
export interface ResponseSink {
  head(status: number, headers: Record<string, string | string[] | number>): void;
  /** Sends the head now: clients of a watch wait for it, and the first event may take long. */
  flushHead(): void;
  /** False when the connection's buffer is full. */
  write(bytes: Uint8Array): boolean;
  drained(callback: () => void): void;
  end(bytes?: Uint8Array): void;
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
      sendBytes(sink, status, { headers: common, request, ...encode(request, body.encoded) });
      return;
    case 'bytes':
      sendBytes(sink, status, { headers: common, request, bytes: body.bytes, contentType: body.contentType });
      return;
    case 'stream':
      sink.head(status, { ...common, 'content-type': body.contentType });
      sink.flushHead();
      await pump(body.chunks, sink, request.signal);
      return;
    case 'watch':
      sink.head(status, { ...common, 'content-type': body.contentType });
      sink.flushHead();
      await pump(body.frames, sink, request.signal);
      return;
    case 'events':
    case 'upgrade':
      throw new Error(`a response of type ${body.type} cannot be sent over this connection`);
  }
}

function encode(
  request: ApiRequest,
  encoded: { object(): unknown; bytes(): Uint8Array },
): { bytes: Uint8Array; contentType: string } {
  const accept = request.headers['accept'];
  if (accept !== undefined && mediaTypeOf(accept) === 'application/yaml')
    return { bytes: encodeYaml(encoded.object()), contentType: 'application/yaml' };
  const pretty = request.query.get('pretty');
  if (pretty !== null && pretty !== 'false' && pretty !== '0')
    return { bytes: encodePretty(encoded.object()), contentType: 'application/json' };
  return { bytes: encoded.bytes(), contentType: 'application/json' };
}

function sendBytes(
  sink: ResponseSink,
  status: number,
  {
    bytes,
    contentType,
    headers,
    request,
  }: { bytes: Uint8Array; contentType: string; headers: Record<string, string | string[]>; request: ApiRequest },
): void {
  sink.head(status, { ...headers, 'content-type': contentType, 'content-length': bytes.length });
  sink.end(request.method === 'HEAD' ? undefined : bytes);
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
