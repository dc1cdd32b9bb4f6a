/**
 * What definitions are checked for that takes more than their schemas: whether default values fit, and whether the
 * expressions of rules compile and are cheap enough.
 */
import type { FieldError, FieldPath } from '../../machinery/field-error.ts';
import type { CustomResourceDefinition, JsonSchemaProps } from './types.ts';

/** What is known elsewhere of the contents of structural schemas. Absent: not checked. */
export interface SchemaChecks {
  /** Problems of default values. */
  defaults?(schema: JsonSchemaProps, path: FieldPath, options: { requiresPruned: boolean }): FieldError[];
  /** Whether a default has fields that its schema has not. */
  hasUnprunedDefaults?(schema: JsonSchemaProps): boolean;
  /** A compiler for the rules of one schema. */
  rules?(schema: JsonSchemaProps, options: RuleOptions): RuleCompiler;
}

export interface RuleOptions {
  /** The schema was accepted as it is, so a single rule may be dear. */
  isUnchanged: boolean;
  /** What stood before an update: its expressions may use what is not offered to new ones. */
  previous?: CustomResourceDefinition;
}

/** A schema with rules, in its place. */
export interface RuleSite {
  schema: JsonSchemaProps;
  path: FieldPath;
  /** How the schema that it stands in has it: as the whole, as a field, as its items, or as a map's values. */
  place: 'root' | 'property' | 'items' | 'values';
  parent?: RuleSite;
  /** The name of a `property`. */
  property?: string;
  /** Below this, values before and after an update cannot be told apart, hence `oldSelf` may not be used. */
  uncorrelatable?: FieldPath;
}

/** Compiles the rules of one version's schema. Costs add up over the calls. */
export interface RuleCompiler {
  /** Problems of the rules of one schema, of which none is known otherwise. */
  compile(site: RuleSite): FieldError[];
  /** Problems of all rules together. */
  total(path: FieldPath): FieldError[];
}
