/**
 * Values at run time. `int` is a bigint, `double` a number, `bytes` a Uint8Array; strings, booleans and null are
 * themselves; the rest are the classes below.
 */
import type { CelType, ObjectType } from './types.ts';

export type Value =
  | null
  | boolean
  | bigint
  | number
  | string
  | Uint8Array
  | Uint
  | Timestamp
  | Duration
  | TypeValue
  | OptionalValue
  | ListValue
  | MapValue
  | ObjectValue
  | OpaqueValue;

export class Uint {
  readonly value: bigint;

  constructor(value: bigint) {
    this.value = value;
  }
}

export class Timestamp {
  /** Nanoseconds since 1970. */
  readonly nanos: bigint;

  constructor(nanos: bigint) {
    this.nanos = nanos;
  }
}

export class Duration {
  readonly nanos: bigint;

  constructor(nanos: bigint) {
    this.nanos = nanos;
  }
}

export class TypeValue {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

export class OptionalValue {
  static readonly none = new OptionalValue(undefined);
  readonly value: Value | undefined;

  constructor(value: Value | undefined) {
    this.value = value;
  }
}

type SchemaList = Extract<CelType, { kind: 'list' }>;

/** A list: of values, or of plain items that are adapted when they are read, or two lists one after the other. */
export class ListValue {
  #items: readonly unknown[];
  readonly #adapt: ((item: unknown) => Value) | undefined;
  #halves: readonly [ListValue, ListValue] | undefined;
  /** The declared type, for lists from a schema: sets and list-maps compare without order. */
  readonly type: SchemaList | undefined;

  constructor(items: readonly unknown[], adapt?: (item: unknown) => Value, type?: SchemaList) {
    this.#items = items;
    this.#adapt = adapt;
    this.type = type;
  }

  /** Takes the same short time whatever the lists' lengths: that is what it costs. */
  static concat(first: ListValue, second: ListValue): ListValue {
    const joined = new ListValue([]);
    joined.#halves = [first, second];
    return joined;
  }

  get length(): number {
    return this.#halves === undefined ? this.#items.length : this.#halves[0].length + this.#halves[1].length;
  }

  at(index: number): Value {
    if (this.#halves !== undefined) {
      const [first, second] = this.#halves;
      return index < first.length ? first.at(index) : second.at(index - first.length);
    }
    const item = this.#items[index];
    return this.#adapt === undefined ? (item as Value) : this.#adapt(item);
  }

  /** Adds a value; only for who has just made the list and let nobody else see it. */
  append(value: Value): void {
    (this.#items as Value[]).push(value);
  }

  /** All values. */
  toArray(): readonly Value[] {
    if (this.#halves !== undefined) {
      this.#items = [...this.#halves[0].toArray(), ...this.#halves[1].toArray()];
      this.#halves = undefined;
    }
    return this.#adapt === undefined ? (this.#items as readonly Value[]) : this.#items.map(this.#adapt);
  }
}

export type MapKey = string | bigint | boolean | Uint;

/** Keys to values; a numeric key is found by an equal number of any type. */
export interface MapSource {
  readonly size: number;
  get(key: MapKey): Value | undefined;
  has(key: MapKey): boolean;
  keys(): Iterable<MapKey>;
}

/** A map: of values, or a plain object whose properties are adapted when they are read. */
export class MapValue {
  readonly source: MapSource;

  constructor(source: MapSource) {
    this.source = source;
  }
}

/** What the fields of an object are read from. */
export interface FieldSource {
  /** Undefined: the field is not set. */
  get(field: string): Value | undefined;
  has(field: string): boolean;
  /** How many properties are set; absent where that is not known. */
  readonly size?: number;
}

/** An object of a declared type: from a schema, constructed by an expression, or computed (`lazyObject`). */
export class ObjectValue {
  readonly type: ObjectType;
  readonly source: FieldSource;

  constructor(type: ObjectType, source: FieldSource) {
    this.type = type;
    this.source = source;
  }
}

/** A value of a library's own type: a URL, a quantity, an authorizer's check. */
export abstract class OpaqueValue {
  abstract readonly typeName: string;
  abstract equals(other: OpaqueValue): boolean;
}

/** A map of values in the order they were set. */
export class LiteralMap implements MapSource {
  readonly #entries = new Map<string | bigint | boolean, { key: MapKey; value: Value }>();

  get size(): number {
    return this.#entries.size;
  }

  get(key: MapKey): Value | undefined {
    return this.#entries.get(normalize(key))?.value;
  }

  has(key: MapKey): boolean {
    return this.#entries.has(normalize(key));
  }

  *keys(): Iterable<MapKey> {
    for (const entry of this.#entries.values()) {
      yield entry.key;
    }
  }

  set(key: MapKey, value: Value): void {
    this.#entries.set(normalize(key), { key, value });
  }
}

function normalize(key: MapKey): string | bigint | boolean {
  return key instanceof Uint ? key.value : key;
}

/** A map of strings to values. */
export function mapOfEntries(entries: Iterable<readonly [MapKey, Value]>): MapValue {
  const map = new LiteralMap();
  for (const [key, value] of entries) {
    map.set(key, value);
  }
  return new MapValue(map);
}

/** The value as a key of a map: whole doubles find equal ints. Undefined: it cannot be one. */
export function keyOf(value: Value): MapKey | undefined {
  if (typeof value === 'number') {
    return Number.isInteger(value) ? BigInt(value) : undefined;
  }
  const isKey = typeof value === 'string' || typeof value === 'bigint' || typeof value === 'boolean';
  return isKey || value instanceof Uint ? value : undefined;
}

/** The name of the value's type, as `type(value)` has it. */
export function typeNameOf(value: Value): string {
  switch (typeof value) {
    case 'string':
      return 'string';
    case 'bigint':
      return 'int';
    case 'number':
      return 'double';
    case 'boolean':
      return 'bool';
    default:
      return value === null ? 'null_type' : objectTypeName(value);
  }
}

type Instance = Exclude<Value, null | boolean | bigint | number | string>;

const NAMES: readonly (readonly [new (...args: never[]) => unknown, string])[] = [
  [ListValue, 'list'],
  [MapValue, 'map'],
  [Uint8Array, 'bytes'],
  [Uint, 'uint'],
  [Timestamp, 'google.protobuf.Timestamp'],
  [Duration, 'google.protobuf.Duration'],
  [OptionalValue, 'optional_type'],
  [TypeValue, 'type'],
];

function objectTypeName(value: Instance): string {
  if (value instanceof ObjectValue) {
    return value.type.name;
  }
  if (value instanceof OpaqueValue) {
    return value.typeName;
  }
  return NAMES.find(([type]) => value instanceof type)?.[1] ?? 'dyn';
}

/** Whether it is a value of the engine already, and not plain JSON to adapt. */
export function isEngineValue(value: unknown): value is Value {
  return (
    typeof value === 'bigint' ||
    value instanceof ObjectValue ||
    value instanceof OpaqueValue ||
    NAMES.some(([type]) => value instanceof type)
  );
}

/** Code points of a string: what `size` says. */
export function codePointCount(text: string): number {
  let count = text.length;
  for (let index = 0; index < text.length; index++) {
    if ((text.charCodeAt(index) & 0xfc00) === 0xd800 && (text.charCodeAt(index + 1) & 0xfc00) === 0xdc00) {
      count--;
      index++;
    }
  }
  return count;
}

/** What the cost tables go by: the size of what has one, 1 for the rest. */
export function sizeOf(value: Value): number {
  if (typeof value === 'string') {
    return codePointCount(value);
  }
  if (value instanceof ListValue || value instanceof Uint8Array) {
    return value.length;
  }
  if (value instanceof MapValue) {
    return value.source.size;
  }
  return value instanceof ObjectValue ? (value.source.size ?? 1) : 1;
}
