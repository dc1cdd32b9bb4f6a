import { describe, expect, it } from '@jest/globals';
import { WireReader, WireWriter } from './wire.ts';

/** Every kind of value, each of which may be the one for which there is no room left. */
const WRITES: Readonly<Record<string, (writer: WireWriter) => void>> = {
  'one byte': (writer) => writer.unsigned(5),
  'several bytes': (writer) => writer.unsigned(300_000),
  'a negative number': (writer) => writer.signed(-2),
  'a double': (writer) => writer.double(1.5),
  'a short text': (writer) => writer.string('abc'),
  'a text that is not ASCII': (writer) => writer.string('äöü'),
  bytes: (writer) => writer.bytes(Buffer.from([1, 2, 3])),
};

/** What the writer gives for one value alone. */
function alone(write: (writer: WireWriter) => void): Buffer {
  const writer = new WireWriter();
  write(writer);
  return writer.finish();
}

describe('WireReader', () => {
  it('refuses an int64 that a double cannot have', () => {
    // 2^53 - 1 and 2^63 - 1.
    const read = (bytes: number[]): number => {
      const reader = new WireReader(Buffer.from([8, ...bytes]));
      reader.next();
      return reader.int64();
    };
    expect(read([...Array<number>(7).fill(0xff), 0x0f])).toBe(Number.MAX_SAFE_INTEGER);
    expect(() => read([...Array<number>(8).fill(0xff), 0x7f])).toThrow('cannot be kept');
  });
});

describe('WireWriter', () => {
  it.each(Object.entries(WRITES))('grows for %s wherever its memory ends', (_, write) => {
    const last = alone(write);
    for (let filled = 4096 - 12; filled <= 4096; filled++) {
      const writer = new WireWriter();
      writer.bytes(Buffer.alloc(filled, 0xff));
      write(writer);
      expect(writer.finish()).toEqual(Buffer.concat([last, Buffer.alloc(filled, 0xff)]));
    }
  });

  it('grows for what is larger than its memory', () => {
    const large = Buffer.alloc(10_000, 7);
    expect(alone((writer) => writer.bytes(large))).toEqual(large);
  });
});
