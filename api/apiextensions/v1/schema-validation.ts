/**
 * What a definition's schema may contain beside being structural (upstream: apiextensions-apiserver
 * `pkg/apis/apiextensions/validation/validation.go`, `ValidateCustomResourceDefinitionOpenAPISchema`).
 */
import { forbidden, invalid, notSupported } from '../../machinery/field-error.ts';
import type { FieldError, FieldPath } from '../../machinery/field-error.ts';
import { validateListAndMapTypes } from './list-type-rules.ts';
import type { ListTypeStrictness } from './list-type-rules.ts';
import {
  isEmptyMap,
  isGiven,
  isZero,
  itemSchema,
  listedItemSchemas,
  propertyEntries,
  valueSchema,
} from './schema-walk.ts';
import { MAX_SCHEMA_ERRORS } from './structural-validation.ts';
import type { JsonSchemaProps } from './types.ts';
import { validateRules } from './validation-rules.ts';
import type { RuleCompiler, RuleSite } from './schema-checks.ts';

const TYPES = ['array', 'boolean', 'integer', 'number', 'object', 'string'];
const META_FIELDS = ['metadata', 'kind', 'apiVersion'];

export interface SchemaStrictness extends ListTypeStrictness {
  requiresKnownTypes: boolean;
}

/** Whether `type` is one that OpenAPI v3 has, or none. */
export function hasKnownType({ type }: JsonSchemaProps): boolean {
  return isZero(type) || TYPES.includes(type!);
}

/** Every problem; those of rules' expressions stand last, and only where the schema around them is right. */
export function validateSchema(
  schema: JsonSchemaProps,
  path: FieldPath,
  options: { strictness: SchemaStrictness; rules?: RuleCompiler | undefined },
): FieldError[] {
  const walk = new SchemaWalk(options.strictness, options.rules);
  const site: RuleSite = { schema, path, place: 'root' };
  walk.visit({ schema, path, isRoot: true, ...(options.rules === undefined ? {} : { site }) });
  return [...walk.errors, ...walk.ruleErrors];
}

interface Visit {
  schema: JsonSchemaProps;
  path: FieldPath;
  isRoot?: boolean;
  /** Inside of `apiVersion`, `kind` or `metadata` of an object. */
  isInsideMeta?: boolean;
  /** Why defaults are not allowed here. */
  forbidsDefaults?: string;
  uncorrelatable?: FieldPath;
  /** Absent where rules are not compiled. */
  site?: RuleSite;
}

/** What the parts of a schema inherit. */
type Inherited = Pick<Visit, 'isInsideMeta' | 'forbidsDefaults' | 'uncorrelatable'>;

class SchemaWalk {
  readonly errors: FieldError[] = [];
  readonly ruleErrors: FieldError[] = [];
  readonly #strictness: SchemaStrictness;
  readonly #rules: RuleCompiler | undefined;

  constructor(strictness: SchemaStrictness, rules: RuleCompiler | undefined) {
    this.#strictness = strictness;
    this.#rules = rules;
  }

  visit(visit: Visit): void {
    if (this.errors.length >= MAX_SCHEMA_ERRORS) return;
    const { schema, path, site } = visit;
    const known = this.errors.length;
    this.#fields(visit);
    this.#values(visit);
    this.#properties(visit);
    this.#junctors(visit);
    this.#items(visit);
    if (schema['x-kubernetes-preserve-unknown-fields'] === false) {
      const keepPath = path.child('x-kubernetes-preserve-unknown-fields');
      this.errors.push(invalid(keepPath, false, 'must be true or undefined'));
    }
    const listErrors = validateListAndMapTypes(schema, path, this.#strictness);
    for (const error of listErrors.concat(validateRules(schema, path)).slice(0, MAX_SCHEMA_ERRORS)) {
      this.errors.push(error);
    }
    const hasRules = (schema['x-kubernetes-validations'] ?? []).length > 0;
    if (!hasRules || site === undefined || this.#rules === undefined || this.errors.length > known) return;
    const { uncorrelatable } = visit;
    this.ruleErrors.push(...this.#rules.compile(uncorrelatable === undefined ? site : { ...site, uncorrelatable }));
  }

  /** `specStandardValidatorV3` */
  #fields({ schema, path, forbidsDefaults, isInsideMeta }: Visit): void {
    if (this.#strictness.requiresKnownTypes && !hasKnownType(schema)) {
      this.errors.push(notSupported(path.child('type'), schema.type, TYPES));
    }
    if (isGiven(schema.default) && forbidsDefaults !== undefined) {
      this.errors.push(forbidden(path.child('default'), `must not be set ${forbidsDefaults}`));
    }
    for (const [field, isUsed] of UNSUPPORTED) {
      if (isUsed(schema)) this.errors.push(forbidden(path.child(field), `${field} is not supported`));
    }
    if (schema.type === 'null') {
      const detail = 'type cannot be set to null, use nullable as an alternative';
      this.errors.push(forbidden(path.child('type'), detail));
    }
    if (listedItemSchemas(schema).length > 0) {
      this.errors.push(forbidden(path.child('items'), 'items must be a schema object and not an array'));
    }
    if (isInsideMeta === true && schema['x-kubernetes-embedded-resource'] === true) {
      const embeddedPath = path.child('x-kubernetes-embedded-resource');
      this.errors.push(forbidden(embeddedPath, 'must not be used inside of resource meta'));
    }
    if (schema.uniqueItems === true) {
      const detail = 'uniqueItems cannot be set to true since the runtime complexity becomes quadratic';
      this.errors.push(forbidden(path.child('uniqueItems'), detail));
    }
  }

  #values(visit: Visit): void {
    const { schema, path, isInsideMeta } = visit;
    if (!isGiven(schema.additionalProperties)) return;
    const valuesPath = path.child('additionalProperties');
    if (!isEmptyMap(schema.properties) && schema.additionalProperties !== true) {
      this.errors.push(forbidden(valuesPath, 'additionalProperties and properties are mutual exclusive'));
    }
    const values = valueSchema(schema);
    if (values === undefined) return;
    const forbidsDefaults = 'inside additionalProperties applying to object metadata';
    this.visit({
      ...inherited(visit),
      ...(isInsideMeta === true ? { forbidsDefaults } : {}),
      schema: values,
      path: valuesPath,
      ...siteOf(visit, { schema: values, path: valuesPath, place: 'values' }),
    });
  }

  #properties(visit: Visit): void {
    const { schema, isRoot } = visit;
    const path = visit.path.child('properties');
    const mapType = schema['x-kubernetes-map-type'];
    const isResource = isRoot === true || schema['x-kubernetes-embedded-resource'] === true;
    for (const [name, field] of propertyEntries(schema)) {
      const fieldPath = path.key(name);
      const part: Visit = {
        ...inherited(visit),
        schema: field,
        path: fieldPath,
        ...siteOf(visit, { schema: field, path: fieldPath, place: 'property', property: name }),
      };
      if (isGiven(mapType) && mapType !== 'granular' && mapType !== 'atomic') part.uncorrelatable ??= visit.path;
      if (isResource && META_FIELDS.includes(name)) {
        part.isInsideMeta = true;
        if (isRoot === true) part.forbidsDefaults = `in top-level ${name}`;
      }
      this.visit(part);
    }
  }

  #junctors(visit: Visit): void {
    const { schema, path } = visit;
    const visitPart = (part: JsonSchemaProps | undefined, partPath: FieldPath): void => {
      if (isGiven(part)) this.visit({ ...inherited(visit), schema: part, path: partPath });
    };
    visitPart(schema.not, path.child('not'));
    for (const name of ['allOf', 'oneOf', 'anyOf'] as const) {
      schema[name]?.forEach((part, i) => visitPart(part, path.child(name).index(i)));
    }
    for (const name of ['definitions', 'dependencies'] as const) {
      for (const [key, part] of Object.entries(schema[name] ?? {})) {
        if (!Array.isArray(part)) visitPart(part as JsonSchemaProps, path.child(name).key(key));
      }
    }
  }

  #items(visit: Visit): void {
    const { schema } = visit;
    const path = visit.path.child('items');
    const base = inherited(visit);
    // Items of other lists than maps are not found again after an update.
    if (schema['x-kubernetes-list-type'] !== 'map') base.uncorrelatable ??= visit.path;
    const items = itemSchema(schema);
    if (items !== undefined) {
      this.visit({ ...base, schema: items, path, ...siteOf(visit, { schema: items, path, place: 'items' }) });
    }
    listedItemSchemas(schema).forEach((item, i) => this.visit({ ...base, schema: item, path: path.index(i) }));
  }
}

/** Fields that OpenAPI has, and definitions may not use. */
const UNSUPPORTED: readonly [field: string, isUsed: (schema: JsonSchemaProps) => boolean][] = [
  ['id', ({ id }) => !isZero(id)],
  ['additionalItems', ({ additionalItems }) => isGiven(additionalItems)],
  ['patternProperties', ({ patternProperties }) => !isEmptyMap(patternProperties)],
  ['definitions', ({ definitions }) => !isEmptyMap(definitions)],
  ['dependencies', ({ dependencies }) => isGiven(dependencies)],
  ['$ref', ({ $ref }) => isGiven($ref)],
];

function inherited({ isInsideMeta, forbidsDefaults, uncorrelatable }: Visit): Inherited {
  return {
    ...(isInsideMeta === undefined ? {} : { isInsideMeta }),
    ...(forbidsDefaults === undefined ? {} : { forbidsDefaults }),
    ...(uncorrelatable === undefined ? {} : { uncorrelatable }),
  };
}

function siteOf({ site }: Visit, part: RuleSite): { site?: RuleSite } {
  return site === undefined ? {} : { site: { ...part, parent: site } };
}
