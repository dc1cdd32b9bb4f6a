/**
 * A version of a definition, and what its versions have in common (upstream: apiextensions-apiserver
 * `pkg/apis/apiextensions/validation/validation.go`, `validateCustomResourceDefinitionVersion`,
 * `validateCustomResourceDefinitionValidation`).
 */
import { forbidden, invalid } from '../../machinery/field-error.ts';
import type { FieldError, FieldPath } from '../../machinery/field-error.ts';
import type { SplitParts, VersionParts } from './common-parts.ts';
import {
  validateColumns,
  validateDeprecationWarning,
  validateSelectableFields,
  validateSubresources,
} from './definition-parts.ts';
import type { RuleCompiler, SchemaChecks } from './schema-checks.ts';
import { validateSchema } from './schema-validation.ts';
import { isGiven, isZero } from './schema-walk.ts';
import type { DefinitionStrictness } from './strictness.ts';
import { unsupportedField, validateStructural } from './structural-validation.ts';
import type { CustomResourceDefinitionSpec, CustomResourceDefinitionVersion, JsonSchemaProps } from './types.ts';

interface Context {
  parts: SplitParts;
  strictness: DefinitionStrictness;
  checks: SchemaChecks;
}

export function validateVersion(
  version: CustomResourceDefinitionVersion,
  path: FieldPath,
  context: Context & { index: number },
): FieldError[] {
  const { parts, index, strictness } = context;
  const own = parts.versions[index]!;
  const subresources = own.subresources ?? parts.common.subresources;
  return [
    ...validateDeprecationWarning(version, path.child('deprecationWarning')),
    ...validateParts(own, path, {
      ...context,
      schemaPath: path.child('schema', 'openAPIV3Schema'),
      hasStatus: isGiven(subresources?.status),
      name: version.name,
      schema: version.schema?.openAPIV3Schema,
      allowsTooMany: strictness.versionsWithTooManyFields.has(version.name),
    }),
  ];
}

/** What stands beside the versions in upstream's internal form. */
export function validateCommonParts(
  spec: CustomResourceDefinitionSpec,
  path: FieldPath,
  context: Context,
): FieldError[] {
  const { strictness, parts } = context;
  const { versions } = spec;
  return validateParts(parts.common, path, {
    ...context,
    schemaPath: path.child('validation', 'openAPIV3Schema'),
    hasStatus: versions.some(({ subresources }) => isGiven(subresources?.status)),
    name: versions[0]?.name ?? '',
    schema: parts.common.openAPIV3Schema,
    allowsTooMany: versions.every(({ name }) => strictness.versionsWithTooManyFields.has(name)),
  });
}

interface PartsContext extends Context {
  schemaPath: FieldPath;
  hasStatus: boolean;
  name: string;
  schema: JsonSchemaProps | undefined;
  allowsTooMany: boolean;
}

function validateParts(parts: VersionParts, path: FieldPath, context: PartsContext): FieldError[] {
  const { openAPIV3Schema, subresources, additionalPrinterColumns, selectableFields = [] } = parts;
  const errors = [
    ...(isGiven(openAPIV3Schema) ? validateVersionSchema(openAPIV3Schema, context) : []),
    ...validateSubresources(subresources, path.child('subresources')),
    ...validateColumns(additionalPrinterColumns, path.child('additionalPrinterColumns')),
  ];
  if (selectableFields.length === 0) return errors;
  const { schema, allowsTooMany } = context;
  const fieldsPath = path.child('selectableFields');
  if (!isGiven(schema)) {
    const detail = 'may only be set when `version.schema.openAPIV3Schema` is not included';
    return [...errors, invalid(fieldsPath, '', detail)];
  }
  return [...errors, ...validateSelectableFields(selectableFields, fieldsPath, { schema, allowsTooMany })];
}

function validateVersionSchema(schema: JsonSchemaProps, context: PartsContext): FieldError[] {
  const { schemaPath: path, strictness, checks, name } = context;
  const errors = context.hasStatus ? validateRootFields(schema, path) : [];
  if (schema.nullable === true) {
    errors.push(forbidden(path.child('nullable'), 'nullable cannot be true at the root'));
  }
  const unsupported = unsupportedField(schema);
  let rules: RuleCompiler | undefined;
  if (strictness.requiresStructuralSchemas && unsupported === undefined) {
    const structural = validateStructural(schema, path);
    const { requiresPrunedDefaults: requiresPruned, previous } = strictness;
    const contents = structural.length > 0 ? structural : (checks.defaults?.(schema, path, { requiresPruned }) ?? []);
    errors.push(...contents);
    const isUnchanged = strictness.versionsWithSameSchema.has(name);
    if (contents.length === 0) {
      rules = checks.rules?.(schema, { isUnchanged, ...(previous === undefined ? {} : { previous }) });
    }
  }
  errors.push(...validateSchema(schema, path, { strictness, rules }));
  // The fields themselves have been refused, most likely.
  if (errors.length === 0 && unsupported !== undefined && strictness.requiresStructuralSchemas) {
    errors.push(invalid(path, '', unsupported));
  }
  return rules === undefined ? errors : [...errors, ...rules.total(path)];
}

/** By their names in Go; in its order. */
const ALLOWED_AT_ROOT: Readonly<Record<string, string>> = {
  description: 'Description',
  type: 'Type',
  format: 'Format',
  title: 'Title',
  maximum: 'Maximum',
  exclusiveMaximum: 'ExclusiveMaximum',
  minimum: 'Minimum',
  exclusiveMinimum: 'ExclusiveMinimum',
  maxLength: 'MaxLength',
  minLength: 'MinLength',
  pattern: 'Pattern',
  maxItems: 'MaxItems',
  minItems: 'MinItems',
  uniqueItems: 'UniqueItems',
  multipleOf: 'MultipleOf',
  required: 'Required',
  items: 'Items',
  properties: 'Properties',
  externalDocs: 'ExternalDocs',
  example: 'Example',
  'x-kubernetes-preserve-unknown-fields': 'XPreserveUnknownFields',
  'x-kubernetes-validations': 'XValidations',
};

/** With a status subresource, the root says only what can be said of the status alone, too. The first problem is told. */
function validateRootFields(schema: JsonSchemaProps, path: FieldPath): FieldError[] {
  for (const [field, value] of Object.entries(schema)) {
    if (isZero(value)) continue;
    if (field === 'type' && value !== 'object') {
      const detail =
        'only "object" is allowed as the type at the root of the schema if the status subresource is enabled';
      return [invalid(path.child('type'), value, detail)];
    }
    if (Object.hasOwn(ALLOWED_AT_ROOT, field)) continue;
    const allowed = Object.values(ALLOWED_AT_ROOT).join(' ');
    const detail = `only [${allowed}] fields are allowed at the root of the schema if the status subresource is enabled`;
    return [invalid(path, { [field]: value }, detail)];
  }
  return [];
}
