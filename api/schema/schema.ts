/**
 * The structure of kinds: one form for built-in kinds (generated at build time from the pinned client package, plus
 * the hand-kept table of markers) and for CRDs. Wire types, OpenAPI, pruning, field validation, defaulting and every
 * kind of patch read it.
 */
export interface Schema {
  /** `ref` names another schema in the table; beside it stand only `description`, `default` and merge markers, which win. */
  ref?: string;
  type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean';
  /** `int32 int64 double byte date-time quantity int-or-string` … */
  format?: string;
  description?: string;
  properties?: Record<string, Schema>;
  required?: readonly string[];
  /** Values of a map. */
  additionalProperties?: Schema;
  items?: Schema;
  /** An integer or a string (`x-kubernetes-int-or-string`); also quantities accept numbers. */
  intOrString?: boolean;
  /** Unknown fields are kept (`x-kubernetes-preserve-unknown-fields`): RawExtension, FieldsV1, JSON. */
  preserveUnknownFields?: boolean;
  listType?: 'atomic' | 'set' | 'map';
  listMapKeys?: readonly string[];
  mapType?: 'atomic' | 'granular';
  /** Strategic merge patch: `merge`, `replace`, `retainKeys`, `merge,retainKeys`. */
  patchStrategy?: string;
  patchMergeKey?: string;
  /** For list-map keys that the server defaults before merging (`protocol: TCP`). */
  default?: unknown;
  /**
   * A field of a built-in struct whose value says nothing: left out when it is zero or empty, or written as its zero
   * where it is missing, as Go does. Absent: zero is a value like any other, and nothing is added.
   */
  whenEmpty?: 'omitted' | 'written';
  /** Of a custom kind: the JSON schema that its author wrote, which OpenAPI shows. */
  published?: object;
}

/** Schemas by model name (`V1Pod`, `IntOrString`); `resolve` follows a `ref`. */
export interface SchemaTable {
  get(name: string): Schema | undefined;
  resolve(schema: Schema): Schema;
  names(): string[];
}
