import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { WatchEvent } from '../api/machinery/handler.ts';
import { decodeFrames } from './watch-frames.ts';

async function* cut(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  let at = 0;
  for (let turn = 0; at < bytes.byteLength; turn++) {
    const size = sizes[turn % sizes.length]!;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

async function decode(chunks: AsyncIterable<Uint8Array>): Promise<WatchEvent[]> {
  const events: WatchEvent[] = [];
  for await (const batch of decodeFrames(chunks)) events.push(...batch);
  return events;
}

const decodeText = (text: string): Promise<WatchEvent[]> => decode(cut(Buffer.from(text), [7]));
const event = (name: string): WatchEvent => ({ type: 'ADDED', object: { metadata: { name } } });

describe('decodeFrames()', () => {
  it('gives the same events however the bytes are cut', async () => {
    const names = fc.array(fc.string({ unit: 'grapheme' }), { maxLength: 8 });
    const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(names, sizes, async (list, chunkSizes) => {
        const events = list.map(event);
        const bytes = Buffer.from(events.map((one) => `${JSON.stringify(one)}\n`).join(''));
        expect(await decode(cut(bytes, chunkSizes))).toEqual(events);
      }),
    );
  });

  it('freezes objects, skips empty lines, and drops a line that was cut off', async () => {
    const whole = JSON.stringify(event('a'));
    const events = await decodeText(`\n${whole}\n\n${whole.slice(0, 20)}`);
    expect(events).toEqual([event('a')]);
    expect(Object.isFrozen(events[0]!.object.metadata)).toBe(true);
  });

  it.each([
    ['{"type":', 'not JSON'],
    ['[]', 'not a watch event'],
    ['null', 'not a watch event'],
    ['{"type":"ADDED"}', 'not a watch event'],
  ])('refuses %s', async (line, problem) => {
    await expect(decodeText(`${line}\n`)).rejects.toThrow(problem);
  });

  it('refuses a line without an end', async () => {
    const chunk = Buffer.alloc(1024 * 1024, 'x');
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (;;) yield chunk;
    }
    await expect(decode(endless())).rejects.toThrow('too long');
  });
});
