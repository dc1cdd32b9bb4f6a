/**
 * The bytes of a log record. Header and value carry a checksum each, so that a damaged value is told apart from a
 * damaged header, and the revision is part of the header's, so that a record in the wrong place is noticed too.
 *
 * Layout (little endian): 0 format, 1 type, 4 key length, 8 createRevision (float64), 16 previousRevision (float64),
 * 24 value checksum, 28 header checksum, 32 key (UTF-8), then the value.
 */
import * as zlib from 'node:zlib';
import type { LogRecord, RecordHeader } from './record-log.ts';
import { StorageError } from './storage.ts';

const FORMAT = 1;
const HEADER_BYTES = 32;
const TYPES = ['put', 'delete'] as const;

/** Encodes records into one block of memory; gives the part of each, in order. */
export function encodeRecords(records: readonly LogRecord[]): Buffer[] {
  let size = 0;
  for (const { key, value } of records) size += HEADER_BYTES + Buffer.byteLength(key) + value.length;
  const block = Buffer.allocUnsafeSlow(size);
  let start = 0;
  return records.map((record) => {
    const end = encodeRecord(record, block, start);
    const encoded = block.subarray(start, end);
    start = end;
    return encoded;
  });
}

/** Throws `corrupted`, with the revision, unless the header is intact. */
export function decodeHeader(revision: number, bytes: Buffer): RecordHeader {
  const keyEnd = bytes.length < HEADER_BYTES ? Infinity : HEADER_BYTES + bytes.readUInt32LE(4);
  const type = TYPES[bytes[1] ?? TYPES.length];
  if (bytes[0] !== FORMAT || type === undefined || keyEnd > bytes.length) throw corruptedHeader(revision, bytes);
  if (bytes.readUInt32LE(28) !== headerChecksum(revision, bytes, keyEnd)) throw corruptedHeader(revision, bytes);
  return {
    revision,
    type,
    key: bytes.toString('utf8', HEADER_BYTES, keyEnd),
    createRevision: bytes.readDoubleLE(8),
    previousRevision: bytes.readDoubleLE(16),
  };
}

/** A copy of the value. Throws `corrupted`, with key and revision, unless it is intact. */
export function decodeValue(header: { revision: number; key: string }, bytes: Buffer): Uint8Array {
  const value = Uint8Array.prototype.slice.call(bytes, HEADER_BYTES + Buffer.byteLength(header.key), bytes.length);
  if (bytes.length >= HEADER_BYTES && bytes.readUInt32LE(24) === crc32(value, 0)) return value;
  const { key, revision } = header;
  throw new StorageError('corrupted', `the value of ${key} at revision ${revision} is damaged`, revision);
}

/** CRC-32 (as in zlib), continued from `seed`. */
export function crc32(bytes: Uint8Array, seed: number): number {
  return nativeCrc32 === undefined ? tableCrc32(bytes, seed) : nativeCrc32(bytes, seed);
}

/** Node has it from 20.15 and 22.2 on. */
const nativeCrc32 = (zlib as Partial<Pick<typeof zlib, 'crc32'>>).crc32;

export function tableCrc32(bytes: Uint8Array, seed: number): number {
  let crc = ~seed;
  for (const byte of bytes) crc = CRC_TABLE[(crc ^ byte) & 0xff]! ^ (crc >>> 8);
  return ~crc >>> 0;
}

const CRC_TABLE = Int32Array.from({ length: 256 }, (_, n) => {
  for (let bit = 0; bit < 8; bit++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
  return n;
});

function encodeRecord(record: LogRecord, block: Buffer, start: number): number {
  const keyLength = block.write(record.key, start + HEADER_BYTES, 'utf8');
  const keyEnd = start + HEADER_BYTES + keyLength;
  block.writeUInt32LE(FORMAT | (TYPES.indexOf(record.type) << 8), start);
  block.writeUInt32LE(keyLength, start + 4);
  block.writeDoubleLE(record.createRevision, start + 8);
  block.writeDoubleLE(record.previousRevision, start + 16);
  block.writeUInt32LE(crc32(record.value, 0), start + 24);
  const header = block.subarray(start, keyEnd);
  block.writeUInt32LE(headerChecksum(record.revision, header, header.length), start + 28);
  block.set(record.value, keyEnd);
  return keyEnd + record.value.length;
}

function headerChecksum(revision: number, bytes: Buffer, keyEnd: number): number {
  const seed = (revision ^ Math.floor(revision / 2 ** 32)) >>> 0;
  return crc32(bytes.subarray(HEADER_BYTES, keyEnd), crc32(bytes.subarray(0, 28), seed));
}

function corruptedHeader(revision: number, bytes: Buffer): StorageError {
  // The key may itself be damaged; what is readable of it helps to find the object.
  const hint = /\/[\x21-\x7e]{1,300}/.exec(bytes.toString('latin1', HEADER_BYTES, HEADER_BYTES + 512))?.[0];
  const key = hint === undefined ? '' : ` (its key may be ${hint})`;
  return new StorageError('corrupted', `the record of revision ${revision} is damaged${key}`, revision);
}
