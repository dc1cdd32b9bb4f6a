/**
 * Which rules hold for an update: those that the definition broke before they came may stay broken (upstream:
 * apiextensions-apiserver `pkg/apis/apiextensions/validation/validation.go`, `ValidateCustomResourceDefinitionUpdate`).
 */
import { fieldPath } from '../../machinery/field-error.ts';
import { equalJson } from '../../patch/json-value.ts';
import { conversionStrictness } from './conversion-validation.ts';
import type { ConversionStrictness } from './conversion-validation.ts';
import { MAX_SELECTABLE_FIELDS } from './definition-parts.ts';
import { nonAtomicItemsOfSet, validateItemIdentity } from './list-type-rules.ts';
import { hasKnownType } from './schema-validation.ts';
import type { SchemaStrictness } from './schema-validation.ts';
import { isGiven, someVersionSchema } from './schema-walk.ts';
import { unsupportedField, validateStructural } from './structural-validation.ts';
import type { CustomResourceDefinition, CustomResourceDefinitionSpec, JsonSchemaProps } from './types.ts';
import type { SchemaChecks } from './schema-checks.ts';

export interface DefinitionStrictness extends SchemaStrictness {
  requiresSchemas: boolean;
  requiresStructuralSchemas: boolean;
  requiresPrunedDefaults: boolean;
  conversion: ConversionStrictness;
  /** Versions that have too many selectable fields, and had them before. */
  versionsWithTooManyFields: ReadonlySet<string>;
  /** Versions whose schema is as it was: its rules may cost more than new ones. */
  versionsWithSameSchema: ReadonlySet<string>;
  previous?: CustomResourceDefinition;
}

export function newStrictness(): DefinitionStrictness {
  return {
    requiresSchemas: true,
    requiresStructuralSchemas: true,
    requiresPrunedDefaults: true,
    requiresKnownTypes: true,
    requiresAtomicSetItems: true,
    requiresMapKeys: true,
    conversion: conversionStrictness(),
    versionsWithTooManyFields: new Set(),
    versionsWithSameSchema: new Set(),
  };
}

export function updateStrictness(
  next: CustomResourceDefinition,
  previous: CustomResourceDefinition,
  { hasUnprunedDefaults }: SchemaChecks,
): DefinitionStrictness {
  const before = previous.spec;
  const schemas = schemasOf(before);
  const path = fieldPath();
  return {
    requiresSchemas: schemas.length === before.versions.length,
    requiresStructuralSchemas: next.spec.preserveUnknownFields !== true || schemas.every(isStructural),
    requiresPrunedDefaults: hasUnprunedDefaults === undefined || !schemas.some(hasUnprunedDefaults),
    requiresKnownTypes: !someVersionSchema(before, (schema) => !hasKnownType(schema)),
    requiresAtomicSetItems: !someVersionSchema(before, (schema) => nonAtomicItemsOfSet(schema) !== undefined),
    requiresMapKeys: !someVersionSchema(before, (schema) => validateItemIdentity(schema, path).length > 0),
    conversion: conversionStrictness(previous),
    ...unchangedVersions(next.spec, before),
    previous,
  };
}

function schemasOf({ versions }: CustomResourceDefinitionSpec): JsonSchemaProps[] {
  return versions.map(({ schema }) => schema?.openAPIV3Schema).filter(isGiven);
}

function isStructural(schema: JsonSchemaProps): boolean {
  return unsupportedField(schema) === undefined && validateStructural(schema, fieldPath()).length === 0;
}

function unchangedVersions(
  next: CustomResourceDefinitionSpec,
  previous: CustomResourceDefinitionSpec,
): Pick<DefinitionStrictness, 'versionsWithTooManyFields' | 'versionsWithSameSchema'> {
  const versionsWithTooManyFields = new Set<string>();
  const versionsWithSameSchema = new Set<string>();
  const before = new Map(previous.versions.map((version) => [version.name, version]));
  for (const { name, schema, selectableFields } of next.versions) {
    const old = before.get(name);
    if (old === undefined) continue;
    const fields = old.selectableFields ?? [];
    const isTooMany = fields.length > MAX_SELECTABLE_FIELDS;
    if (isTooMany && equalJson(selectableFields, fields)) versionsWithTooManyFields.add(name);
    if (equalJson(schema, old.schema)) versionsWithSameSchema.add(name);
  }
  return { versionsWithTooManyFields, versionsWithSameSchema };
}
