import { describe, expect, it } from '@jest/globals';
import { forbidden, formatFieldError, invalid } from '../../machinery/field-error.ts';
import { decodedDefinition, fieldErrors, schemaErrors, updateErrors, withSchema } from './definition-fixture.ts';
import { validateDefinition, validateDefinitionUpdate } from './definition-validation.ts';
import { findField } from './schema-field-path.ts';
import type { JsonSchemaProps, ValidationRule } from './types.ts';
import type { RuleSite, SchemaChecks } from './schema-checks.ts';

const STRING: JsonSchemaProps = { type: 'string' };

describe('what definitions may not use', () => {
  it.each<[JsonSchemaProps, string[]]>([
    [{ type: 'string', id: 'a' }, ['id: Forbidden: id is not supported']],
    [{ type: 'string', $ref: '' }, ['$ref: Forbidden: $ref is not supported']],
    [{ type: 'string', additionalItems: false }, ['additionalItems: Forbidden: additionalItems is not supported']],
    [
      { type: 'object', patternProperties: { a: STRING } },
      ['patternProperties: Forbidden: patternProperties is not supported'],
    ],
    [{ type: 'object', definitions: { a: STRING } }, ['definitions: Forbidden: definitions is not supported']],
    [{ type: 'object', dependencies: { a: ['b'] } }, ['dependencies: Forbidden: dependencies is not supported']],
    [
      { type: 'null' },
      [
        'type: Unsupported value: "null": supported values: "array", "boolean", "integer", "number", "object", "string"',
        'type: Forbidden: type cannot be set to null, use nullable as an alternative',
      ],
    ],
    [{ type: 'array', items: [STRING] }, ['items: Forbidden: items must be a schema object and not an array']],
    [
      { type: 'array', items: STRING, uniqueItems: true },
      ['uniqueItems: Forbidden: uniqueItems cannot be set to true since the runtime complexity becomes quadratic'],
    ],
    [
      { type: 'object', properties: { a: STRING }, additionalProperties: STRING },
      ['additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive'],
    ],
    [
      { type: 'object', properties: { a: STRING }, additionalProperties: false },
      ['additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive'],
    ],
    [{ type: 'object', properties: { a: STRING }, additionalProperties: true }, []],
    [
      { type: 'object', 'x-kubernetes-preserve-unknown-fields': false },
      ['x-kubernetes-preserve-unknown-fields: Invalid value: false: must be true or undefined'],
    ],
    // Not named by itself: the schema as a whole is refused.
    [
      { type: 'string', $schema: 'a' },
      [`spec.validation.openAPIV3Schema: Invalid value: "": OpenAPIV3Schema 'schema' is not supported`],
    ],
  ])('%j', (schema, errors) => {
    expect(fieldErrors(schema)).toEqual(errors);
  });

  it('is nullable at the root', () => {
    expect(schemaErrors({ type: 'object', nullable: true })).toEqual([
      'nullable: Forbidden: nullable cannot be true at the root',
    ]);
    expect(fieldErrors({ type: 'string', nullable: true })).toEqual([]);
  });

  it('are defaults for the values of embedded metadata', () => {
    const labels = { type: 'object', additionalProperties: { type: 'string', default: 'a' } };
    const metadata = { type: 'object', properties: { labels } };
    expect(fieldErrors({ type: 'object', 'x-kubernetes-embedded-resource': true, properties: { metadata } })).toEqual([
      'properties[metadata].properties[labels].additionalProperties.default: Forbidden: must not be set inside additionalProperties applying to object metadata',
    ]);
    expect(fieldErrors({ type: 'object', properties: { metadata } })).toEqual([]);
  });
});

describe('list and map types', () => {
  const item = (more: JsonSchemaProps = {}): JsonSchemaProps => ({
    type: 'object',
    required: ['name'],
    properties: { name: STRING, list: { type: 'array', items: STRING } },
    ...more,
  });
  const map = (items: JsonSchemaProps, keys: string[] = ['name']): JsonSchemaProps => ({
    type: 'array',
    items,
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': keys,
  });
  const set = (items: JsonSchemaProps): JsonSchemaProps => ({ type: 'array', items, 'x-kubernetes-list-type': 'set' });

  it.each<[string, JsonSchemaProps, string[]]>([
    ['map', map(item()), []],
    ['map with a default key', map(item({ required: [], properties: { name: { ...STRING, default: 'a' } } })), []],
    [
      'map with an optional key',
      map(item({ required: [] })),
      [
        'items.properties[name].default: Required value: this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property',
      ],
    ],
    [
      'map with a nullable key and items',
      map(item({ nullable: true, properties: { name: { ...STRING, nullable: true } } })),
      [
        'items.nullable: Forbidden: cannot be nullable when x-kubernetes-list-type is map',
        'items.properties[name].nullable: Forbidden: this property is in x-kubernetes-list-map-keys, so it cannot be nullable',
      ],
    ],
    [
      'map without keys',
      map(item(), []),
      ['x-kubernetes-list-map-keys: Required value: must not be empty if x-kubernetes-list-type is map'],
    ],
    [
      'map with wrong keys',
      map(item({ required: ['name', 'list'] }), ['name', 'gone', 'list', 'name']),
      [
        'items.properties[list].type: Invalid value: "object": must be a scalar type if parent array\'s x-kubernetes-list-type is map',
        'x-kubernetes-list-map-keys: Invalid value: ["name","gone","list","name"]: entries must all be names of item properties',
        'x-kubernetes-list-map-keys: Invalid value: ["name","gone","list","name"]: must not contain duplicate entries',
      ],
    ],
    [
      'map of strings',
      map(STRING),
      ['items.type: Invalid value: "string": must be object if parent array\'s x-kubernetes-list-type is map'],
    ],
    [
      'keys without a map',
      { type: 'array', items: item(), 'x-kubernetes-list-map-keys': ['name'] },
      ['x-kubernetes-list-type: Required value: must be map if x-kubernetes-list-map-keys is non-empty'],
    ],
    [
      'keys of a set',
      { ...map(item({ 'x-kubernetes-map-type': 'atomic' })), 'x-kubernetes-list-type': 'set' },
      ['x-kubernetes-list-type: Invalid value: "set": must be map if x-kubernetes-list-map-keys is non-empty'],
    ],
    ['set', set(STRING), []],
    ['set of atomic lists', set({ type: 'array', items: STRING }), []],
    [
      'set of sets',
      set(set(STRING)),
      [
        'items.x-kubernetes-list-type: Invalid value: "set": must be atomic as item of a list with x-kubernetes-list-type=set',
      ],
    ],
    [
      'set of objects',
      set(item()),
      [
        'items.x-kubernetes-map-type: Invalid value: null: must be atomic as item of a list with x-kubernetes-list-type=set',
      ],
    ],
    [
      'set of what may be null',
      set({ ...STRING, nullable: true }),
      ['items.nullable: Forbidden: cannot be nullable when x-kubernetes-list-type is set'],
    ],
    [
      'unknown list type',
      { type: 'array', items: STRING, 'x-kubernetes-list-type': 'bag' },
      ['x-kubernetes-list-type: Unsupported value: "bag": supported values: "atomic", "set", "map"'],
    ],
    [
      'list type of a string',
      { type: 'string', 'x-kubernetes-list-type': 'atomic' },
      ['type: Invalid value: "string": must be array if x-kubernetes-list-type is specified'],
    ],
    [
      'map type of anything',
      { 'x-kubernetes-preserve-unknown-fields': true, 'x-kubernetes-map-type': 'granular' },
      ['type: Required value: must be object if x-kubernetes-map-type is specified'],
    ],
    [
      'unknown map type',
      { type: 'object', 'x-kubernetes-map-type': 'bag' },
      ['x-kubernetes-map-type: Unsupported value: "bag": supported values: "atomic", "granular"'],
    ],
  ])('%s', (_name, schema, errors) => {
    expect(fieldErrors(schema)).toEqual(errors);
  });

  it('are not told of with all keys for every key', () => {
    const keys = Array.from({ length: 5000 }, (_, i) => `k${i}`);
    const errors = fieldErrors(map({ type: 'object' }, [...keys, ...keys]));
    expect(errors.map((error) => error.replace(/\[.*\]/, '[]'))).toEqual([
      'x-kubernetes-list-map-keys: Invalid value: []: entries must all be names of item properties',
      'x-kubernetes-list-map-keys: Invalid value: []: must not contain duplicate entries',
    ]);
  });

  it('may stay as loose as they were', () => {
    for (const loose of [map(item({ required: [] })), set(item()), { type: 'array', items: STRING }]) {
      const rooted = (list: JsonSchemaProps): JsonSchemaProps => ({ type: 'object', properties: { list } });
      const before = withSchema(rooted(loose));
      const after = withSchema({ ...rooted(loose), description: 'new' });
      expect(updateErrors(after, before)).toEqual([]);
    }
    const tight = withSchema({ type: 'object', properties: { list: set(STRING) } });
    const loosened = withSchema({ type: 'object', properties: { list: set(item()) } });
    expect(updateErrors(loosened, tight)).toHaveLength(1);
  });
});

describe('x-kubernetes-validations', () => {
  const ruled = (rule: Partial<ValidationRule>): string[] =>
    fieldErrors({
      type: 'object',
      properties: { a: { type: 'object', additionalProperties: { type: 'object', properties: { b: STRING } } } },
      'x-kubernetes-validations': [{ rule: 'true', ...rule }],
    }).map((error) => error.replace('x-kubernetes-validations[0].', ''));

  it.each<[Partial<ValidationRule>, string[]]>([
    [{}, []],
    [{ rule: ' ' }, ['rule: Required value: rule is not specified']],
    [{ message: ' ' }, ['message: Invalid value: " ": must be non-empty if specified']],
    [{ message: 'a\nb' }, ['message: Invalid value: "a\\nb": must not contain line breaks']],
    [{ rule: 'true ||\ntrue' }, ['message: Required value: message must be specified if rule contains line breaks']],
    [{ rule: 'true ||\ntrue', message: 'm' }, []],
    [
      { messageExpression: '\t' },
      ['messageExpression: Required value: messageExpression must be non-empty if specified'],
    ],
    [{ reason: 'FieldValueForbidden' }, []],
    [
      { reason: 'Because' },
      [
        'reason: Unsupported value: "Because": supported values: "FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"',
      ],
    ],
    [{ fieldPath: ".a['x.y'].b" }, []],
    [{ fieldPath: ".a['it\\'s']" }, []],
    [{ fieldPath: '.gone' }, ['fieldPath: Invalid value: ".gone": must be a valid path']],
    [{ fieldPath: '.a[0]' }, ['fieldPath: Invalid value: ".a[0]": must be a valid path']],
    [
      { fieldPath: ' ' },
      [
        'fieldPath: Invalid value: " ": must be non-empty if specified',
        'fieldPath: Invalid value: " ": must be a valid path',
      ],
    ],
    [
      { fieldPath: '.a\n' },
      [
        'fieldPath: Invalid value: ".a\\n": must not contain line breaks',
        'fieldPath: Invalid value: ".a\\n": must be a valid path',
      ],
    ],
  ])('%j', (rule, errors) => {
    expect(ruled(rule)).toEqual(errors);
  });

  it('are told of up to a number', () => {
    const rules = Array.from({ length: 20_000 }, () => ({ rule: '' }));
    expect(fieldErrors({ type: 'object', 'x-kubernetes-validations': rules })).toHaveLength(1000);
  });

  it('tells what is wrong with a path', () => {
    const schema: JsonSchemaProps = {
      type: 'object',
      properties: { a: { type: 'object', additionalProperties: { type: 'object', properties: { b: STRING } } } },
    };
    const found = (text: string): string => {
      const field = findField(text, schema, { allowsBrackets: true });
      return 'problem' in field ? field.problem : `${field.path.toString()} ${field.schema?.type ?? ''}`;
    };
    expect(found(".a['x.y'].b")).toBe('a[x.y].b string');
    expect(found(".a['tab\\t']")).toBe('a[tab\t] object');
    expect(found('.a[')).toBe('unexpected end of JSON path');
    expect(found(".a['b'")).toBe('unexpected end of JSON path');
    expect(found(".a['b'.")).toBe('expected ] but got .');
    expect(found(".a['b")).toBe("expected single quoted string but got 'b");
    expect(found('.a[b]')).toBe('expected single quoted string but got b');
    expect(found(".a['\\q']")).toBe('invalid string literal: invalid escape char \\q');
    expect(found('.__proto__')).toBe('does not refer to a valid field');
    expect(found("'".repeat(100_000))).toContain('expected [ or . but got');
  });
});

describe('checks of contents', () => {
  const RULE = [{ rule: 'self == oldSelf' }];
  const ruled: JsonSchemaProps = {
    type: 'object',
    properties: {
      spec: {
        type: 'object',
        'x-kubernetes-validations': RULE,
        properties: {
          atoms: {
            type: 'array',
            items: { type: 'object', properties: { a: { ...STRING, 'x-kubernetes-validations': RULE } } },
          },
          values: { type: 'object', additionalProperties: { ...STRING, 'x-kubernetes-validations': RULE } },
        },
      },
    },
  };

  function collect(sites: RuleSite[], options: unknown[] = []): SchemaChecks {
    return {
      rules(_schema, given) {
        options.push(given);
        return {
          compile: (site) => {
            sites.push(site);
            return [forbidden(site.path, 'too dear')];
          },
          total: (path) => [forbidden(path, 'all too dear')],
        };
      },
    };
  }

  it('get every rule with its surroundings', () => {
    const sites: RuleSite[] = [];
    const errors = validateDefinition(decodedDefinition(withSchema(ruled)), collect(sites));
    const spec = 'spec.validation.openAPIV3Schema.properties[spec]';
    const atoms = `${spec}.properties[atoms]`;
    expect(sites.map(({ path, uncorrelatable }) => [path.toString(), uncorrelatable?.toString()])).toEqual([
      [`${atoms}.items.properties[a]`, atoms],
      [`${spec}.properties[values].additionalProperties`, undefined],
      [spec, undefined],
    ]);
    const places: string[] = [];
    for (let site: RuleSite | undefined = sites[0]; site; site = site.parent) places.push(site.property ?? site.place);
    expect(places).toEqual(['a', 'items', 'atoms', 'spec', 'root']);
    expect(errors.map(formatFieldError).at(-1)).toBe('spec.validation.openAPIV3Schema: Forbidden: all too dear');
    expect(errors).toHaveLength(4);
  });

  it('come after everything else', () => {
    const sites: RuleSite[] = [];
    const wrong = { ...ruled, properties: { ...ruled.properties, x: {} } };
    expect(validateDefinition(decodedDefinition(withSchema(wrong)), collect(sites))).toHaveLength(1);
    const loose = {
      ...ruled,
      properties: { ...ruled.properties, x: { type: 'object', 'x-kubernetes-map-type': 'b' } },
    };
    validateDefinition(decodedDefinition(withSchema(loose)), collect(sites));
    expect(sites).toHaveLength(3);
    sites.length = 0;
    const defaults: SchemaChecks = { ...collect(sites), defaults: (_schema, path) => [invalid(path, 1, 'no')] };
    expect(validateDefinition(decodedDefinition(withSchema(ruled)), defaults).map(({ message }) => message)).toEqual([
      'Invalid value: 1: no',
    ]);
    expect(sites).toEqual([]);
  });

  it('know what stood before', () => {
    const options: unknown[] = [];
    const previous = decodedDefinition(withSchema(ruled));
    validateDefinitionUpdate(previous, previous, collect([], options));
    const next = decodedDefinition(withSchema({ ...ruled, description: 'new' }));
    validateDefinitionUpdate(next, previous, collect([], options));
    validateDefinition(next, collect([], options));
    expect(options).toEqual([
      { isUnchanged: true, previous },
      { isUnchanged: false, previous },
      { isUnchanged: false },
    ]);
    const pruned: boolean[] = [];
    const defaults: NonNullable<SchemaChecks['defaults']> = (_schema, _path, { requiresPruned }) => {
      pruned.push(requiresPruned);
      return [];
    };
    validateDefinitionUpdate(next, previous, { defaults, hasUnprunedDefaults: () => true });
    validateDefinitionUpdate(next, previous, { defaults, hasUnprunedDefaults: () => false });
    expect(pruned).toEqual([false, true]);
  });
});

describe('schemas as operators write them', () => {
  it('pass', () => {
    const conditions: JsonSchemaProps = {
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['type'],
      maxItems: 8,
      items: {
        type: 'object',
        required: ['type', 'status'],
        properties: {
          type: { type: 'string', pattern: '^[A-Za-z]+$' },
          status: { type: 'string', enum: ['True', 'False'] },
        },
      },
    };
    const schema: JsonSchemaProps = {
      type: 'object',
      description: 'A pool of machines.',
      required: ['spec'],
      properties: {
        apiVersion: STRING,
        kind: STRING,
        metadata: { type: 'object' },
        spec: {
          type: 'object',
          properties: {
            template: {
              type: 'object',
              'x-kubernetes-embedded-resource': true,
              'x-kubernetes-preserve-unknown-fields': true,
            },
            maxUnavailable: {
              anyOf: [{ type: 'integer' }, { type: 'string' }],
              'x-kubernetes-int-or-string': true,
              pattern: '^[0-9]+%$',
            },
            resources: {
              type: 'object',
              additionalProperties: {
                anyOf: [{ type: 'integer' }, { type: 'string' }],
                'x-kubernetes-int-or-string': true,
              },
            },
            selector: { type: 'object', 'x-kubernetes-map-type': 'atomic', properties: { key: STRING } },
            mode: { type: 'string', default: 'Auto', enum: ['Auto', 'Off'], nullable: true },
          },
          oneOf: [{ required: ['template'] }, { required: ['selector'] }],
          'x-kubernetes-validations': [{ rule: "self.mode != 'Off'", message: 'no', fieldPath: '.mode' }],
        },
        status: { type: 'object', properties: { conditions } },
      },
    };
    expect(schemaErrors(schema)).toEqual([]);
  });
});
