/**
 * The client's side of a SPDY/3.1 session, as the streaming servers of containerd and CRI-O speak it. SPDY and not
 * WebSocket, because only there a stream can be ended while the others go on: without it no command sees the end of
 * its standard input.
 */
import { request as httpRequest } from 'node:http';
import type { IncomingMessage, RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Duplex } from 'node:stream';
import type { Frame } from '../server/spdy/frames.ts';
import { controlFrame, dataFrame, FLAG_FIN, FRAME_TYPES, FrameReader, words } from '../server/spdy/frames.ts';
import { HeaderDecoder, HeaderEncoder } from '../server/spdy/header-block.ts';
import { SpdyStream } from '../server/spdy/session.ts';
import { RuntimeError } from '../runtime.ts';

const STREAM_ID_MASK = 0x7fffffff;
const CANCEL = 5;
const MAX_REFUSAL_BYTES = 4_096;

export interface SpdyClientOptions {
  url: string;
  /** `X-Stream-Protocol-Version`. */
  protocol: string;
  /** Ends the session with all its streams. */
  signal: AbortSignal;
}

/** Resolves when the server has changed to SPDY. Throws a `RuntimeError` with its words when it refuses. */
export async function connectSpdy({ url, protocol, signal }: SpdyClientOptions): Promise<SpdyClient> {
  const { socket, head } = await upgrade(url, protocol, signal);
  return new SpdyClient(socket, { head, signal });
}

function upgrade(url: string, protocol: string, signal: AbortSignal): Promise<{ socket: Duplex; head: Buffer }> {
  const options: RequestOptions & { rejectUnauthorized: boolean } = {
    method: 'POST',
    headers: { Connection: 'Upgrade', Upgrade: 'SPDY/3.1', 'X-Stream-Protocol-Version': protocol },
    signal,
    // The URL came from the runtime itself, with a token in it; its certificate is its own.
    rejectUnauthorized: false,
  };
  const send = url.startsWith('https:') ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const fail = (message: string): void => reject(new RuntimeError('unavailable', message));
    const request = send(url, options);
    request.on('upgrade', (_response, socket, head) => resolve({ socket, head }));
    request.on('response', (response) => void refusal(response).then(fail, (error: Error) => fail(error.message)));
    request.on('error', (error) => fail(error.message));
    request.end();
  });
}

async function refusal(response: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of response as AsyncIterable<Buffer>)
    if (text.length < MAX_REFUSAL_BYTES) text += chunk.toString();
  return `the runtime's streaming server answered ${response.statusCode}: ${text.trim().slice(0, MAX_REFUSAL_BYTES)}`;
}

export class SpdyClient {
  /** Resolves when the connection is gone. */
  readonly closed: Promise<void>;
  readonly #socket: Duplex;
  readonly #reader = new FrameReader();
  readonly #decoder = new HeaderDecoder();
  readonly #encoder = new HeaderEncoder();
  readonly #streams = new Map<number, SpdyStream>();
  #nextId = 1;
  #isClosed = false;

  constructor(socket: Duplex, { head, signal }: { head: Buffer; signal: AbortSignal }) {
    this.#socket = socket;
    socket.on('error', () => this.close());
    const abort = (): void => this.close();
    signal.addEventListener('abort', abort, { once: true });
    this.closed = this.#receiveAll(head).finally(() => signal.removeEventListener('abort', abort));
    if (signal.aborted) abort();
  }

  /** One call at a time: header blocks are compressed one after the other. */
  async open(headers: Readonly<Record<string, string>>): Promise<SpdyStream> {
    const id = this.#nextId;
    this.#nextId += 2;
    const names = new Map(Object.entries(headers));
    const stream = new SpdyStream(id, names, {
      send: (bytes, flags) => this.#send(dataFrame(id, bytes, flags)),
      reset: () => void this.#send(controlFrame(FRAME_TYPES.rstStream, words(id, CANCEL))),
    });
    stream.on('error', () => undefined);
    stream.on('close', () => this.#streams.delete(id));
    this.#streams.set(id, stream);
    const block = await this.#encoder.encode(names);
    // Stream, associated stream, priority and slot.
    const payload = Buffer.concat([words(id, 0), Buffer.alloc(2), block]);
    await this.#send(controlFrame(FRAME_TYPES.synStream, payload));
    return stream;
  }

  /** Every stream that is open ends. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#socket.destroy();
    for (const stream of this.#streams.values()) {
      stream.push(null);
      if (!stream.writableEnded) stream.end();
    }
    this.#streams.clear();
    this.#decoder.close();
    this.#encoder.close();
  }

  async #receiveAll(head: Buffer): Promise<void> {
    try {
      await this.#receive(head);
      for await (const chunk of this.#socket as AsyncIterable<Buffer>) await this.#receive(chunk);
    } catch {
      // A broken connection, or what is no SPDY: told to the readers of the streams as their end.
    }
    this.close();
  }

  async #receive(chunk: Buffer): Promise<void> {
    for (const frame of this.#reader.push(chunk)) {
      if (this.#isClosed) return;
      await this.#handle(frame);
    }
  }

  async #handle(frame: Frame): Promise<void> {
    if (frame.kind === 'data') {
      await this.#streams.get(frame.streamId)?.accept(frame.payload, (frame.flags & FLAG_FIN) !== 0);
      return;
    }
    const { type, payload, flags } = frame;
    if (type === FRAME_TYPES.synReply || type === FRAME_TYPES.headers) {
      // They say nothing, but the compression's state depends on them.
      await this.#decoder.decode(payload.subarray(4));
      if ((flags & FLAG_FIN) !== 0) await this.#accept(payload, Buffer.alloc(0));
    } else if (type === FRAME_TYPES.rstStream) {
      this.#streams.get(payload.readUInt32BE(0) & STREAM_ID_MASK)?.push(null);
    } else if (type === FRAME_TYPES.ping) {
      await this.#send(controlFrame(FRAME_TYPES.ping, payload));
    }
  }

  async #accept(payload: Buffer, data: Buffer): Promise<void> {
    await this.#streams.get(payload.readUInt32BE(0) & STREAM_ID_MASK)?.accept(data, true);
  }

  async #send(bytes: Buffer): Promise<void> {
    if (this.#isClosed || this.#socket.write(bytes)) return;
    await new Promise<void>((resolve) => {
      this.#socket.once('drain', resolve);
      this.#socket.once('close', resolve);
    });
  }
}
