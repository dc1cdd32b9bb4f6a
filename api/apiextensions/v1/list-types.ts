/** Items of `set` and `map` lists must be unique (apiextensions `apiserver/schema/listtype`). */
import type { FieldError } from '../../machinery/field-error.ts';
import { duplicate, FieldPath } from '../../machinery/field-error.ts';
import { isObject } from '../../patch/json-value.ts';
import { canonical, itemKey, keyValues } from './correlation.ts';
import { fieldOf, itemsOf } from './structural.ts';
import type { JsonSchemaProps } from './types.ts';

/** Every item that stands twice. */
export function validateListTypes(object: unknown, schema: JsonSchemaProps): FieldError[] {
  const errors: FieldError[] = [];
  walk(object, schema, new FieldPath(), errors);
  return errors;
}

function walk(value: unknown, schema: JsonSchemaProps, path: FieldPath, errors: FieldError[]): void {
  if (Array.isArray(value)) {
    errors.push(...duplicatesIn(value, schema, path));
    const items = itemsOf(schema);
    if (items !== undefined) value.forEach((item, i) => walk(item, items, path.index(i), errors));
  } else if (isObject(value)) {
    for (const key of Object.keys(value)) {
      const field = fieldOf(schema, key);
      if (field !== undefined) walk(value[key], field, path.child(key), errors);
    }
  }
}

function duplicatesIn(list: readonly unknown[], schema: JsonSchemaProps, path: FieldPath): FieldError[] {
  const listType = schema['x-kubernetes-list-type'];
  if (listType !== 'set' && listType !== 'map') return [];
  const seen = new Set<string>();
  const errors: FieldError[] = [];
  list.forEach((item, i) => {
    const key = listType === 'set' ? canonical(item) : itemKey(item, schema);
    if (key === undefined) return;
    if (seen.has(key)) errors.push(duplicate(path.index(i), listType === 'set' ? item : keysOf(item, schema)));
    seen.add(key);
  });
  return errors;
}

function keysOf(item: unknown, schema: JsonSchemaProps): unknown {
  return Object.fromEntries(keyValues(item as Record<string, unknown>, schema).sort(([a], [b]) => (a < b ? -1 : 1)));
}
