import { describe, expect, it } from '@jest/globals';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { definitionName, modelNames } from '../definitions.ts';
import { findFacts } from '../../../test/facts.ts';
import { SCALARS } from '../scalars.ts';
import type { Schema } from '../schema.ts';
import { createSchemaTable } from '../table.ts';
import { generateSchemas } from './generate.ts';
import { readModels } from './write.ts';
import type { Model } from './model-text.ts';

const models = readModels();
const { schemas, descriptions } = generateSchemas(models);
const table = createSchemaTable(schemas);

function oneField(type: string, format = ''): Model {
  return { name: 'V1Pod', description: '', fields: [{ name: 'x', type, format, required: false, description: '' }] };
}

describe('generateSchemas()', () => {
  it('joins structure, scalars and markers', () => {
    expect(schemas['V1PodSpec']?.required).toEqual(['containers']);
    expect(schemas['V1PodSpec']?.properties?.['containers']).toEqual({
      type: 'array',
      items: { ref: 'V1Container' },
      listType: 'map',
      listMapKeys: ['name'],
      patchStrategy: 'merge',
      patchMergeKey: 'name',
    });
    expect(schemas['V1ResourceRequirements']?.properties?.['limits']).toEqual({
      type: 'object',
      additionalProperties: { ref: 'Quantity' },
      whenEmpty: 'omitted',
    });
    expect(schemas['V1ContainerPort']?.properties?.['protocol']).toEqual({
      type: 'string',
      default: 'TCP',
      whenEmpty: 'omitted',
    });
    expect(schemas['V1LabelSelector']?.mapType).toBe('atomic');
    expect(schemas['V1JSONSchemaProps']?.properties?.['$ref']).toEqual({ type: 'string' });
  });

  it('gives every model a definition, and every definition a schema', () => {
    expect(modelNames().filter((name) => schemas[name] === undefined)).toEqual([]);
  });

  it('resolves every ref', () => {
    const refs: Schema[] = [];
    const walk = (schema: Schema): void => {
      if (schema.ref !== undefined) refs.push(schema);
      for (const next of [...Object.values(schema.properties ?? {}), schema.items, schema.additionalProperties]) {
        if (next !== undefined) walk(next);
      }
    };
    Object.values(schemas).forEach(walk);
    expect(refs.length).toBeGreaterThan(1000);
    for (const schema of refs) expect(table.resolve(schema).ref).toBeUndefined();
  });

  it('refuses types, models and table entries that it does not know', () => {
    expect(() => generateSchemas([oneField('Tuple<string>')])).toThrow('unknown type "Tuple<string>"');
    expect(() => generateSchemas([oneField('number', 'int128')])).toThrow('V1Pod.x: unknown type "number"');
    expect(() => generateSchemas([{ ...oneField('string'), name: 'V9New' }])).toThrow('not in definitions.ts');
    expect(() => generateSchemas([oneField('string')])).toThrow('the tables name what the package does not have');
  });
});

const facts = findFacts('openapi-v1.36');
const upstream = facts === undefined ? {} : readUpstream(facts);
const withFacts = facts === undefined ? it.skip : it;

interface UpstreamSchema {
  $ref?: string;
  allOf?: UpstreamSchema[];
  type?: string;
  format?: string;
  items?: UpstreamSchema;
  additionalProperties?: UpstreamSchema;
  properties?: Record<string, UpstreamSchema>;
  required?: string[];
  default?: unknown;
  [extension: `x-kubernetes-${string}`]: unknown;
}

function readUpstream(folder: string): Record<string, UpstreamSchema> {
  const all: Record<string, UpstreamSchema> = {};
  for (const file of readdirSync(folder)) {
    const document = JSON.parse(readFileSync(join(folder, file), 'utf8')) as {
      components?: { schemas?: Record<string, UpstreamSchema> };
    };
    Object.assign(all, document.components?.schemas);
  }
  return all;
}

function upstreamShape(schema: UpstreamSchema): string {
  const ref = schema.$ref ?? schema.allOf?.[0]?.$ref;
  if (ref !== undefined) return ref.slice(ref.lastIndexOf('/') + 1);
  if (schema.type === 'array') return `[${upstreamShape(schema.items!)}]`;
  if (schema.additionalProperties !== undefined) return `{${upstreamShape(schema.additionalProperties)}}`;
  return `${schema.type} ${schema.format ?? ''}`;
}

function ourShape(schema: Schema): string {
  if (schema.ref !== undefined) return definitionName(schema.ref)!;
  if (schema.items !== undefined) return `[${ourShape(schema.items)}]`;
  if (schema.additionalProperties !== undefined) return `{${ourShape(schema.additionalProperties)}}`;
  return `${schema.type} ${schema.format ?? ''}`;
}

const markersOf = (schema: UpstreamSchema): Record<string, unknown> => ({
  listType: schema['x-kubernetes-list-type'] === 'atomic' ? undefined : schema['x-kubernetes-list-type'],
  listMapKeys: schema['x-kubernetes-list-map-keys'],
  patchStrategy: schema['x-kubernetes-patch-strategy'],
  patchMergeKey: schema['x-kubernetes-patch-merge-key'],
  mapType: schema['x-kubernetes-map-type'],
});

const ZEROS = new Set(['{}', '""', '0', 'false']);
const HAS_OWN_FORM = new Set(Object.keys(SCALARS));

describe('generated table against OpenAPI of v1.36', () => {
  const compared = models.filter((model) => upstream[definitionName(model.name)!] !== undefined);

  withFacts('agrees on fields, types, formats and required', () => {
    expect(compared.length).toBeGreaterThan(650);
    for (const { name } of compared) {
      const theirs = upstream[definitionName(name)!]!;
      const ours = schemas[name]!;
      const shapes = Object.entries(ours.properties!).map(([field, schema]) => [field, ourShape(schema)]);
      const expected = Object.entries(theirs.properties ?? {}).map(([field, schema]) => [field, upstreamShape(schema)]);
      expect({ name, fields: Object.fromEntries(shapes) }).toEqual({ name, fields: Object.fromEntries(expected) });
      expect({ name, required: [...(ours.required ?? [])].sort() }).toEqual({
        name,
        required: [...(theirs.required ?? [])].sort(),
      });
    }
  });

  withFacts('agrees on list types, merge keys and map types', () => {
    for (const { name } of compared) {
      const theirs = upstream[definitionName(name)!]!;
      expect({ name, mapType: schemas[name]!.mapType }).toEqual({ name, mapType: theirs['x-kubernetes-map-type'] });
      for (const [field, schema] of Object.entries(theirs.properties ?? {})) {
        const { listType, listMapKeys, patchStrategy, patchMergeKey, mapType } = schemas[name]!.properties![field]!;
        const ours = { listType, listMapKeys, patchStrategy, patchMergeKey, mapType };
        expect({ name, field, ...ours }).toEqual({ name, field, ...markersOf(schema) });
      }
    }
  });

  // Its defaults are the zeros of what is always written, and `+default` markers of a few scalars.
  withFacts('agrees on what is written when it is empty', () => {
    for (const { name } of compared) {
      for (const [field, schema] of Object.entries(schemas[name]!.properties!)) {
        if (schema.items !== undefined || HAS_OWN_FORM.has(schema.ref ?? '')) continue;
        const hasZero = ZEROS.has(JSON.stringify(upstream[definitionName(name)!]!.properties![field]!.default));
        const isWritten = schema.whenEmpty === 'written';
        if (isWritten || schema.ref !== undefined)
          expect({ name, field, isWritten }).toEqual({ name, field, isWritten: hasZero });
      }
    }
  });
});

describe('descriptions', () => {
  it('cover models and fields, with quotes as they were', () => {
    expect(descriptions['V1Pod']?.['']).toMatch(/^Pod is /);
    expect(descriptions['V1PodSpec']?.['dnsPolicy']).toContain('"ClusterFirst"');
  });
});
