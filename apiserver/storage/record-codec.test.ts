import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { crc32, decodeHeader, decodeValue, encodeRecords, tableCrc32 } from './record-codec.ts';
import type { LogRecord } from './record-log.ts';

const revision = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
const record: fc.Arbitrary<LogRecord> = fc.record({
  revision,
  type: fc.constantFrom('put', 'delete'),
  key: fc.string({ unit: 'grapheme', maxLength: 300 }),
  value: fc.uint8Array({ maxLength: 2000 }),
  createRevision: revision,
  previousRevision: fc.oneof(fc.constant(0), revision),
});

describe('record codec', () => {
  it('gives back what was encoded', () => {
    const property = fc.property(fc.array(record), (records) => {
      const decoded = encodeRecords(records).map((encoded, i) => {
        const header = decodeHeader(records[i]!.revision, encoded);
        return { ...header, value: Array.from(decodeValue(header, encoded)) };
      });
      expect(decoded).toEqual(records.map((one) => ({ ...one, value: Array.from(one.value) })));
    });
    fc.assert(property, { seed: 1 });
  });

  it('notices every flipped bit, a record cut short and one in the wrong place', () => {
    const bit = fc.nat();
    const property = fc.property(record, bit, (one, at) => {
      const read = (bytes: Buffer, where = one.revision): unknown => decodeValue(decodeHeader(where, bytes), bytes);
      const [encoded] = encodeRecords([one]) as [Buffer];
      const flipped = Buffer.from(encoded);
      const position = at % (encoded.length * 8);
      flipped[position >> 3]! ^= 1 << (position & 7);
      expect(() => read(flipped)).toThrow('is damaged');
      expect(() => read(encoded, one.revision + 1)).toThrow('is damaged');
      if (position >> 3 > 0 && one.value.length > 0)
        expect(() => read(encoded.subarray(0, position >> 3))).toThrow('is damaged');
    });
    fc.assert(property, { seed: 1, numRuns: 300 });
  });

  it('names the key that a damaged header may have had', () => {
    const [encoded] = encodeRecords([
      {
        revision: 7,
        type: 'put',
        key: '/registry/pods/a',
        value: new Uint8Array(0),
        createRevision: 7,
        previousRevision: 0,
      },
    ]) as [Buffer];
    encoded[8]! ^= 1;
    expect(() => decodeHeader(7, encoded)).toThrow(
      'the record of revision 7 is damaged (its key may be /registry/pods/a)',
    );
  });

  it('has the same checksum with and without the one in Node', () => {
    const property = fc.property(fc.uint8Array(), fc.nat(0xffffffff), (bytes, seed) => {
      expect(tableCrc32(bytes, seed)).toBe(crc32(bytes, seed));
    });
    fc.assert(property, { seed: 1 });
    expect(tableCrc32(Buffer.from('123456789'), 0)).toBe(0xcbf43926);
  });
});
