/**
 * From Kubernetes' protobuf form to the same object in JSON's form. Go clients, kubectl's `create` among them, send it
 * by default (apimachinery `runtime/serializer/protobuf`).
 */
import type { Field, MessageType } from './message-types.ts';
import { messageOfKind } from './message-types.ts';
import type { Json } from './scalar-forms.ts';
import { PROTOBUF_MAGIC, UNKNOWN_RAW, UNKNOWN_TYPE_META } from './unknown.ts';
import { ProtobufError, WIRE_BYTES, WireReader } from './wire.ts';

/** Of messages in messages; schemas in CustomResourceDefinitions alone go beyond 20. */
const MAX_DEPTH = 200;

/** Throws `ProtobufError` for what is no such object. The result is private to the caller and not yet checked. */
export function decodeProtobuf(bytes: Uint8Array): Json {
  if (Buffer.compare(bytes.subarray(0, PROTOBUF_MAGIC.length), PROTOBUF_MAGIC) !== 0) {
    throw new ProtobufError('provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]');
  }
  const { apiVersion, kind, raw } = decodeUnknown(new WireReader(bytes, PROTOBUF_MAGIC.length));
  const type = messageOfKind(apiVersion, kind);
  if (type === undefined)
    throw new ProtobufError(`no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)}`);
  return readMessage(type, new WireReader(raw), { into: { kind, apiVersion }, depth: 0 });
}

function decodeUnknown(reader: WireReader): { apiVersion: string; kind: string; raw: Uint8Array } {
  const unknown = { apiVersion: '', kind: '', raw: new Uint8Array() };
  while (reader.next()) {
    if (reader.number === UNKNOWN_TYPE_META) readTypeMeta(reader.message(), unknown);
    else if (reader.number === UNKNOWN_RAW) unknown.raw = reader.bytes() as Uint8Array<ArrayBuffer>;
    else reader.skip();
  }
  return unknown;
}

function readTypeMeta(reader: WireReader, into: { apiVersion: string; kind: string }): void {
  while (reader.next()) {
    if (reader.number === 1) into.apiVersion = reader.string();
    else if (reader.number === 2) into.kind = reader.string();
    else reader.skip();
  }
}

function readMessage(type: MessageType, reader: WireReader, { into, depth }: { into: Json; depth: number }): Json {
  if (depth > MAX_DEPTH) throw new ProtobufError('exceeded max depth');
  while (reader.next()) {
    const field = type.fields.get(reader.number);
    if (field === undefined) reader.skip();
    else readField(field, reader, { into, depth });
  }
  return into;
}

function readField(field: Field, reader: WireReader, { into, depth }: { into: Json; depth: number }): void {
  switch (field.shape) {
    case 'embedded':
      readMessage(field.message(), reader.message(), { into, depth: depth + 1 });
      return;
    case 'map':
      readEntry(field, reader.message(), { map: (into[field.name] ??= {}) as Json, depth });
      return;
    case 'list':
      readItems(field, reader, { items: (into[field.name] ??= []) as unknown[], depth });
      return;
    case 'one': {
      const value = readValue(field, reader, { depth, before: into[field.name] });
      if (value !== undefined) into[field.name] = value;
    }
  }
}

/** Numbers may lie together or one by one. */
function readItems(field: Field, reader: WireReader, { items, depth }: { items: unknown[]; depth: number }): void {
  const isNumber = field.type === 'int32' || field.type === 'int64' || field.type === 'bool';
  if (isNumber && reader.wireType === WIRE_BYTES) {
    for (const one of reader.packed()) items.push(readValue(field, one, { depth }));
    return;
  }
  items.push(readValue(field, reader, { depth }));
}

function readEntry(field: Field, reader: WireReader, { map, depth }: { map: Json; depth: number }): void {
  let key = '';
  let value: unknown;
  while (reader.next()) {
    if (reader.number === 1) key = reader.string();
    else if (reader.number === 2) value = readValue(field, reader, { depth });
    else reader.skip();
  }
  value ??= zeroOf(field);
  // Keys are the client's: `__proto__` is one like any other.
  Object.defineProperty(map, key, { value, enumerable: true, configurable: true, writable: true });
}

function zeroOf({ type, message }: Field): unknown {
  if (type !== 'message') return type === 'string' || type === 'bytes' ? '' : 0;
  const { scalar } = message();
  return scalar === undefined ? {} : (scalar.fromMessage({}) ?? null);
}

function readValue(field: Field, reader: WireReader, { depth, before }: { depth: number; before?: unknown }): unknown {
  switch (field.type) {
    case 'string':
      return reader.string();
    case 'bytes':
      return Buffer.from(reader.bytes()).toString('base64');
    case 'raw':
      return reader.bytes();
    case 'bool':
      return reader.bool();
    case 'int32':
      return reader.int32();
    case 'int64':
      return reader.int64();
    case 'double':
      return reader.double();
    case 'message':
      return readNested(field.message(), reader.message(), { depth: depth + 1, before });
  }
}

/** A message that comes twice is one, with the fields of both. */
function readNested(
  type: MessageType,
  reader: WireReader,
  { depth, before }: { depth: number; before: unknown },
): unknown {
  const into = type.scalar === undefined && before !== undefined ? (before as Json) : {};
  const message = readMessage(type, reader, { into, depth });
  return type.scalar === undefined ? message : type.scalar.fromMessage(message);
}
