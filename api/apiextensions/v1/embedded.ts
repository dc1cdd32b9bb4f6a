/** What objects inside custom objects must have (apiextensions `apiserver/schema/objectmeta/validation.go`). */
import type { FieldError } from '../../machinery/field-error.ts';
import { FieldPath, invalid, required } from '../../machinery/field-error.ts';
import type { ObjectMeta } from '../../machinery/meta.ts';
import { validateObjectMeta } from '../../machinery/object-meta.ts';
import { validatePathSegmentName } from '../../machinery/validation.ts';
import { isObject } from '../../patch/json-value.ts';
import { fieldOf, isEmbeddedResource, itemsOf } from './structural.ts';
import type { JsonSchemaProps } from './types.ts';

export function validateEmbedded(object: unknown, schema: JsonSchemaProps): FieldError[] {
  const errors: FieldError[] = [];
  walk(object, schema, { path: new FieldPath(), errors });
  return errors;
}

function walk(value: unknown, schema: JsonSchemaProps, found: { path: FieldPath; errors: FieldError[] }): void {
  const { path, errors } = found;
  const items = itemsOf(schema);
  if (Array.isArray(value) && items !== undefined)
    value.forEach((item, i) => walk(item, items, { path: path.index(i), errors }));
  if (!isObject(value)) return;
  if (isEmbeddedResource(schema)) errors.push(...validateWhole(value, path));
  for (const key of Object.keys(value)) {
    const field = fieldOf(schema, key);
    if (field !== undefined) walk(value[key], field, { path: path.child(key), errors });
  }
}

function validateWhole(object: Record<string, unknown>, path: FieldPath): FieldError[] {
  const errors: FieldError[] = [];
  for (const name of ['apiVersion', 'kind']) {
    const value = object[name];
    if (value === undefined || value === '') errors.push(required(path.child(name), 'must not be empty'));
    else if (typeof value !== 'string') errors.push(invalid(path.child(name), value, 'must be a string'));
  }
  if (!isObject(object['metadata'])) return errors;
  const metadata = object['metadata'] as ObjectMeta;
  if ((metadata.name ?? '') === '' && (metadata.generateName ?? '') === '') return errors;
  const rules = { requiresNamespace: (metadata.namespace ?? '') !== '', validateName: validatePathSegmentName };
  return [...errors, ...validateObjectMeta(metadata, { ...rules, path: path.child('metadata') })];
}
