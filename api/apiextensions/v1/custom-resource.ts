/**
 * A version of a CustomResourceDefinition as the same definition object that built-in kinds have, so that everything
 * generic serves it (apiextensions `apiserver/customresource_handler.go`, `registry/customresource/strategy.go`).
 */
import type { FieldError } from '../../machinery/field-error.ts';
import { fieldPath, FieldPath, formatFieldError, invalid } from '../../machinery/field-error.ts';
import type { ApiObject } from '../../machinery/meta.ts';
import type { Resource, ScaleSubresource, Strategy, VersionConverter } from '../../machinery/resource.ts';
import { apiVersionOf, defineResource } from '../../machinery/resource.ts';
import { equalJson } from '../../patch/json-value.ts';
import type { SchemaTable } from '../../schema/schema.ts';
import { customColumns } from './custom-columns.ts';
import { customStructure } from './custom-structure.ts';
import { customView } from './custom-view.ts';
import { requestEntityTooLarge } from '../../machinery/errors.ts';
import { defaultCustomObject, MAX_DEFAULTS_BYTES } from './defaulting.ts';
import { validateEmbedded } from './embedded.ts';
import { compileJsonPath } from './json-path.ts';
import { validateListTypes } from './list-types.ts';
import { brokenBefore, hasRules, validateByRules } from './rule-evaluation.ts';
import type { CustomResourceDefinition, CustomResourceDefinitionVersion, JsonSchemaProps } from './types.ts';
import { validateCustomObject } from './value-validation.ts';

export type CustomObject = ApiObject & Record<string, unknown>;

function refuseExcess(): never {
  throw requestEntityTooLarge(
    `Request entity too large: the defaults of its schema add more than ${MAX_DEFAULTS_BYTES} bytes`,
  );
}

const KEEPS_EVERYTHING: JsonSchemaProps = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };

export interface CustomResourceOptions {
  version: CustomResourceDefinitionVersion;
  /** Of the kind's schema in the server's table; unique to this state of the definition. */
  schemaName: string;
  table: SchemaTable;
  /** Absent: versions differ in nothing but their name. */
  convert?: VersionConverter | undefined;
}

/** The schema of a version's objects. */
export function schemaOfVersion({ schema }: CustomResourceDefinitionVersion): JsonSchemaProps {
  return schema?.openAPIV3Schema ?? KEEPS_EVERYTHING;
}

/** `definition` must have been accepted: its names are those of its status. */
export function customResource(definition: CustomResourceDefinition, options: CustomResourceOptions): Resource {
  const { version, schemaName, table, convert } = options;
  const { group, scope } = definition.spec;
  const schema = schemaOfVersion(version);
  const stored = storageVersionOf(definition);
  const resource = defineResource<CustomObject>({
    group,
    version: version.name,
    scope: scope === 'Namespaced' ? 'Namespaced' : 'Cluster',
    names: namesOf(definition),
    schema: schemaName,
    storagePrefix: storagePrefixOf(definition),
    view: customView({
      apiVersion: apiVersionOf({ group, version: version.name }),
      storedApiVersion: apiVersionOf({ group, version: stored.name }),
      schema,
      storedSchema: schemaOfVersion(stored),
      convert,
    }),
    structure: customStructure(schema, table),
    subresources: subresourcesOf(version),
    additionalPrinterColumns: customColumns(version),
    selectableFields: selectableFieldsOf(version),
    strategy: strategyOf(version, schema),
    deprecationWarning: deprecationOf(definition, version),
  });
  return resource as unknown as Resource;
}

/** The version in which objects are stored from now on. */
export function storageVersionOf({ spec }: CustomResourceDefinition): CustomResourceDefinitionVersion {
  return spec.versions.find(({ storage }) => storage)!;
}

/** Where upstream keeps custom objects in its store. */
export function storagePrefixOf({ spec }: CustomResourceDefinition): string {
  return `${spec.group}/${spec.names.plural}`;
}

function namesOf({ spec, status }: CustomResourceDefinition): Resource['names'] {
  const { plural, singular, kind, listKind, shortNames, categories } = status?.acceptedNames ?? spec.names;
  return {
    plural,
    singular: singular ?? kind.toLowerCase(),
    kind,
    listKind: listKind ?? `${kind}List`,
    shortNames: shortNames ?? [],
    categories: categories ?? [],
  };
}

function subresourcesOf({ subresources }: CustomResourceDefinitionVersion): Resource['subresources'] {
  const { status, scale } = subresources ?? {};
  return {
    ...(status === undefined ? {} : { status: {} }),
    ...(scale === undefined ? {} : { scale: scale as ScaleSubresource }),
  };
}

function selectableFieldsOf({ selectableFields }: CustomResourceDefinitionVersion): Resource['selectableFields'] {
  const fields = (selectableFields ?? []).map(({ jsonPath }): [string, (object: ApiObject) => string] => {
    const find = compileJsonPath(jsonPath);
    return [
      jsonPath.replace(/^\./, ''),
      (object) => String((find(object)[0] as string | number | boolean | undefined) ?? ''),
    ];
  });
  return Object.fromEntries(fields);
}

function deprecationOf(definition: CustomResourceDefinition, version: CustomResourceDefinitionVersion): string {
  if (version.deprecated !== true) return '';
  const { group, names } = definition.spec;
  return version.deprecationWarning ?? `${apiVersionOf({ group, version: version.name })} ${names.kind} is deprecated`;
}

function strategyOf(version: CustomResourceDefinitionVersion, schema: JsonSchemaProps): Strategy<CustomObject> {
  const hasStatus = version.subresources?.status !== undefined;
  const scale = version.subresources?.scale as ScaleSubresource | undefined;
  const validateStructure = (next: CustomObject, previous?: CustomObject): FieldError[] => [
    ...validateCustomObject(next, schema, previous),
    ...(scale === undefined ? [] : validateScale(next, scale)),
    ...validateEmbedded(next, schema),
    ...validateLists(next, schema, previous),
  ];
  const validate = (next: CustomObject, previous?: CustomObject): FieldError[] => {
    const errors = validateStructure(next, previous);
    return [...errors, ...validateRulesAfter(errors, { next, schema, previous })];
  };
  return {
    default: (object) => void defaultCustomObject(object, schema, refuseExcess),
    prepareForCreate(object) {
      if (hasStatus) delete object['status'];
    },
    validate: (object) => validate(object),
    validateUpdate: validate,
    warnings: (next, previous) =>
      previous === undefined ? [] : brokenBefore(next, schema, previous).map(formatFieldError),
    hasGeneration: true,
    startsGeneration: (next, previous) => !equalJson(contentOf(next, hasStatus), contentOf(previous, hasStatus)),
    allowUnconditionalUpdate: false,
    allowsPlainFinalizers: true,
    status: {
      keptMetadata: ['labels', 'annotations', 'finalizers', 'ownerReferences'],
      validateUpdate: validate,
    },
  };
}

/** What an object must have before rules can be asked about it. */
const BLOCKS_RULES = new Set([
  'FieldValueRequired',
  'FieldValueTooLong',
  'FieldValueTooMany',
  'FieldValueTypeInvalid',
  'FieldValueNotSupported',
]);

const RULES_NOT_CHECKED: FieldError = invalid(
  new FieldPath(),
  null,
  'some validation rules were not checked because the object was invalid; correct the existing errors to complete validation',
);

/** Where the object is too wrong for its rules, that they were not asked. */
function validateRulesAfter(
  errors: readonly FieldError[],
  { next, schema, previous }: { next: CustomObject; schema: JsonSchemaProps; previous: CustomObject | undefined },
): FieldError[] {
  if (!errors.some(({ type }) => BLOCKS_RULES.has(type))) return validateByRules(next, schema, previous);
  return hasRules(schema) ? [RULES_NOT_CHECKED] : [];
}

/** What a generation is a state of. */
function contentOf(object: CustomObject, hasStatus: boolean): Record<string, unknown> {
  const { metadata: _metadata, ...content } = object;
  if (hasStatus) delete content['status'];
  return content;
}

/** Lists that were wrong before may stay wrong. */
function validateLists(next: CustomObject, schema: JsonSchemaProps, previous?: CustomObject): FieldError[] {
  const errors = validateListTypes(next, schema);
  return errors.length > 0 && previous !== undefined && validateListTypes(previous, schema).length > 0 ? [] : errors;
}

const MAX_INT32 = 2 ** 31 - 1;

function validateScale(object: CustomObject, { specReplicasPath, statusReplicasPath }: ScaleSubresource): FieldError[] {
  return [specReplicasPath, statusReplicasPath].flatMap((jsonPath) => {
    const [count] = compileJsonPath(jsonPath)(object);
    const path = fieldPath(jsonPath.replace(/^\./, ''));
    if (typeof count !== 'number') return [];
    if (count < 0) return [invalid(path, count, 'should be a non-negative integer')];
    return count > MAX_INT32 ? [invalid(path, count, `should be less than or equal to ${MAX_INT32}`)] : [];
  });
}
