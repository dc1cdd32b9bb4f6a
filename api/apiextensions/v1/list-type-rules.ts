/**
 * What a schema may say of the identity of list items and of maps (upstream: apiextensions-apiserver
 * `pkg/apis/apiextensions/validation/validation.go`).
 */
import { forbidden, invalid, notSupported, required } from '../../machinery/field-error.ts';
import type { FieldError, FieldPath } from '../../machinery/field-error.ts';
import { isGiven, itemSchema, propertySchema } from './schema-walk.ts';
import type { JsonSchemaProps } from './types.ts';

/** Rules that came later than definitions which break them: those may stay as they are. */
export interface ListTypeStrictness {
  requiresAtomicSetItems: boolean;
  requiresMapKeys: boolean;
}

/** `x-kubernetes-map-type`, `x-kubernetes-list-type` and `x-kubernetes-list-map-keys` of one schema. */
export function validateListAndMapTypes(
  schema: JsonSchemaProps,
  path: FieldPath,
  strictness: ListTypeStrictness,
): FieldError[] {
  return [
    ...validateMapType(schema, path),
    ...validateListType(schema, path, strictness),
    ...validateMapKeys(schema, path),
    ...(strictness.requiresMapKeys ? validateItemIdentity(schema, path) : []),
  ];
}

function requireType(schema: JsonSchemaProps, type: string, { path, field }: { path: FieldPath; field: string }) {
  const detail = `must be ${type} if ${field} is specified`;
  return schema.type ? invalid(path.child('type'), schema.type, detail) : required(path.child('type'), detail);
}

function validateMapType(schema: JsonSchemaProps, path: FieldPath): FieldError[] {
  const field = 'x-kubernetes-map-type';
  const mapType = schema[field];
  if (!isGiven(mapType)) return [];
  const errors = schema.type === 'object' ? [] : [requireType(schema, 'object', { path, field })];
  const supported = ['atomic', 'granular'];
  if (!supported.includes(mapType)) errors.push(notSupported(path.child(field), mapType, supported));
  return errors;
}

function validateListType(schema: JsonSchemaProps, path: FieldPath, strictness: ListTypeStrictness): FieldError[] {
  const field = 'x-kubernetes-list-type';
  const listType = schema[field];
  if (!isGiven(listType)) return [];
  const errors: FieldError[] = [];
  if (schema.type !== 'array') errors.push(requireType(schema, 'array', { path, field }));
  else if (strictness.requiresAtomicSetItems) errors.push(...validateSetItems(schema, path.child('items')));
  const supported = ['atomic', 'set', 'map'];
  if (!supported.includes(listType)) errors.push(notSupported(path.child(field), listType, supported));
  return errors;
}

function validateSetItems(schema: JsonSchemaProps, path: FieldPath): FieldError[] {
  const field = nonAtomicItemsOfSet(schema);
  if (field === undefined) return [];
  const detail = 'must be atomic as item of a list with x-kubernetes-list-type=set';
  return [invalid(path.child(field), itemSchema(schema)?.['x-kubernetes-list-type'] ?? null, detail)];
}

/** Which field says (or fails to say) that items of a set are taken as a whole. */
export function nonAtomicItemsOfSet(
  schema: JsonSchemaProps,
): 'x-kubernetes-list-type' | 'x-kubernetes-map-type' | undefined {
  const items = itemSchema(schema);
  if (schema['x-kubernetes-list-type'] !== 'set' || items === undefined) return undefined;
  if (items.type === 'array') {
    const listType = items['x-kubernetes-list-type'];
    return isGiven(listType) && listType !== 'atomic' ? 'x-kubernetes-list-type' : undefined;
  }
  if (items.type !== 'object') return undefined;
  return items['x-kubernetes-map-type'] === 'atomic' ? undefined : 'x-kubernetes-map-type';
}

function validateMapKeys(schema: JsonSchemaProps, path: FieldPath): FieldError[] {
  const errors: FieldError[] = [];
  const listType = schema['x-kubernetes-list-type'];
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  const typePath = path.child('x-kubernetes-list-type');
  if (keys.length > 0 && listType !== 'map') {
    const detail = 'must be map if x-kubernetes-list-map-keys is non-empty';
    errors.push(isGiven(listType) ? invalid(typePath, listType, detail) : required(typePath, detail));
  }
  if (listType !== 'map') return errors;
  const keysPath = path.child('x-kubernetes-list-map-keys');
  if (keys.length === 0) errors.push(required(keysPath, 'must not be empty if x-kubernetes-list-type is map'));
  return [...errors, ...validateMapItems(schema, path)];
}

function validateMapItems(schema: JsonSchemaProps, path: FieldPath): FieldError[] {
  const itemsPath = path.child('items');
  const items = itemSchema(schema);
  if (!isGiven(schema.items)) {
    return [required(itemsPath, 'must have a schema if x-kubernetes-list-type is map')];
  }
  if (items === undefined) {
    return [invalid(itemsPath, null, 'must only have a single schema if x-kubernetes-list-type is map')];
  }
  if (items.type !== 'object') {
    const detail = "must be object if parent array's x-kubernetes-list-type is map";
    return [invalid(itemsPath.child('type'), items.type ?? '', detail)];
  }
  return [
    ...validateKeyTypes(schema, items, itemsPath.child('properties')),
    ...validateKeyNames(schema, items, path.child('x-kubernetes-list-map-keys')),
  ];
}

function validateKeyTypes(schema: JsonSchemaProps, items: JsonSchemaProps, path: FieldPath): FieldError[] {
  const isScalar = (key: string): boolean => !['array', 'object'].includes(propertySchema(items, key)?.type ?? '');
  const detail = "must be a scalar type if parent array's x-kubernetes-list-type is map";
  return (schema['x-kubernetes-list-map-keys'] ?? [])
    .filter((key) => !isScalar(key))
    .map((key) => invalid(path.key(key).child('type'), items.type, detail));
}

/** Upstream says each of these once for every such key, and every time with all keys. */
function validateKeyNames(schema: JsonSchemaProps, items: JsonSchemaProps, path: FieldPath): FieldError[] {
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  const errors: FieldError[] = [];
  if (keys.some((key) => propertySchema(items, key) === undefined)) {
    errors.push(invalid(path, keys, 'entries must all be names of item properties'));
  }
  if (new Set(keys).size < keys.length) errors.push(invalid(path, keys, 'must not contain duplicate entries'));
  return errors;
}

/** Items that are found by their keys, or by themselves, must have them (`validateMapListKeysMapSet`). */
export function validateItemIdentity(schema: JsonSchemaProps, path: FieldPath): FieldError[] {
  const listType = schema['x-kubernetes-list-type'];
  const items = itemSchema(schema);
  if (items === undefined || (listType !== 'set' && listType !== 'map')) return [];
  const itemsPath = path.child('items');
  const errors: FieldError[] = [];
  if (items.nullable === true) {
    errors.push(
      forbidden(itemsPath.child('nullable'), `cannot be nullable when x-kubernetes-list-type is ${listType}`),
    );
  }
  if (listType === 'set') return errors;
  const requiredKeys = new Set(items.required ?? []);
  for (const key of schema['x-kubernetes-list-map-keys'] ?? []) {
    const property = propertySchema(items, key);
    if (property === undefined) continue;
    const keyPath = itemsPath.child('properties').key(key);
    const because = 'this property is in x-kubernetes-list-map-keys, so it';
    if (!requiredKeys.has(key) && !isGiven(property.default)) {
      errors.push(required(keyPath.child('default'), `${because} must have a default or be a required property`));
    }
    if (property.nullable === true) {
      errors.push(forbidden(keyPath.child('nullable'), `${because} cannot be nullable`));
    }
  }
  return errors;
}
