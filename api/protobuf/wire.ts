/** Reads the protobuf wire format, bounded: hostile lengths and depths are errors, never crashes (protobuf encoding guide). */
export class ProtobufError extends Error {}

export interface WireField {
  number: number;
  value:
    | { type: 'varint'; value: bigint }
    | { type: 'bytes'; value: Uint8Array }
    | { type: 'fixed64'; value: Uint8Array }
    | { type: 'fixed32'; value: Uint8Array };
}

const TRUNCATED = 'unexpected EOF';

class Reader {
  readonly #bytes: Uint8Array;
  #position = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get atEnd(): boolean {
    return this.#position >= this.#bytes.length;
  }

  varint(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#bytes[this.#position++];
      if (byte === undefined) throw new ProtobufError(TRUNCATED);
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw new ProtobufError('proto: integer overflow');
  }

  take(length: number): Uint8Array {
    if (length < 0 || this.#position + length > this.#bytes.length) throw new ProtobufError(TRUNCATED);
    const taken = this.#bytes.subarray(this.#position, this.#position + length);
    this.#position += length;
    return taken;
  }
}

/** The fields of one message in the order in which they lie. */
export function* readFields(bytes: Uint8Array): Generator<WireField> {
  const reader = new Reader(bytes);
  while (!reader.atEnd) {
    const tag = Number(reader.varint());
    const number = tag >>> 3;
    if (number === 0) throw new ProtobufError('proto: illegal tag 0');
    switch (tag & 7) {
      case 0:
        yield { number, value: { type: 'varint', value: reader.varint() } };
        break;
      case 1:
        yield { number, value: { type: 'fixed64', value: reader.take(8) } };
        break;
      case 2:
        yield { number, value: { type: 'bytes', value: reader.take(Number(reader.varint())) } };
        break;
      case 5:
        yield { number, value: { type: 'fixed32', value: reader.take(4) } };
        break;
      default:
        throw new ProtobufError(`proto: illegal wireType ${tag & 7}`);
    }
  }
}
