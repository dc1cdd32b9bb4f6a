/**
 * Schemas compiled into the form that the structure check walks: refs resolved once, fields in maps, Go's type names
 * ready for error texts. Compiled lazily, model by model, and kept for as long as the table lives.
 */
import { goTypeName } from './definitions.ts';
import type { Schema, SchemaTable } from './schema.ts';

export type PlanKind =
  | 'struct'
  | 'map'
  | 'list'
  | 'string'
  | 'int32'
  | 'int64'
  | 'number'
  | 'boolean'
  | 'bytes'
  | 'quantity'
  | 'int-or-string'
  | 'time'
  | 'micro-time'
  | 'schema-or'
  | 'any';

export interface Plan {
  kind: PlanKind;
  /** As Go prints the type: `v1.PodSpec`, `[]string`, `int32`. */
  goType: string;
  /** A struct's name without its package. */
  structName: string;
  /** A struct's fields. */
  fields: Map<string, FieldPlan>;
  /** A struct's fields that stand in every object. */
  written: FieldPlan[];
  /** Values of a map, items of a list; for `schema-or` the schema model itself. */
  element: Plan | undefined;
  /** Fields that are not named are kept. */
  preserves: boolean;
}

export interface FieldPlan {
  name: string;
  plan: Plan;
  /** Left out when it is zero or empty, as Go's `omitempty` does. */
  omitsEmpty: boolean;
  /** A time that stands as `null` where it is not set. */
  keepsNull: boolean;
}

const compiled = new WeakMap<SchemaTable, Map<string, Plan>>();
const inline = new WeakMap<Schema, Plan>();

/** The plan of a model by name, or of an inline schema (a CRD's). Throws when the table does not have the name. */
export function planOf(table: SchemaTable, schema: string | Schema): Plan {
  if (typeof schema === 'string') return namedPlan(table, schema);
  let plan = inline.get(schema);
  if (plan === undefined) {
    plan = emptyPlan();
    inline.set(schema, plan);
    fill(plan, schema, table);
  }
  return plan;
}

function namedPlan(table: SchemaTable, name: string): Plan {
  let plans = compiled.get(table);
  if (plans === undefined) compiled.set(table, (plans = new Map<string, Plan>()));
  let plan = plans.get(name);
  if (plan !== undefined) return plan;
  const schema = table.get(name);
  if (schema === undefined) throw new Error(`schema ${name} is not in the table`);
  plan = emptyPlan();
  plans.set(name, plan);
  plan.goType = goTypeName(name);
  plan.structName = plan.goType.slice(plan.goType.lastIndexOf('.') + 1);
  fill(plan, schema, table);
  return plan;
}

function emptyPlan(): Plan {
  return {
    kind: 'any',
    goType: '',
    structName: '',
    fields: new Map(),
    written: [],
    element: undefined,
    preserves: false,
  };
}

const SCALAR_FORMATS: Readonly<Record<string, { kind: PlanKind; goType: string }>> = {
  quantity: { kind: 'quantity', goType: 'resource.Quantity' },
  'date-time': { kind: 'time', goType: 'v1.Time' },
  'date-time-micro': { kind: 'micro-time', goType: 'v1.MicroTime' },
  byte: { kind: 'bytes', goType: '[]uint8' },
};

function fill(plan: Plan, schema: Schema, table: SchemaTable): void {
  plan.preserves = schema.preserveUnknownFields === true;
  if (schema.format?.startsWith('schema-or') === true) {
    plan.kind = 'schema-or';
    plan.element = namedPlan(table, 'V1JSONSchemaProps');
  } else if (schema.format !== undefined && Object.hasOwn(SCALAR_FORMATS, schema.format) && schema.type === 'string') {
    Object.assign(plan, SCALAR_FORMATS[schema.format]);
  } else if (schema.intOrString === true) {
    Object.assign(plan, { kind: 'int-or-string', goType: 'int32' });
  } else if (schema.type === 'object') fillObject(plan, schema, table);
  else if (schema.type === 'array') fillList(plan, schema, table);
  else Object.assign(plan, scalarKind(schema));
}

function fillObject(plan: Plan, schema: Schema, table: SchemaTable): void {
  if (schema.additionalProperties !== undefined) {
    plan.kind = 'map';
    plan.element = childPlan(schema.additionalProperties, table);
    plan.goType = plan.element.kind === 'quantity' ? 'v1.ResourceList' : `map[string]${plan.element.goType}`;
  } else if (schema.properties !== undefined) {
    plan.kind = 'struct';
    for (const [name, field] of Object.entries(schema.properties)) {
      const child = fieldPlan(name, childPlan(field, table), field.whenEmpty);
      plan.fields.set(name, child);
      if (field.whenEmpty === 'written') plan.written.push(child);
    }
  } else plan.kind = plan.preserves ? 'any' : 'struct';
}

function fieldPlan(name: string, plan: Plan, whenEmpty: Schema['whenEmpty']): FieldPlan {
  const isTime = plan.kind === 'time' || plan.kind === 'micro-time';
  return { name, plan, omitsEmpty: whenEmpty === 'omitted', keepsNull: whenEmpty === 'written' && isTime };
}

function fillList(plan: Plan, schema: Schema, table: SchemaTable): void {
  plan.kind = 'list';
  plan.element = schema.items === undefined ? emptyPlan() : childPlan(schema.items, table);
  plan.goType = `[]${plan.element.goType}`;
}

function childPlan(schema: Schema, table: SchemaTable): Plan {
  return schema.ref === undefined ? planOf(table, schema) : namedPlan(table, schema.ref);
}

function scalarKind(schema: Schema): Partial<Plan> {
  if (schema.type === 'string') return { kind: 'string', goType: 'string' };
  if (schema.type === 'boolean') return { kind: 'boolean', goType: 'bool' };
  if (schema.type === 'number') return { kind: 'number', goType: 'float64' };
  if (schema.type === 'integer') {
    return schema.format === 'int32' ? { kind: 'int32', goType: 'int32' } : { kind: 'int64', goType: 'int64' };
  }
  return { kind: 'any', goType: 'interface {}' };
}
