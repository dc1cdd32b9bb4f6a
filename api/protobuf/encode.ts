/**
 * From JSON's form of an object to Kubernetes' protobuf form (apimachinery `runtime/serializer/protobuf`). Fields are
 * written in the order of their numbers and map entries in the order of their keys: equal objects give equal bytes.
 */
import type { Field, MessageType } from './message-types.ts';
import { messageOfKind } from './message-types.ts';
import type { Json } from './scalar-forms.ts';
import { PROTOBUF_MAGIC, UNKNOWN_RAW, UNKNOWN_TAIL, UNKNOWN_TYPE_META } from './unknown.ts';
import { ProtobufError, WIRE_BYTES, WIRE_FIXED64, WIRE_VARINT, WireWriter } from './wire.ts';

interface Typed {
  /** Discovery's documents have none. */
  apiVersion?: string;
  kind: string;
}

/** True when objects of the kind can be encoded; custom resources and Tables cannot. */
export function hasProtobuf(apiVersion: string, kind: string): boolean {
  return messageOfKind(apiVersion, kind) !== undefined;
}

/** Kept from one object to the next: encoding is synchronous. */
const writer = new WireWriter();

/** The object in its envelope. Throws `ProtobufError` for a kind without protobuf. */
export function encodeProtobuf(object: Typed): Buffer {
  const type = typeOf(object);
  writer.clear();
  writer.bytes(UNKNOWN_TAIL);
  const tail = writer.length;
  writeMessage(type, object as unknown as Json);
  writer.unsigned(writer.length - tail);
  writer.tag(UNKNOWN_RAW, WIRE_BYTES);
  writeTypeMeta(object);
  return writer.finish();
}

function writeTypeMeta({ apiVersion = '', kind }: Typed): void {
  const start = writer.length;
  writer.string(kind);
  writer.tag(2, WIRE_BYTES);
  writer.string(apiVersion);
  writer.tag(1, WIRE_BYTES);
  writer.unsigned(writer.length - start);
  writer.tag(UNKNOWN_TYPE_META, WIRE_BYTES);
  writer.bytes(PROTOBUF_MAGIC);
}

function typeOf({ apiVersion = '', kind }: Typed): MessageType {
  const type = messageOfKind(apiVersion, kind);
  if (type === undefined) throw new ProtobufError(`${kind} of ${apiVersion} has no protobuf form`);
  return type;
}

const LIST_METADATA = 1;
const LIST_ITEMS = 2;

/** One item of a list, as it lies in the list's message. */
export function encodeListItem(object: Typed): Buffer {
  const type = typeOf(object);
  writer.clear();
  writeMessage(type, object as unknown as Json);
  writer.unsigned(writer.length);
  writer.tag(LIST_ITEMS, WIRE_BYTES);
  return writer.finish();
}

/** What stands before and after the items of a list, which take `itemBytes` together. */
export function encodeListEnvelope(
  list: Typed & { metadata: object },
  itemBytes: number,
): { head: Buffer; tail: Buffer } {
  const metadata = typeOf(list).fields.get(LIST_METADATA)!;
  writer.clear();
  writeField(metadata, list.metadata);
  writer.unsigned(writer.length + itemBytes);
  writer.tag(UNKNOWN_RAW, WIRE_BYTES);
  writeTypeMeta(list);
  return { head: writer.finish(), tail: UNKNOWN_TAIL };
}

/** A `WatchEvent` with an encoded object in it, after its length (`protobuf.LengthDelimitedFramer`). */
export function encodeWatchFrame(type: string, object: Uint8Array): Buffer {
  const event = encodeWatchEvent(type, object);
  const frame = Buffer.allocUnsafe(4 + event.length);
  frame.writeUInt32BE(event.length);
  event.copy(frame, 4);
  return frame;
}

/** Without its length, for transports that keep messages apart. */
export function encodeWatchEvent(type: string, object: Uint8Array): Buffer {
  writer.clear();
  // A RawExtension with the object's bytes.
  writer.bytes(object);
  writer.unsigned(object.length);
  writer.tag(1, WIRE_BYTES);
  writer.unsigned(writer.length);
  writer.tag(2, WIRE_BYTES);
  writer.string(type);
  writer.tag(1, WIRE_BYTES);
  return writer.finish();
}

/** Goes over what is set: of most messages' fields few are. */
function writeMessage({ byName }: MessageType, object: Json): void {
  const set: Field[] = [];
  for (const name of Object.keys(object)) {
    const field = byName.get(name);
    if (field !== undefined) insert(set, field);
  }
  for (const field of set) {
    const value = field.shape === 'embedded' ? object : object[field.name];
    if (value !== undefined && value !== null) writeField(field, value);
  }
}

/** From the highest number to the lowest: the order of writing. An embedded struct has one place for all its fields. */
function insert(fields: Field[], field: Field): void {
  let at = fields.length;
  while (at > 0 && fields[at - 1]!.number < field.number) at--;
  if (at > 0 && fields[at - 1] === field) return;
  fields.splice(at, 0, field);
}

function writeField(field: Field, value: unknown): void {
  switch (field.shape) {
    case 'embedded':
      writeEmbedded(field, value as Json);
      return;
    case 'map':
      writeMap(field, value as Json);
      return;
    case 'list': {
      const items = value as unknown[];
      for (let position = items.length - 1; position >= 0; position--) writeValue(field, field.number, items[position]);
      return;
    }
    case 'one':
      writeValue(field, field.number, value);
  }
}

/** Left out when none of its fields is set. */
function writeEmbedded(field: Field, owner: Json): void {
  const start = writer.length;
  writeMessage(field.message(), owner);
  if (writer.length === start) return;
  writer.unsigned(writer.length - start);
  writer.tag(field.number, WIRE_BYTES);
}

function writeMap(field: Field, map: Json): void {
  const keys = Object.keys(map).sort();
  for (let position = keys.length - 1; position >= 0; position--) {
    const key = keys[position]!;
    const start = writer.length;
    if (map[key] !== null) writeValue(field, 2, map[key]);
    writer.string(key);
    writer.tag(1, WIRE_BYTES);
    writer.unsigned(writer.length - start);
    writer.tag(field.number, WIRE_BYTES);
  }
}

function writeValue(field: Field, number: number, value: unknown): void {
  switch (field.type) {
    case 'string':
      writer.string(String(value));
      writer.tag(number, WIRE_BYTES);
      return;
    case 'bytes':
      writeBytes(number, Buffer.from(String(value), 'base64'));
      return;
    case 'raw':
      writeBytes(number, value as Uint8Array);
      return;
    case 'bool':
      writer.unsigned(value === true ? 1 : 0);
      writer.tag(number, WIRE_VARINT);
      return;
    case 'int32':
    case 'int64':
      writer.signed(Number(value));
      writer.tag(number, WIRE_VARINT);
      return;
    case 'double':
      writer.double(Number(value));
      writer.tag(number, WIRE_FIXED64);
      return;
    case 'message':
      writeNested(field.message(), number, value);
  }
}

function writeBytes(number: number, bytes: Uint8Array): void {
  writer.bytes(bytes);
  writer.unsigned(bytes.length);
  writer.tag(number, WIRE_BYTES);
}

function writeNested(type: MessageType, number: number, value: unknown): void {
  const start = writer.length;
  writeMessage(type, type.scalar === undefined ? (value as Json) : type.scalar.toMessage(value));
  writer.unsigned(writer.length - start);
  writer.tag(number, WIRE_BYTES);
}
