/** From values to plain JSON and back to computed objects: what policies do with results and with their variables. */
import { keysOf } from './access.ts';
import { CelError } from './cel.ts';
import { formatDuration, formatTimestamp } from './time.ts';
import type { ObjectType } from './types.ts';
import {
  Duration,
  ListValue,
  MapValue,
  ObjectValue,
  OptionalValue,
  Timestamp,
  TypeValue,
  Uint,
  type Value,
} from './values.ts';

/**
 * The value as JSON: times and durations as text, bytes as base64, fields under their properties' names. An optional
 * is its value, and null without one. Throws CelError for values of libraries, and for ints that JSON cannot hold.
 */
export function plainOf(value: Value): unknown {
  if (value === null || typeof value === 'string' || typeof value === 'boolean' || typeof value === 'number') {
    return value;
  }
  if (typeof value === 'bigint' || value instanceof Uint) {
    return plainInteger(value instanceof Uint ? value.value : value);
  }
  if (value instanceof ListValue) {
    return value.toArray().map(plainOf);
  }
  if (value instanceof MapValue || value instanceof ObjectValue) {
    return plainStructure(value);
  }
  if (value instanceof OptionalValue) {
    return value.value === undefined ? null : plainOf(value.value);
  }
  return plainScalar(value);
}

function plainScalar(value: Value): unknown {
  if (value instanceof Uint8Array) {
    return Buffer.from(value).toString('base64');
  }
  if (value instanceof Timestamp) {
    return formatTimestamp(value);
  }
  if (value instanceof Duration) {
    return formatDuration(value);
  }
  if (value instanceof TypeValue) {
    return value.name;
  }
  throw new CelError('value cannot be written as JSON');
}

function plainInteger(value: bigint): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) {
    throw new CelError(`integer ${value} cannot be written as JSON`);
  }
  return number;
}

function plainStructure(value: MapValue | ObjectValue): Record<string, unknown> {
  const entries: [string, unknown][] = [];
  for (const key of keysOf(value)) {
    const member = value instanceof MapValue ? value.source.get(key) : value.source.get(key as string);
    const property = value instanceof ObjectValue ? value.type.fields.get(key as string)?.property : undefined;
    const name = property ?? (key instanceof Uint ? String(key.value) : String(key));
    // What does not exist is left out, as an optional entry is.
    if (member !== undefined && !(member instanceof OptionalValue && member.value === undefined)) {
      entries.push([name, plainOf(member)]);
    }
  }
  return Object.fromEntries(entries);
}

/** An object whose fields are computed when they are first read, once: a policy's `variables`. */
export function lazyObject(type: ObjectType, fields: Readonly<Record<string, () => Value>>): ObjectValue {
  const computed = new Map<string, Value>();
  return new ObjectValue(type, {
    size: Object.keys(fields).length,
    has: (field) => Object.hasOwn(fields, field),
    get(field) {
      const before = computed.get(field);
      if (before !== undefined || !Object.hasOwn(fields, field)) {
        return before;
      }
      const value = (fields[field] as () => Value)();
      computed.set(field, value);
      return value;
    },
  });
}
