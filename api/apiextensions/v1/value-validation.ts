/**
 * Whether a custom object fits its schema, with the problems and words of kube-openapi's validator as
 * apiextensions' `apiserver/validation/validation.go` turns them into field errors.
 *
 * On update, what has not changed is not checked again (KEP-4008, validation ratcheting): an object that a newer
 * schema would refuse can still be worked on.
 */
import type { FieldError } from '../../machinery/field-error.ts';
import { equalJson, isObject } from '../../patch/json-value.ts';
import { correlatedItem } from './correlation.ts';
import { fieldOf, isIntOrString, itemsOf } from './structural.ts';
import type { JsonSchemaProps } from './types.ts';
import * as problems from './value-problems.ts';
import { validateNumber, validateString } from './value-scalars.ts';

/** Every problem of one value; how many values were looked at tells which of several alternatives was the nearest. */
interface Result {
  errors: FieldError[];
  looked: number;
}

/** A value in its place. `previous` is undefined where there is nothing to compare with. */
interface Place {
  path: string;
  previous: unknown;
}

/** Problems are not bounded by the object's size: a list of a million wrong items is told of by its first ones. */
const MAX_PROBLEMS = 1000;

/** `previous` is the object before an update. */
export function validateCustomObject(
  object: Readonly<Record<string, unknown>>,
  schema: JsonSchemaProps,
  previous?: Readonly<Record<string, unknown>>,
): FieldError[] {
  const result: Result = { errors: [], looked: 0 };
  // The root changes with every update; only its parts may be as they were.
  check(object, schema, { path: '', previous }, result);
  return result.errors;
}

function check(value: unknown, schema: JsonSchemaProps, place: Place, result: Result): void {
  result.looked++;
  if (result.errors.length >= MAX_PROBLEMS) return;
  if (place.path !== '' && place.previous !== undefined && equalJson(value, place.previous)) return;
  checkType(value, schema, place, result);
  checkEnum(value, schema, place, result);
  if (value === null) return;
  checkJunctors(value, schema, place, result);
  if (typeof value === 'string') result.errors.push(...validateString(value, schema, place.path));
  else if (typeof value === 'number') result.errors.push(...validateNumber(value, schema, place.path));
  else if (Array.isArray(value)) checkList(value, schema, place, result);
  else if (isObject(value)) checkObject(value, schema, place, result);
}

function checkType(value: unknown, schema: JsonSchemaProps, { path }: Place, { errors }: Result): void {
  const types = isIntOrString(schema) ? ['integer', 'string'] : schema.type ? [schema.type] : [];
  if (types.length === 0 || (value === null && schema.nullable === true)) return;
  const type = typeOf(value);
  if (types.includes(type) || (type === 'integer' && types.includes('number'))) return;
  errors.push(problems.wrongType(path, types.join(','), type));
}

function typeOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return typeof value === 'number' && Number.isInteger(value) ? 'integer' : typeof value;
}

function checkEnum(
  value: unknown,
  { enum: allowed, nullable }: JsonSchemaProps,
  { path }: Place,
  result: Result,
): void {
  if (allowed === undefined || allowed.length === 0 || (value === null && nullable === true)) return;
  if (!allowed.some((item) => equalJson(item, value))) result.errors.push(problems.notInEnum(path, value, allowed));
}

function checkList(list: readonly unknown[], schema: JsonSchemaProps, place: Place, result: Result): void {
  const { minItems, maxItems } = schema;
  if (minItems !== undefined && list.length < minItems)
    result.errors.push(problems.tooFewItems(place.path, list, minItems));
  if (maxItems !== undefined && list.length > maxItems)
    result.errors.push(problems.tooManyItems(place.path, list.length, maxItems));
  const items = itemsOf(schema);
  if (items === undefined) return;
  const correlate = correlatedItem(schema, place.previous);
  for (let i = 0; i < list.length && result.errors.length < MAX_PROBLEMS; i++)
    check(list[i], items, { path: `${place.path}[${i}]`, previous: correlate(list[i]) }, result);
}

function checkObject(
  object: Readonly<Record<string, unknown>>,
  schema: JsonSchemaProps,
  place: Place,
  result: Result,
): void {
  const { minProperties, maxProperties, required = [] } = schema;
  const keys = Object.keys(object);
  if (minProperties !== undefined && keys.length < minProperties)
    result.errors.push(problems.tooFewProperties(place.path, object, minProperties));
  if (maxProperties !== undefined && keys.length > maxProperties)
    result.errors.push(problems.tooManyProperties(place.path, keys.length, maxProperties));
  for (const name of required)
    if (!Object.hasOwn(object, name)) result.errors.push(problems.missing(childPath(place.path, name)));
  const before = isObject(place.previous) ? place.previous : {};
  for (const key of keys) {
    const field = fieldOf(schema, key);
    if (field === undefined) continue;
    const previous = Object.hasOwn(before, key) ? before[key] : undefined;
    check(object[key], field, { path: childPath(place.path, key), previous }, result);
  }
}

const childPath = (path: string, name: string): string => (path === '' ? name : `${path}.${name}`);

function checkJunctors(value: unknown, schema: JsonSchemaProps, place: Place, result: Result): void {
  const { anyOf = [], oneOf = [], allOf = [], not } = schema;
  if (anyOf.length > 0 && !isIntOrStringAnyOf(schema)) {
    const tried = tryAll(value, anyOf, place);
    if (tried.valid === 0) result.errors.push(problems.noneOfAny(place.path), ...tried.nearest);
  }
  if (oneOf.length > 0) {
    const tried = tryAll(value, oneOf, place);
    if (tried.valid !== 1) result.errors.push(problems.notExactlyOne(place.path, tried.valid), ...tried.nearest);
  }
  if (allOf.length > 0) {
    const tried = tryAll(value, allOf, place);
    if (tried.valid < allOf.length) result.errors.push(...tried.all, problems.notAll(place.path, tried.valid));
  }
  if (not !== undefined && tryAll(value, [not], place).valid > 0) result.errors.push(problems.matchesNot(place.path));
}

/** Says only what int-or-string means by itself. */
function isIntOrStringAnyOf(schema: JsonSchemaProps): boolean {
  return isIntOrString(schema) && schema.anyOf!.every(({ type }) => type === 'integer' || type === 'string');
}

interface Tried {
  valid: number;
  all: FieldError[];
  /** Of the alternative that fitted most; none when one fitted. */
  nearest: FieldError[];
}

function tryAll(value: unknown, schemas: readonly JsonSchemaProps[], place: Place): Tried {
  const tried: Tried = { valid: 0, all: [], nearest: [] };
  let most = -1;
  for (const schema of schemas) {
    const result: Result = { errors: [], looked: 0 };
    check(value, schema, { path: place.path, previous: undefined }, result);
    tried.all.push(...result.errors);
    if (result.errors.length === 0) tried.valid++;
    else if (result.looked - result.errors.length > most) {
      most = result.looked - result.errors.length;
      tried.nearest = result.errors;
    }
  }
  if (tried.valid > 0) tried.nearest = [];
  return tried;
}
