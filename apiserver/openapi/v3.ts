/**
 * OpenAPI 3.0: the index of documents and the document of one group version. kubectl reads which query parameters PATCH
 * takes from the paths, and `kubectl explain` walks the components.
 */
import { createHash } from 'node:crypto';
import type { Resource } from '../../api/machinery/resource.ts';
import type { SchemaTable } from '../../api/schema/schema.ts';
import type { Descriptions } from '../../api/schema/table.ts';
import { componentsOf, refTo } from './components.ts';
import type { ComponentsInput } from './components.ts';
import { kindsOf } from './kinds.ts';
import { PARAMETERS, groupVersionPath, operationsOf } from './operations.ts';
import type { Operation, Subresources } from './operations.ts';

export interface OpenApiInput {
  /** The served kinds; those of other group versions are left out where one is asked for. */
  resources: readonly Resource[];
  table: SchemaTable;
  /** Without them the documents have no texts. */
  descriptions?: Descriptions | undefined;
  /** Subresources beside `status` and `scale`. */
  subresources?: Subresources;
}

export interface GroupVersion {
  group: string;
  version: string;
}

export interface OpenApiV3Index {
  paths: Record<string, { serverRelativeURL: string }>;
}

/** `/openapi/v3`. A document's URL changes when its content does, so that clients may keep it for good. */
export function openApiV3Index(
  groupVersions: readonly GroupVersion[],
  hashOf: (groupVersion: GroupVersion) => string,
): OpenApiV3Index {
  const paths: OpenApiV3Index['paths'] = {};
  for (const groupVersion of groupVersions) {
    const key = groupVersionPath(groupVersion).slice(1);
    paths[key] = { serverRelativeURL: `/openapi/v3/${key}?hash=${hashOf(groupVersion)}` };
  }
  return { paths };
}

/** A hash of the document's content, texts aside. */
export function openApiV3Hash({ resources, table, subresources }: OpenApiInput, groupVersion: GroupVersion): string {
  const bare = { resources, table, ...(subresources === undefined ? {} : { subresources }) };
  const document = openApiV3Document({ ...bare, ...groupVersion });
  return createHash('sha256').update(JSON.stringify(document)).digest('hex').toUpperCase();
}

export function groupVersionsOf(resources: readonly Resource[]): GroupVersion[] {
  const found = new Map<string, GroupVersion>();
  for (const { group, version } of resources) found.set(groupVersionPath({ group, version }), { group, version });
  return [...found.values()];
}

/** The document of one group version. Building it takes some 10 ms: keep what it is encoded to. */
export function openApiV3Document(input: OpenApiInput & GroupVersion): Record<string, unknown> {
  const { table, descriptions, subresources } = input;
  const resources = input.resources.filter(({ group, version }) => group === input.group && version === input.version);
  const operations = resources.flatMap((resource) => operationsOf(resource, subresources));
  const kinds = kindsOf(resources, operations);
  const roots = operations.flatMap(({ body, response }) => [body, response].filter((name) => name !== undefined));
  const components: ComponentsInput = { version: 3, roots, table, descriptions, kinds };
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version: 'unversioned' },
    paths: pathsOf(operations, components),
    components: {
      schemas: componentsOf(components),
      securitySchemes: {
        BearerToken: { type: 'apiKey', in: 'header', name: 'authorization', description: 'Bearer token' },
      },
    },
  };
}

const RESPONSE_TYPES = ['application/json', 'application/yaml'];

function pathsOf(operations: readonly Operation[], components: ComponentsInput): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const operation of operations) {
    const parameters = [...operation.inPath.map((name) => parameter(name, 'path')), parameter('pretty', 'query')];
    const path = (paths[operation.path] ??= { parameters });
    path[operation.method] = operationObject(operation, components);
  }
  return Object.fromEntries(Object.entries(paths).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function operationObject(operation: Operation, components: ComponentsInput): Record<string, unknown> {
  const { query, body, response, creates } = operation;
  const answer = (description: string): unknown => ({ description, ...content(RESPONSE_TYPES, response, components) });
  return {
    tags: [operation.tag],
    description: operation.description,
    operationId: operation.operationId,
    ...(query.length > 0 ? { parameters: query.map((name) => parameter(name, 'query')) } : {}),
    ...(body === undefined ? {} : { requestBody: requestBody(body, operation.consumes, components) }),
    responses: {
      200: answer('OK'),
      ...(creates ? { 201: answer('Created') } : {}),
      401: { description: 'Unauthorized' },
    },
    'x-kubernetes-action': operation.action,
    'x-kubernetes-group-version-kind': operation.kind,
  };
}

function requestBody(body: string, types: readonly string[], components: ComponentsInput): unknown {
  return { ...content(types.toSorted(), body, components), ...(body === 'V1DeleteOptions' ? {} : { required: true }) };
}

function content(
  types: readonly string[],
  name: string | undefined,
  components: ComponentsInput,
): Record<string, unknown> {
  if (name === undefined || (name !== 'Patch' && components.table.get(name) === undefined)) return {};
  const schema = { $ref: refTo(name, components) };
  return { content: Object.fromEntries(types.map((type) => [type, { schema }])) };
}

function parameter(name: string, where: 'query' | 'path'): unknown {
  const { type, description } = PARAMETERS[name]!;
  return {
    name,
    in: where,
    description,
    ...(where === 'path' ? { required: true } : {}),
    schema: { type, uniqueItems: true },
  };
}
