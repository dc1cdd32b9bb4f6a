import { describe, expect, it } from '@jest/globals';
import type { Schema, SchemaTable } from '../schema/schema.ts';
import { escapeField, schemaType } from './schema-type.ts';
import type { CelType, ObjectType } from './types.ts';

function fields(type: CelType | undefined): Record<string, CelType> {
  return Object.fromEntries([...(type as ObjectType).fields].map(([name, field]) => [name, field.type]));
}

describe('schemaType()', () => {
  it('gives the root of an object its type and its names', () => {
    const root = fields(schemaType({ type: 'object', properties: { metadata: { type: 'string' } } }, { root: true }));
    expect(Object.keys(root)).toEqual(['metadata', 'apiVersion', 'kind']);
    expect(Object.keys(fields(root.metadata))).toEqual(['name', 'generateName']);
    expect(Object.keys(fields(schemaType({ type: 'object', properties: {} })))).toEqual([]);
  });

  it('gives embedded resources theirs', () => {
    const inner = { type: 'object' as const, embeddedResource: true };
    const type = fields(schemaType({ type: 'object', properties: { template: inner } }));
    expect(Object.keys(fields(type.template))).toEqual(['apiVersion', 'kind', 'metadata']);
  });

  it('hides what has no type, and properties that no field can name', () => {
    const type = schemaType({
      type: 'object',
      properties: { any: { preserveUnknownFields: true }, 'a b': { type: 'string' }, ok: { type: 'string' } },
    });
    expect(Object.keys(fields(type))).toEqual(['ok']);
    expect(schemaType({ type: 'array', items: { preserveUnknownFields: true } })).toBeUndefined();
  });

  it('knows sizes as upstream estimates them', () => {
    expect(schemaType({ type: 'string' })).toMatchObject({ maxElements: 3 * 1024 * 1024 - 2, minSize: 2 });
    expect(schemaType({ type: 'string', maxLength: 5 })).toMatchObject({ maxElements: 20 });
    expect(schemaType({ type: 'string', enum: ['a', 'bcd'] })).toMatchObject({ maxElements: 3 });
    expect(schemaType({ type: 'array', items: { type: 'integer' } })).toMatchObject({ maxElements: 1572863 });
    expect(schemaType({ type: 'array', maxItems: 3, items: { type: 'integer' } })).toMatchObject({ maxElements: 3 });
    const required = { type: 'object' as const, required: ['ab'], properties: { ab: { type: 'string' as const } } };
    expect(schemaType(required)).toMatchObject({ minSize: 10 });
  });

  it('names types by where they are, so that those of two schemas differ', () => {
    const schema = { type: 'object' as const, properties: { a: { type: 'object' as const, properties: {} } } };
    expect((fields(schemaType(schema, { name: 'self' })).a as ObjectType).name).toBe('self.a');
    expect((fields(schemaType(schema, { name: 'params' })).a as ObjectType).name).toBe('params.a');
  });

  it('follows references, also of schemas that contain themselves', () => {
    const props: Schema = {
      type: 'object',
      properties: { not: { ref: 'Props' }, items: { type: 'array', items: { ref: 'Props' } } },
    };
    const table: SchemaTable = {
      get: () => props,
      resolve: (schema) => (schema.ref === 'Props' ? props : schema),
      names: () => ['Props'],
    };
    const type = schemaType({ ref: 'Props' }, { table }) as ObjectType;
    expect(type.fields.get('not')?.type).toBe(type);
  });
});

describe('escapeField()', () => {
  it.each([
    ['plain', 'plain'],
    ['a.b-c/d', 'a__dot__b__dash__c__slash__d'],
    ['redact__d', 'redact__underscores__d'],
    ['namespace', '__namespace__'],
    ['int', 'int'],
    ['a b', undefined],
    ['1a', undefined],
  ])('%s is %s', (property, field) => {
    expect(escapeField(property)).toBe(field);
  });
});
