/**
 * Header blocks of SPDY/3: name and value pairs, compressed with one state for a connection's whole life and direction.
 * Blocks must be given in the order of their frames.
 */
import { constants, createDeflate, createInflate } from 'node:zlib';
import type { Deflate, Inflate } from 'node:zlib';
import { SPDY_DICTIONARY } from './dictionary.ts';

export type Headers = ReadonlyMap<string, string>;

/** A client's headers are few and short: what grows beyond this is an attack. */
const MAX_BLOCK_BYTES = 64 * 1024;

export class HeaderDecoder {
  readonly #inflate: Inflate = createInflate({ dictionary: SPDY_DICTIONARY, finishFlush: constants.Z_SYNC_FLUSH });

  constructor() {
    // What is still being unfolded may fail after the block was refused, and nobody waits for it any more.
    this.#inflate.on('error', () => undefined);
  }

  /** Rejects for what is no header block. One call at a time. */
  async decode(block: Buffer): Promise<Headers> {
    return parseHeaders(await pass(this.#inflate, (done) => this.#inflate.write(block, done)));
  }

  close(): void {
    this.#inflate.destroy();
  }
}

export class HeaderEncoder {
  readonly #deflate: Deflate = createDeflate({ dictionary: SPDY_DICTIONARY });

  /** One call at a time. */
  encode(headers: Headers): Promise<Buffer> {
    return pass(this.#deflate, (done) => {
      this.#deflate.write(formatHeaders(headers));
      this.#deflate.flush(constants.Z_SYNC_FLUSH, () => done());
    });
  }

  close(): void {
    this.#deflate.destroy();
  }
}

function pass(stream: Inflate | Deflate, run: (done: (error?: Error | null) => void) => void): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let size = 0;
    const drain = (): void => {
      for (let chunk = stream.read() as Buffer | null; chunk !== null; chunk = stream.read() as Buffer | null) {
        parts.push(chunk);
        size += chunk.length;
      }
      if (size > MAX_BLOCK_BYTES) finish(new Error('a header block is too large'));
    };
    const finish = (error?: Error | null): void => {
      stream.removeListener('readable', drain);
      stream.removeListener('error', finish);
      if (error) reject(error);
      else resolve(Buffer.concat(parts));
    };
    stream.on('readable', drain);
    stream.on('error', finish);
    run((error) => {
      drain();
      finish(error);
    });
  });
}

/** Count, then name and value with their lengths before them. Names are in lower case. */
export function formatHeaders(headers: Headers): Buffer {
  const parts: Buffer[] = [uint32(headers.size)];
  for (const [name, value] of headers)
    parts.push(...[name, value].flatMap((text) => [uint32(Buffer.byteLength(text)), Buffer.from(text)]));
  return Buffer.concat(parts);
}

export function parseHeaders(block: Buffer): Headers {
  let offset = 0;
  const number = (): number => {
    const value = block.readUInt32BE(offset);
    offset += 4;
    return value;
  };
  const text = (): string => {
    const length = number();
    if (offset + length > block.length) throw new Error('a header block is cut off');
    const value = block.toString('utf8', offset, offset + length);
    offset += length;
    return value;
  };
  const headers = new Map<string, string>();
  const count = number();
  for (let i = 0; i < count; i++) {
    const name = text().toLowerCase();
    headers.set(name, text());
  }
  return headers;
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
