/** Reads and writes the protobuf wire format, bounded: hostile lengths are errors, never crashes (protobuf encoding guide). */
export class ProtobufError extends Error {}

export const WIRE_VARINT = 0;
export const WIRE_FIXED64 = 1;
export const WIRE_BYTES = 2;
const WIRE_FIXED32 = 5;

const TRUNCATED = 'unexpected EOF';
/** Longer ones are copied faster by Node. */
const MAX_COPIED_CHARACTERS = 40;
const INITIAL_BYTES = 4096;
const MAX_KEPT_BYTES = 1 << 20;
const TWO_TO_32 = 0x1_0000_0000;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Goes over the fields of one message in the order in which they lie. */
export class WireReader {
  readonly #bytes: Buffer;
  readonly #end: number;
  #position: number;
  /** Of the field that `next` stopped at. */
  number = 0;
  wireType = 0;

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.#bytes = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#position = start;
    this.#end = end;
  }

  get atEnd(): boolean {
    return this.#position >= this.#end;
  }

  /** Goes to the next field, whose value must then be read or skipped. False at the end. */
  next(): boolean {
    if (this.atEnd) return false;
    const tag = this.#unsigned();
    this.number = Math.floor(tag / 8);
    this.wireType = tag % 8;
    if (this.number === 0 || this.number >= 2 ** 29) throw new ProtobufError(`proto: illegal tag ${this.number}`);
    return true;
  }

  skip(): void {
    switch (this.wireType) {
      case WIRE_VARINT:
        this.#unsigned();
        return;
      case WIRE_FIXED64:
        this.#take(8);
        return;
      case WIRE_BYTES:
        this.#take(this.#unsigned());
        return;
      case WIRE_FIXED32:
        this.#take(4);
        return;
      default:
        throw new ProtobufError(`proto: illegal wireType ${this.wireType}`);
    }
  }

  int32(): number {
    this.#expect(WIRE_VARINT);
    return this.#signed() | 0;
  }

  /** Throws for what a double cannot have: it would become another number. */
  int64(): number {
    this.#expect(WIRE_VARINT);
    const value = this.#signed();
    if (Number.isSafeInteger(value)) return value;
    throw new ProtobufError(`an integer of about ${value} cannot be kept: up to ${Number.MAX_SAFE_INTEGER} all can`);
  }

  bool(): boolean {
    this.#expect(WIRE_VARINT);
    return this.#unsigned() !== 0;
  }

  double(): number {
    this.#expect(WIRE_FIXED64);
    return this.#bytes.readDoubleLE(this.#take(8));
  }

  /** The numbers of a packed list. */
  *packed(): Iterable<WireReader> {
    const inner = this.message();
    inner.wireType = WIRE_VARINT;
    while (!inner.atEnd) yield inner;
  }

  /** A view, not a copy. */
  bytes(): Uint8Array {
    this.#expect(WIRE_BYTES);
    const length = this.#unsigned();
    const start = this.#take(length);
    return this.#bytes.subarray(start, start + length);
  }

  string(): string {
    this.#expect(WIRE_BYTES);
    const length = this.#unsigned();
    const start = this.#take(length);
    if (this.#isAscii(start, start + length)) return this.#bytes.toString('latin1', start, start + length);
    try {
      return utf8.decode(this.#bytes.subarray(start, start + length));
    } catch {
      throw new ProtobufError('proto: string field contains invalid UTF-8');
    }
  }

  #isAscii(start: number, end: number): boolean {
    for (let at = start; at < end; at++) if (this.#bytes[at]! >= 0x80) return false;
    return true;
  }

  /** The nested message here. */
  message(): WireReader {
    this.#expect(WIRE_BYTES);
    const length = this.#unsigned();
    const start = this.#take(length);
    return new WireReader(this.#bytes, start, start + length);
  }

  #expect(wireType: number): void {
    if (this.wireType !== wireType)
      throw new ProtobufError(`proto: wrong wireType = ${this.wireType} for field number ${this.number}`);
  }

  /** Where the bytes begin. */
  #take(length: number): number {
    const start = this.#position;
    if (length > this.#end - start) throw new ProtobufError(TRUNCATED);
    this.#position = start + length;
    return start;
  }

  /** Exact up to 2^53; larger only where the value does not matter. */
  #unsigned(): number {
    let value = 0;
    for (let scale = 1, read = 0; read < 10; scale *= 128, read++) {
      const byte = this.#byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
    throw new ProtobufError('proto: integer overflow');
  }

  #signed(): number {
    let low = 0;
    let high = 0;
    for (let read = 0; read < 10; read++) {
      const byte = this.#byte();
      const bits = byte & 0x7f;
      if (read < 4) low += bits * 2 ** (7 * read);
      else if (read === 4) {
        low += (bits & 0xf) * 2 ** 28;
        high += bits >>> 4;
      } else high += (bits * 2 ** (7 * read - 32)) % TWO_TO_32;
      if (byte < 0x80) return (high | 0) * TWO_TO_32 + low;
    }
    throw new ProtobufError('proto: integer overflow');
  }

  #byte(): number {
    if (this.#position >= this.#end) throw new ProtobufError(TRUNCATED);
    return this.#bytes[this.#position++]!;
  }
}

/**
 * Writes a message from its end to its beginning, so that a nested message's length is known when it is written
 * before it.
 */
export class WireWriter {
  #buffer = Buffer.allocUnsafeSlow(INITIAL_BYTES);
  #position = INITIAL_BYTES;

  /** Bytes written so far. */
  get length(): number {
    return this.#buffer.length - this.#position;
  }

  tag(number: number, wireType: number): void {
    this.unsigned(number * 8 + wireType);
  }

  unsigned(value: number): void {
    if (value < 0x80) {
      const only = this.#room(1);
      this.#buffer[only] = value;
      return;
    }
    let size = 1;
    for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) size++;
    let at = this.#room(size);
    let rest = value;
    for (; rest >= 128; rest = Math.floor(rest / 128)) this.#buffer[at++] = (rest % 128) | 0x80;
    this.#buffer[at] = rest;
  }

  /** Of 64 bits; negative ones take ten bytes, as int32's do too. */
  signed(value: number): void {
    if (value >= 0) return this.unsigned(value);
    let rest = BigInt.asUintN(64, BigInt(value));
    let at = this.#room(10);
    for (let written = 0; written < 9; written++, rest >>= 7n) this.#buffer[at++] = Number(rest & 0x7fn) | 0x80;
    this.#buffer[at] = Number(rest);
  }

  double(value: number): void {
    const at = this.#room(8);
    this.#buffer.writeDoubleLE(value, at);
  }

  bytes(bytes: Uint8Array): void {
    const at = this.#room(bytes.length);
    this.#buffer.set(bytes, at);
  }

  /** With its length before it. */
  string(text: string): void {
    if (text.length <= MAX_COPIED_CHARACTERS && this.#copied(text)) return this.unsigned(text.length);
    const size = Buffer.byteLength(text);
    const at = this.#room(size);
    this.#buffer.write(text, at, size, size === text.length ? 'latin1' : 'utf8');
    this.unsigned(size);
  }

  /** Short texts of ASCII, without a call out of JavaScript. False, and nothing written, for others. */
  #copied(text: string): boolean {
    const at = this.#room(text.length);
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code >= 0x80) {
        this.#position += text.length;
        return false;
      }
      this.#buffer[at + i] = code;
    }
    return true;
  }

  /** What was written, in memory of its own. */
  finish(): Buffer {
    const copy = Buffer.allocUnsafeSlow(this.length);
    this.#buffer.copy(copy, 0, this.#position);
    return copy;
  }

  /** Forgets what was written; the memory is used again, unless it was for an unusually large object. */
  clear(): void {
    if (this.#buffer.length > MAX_KEPT_BYTES) this.#buffer = Buffer.allocUnsafeSlow(INITIAL_BYTES);
    this.#position = this.#buffer.length;
  }

  /** Where the next bytes go. The buffer may be another one afterwards: never read it before. */
  #room(size: number): number {
    if (size > this.#position) this.#grow(size);
    this.#position -= size;
    return this.#position;
  }

  #grow(size: number): void {
    const written = this.length;
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, written + size));
    this.#buffer.copy(larger, larger.length - written, this.#position);
    this.#position = larger.length - written;
    this.#buffer = larger;
  }
}
