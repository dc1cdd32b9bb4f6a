/**
 * Fills in a custom object's defaults (apiextensions `apiserver/schema/defaulting`): where a field is missing, or is
 * null and may not be. Nulls that may not be and have no default go first.
 */
import { isObject, setOwn } from '../../patch/json-value.ts';
import { fieldOf, itemsOf, propertyOf } from './structural.ts';
import type { JsonSchemaProps } from './types.ts';

/** As JSON, of one object's defaults together: a large default of the items of a long list would fill any memory. */
export const MAX_DEFAULTS_BYTES = 8 * 1024 * 1024;

/**
 * Changes `object` in place; whether it did. Applied twice, the second time changes nothing. Calls `onExcess`, which
 * may throw, when the defaults come to more than their limit; what is over it is left out.
 */
export function defaultCustomObject(
  object: Record<string, unknown>,
  schema: JsonSchemaProps,
  onExcess: () => void = () => undefined,
): boolean {
  const dropped = dropNulls(object, schema);
  const budget: Budget = { left: MAX_DEFAULTS_BYTES };
  const changed = fill(object, schema, budget);
  if (budget.left < 0) onExcess();
  return changed || dropped;
}

interface Budget {
  left: number;
}

const sizes = new WeakMap<JsonSchemaProps, number>();

/** A copy of the default of `schema`; undefined when there is no room for it. */
function takeDefault(schema: JsonSchemaProps, budget: Budget): unknown {
  const size = sizes.get(schema) ?? JSON.stringify(schema.default).length;
  sizes.set(schema, size);
  budget.left -= size;
  return budget.left < 0 ? undefined : structuredClone(schema.default);
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

function fill(value: unknown, schema: JsonSchemaProps, budget: Budget): boolean {
  if (budget.left < 0) return false;
  if (Array.isArray(value)) return fillItems(value, schema, budget);
  if (!isObject(value)) return false;
  const added = addMissing(value, schema, budget);
  return fillFields(value, schema, budget) || added;
}

function addMissing(object: Record<string, unknown>, schema: JsonSchemaProps, budget: Budget): boolean {
  let changed = false;
  for (const [key, property] of Object.entries(schema.properties ?? {})) {
    if (property.default === undefined) continue;
    if (Object.hasOwn(object, key) && !isForbiddenNull(object[key], property)) continue;
    const given = takeDefault(property, budget);
    if (given === undefined) return changed;
    setOwn(object, key, given);
    changed = true;
  }
  return changed;
}

function fillFields(object: Record<string, unknown>, schema: JsonSchemaProps, budget: Budget): boolean {
  let changed = false;
  for (const key of Object.keys(object)) {
    const field = fieldOf(schema, key);
    if (field === undefined) continue;
    if (isForbiddenNull(object[key], field) && field.default !== undefined) {
      const given = takeDefault(field, budget);
      if (given === undefined) return changed;
      setOwn(object, key, given);
      changed = true;
    }
    changed = fill(object[key], field, budget) || changed;
  }
  return changed;
}

function fillItems(list: unknown[], schema: JsonSchemaProps, budget: Budget): boolean {
  const items = itemsOf(schema);
  if (items === undefined) return false;
  let changed = false;
  for (let i = 0; i < list.length; i++) {
    if (isForbiddenNull(list[i], items) && items.default !== undefined) {
      const given = takeDefault(items, budget);
      if (given === undefined) return changed;
      list[i] = given;
      changed = true;
    }
    changed = fill(list[i], items, budget) || changed;
  }
  return changed;
}
