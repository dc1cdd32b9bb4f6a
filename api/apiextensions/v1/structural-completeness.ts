/**
 * Whatever value validation speaks of must be specified in the structure, too (upstream: apiextensions-apiserver
 * `pkg/apiserver/schema/complete.go`).
 */
import { required } from '../../machinery/field-error.ts';
import type { FieldError, FieldPath } from '../../machinery/field-error.ts';
import { isGiven, itemSchema, propertyEntries, propertySchema } from './schema-walk.ts';
import type { JsonSchemaProps } from './types.ts';

/** A schema of value validation beside the one of the structure, each where it stands. */
interface Pair {
  values: JsonSchemaProps;
  valuesPath: FieldPath;
  structure: JsonSchemaProps | undefined;
  path: FieldPath;
}

const MAX_ERRORS = 1000;

/** Junctors of the root, to any depth. */
export function validateCompleteness(schema: JsonSchemaProps, path: FieldPath): FieldError[] {
  const errors: FieldError[] = [];
  checkJunctors({ values: schema, valuesPath: path, structure: schema, path }, errors);
  return errors;
}

function checkJunctors({ values, valuesPath, structure, path }: Pair, errors: FieldError[]): void {
  const { not, allOf, anyOf, oneOf } = values;
  if (isGiven(not)) checkNested({ values: not, valuesPath: valuesPath.child('not'), structure, path }, errors);
  for (const [name, list] of Object.entries({ allOf, anyOf, oneOf })) {
    list?.forEach((nested, i) =>
      checkNested({ values: nested, valuesPath: valuesPath.child(name).index(i), structure, path }, errors),
    );
  }
}

function checkNested(pair: Pair, errors: FieldError[]): void {
  if (errors.length >= MAX_ERRORS) return;
  const { values, valuesPath, structure, path } = pair;
  if (structure === undefined) {
    errors.push(required(path, `because it is defined in ${valuesPath.toString()}`));
    return;
  }
  checkJunctors(pair, errors);
  const items = itemSchema(values);
  if (items !== undefined) {
    const itemsPair = { values: items, valuesPath: valuesPath.child('items'), path: path.child('items') };
    checkNested({ ...itemsPair, structure: itemSchema(structure) }, errors);
  }
  for (const [name, field] of propertyEntries(values)) {
    const fieldPair = {
      values: field,
      valuesPath: valuesPath.child('properties').key(name),
      path: path.child('properties').key(name),
    };
    checkNested({ ...fieldPair, structure: propertySchema(structure, name) }, errors);
  }
}
