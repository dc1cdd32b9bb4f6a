/**
 * Paths such as `.spec.replicas` and `.spec.limits['a.b']` that name a field of a schema (upstream:
 * apiextensions-apiserver `pkg/apiserver/schema/cel/validation.go`, `ValidFieldPath`).
 */
import { fieldPath } from '../../machinery/field-error.ts';
import type { FieldPath } from '../../machinery/field-error.ts';
import { isEmptyMap, isGiven, propertySchema, valueSchema } from './schema-walk.ts';
import type { JsonSchemaProps } from './types.ts';

export interface FoundField {
  /** As in messages: `spec.limits[a.b]` */
  path: FieldPath;
  /** The first step. */
  root: string;
  schema: JsonSchemaProps | undefined;
}

export interface FieldPathOptions {
  /** Whether steps may be written `['name']`, as the keys of maps must be when they hold dots. */
  allowsBrackets: boolean;
}

const INVALID_FIELD = 'does not refer to a valid field';
const UNEXPECTED_END = 'unexpected end of JSON path';

/** The field of the schema that the text names, or what is wrong with the text. */
export function findField(
  text: string,
  schema: JsonSchemaProps,
  { allowsBrackets }: FieldPathOptions,
): FoundField | { problem: string } {
  const tokens = tokensOf(text);
  const found: FoundField = { path: fieldPath(), root: '', schema };
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i]!;
    let problem: string | undefined;
    if (token === '.') problem = stepByName(found, tokens[++i]);
    else if (token !== '[') problem = `expected [ or . but got: ${token}`;
    else if (!allowsBrackets) problem = 'array notation is not allowed';
    else {
      problem = stepByKey(found, tokens[i + 1], tokens[i + 2]);
      i += 2;
    }
    if (problem !== undefined) return { problem };
  }
  return found;
}

function stepByName(found: FoundField, name: string | undefined): string | undefined {
  return name === undefined ? UNEXPECTED_END : step(found, name);
}

function stepByKey(found: FoundField, quoted: string | undefined, end: string | undefined): string | undefined {
  if (quoted === undefined) return UNEXPECTED_END;
  if (quoted.length < 2 || !quoted.startsWith("'") || !quoted.endsWith("'")) {
    return `expected single quoted string but got ${quoted}`;
  }
  const key = unescape(quoted.slice(1, -1));
  if (typeof key === 'object') return `invalid string literal: ${key.problem}`;
  const problem = step(found, key);
  if (problem !== undefined) return problem;
  if (end === undefined) return UNEXPECTED_END;
  return end === ']' ? undefined : `expected ] but got ${end}`;
}

/** Goes on to a field, or to a value of a map. */
function step(found: FoundField, name: string): string | undefined {
  const { schema } = found;
  if (schema === undefined) return INVALID_FIELD;
  if (found.root === '') found.root = name;
  if (!isEmptyMap(schema.properties)) {
    found.schema = propertySchema(schema, name);
    found.path = found.path.child(name);
    return found.schema === undefined ? INVALID_FIELD : undefined;
  }
  if (!isGiven(schema.additionalProperties)) return INVALID_FIELD;
  found.schema = valueSchema(schema);
  found.path = found.path.key(name);
  return undefined;
}

/** Delimiters alone, quoted texts with their quotes, and what stands between. */
function tokensOf(text: string): string[] {
  return text.match(/[.[\]]|'(?:[^'\\]|\\[^])*'|'[^]*|[^.[\]'][^.[\]]*/g) ?? [];
}

const ESCAPES: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  "'": "'",
  '\\': '\\',
};

function unescape(text: string): string | { problem: string } {
  let problem: string | undefined;
  const plain = text.replace(/\\(.)/g, (whole, character: string) => {
    if (Object.hasOwn(ESCAPES, character)) return ESCAPES[character]!;
    problem = `invalid escape char ${whole}`;
    return '';
  });
  return problem === undefined ? plain : { problem };
}
