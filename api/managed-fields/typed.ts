/**
 * Checks an applied configuration against its schema before it is merged: every field must be declared and of its
 * type, and items of keyed lists must be told apart (upstream: structured-merge-diff `typed/validate.go`,
 * `typed/helpers.go`).
 */
import type { Schema, SchemaTable } from '../schema/schema.ts';
import { isObject } from './compare.ts';

export interface TypedInput {
  table: SchemaTable;
  /** The kind's model name, or a schema of its own (a CRD's). */
  schema: string | Schema;
  /** Plain values of bounded depth; stays as it is. */
  object: unknown;
}

/** What is wrong, worded as upstream words it: `.spec.foo: field not declared in schema`. Empty when nothing is. */
export function typedProblems({ table, schema, object }: TypedInput): string[] {
  const check = new TypedCheck(table);
  const root = typeof schema === 'string' ? table.get(schema) : withObjectFields(schema);
  if (root !== undefined) check.visit(root, object, '');
  return check.problems;
}

/** A custom kind's schema says little of what all objects have. */
function withObjectFields(schema: Schema): Schema {
  const text: Schema = { type: 'string' };
  const properties = { ...schema.properties, apiVersion: text, kind: text, metadata: { ref: 'V1ObjectMeta' } };
  const isOpen = schema.properties === undefined && schema.additionalProperties === undefined;
  return { ...schema, properties, ...(isOpen ? { preserveUnknownFields: true } : {}) };
}

/** Several problems stand below one another. */
export function joinTypedProblems(problems: readonly string[]): string {
  return problems.length === 1 ? problems[0]! : ['errors:', ...problems.map((problem) => `  ${problem}`)].join('\n');
}

/** More problems than this say no more to anyone. */
const MAX_PROBLEMS = 100;

class TypedCheck {
  readonly problems: string[] = [];
  readonly #table: SchemaTable;

  constructor(table: SchemaTable) {
    this.#table = table;
  }

  visit(schema: Schema, value: unknown, path: string): void {
    if (value === null || value === undefined) return;
    const target = schema.ref === undefined ? schema : { ...this.#table.resolve(schema), ...schema };
    // Quantities, times and int-or-strings are untyped scalars.
    if (isAnyScalar(target)) {
      if (typeof value === 'object') this.#fail(path, `expected any scalar, got &{${goValue(value)}}`);
      return;
    }
    switch (target.type) {
      case 'object':
        return this.#visitObject(target, value, path);
      case 'array':
        return this.#visitList(target, value, path);
      case 'string':
        return typeof value === 'string'
          ? undefined
          : this.#fail(path, `expected string, got &value.valueUnstructured{Value:${goSyntax(value)}}`);
      case 'integer':
      case 'number':
        return typeof value === 'number'
          ? undefined
          : this.#fail(path, `expected numeric (int or float), got ${goType(value)}`);
      case 'boolean':
        return typeof value === 'boolean' ? undefined : this.#fail(path, `expected boolean, got &{${goValue(value)}}`);
      default:
        return undefined;
    }
  }

  #visitObject(schema: Schema, value: unknown, path: string): void {
    if (!isObject(value)) return this.#fail(path, `expected map, got &{${goValue(value)}}`);
    const { properties, additionalProperties } = schema;
    const isOpen = schema.preserveUnknownFields === true || (properties ?? additionalProperties) === undefined;
    for (const key of Object.keys(value)) {
      const isDeclared = properties !== undefined && Object.hasOwn(properties, key);
      const field = isDeclared ? properties[key] : additionalProperties;
      if (field !== undefined) this.visit(field, value[key], `${path}.${key}`);
      // The first one ends it, as upstream.
      else if (!isOpen) return this.#fail(`${path}.${key}`, 'field not declared in schema');
    }
  }

  #visitList(schema: Schema, value: unknown, path: string): void {
    if (!Array.isArray(value)) return this.#fail(path, `expected list, got &{${goValue(value)}}`);
    const seen = new Set<string>();
    for (const [position, item] of value.entries()) {
      const element = this.#elementOf(schema, item, position);
      if (element.problem !== undefined) return this.#fail(path, `element ${position}: ${element.problem}`);
      const isKeyed = schema.listType === 'set' || schema.listType === 'map';
      if (isKeyed && seen.has(element.path)) this.#fail(path, `duplicate entries for key ${element.path}`);
      seen.add(element.path);
      if (schema.items !== undefined) this.visit(schema.items, item, path + element.path);
    }
  }

  #elementOf(schema: Schema, item: unknown, position: number): { path: string; problem?: string } {
    if (schema.listType === 'set') return setElement(item);
    if (schema.listType !== 'map') return { path: `[${position}]` };
    const problem = (text: string): { path: string; problem: string } => ({
      path: '',
      problem: `associative list with keys ${text}`,
    });
    if (item === null) return problem('may not have a null element');
    if (!isObject(item)) return problem('may not have non-map elements');
    const keys = schema.listMapKeys ?? [];
    const fields = schema.items === undefined ? {} : (this.#table.resolve(schema.items).properties ?? {});
    const pairs: string[] = [];
    for (const key of [...keys].sort()) {
      const value = Object.hasOwn(item, key) ? item[key] : fields[key]?.default;
      if (value !== undefined) pairs.push(`${key}=${JSON.stringify(value)}`);
    }
    if (pairs.length > 0) return { path: `[${pairs.join(',')}]` };
    const names = `[${keys.map((key) => JSON.stringify(key)).join(' ')}]`;
    return problem(
      `has an element that omits all key fields ${names} (and doesn't have default values for any key fields)`,
    );
  }

  #fail(path: string, problem: string): void {
    if (this.problems.length < MAX_PROBLEMS) this.problems.push(path === '' ? problem : `${path}: ${problem}`);
  }
}

function isAnyScalar({ intOrString, format = '' }: Schema): boolean {
  return intOrString === true || format.startsWith('date-time');
}

function setElement(item: unknown): { path: string; problem?: string } {
  if (isObject(item)) return { path: '', problem: "associative list without keys has an element that's a map type" };
  if (Array.isArray(item)) return { path: '', problem: 'not supported: associative list with lists as elements' };
  if (item === null)
    return { path: '', problem: "associative list without keys has an element that's an explicit null" };
  return { path: `[=${JSON.stringify(item)}]` };
}

/** A value's type as Go's `%T` names it. */
function goType(value: unknown): string {
  if (Array.isArray(value)) return '[]interface {}';
  if (isObject(value)) return 'map[string]interface {}';
  return typeof value === 'boolean' ? 'bool' : 'string';
}

/** As Go's `%v` prints it. */
function goValue(value: unknown): string {
  if (value === null) return '<nil>';
  if (Array.isArray(value)) return `[${value.map(goValue).join(' ')}]`;
  if (!isObject(value)) return String(value);
  return `map[${sortedMembers(value, goValue).join(' ')}]`;
}

/** As Go's `%#v` prints it. */
function goSyntax(value: unknown): string {
  if (value === null) return 'interface {}(nil)';
  if (Array.isArray(value)) return `[]interface {}{${value.map(goSyntax).join(', ')}}`;
  if (!isObject(value)) return JSON.stringify(value);
  return `map[string]interface {}{${Object.keys(value)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${goSyntax(value[key])}`)
    .join(', ')}}`;
}

function sortedMembers(object: Record<string, unknown>, print: (value: unknown) => string): string[] {
  return Object.keys(object)
    .sort()
    .map((key) => `${key}:${print(object[key])}`);
}
