import { describe, expect, it } from '@jest/globals';
import { Ajv } from 'ajv';
import fc from 'fast-check';
import { formatFieldError } from '../../machinery/field-error.ts';
import type { JsonSchemaProps } from './types.ts';
import { validateCustomObject } from './value-validation.ts';

const problems = (spec: unknown, schema: JsonSchemaProps, previous?: unknown): string[] =>
  validateCustomObject(
    { spec },
    { type: 'object', properties: { spec: schema } },
    previous === undefined ? undefined : { spec: previous },
  ).map(formatFieldError);

describe('validateCustomObject() [A28]', () => {
  it.each<[string, JsonSchemaProps, unknown, string[]]>([
    [
      'types',
      { type: 'integer' },
      1.5,
      ['spec: Invalid value: "number": spec in body must be of type integer: "number"'],
    ],
    ['null', { type: 'string' }, null, ['spec: Invalid value: "null": spec in body must be of type string: "null"']],
    ['nullable', { type: 'string', nullable: true }, null, []],
    [
      'int-or-string',
      { 'x-kubernetes-int-or-string': true },
      true,
      ['spec: Invalid value: "boolean": spec in body must be of type integer,string: "boolean"'],
    ],
    ['enum', { type: 'string', enum: ['a', 'b'] }, 'c', ['spec: Unsupported value: "c": supported values: "a", "b"']],
    [
      'minLength',
      { type: 'string', minLength: 2 },
      'ä',
      ['spec: Invalid value: "ä": spec in body should be at least 2 chars long'],
    ],
    ['maxLength', { type: 'string', maxLength: 1 }, 'ab', ['spec: Too long: may not be more than 1 byte']],
    [
      'pattern',
      { type: 'string', pattern: '^a+$' },
      'b',
      ['spec: Invalid value: "b": spec in body should match \'^a+$\''],
    ],
    [
      'format',
      { type: 'string', format: 'ipv4' },
      'x',
      ['spec: Invalid value: "x": spec in body must be of type ipv4: "x"'],
    ],
    ['an unknown format', { type: 'string', format: 'shape' }, 'x', []],
    [
      'minimum',
      { type: 'integer', minimum: 3 },
      2,
      ['spec: Invalid value: 2: spec in body should be greater than or equal to 3'],
    ],
    [
      'exclusiveMaximum',
      { type: 'number', maximum: 3, exclusiveMaximum: true },
      3,
      ['spec: Invalid value: 3: spec in body should be less than 3'],
    ],
    ['multipleOf', { type: 'number', multipleOf: 0.1 }, 0.3, []],
    ['maxItems', { type: 'array', maxItems: 1, items: {} }, [1, 2], ['spec: Too many: 2: must have at most 1 item']],
    [
      'minItems',
      { type: 'array', minItems: 1, items: {} },
      [],
      ['spec: Invalid value: 0: spec in body should have at least 1 items'],
    ],
    [
      'maxProperties',
      { type: 'object', maxProperties: 1 },
      { a: 1, b: 1 },
      ['spec: Too many: 2: must have at most 1 item'],
    ],
    ['required', { type: 'object', required: ['a'] }, {}, ['spec.a: Required value']],
    [
      'what is nested',
      { type: 'object', additionalProperties: { type: 'array', items: { type: 'string' } } },
      { k: ['a', 1] },
      ['spec.k[1]: Invalid value: "integer": spec.k[1] in body must be of type string: "integer"'],
    ],
    [
      'oneOf',
      { type: 'object', oneOf: [{ required: ['a'] }, { required: ['b'] }] },
      { a: 1, b: 1 },
      ['<nil>: Invalid value: "": "spec" must validate one and only one schema (oneOf). Found 2 valid alternatives'],
    ],
    [
      'anyOf',
      { type: 'object', anyOf: [{ required: ['a'] }, { required: ['b'] }] },
      {},
      ['<nil>: Invalid value: "": "spec" must validate at least one schema (anyOf)', 'spec.a: Required value'],
    ],
    [
      'not',
      { type: 'object', not: { required: ['a'] } },
      { a: 1 },
      ['<nil>: Invalid value: "": "spec" must not validate the schema (not)'],
    ],
  ])('checks %s', (_, schema, value, expected) => {
    expect(problems(value, schema)).toEqual(expected);
  });

  it('checks nothing anew that an update left as it was', () => {
    const schema: JsonSchemaProps = {
      type: 'object',
      properties: { a: { type: 'string', maxLength: 1 }, b: { type: 'string', maxLength: 1 } },
    };
    expect(problems({ a: 'long', b: 'x' }, schema, { a: 'long', b: 'y' })).toEqual([]);
    expect(problems({ a: 'longer' }, schema, { a: 'long' })).toHaveLength(1);
  });

  it('bounds what it says of an object that is wrong everywhere', () => {
    expect(
      problems(
        Array.from({ length: 5000 }, () => 1),
        { type: 'array', items: { type: 'string' } },
      ),
    ).toHaveLength(1000);
  });

  it('judges as ajv does, whatever the schema and the value', () => {
    const ajv = new Ajv({ strict: false, validateSchema: false });
    fc.assert(
      fc.property(schemas.schema, fc.array(values, { minLength: 1, maxLength: 5 }), (schema, candidates) => {
        const validate = ajv.compile(schema as object);
        for (const value of candidates) expect(problems(value, schema).length === 0).toBe(validate(value));
      }),
      { numRuns: 150 },
    );
  });
});

const names = fc.constantFrom('a', 'b', 'c');
const scalars = fc.oneof(fc.integer({ min: -3, max: 9 }), fc.constantFrom(1.5, true, 'a', 'bb', 'ccc', ''));
const values = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    scalars,
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(names, tie('value'), { maxKeys: 3 }),
  ),
})).value;

const small = fc.integer({ min: 0, max: 3 });
const schemas = fc.letrec<{ schema: JsonSchemaProps; text: JsonSchemaProps; condition: JsonSchemaProps }>((tie) => ({
  text: fc.record({ minLength: small, maxLength: small, pattern: fc.constantFrom('^b', 'c+$') }, { requiredKeys: [] }),
  condition: fc.record(
    { required: fc.uniqueArray(names, { maxLength: 2 }), maxProperties: small },
    { requiredKeys: [] },
  ),
  schema: fc.oneof(
    { maxDepth: 4 },
    tie('text').map((text) => ({ type: 'string', ...text })),
    fc.record({ type: fc.constant('integer'), minimum: small, maximum: small, multipleOf: fc.constantFrom(2, 3) }),
    fc.record({ type: fc.constantFrom('integer', 'string'), enum: fc.array(scalars, { minLength: 1, maxLength: 3 }) }),
    fc.record({ type: fc.constant('array'), items: tie('schema'), minItems: small, maxItems: small }),
    fc.record({ type: fc.constant('object'), additionalProperties: tie('schema') }),
    fc.record({
      type: fc.constant('object'),
      properties: fc.dictionary(names, tie('schema'), { maxKeys: 3 }),
      required: fc.uniqueArray(names, { maxLength: 2 }),
      anyOf: fc.array(tie('condition'), { minLength: 1, maxLength: 2 }),
      oneOf: fc.array(tie('condition'), { minLength: 1, maxLength: 2 }),
      not: tie('condition'),
    }),
  ),
}));
