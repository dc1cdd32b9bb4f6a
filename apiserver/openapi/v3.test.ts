import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineResource } from '../../api/machinery/resource.ts';
import type { Resource, ResourceInit } from '../../api/machinery/resource.ts';
import type { ApiObject } from '../../api/machinery/meta.ts';
import { createSchemaTable, loadDescriptions, loadSchemaTable } from '../../api/schema/table.ts';
import { findFacts } from '../../test/facts.ts';
import { joinPartsV2, openApiV2Document, openApiV2Part } from './v2.ts';
import type { OpenApiV3Index } from './v3.ts';
import { groupVersionsOf, openApiV3Document, openApiV3Hash, openApiV3Index } from './v3.ts';

const table = loadSchemaTable();
const descriptions = loadDescriptions();

function kind(group: string, name: string, init: Partial<ResourceInit<ApiObject>> = {}): Resource {
  const singular = name.toLowerCase();
  const names = { kind: name, plural: `${singular}s`, singular };
  return defineResource({ group, version: 'v1', scope: 'Namespaced', names, schema: `V1${name}`, ...init });
}

const scale = { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas' };
const resources = [
  kind('', 'Pod', { subresources: { status: {} } }),
  kind('', 'Node', { scope: 'Cluster', subresources: { status: {} } }),
  kind('', 'ConfigMap'),
  kind('', 'Secret'),
  kind('apps', 'Deployment', { subresources: { status: {}, scale } }),
  kind('rbac.authorization.k8s.io', 'Role'),
  kind('rbac.authorization.k8s.io', 'ClusterRole', { scope: 'Cluster' }),
  kind('apiextensions.k8s.io', 'CustomResourceDefinition', { scope: 'Cluster', subresources: { status: {} } }),
];
const document = (group: string): Document =>
  openApiV3Document({ resources, table, descriptions, group, version: 'v1' }) as unknown as Document;

interface OpenApiOperation {
  operationId: string;
  parameters?: { name: string; in: string; schema: unknown }[];
  'x-kubernetes-action': string;
  'x-kubernetes-group-version-kind': unknown;
}

interface Document {
  paths: Record<string, Record<string, OpenApiOperation>>;
  components: { schemas: Record<string, Record<string, unknown>> };
}

const refsIn = (value: unknown): string[] =>
  [...JSON.stringify(value).matchAll(/"\$ref":"([^"]+)"/g)].map((match) => match[1]!);

describe('openApiV3Index() [A4]', () => {
  it('names every group version, with a hash of its content', () => {
    const indexOf = (served: Resource[]): OpenApiV3Index =>
      openApiV3Index(groupVersionsOf(served), (groupVersion) =>
        openApiV3Hash({ resources: served, table }, groupVersion),
      );
    const { paths } = indexOf(resources);
    expect(Object.keys(paths)).toEqual([
      'api/v1',
      'apis/apps/v1',
      'apis/rbac.authorization.k8s.io/v1',
      'apis/apiextensions.k8s.io/v1',
    ]);
    expect(paths['apis/apps/v1']?.serverRelativeURL).toMatch(/^\/openapi\/v3\/apis\/apps\/v1\?hash=[0-9A-F]{64}$/);
    const others = indexOf(resources.slice(0, -1).map((one) => ({ ...one, verbs: ['get'] })));
    expect(others.paths['api/v1']).not.toEqual(paths['api/v1']);
  });
});

describe('openApiV3Document()', () => {
  it('says to kubectl that PATCH takes fieldValidation', () => {
    const patch = document('apps').paths['/apis/apps/v1/namespaces/{namespace}/deployments/{name}']?.['patch'];
    expect(patch?.['x-kubernetes-group-version-kind']).toEqual({ group: 'apps', version: 'v1', kind: 'Deployment' });
    expect(patch?.parameters?.map(({ name }) => name)).toEqual(['dryRun', 'fieldManager', 'fieldValidation', 'force']);
  });

  it('has a component for every ref, and only its own group’s paths', () => {
    for (const { group } of groupVersionsOf(resources)) {
      const built = document(group);
      for (const ref of refsIn(built)) {
        expect(built.components.schemas).toHaveProperty([ref.slice('#/components/schemas/'.length)]);
      }
    }
    expect(Object.keys(document('apps').paths).every((path) => path.startsWith('/apis/apps/v1/'))).toBe(true);
  });

  it('adds subresources that are registered', () => {
    const eviction = {
      name: 'eviction',
      kind: { group: 'policy', version: 'v1', kind: 'Eviction' },
      verbs: ['create'],
    };
    const exec = { name: 'exec', kind: { group: '', version: 'v1', kind: 'PodExecOptions' }, verbs: ['create', 'get'] };
    const subresources = ({ names }: Resource) => (names.kind === 'Pod' ? [eviction, exec] : []);
    const built = openApiV3Document({
      resources,
      table,
      group: '',
      version: 'v1',
      subresources,
    }) as unknown as Document;
    const post = built.paths['/api/v1/namespaces/{namespace}/pods/{name}/eviction']?.['post'];
    expect(post?.['x-kubernetes-group-version-kind']).toEqual(eviction.kind);
    expect(built.components.schemas['io.k8s.api.policy.v1.Eviction']?.['x-kubernetes-group-version-kind']).toEqual([
      eviction.kind,
    ]);
    expect(built.paths['/api/v1/namespaces/{namespace}/pods/{name}/exec']).toHaveProperty('get');
  });

  it('names custom kinds after their group, with their schema', () => {
    const schema = {
      type: 'object' as const,
      properties: { metadata: { ref: 'V1ObjectMeta' }, size: { type: 'integer' as const } },
    };
    const custom = createSchemaTable({ 'widgets.example.com/v1': schema }, table);
    const widget = kind('example.com', 'Widget', { schema: 'widgets.example.com/v1' });
    const built = openApiV3Document({
      resources: [widget],
      table: custom,
      group: 'example.com',
      version: 'v1',
    }) as unknown as Document;
    expect(built.components.schemas['com.example.v1.Widget']).toMatchObject({
      properties: { size: { type: 'integer' } },
      'x-kubernetes-group-version-kind': [{ group: 'example.com', version: 'v1', kind: 'Widget' }],
    });
  });
});

const facts = findFacts('openapi-v1.36');
const withFacts = facts === undefined ? it.skip : it;
const upstream = (file: string): Document => JSON.parse(readFileSync(join(facts!, file), 'utf8')) as Document;

describe.each([
  ['', 'api__v1.json'],
  ['apps', 'apis__apps__v1.json'],
  ['rbac.authorization.k8s.io', 'apis__rbac.authorization.k8s.io__v1.json'],
  ['apiextensions.k8s.io', 'apis__apiextensions.k8s.io__v1.json'],
])('document of group "%s" against OpenAPI of v1.36', (group, file) => {
  withFacts('has operations and parameters that upstream has', () => {
    const theirs = upstream(file);
    for (const [path, item] of Object.entries(document(group).paths)) {
      for (const [method, ours] of Object.entries(item)) {
        if (method === 'parameters') continue;
        const expected = theirs.paths[path]?.[method];
        const fields = ['operationId', 'x-kubernetes-action', 'x-kubernetes-group-version-kind', 'tags'] as const;
        for (const field of fields) {
          expect({ path, method, [field]: ours[field as 'operationId'] }).toEqual({
            path,
            method,
            [field]: expected?.[field as 'operationId'],
          });
        }
        const known = new Map(
          [...(expected?.parameters ?? []), ...parametersOf(theirs, path)].map((parameter) => [
            parameter.name,
            parameter.schema,
          ]),
        );
        for (const { name, schema } of ours.parameters ?? [])
          expect({ path, name, schema }).toEqual({ path, name, schema: known.get(name) });
      }
    }
  });

  withFacts('has components with the fields, types and kinds of upstream', () => {
    const theirs = upstream(file).components.schemas;
    const ours = document(group).components.schemas;
    expect(Object.keys(ours).filter((name) => theirs[name] === undefined)).toEqual([]);
    for (const [name, schema] of Object.entries(ours))
      expect({ name, ...bare(schema) }).toEqual({ name, ...bare(theirs[name]!) });
  });
});

/** Parameters that all operations of a path share stand beside them. */
function parametersOf({ paths }: Document, path: string): NonNullable<OpenApiOperation['parameters']> {
  return (paths[path]?.['parameters'] ?? []) as unknown as NonNullable<OpenApiOperation['parameters']>;
}

/** A schema without texts, defaults, unions and plain `atomic` lists, and with single refs unwrapped. */
function bare(schema: Record<string, unknown>): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(schema)) {
    const isLeftOut = ['description', 'default', 'x-kubernetes-unions'].includes(key) || value === 'atomic';
    if (key === 'x-kubernetes-group-version-kind') result[key] = (value as { kind: string }[])[0];
    else if (key === 'allOf') result['$ref'] = (value as { $ref: string }[])[0]!.$ref;
    else if (key === 'required') result[key] = [...(value as string[])].sort();
    else if (key === 'properties') result[key] = mapValues(value as Record<string, Record<string, unknown>>);
    else if (key === 'items' || key === 'additionalProperties') result[key] = bare(value as Record<string, unknown>);
    else if (!isLeftOut) result[key] = value;
  }
  return result;
}

function mapValues(properties: Record<string, Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, bare(schema)]));
}

describe('openApiV2Document() [A3]', () => {
  it('has every group, and a definition for every ref', () => {
    const built = openApiV2Document({ resources, table, descriptions, serverVersion: 'v1.36.0' }) as {
      paths: Record<string, unknown>;
      definitions: Record<string, { properties?: Record<string, unknown> }>;
    };
    expect(built.paths).toHaveProperty(['/api/v1/namespaces/{namespace}/pods/{name}']);
    expect(built.paths).toHaveProperty(['/apis/apps/v1/deployments']);
    for (const ref of refsIn(built)) expect(built.definitions).toHaveProperty([ref.slice('#/definitions/'.length)]);
    expect(built.definitions['io.k8s.apimachinery.pkg.util.intstr.IntOrString']).toMatchObject({
      type: 'string',
      format: 'int-or-string',
    });
  });
});

describe('joinPartsV2()', () => {
  it('gives the document of everything', () => {
    const groups = groupVersionsOf(resources).map((groupVersion) =>
      resources.filter(({ group, version }) => group === groupVersion.group && version === groupVersion.version),
    );
    const parts = groups.map((served) => openApiV2Part({ resources: served, table, descriptions }));
    const joined: unknown = JSON.parse(joinPartsV2(parts, 'v1').toString());
    expect(joined).toEqual(
      JSON.parse(JSON.stringify(openApiV2Document({ resources, table, descriptions, serverVersion: 'v1' }))),
    );
  });
});
