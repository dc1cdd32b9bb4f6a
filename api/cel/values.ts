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

/** A list: of values, or of plain items that are adapted when they are read. */
export class ListValue {
  readonly #items: readonly unknown[];
  readonly #adapt: ((item: unknown) => Value) | undefined;
  /** The declared type, for lists from a schema: sets and list-maps compare without order. */
  readonly type: Extract<CelType, { kind: 'list' }> | undefined;

  constructor(items: readonly unknown[], adapt?: (item: unknown) => Value, type?: Extract<CelType, { kind: 'list' }>) {
    this.#items = items;
    this.#adapt = adapt;
    this.type = type;
  }

  get length(): number {
    return this.#items.length;
  }

  at(index: number): Value {
    const item = this.#items[index];
    return this.#adapt === undefined ? (item as Value) : this.#adapt(item);
  }

  /** All values. */
  toArray(): readonly Value[] {
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
export interface OpaqueValue {
  readonly typeName: string;
  equals(other: OpaqueValue): boolean;
}
