/** As much of DER as a certificate request is made of. Never throws: what is malformed is `undefined`. */

export interface DerValue {
  tag: number;
  /** With tag and length. */
  raw: Uint8Array;
  content: Uint8Array;
}

export const SEQUENCE = 0x30;
export const SET = 0x31;
export const OBJECT_ID = 0x06;
export const BIT_STRING = 0x03;
export const OCTET_STRING = 0x04;

/** The value at the beginning of `bytes`. */
export function readDer(bytes: Uint8Array): DerValue | undefined {
  const [tag, first] = bytes;
  if (tag === undefined || first === undefined || (tag & 0x1f) === 0x1f) return undefined;
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
  if (first === 0x80 || lengthBytes > 4 || bytes.length < 2 + lengthBytes) return undefined;
  let length = lengthBytes === 0 ? first : 0;
  for (const byte of bytes.subarray(2, 2 + lengthBytes)) length = length * 256 + byte;
  const start = 2 + lengthBytes;
  if (bytes.length < start + length) return undefined;
  return { tag, raw: bytes.subarray(0, start + length), content: bytes.subarray(start, start + length) };
}

/** The values that a constructed value holds; undefined when they do not fill it. */
export function readAll(content: Uint8Array): DerValue[] | undefined {
  const values: DerValue[] = [];
  for (let rest = content; rest.length > 0;) {
    const value = readDer(rest);
    if (value === undefined) return undefined;
    values.push(value);
    rest = rest.subarray(value.raw.length);
  }
  return values;
}

/** `2.5.4.10`; undefined for anything but an object identifier. */
export function objectId(value: DerValue | undefined): string | undefined {
  if (value?.tag !== OBJECT_ID || value.content.length === 0) return undefined;
  const arcs: number[] = [];
  let arc = 0;
  for (const byte of value.content) {
    arc = arc * 128 + (byte & 0x7f);
    if (byte >= 0x80) continue;
    if (arcs.length === 0) arcs.push(Math.min(2, Math.floor(arc / 40)), arc - 40 * Math.min(2, Math.floor(arc / 40)));
    else arcs.push(arc);
    arc = 0;
  }
  return arcs.join('.');
}
