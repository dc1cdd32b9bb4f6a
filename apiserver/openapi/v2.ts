/** OpenAPI 2.0 (Swagger): one document of everything, for clients that do not know version 3. */
import { componentsOf, refTo } from './components.ts';
import type { ComponentsInput } from './components.ts';
import { kindsOf } from './kinds.ts';
import { PARAMETERS, operationsOf } from './operations.ts';
import type { Operation } from './operations.ts';
import type { OpenApiInput } from './v3.ts';

const MEDIA_TYPES = ['application/json', 'application/yaml'];
const PATCH_TYPES = [
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
  'application/apply-patch+yaml',
];

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
    consumes: body === 'Patch' ? PATCH_TYPES : ['*/*'],
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
