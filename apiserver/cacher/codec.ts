/**
 * How objects lie in storage: JSON with `kind`, `apiVersion` and `metadata` first and without `resourceVersion`, which
 * is the storage revision and is spliced in when an object is served.
 */
import type { ApiObject } from '../../api/machinery/meta.ts';
import { parseSharingFieldSets } from './shared-field-sets.ts';

const METADATA = Buffer.from('"metadata":{');

/** The API's opaque resourceVersion of a storage revision. This file alone converts between the two. */
export function formatResourceVersion(revision: number): string {
  return String(revision);
}

/** Undefined for text that is no revision. */
export function parseResourceVersion(text: string): number | undefined {
  if (!/^\d{1,15}$/.test(text)) return undefined;
  return Number(text);
}

/** A field keeps the place at which it was set first. */
const FIRST_FIELDS = { kind: undefined, apiVersion: undefined, metadata: undefined };

export function encodeForStorage(object: ApiObject): Uint8Array {
  // JSON leaves out what is undefined.
  const stored = { ...FIRST_FIELDS, ...object, metadata: { ...object.metadata, resourceVersion: undefined } };
  return encodeAlone(JSON.stringify(stored));
}

/** In memory of their own: a slice of Node's pool, kept for as long as its object, would keep the whole 8 KiB of it. */
function encodeAlone(text: string): Uint8Array {
  const bytes = Buffer.allocUnsafeSlow(Buffer.byteLength(text));
  bytes.write(text);
  return bytes;
}

/** The stored bytes with the resourceVersion in them. */
export function spliceResourceVersion(value: Uint8Array, revision: number): Uint8Array {
  const buffer = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  const at = buffer.indexOf(METADATA) + METADATA.length;
  const field = `"resourceVersion":"${formatResourceVersion(revision)}",`;
  const spliced = Buffer.allocUnsafe(buffer.length + field.length);
  buffer.copy(spliced, 0, 0, at);
  spliced.write(field, at, 'latin1');
  buffer.copy(spliced, at + field.length, at);
  return spliced;
}

/**
 * A private copy of the stored object, with its resourceVersion; mutable but for `fieldsV1`, which is shared. Throws
 * SyntaxError on damaged bytes.
 */
export function decodeFromStorage(value: Uint8Array, revision: number): ApiObject {
  const text = Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString();
  const object = parseSharingFieldSets(text);
  object.metadata.resourceVersion = formatResourceVersion(revision);
  return object;
}
