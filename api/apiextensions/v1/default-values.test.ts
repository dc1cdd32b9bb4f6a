import { describe, expect, it } from '@jest/globals';
import { fieldErrors, updateErrors, withSchema } from './definition-fixture.ts';
import type { JsonSchemaProps } from './types.ts';

const STRING: JsonSchemaProps = { type: 'string' };

describe('default values', () => {
  it.each<[JsonSchemaProps, string[]]>([
    [{ ...STRING, default: 'a' }, []],
    [{ ...STRING, default: null }, []],
    [
      { ...STRING, default: 1 },
      ['default: Invalid value: "integer": default in body must be of type string: "integer"'],
    ],
    [{ ...STRING, enum: ['a', 'b'], default: 'c' }, ['default: Unsupported value: "c": supported values: "a", "b"']],
    [{ 'x-kubernetes-int-or-string': true, default: '10%' }, []],
    [{ type: 'array', items: { type: 'object', properties: { a: STRING } }, default: [{ a: 'x' }] }, []],
    [
      { type: 'array', items: { type: 'object', properties: { a: STRING } }, default: [{ b: 'x' }] },
      ['default: Invalid value: [{"b":"x"}]: must not have unknown fields'],
    ],
    [{ type: 'object', required: ['a'], properties: { a: STRING }, default: {} }, ['default.a: Required value']],
    [{ type: 'object', properties: { a: { ...STRING, default: 'x' } }, default: {} }, []],
    [{ type: 'object', 'x-kubernetes-preserve-unknown-fields': true, default: { b: 1 } }, []],
    [
      { type: 'object', properties: { a: { ...STRING, maxLength: 1, default: 'xx' } } },
      ['properties[a].default: Too long: may not be more than 1 byte'],
    ],
  ])('%j', (schema, errors) => {
    const found = fieldErrors(schema).map((error) => error.replace('spec.validation.openAPIV3Schema.', ''));
    expect(found).toEqual(errors);
  });

  describe('of embedded resources', () => {
    const embedded = (properties: Record<string, JsonSchemaProps>, more: JsonSchemaProps = {}): string[] =>
      fieldErrors({ type: 'object', 'x-kubernetes-embedded-resource': true, properties, ...more });
    const labels = (value: unknown, type = 'object'): Record<string, JsonSchemaProps> => ({
      metadata: {
        type: 'object',
        properties: { labels: { type, additionalProperties: STRING, default: value } },
      },
    });

    it('are objects', () => {
      const spec = { spec: { type: 'object', properties: { a: STRING } } };
      const object = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec: { a: 'b' } };
      expect(embedded(spec, { default: object })).toEqual([]);
      expect(embedded(spec, { default: { spec: {} } })).toEqual([
        'default.apiVersion: Required value: must not be empty',
        'default.kind: Required value: must not be empty',
      ]);
      expect(embedded(spec, { default: { ...object, other: 1 } })).toHaveLength(1);
    });

    it('make valid metadata', () => {
      expect(embedded(labels({ a: 'b' }))).toEqual([]);
      const path = 'properties[metadata].properties[labels].default: Invalid value:';
      expect(embedded(labels({ 'a b': 'c' }))[0]).toContain(
        `${path} {"a b":"c"}: must result in valid metadata: metadata.labels: `,
      );
      expect(embedded(labels('x', 'string'))[0]).toContain(`${path} "x": must result in valid metadata: `);
      const finalizers = { metadata: { type: 'object', properties: { finalizers: { type: 'integer', default: 5 } } } };
      expect(embedded(finalizers)[0]).toContain('must result in valid metadata');
      expect(embedded({ kind: { ...STRING, default: 'Pod' }, apiVersion: STRING })).toEqual([]);
      const name = { metadata: { type: 'object', properties: { name: { ...STRING, default: 'a/b' } } } };
      expect(embedded(name)[0]).toContain("may not contain '/'");
    });
  });

  it('may keep fields that they had', () => {
    const rooted = (value: unknown, description: string): JsonSchemaProps => ({
      type: 'object',
      description,
      properties: { a: { type: 'object', properties: { b: STRING }, default: value } },
    });
    const unpruned = withSchema(rooted({ c: 1 }, 'old'));
    expect(updateErrors(withSchema(rooted({ c: 1 }, 'new')), unpruned)).toEqual([]);
    expect(updateErrors(withSchema(rooted({ c: 1 }, 'new')), withSchema(rooted({}, 'old')))).toHaveLength(1);
  });
});
