/**
 * Equality and order of values. Numbers compare across their types; values of unlike types are unequal. Lists that a
 * schema declares as sets or maps compare without order (`k8s.io/apiserver/pkg/cel/common/values.go`).
 */
import {
  Duration,
  type FieldSource,
  ListValue,
  type MapKey,
  type MapSource,
  MapValue,
  ObjectValue,
  OpaqueValue,
  OptionalValue,
  Timestamp,
  TypeValue,
  Uint,
  type Value,
} from './values.ts';

export function equal(a: Value, b: Value): boolean {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) {
    return scalarsEqual(a, b);
  }
  if (a instanceof ListValue) {
    return b instanceof ListValue && listsEqual(a, b);
  }
  if (a instanceof MapValue || a instanceof ObjectValue) {
    return (b instanceof MapValue || b instanceof ObjectValue) && structuresEqual(a, b);
  }
  if (a instanceof Uint8Array) {
    return b instanceof Uint8Array && compareBytes(a, b) === 0;
  }
  return smallEqual(a, b);
}

/** A number for comparing with any other: ints and doubles compare exactly in JavaScript. */
export function numeric(value: Value): bigint | number | undefined {
  if (typeof value === 'bigint' || typeof value === 'number') {
    return value;
  }
  return value instanceof Uint ? value.value : undefined;
}

function scalarsEqual(a: Value, b: Value): boolean {
  if (a === b) {
    return true;
  }
  const left = numeric(a);
  const right = numeric(b);
  // Loose on purpose: 1n == 1.
  return left !== undefined && right !== undefined && left == right;
}

function smallEqual(a: Value, b: Value): boolean {
  if (a instanceof Uint) {
    return scalarsEqual(a, b) || (b instanceof Uint && a.value === b.value);
  }
  if (a instanceof Timestamp) {
    return b instanceof Timestamp && a.nanos === b.nanos;
  }
  if (a instanceof Duration) {
    return b instanceof Duration && a.nanos === b.nanos;
  }
  if (a instanceof TypeValue) {
    return b instanceof TypeValue && a.name === b.name;
  }
  if (a instanceof OptionalValue) {
    return b instanceof OptionalValue && optionalsEqual(a, b);
  }
  return a instanceof OpaqueValue && b instanceof OpaqueValue && a.typeName === b.typeName && a.equals(b);
}

function optionalsEqual(a: OptionalValue, b: OptionalValue): boolean {
  if (a.value === undefined || b.value === undefined) {
    return a.value === b.value;
  }
  return equal(a.value, b.value);
}

function listsEqual(a: ListValue, b: ListValue): boolean {
  if (a.length !== b.length) {
    return false;
  }
  const keys = a.type?.listType === 'map' ? a.type.listMapKeys : undefined;
  if (keys !== undefined) {
    const byKey = new Map(b.toArray().map((item) => [listMapKey(item, keys), item]));
    return a.toArray().every((item) => {
      const other = byKey.get(listMapKey(item, keys));
      return other !== undefined && equal(item, other);
    });
  }
  if (a.type?.listType === 'set') {
    const contained = membershipOf(b);
    return a.toArray().every(contained);
  }
  for (let index = 0; index < a.length; index++) {
    if (!equal(a.at(index), b.at(index))) {
      return false;
    }
  }
  return true;
}

/** Whether a value is in the list; strings are looked up in a set. */
export function membershipOf(list: ListValue): (value: Value) => boolean {
  const items = list.toArray();
  if (items.length > 8 && items.every((item) => typeof item === 'string')) {
    const set = new Set<Value>(items);
    return (value) => set.has(value);
  }
  return (value) => items.some((item) => equal(item, value));
}

/** What identifies an item of a list-map. */
export function listMapKey(item: Value, keys: readonly string[]): string {
  return JSON.stringify(
    keys.map((key) => {
      const value = fieldOf(item, key);
      return value === undefined ? [] : String(value instanceof Uint ? value.value : value);
    }),
  );
}

function fieldOf(item: Value, key: string): Value | undefined {
  if (item instanceof ObjectValue) {
    return item.source.get(key);
  }
  return item instanceof MapValue ? item.source.get(key) : undefined;
}

type Structure = MapValue | ObjectValue;

function structuresEqual(a: Structure, b: Structure): boolean {
  const keysA = [...keysOf(a)];
  const keysB = [...keysOf(b)];
  if (keysA.length !== keysB.length) {
    return false;
  }
  if (a instanceof ObjectValue && b instanceof ObjectValue && a.type.name !== b.type.name) {
    return false;
  }
  return keysA.every((key) => {
    const other = memberOf(b, key);
    const own = memberOf(a, key);
    return own !== undefined && other !== undefined && equal(own, other);
  });
}

function keysOf(value: Structure): Iterable<MapKey> {
  if (value instanceof MapValue) {
    return value.source.keys();
  }
  return [...value.type.fields.keys()].filter((field) => value.source.has(field));
}

function memberOf(value: Structure, key: MapKey): Value | undefined {
  const source: MapSource | FieldSource = value.source;
  return (source as MapSource).get(key as string);
}

/** Negative, zero or positive; undefined: the values have no order among them. NaN is less than nothing. */
export function compare(a: Value, b: Value): number | undefined {
  const left = numeric(a);
  const right = numeric(b);
  if (left !== undefined && right !== undefined) {
    return compareNumbers(left, right);
  }
  if (typeof a === 'string' && typeof b === 'string') {
    return compareStrings(a, b);
  }
  if (typeof a === 'boolean' && typeof b === 'boolean') {
    return Number(a) - Number(b);
  }
  return a instanceof Uint8Array && b instanceof Uint8Array ? compareBytes(a, b) : compareTimes(a, b);
}

/** An int and a double compare as doubles, as in cel-go. */
function compareNumbers(left: bigint | number, right: bigint | number): number {
  const alike = typeof left === typeof right;
  const a = alike ? left : Number(left);
  const b = alike ? right : Number(right);
  return a < b ? -1 : a > b ? 1 : a === b ? 0 : Number.NaN;
}

function compareTimes(a: Value, b: Value): number | undefined {
  const bothTimestamps = a instanceof Timestamp && b instanceof Timestamp;
  if (!bothTimestamps && !(a instanceof Duration && b instanceof Duration)) {
    return undefined;
  }
  const difference = a.nanos - (b as Timestamp | Duration).nanos;
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

/** By code points, which UTF-16 order is not beyond the first plane. */
function compareStrings(a: string, b: string): number {
  if (a === b) {
    return 0;
  }
  const shorter = Math.min(a.length, b.length);
  let index = 0;
  while (index < shorter && a.charCodeAt(index) === b.charCodeAt(index)) {
    index++;
  }
  const left = a.charCodeAt(index);
  const right = b.charCodeAt(index);
  if (index === shorter) {
    return a.length - b.length;
  }
  const surrogates = (left >= 0xd800 ? 1 : 0) + (right >= 0xd800 ? 1 : 0);
  return surrogates === 0 ? left - right : rank(left) - rank(right);
}

/** Surrogates stand for points above the whole first plane. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shorter = Math.min(a.length, b.length);
  for (let index = 0; index < shorter; index++) {
    const difference = (a[index] as number) - (b[index] as number);
    if (difference !== 0) {
      return difference;
    }
  }
  return a.length - b.length;
}
