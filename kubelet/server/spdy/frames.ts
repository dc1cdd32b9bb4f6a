/** Frames of SPDY/3.1: cutting a byte stream into them, and writing them. */
export const SPDY_VERSION = 3;

export const FRAME_TYPES = {
  synStream: 1,
  synReply: 2,
  rstStream: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  headers: 8,
  windowUpdate: 9,
} as const;

export const FLAG_FIN = 1;

export type Frame =
  | { kind: 'data'; streamId: number; flags: number; payload: Buffer }
  | { kind: 'control'; type: number; flags: number; payload: Buffer };

const HEAD_BYTES = 8;
/** Go's client writes frames of 32 KiB; the length field allows 16 MiB, which nobody needs. */
const MAX_FRAME_BYTES = 1024 * 1024;

/** Collects bytes and gives whole frames. Throws for a frame that cannot be. */
export class FrameReader {
  /** Pieces are joined once, when a frame is whole: a large one in small pieces costs no more than it must. */
  #pieces: Buffer[] = [];
  #receivedBytes = 0;
  #wantedBytes = HEAD_BYTES;

  *push(chunk: Buffer): Generator<Frame> {
    this.#pieces.push(chunk);
    this.#receivedBytes += chunk.length;
    while (this.#receivedBytes >= this.#wantedBytes) {
      const received = this.#pieces.length === 1 ? this.#pieces[0]! : Buffer.concat(this.#pieces);
      const frameBytes = HEAD_BYTES + received.readUIntBE(5, 3);
      if (frameBytes - HEAD_BYTES > MAX_FRAME_BYTES)
        throw new Error(`a SPDY frame of ${frameBytes - HEAD_BYTES} bytes is too large`);
      const isWhole = received.length >= frameBytes;
      this.#pieces = [isWhole ? received.subarray(frameBytes) : received];
      this.#receivedBytes = this.#pieces[0]!.length;
      this.#wantedBytes = isWhole ? HEAD_BYTES : frameBytes;
      if (isWhole) yield frameOf(received.readUInt32BE(0), received[4]!, received.subarray(HEAD_BYTES, frameBytes));
    }
  }
}

function frameOf(head: number, flags: number, payload: Buffer): Frame {
  if (head < 0x80000000) return { kind: 'data', streamId: head, flags, payload };
  const version = Math.floor(head / 0x10000) & 0x7fff;
  if (version !== SPDY_VERSION) throw new Error(`SPDY version ${version} is not supported`);
  return { kind: 'control', type: head & 0xffff, flags, payload };
}

export function dataFrame(streamId: number, payload: Uint8Array, flags = 0): Buffer {
  return Buffer.concat([head(streamId, flags, payload.length), payload]);
}

export function controlFrame(type: number, payload: Uint8Array, flags = 0): Buffer {
  return Buffer.concat([head(0x80000000 + SPDY_VERSION * 0x10000 + type, flags, payload.length), payload]);
}

function head(first: number, flags: number, length: number): Buffer {
  const bytes = Buffer.alloc(HEAD_BYTES);
  bytes.writeUInt32BE(first);
  bytes[4] = flags;
  bytes.writeUIntBE(length, 5, 3);
  return bytes;
}

/** A 31-bit stream id, and further numbers of 32 bits. */
export function words(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [i, value] of values.entries()) bytes.writeUInt32BE(value, i * 4);
  return bytes;
}
