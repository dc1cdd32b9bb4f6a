/** Frames of exec and attach streams: one byte type, four bytes length, payload (native/README.md, section 6). */
export const FrameType = {
  stdin: 0,
  stdinClose: 1,
  resize: 2,
  signal: 3,
  stdout: 16,
  stderr: 17,
  exit: 18,
  error: 19,
} as const;

export interface Frame {
  type: number;
  payload: Buffer;
}

const HEADER = 5;
const MAX_PAYLOAD = 1 << 20;

export function encodeFrame(type: number, payload: Uint8Array = new Uint8Array()): Buffer {
  const frame = Buffer.allocUnsafe(HEADER + payload.length);
  frame.writeUInt8(type, 0);
  frame.writeUInt32BE(payload.length, 1);
  frame.set(payload, HEADER);
  return frame;
}

export function resizePayload({ width, height }: { width: number; height: number }): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt16BE(height & 0xffff, 0);
  payload.writeUInt16BE(width & 0xffff, 2);
  return payload;
}

/** Cuts a byte stream into frames. */
export class FrameDecoder {
  #pending: Buffer = Buffer.alloc(0);

  /** Throws on a frame that is larger than any may be. */
  push(chunk: Buffer): Frame[] {
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    const frames: Frame[] = [];
    while (this.#pending.length >= HEADER) {
      const length = this.#pending.readUInt32BE(1);
      if (length > MAX_PAYLOAD) throw new Error('a frame from the monitor is too large');
      if (this.#pending.length < HEADER + length) break;
      frames.push({ type: this.#pending.readUInt8(0), payload: this.#pending.subarray(HEADER, HEADER + length) });
      this.#pending = this.#pending.subarray(HEADER + length);
    }
    return frames;
  }
}
