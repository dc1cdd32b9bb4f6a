/**
 * What ownership of fields needs to know of a schema: which values are one leaf, and which have parts that different
 * managers can own (upstream: structured-merge-diff `schema`).
 */
import type { Schema, SchemaTable } from '../schema/schema.ts';

export interface Shape {
  /** `deduced`: objects have parts, everything else is a leaf. */
  kind: 'leaf' | 'struct' | 'map' | 'list-map' | 'set' | 'deduced';
  /** A struct's fields; others are not tracked. */
  fields: Map<string, Shape>;
  element: Shape | undefined;
  /** Keys of a list's items, in the order in which they are written. */
  keys: readonly string[];
  keyDefaults: Readonly<Record<string, unknown>>;
  /**
   * An empty one is always there in Go (a struct held by value, a list without `omitempty`), so that adding one adds
   * its parts and not itself.
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

const roots = new WeakMap<SchemaTable, Map<string | Schema, Shape>>();
const shapes = new WeakMap<Schema, Map<string, Shape>>();

/** The shape of a kind, without the fields that are never owned. Throws when the table does not have the name. */
export function rootShape(table: SchemaTable, schema: string | Schema): Shape {
  let known = roots.get(table);
  if (known === undefined) roots.set(table, (known = new Map<string | Schema, Shape>()));
  let shape = known.get(schema);
  if (shape === undefined) known.set(schema, (shape = buildRoot(table, schema)));
  return shape;
}

function buildRoot(table: SchemaTable, schema: string | Schema): Shape {
  const definition = typeof schema === 'string' ? table.get(schema) : schema;
  if (definition === undefined) throw new Error(`schema ${String(schema)} is not in the table`);
  const whole = shapeOf(definition, { table, isAlwaysThere: true });
  const fields = new Map(whole.fields);
  fields.delete('apiVersion');
  fields.delete('kind');
  const metadata = fields.get('metadata') ?? shapeOf({ ref: 'V1ObjectMeta' }, { table, isAlwaysThere: true });
  const tracked = new Map(metadata.fields);
  for (const name of UNTRACKED_METADATA) tracked.delete(name);
  fields.set('metadata', { ...metadata, fields: tracked });
  return { ...whole, kind: whole.kind === 'deduced' ? 'deduced' : 'struct', fields };
}

interface ShapeContext {
  table: SchemaTable;
  isAlwaysThere: boolean;
}

function shapeOf(schema: Schema, context: ShapeContext): Shape {
  let variants = shapes.get(schema);
  if (variants === undefined) shapes.set(schema, (variants = new Map<string, Shape>()));
  const variant = String(context.isAlwaysThere);
  let shape = variants.get(variant);
  if (shape !== undefined) return shape;
  shape = {
    kind: 'leaf',
    fields: new Map(),
    element: undefined,
    keys: [],
    keyDefaults: {},
    isAlwaysThere: context.isAlwaysThere,
  };
  variants.set(variant, shape);
  fill(shape, schema, context.table);
  return shape;
}

function fill(shape: Shape, schema: Schema, table: SchemaTable): void {
  const target = table.resolve(schema);
  if (target.type === 'array') fillList(shape, { ...target, ...schema }, table);
  else if (target.type !== 'object' || (schema.mapType ?? target.mapType) === 'atomic') shape.kind = 'leaf';
  else if (target.properties !== undefined) {
    shape.kind = 'struct';
    const required = new Set(target.required);
    for (const [name, field] of Object.entries(target.properties)) {
      const isAlwaysThere = required.has(name) || field.whenEmpty === 'written';
      shape.fields.set(name, shapeOf(field, { table, isAlwaysThere }));
    }
  } else if (target.additionalProperties !== undefined) {
    shape.kind = 'map';
    shape.element = shapeOf(target.additionalProperties, { table, isAlwaysThere: false });
  } else shape.kind = 'deduced';
}

function fillList(shape: Shape, schema: Schema, table: SchemaTable): void {
  if (schema.listType === 'set') shape.kind = 'set';
  if (schema.listType !== 'map' || schema.items === undefined) return;
  shape.kind = 'list-map';
  shape.element = shapeOf(schema.items, { table, isAlwaysThere: false });
  shape.keys = [...(schema.listMapKeys ?? [])].sort();
  const properties = table.resolve(schema.items).properties ?? {};
  const defaults = shape.keys.map((key): [string, unknown] => [key, properties[key]?.default]);
  shape.keyDefaults = Object.fromEntries(defaults.filter(([, value]) => value !== undefined));
}
