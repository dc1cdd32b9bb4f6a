/**
 * The CEL type of a schema: `k8s.io/apiserver/pkg/cel/common/schemas.go` SchemaDeclType, with its estimates of sizes.
 */
import type { Schema, SchemaTable } from '../schema/schema.ts';
import type { CelType } from './types.ts';

/** A schema with what a CRD may say beyond a built-in kind's. */
export interface CelSchema extends Schema {
  properties?: Record<string, CelSchema>;
  additionalProperties?: CelSchema;
  items?: CelSchema;
  maxLength?: number;
  maxItems?: number;
  maxProperties?: number;
  enum?: readonly unknown[];
  /** `x-kubernetes-embedded-resource`. */
  embeddedResource?: boolean;
}

export interface SchemaTypeOptions {
  /** The root of an object or an embedded one: `apiVersion`, `kind`, `metadata.name`, `metadata.generateName` are there. */
  readonly root?: boolean;
  /** For schemas with `ref`. */
  readonly table?: SchemaTable;
}

/** Undefined: expressions cannot see values of this schema. */
export declare function schemaType(schema: CelSchema, options?: SchemaTypeOptions): CelType | undefined;
