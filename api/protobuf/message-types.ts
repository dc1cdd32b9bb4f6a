/** The protobuf messages by name, compiled from the table of facts when they are first asked for. */
import { MESSAGE_TABLES } from './messages.ts';
import { SCALAR_FORMS } from './scalar-forms.ts';
import type { ScalarForm } from './scalar-forms.ts';

export interface Field {
  number: number;
  /** In JSON. */
  name: string;
  shape: 'one' | 'list' | 'map' | 'embedded';
  /** `raw` is `bytes` that no base64 stands for. */
  type: 'string' | 'bytes' | 'raw' | 'bool' | 'int32' | 'int64' | 'double' | 'message';
  /** Of a message. */
  message: () => MessageType;
}

export interface MessageType {
  name: string;
  /** By number. */
  fields: ReadonlyMap<number, Field>;
  /** By the names of JSON, those inside of embedded structs among them. */
  byName: ReadonlyMap<string, Field>;
  /** Of a message that is no object in JSON. */
  scalar: ScalarForm | undefined;
}

let lines: Map<string, string> | undefined;
const compiled = new Map<string, MessageType>();

function messageLines(): Map<string, string> {
  if (lines !== undefined) return lines;
  lines = new Map();
  let prefix = '';
  for (const line of MESSAGE_TABLES.flatMap((text) => text.split('\n'))) {
    const space = line.indexOf(' ');
    if (line.startsWith('# ')) prefix = `${line.slice(2)}.`;
    else if (line !== '') lines.set(prefix + (space < 0 ? line : line.slice(0, space)), line);
  }
  return lines;
}

/** `core.v1.Pod`; undefined for a name that is not in the table. */
export function messageType(name: string): MessageType | undefined {
  const known = compiled.get(name);
  if (known !== undefined) return known;
  const line = messageLines().get(name);
  if (line === undefined) return undefined;
  const ownPackage = name.slice(0, name.lastIndexOf('.'));
  const scalar = SCALAR_FORMS[name] ?? SCALAR_FORMS[name.slice(name.lastIndexOf('.') + 1)];
  const parts = line.split(' ').slice(1);
  const fields = parts.map((part) => compileField(part, ownPackage, scalar !== undefined));
  const type: MessageType = {
    name,
    fields: new Map(fields.map((field) => [field.number, field])),
    byName: new Map(fields.flatMap((field) => namesOf(field).map((inner) => [inner, field]))),
    scalar,
  };
  compiled.set(name, type);
  return type;
}

function namesOf(field: Field): string[] {
  return field.shape === 'embedded' ? [...field.message().byName.keys()] : [field.name];
}

/** The names in the table, for tests. */
export function messageNames(): string[] {
  return [...messageLines().keys()];
}

const SHAPES: Readonly<Record<string, Field['shape']>> = { '[]': 'list', '{}': 'map', '<': 'embedded' };

function compileField(part: string, ownPackage: string, ofScalar: boolean): Field {
  const [, name = '', number, mark = '', text = ''] = /^([^=]+)=(\d+):(\[\]|\{\}|<)?(.+)$/.exec(part)!;
  const isMessage = text.includes('.');
  const messageName = text.startsWith('.') ? ownPackage + text : text;
  let message: MessageType | undefined;
  return {
    number: Number(number),
    name,
    shape: SHAPES[mark] ?? 'one',
    type: isMessage ? 'message' : ofScalar && text === 'bytes' ? 'raw' : (text as Field['type']),
    message: () => (message ??= messageType(messageName)!),
  };
}

/** The package of a group's messages. Groups of custom resources have none. */
const PACKAGES: Readonly<Record<string, string>> = {
  '': 'core',
  'admissionregistration.k8s.io': 'admissionregistration',
  'apiextensions.k8s.io': 'apiextensions',
  'apiregistration.k8s.io': 'apiregistration',
  apps: 'apps',
  'authentication.k8s.io': 'authentication',
  'authorization.k8s.io': 'authorization',
  autoscaling: 'autoscaling',
  batch: 'batch',
  'certificates.k8s.io': 'certificates',
  'coordination.k8s.io': 'coordination',
  'discovery.k8s.io': 'discovery',
  'events.k8s.io': 'events',
  extensions: 'extensions',
  'flowcontrol.apiserver.k8s.io': 'flowcontrol',
  'meta.k8s.io': 'meta',
  'networking.k8s.io': 'networking',
  'node.k8s.io': 'node',
  policy: 'policy',
  'rbac.authorization.k8s.io': 'rbac',
  'resource.k8s.io': 'resource',
  'scheduling.k8s.io': 'scheduling',
  'storage.k8s.io': 'storage',
};

/** An older version whose messages have the numbers of the one that it became. */
const NUMBERED_ALIKE: Readonly<Record<string, string>> = { 'autoscaling/v2beta2': 'v2' };

/** Kinds of `meta.v1` that every group version has (apimachinery `meta/v1.AddToGroupVersion`). */
const KINDS_OF_ALL = /^(Create|Delete|Patch|Update|Apply)Options$/;
/** And those that only `v1` has; discovery leaves even that out. */
const UNVERSIONED = /^(Status|API(Versions|GroupList|Group|ResourceList))$/;

/** Undefined for kinds without a protobuf form. */
export function messageOfKind(apiVersion: string, kind: string): MessageType | undefined {
  if (KINDS_OF_ALL.test(kind) || ((apiVersion === 'v1' || apiVersion === '') && UNVERSIONED.test(kind)))
    return messageType(`meta.v1.${kind}`);
  const slash = apiVersion.indexOf('/');
  const group = slash < 0 ? '' : apiVersion.slice(0, slash);
  if (!Object.hasOwn(PACKAGES, group)) return undefined;
  const version = NUMBERED_ALIKE[apiVersion] ?? apiVersion.slice(slash + 1);
  return messageType(`${PACKAGES[group]}.${version}.${kind}`);
}
