/**
 * Turns the client package's models and the hand-kept tables into the schema table and its descriptions.
 * Pure: texts in, data out. Anything that is not known is an error.
 */
import { definitionName } from '../definitions.ts';
import { ATOMIC_MODELS, FIELD_MARKERS } from '../markers.ts';
import { FIELD_TYPES, KEY_DEFAULTS, SCALARS } from '../scalars.ts';
import type { Schema } from '../schema.ts';
import { whenEmpty, zeroTableKeys, zeroTableNames } from '../zero-values.ts';
import type { ZeroField } from '../zero-values.ts';
import type { Model, ModelField } from './model-text.ts';

export interface Generated {
  /** Schema by model name; no descriptions. */
  schemas: Record<string, Schema>;
  /** Model to field to text; the field `''` is the model itself. */
  descriptions: Record<string, Record<string, string>>;
}

/** Throws when a model or a type is unknown, and when a table names a field that does not exist. */
export function generateSchemas(models: readonly Model[]): Generated {
  const known = new Set([...models.map((model) => model.name), ...Object.keys(SCALARS)]);
  const unused = new Set([
    ...[FIELD_MARKERS, FIELD_TYPES, KEY_DEFAULTS].flatMap((fields) => Object.keys(fields)),
    ...zeroTableKeys(),
    ...zeroTableNames().map((name) => `*.${name}`),
  ]);
  const schemas: Record<string, Schema> = { ...SCALARS };
  const descriptions: Generated['descriptions'] = {};
  for (const model of models) {
    if (definitionName(model.name) === undefined) throw new Error(`model ${model.name} is not in definitions.ts`);
    schemas[model.name] = modelSchema(model, known);
    descriptions[model.name] = modelDescriptions(model);
    for (const { name } of model.fields) {
      unused.delete(`${model.name}.${name}`);
      unused.delete(`*.${name}`);
    }
  }
  const absent = ATOMIC_MODELS.filter((name) => schemas[name] === undefined);
  const stale = [...unused, ...absent];
  if (stale.length > 0) throw new Error(`the tables name what the package does not have: ${stale.join(', ')}`);
  return { schemas, descriptions };
}

function modelSchema(model: Model, known: ReadonlySet<string>): Schema {
  const properties: Record<string, Schema> = {};
  for (const field of model.fields) {
    const key = `${model.name}.${field.name}`;
    const schema = fieldSchema(field, { override: FIELD_TYPES[key], known, key });
    Object.assign(schema, FIELD_MARKERS[key]);
    if (Object.hasOwn(KEY_DEFAULTS, key)) schema.default = KEY_DEFAULTS[key];
    const zero = whenEmpty({ model: model.name, name: field.name, kind: zeroKind(schema), required: field.required });
    if (zero !== undefined) schema.whenEmpty = zero;
    properties[field.name] = schema;
  }
  const required = model.fields.filter((field) => field.required).map((field) => field.name);
  return {
    type: 'object',
    properties,
    ...(required.length > 0 ? { required } : {}),
    ...(ATOMIC_MODELS.includes(model.name) ? { mapType: 'atomic' } : {}),
  };
}

/** Quantities and objects of any kind have forms of their own, which no rule about zero covers. */
function zeroKind(schema: Schema): ZeroField['kind'] {
  if (schema.ref === 'Time' || schema.ref === 'MicroTime') return 'time';
  if (schema.ref !== undefined) return Object.hasOwn(SCALARS, schema.ref) ? 'other' : 'struct';
  if (schema.type === 'array' || schema.type === 'object' || schema.format === 'byte') return 'container';
  return 'scalar';
}

interface TypeContext {
  /** What `FIELD_TYPES` says. */
  override: string | undefined;
  known: ReadonlySet<string>;
  /** `<model>.<field>`, for errors. */
  key: string;
}

function fieldSchema({ type, format }: { type: string; format: string }, context: TypeContext): Schema {
  const list = /^Array<(.+)>$/.exec(type);
  if (list !== null) return { type: 'array', items: fieldSchema({ type: list[1]!, format }, context) };
  const map = /^\{ \[key: string\]: (.+); \}$/.exec(type);
  if (map !== null) {
    return { type: 'object', additionalProperties: fieldSchema({ type: map[1]!, format }, context) };
  }
  if (context.override !== undefined) return overriddenSchema(context.override, type, context);
  if (context.known.has(type)) return { ref: type };
  const plain = PLAIN_TYPES[`${type} ${format}`.trim()];
  if (plain === undefined)
    throw new Error(`${context.key}: unknown type ${JSON.stringify(type)} format ${JSON.stringify(format)}`);
  return { ...plain };
}

const PLAIN_TYPES: Readonly<Record<string, Schema>> = {
  string: { type: 'string' },
  'string byte': { type: 'string', format: 'byte' },
  boolean: { type: 'boolean' },
  'number int32': { type: 'integer', format: 'int32' },
  'number int64': { type: 'integer', format: 'int64' },
  'number double': { type: 'number', format: 'double' },
  'Date date-time': { ref: 'Time' },
  'V1MicroTime date-time-micro': { ref: 'MicroTime' },
};

function overriddenSchema(override: string, type: string, { known, key }: TypeContext): Schema {
  if (known.has(override)) {
    if (type !== 'string' && type !== 'any') throw new Error(`${key} is ${type}, not a flattened ${override}`);
    return { ref: override };
  }
  if (override === 'byte' && type === 'string') return { type: 'string', format: 'byte' };
  if ((override === 'int32' || override === 'int64') && type === 'number') return { type: 'integer', format: override };
  throw new Error(`${key}: ${type} cannot become ${override}`);
}

function modelDescriptions(model: Model): Record<string, string> {
  const texts: Record<string, string> = {};
  if (model.description !== '') texts[''] = model.description;
  for (const field of model.fields as readonly ModelField[]) {
    if (field.description !== '') texts[field.name] = field.description;
  }
  return texts;
}
