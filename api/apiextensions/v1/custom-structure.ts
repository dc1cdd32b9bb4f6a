/**
 * Decodes custom objects: what a schema does not have is dropped, and metadata, of the object and of those embedded in
 * it, is read as that of any object (apiextensions `apiserver/schema/objectmeta`).
 */
import type { StructureResult } from '../../schema/check.ts';
import { checkStructure } from '../../schema/check.ts';
import type { Schema, SchemaTable } from '../../schema/schema.ts';
import type { ApiObject } from '../../machinery/meta.ts';
import type { ObjectStructure } from '../../machinery/resource.ts';
import { isObject } from '../../patch/json-value.ts';
import { pruneCustomObject } from './prune.ts';
import { fieldOf, isEmbeddedResource, itemsOf } from './structural.ts';
import type { JsonSchemaProps } from './types.ts';

/** Only metadata has a structure of Go's; the rest is whatever the schema says. */
const METADATA_ONLY: Schema = {
  type: 'object',
  preserveUnknownFields: true,
  properties: { metadata: { ref: 'V1ObjectMeta' } },
};

export function customStructure(schema: JsonSchemaProps, table: SchemaTable): ObjectStructure {
  const hasEmbedded = holdsEmbedded(schema);
  return {
    check(object) {
      const dropped = pruneCustomObject(object as unknown as Record<string, unknown>, schema);
      const result = checkMetadata(object, table);
      if (hasEmbedded) checkEmbedded(object, schema, { table, path: '', result });
      return { ...result, unknownFields: [...dropped, ...result.unknownFields] };
    },
  };
}

function checkMetadata(object: unknown, table: SchemaTable): StructureResult {
  const { kind = '', apiVersion = '' } = object as ApiObject;
  return checkStructure({ table, schema: METADATA_ONLY, kind, apiVersion, object });
}

/** Schemas are trees: none stands in itself. */
function holdsEmbedded(schema: JsonSchemaProps): boolean {
  if (isEmbeddedResource(schema)) return true;
  const { properties = {}, additionalProperties } = schema;
  const items = itemsOf(schema);
  return (
    Object.values(properties).some(holdsEmbedded) ||
    (typeof additionalProperties === 'object' && holdsEmbedded(additionalProperties)) ||
    (items !== undefined && holdsEmbedded(items))
  );
}

interface Walk {
  table: SchemaTable;
  path: string;
  result: StructureResult;
}

function checkEmbedded(value: unknown, schema: JsonSchemaProps, walk: Walk): void {
  const items = itemsOf(schema);
  if (Array.isArray(value) && items !== undefined)
    value.forEach((item, i) => checkEmbedded(item, items, { ...walk, path: `${walk.path}[${i}]` }));
  if (!isObject(value)) return;
  if (isEmbeddedResource(schema) && isObject(value['metadata'])) {
    const { typeError, unknownFields } = checkMetadata(value, walk.table);
    walk.result.typeError ??= typeError;
    walk.result.unknownFields.push(...unknownFields.map((field) => `${walk.path}.${field}`));
  }
  for (const key of Object.keys(value)) {
    const field = fieldOf(schema, key);
    const path = walk.path === '' ? key : `${walk.path}.${key}`;
    if (field !== undefined) checkEmbedded(value[key], field, { ...walk, path });
  }
}
