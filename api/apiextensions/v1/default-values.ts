/**
 * Default values must be what their schema asks for, and have no fields beside (upstream: apiextensions-apiserver
 * `pkg/apiserver/schema/defaulting/validation.go`).
 */
import { formatFieldError, invalid } from '../../machinery/field-error.ts';
import type { FieldError, FieldPath } from '../../machinery/field-error.ts';
import { equalJson, isObject, setOwn } from '../../patch/json-value.ts';
import { validateEmbedded } from './embedded.ts';
import { pruneCustomObject } from './prune.ts';
import { isGiven, itemSchema, propertyEntries, someSchema } from './schema-walk.ts';
import { isEmbeddedResource } from './structural.ts';
import type { JsonSchemaProps } from './types.ts';
import { validateCustomObject } from './value-validation.ts';

const OBJECT_FIELDS = ['apiVersion', 'kind', 'metadata'];

/** A schema in its place; `meta` leads there from the object whose `apiVersion`, `kind` or `metadata` it is in. */
interface Place {
  schema: JsonSchemaProps;
  path: FieldPath;
  isWhole?: boolean;
  meta?: readonly (string | number)[];
}

/** `schema` is structural, and the root's. Defaults inside of maps' values are not looked at, as upstream. */
export function validateDefaults(
  schema: JsonSchemaProps,
  path: FieldPath,
  { requiresPruned }: { requiresPruned: boolean },
): FieldError[] {
  const errors: FieldError[] = [];
  if (hasDefaults(schema)) visit({ schema, path, isWhole: true }, requiresPruned, errors);
  return errors;
}

export function hasUnprunedDefaults(schema: JsonSchemaProps): boolean {
  return someSchema(schema, (part) => isGiven(part.default) && !isPruned(part));
}

function hasDefaults(schema: JsonSchemaProps): boolean {
  return someSchema(schema, (part) => isGiven(part.default));
}

function visit({ schema, path, isWhole, meta }: Place, requiresPruned: boolean, errors: FieldError[]): void {
  const isObjectItself = isWhole === true || isEmbeddedResource(schema);
  const steps = isObjectItself ? undefined : meta;
  if (isGiven(schema.default)) {
    const found = steps === undefined ? valueErrors(schema, path, requiresPruned) : metaErrors(schema, path, steps);
    for (const error of found) errors.push(error);
  }
  const items = itemSchema(schema);
  if (items !== undefined) {
    const place = { schema: items, path: path.child('items') };
    visit({ ...place, ...(steps === undefined ? {} : { meta: [...steps, 0] }) }, requiresPruned, errors);
  }
  for (const [name, property] of propertyEntries(schema)) {
    const entersMeta = isObjectItself && OBJECT_FIELDS.includes(name);
    const isInside = entersMeta || steps !== undefined;
    const place = { schema: property, path: path.child('properties').key(name) };
    visit({ ...place, ...(isInside ? { meta: [...(steps ?? []), name] } : {}) }, requiresPruned, errors);
  }
}

function valueErrors(schema: JsonSchemaProps, path: FieldPath, requiresPruned: boolean): FieldError[] {
  const errors: FieldError[] = [];
  if (requiresPruned && !isPruned(schema)) {
    errors.push(invalid(path.child('default'), schema.default, 'must not have unknown fields'));
  }
  const { object, wrapper } = wrapped(schema);
  const embedded = validateEmbedded(object, wrapper);
  const problems = embedded.length > 0 ? embedded : validateCustomObject(object, wrapper);
  return [...errors, ...inPlace(problems, path)];
}

/** What the default makes of the metadata around it. */
function metaErrors(schema: JsonSchemaProps, path: FieldPath, steps: readonly (string | number)[]): FieldError[] {
  const surroundings = { apiVersion: 'validation/v1', kind: 'Validation', metadata: { name: 'validation' } };
  setDeep(surroundings, steps, structuredClone(schema.default));
  const type = metadataTypeProblem(surroundings.metadata);
  const problems =
    type === undefined
      ? validateEmbedded(surroundings, { 'x-kubernetes-embedded-resource': true }).map(formatFieldError)
      : [type];
  if (problems.length > 0) {
    const text = problems.length === 1 ? problems[0]! : `[${problems.join(', ')}]`;
    return [invalid(path.child('default'), schema.default, `must result in valid metadata: ${text}`)];
  }
  const { object, wrapper } = wrapped(schema);
  return inPlace(validateCustomObject(object, wrapper), path);
}

/** The value as the only field, `default`, of an object: that is how values are looked at. */
function wrapped(schema: JsonSchemaProps): { object: Record<string, unknown>; wrapper: JsonSchemaProps } {
  return {
    object: { default: structuredClone(schema.default) },
    wrapper: { type: 'object', properties: { default: schema } },
  };
}

function inPlace(errors: readonly FieldError[], path: FieldPath): FieldError[] {
  return errors.map((error) => ({ ...error, field: `${path.toString()}.${error.field}` }));
}

function isPruned(schema: JsonSchemaProps): boolean {
  const { object, wrapper } = wrapped(schema);
  pruneCustomObject(object, wrapper);
  return equalJson(object['default'], schema.default);
}

function setDeep(target: object, steps: readonly (string | number)[], value: unknown): void {
  let place = target as Record<string, unknown>;
  steps.forEach((step, i) => {
    if (i === steps.length - 1) setOwn(place, String(step), value);
    else {
      const next = steps[i + 1] === 0 ? [] : {};
      const present = Object.hasOwn(place, step) ? place[step] : undefined;
      if (typeof present !== 'object' || present === null) setOwn(place, String(step), next);
      place = place[step] as Record<string, unknown>;
    }
  });
}

const isText = (value: unknown): boolean => value === undefined || typeof value === 'string';
const isTextMap = (value: unknown): boolean =>
  value === undefined || (isObject(value) && Object.values(value).every((text) => typeof text === 'string'));

const METADATA_TYPES: Readonly<Record<string, (value: unknown) => boolean>> = {
  name: isText,
  generateName: isText,
  namespace: isText,
  labels: isTextMap,
  annotations: isTextMap,
  finalizers: (value) => Array.isArray(value) && value.every((text) => typeof text === 'string'),
};

/** What the server would not decode; all else in metadata it sets itself. */
function metadataTypeProblem(metadata: unknown): string | undefined {
  if (!isObject(metadata)) return 'metadata: must be an object';
  for (const [name, value] of Object.entries(metadata)) {
    const fits = Object.hasOwn(METADATA_TYPES, name) ? METADATA_TYPES[name]! : undefined;
    if (fits === undefined) return `metadata.${name}: may not be defaulted`;
    if (!fits(value)) return `metadata.${name}: has the wrong type`;
  }
  return undefined;
}
