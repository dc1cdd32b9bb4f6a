/**
 * Makes values of plain JSON, lazily: what a property holds becomes a value when it is read, by the type that its
 * schema declares (`k8s.io/apiserver/pkg/cel/common/values.go`), or by what it is where the type is `dyn`.
 */
import { CelError } from './cel.ts';
import type { Adapt } from './frame.ts';
import { parseDuration, parseTimestamp } from './time.ts';
import { type CelType, DYN, isOptional, type ObjectType, type OpaqueType } from './types.ts';
import {
  type FieldSource,
  isEngineValue,
  ListValue,
  type MapKey,
  type MapSource,
  MapValue,
  ObjectValue,
  OptionalValue,
  Uint,
  type Value,
} from './values.ts';

/** Larger whole numbers are doubles. */
const INT_LIMIT = 2 ** 63;

const adapters = new WeakMap<CelType, Adapt>();

/** The same function for the same type. */
export function adapterOf(type: CelType): Adapt {
  const before = adapters.get(type);
  if (before !== undefined) {
    return before;
  }
  const adapter = isOptional(type) ? optionalAdapter(type) : nullable(makeAdapter(type));
  adapters.set(type, adapter);
  return adapter;
}

function nullable(adapt: Adapt): Adapt {
  return (raw) => (raw === null || raw === undefined ? null : adapt(raw));
}

/** Null is the value that is not there. */
function optionalAdapter(type: OpaqueType): Adapt {
  const inner = adapterOf(type.parameters[0] ?? DYN);
  return (raw) => {
    if (raw instanceof OptionalValue) {
      return raw;
    }
    return raw === null || raw === undefined ? OptionalValue.none : new OptionalValue(inner(raw));
  };
}

function makeAdapter(type: CelType): Adapt {
  switch (type.kind) {
    case 'bool':
    case 'string':
      return (raw) =>
        typeof raw === type.kind || (type.kind === 'bool' && typeof raw === 'boolean')
          ? (raw as Value)
          : mismatch(raw, type);
    case 'int':
      return adaptInt;
    case 'uint':
      return (raw) => (raw instanceof Uint ? raw : new Uint(adaptInt(raw)));
    case 'double':
      return (raw) => (typeof raw === 'number' ? raw : mismatch(raw, type));
    case 'bytes':
      return (raw) => (typeof raw === 'string' ? new Uint8Array(Buffer.from(raw, 'base64')) : passThrough(raw, type));
    case 'timestamp':
      return (raw) => (typeof raw === 'string' ? readTimestamp(raw) : passThrough(raw, type));
    case 'duration':
      return (raw) => (typeof raw === 'string' ? readDuration(raw) : passThrough(raw, type));
    case 'list':
      return listAdapter(type);
    case 'map':
      return mapAdapter(type);
    case 'object':
      return objectAdapter(type);
    default:
      return adaptDynamic;
  }
}

function mismatch(raw: unknown, type: CelType): never {
  throw new CelError(`invalid data, expected ${type.kind} but got ${Array.isArray(raw) ? 'list' : typeof raw}`);
}

function passThrough(raw: unknown, type: CelType): Value {
  return isEngineValue(raw) ? raw : mismatch(raw, type);
}

function adaptInt(raw: unknown): bigint {
  if (typeof raw === 'bigint') {
    return raw;
  }
  if (typeof raw === 'number' && Number.isInteger(raw) && Math.abs(raw) < INT_LIMIT) {
    return BigInt(raw);
  }
  throw new CelError(`invalid data, expected int but got ${typeof raw}`);
}

function readTimestamp(text: string): Value {
  const value = parseTimestamp(text) ?? parseTimestamp(`${text}T00:00:00Z`);
  if (value === undefined) {
    throw new CelError(`failed to parse time ${JSON.stringify(text)}`);
  }
  return value;
}

const LONG_UNITS = /^(\d+)\s*(d|days?|w|weeks?)$/;

/** Go's durations, and the days and weeks that OpenAPI's format has besides. */
function readDuration(text: string): Value {
  const long = LONG_UNITS.exec(text);
  const hours = long === null ? 0 : Number(long[1]) * (long[2]?.startsWith('w') ? 168 : 24);
  const value = parseDuration(long === null ? text : `${hours}h`);
  if (value === undefined) {
    throw new CelError(`failed to parse duration ${JSON.stringify(text)}`);
  }
  return value;
}

function listAdapter(type: Extract<CelType, { kind: 'list' }>): Adapt {
  const item = adapterOf(type.element);
  return (raw) => (Array.isArray(raw) ? new ListValue(raw, item, type) : passThrough(raw, type));
}

function mapAdapter(type: Extract<CelType, { kind: 'map' }>): Adapt {
  // Not yet: the type may contain itself.
  let item: Adapt | undefined;
  return (raw) => {
    if (isEngineValue(raw)) {
      return raw;
    }
    item ??= adapterOf(type.value);
    return isPlainObject(raw) ? new MapValue(new PlainMap(raw, item)) : mismatch(raw, type);
  };
}

function objectAdapter(type: ObjectType): Adapt {
  const fields = new Map<string, { property: string; adapt: Adapt }>();
  let ready = false;
  return (raw) => {
    if (isEngineValue(raw)) {
      return raw;
    }
    if (!isPlainObject(raw)) {
      return mismatch(raw, type);
    }
    if (!ready) {
      for (const [name, field] of type.fields) {
        fields.set(name, { property: field.property ?? name, adapt: adapterOf(field.type) });
      }
      ready = true;
    }
    return new ObjectValue(type, new PlainFields(raw, fields));
  };
}

/** A plain value by what it is: whole numbers are ints. */
export function adaptDynamic(raw: unknown): Value {
  switch (typeof raw) {
    case 'string':
    case 'boolean':
    case 'bigint':
      return raw;
    case 'number':
      return Number.isInteger(raw) && Math.abs(raw) < INT_LIMIT ? BigInt(raw) : raw;
    case 'undefined':
      return null;
    default:
      return adaptDynamicObject(raw);
  }
}

function adaptDynamicObject(raw: unknown): Value {
  if (raw === null || isEngineValue(raw)) {
    return raw;
  }
  if (Array.isArray(raw)) {
    return new ListValue(raw, adaptDynamic);
  }
  if (isPlainObject(raw)) {
    return new MapValue(new PlainMap(raw, adaptDynamic));
  }
  throw new CelError(`unsupported value of type ${typeof raw}`);
}

type PlainObject = Readonly<Record<string, unknown>>;

function isPlainObject(raw: unknown): raw is PlainObject {
  return typeof raw === 'object' && raw !== null && !Array.isArray(raw);
}

class PlainMap implements MapSource {
  readonly #raw: PlainObject;
  readonly #adapt: Adapt;

  constructor(raw: PlainObject, adapt: Adapt) {
    this.#raw = raw;
    this.#adapt = adapt;
  }

  get size(): number {
    return Object.keys(this.#raw).length;
  }

  get(key: MapKey): Value | undefined {
    return this.has(key) ? this.#adapt(this.#raw[key as string]) : undefined;
  }

  has(key: MapKey): boolean {
    return typeof key === 'string' && Object.hasOwn(this.#raw, key);
  }

  keys(): Iterable<MapKey> {
    return Object.keys(this.#raw);
  }
}

class PlainFields implements FieldSource {
  readonly #raw: PlainObject;
  readonly #fields: ReadonlyMap<string, { property: string; adapt: Adapt }>;

  constructor(raw: PlainObject, fields: ReadonlyMap<string, { property: string; adapt: Adapt }>) {
    this.#raw = raw;
    this.#fields = fields;
  }

  get size(): number {
    return Object.keys(this.#raw).length;
  }

  get(name: string): Value | undefined {
    const field = this.#fields.get(name);
    if (field === undefined || !Object.hasOwn(this.#raw, field.property)) {
      return undefined;
    }
    const raw = this.#raw[field.property];
    return raw === undefined ? undefined : field.adapt(raw);
  }

  has(name: string): boolean {
    const field = this.#fields.get(name);
    return field !== undefined && Object.hasOwn(this.#raw, field.property) && this.#raw[field.property] !== undefined;
  }
}
