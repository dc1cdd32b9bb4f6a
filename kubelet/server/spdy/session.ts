/**
 * The server's side of a SPDY/3.1 session, as far as exec, attach and port forwarding need it. Go's client neither sends
 * nor heeds WINDOW_UPDATE: what holds a fast sender back is the connection below. Frames are handled one after the other.
 */
import { Duplex } from 'node:stream';
import type { Frame } from './frames.ts';
import { controlFrame, dataFrame, FLAG_FIN, FRAME_TYPES, FrameReader, words } from './frames.ts';
import { HeaderDecoder, HeaderEncoder } from './header-block.ts';
import type { Headers } from './header-block.ts';

export interface SpdyTransport {
  /** Resolves when there is room for more. */
  send(bytes: Buffer): Promise<void>;
  close(): void;
}

export interface SpdySessionOptions {
  transport: SpdyTransport;
  /** The client has opened a stream. */
  onStream(stream: SpdyStream): void;
  /** The session has ended, from either side. Called once. */
  onClose?(): void;
}

const MAX_STREAMS = 1_000;
const MAX_DATA_BYTES = 32 * 1024;
const STREAM_ID_MASK = 0x7fffffff;
const PROTOCOL_ERROR = 1;
const INVALID_STREAM = 2;
const REFUSED_STREAM = 3;
const CANCEL = 5;

/** Reads give what the client sends; writes go to it; ending sends FIN. */
export class SpdyStream extends Duplex {
  readonly id: number;
  readonly headers: Headers;
  readonly #send: (payload: Uint8Array, flags: number) => Promise<void>;
  readonly #reset: () => void;
  #onRoom: (() => void) | undefined;

  constructor(
    id: number,
    headers: Headers,
    wire: { send(payload: Uint8Array, flags: number): Promise<void>; reset(): void },
  ) {
    super({ allowHalfOpen: true });
    this.id = id;
    this.headers = headers;
    this.#send = (payload, flags) => wire.send(payload, flags);
    this.#reset = () => wire.reset();
  }

  /** Takes data of the client; resolves when there is room for more. */
  async accept(payload: Buffer, isLast: boolean): Promise<void> {
    if (this.destroyed || this.readableEnded) return;
    const hasRoom = payload.length === 0 || this.push(payload);
    if (isLast) this.push(null);
    if (hasRoom || isLast) return;
    await new Promise<void>((resolve) => {
      this.#onRoom = resolve;
      this.once('close', resolve);
    });
  }

  override _read(): void {
    this.#onRoom?.();
    this.#onRoom = undefined;
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error) => void): void {
    this.#writeAll(chunk).then(() => done(), done);
  }

  override _final(done: (error?: Error) => void): void {
    this.#send(Buffer.alloc(0), FLAG_FIN).then(() => done(), done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (!this.writableFinished || !this.readableEnded) this.#reset();
    done(error);
  }

  async #writeAll(chunk: Buffer): Promise<void> {
    for (let offset = 0; offset < chunk.length; offset += MAX_DATA_BYTES) {
      await this.#send(chunk.subarray(offset, offset + MAX_DATA_BYTES), 0);
    }
  }
}

export class SpdySession {
  readonly #options: SpdySessionOptions;
  readonly #reader = new FrameReader();
  readonly #decoder = new HeaderDecoder();
  readonly #encoder = new HeaderEncoder();
  readonly #streams = new Map<number, SpdyStream>();
  #isClosed = false;
  #lastStreamId = 0;

  constructor(options: SpdySessionOptions) {
    this.#options = options;
  }

  /** Takes bytes of the client, in order, one call at a time. Resolves when they have been worked on. */
  async receive(chunk: Buffer): Promise<void> {
    try {
      for (const frame of this.#reader.push(chunk)) {
        if (this.#isClosed) return;
        await this.#handle(frame);
      }
    } catch {
      await this.#send(controlFrame(FRAME_TYPES.goAway, words(this.#lastStreamId, PROTOCOL_ERROR)));
      this.close();
    }
  }

  /** Ends every stream. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const stream of this.#streams.values()) stream.destroy();
    this.#streams.clear();
    this.#decoder.close();
    this.#encoder.close();
    this.#options.transport.close();
    this.#options.onClose?.();
  }

  async #handle(frame: Frame): Promise<void> {
    if (frame.kind === 'data') {
      const stream = this.#streams.get(frame.streamId);
      if (stream === undefined) await this.#reset(frame.streamId, INVALID_STREAM);
      else await stream.accept(frame.payload, (frame.flags & FLAG_FIN) !== 0);
      return;
    }
    const { type, payload } = frame;
    if (type === FRAME_TYPES.synStream) await this.#open(payload, frame.flags);
    else if (type === FRAME_TYPES.rstStream) this.#forget(payload.readUInt32BE(0) & STREAM_ID_MASK);
    else if (type === FRAME_TYPES.ping) await this.#pong(payload);
    else if (type === FRAME_TYPES.goAway) this.#closeWhenIdle();
    // It would answer a stream of ours, and there are none.
    else if (type === FRAME_TYPES.synReply) throw new Error('a SYN_REPLY without a stream');
    // Its headers mean nothing to us, but the compression's state depends on them.
    else if (type === FRAME_TYPES.headers) await this.#decoder.decode(payload.subarray(4));
  }

  async #open(payload: Buffer, flags: number): Promise<void> {
    const id = payload.readUInt32BE(0) & STREAM_ID_MASK;
    const headers = await this.#decoder.decode(payload.subarray(10));
    if (id % 2 === 0 || id <= this.#lastStreamId) throw new Error(`a client may not open stream ${id}`);
    this.#lastStreamId = id;
    if (this.#streams.size >= MAX_STREAMS) {
      await this.#reset(id, REFUSED_STREAM);
      return;
    }
    const stream = new SpdyStream(id, headers, {
      send: (bytes, frameFlags) => this.#send(dataFrame(id, bytes, frameFlags)),
      reset: () => void this.#reset(id, CANCEL),
    });
    stream.on('error', () => undefined);
    stream.on('close', () => this.#streams.delete(id));
    this.#streams.set(id, stream);
    const reply = await this.#encoder.encode(new Map());
    await this.#send(controlFrame(FRAME_TYPES.synReply, Buffer.concat([words(id), reply])));
    if ((flags & FLAG_FIN) !== 0) await stream.accept(Buffer.alloc(0), true);
    this.#options.onStream(stream);
  }

  #forget(id: number): void {
    const stream = this.#streams.get(id);
    this.#streams.delete(id);
    stream?.destroy();
  }

  /** A ping of ours would have an even id. */
  async #pong(payload: Buffer): Promise<void> {
    if (payload.length !== 4) throw new Error(`a PING of ${payload.length} bytes`);
    if (payload[3]! % 2 === 1) await this.#send(controlFrame(FRAME_TYPES.ping, payload));
  }

  /** The client opens no more streams. */
  #closeWhenIdle(): void {
    if (this.#streams.size === 0) this.close();
  }

  async #reset(id: number, status: number): Promise<void> {
    await this.#send(controlFrame(FRAME_TYPES.rstStream, words(id, status)));
  }

  async #send(bytes: Buffer): Promise<void> {
    if (!this.#isClosed) await this.#options.transport.send(bytes);
  }
}
