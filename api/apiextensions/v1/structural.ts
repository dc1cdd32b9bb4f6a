/** What the walks over a structural schema and a value have in common. */
import type { JsonSchemaProps } from './types.ts';

/** The schema of a named field; keys come from clients, so inherited members do not count. */
export function propertyOf({ properties }: JsonSchemaProps, key: string): JsonSchemaProps | undefined {
  return properties !== undefined && Object.hasOwn(properties, key) ? properties[key] : undefined;
}

/** The schema of a named field, or of a map's values. */
export function fieldOf(schema: JsonSchemaProps, key: string): JsonSchemaProps | undefined {
  const { additionalProperties } = schema;
  return propertyOf(schema, key) ?? (typeof additionalProperties === 'object' ? additionalProperties : undefined);
}

/** Structural schemas have one schema for all items. */
export function itemsOf({ items }: JsonSchemaProps): JsonSchemaProps | undefined {
  return Array.isArray(items) ? undefined : (items as JsonSchemaProps | undefined);
}

export function keepsUnknownFields(schema: JsonSchemaProps): boolean {
  return schema['x-kubernetes-preserve-unknown-fields'] === true;
}

export function isEmbeddedResource(schema: JsonSchemaProps): boolean {
  return schema['x-kubernetes-embedded-resource'] === true;
}

export function isIntOrString(schema: JsonSchemaProps): boolean {
  return schema['x-kubernetes-int-or-string'] === true;
}
