/**
 * Which part of an object before an update a part after it is: fields by name, items of a `map` list by their keys,
 * those of a `set` by their value; the items of other lists have no identity.
 */
import { isObject } from '../../patch/json-value.ts';
import { itemsOf } from './structural.ts';
import type { JsonSchemaProps } from './types.ts';

/** Gives the earlier form of an item; undefined where there is none. */
export function correlatedItem(schema: JsonSchemaProps, previous: unknown): (item: unknown) => unknown {
  if (!Array.isArray(previous)) return () => undefined;
  const listType = schema['x-kubernetes-list-type'];
  if (listType === 'set') {
    const byValue = new Map(previous.map((item): [string, unknown] => [canonical(item), item]));
    return (item) => byValue.get(canonical(item));
  }
  if (listType !== 'map') return () => undefined;
  const byKey = new Map(previous.map((item): [string | undefined, unknown] => [itemKey(item, schema), item]));
  return (item) => {
    const key = itemKey(item, schema);
    return key === undefined ? undefined : byKey.get(key);
  };
}

/** What tells an item of a `map` list from the others; undefined for what is no object. */
export function itemKey(item: unknown, schema: JsonSchemaProps): string | undefined {
  if (!isObject(item)) return undefined;
  return JSON.stringify(keyValues(item, schema).map(([, value]) => value ?? null));
}

/** The key fields with their values, defaults filled in. */
export function keyValues(item: Readonly<Record<string, unknown>>, schema: JsonSchemaProps): [string, unknown][] {
  const properties = itemsOf(schema)?.properties ?? {};
  return (schema['x-kubernetes-list-map-keys'] ?? []).map((name) => [
    name,
    Object.hasOwn(item, name) ? item[name] : properties[name]?.default,
  ]);
}

/** The same text for values that differ only in the order of their fields. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    isObject(part) ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1))) : part,
  );
}
