/**
 * Whether a schema is structural: every field is specified outside of value validation, with its type (upstream:
 * apiextensions-apiserver `pkg/apiserver/schema/validation.go`, `convert.go`).
 */
import { RE2JS } from 're2js';
import { forbidden, formatFieldError, invalid, required } from '../../machinery/field-error.ts';
import type { FieldError, FieldPath } from '../../machinery/field-error.ts';
import { MAX_PATTERN_COST, patternCost } from './pattern-cost.ts';
import {
  isEmptyMap,
  isGiven,
  isZero,
  itemSchema,
  listedItemSchemas,
  propertyEntries,
  propertySchema,
  valueSchema,
} from './schema-walk.ts';
import { validateCompleteness } from './structural-completeness.ts';
import type { JsonSchemaProps } from './types.ts';

type Level = 'root' | 'item' | 'field';

const NO_TYPE: Readonly<Record<Level, string>> = {
  root: 'must not be empty at the root',
  item: 'must not be empty for specified array items',
  field: 'must not be empty for specified object fields',
};

/** A schema may be wrong in as many places as it has; no more are told of. */
export const MAX_SCHEMA_ERRORS = 1000;

/** Violations, ordered by their texts. The schema must be one that `unsupportedField` says nothing about. */
export function validateStructural(schema: JsonSchemaProps, path: FieldPath): FieldError[] {
  const walk = new StructuralWalk();
  walk.structure(schema, 'root', path);
  const errors = [...walk.errors, ...validateCompleteness(schema, path)];
  const texts = new Map(errors.map((error) => [error, formatFieldError(error)]));
  return errors.sort((a, b) => (texts.get(a)! < texts.get(b)! ? -1 : 1));
}

/** Fields that a structural schema has no place for. */
const UNSUPPORTED: readonly [label: string, isUsed: (schema: JsonSchemaProps) => boolean][] = [
  ['id', ({ id }) => !isZero(id)],
  ['schema', ({ $schema }) => !isZero($schema)],
  ['$ref', ({ $ref }) => !isZero($ref)],
  ['patternProperties', ({ patternProperties }) => !isEmptyMap(patternProperties)],
  ['dependencies', ({ dependencies }) => !isEmptyMap(dependencies)],
  ['additionalItems', ({ additionalItems }) => isGiven(additionalItems)],
  ['definitions', ({ definitions }) => !isEmptyMap(definitions)],
];

/** Why a schema cannot be read as a structural one at all (`NewStructural`). */
export function unsupportedField(schema: JsonSchemaProps): string | undefined {
  const unsupported = UNSUPPORTED.find(([, isUsed]) => isUsed(schema));
  if (unsupported !== undefined) return `OpenAPIV3Schema '${unsupported[0]}' is not supported`;
  if (schema['x-kubernetes-preserve-unknown-fields'] === false) {
    return "internal error: 'x-kubernetes-preserve-unknown-fields' must be true or undefined";
  }
  if (listedItemSchemas(schema).length > 0) return "OpenAPIV3Schema 'items' must be a schema, but is an array";
  const parts = [
    schema.not,
    itemSchema(schema),
    valueSchema(schema),
    ...(schema.allOf ?? []),
    ...(schema.anyOf ?? []),
    ...(schema.oneOf ?? []),
    ...Object.values(schema.properties ?? {}),
  ];
  for (const part of parts) {
    const problem = isGiven(part) ? unsupportedField(part) : undefined;
    if (problem !== undefined) return problem;
  }
  return undefined;
}

/** What says nothing about values may not stand under a junctor. */
const FORBIDDEN_IN_NESTED: readonly [field: keyof JsonSchemaProps, detail: string][] = [
  ['type', 'must be empty to be structural'],
  ['additionalProperties', 'must be undefined to be structural'],
  ['default', 'must be undefined to be structural'],
  ['title', 'must be empty to be structural'],
  ['description', 'must be empty to be structural'],
  ['nullable', 'must be false to be structural'],
  ['externalDocs', 'must be undefined to be structural'],
  ['x-kubernetes-preserve-unknown-fields', 'must be false to be structural'],
  ['x-kubernetes-embedded-resource', 'must be false to be structural'],
  ['x-kubernetes-int-or-string', 'must be false to be structural'],
  ['x-kubernetes-list-map-keys', 'must be empty to be structural'],
  ['x-kubernetes-list-type', 'must be undefined to be structural'],
  ['x-kubernetes-map-type', 'must be undefined to be structural'],
  ['x-kubernetes-validations', 'must be empty to be structural'],
];

/** Of these even the zero value counts. */
const POINTERS: ReadonlySet<string> = new Set([
  'additionalProperties',
  'default',
  'externalDocs',
  'x-kubernetes-list-type',
  'x-kubernetes-map-type',
]);

/** Where a nested schema stands; the first alternative of an int-or-string may name the two types. */
interface Nested {
  skipsAnyOf?: boolean;
  path: FieldPath;
}

class StructuralWalk {
  readonly errors: FieldError[] = [];
  /** Patterns that compile. */
  readonly #patterns = new Set<string>();
  #patternCost = 0;

  structure(schema: JsonSchemaProps, level: Level, path: FieldPath): void {
    if (this.errors.length >= MAX_SCHEMA_ERRORS) return;
    const items = itemSchema(schema);
    if (schema.type === 'array' && items === undefined)
      this.errors.push(required(path.child('items'), 'must be specified'));
    if (items !== undefined) this.structure(items, 'item', path.child('items'));
    if (!isEmptyMap(schema.properties)) {
      const properties = path.child('properties');
      for (const [name, field] of propertyEntries(schema)) this.structure(field, 'field', properties.key(name));
    }
    this.#additionalProperties(schema, level, path);
    this.#extensions(schema, path);
    this.#values(schema, {
      path,
      skipsAnyOf: isIntOrStringPair(schema.anyOf),
      skipsFirstAllOfAnyOf: isIntOrStringPair(schema.allOf?.[0]?.anyOf),
    });
    this.#type(schema, level, path);
    this.#resource(schema, level, path);
  }

  #additionalProperties(schema: JsonSchemaProps, level: Level, path: FieldPath): void {
    if (!isGiven(schema.additionalProperties)) return;
    const valuesPath = path.child('additionalProperties');
    if (level === 'root') this.errors.push(forbidden(valuesPath, 'must not be used at the root'));
    const values = valueSchema(schema);
    if (values !== undefined) this.structure(values, 'field', valuesPath);
  }

  #extensions(schema: JsonSchemaProps, path: FieldPath): void {
    if (schema['x-kubernetes-int-or-string'] !== true) return;
    for (const field of ['x-kubernetes-preserve-unknown-fields', 'x-kubernetes-embedded-resource'] as const) {
      if (schema[field] !== true) continue;
      this.errors.push(invalid(path.child(field), true, 'must be false if x-kubernetes-int-or-string is true'));
    }
  }

  #type(schema: JsonSchemaProps, level: Level, path: FieldPath): void {
    const type = schema.type ?? '';
    const isUntyped =
      schema['x-kubernetes-int-or-string'] === true || schema['x-kubernetes-preserve-unknown-fields'] === true;
    const typePath = path.child('type');
    if (schema['x-kubernetes-embedded-resource'] === true && type !== 'object') {
      const detail = 'must be object if x-kubernetes-embedded-resource is true';
      this.errors.push(type === '' ? required(typePath, detail) : invalid(typePath, type, detail));
    } else if (type === '' && !isUntyped) this.errors.push(required(typePath, NO_TYPE[level]));
    if (level === 'root' && type !== '' && type !== 'object') {
      this.errors.push(invalid(typePath, type, 'must be object at the root'));
    }
  }

  /** The root, and what is embedded, have `apiVersion`, `kind` and `metadata` in any case. */
  #resource(schema: JsonSchemaProps, level: Level, path: FieldPath): void {
    const isEmbedded = schema['x-kubernetes-embedded-resource'] === true;
    const properties = path.child('properties');
    if (isEmbedded && isGiven(schema.additionalProperties)) {
      const detail = 'must not be used if x-kubernetes-embedded-resource is set';
      this.errors.push(forbidden(path.child('additionalProperties'), detail));
    }
    if (isEmbedded || level === 'root') {
      for (const name of ['kind', 'apiVersion']) this.#requireType(schema, { name, type: 'string', properties });
      this.#requireType(schema, { name: 'metadata', type: 'object', properties });
    }
    const metadata = propertySchema(schema, 'metadata');
    if (level === 'root' && metadata !== undefined && restrictsMore(metadata)) {
      const detail = 'must not specify anything other than name and generateName, but metadata is implicitly specified';
      this.errors.push(forbidden(properties.key('metadata'), detail));
    }
    const keepsUnknown = schema['x-kubernetes-preserve-unknown-fields'] === true;
    if (isEmbedded && !keepsUnknown && isEmptyMap(schema.properties)) {
      const detail =
        'must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields';
      this.errors.push(required(properties, detail));
    }
  }

  #requireType(schema: JsonSchemaProps, field: { name: string; type: string; properties: FieldPath }): void {
    const { name, type, properties } = field;
    const property = propertySchema(schema, name);
    if (property === undefined || property.type === type) return;
    this.errors.push(invalid(properties.key(name).child('type'), property.type ?? '', `must be ${type}`));
  }

  #values(schema: JsonSchemaProps, { path, skipsAnyOf, skipsFirstAllOfAnyOf }: Nested & FirstAllOf): void {
    if (skipsAnyOf !== true) {
      schema.anyOf?.forEach((nested, i) => this.#nested(nested, { path: path.child('anyOf').index(i) }));
    }
    schema.allOf?.forEach((nested, i) => {
      const isException = skipsFirstAllOfAnyOf === true && i === 0;
      this.#nested(nested, { path: path.child('allOf').index(i), skipsAnyOf: isException });
    });
    schema.oneOf?.forEach((nested, i) => this.#nested(nested, { path: path.child('oneOf').index(i) }));
    if (isGiven(schema.not)) this.#nested(schema.not, { path: path.child('not') });
    if (!isZero(schema.pattern)) this.#pattern(schema.pattern!, path.child('pattern'));
  }

  #nested(schema: JsonSchemaProps, nested: Nested): void {
    if (this.errors.length >= MAX_SCHEMA_ERRORS) return;
    const { path } = nested;
    this.#values(schema, nested);
    const items = itemSchema(schema);
    if (items !== undefined) this.#nested(items, { path: path.child('items') });
    const properties = path.child('properties');
    for (const [name, field] of propertyEntries(schema)) this.#nested(field, { path: properties.key(name) });
    for (const [field, detail] of FORBIDDEN_IN_NESTED) {
      const value = schema[field];
      if (POINTERS.has(field) ? isGiven(value) : !isZero(value)) this.errors.push(forbidden(path.child(field), detail));
    }
    if (propertySchema(schema, 'metadata') !== undefined) {
      this.errors.push(forbidden(properties.key('metadata'), 'must not be specified in a nested context'));
    }
  }

  #pattern(pattern: string, path: FieldPath): void {
    if (this.#patterns.has(pattern)) return;
    this.#patternCost += patternCost(pattern);
    try {
      if (this.#patternCost > MAX_PATTERN_COST) throw new Error('error parsing regexp: expression too large');
      RE2JS.compile(pattern);
      this.#patterns.add(pattern);
    } catch (error) {
      const detail = `must be a valid regular expression, but isn't: ${(error as Error).message}`;
      this.errors.push(invalid(path, pattern, detail));
    }
  }
}

interface FirstAllOf {
  skipsFirstAllOfAnyOf?: boolean;
}

/** `[{type: integer}, {type: string}]`, in this order and with nothing else. */
function isIntOrStringPair(alternatives: readonly JsonSchemaProps[] | undefined): boolean {
  return (
    alternatives?.length === 2 && isOnlyType(alternatives[0]!, 'integer') && isOnlyType(alternatives[1]!, 'string')
  );
}

function isOnlyType(schema: JsonSchemaProps, type: string): boolean {
  return schema.type === type && isNothingBut(schema, ['type', 'example']);
}

/** Whether the root's metadata says more than how the name must look. */
function restrictsMore(metadata: JsonSchemaProps): boolean {
  const names = Object.keys(metadata.properties ?? {});
  return (
    names.some((name) => name !== 'name' && name !== 'generateName') ||
    !isNothingBut(metadata, ['type', 'default', 'example', 'properties'])
  );
}

function isNothingBut(schema: JsonSchemaProps, allowed: readonly string[]): boolean {
  return Object.entries(schema).every(([field, value]) => allowed.includes(field) || isZero(value));
}
