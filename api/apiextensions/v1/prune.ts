/** Drops from a custom object what its structural schema does not have (apiextensions `apiserver/schema/pruning`). */
import { isObject } from '../../patch/json-value.ts';
import { isEmbeddedResource, itemsOf, keepsUnknownFields, propertyOf } from './structural.ts';
import type { JsonSchemaProps } from './types.ts';

/** More paths than this say no more to anyone. */
const MAX_REPORTED = 1000;
/** Of a whole object, the root or an embedded one; `metadata` is checked elsewhere. */
const OBJECT_FIELDS = new Set(['apiVersion', 'kind', 'metadata']);

/** Changes `object` in place; gives the paths of what was dropped: `spec.list[0].foo`. */
export function pruneCustomObject(object: Record<string, unknown>, schema: JsonSchemaProps): string[] {
  const dropped: string[] = [];
  pruneObject(object, schema, { path: '', isWhole: true, dropped });
  return dropped;
}

interface Place {
  path: string;
  /** Whether it has apiVersion, kind and metadata of its own. */
  isWhole: boolean;
  dropped: string[];
}

function prune(value: unknown, schema: JsonSchemaProps, place: { path: string; dropped: string[] }): void {
  if (Array.isArray(value)) {
    const items = itemsOf(schema);
    if (items === undefined) return;
    value.forEach((item, i) => prune(item, items, { ...place, path: `${place.path}[${i}]` }));
  } else if (isObject(value)) pruneObject(value, schema, { ...place, isWhole: isEmbeddedResource(schema) });
}

function pruneObject(object: Record<string, unknown>, schema: JsonSchemaProps, place: Place): void {
  const { additionalProperties } = schema;
  const keeps = keepsUnknownFields(schema) || additionalProperties === true;
  for (const key of Object.keys(object)) {
    if (place.isWhole && OBJECT_FIELDS.has(key)) continue;
    const path = place.path === '' ? key : `${place.path}.${key}`;
    const property = propertyOf(schema, key);
    if (property !== undefined) prune(object[key], property, { path, dropped: place.dropped });
    else if (typeof additionalProperties === 'object')
      prune(object[key], additionalProperties, { path, dropped: place.dropped });
    else if (!keeps) {
      delete object[key];
      if (place.dropped.length < MAX_REPORTED) place.dropped.push(path);
    }
  }
}
