/** Walks over schemas as clients send them, structural or not: every part may be missing, and any key may stand in a map. */
import type { CustomResourceDefinitionSpec, JsonSchemaProps } from './types.ts';

/** Neither absent nor `null`. */
export function isGiven<T>(value: T | null | undefined): value is T {
  return value !== undefined && value !== null;
}

export function isEmptyMap(map: object | null | undefined): boolean {
  return Object.keys(map ?? {}).length === 0;
}

/** What Go leaves out: nothing, the empty string, `false`, an empty list or map. A 0 is a value: numbers are pointers. */
export function isZero(value: unknown): boolean {
  if (!isGiven(value) || value === '' || value === false) return true;
  return typeof value === 'object' && Object.keys(value as object).length === 0;
}

/** The one schema of all items; nothing for a list of schemas. */
export function itemSchema({ items }: JsonSchemaProps): JsonSchemaProps | undefined {
  return isGiven(items) && !Array.isArray(items) ? (items as JsonSchemaProps) : undefined;
}

/** Schemas that stand in a list for one item each; refused by validation. */
export function listedItemSchemas({ items }: JsonSchemaProps): readonly JsonSchemaProps[] {
  return Array.isArray(items) ? (items as readonly JsonSchemaProps[]) : [];
}

/** The schema of a map's values. */
export function valueSchema({ additionalProperties }: JsonSchemaProps): JsonSchemaProps | undefined {
  return isGiven(additionalProperties) && typeof additionalProperties === 'object' ? additionalProperties : undefined;
}

export function propertySchema({ properties }: JsonSchemaProps, name: string): JsonSchemaProps | undefined {
  return isGiven(properties) && Object.hasOwn(properties, name) ? properties[name] : undefined;
}

export function propertyEntries({ properties }: JsonSchemaProps): [string, JsonSchemaProps][] {
  return Object.entries(properties ?? {});
}

/** Every schema that stands directly in this one (`SchemaHas` of upstream's validation follows the same). */
function* subschemas(schema: JsonSchemaProps): Generator<JsonSchemaProps> {
  const { additionalItems, definitions, dependencies, not, patternProperties } = schema;
  const singles = [not, itemSchema(schema), valueSchema(schema), additionalItems];
  for (const part of singles) if (isGiven(part) && typeof part === 'object') yield part;
  for (const list of [schema.allOf, schema.anyOf, schema.oneOf, listedItemSchemas(schema)]) if (list) yield* list;
  for (const map of [schema.properties, patternProperties, definitions, dependencies]) {
    for (const part of Object.values(map ?? {})) if (!Array.isArray(part)) yield part as JsonSchemaProps;
  }
}

/** Whether a schema or any that stands in it is as asked. */
export function someSchema(
  schema: JsonSchemaProps | undefined,
  predicate: (schema: JsonSchemaProps) => boolean,
): boolean {
  if (!isGiven(schema)) return false;
  if (predicate(schema)) return true;
  for (const part of subschemas(schema)) if (someSchema(part, predicate)) return true;
  return false;
}

/** The same for the schemas of all versions. */
export function someVersionSchema(
  spec: CustomResourceDefinitionSpec,
  predicate: (schema: JsonSchemaProps) => boolean,
): boolean {
  return (spec.versions ?? []).some(({ schema }) => someSchema(schema?.openAPIV3Schema, predicate));
}
