/** Wire types of `apiextensions.k8s.io/v1`, with the field names that travel (the client package renames some). */
import type { V1CustomResourceDefinition, V1CustomResourceDefinitionSpec } from '@kubernetes/client-node';
import type { Wire, WireObject } from '../../machinery/meta.ts';

export interface ValidationRule {
  rule: string;
  message?: string;
  messageExpression?: string;
  reason?: string;
  fieldPath?: string;
  optionalOldSelf?: boolean;
}

/** A JSON schema as a CustomResourceDefinition carries it: any value may stand where upstream has `JSON`. */
export interface JsonSchemaProps {
  $ref?: string;
  $schema?: string;
  additionalItems?: JsonSchemaProps | boolean;
  additionalProperties?: JsonSchemaProps | boolean;
  allOf?: readonly JsonSchemaProps[];
  anyOf?: readonly JsonSchemaProps[];
  default?: unknown;
  definitions?: Readonly<Record<string, JsonSchemaProps>>;
  dependencies?: Readonly<Record<string, JsonSchemaProps | readonly string[]>>;
  description?: string;
  enum?: readonly unknown[];
  example?: unknown;
  exclusiveMaximum?: boolean;
  exclusiveMinimum?: boolean;
  externalDocs?: { description?: string; url?: string };
  format?: string;
  id?: string;
  /** A list of schemas is decoded, and refused by validation. */
  items?: JsonSchemaProps | readonly JsonSchemaProps[];
  maxItems?: number;
  maxLength?: number;
  maxProperties?: number;
  maximum?: number;
  minItems?: number;
  minLength?: number;
  minProperties?: number;
  minimum?: number;
  multipleOf?: number;
  not?: JsonSchemaProps;
  nullable?: boolean;
  oneOf?: readonly JsonSchemaProps[];
  pattern?: string;
  patternProperties?: Readonly<Record<string, JsonSchemaProps>>;
  properties?: Readonly<Record<string, JsonSchemaProps>>;
  required?: readonly string[];
  title?: string;
  type?: string;
  uniqueItems?: boolean;
  'x-kubernetes-embedded-resource'?: boolean;
  'x-kubernetes-int-or-string'?: boolean;
  'x-kubernetes-list-map-keys'?: readonly string[];
  'x-kubernetes-list-type'?: string;
  'x-kubernetes-map-type'?: string;
  'x-kubernetes-preserve-unknown-fields'?: boolean;
  'x-kubernetes-validations'?: readonly ValidationRule[];
}

type WireSpec = Wire<V1CustomResourceDefinitionSpec>;

export type CustomResourceDefinitionVersion = Omit<WireSpec['versions'][number], 'schema'> & {
  schema?: { openAPIV3Schema?: JsonSchemaProps };
};

export type CustomResourceDefinitionSpec = Omit<WireSpec, 'versions'> & {
  versions: CustomResourceDefinitionVersion[];
};

export type CustomResourceDefinitionNames = WireSpec['names'];

/** A decoded CustomResourceDefinition. */
export type CustomResourceDefinition = Omit<WireObject<V1CustomResourceDefinition>, 'spec'> & {
  spec: CustomResourceDefinitionSpec;
};

export type CustomResourceDefinitionCondition = NonNullable<
  NonNullable<CustomResourceDefinition['status']>['conditions']
>[number];
