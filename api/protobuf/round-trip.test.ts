/** Protobuf against JSON for every kind, and against another implementation of protobuf. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import protobuf from 'protobufjs';
import { findFacts } from '../../test/facts.ts';
import { resources } from '../resources.ts';
import { arbitraryObject } from '../schema/arbitrary-object.ts';
import { checkStructure } from '../schema/check.ts';
import { loadSchemaTable } from '../schema/table.ts';
import { decodeProtobuf } from './decode.ts';
import { encodeListEnvelope, encodeListItem, encodeProtobuf, encodeWatchFrame, hasProtobuf } from './encode.ts';
import { messageNames, messageOfKind, messageType } from './message-types.ts';
import type { Field, MessageType } from './message-types.ts';

const table = loadSchemaTable();

type Json = Record<string, unknown>;

interface Kind {
  apiVersion: string;
  kind: string;
  schema: string;
}

const GROUPS: Readonly<Record<string, string>> = {
  core: '',
  rbac: 'rbac.authorization.k8s.io/',
  flowcontrol: 'flowcontrol.apiserver.k8s.io/',
  ...Object.fromEntries(['apps', 'batch', 'autoscaling', 'policy', 'extensions'].map((name) => [name, `${name}/`])),
};

const isKind = (properties: object = {}): boolean => 'kind' in properties && 'apiVersion' in properties;

/** Every kind in the table that a schema describes, served or not. */
function kindsInTable(): Kind[] {
  return messageNames().flatMap((name) => {
    const [group = '', version = '', kind = ''] = name.split('.');
    const suffix = version.charAt(0).toUpperCase() + version.slice(1) + kind;
    const schema = [suffix, group.charAt(0).toUpperCase() + group.slice(1) + suffix].find((model) =>
      isKind(table.get(model)?.properties),
    );
    if (schema === undefined || /List$|Reference$|^ManagedFieldsEntry$/.test(kind)) return [];
    const prefix = group === 'meta' ? '' : (GROUPS[group] ?? `${group}.k8s.io/`);
    return [{ apiVersion: prefix + version, kind, schema }];
  });
}

/** Measured, never stored: JSON alone, whatever a client prefers. */
const WITHOUT_PROTOBUF = 'metrics.k8s.io';
const withProtobuf = resources.filter(({ group }) => group !== WITHOUT_PROTOBUF);

const served = withProtobuf.map(({ group, version, names, schema }): Kind => {
  return { apiVersion: group === '' ? version : `${group}/${version}`, kind: names.kind, schema };
});
const keyOf = ({ apiVersion, kind }: Kind): string => `${apiVersion} ${kind}`;
const kinds = [...new Map([...kindsInTable(), ...served].map((kind) => [keyOf(kind), kind])).values()];

function checked(object: Json, { schema, kind, apiVersion }: Kind): Json {
  const { typeError, unknownFields } = checkStructure({ table, schema, kind, apiVersion, object });
  expect({ typeError, unknownFields }).toEqual({ typeError: undefined, unknownFields: [] });
  return object;
}

/** Objects in objects have no kind in protobuf, in Go neither. */
function withoutInnerKinds({ kind: _kind, apiVersion: _apiVersion, ...object }: Json): Json {
  const { deleteOptions, spec } = object as { deleteOptions?: Json; spec?: { volumeClaimTemplates?: Json[] } };
  for (const inner of [...(deleteOptions ? [deleteOptions] : []), ...(spec?.volumeClaimTemplates ?? [])]) {
    delete inner['kind'];
    delete inner['apiVersion'];
  }
  return object;
}

function makeObject({ kind, apiVersion, schema }: Kind, choices: Uint8Array): Json {
  const object = { kind, apiVersion, ...withoutInnerKinds(arbitraryObject({ table, schema, choices })) };
  return checked(object, { kind, apiVersion, schema });
}

const choices = fc.uint8Array({ minLength: 100, maxLength: 600, size: 'max' });
const RUNS = 6;

/** Own properties named `__proto__` are compared too. */
const text = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

describe('the table of messages', () => {
  it('covers every served kind and its list', () => {
    const missing = withProtobuf.flatMap(({ group, version, names, verbs }) =>
      [names.kind, ...(verbs.includes('list') ? [names.listKind] : [])]
        .map((kind) => [group === '' ? version : `${group}/${version}`, kind] as const)
        .filter(([apiVersion, kind]) => !hasProtobuf(apiVersion, kind)),
    );
    expect(missing).toEqual([]);
    expect(kinds.length).toBeGreaterThan(75);
  });

  it('has the field numbers and types of upstream', () => {
    const path = findFacts('protobuf-fields-v1.36.json');
    if (path === undefined) return console.warn('skipped: no protobuf-fields-v1.36.json');
    const facts = JSON.parse(readFileSync(path, 'utf8')) as Record<string, Record<string, Record<string, Fact>>>;
    for (const name of messageNames()) expect([name, fieldsOfTable(name)]).toEqual([name, fieldsOfFacts(facts, name)]);
  });
});

type Fact = [number, string];

const shortName = (name: string): string =>
  name.replace(/^\.?k8s\.io\.(api\.|(apimachinery|apiextensions_apiserver|kube_aggregator)\.pkg\.(apis\.)?)/, '');

function fieldsOfTable(name: string): string[] {
  return [...messageType(name)!.fields.values()].map(({ number, shape, type, message }) => {
    const value = type === 'message' ? message().name : type === 'raw' ? 'bytes' : type;
    return `${number} ${shape === 'list' ? 'repeated ' : shape === 'map' ? `map ` : ''}${value}`;
  });
}

function fieldsOfFacts(facts: Record<string, Record<string, Record<string, Fact>>>, name: string): string[] {
  const dot = name.lastIndexOf('.');
  const ownPackage = Object.keys(facts).find((candidate) => shortName(candidate) === name.slice(0, dot))!;
  const fields = Object.values(facts[ownPackage]![name.slice(dot + 1)] ?? {}).sort(([a], [b]) => a - b);
  return fields.map(([number, type]) => {
    const [, mark = '', map = '', value = ''] = /^(repeated )?(map<string,)?([^>]+)>?$/.exec(type)!;
    const full = value.startsWith('.')
      ? shortName(value)
      : /^[A-Z]/.test(value)
        ? `${name.slice(0, dot)}.${value}`
        : value;
    return `${number} ${mark}${map === '' ? '' : 'map '}${full}`;
  });
}

/** Every message of the table as protobufjs knows it, fields named after their numbers. */
function otherImplementation(): protobuf.Root {
  const root: Record<string, protobuf.INamespace> = {};
  for (const name of messageNames()) {
    const type = messageType(name)!;
    const fields = [...type.fields.values()].map((field) => [`f${field.number}`, otherField(field)]);
    root[name.replaceAll('.', '_')] = { fields: Object.fromEntries(fields) } as protobuf.INamespace;
  }
  return protobuf.Root.fromJSON({ nested: root });
}

function otherField({ number, shape, type, message }: Field): object {
  const value = type === 'message' ? message().name.replaceAll('.', '_') : type === 'raw' ? 'bytes' : type;
  if (shape === 'map') return { keyType: 'string', type: value, id: number };
  return { type: value, id: number, ...(shape === 'list' ? { rule: 'repeated', options: { packed: false } } : {}) };
}

const nanoseconds = (digits = ''): number => Number(digits.padEnd(9, '0'));
const instant = (value: string): object => {
  const [, seconds, digits] = /^(.*?)(?:\.(\d+))?Z$/.exec(value)!;
  return { f1: Date.parse(`${seconds}Z`) / 1000, f2: nanoseconds(digits) };
};
const document = (value: unknown): object => ({ f1: JSON.stringify(value) });

/** What a value of such a message is, said apart from the code under test. */
const OTHER_FORMS: Readonly<Record<string, (value: never) => object>> = {
  'meta.v1.Time': instant,
  'meta.v1.MicroTime': instant,
  'meta.v1.FieldsV1': document,
  'runtime.RawExtension': document,
  'apiextensions.v1.JSON': document,
  'api.resource.Quantity': (value: string) => ({ f1: value }),
  'util.intstr.IntOrString': (value: string | number) =>
    typeof value === 'number' ? { f1: 0, f2: value, f3: '' } : { f1: 1, f2: 0, f3: value },
};

function inOtherForm(type: MessageType, object: Json): Json {
  const made: Json = {};
  for (const field of type.fields.values()) {
    const value = field.shape === 'embedded' ? object : object[field.name];
    if (value === undefined || value === null) continue;
    const one = (item: unknown): unknown => valueInOtherForm(field, item);
    if (field.shape === 'list') made[`f${field.number}`] = (value as unknown[]).map(one);
    else if (field.shape === 'map')
      made[`f${field.number}`] = Object.fromEntries(Object.entries(value).map(([key, item]) => [key, one(item)]));
    else if (field.shape !== 'embedded' || Object.keys(one(value) as object).length > 0)
      made[`f${field.number}`] = one(value);
  }
  return made;
}

function valueInOtherForm({ type, message }: Field, value: unknown): unknown {
  if (type === 'bytes') return Buffer.from(value as string, 'base64').toString();
  if (type !== 'message') return value;
  const { name, scalar } = message();
  if (OTHER_FORMS[name] !== undefined) return OTHER_FORMS[name](value as never);
  return inOtherForm(message(), scalar === undefined ? (value as Json) : scalar.toMessage(value));
}

/** Longs as numbers, bytes as text. */
function asPlain(message: protobuf.Message): unknown {
  return JSON.parse(
    JSON.stringify(
      message.$type.toObject(message, { longs: Number, bytes: Buffer as never }),
      (_key, value: unknown) =>
        (value as { type?: string })?.type === 'Buffer'
          ? Buffer.from((value as { data: number[] }).data).toString()
          : value,
    ),
  );
}

describe('encodeProtobuf() and decodeProtobuf(), beside protobufjs', () => {
  const other = otherImplementation();
  const envelope = other.lookupType('runtime_Unknown');

  it.each(kinds)('bring $apiVersion $kind over and back as JSON has it', (kind) => {
    const type = messageOfKind(kind.apiVersion, kind.kind)!;
    const otherType = other.lookupType(type.name.replaceAll('.', '_'));
    fc.assert(
      fc.property(choices, (bytes) => {
        const made = makeObject(kind, bytes);
        expect(text(checked(decodeProtobuf(encodeProtobuf(made as never)), kind))).toEqual(text(made));

        // Which protobufjs leaves out.
        const object = JSON.parse(JSON.stringify(made).replaceAll('__proto__', 'prototype')) as Json;
        const encoded = encodeProtobuf(object as never);
        expect(encoded.subarray(0, 4).toString()).toBe('k8s\0');
        const unknown = envelope.decode(encoded.subarray(4)) as protobuf.Message & { f1: unknown; f2: Uint8Array };
        expect(asPlain(unknown)).toMatchObject({ f1: { f1: kind.apiVersion, f2: kind.kind } });
        const read = otherType.decode(unknown.f2);
        expect(asPlain(read)).toEqual(text(inOtherForm(type, object)));

        const written = envelope.encode({ f1: unknown.f1, f2: otherType.encode(read).finish() }).finish();
        const back = checked(decodeProtobuf(Buffer.concat([Buffer.from('k8s\0'), written])), kind);
        expect(back).toEqual(object);
      }),
      { numRuns: RUNS },
    );
  });

  it('bring lists and watch events over', () => {
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a' } };
    const items = [encodeListItem(pod), encodeListItem({ ...pod, metadata: { name: 'b' } } as typeof pod)];
    const size = items.reduce((sum, item) => sum + item.length, 0);
    const list = { apiVersion: 'v1', kind: 'PodList', metadata: { resourceVersion: '7', remainingItemCount: 3 } };
    const { head, tail } = encodeListEnvelope(list, size);
    const bytes = Buffer.concat([head, ...items, tail]);
    expect(decodeProtobuf(bytes)).toEqual({
      ...list,
      items: [{ metadata: { name: 'a' } }, { metadata: { name: 'b' } }],
    });
    const unknown = envelope.decode(bytes.subarray(4)) as protobuf.Message & { f2: Uint8Array };
    expect(asPlain(other.lookupType('core_v1_PodList').decode(unknown.f2))).toEqual({
      f1: { f2: '7', f4: 3 },
      f2: [{ f1: { f1: 'a' } }, { f1: { f1: 'b' } }],
    });

    const frame = encodeWatchFrame('ADDED', encodeProtobuf(pod));
    expect(frame.readUInt32BE()).toBe(frame.length - 4);
    const event = other.lookupType('meta_v1_WatchEvent').decode(frame.subarray(4));
    expect(asPlain(event)).toEqual({ f1: 'ADDED', f2: { f1: encodeProtobuf(pod).toString() } });
  });
});
