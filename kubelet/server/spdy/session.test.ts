import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { constants, deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { SPDY_DICTIONARY } from './dictionary.ts';
import type { Frame } from './frames.ts';
import { controlFrame, dataFrame, FLAG_FIN, FRAME_TYPES, FrameReader, words } from './frames.ts';
import { HeaderEncoder } from './header-block.ts';
import { SpdySession } from './session.ts';
import type { SpdyStream } from './session.ts';

/** A session, and what it sends. */
class Peer {
  readonly streams: SpdyStream[] = [];
  readonly frames: Frame[] = [];
  closes = 0;
  readonly #reader = new FrameReader();
  readonly #encoder = new HeaderEncoder();
  readonly session = new SpdySession({
    transport: {
      send: (bytes) => {
        this.frames.push(...this.#reader.push(bytes));
        return Promise.resolve();
      },
      close: () => undefined,
    },
    onStream: (stream) => this.streams.push(stream),
    onClose: () => this.closes++,
  });

  async open(id: number, flags = 0, headers: Record<string, string> = { streamtype: 'data' }): Promise<void> {
    const block = await this.#encoder.encode(new Map(Object.entries(headers)));
    await this.session.receive(synStream(id, block, flags));
  }

  /** Of control frames: type and the numbers they hold. */
  control(): number[][] {
    return this.frames.flatMap((frame) =>
      frame.kind === 'data' || frame.type === FRAME_TYPES.synReply
        ? []
        : [
            [
              frame.type,
              ...Array.from({ length: frame.payload.length / 4 }, (_, i) => frame.payload.readUInt32BE(4 * i)),
            ],
          ],
    );
  }
}

const synStream = (id: number, block: Uint8Array, flags = 0): Buffer =>
  controlFrame(FRAME_TYPES.synStream, Buffer.concat([words(id, 0), Buffer.alloc(2), block]), flags);
const compressed = (block: Uint8Array): Buffer =>
  deflateSync(block, { dictionary: SPDY_DICTIONARY, finishFlush: constants.Z_SYNC_FLUSH });
const INVALID_STREAM = 2;
const REFUSED_STREAM = 3;

let peer: Peer;
beforeEach(() => {
  peer = new Peer();
});
afterEach(() => peer.session.close());

describe('SpdySession', () => {
  it('opens streams, tells their headers, and ends each side on its own', async () => {
    await peer.open(1, 0, { streamType: 'stdin' });
    const [stream] = peer.streams;
    expect([stream!.id, stream!.headers.get('streamtype')]).toEqual([1, 'stdin']);
    expect(peer.frames).toMatchObject([{ kind: 'control', type: FRAME_TYPES.synReply }]);
    await peer.session.receive(
      Buffer.concat([dataFrame(1, Buffer.from('in')), dataFrame(1, Buffer.alloc(0), FLAG_FIN)]),
    );
    let text = '';
    for await (const chunk of stream!.iterator({ destroyOnReturn: false })) text += String(chunk);
    expect(text).toBe('in');
    await new Promise<void>((resolve) => stream!.end('out', () => resolve()));
    expect(peer.frames.slice(1)).toMatchObject([
      { kind: 'data', streamId: 1, flags: 0, payload: Buffer.from('out') },
      { kind: 'data', streamId: 1, flags: FLAG_FIN },
    ]);
    expect(peer.control()).toEqual([]);
  });

  it('takes a stream that is ended as it is opened', async () => {
    await peer.open(1, FLAG_FIN);
    for await (const _ of peer.streams[0]!) throw new Error('nothing was sent');
  });

  it('answers a ping, and no answer to one', async () => {
    await peer.session.receive(Buffer.concat([1, 2, 3].map((id) => controlFrame(FRAME_TYPES.ping, words(id)))));
    expect(peer.control()).toEqual([
      [FRAME_TYPES.ping, 1],
      [FRAME_TYPES.ping, 3],
    ]);
  });

  it('reads frames in pieces of a byte', async () => {
    await peer.open(1);
    for (const byte of Buffer.concat([dataFrame(1, Buffer.from('ab')), controlFrame(FRAME_TYPES.ping, words(7))]))
      await peer.session.receive(Buffer.from([byte]));
    expect(String(peer.streams[0]!.read())).toBe('ab');
    expect(peer.control()).toEqual([[FRAME_TYPES.ping, 7]]);
  });

  it('ignores settings, window updates and what it does not know', async () => {
    for (const type of [FRAME_TYPES.settings, FRAME_TYPES.windowUpdate, 5, 99])
      await peer.session.receive(controlFrame(type, Buffer.alloc(8)));
    expect([peer.closes, peer.frames]).toEqual([0, []]);
  });

  it('holds the sender back while a stream is not read', async () => {
    await peer.open(1);
    let taken = false;
    const big = dataFrame(1, Buffer.alloc(512 * 1024));
    const receiving = peer.session.receive(big).then(() => (taken = true));
    await new Promise((resolve) => setImmediate(resolve));
    expect(taken).toBe(false);
    peer.streams[0]!.resume();
    await receiving;
  });

  it('lets go of a stream that the client resets, also while it holds the sender back', async () => {
    await peer.open(1);
    await peer.open(3);
    await peer.session.receive(controlFrame(FRAME_TYPES.rstStream, words(1, 5)));
    expect(peer.streams.map((stream) => stream.destroyed)).toEqual([true, false]);
    const receiving = peer.session.receive(dataFrame(3, Buffer.alloc(512 * 1024)));
    peer.session.close();
    await receiving;
    expect(peer.closes).toBe(1);
  });

  it('refuses data for a stream that is not there', async () => {
    await peer.session.receive(dataFrame(9, Buffer.from('x')));
    expect(peer.control()).toEqual([[FRAME_TYPES.rstStream, 9, INVALID_STREAM]]);
    expect(peer.closes).toBe(0);
  });

  it('refuses the 1,001st stream, and goes on', async () => {
    for (let i = 0; i <= 1000; i++) await peer.open(2 * i + 1);
    expect(peer.streams).toHaveLength(1000);
    expect(peer.control()).toEqual([[FRAME_TYPES.rstStream, 2001, REFUSED_STREAM]]);
    peer.streams[0]!.destroy();
    await new Promise((resolve) => setImmediate(resolve));
    await peer.open(2003);
    expect(peer.streams).toHaveLength(1001);
  });

  describe('ends on', () => {
    const tooLarge = Buffer.from([0, 0, 0, 1, 0, 0xff, 0xff, 0xff]);
    const version2 = controlFrame(FRAME_TYPES.ping, words(1));
    version2[1] = 2;
    const uint32 = (value: number): Buffer => words(value);
    it.each<[string, Buffer]>([
      ['another version', version2],
      ['a frame of 16 MiB', tooLarge],
      ['a SYN_STREAM without its fields', controlFrame(FRAME_TYPES.synStream, Buffer.alloc(3))],
      ['an even stream id', synStream(2, compressed(uint32(0)))],
      ['stream id 0', synStream(0, compressed(uint32(0)))],
      ['a header block that is no zlib data', synStream(1, Buffer.from('no zlib data at all'))],
      [
        'a header block after the end of the compression',
        Buffer.concat([
          controlFrame(FRAME_TYPES.headers, Buffer.concat([words(1), deflateSync(uint32(0))])),
          synStream(1, compressed(uint32(0))),
        ]),
      ],
      ['a header block that is cut off', synStream(1, compressed(Buffer.concat([uint32(1), uint32(1000)])))],
      ['more headers than there are', synStream(1, compressed(uint32(0xffffffff)))],
      ['a header block of 8 KiB that unfolds to 8 MiB', synStream(1, compressed(Buffer.alloc(8 << 20)))],
      [
        'headers of no stream that unfold to 8 MiB',
        controlFrame(FRAME_TYPES.headers, Buffer.concat([words(1), compressed(Buffer.alloc(8 << 20))])),
      ],
      ['a SYN_REPLY', controlFrame(FRAME_TYPES.synReply, words(1))],
      ['a PING that is too short', controlFrame(FRAME_TYPES.ping, Buffer.alloc(2))],
      ['a RST_STREAM without a stream', controlFrame(FRAME_TYPES.rstStream, Buffer.alloc(0))],
    ])('%s', async (_what, bytes) => {
      await peer.session.receive(bytes);
      expect(peer.closes).toBe(1);
      expect(peer.control()).toEqual([[FRAME_TYPES.goAway, 0, 1]]);
      await peer.session.receive(controlFrame(FRAME_TYPES.ping, words(1)));
      expect(peer.control()).toHaveLength(1);
    });

    it('a stream id that goes back', async () => {
      await peer.open(5);
      await peer.open(3);
      expect([peer.closes, peer.streams[0]!.destroyed]).toEqual([1, true]);
      expect(peer.control()).toEqual([[FRAME_TYPES.goAway, 5, 1]]);
    });
  });

  it('survives any bytes', async () => {
    const anyFrame = fc.oneof(
      fc.uint8Array({ maxLength: 64 }),
      fc
        .tuple(fc.integer({ min: 0, max: 12 }), fc.uint8Array({ maxLength: 40 }), fc.integer({ min: 0, max: 255 }))
        .map(([type, payload, flags]) => controlFrame(type, payload, flags)),
      fc
        .tuple(fc.integer({ min: 0, max: 9 }), fc.uint8Array({ maxLength: 40 }))
        .map(([id, bytes]) => dataFrame(id, bytes)),
      fc
        .tuple(fc.integer({ min: 0, max: 9 }), fc.uint8Array({ maxLength: 40 }))
        .map(([id, bytes]) => synStream(id, compressed(bytes))),
    );
    const property = fc.asyncProperty(fc.array(anyFrame, { maxLength: 12 }), async (chunks) => {
      const other = new Peer();
      for (const chunk of chunks) await other.session.receive(Buffer.from(chunk));
      other.session.close();
      expect(other.closes).toBe(1);
      expect(other.streams.every((stream) => stream.destroyed)).toBe(true);
    });
    await fc.assert(property, { numRuns: 500 });
  });
});
