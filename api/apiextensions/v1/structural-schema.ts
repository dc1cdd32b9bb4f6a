/**
 * A structural schema in the form of the built-in kinds' schemas, for what knows only those: ownership of fields in
 * server-side apply, and the typed checks of applied configurations.
 */
import type { Schema } from '../../schema/schema.ts';
import { isEmbeddedResource, isIntOrString, itemsOf, keepsUnknownFields } from './structural.ts';
import type { JsonSchemaProps } from './types.ts';

const EMBEDDED = {
  apiVersion: { type: 'string' },
  kind: { type: 'string' },
  metadata: { ref: 'V1ObjectMeta' },
} as const;

/** The root of a custom kind: with `apiVersion`, `kind` and `metadata`, which its schema has at most in part. */
export function customRootSchema(props: JsonSchemaProps): Schema {
  const root = structuralSchema(props);
  return { ...root, type: 'object', properties: { ...root.properties, ...EMBEDDED } };
}

function structuralSchema(props: JsonSchemaProps): Schema {
  if (isIntOrString(props)) return { intOrString: true, ...defaultOf(props) };
  return {
    ...typeOf(props),
    ...(keepsUnknownFields(props) ? { preserveUnknownFields: true } : {}),
    ...fieldsOf(props),
    ...listOf(props),
    ...defaultOf(props),
  };
}

function typeOf({ type }: JsonSchemaProps): Schema {
  return type === undefined || type === '' ? {} : { type: type as NonNullable<Schema['type']> };
}

/** A key of a list's items may be left out when it has one. */
function defaultOf({ default: value }: JsonSchemaProps): Schema {
  return value === undefined ? {} : { default: value };
}

function fieldsOf(props: JsonSchemaProps): Schema {
  const { properties, additionalProperties, required } = props;
  const mapType = props['x-kubernetes-map-type'];
  const fields = Object.entries(properties ?? {}).map(([name, field]): [string, Schema] => [
    name,
    structuralSchema(field),
  ]);
  const own = isEmbeddedResource(props) ? Object.entries<Schema>(EMBEDDED) : [];
  return {
    ...(fields.length + own.length > 0 ? { properties: Object.fromEntries([...fields, ...own]) } : {}),
    ...(required === undefined ? {} : { required }),
    ...(typeof additionalProperties === 'object'
      ? { additionalProperties: structuralSchema(additionalProperties) }
      : {}),
    ...(mapType === 'atomic' || mapType === 'granular' ? { mapType } : {}),
  };
}

function listOf(props: JsonSchemaProps): Schema {
  const items = itemsOf(props);
  const listType = props['x-kubernetes-list-type'];
  const listMapKeys = props['x-kubernetes-list-map-keys'];
  return {
    ...(items === undefined ? {} : { items: structuralSchema(items) }),
    ...(listType === 'atomic' || listType === 'set' || listType === 'map' ? { listType } : {}),
    ...(listMapKeys === undefined ? {} : { listMapKeys }),
  };
}
