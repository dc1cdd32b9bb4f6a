/**
 * A subject as Go reads it into `pkix.Name` and writes it back: the attributes that it knows, in its order. Whoever
 * decides about a request and whoever signs it read the subject here, so that both see the same.
 */
import { objectId, readAll, SET } from './der.ts';
import type { DerValue } from './der.ts';

export interface NameAttribute {
  /** Object identifier. */
  type: string;
  value: string;
}

export const ORGANIZATION = '2.5.4.10';
export const COMMON_NAME = '2.5.4.3';
const SERIAL_NUMBER = '2.5.4.5';

/** Country, organization, unit, locality, province, street, postal code; then those of which the last one counts. */
const KNOWN = ['2.5.4.6', ORGANIZATION, '2.5.4.11', '2.5.4.7', '2.5.4.8', '2.5.4.9', '2.5.4.17'];
const SINGLE = [COMMON_NAME, SERIAL_NUMBER];

/** By the tag of a string's type. */
const DECODERS: Readonly<Record<number, (bytes: Uint8Array) => string>> = {
  0x0c: utf8,
  0x12: utf8,
  0x13: utf8,
  0x14: utf8,
  0x16: utf8,
  // BMPString: two bytes a character, the higher one first.
  0x1e: (bytes) =>
    Buffer.from(bytes.subarray(0, bytes.length - (bytes.length % 2)))
      .swap16()
      .toString('utf16le'),
};

function utf8(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('utf8');
}

/** What is no string, or of no known type, is left out. */
export function readName(name: DerValue): NameAttribute[] {
  const present = (readAll(name.content) ?? [])
    .filter(({ tag }) => tag === SET)
    .flatMap((set) => readAll(set.content) ?? [])
    .flatMap(readAttribute);
  const ofType = (wanted: string): NameAttribute[] => present.filter(({ type }) => type === wanted);
  return [...KNOWN.flatMap(ofType), ...SINGLE.flatMap((type) => ofType(type).slice(-1))];
}

function readAttribute(pair: DerValue): NameAttribute[] {
  const [id, value] = readAll(pair.content) ?? [];
  const type = objectId(id);
  const decode = value === undefined ? undefined : DECODERS[value.tag];
  return type === undefined || decode === undefined ? [] : [{ type, value: decode(value!.content) }];
}
