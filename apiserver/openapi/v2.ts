/** OpenAPI 2.0 (Swagger): one document of everything, for clients that do not know version 3. */
import { createSchemaTable } from '../../api/schema/table.ts';
import { componentsOf, refTo } from './components.ts';
import type { ComponentsInput } from './components.ts';
import { kindsOf } from './kinds.ts';
import { PARAMETERS, operationsOf } from './operations.ts';
import type { Operation } from './operations.ts';
import type { OpenApiInput } from './v3.ts';

const MEDIA_TYPES = ['application/json', 'application/yaml'];

/** The document of every served kind; some 100 ms of work and megabytes of JSON, so keep what it is encoded to. */
export function openApiV2Document(
  input: OpenApiInput & { /** `info.version`: the server's `gitVersion`. */ serverVersion: string },
): Record<string, unknown> {
  const { resources, table, descriptions, subresources } = input;
  const operations = resources.flatMap((resource) => operationsOf(resource, subresources));
  const kinds = kindsOf(resources, operations);
  const roots = operations.flatMap(({ body, response }) => [body, response].filter((name) => name !== undefined));
  const components: ComponentsInput = { version: 2, roots, table, descriptions, kinds };
  return {
    swagger: '2.0',
    info: { title: 'Kubernetes', version: input.serverVersion },
    paths: pathsOf(operations, components),
    definitions: componentsOf(components),
    securityDefinitions: {
      BearerToken: { type: 'apiKey', name: 'authorization', in: 'header', description: 'Bearer token' },
    },
    security: [{ BearerToken: [] }],
  };
}

/** The paths and definitions of some kinds, encoded. */
export interface PartV2 {
  /** `"/api/v1/pods":{…}` by path. */
  paths: ReadonlyMap<string, string>;
  /** By name; the kinds that a definition is stand apart, since DeleteOptions are one of every group. */
  definitions: ReadonlyMap<string, { text: string; kinds: readonly unknown[] }>;
}

const KINDS = 'x-kubernetes-group-version-kind';

export function openApiV2Part(input: OpenApiInput): PartV2 {
  const { paths, definitions } = openApiV2Document({ ...input, serverVersion: '' });
  const pathTexts = Object.entries(paths as object).map(([path, value]) => [path, member(path, value)] as const);
  const parts = Object.entries(definitions as Record<string, Record<string, unknown>>).map(([name, definition]) => {
    const { [KINDS]: kinds = [], ...rest } = definition;
    return [name, { text: JSON.stringify(rest), kinds: kinds as readonly unknown[] }] as const;
  });
  return { paths: new Map(pathTexts), definitions: new Map(parts) };
}

/** The document of everything, from the parts of disjoint kinds; what several define is the same in each. */
export function joinPartsV2(parts: readonly PartV2[], serverVersion: string): Buffer {
  const frame = openApiV2Document({ resources: [], table: NO_TABLE, serverVersion });
  const fields = Object.entries(frame).map(([name, value]) => {
    if (name === 'paths') return `"paths":${object(parts.flatMap(({ paths }) => [...paths]))}`;
    return name === 'definitions' ? `"definitions":${object(joinDefinitions(parts))}` : member(name, value);
  });
  return Buffer.from(`{${fields.join(',')}}`);
}

function joinDefinitions(parts: readonly PartV2[]): [string, string][] {
  const joined = new Map<string, { text: string; kinds: unknown[] }>();
  for (const { definitions } of parts) {
    for (const [name, { text, kinds }] of definitions) {
      const known = joined.get(name);
      if (known === undefined) joined.set(name, { text, kinds: [...kinds] });
      else known.kinds.push(...kinds);
    }
  }
  return [...joined].map(([name, { text, kinds }]) => {
    const distinct = [...new Set(kinds.map((kind) => JSON.stringify(kind)))];
    const list = distinct.length === 0 ? '' : `${text === '{}' ? '' : ','}"${KINDS}":[${distinct.join(',')}]`;
    return [name, `${JSON.stringify(name)}:${text.slice(0, -1)}${list}}`];
  });
}

function member(name: string, value: unknown): string {
  return `${JSON.stringify(name)}:${JSON.stringify(value)}`;
}

function object(members: readonly (readonly [string, string])[]): string {
  const sorted = [...members].sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${sorted.map(([, text]) => text).join(',')}}`;
}

const NO_TABLE = createSchemaTable({});

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
  const hasSchema = response !== undefined && components.table.get(response) !== undefined;
  const schema = hasSchema ? { schema: { $ref: refTo(response, components) } } : {};
  const bodyParameter =
    body === undefined
      ? []
      : [
          {
            name: 'body',
            in: 'body',
            ...(body === 'V1DeleteOptions' ? {} : { required: true }),
            schema: { $ref: refTo(body, components) },
          },
        ];
  return {
    tags: [operation.tag],
    description: operation.description,
    operationId: operation.operationId,
    consumes: operation.consumes,
    produces: operation.action === 'list' ? [...MEDIA_TYPES, 'application/json;stream=watch'] : MEDIA_TYPES,
    schemes: ['https'],
    parameters: [...bodyParameter, ...query.map((name) => parameter(name, 'query'))],
    responses: {
      200: { description: 'OK', ...schema },
      ...(creates ? { 201: { description: 'Created', ...schema } } : {}),
      401: { description: 'Unauthorized' },
    },
    'x-kubernetes-action': operation.action,
    'x-kubernetes-group-version-kind': operation.kind,
  };
}

function parameter(name: string, where: 'query' | 'path'): unknown {
  const { type, description } = PARAMETERS[name]!;
  return { name, in: where, description, type, uniqueItems: true, ...(where === 'path' ? { required: true } : {}) };
}
