/**
 * Fills in a custom object's defaults (apiextensions `apiserver/schema/defaulting`): where a field is missing, or is
 * null and may not be. Nulls that may not be and have no default go first.
 */
import { isObject, setOwn } from '../../patch/json-value.ts';
import { fieldOf, itemsOf, propertyOf } from './structural.ts';
import type { JsonSchemaProps } from './types.ts';

/** Changes `object` in place; whether it did. Applied twice, the second time changes nothing. */
export function defaultCustomObject(object: Record<string, unknown>, schema: JsonSchemaProps): boolean {
  const dropped = dropNulls(object, schema);
  return fill(object, schema) || dropped;
}

function isForbiddenNull(value: unknown, schema: JsonSchemaProps): boolean {
  return value === null && schema.nullable !== true;
}

function dropNulls(value: unknown, schema: JsonSchemaProps): boolean {
  let changed = false;
  if (Array.isArray(value)) {
    const items = itemsOf(schema);
    if (items !== undefined) for (const item of value) changed = dropNulls(item, items) || changed;
  } else if (isObject(value)) {
    for (const key of Object.keys(value)) {
      const field = fieldOf(schema, key);
      if (field === undefined) continue;
      if (isForbiddenNull(value[key], field) && field.default === undefined && propertyOf(schema, key) !== undefined) {
        delete value[key];
        changed = true;
      } else changed = dropNulls(value[key], field) || changed;
    }
  }
  return changed;
}

function fill(value: unknown, schema: JsonSchemaProps): boolean {
  if (Array.isArray(value)) return fillItems(value, schema);
  if (!isObject(value)) return false;
  let changed = false;
  for (const [key, property] of Object.entries(schema.properties ?? {})) {
    if (property.default === undefined) continue;
    if (Object.hasOwn(value, key) && !isForbiddenNull(value[key], property)) continue;
    setOwn(value, key, structuredClone(property.default));
    changed = true;
  }
  for (const key of Object.keys(value)) {
    const field = fieldOf(schema, key);
    if (field === undefined) continue;
    if (isForbiddenNull(value[key], field) && field.default !== undefined) {
      setOwn(value, key, structuredClone(field.default));
      changed = true;
    }
    changed = fill(value[key], field) || changed;
  }
  return changed;
}

function fillItems(list: unknown[], schema: JsonSchemaProps): boolean {
  const items = itemsOf(schema);
  if (items === undefined) return false;
  let changed = false;
  for (let i = 0; i < list.length; i++) {
    if (isForbiddenNull(list[i], items) && items.default !== undefined) {
      list[i] = structuredClone(items.default);
      changed = true;
    }
    changed = fill(list[i], items) || changed;
  }
  return changed;
}
