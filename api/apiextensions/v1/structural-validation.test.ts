import { describe, expect, it } from '@jest/globals';
import { fieldErrors, schemaErrors, updateErrors, withSchema } from './definition-fixture.ts';
import type { JsonSchemaProps } from './types.ts';

const INT_OR_STRING = [{ type: 'integer' }, { type: 'string' }];

describe('types', () => {
  it.each<[string, JsonSchemaProps, string[]]>([
    ['none', {}, ['type: Required value: must not be empty for specified object fields']],
    [
      'none of items',
      { type: 'array', items: {} },
      ['items.type: Required value: must not be empty for specified array items'],
    ],
    [
      'none of a map',
      { type: 'object', additionalProperties: {} },
      ['additionalProperties.type: Required value: must not be empty for specified object fields'],
    ],
    ['no items', { type: 'array' }, ['items: Required value: must be specified']],
    ['unknown fields', { 'x-kubernetes-preserve-unknown-fields': true }, []],
    ['a list', { type: 'array', items: { type: 'string' } }, []],
    ['a map', { type: 'object', additionalProperties: { type: 'string' } }, []],
    ['any map', { type: 'object', additionalProperties: true }, []],
    [
      'an unknown one',
      { type: 'text' },
      [
        'type: Unsupported value: "text": supported values: "array", "boolean", "integer", "number", "object", "string"',
      ],
    ],
  ])('%s', (_name, schema, errors) => {
    expect(fieldErrors(schema)).toEqual(errors);
  });

  it('at the root is object', () => {
    expect(schemaErrors({})).toEqual(['type: Required value: must not be empty at the root']);
    expect(schemaErrors({ type: 'string' })).toEqual(['type: Invalid value: "string": must be object at the root']);
    expect(schemaErrors({ type: 'object', additionalProperties: { type: 'string' } })).toEqual([
      'additionalProperties: Forbidden: must not be used at the root',
    ]);
    expect(schemaErrors({ type: 'object', 'x-kubernetes-preserve-unknown-fields': true })).toEqual([]);
  });
});

describe('junctors', () => {
  it('say nothing but about values', () => {
    const nested: JsonSchemaProps = {
      type: 'object',
      additionalProperties: { type: 'string' },
      default: 1,
      title: 't',
      description: 'd',
      nullable: true,
      'x-kubernetes-preserve-unknown-fields': true,
      'x-kubernetes-embedded-resource': true,
      'x-kubernetes-int-or-string': true,
      'x-kubernetes-list-map-keys': ['a'],
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-map-type': 'atomic',
      'x-kubernetes-validations': [{ rule: 'true' }],
    };
    const errors = fieldErrors({ type: 'object', not: nested }).filter((error) => error.includes('structural'));
    expect(errors).toEqual(
      [
        'additionalProperties: Forbidden: must be undefined to be structural',
        'default: Forbidden: must be undefined to be structural',
        'description: Forbidden: must be empty to be structural',
        'nullable: Forbidden: must be false to be structural',
        'title: Forbidden: must be empty to be structural',
        'type: Forbidden: must be empty to be structural',
        'x-kubernetes-embedded-resource: Forbidden: must be false to be structural',
        'x-kubernetes-int-or-string: Forbidden: must be false to be structural',
        'x-kubernetes-list-map-keys: Forbidden: must be empty to be structural',
        'x-kubernetes-list-type: Forbidden: must be undefined to be structural',
        'x-kubernetes-map-type: Forbidden: must be undefined to be structural',
        'x-kubernetes-preserve-unknown-fields: Forbidden: must be false to be structural',
        'x-kubernetes-validations: Forbidden: must be empty to be structural',
      ].map((error) => `not.${error}`),
    );
  });

  it('are followed to any depth', () => {
    const deep: JsonSchemaProps = { properties: { a: { items: { oneOf: [{ type: 'string' }] } } } };
    const structure: JsonSchemaProps = {
      type: 'object',
      properties: { a: { type: 'array', items: { type: 'string' } } },
    };
    expect(fieldErrors({ ...structure, allOf: [deep] })).toEqual([
      'allOf[0].properties[a].items.oneOf[0].type: Forbidden: must be empty to be structural',
    ]);
    expect(fieldErrors({ type: 'object', anyOf: [{ required: ['a'] }, { maxProperties: 0 }] })).toEqual([]);
    expect(fieldErrors({ type: 'object', oneOf: [{ properties: { metadata: {} } }] })).toEqual([
      'oneOf[0].properties[metadata]: Forbidden: must not be specified in a nested context',
    ]);
  });

  it('of the root speak of fields that there are', () => {
    const schema: JsonSchemaProps = {
      type: 'object',
      properties: { list: { type: 'string' } },
      anyOf: [{ properties: { gone: { minimum: 1 }, list: { items: { maxLength: 1 } } } }],
    };
    expect(schemaErrors(schema)).toEqual([
      'properties[gone]: Required value: because it is defined in spec.validation.openAPIV3Schema.anyOf[0].properties[gone]',
      'properties[list].items: Required value: because it is defined in spec.validation.openAPIV3Schema.anyOf[0].properties[list].items',
    ]);
  });

  it('may tell integers and strings apart where both are allowed', () => {
    const base: JsonSchemaProps = { 'x-kubernetes-int-or-string': true };
    expect(fieldErrors(base)).toEqual([]);
    expect(fieldErrors({ ...base, anyOf: INT_OR_STRING, pattern: '^[0-9]+%$' })).toEqual([]);
    expect(fieldErrors({ ...base, allOf: [{ anyOf: INT_OR_STRING }, { pattern: 'a' }] })).toEqual([]);
    expect(fieldErrors({ ...base, anyOf: [...INT_OR_STRING].reverse() })).toEqual([
      'anyOf[0].type: Forbidden: must be empty to be structural',
      'anyOf[1].type: Forbidden: must be empty to be structural',
    ]);
    expect(fieldErrors({ ...base, anyOf: [{ type: 'integer', minimum: 0 }, { type: 'string' }] })).toHaveLength(2);
    expect(fieldErrors({ ...base, allOf: [{ pattern: 'a' }, { anyOf: INT_OR_STRING }] })).toHaveLength(2);
    expect(fieldErrors({ ...base, 'x-kubernetes-preserve-unknown-fields': true })).toEqual([
      'x-kubernetes-preserve-unknown-fields: Invalid value: true: must be false if x-kubernetes-int-or-string is true',
    ]);
  });
});

describe('embedded resources', () => {
  const embedded = (more: JsonSchemaProps): string[] =>
    fieldErrors({ 'x-kubernetes-embedded-resource': true, ...more });

  it('are objects with fields, or with any', () => {
    expect(embedded({ type: 'object', 'x-kubernetes-preserve-unknown-fields': true })).toEqual([]);
    expect(embedded({ type: 'object', properties: { spec: { type: 'object' } } })).toEqual([]);
    expect(embedded({ type: 'object' })).toEqual([
      'properties: Required value: must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields',
    ]);
    expect(embedded({ 'x-kubernetes-preserve-unknown-fields': true })).toEqual([
      'type: Required value: must be object if x-kubernetes-embedded-resource is true',
    ]);
    expect(embedded({ type: 'string', 'x-kubernetes-preserve-unknown-fields': true })).toEqual([
      'type: Invalid value: "string": must be object if x-kubernetes-embedded-resource is true',
    ]);
    expect(
      embedded({
        type: 'object',
        additionalProperties: { type: 'string' },
        'x-kubernetes-preserve-unknown-fields': true,
      }),
    ).toEqual(['additionalProperties: Forbidden: must not be used if x-kubernetes-embedded-resource is set']);
  });

  it('have the metadata of any object', () => {
    const properties = {
      apiVersion: { type: 'integer' },
      kind: { type: 'object' },
      metadata: { type: 'string', 'x-kubernetes-embedded-resource': true },
    };
    expect(embedded({ type: 'object', properties })).toEqual([
      'properties[apiVersion].type: Invalid value: "integer": must be string',
      'properties[kind].type: Invalid value: "object": must be string',
      'properties[metadata].properties: Required value: must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields',
      'properties[metadata].type: Invalid value: "string": must be object',
      'properties[metadata].type: Invalid value: "string": must be object if x-kubernetes-embedded-resource is true',
      'properties[metadata].x-kubernetes-embedded-resource: Forbidden: must not be used inside of resource meta',
    ]);
  });
});

describe('metadata of the root', () => {
  const withMetadata = (metadata: JsonSchemaProps): string[] =>
    schemaErrors({ type: 'object', properties: { metadata } });

  it('restricts names and nothing else', () => {
    expect(withMetadata({ type: 'object' })).toEqual([]);
    const name = { type: 'string', maxLength: 63 };
    expect(withMetadata({ type: 'object', properties: { name, generateName: name } })).toEqual([]);
    const problem =
      'properties[metadata]: Forbidden: must not specify anything other than name and generateName, but metadata is implicitly specified';
    expect(withMetadata({ type: 'object', properties: { labels: { type: 'object' } } })).toEqual([problem]);
    expect(withMetadata({ type: 'object', description: 'd' })).toEqual([problem]);
    expect(withMetadata({ type: 'object', maxProperties: 0 })).toEqual([problem]);
    expect(withMetadata({ type: 'string' })).toEqual([
      'properties[metadata].type: Invalid value: "string": must be object',
    ]);
  });

  it('has no defaults', () => {
    expect(withMetadata({ type: 'object', properties: { name: { type: 'string', default: 'a' } } })).toEqual([
      'properties[metadata].properties[name].default: Forbidden: must not be set in top-level metadata',
    ]);
    expect(schemaErrors({ type: 'object', properties: { kind: { type: 'string', default: 'A' } } })).toEqual([
      'properties[kind].default: Forbidden: must not be set in top-level kind',
    ]);
  });
});

describe('patterns', () => {
  it('are RE2', () => {
    expect(fieldErrors({ type: 'string', pattern: '^[a-z]([-a-z0-9]*[a-z0-9])?$' })).toEqual([]);
    expect(fieldErrors({ type: 'string', pattern: '(?=a)' })).toEqual([
      'pattern: Invalid value: "(?=a)": must be a valid regular expression, but isn\'t: error parsing regexp: invalid or unsupported Perl syntax: `(?=`',
    ]);
    expect(fieldErrors({ type: 'string', allOf: [{ pattern: '[' }] })).toEqual([
      'allOf[0].pattern: Invalid value: "[": must be a valid regular expression, but isn\'t: error parsing regexp: missing closing ]: `[`',
    ]);
  });

  it('may not be large together', () => {
    for (const pattern of [
      '(a{31}){32}'.repeat(2000),
      'a'.repeat(300_000),
      '('.repeat(200_000),
      '[a-z]{900}'.repeat(400),
    ]) {
      expect(fieldErrors({ type: 'string', pattern })[0]).toContain('error parsing regexp: expression too large');
    }
    const many = Object.fromEntries(
      Array.from({ length: 400 }, (_, i) => [`f${i}`, { type: 'string', pattern: `^${i}[a-z]{900}$` }]),
    );
    // Fewer than 300 of them fit.
    expect(fieldErrors({ type: 'object', properties: many }).length).toBeGreaterThan(100);
    expect(fieldErrors({ type: 'string', pattern: '['.repeat(300_000) })[0]).toContain('missing closing ]');
  });
});

describe('large schemas', () => {
  const deep = (levels: number, wrap: (schema: JsonSchemaProps) => JsonSchemaProps): JsonSchemaProps => {
    let schema: JsonSchemaProps = { type: 'string' };
    for (let i = 0; i < levels; i++) schema = wrap(schema);
    return schema;
  };

  it('are followed as deep as requests may be', () => {
    expect(fieldErrors(deep(250, (a) => ({ type: 'object', properties: { a } })))).toEqual([]);
    expect(fieldErrors(deep(500, (items) => ({ type: 'array', items })))).toEqual([]);
    const errors = fieldErrors({ type: 'object', ...deep(500, (not) => ({ not })) });
    expect(errors).toHaveLength(1);
    expect(errors[0]).toContain('type: Forbidden: must be empty to be structural');
  });

  it('may enumerate many values, and say wrong things many times', () => {
    const values = Array.from({ length: 100_000 }, (_, i) => `value-${i}`);
    expect(fieldErrors({ type: 'string', enum: values })).toEqual([]);
    const properties = Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`f${i}`, {}]));
    expect(fieldErrors({ type: 'object', properties })).toHaveLength(1000);
  });

  it('may have fields with the names of inherited members', () => {
    const properties = JSON.parse(
      '{"__proto__": {"type": "string"}, "constructor": {"type": "string"}, "toString": {}}',
    ) as Record<string, JsonSchemaProps>;
    expect(fieldErrors({ type: 'object', properties })).toEqual([
      'properties[toString].type: Required value: must not be empty for specified object fields',
    ]);
    expect(schemaErrors({ type: 'object', anyOf: [{ properties: { constructor: {} as never } }] })).toHaveLength(1);
  });
});

describe('updates', () => {
  it('may not keep what is not structural, but for kinds that keep every field', () => {
    const unstructured = { type: 'object', properties: { spec: { anyOf: [{ type: 'string' }] } } };
    const change = withSchema({ ...unstructured, description: 'new' });
    expect(updateErrors(change, withSchema(unstructured))).toHaveLength(2);
    const before = (definition: Parameters<typeof change>[0]): void => {
      withSchema(unstructured)(definition);
      definition.spec.preserveUnknownFields = true;
    };
    expect(updateErrors(change, before)).toEqual([]);
  });
});
