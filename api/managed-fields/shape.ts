/**
 * What ownership of fields needs to know of a schema: which values are one leaf, and which have parts that different
 * managers can own (upstream: structured-merge-diff `schema`).
 */
import type { Schema, SchemaTable } from '../schema/schema.ts';

export interface Shape {
  /** `deduced`: objects have parts, everything else is a leaf. */
  kind: 'leaf' | 'struct' | 'map' | 'list-map' | 'set' | 'deduced';
  /** Those that are `undefined` are not tracked. */
  fields: Map<string, Shape | undefined>;
  /** Of a list or map, and of a struct's other fields; without it those are not tracked. */
  element: Shape | undefined;
  /** Keys of a list's items, in the order in which they are written. */
  keys: readonly string[];
  keyDefaults: Readonly<Record<string, unknown>>;
  /**
   * An empty one is always there in Go (a struct held by value, a list without `omitempty`), so that adding one adds
   * its parts and not itself. Never in custom resources, which are no Go structs.
   */
  isAlwaysThere: boolean;
}

/** Fields that no manager owns (upstream: `stripmeta.go`). */
const UNTRACKED_METADATA = [
  'name',
  'namespace',
  'creationTimestamp',
  'selfLink',
  'uid',
  'clusterName',
  'generation',
  'managedFields',
  'resourceVersion',
];

const roots = new WeakMap<Schema, Shape>();
const shapes = new WeakMap<Schema, Map<string, Shape>>();

/** What nobody knows the structure of: objects have parts, everything else is one value. */
export const DEDUCED: Shape = {
  kind: 'deduced',
  fields: new Map(),
  element: undefined,
  keys: [],
  keyDefaults: {},
  isAlwaysThere: false,
};
DEDUCED.element = DEDUCED;

/**
 * The shape of a kind, without the fields that are never owned. Throws when the table does not have the name. A schema
 * that is given as such, or is `published` by a definition, is a custom kind's.
 */
export function rootShape(table: SchemaTable, schema: string | Schema): Shape {
  const definition = typeof schema === 'string' ? table.get(schema) : schema;
  if (definition === undefined) throw new Error(`schema ${String(schema)} is not in the table`);
  let shape = roots.get(definition);
  if (shape === undefined) {
    const isCustom = typeof schema !== 'string' || definition.published !== undefined;
    roots.set(definition, (shape = buildRoot(definition, { table, isCustom, isAlwaysThere: true })));
  }
  return shape;
}

function buildRoot(definition: Schema, context: ShapeContext): Shape {
  const known = shapeOf(definition, context);
  const whole = known.kind === 'leaf' ? { ...known, ...DEDUCED } : known;
  const fields = new Map(whole.fields);
  fields.set('apiVersion', undefined);
  fields.set('kind', undefined);
  const metadata = shapeOf({ ref: 'V1ObjectMeta' }, context);
  const tracked = new Map(metadata.fields);
  for (const name of UNTRACKED_METADATA) tracked.delete(name);
  fields.set('metadata', { ...metadata, fields: tracked });
  return { ...whole, kind: 'struct', fields, isAlwaysThere: true };
}

interface ShapeContext {
  table: SchemaTable;
  isCustom: boolean;
  isAlwaysThere: boolean;
}

function shapeOf(schema: Schema, context: ShapeContext): Shape {
  let variants = shapes.get(schema);
  if (variants === undefined) shapes.set(schema, (variants = new Map<string, Shape>()));
  const variant = `${context.isCustom} ${context.isAlwaysThere}`;
  let shape = variants.get(variant);
  if (shape !== undefined) return shape;
  shape = {
    kind: 'leaf',
    fields: new Map(),
    element: undefined,
    keys: [],
    keyDefaults: {},
    isAlwaysThere: context.isAlwaysThere && !context.isCustom,
  };
  variants.set(variant, shape);
  fill(shape, schema, context);
  return shape;
}

function fill(shape: Shape, schema: Schema, context: ShapeContext): void {
  const target = context.table.resolve(schema);
  if (target.type === 'array') fillList(shape, { ...target, ...schema }, context);
  else if (isFree(target)) Object.assign(shape, { ...DEDUCED, isAlwaysThere: shape.isAlwaysThere });
  else if (target.type !== 'object' || (schema.mapType ?? target.mapType) === 'atomic') shape.kind = 'leaf';
  else fillObject(shape, target, context);
}

/** Anything may stand there. Built-in values of several types have a `format`, and are owned as one. */
function isFree({ type, preserveUnknownFields, format, intOrString }: Schema): boolean {
  return type === undefined && preserveUnknownFields === true && format === undefined && intOrString !== true;
}

function fillObject(shape: Shape, schema: Schema, { table, isCustom }: ShapeContext): void {
  const { properties, additionalProperties, preserveUnknownFields = false } = schema;
  const isTyped = properties !== undefined || additionalProperties !== undefined;
  if (!isTyped) {
    // An object of a custom resource that may not have fields is one value; a built-in one has any.
    if (isCustom && !preserveUnknownFields) return;
    Object.assign(shape, { ...DEDUCED, isAlwaysThere: shape.isAlwaysThere });
    return;
  }
  shape.kind = properties === undefined ? 'map' : 'struct';
  const required = new Set(schema.required);
  for (const [name, field] of Object.entries(properties ?? {})) {
    const isAlwaysThere = required.has(name) || field.whenEmpty === 'written';
    shape.fields.set(name, shapeOf(field, { table, isCustom, isAlwaysThere }));
  }
  if (additionalProperties !== undefined)
    shape.element = shapeOf(additionalProperties, { table, isCustom, isAlwaysThere: false });
  else if (preserveUnknownFields) shape.element = DEDUCED;
}

function fillList(shape: Shape, schema: Schema, { table, isCustom }: ShapeContext): void {
  if (schema.listType === 'set') shape.kind = 'set';
  if (schema.listType !== 'map' || schema.items === undefined) return;
  shape.kind = 'list-map';
  shape.element = shapeOf(schema.items, { table, isCustom, isAlwaysThere: false });
  shape.keys = [...(schema.listMapKeys ?? [])].sort();
  const properties = table.resolve(schema.items).properties ?? {};
  const defaults = shape.keys.map((key): [string, unknown] => [key, properties[key]?.default]);
  shape.keyDefaults = Object.fromEntries(defaults.filter(([, value]) => value !== undefined));
}
