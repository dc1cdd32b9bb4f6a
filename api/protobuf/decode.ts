/**
 * From Kubernetes' protobuf form to the same object in JSON's form. Go clients, kubectl's `create` among them, send it
 * by default (apimachinery `runtime/serializer/protobuf`).
 */
import type { SchemaTable } from '../schema/schema.ts';
import { MESSAGES } from './messages.ts';
import { ProtobufError, readFields } from './wire.ts';
import type { WireField } from './wire.ts';

export const PROTOBUF_TYPE = 'application/vnd.kubernetes.protobuf';

const MAGIC = Buffer.from('k8s\0');
const MAX_DEPTH = 100;

type Json = Record<string, unknown>;

interface Field {
  name: string;
  shape: 'one' | 'list' | 'map';
  type: string;
}

type Message = ReadonlyMap<number, Field>;

const compiled = new Map<string, Message>();

function messageOf(name: string): Message {
  let message = compiled.get(name);
  if (message !== undefined) return message;
  const text = MESSAGES[name];
  if (text === undefined) throw new ProtobufError(`no protobuf message ${name}`);
  const ownPackage = name.slice(0, name.lastIndexOf('.'));
  message = new Map(
    text
      .split(' ')
      .filter((part) => part !== '')
      .map((part) => compileField(part, ownPackage)),
  );
  compiled.set(name, message);
  return message;
}

function compileField(part: string, ownPackage: string): [number, Field] {
  const [, name, number, mark, type] = /^([^=]+)=(\d+):(\[\]|\{\})?(.+)$/.exec(part)!;
  const shape = mark === '[]' ? 'list' : mark === '{}' ? 'map' : 'one';
  return [Number(number), { name: name!, shape, type: type!.startsWith('.') ? ownPackage + type! : type! }];
}

type ScalarReader = (message: Json) => unknown;

const seconds = (message: Json): number => Number(message['seconds'] ?? 0);
const nanos = (message: Json): number => Number(message['nanos'] ?? 0);
const parseRaw = (raw: unknown): unknown =>
  typeof raw === 'string' && raw !== '' ? (JSON.parse(Buffer.from(raw, 'base64').toString()) as unknown) : undefined;

/** Messages that are no object in JSON. */
const SCALARS: Readonly<Record<string, ScalarReader>> = {
  'meta.v1.Time': (message) => new Date(seconds(message) * 1000).toISOString().replace(/\.\d{3}Z$/, 'Z'),
  'meta.v1.MicroTime': (message) =>
    new Date(seconds(message) * 1000)
      .toISOString()
      .replace(/\.\d{3}Z$/, `.${String(Math.floor(nanos(message) / 1000)).padStart(6, '0')}Z`),
  'meta.v1.Duration': (message) => `${Number(message['duration'] ?? 0) / 1e9}s`,
  'meta.v1.FieldsV1': (message) => parseRaw(message['Raw'] ?? message['raw']),
  'api.resource.Quantity': (message) => message['string'] ?? '0',
  'util.intstr.IntOrString': (message) =>
    Number(message['type'] ?? 0) === 1 ? (message['strVal'] ?? '') : Number(message['intVal'] ?? 0),
  'runtime.RawExtension': (message) => parseRaw(message['raw']),
};

/** Times that were never set travel as empty messages. */
const ABSENT_WHEN_EMPTY = new Set(['meta.v1.Time', 'meta.v1.MicroTime']);

const IS_LIST_OF_STRINGS = /\.(ExtraValue|Verbs)$/;

class Decoder {
  readonly #properties: (message: string) => ReadonlySet<string> | undefined;

  constructor(properties: (message: string) => ReadonlySet<string> | undefined) {
    this.#properties = properties;
  }

  message(name: string, bytes: Uint8Array, depth: number): Json {
    if (depth > MAX_DEPTH) throw new ProtobufError('exceeded max depth');
    const fields = messageOf(name);
    const decoded: Json = {};
    for (const wire of readFields(bytes)) {
      const field = fields.get(wire.number);
      if (field === undefined) continue;
      this.#read(decoded, field, { wire, depth, owner: name });
    }
    return decoded;
  }

  #read(into: Json, field: Field, { wire, depth, owner }: { wire: WireField; depth: number; owner: string }): void {
    if (field.shape === 'map') {
      const entry = this.#mapEntry(field.type, wire, depth);
      const map = (into[field.name] ??= {}) as Json;
      Object.defineProperty(map, entry.key, {
        value: entry.value,
        enumerable: true,
        configurable: true,
        writable: true,
      });
      return;
    }
    const value = this.#value(field.type, wire, depth);
    if (field.shape === 'list') {
      ((into[field.name] ??= []) as unknown[]).push(value);
      return;
    }
    if (value === undefined) return;
    // A struct that Go embeds is a message of its own on the wire, and no field in JSON.
    if (this.#isEmbedded(owner, field)) Object.assign(into, value);
    else into[field.name] = value;
  }

  #isEmbedded(owner: string, { name, type }: Field): boolean {
    if (!type.includes('.') || SCALARS[type] !== undefined) return false;
    const properties = this.#properties(owner);
    return properties !== undefined && !properties.has(name);
  }

  #mapEntry(type: string, wire: WireField, depth: number): { key: string; value: unknown } {
    if (wire.value.type !== 'bytes') throw new ProtobufError('proto: wrong wireType for a map');
    let key = '';
    let value: unknown = type === 'string' || type === 'bytes' ? '' : undefined;
    for (const part of readFields(wire.value.value)) {
      if (part.number === 1) key = String(this.#value('string', part, depth));
      if (part.number === 2) value = this.#value(type, part, depth);
    }
    return { key, value: value ?? (type.includes('.') ? {} : 0) };
  }

  #value(type: string, { value }: WireField, depth: number): unknown {
    switch (type) {
      case 'string':
        return textOf(value);
      case 'bytes':
        return Buffer.from(bytesOf(value)).toString('base64');
      case 'bool':
        return integerOf(value) !== 0n;
      case 'int32':
        return Number(BigInt.asIntN(32, integerOf(value)));
      case 'int64':
        return Number(BigInt.asIntN(64, integerOf(value)));
      case 'double':
        return doubleOf(value);
      default:
        return this.#nested(type, bytesOf(value), depth + 1);
    }
  }

  #nested(type: string, bytes: Uint8Array, depth: number): unknown {
    if (bytes.length === 0 && ABSENT_WHEN_EMPTY.has(type)) return undefined;
    const message = this.message(type, bytes, depth);
    const scalar = SCALARS[type];
    if (scalar !== undefined) return scalar(message);
    return IS_LIST_OF_STRINGS.test(type) ? (message['items'] ?? []) : message;
  }
}

function bytesOf(value: WireField['value']): Uint8Array {
  if (value.type === 'bytes') return value.value;
  throw new ProtobufError('proto: wrong wireType for a length-delimited field');
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function textOf(value: WireField['value']): string {
  try {
    return utf8.decode(bytesOf(value));
  } catch (error) {
    throw error instanceof ProtobufError ? error : new ProtobufError('proto: string field contains invalid UTF-8');
  }
}

function integerOf(value: WireField['value']): bigint {
  if (value.type === 'varint') return value.value;
  throw new ProtobufError('proto: wrong wireType for an integer');
}

function doubleOf(value: WireField['value']): number {
  if (value.type !== 'fixed64') throw new ProtobufError('proto: wrong wireType for a double');
  return Buffer.from(value.value).readDoubleLE();
}

const PACKAGES: Readonly<Record<string, string>> = {
  '': 'core',
  'rbac.authorization.k8s.io': 'rbac',
  'coordination.k8s.io': 'coordination',
  'discovery.k8s.io': 'discovery',
  'events.k8s.io': 'events',
  'authentication.k8s.io': 'authentication',
  'authorization.k8s.io': 'authorization',
};

/** `apps/v1` Deployment → `apps.v1.Deployment`; options are `meta.v1` whatever the group. */
function messageNameOf(apiVersion: string, kind: string): string {
  if (kind === 'DeleteOptions') return 'meta.v1.DeleteOptions';
  const slash = apiVersion.indexOf('/');
  const group = slash < 0 ? '' : apiVersion.slice(0, slash);
  return `${PACKAGES[group] ?? group}.${apiVersion.slice(slash + 1)}.${kind}`;
}

/** Throws `ProtobufError` for what is no such object. The result is private to the caller and not yet checked. */
export function decodeProtobuf(bytes: Uint8Array, schemas: SchemaTable): Json {
  if (bytes.length < MAGIC.length || Buffer.compare(bytes.subarray(0, MAGIC.length), MAGIC) !== 0) {
    throw new ProtobufError('provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]');
  }
  const decoder = new Decoder(propertiesIn(schemas));
  const unknown = decoder.message('runtime.Unknown', bytes.subarray(MAGIC.length), 0);
  const { apiVersion = '', kind = '' } = (unknown['typeMeta'] ?? {}) as { apiVersion?: string; kind?: string };
  const name = messageNameOf(apiVersion, kind);
  if (MESSAGES[name] === undefined)
    throw new ProtobufError(`no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)}`);
  const raw = Buffer.from((unknown['raw'] as string | undefined) ?? '', 'base64');
  return { kind, apiVersion, ...decoder.message(name, raw, 0) };
}

/** JSON's fields of a message, by the schema that has its name. */
function propertiesIn(schemas: SchemaTable): (message: string) => ReadonlySet<string> | undefined {
  const known = new Map<string, ReadonlySet<string> | undefined>();
  return (message) => {
    if (!known.has(message)) known.set(message, propertiesOf(message, schemas));
    return known.get(message);
  };
}

function propertiesOf(message: string, schemas: SchemaTable): ReadonlySet<string> | undefined {
  const [packageName = '', version = '', kind = ''] = message.split('.');
  const prefix = version.charAt(0).toUpperCase() + version.slice(1);
  const groupPrefix = packageName.charAt(0).toUpperCase() + packageName.slice(1);
  for (const model of [prefix + kind, groupPrefix + prefix + kind]) {
    const schema = schemas.get(model);
    if (schema?.properties !== undefined) return new Set(Object.keys(schema.properties));
  }
  return undefined;
}
