/**
 * Schemas of the table as OpenAPI writes them: version 3 (`components`) and version 2 (`definitions`), every schema
 * that some root refers to.
 */
import { definitionName } from '../../api/schema/definitions.ts';
import type { Schema, SchemaTable } from '../../api/schema/schema.ts';
import type { Descriptions } from '../../api/schema/table.ts';
import { publishedSchema } from './custom-schemas.ts';
import type { GroupVersionKind } from './operations.ts';

export type OpenApiSchema = Record<string, unknown>;

export interface ComponentsInput {
  version: 2 | 3;
  /** Schema names to begin with. */
  roots: Iterable<string>;
  table: SchemaTable;
  /** Without them the schemas have no texts. */
  descriptions: Descriptions | undefined;
  /** The kinds that a schema is, by schema name. */
  kinds: ReadonlyMap<string, readonly GroupVersionKind[]>;
}

/** Definition name to schema, sorted by name. */
export function componentsOf(input: ComponentsInput): Record<string, OpenApiSchema> {
  const writer = new ComponentWriter(input);
  for (const root of input.roots) writer.visit(root);
  return writer.finish();
}

/** `#/components/schemas/io.k8s.api.core.v1.Pod` */
export function refTo(name: string, { version, kinds }: Pick<ComponentsInput, 'version' | 'kinds'>): string {
  const path = version === 3 ? '#/components/schemas/' : '#/definitions/';
  return path + componentName(name, kinds);
}

/** A model's definition name; a custom kind has its group backwards: `com.example.v1.Widget`. */
function componentName(name: string, kinds: ComponentsInput['kinds']): string {
  const known = name === 'Patch' ? PATCH_DEFINITION : definitionName(name);
  if (known !== undefined) return known;
  const kind = kinds.get(name)?.[0];
  if (kind === undefined) return name;
  return [...kind.group.split('.').reverse(), kind.version, kind.kind].join('.');
}

const PATCH_DEFINITION = 'io.k8s.apimachinery.pkg.apis.meta.v1.Patch';

/** Scalars that are written in their own way, for version 3 and version 2. */
const SCALAR_FORMS: Readonly<Record<string, readonly [OpenApiSchema, OpenApiSchema]>> = {
  quantity: [{ oneOf: [{ type: 'string' }, { type: 'number' }] }, { type: 'string' }],
  'int-or-string': [
    { oneOf: [{ type: 'integer' }, { type: 'string' }], format: 'int-or-string' },
    { type: 'string', format: 'int-or-string' },
  ],
  'date-time-micro': [
    { type: 'string', format: 'date-time' },
    { type: 'string', format: 'date-time' },
  ],
  'schema-or-array': [{}, {}],
  'schema-or-bool': [{}, {}],
  'schema-or-string-array': [{}, {}],
};

/** What custom kinds say of their metadata (`swaggerPartialObjectMetadataDescriptions`). */
const METADATA =
  "Standard object's metadata. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata";

class ComponentWriter {
  readonly #input: ComponentsInput;
  readonly #written = new Map<string, OpenApiSchema>();
  readonly #pending: string[] = [];
  readonly #seen = new Set<string>();

  constructor(input: ComponentsInput) {
    this.#input = input;
  }

  visit(name: string): void {
    if (this.#seen.has(name)) return;
    this.#seen.add(name);
    this.#pending.push(name);
  }

  finish(): Record<string, OpenApiSchema> {
    for (let name = this.#pending.pop(); name !== undefined; name = this.#pending.pop()) {
      const written = this.#definition(name);
      if (written !== undefined) this.#written.set(componentName(name, this.#input.kinds), written);
    }
    return Object.fromEntries([...this.#written].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  #definition(name: string): OpenApiSchema | undefined {
    if (name === 'Patch') return { type: 'object' };
    const schema = this.#input.table.get(name);
    if (schema === undefined) return undefined;
    const kinds = this.#input.kinds.get(name) ?? [];
    return {
      ...this.#described(this.#text(name, '') ?? schema.description),
      ...(schema.published === undefined ? this.#body(schema, name) : this.#customBody(schema.published)),
      ...(kinds.length > 0 ? { 'x-kubernetes-group-version-kind': kinds } : {}),
    };
  }

  /** What every object has is described as for any other kind. */
  #customBody(published: object): OpenApiSchema {
    const { properties, rest } = publishedSchema(published, this.#input.version);
    const own = this.#input.table.get('V1ConfigMap')!.properties!;
    const common = ['apiVersion', 'kind', 'metadata'].map((name) => [
      name,
      this.#field(own[name]!, name === 'metadata' ? METADATA : this.#text('V1ConfigMap', name)),
    ]);
    return { ...rest, type: 'object', properties: { ...properties, ...Object.fromEntries(common) } };
  }

  #body(schema: Schema, model: string): OpenApiSchema {
    const form = schema.format === undefined ? undefined : SCALAR_FORMS[schema.format];
    if (form !== undefined) return form[this.#input.version === 3 ? 0 : 1];
    const properties: Record<string, OpenApiSchema> = {};
    for (const [name, field] of Object.entries(schema.properties ?? {})) {
      properties[name] = this.#field(field, this.#text(model, name) ?? this.#textOfRef(field));
    }
    return {
      ...(schema.type === undefined ? {} : { type: schema.type }),
      ...(schema.format === undefined ? {} : { format: schema.format }),
      ...(Object.keys(properties).length > 0 ? { properties } : {}),
      ...(schema.required === undefined ? {} : { required: schema.required }),
      ...(schema.items === undefined ? {} : { items: this.#field(schema.items, undefined) }),
      ...(schema.additionalProperties === undefined
        ? {}
        : { additionalProperties: this.#field(schema.additionalProperties, undefined) }),
      ...markersOf(schema),
    };
  }

  /** A schema in place: a ref, or the schema itself. */
  #field(schema: Schema, text: string | undefined): OpenApiSchema {
    const description = this.#described(text ?? schema.description);
    if (schema.ref === undefined) return { ...description, ...this.#body(schema, '') };
    this.visit(schema.ref);
    if (definitionName(schema.ref) === undefined && !this.#input.kinds.has(schema.ref)) {
      return { ...description, ...this.#body(this.#input.table.resolve(schema), '') };
    }
    const ref = { $ref: refTo(schema.ref, this.#input) };
    const beside = { ...description, ...markersOf(schema) };
    if (this.#input.version === 2 || Object.keys(beside).length === 0) return { ...ref, ...beside };
    return { allOf: [ref], ...beside };
  }

  #text(model: string, field: string): string | undefined {
    const texts = this.#input.descriptions;
    return texts !== undefined && Object.hasOwn(texts, model) ? texts[model]?.[field] : undefined;
  }

  /** A field that holds a model is not described by the package; then the model's own text has to do. */
  #textOfRef(field: Schema): string | undefined {
    return field.ref === undefined ? undefined : this.#text(field.ref, '');
  }

  #described(text: string | undefined): OpenApiSchema {
    return text === undefined || this.#input.descriptions === undefined ? {} : { description: text };
  }
}

function markersOf(schema: Schema): OpenApiSchema {
  return {
    ...(schema.default === undefined ? {} : { default: schema.default }),
    ...(schema.listType === undefined ? {} : { 'x-kubernetes-list-type': schema.listType }),
    ...(schema.listMapKeys === undefined ? {} : { 'x-kubernetes-list-map-keys': schema.listMapKeys }),
    ...(schema.mapType === undefined ? {} : { 'x-kubernetes-map-type': schema.mapType }),
    ...(schema.patchMergeKey === undefined ? {} : { 'x-kubernetes-patch-merge-key': schema.patchMergeKey }),
    ...(schema.patchStrategy === undefined ? {} : { 'x-kubernetes-patch-strategy': schema.patchStrategy }),
  };
}
