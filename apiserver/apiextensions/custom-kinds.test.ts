import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { TestResponse, TestServer } from '../testing.ts';
import { startTestServer } from '../testing.ts';

const DEFINITIONS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

/** A definition of CronTabs in a group of its own. */
function cronTabs(group: string, changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `crontabs.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: { plural: 'crontabs', singular: 'crontab', kind: 'CronTab', shortNames: ['ct'], categories: ['all'] },
      versions: [version('v1')],
      ...changes,
    },
  };
}

function version(name: string, changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    name,
    served: true,
    storage: true,
    schema: {
      openAPIV3Schema: {
        type: 'object',
        properties: {
          spec: {
            type: 'object',
            required: ['cronSpec'],
            properties: {
              cronSpec: { type: 'string', pattern: '^(\\d+|\\*)(/\\d+)?(\\s+(\\d+|\\*)(/\\d+)?){4}$' },
              image: { type: 'string', default: 'busybox' },
              replicas: { type: 'integer', minimum: 1, maximum: 10 },
              ports: {
                type: 'array',
                'x-kubernetes-list-type': 'map',
                'x-kubernetes-list-map-keys': ['name'],
                items: {
                  type: 'object',
                  required: ['name'],
                  properties: { name: { type: 'string' }, port: { type: 'integer' } },
                },
              },
            },
          },
          status: { type: 'object', properties: { replicas: { type: 'integer' }, labelSelector: { type: 'string' } } },
        },
      },
    },
    subresources: {
      status: {},
      scale: {
        specReplicasPath: '.spec.replicas',
        statusReplicasPath: '.status.replicas',
        labelSelectorPath: '.status.labelSelector',
      },
    },
    additionalPrinterColumns: [
      { name: 'Spec', type: 'string', jsonPath: '.spec.cronSpec' },
      { name: 'Replicas', type: 'integer', jsonPath: '.spec.replicas', priority: 1 },
      { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
    ],
    ...changes,
  };
}

const tab = (
  group: string,
  name: string,
  spec: unknown = { cronSpec: '* * * * */5', replicas: 1 },
  at = 'v1',
): unknown => ({
  apiVersion: `${group}/${at}`,
  kind: 'CronTab',
  metadata: { name },
  spec,
});

interface Custom {
  apiVersion: string;
  metadata: { generation: number; resourceVersion: string; managedFields?: unknown[] };
  spec: Record<string, unknown>;
  status?: Record<string, unknown>;
}

describe('custom kinds', () => {
  let server: TestServer;
  const paths = (group: string, at = 'v1'): string => `/apis/${group}/${at}/namespaces/default/crontabs`;
  const message = ({ body }: TestResponse): string => (body as { message: string }).message;

  /** Resolves when a definition that is being deleted is gone. */
  const gone = async (name: string): Promise<void> => {
    const stop = new AbortController();
    const events = await server.watch(`${DEFINITIONS}?watch=true&fieldSelector=metadata.name=${name}`, stop.signal);
    if ((await server.send('GET', `${DEFINITIONS}/${name}`)).status !== 404) {
      let event = await events.next();
      while (event.done !== true && event.value.type !== 'DELETED') event = await events.next();
      expect(event.value).toMatchObject({ type: 'DELETED', object: { metadata: { name } } });
    }
    stop.abort();
  };
  const deleteDefinition = async (name: string): Promise<void> => {
    await server.call('DELETE', `${DEFINITIONS}/${name}`);
    await gone(name);
  };

  beforeAll(async () => {
    server = await startTestServer();
  });
  afterAll(() => server.close());

  it('are served as soon as their definition is there, in discovery too', async () => {
    await server.call('POST', DEFINITIONS, cronTabs('stable.example.com'));
    const created = await server.call<Custom>('POST', paths('stable.example.com'), tab('stable.example.com', 'one'));
    expect(created.spec).toEqual({ cronSpec: '* * * * */5', image: 'busybox', replicas: 1 });
    expect(created.metadata.generation).toBe(1);
    const { resources } = await server.call<{ resources: Record<string, unknown>[] }>(
      'GET',
      '/apis/stable.example.com/v1',
    );
    expect(resources.map(({ name }) => name)).toEqual(['crontabs', 'crontabs/scale', 'crontabs/status']);
    expect(resources[0]).toMatchObject({
      kind: 'CronTab',
      shortNames: ['ct'],
      categories: ['all'],
      singularName: 'crontab',
    });
    const definition = await server.call<{ status: Record<string, unknown> }>(
      'GET',
      `${DEFINITIONS}/crontabs.stable.example.com`,
    );
    expect(definition.status).toMatchObject({
      acceptedNames: { kind: 'CronTab', listKind: 'CronTabList', plural: 'crontabs' },
      conditions: [
        { type: 'NamesAccepted', status: 'True', reason: 'NoConflicts' },
        { type: 'Established', status: 'True', reason: 'InitialNamesAccepted' },
      ],
      storedVersions: ['v1'],
    });
  });

  it('drop and tell what their schema does not have [A28]', async () => {
    const url = paths('stable.example.com');
    const object = tab('stable.example.com', 'pruned', { cronSpec: '* * * * */5', colour: 'red' });
    const warned = await server.send('POST', url, { body: object });
    expect(warned.status).toBe(201);
    expect((warned.body as Custom).spec).not.toHaveProperty('colour');
    expect(warned.headers['warning']).toEqual(['299 - "unknown field \\"spec.colour\\""']);
    const refused = await server.send('POST', `${url}?fieldValidation=Strict`, { body: object });
    expect(refused.status).toBe(400);
    expect(message(refused)).toBe(
      'CronTab in version "v1" cannot be handled as a CronTab: strict decoding error: unknown field "spec.colour"',
    );
  });

  it('are checked against their schema', async () => {
    const spec = { cronSpec: 'often', replicas: 11, image: 5 };
    const refused = await server.send('POST', paths('stable.example.com'), {
      body: tab('stable.example.com', 'wrong', spec),
    });
    expect(refused.status).toBe(422);
    expect(message(refused)).toBe(
      'CronTab.stable.example.com "wrong" is invalid: [spec.cronSpec: Invalid value: "often": spec.cronSpec in body should match \'^(\\d+|\\*)(/\\d+)?(\\s+(\\d+|\\*)(/\\d+)?){4}$\', spec.replicas: Invalid value: 11: spec.replicas in body should be less than or equal to 10, spec.image: Invalid value: "integer": spec.image in body must be of type string: "integer"]',
    );
    const missing = await server.send('POST', paths('stable.example.com'), {
      body: tab('stable.example.com', 'wrong', {}),
    });
    expect(message(missing)).toBe('CronTab.stable.example.com "wrong" is invalid: spec.cronSpec: Required value');
    const twice = { cronSpec: '* * * * */5', ports: [{ name: 'a' }, { name: 'a' }] };
    const repeated = await server.send('POST', paths('stable.example.com'), {
      body: tab('stable.example.com', 'wrong', twice),
    });
    expect(message(repeated)).toBe(
      'CronTab.stable.example.com "wrong" is invalid: spec.ports[1]: Duplicate value: {"name":"a"}',
    );
  });

  it('keep spec and status apart, and count generations', async () => {
    const url = `${paths('stable.example.com')}/one`;
    const current = await server.call<Custom>('GET', url);
    const both = { ...current, spec: { ...current.spec, replicas: 3 }, status: { replicas: 7 } };
    const changed = await server.call<Custom>('PUT', url, both);
    expect(changed).toMatchObject({ spec: { replicas: 3 }, metadata: { generation: 2 } });
    expect(changed.status).toBeUndefined();
    const status = { ...changed, spec: { cronSpec: 'x' }, status: { replicas: 3, labelSelector: 'a=b' } };
    const told = await server.call<Custom>('PUT', `${url}/status`, status);
    expect(told).toMatchObject({ spec: changed.spec, status: { replicas: 3 }, metadata: { generation: 2 } });
    const { resourceVersion: _version, ...metadata } = told.metadata;
    const unconditional = await server.send('PUT', url, { body: { ...told, metadata } });
    expect(message(unconditional)).toContain(
      'metadata.resourceVersion: Invalid value: 0x0: must be specified for an update',
    );
  });

  it('scale by the paths of their definition [A32]', async () => {
    const url = `${paths('stable.example.com')}/one/scale`;
    expect(await server.call('GET', url)).toMatchObject({
      kind: 'Scale',
      spec: { replicas: 3 },
      status: { replicas: 3, selector: 'a=b' },
    });
    const { status } = await server.send('PATCH', url, {
      body: { spec: { replicas: 5 } },
      contentType: 'application/merge-patch+json',
    });
    expect(status).toBe(200);
    expect((await server.call<Custom>('GET', `${paths('stable.example.com')}/one`)).spec['replicas']).toBe(5);
  });

  it('show the columns of their definition [A32]', async () => {
    const { body } = await server.send('GET', `${paths('stable.example.com')}/one`, {
      accept: 'application/json;as=Table;v=v1;g=meta.k8s.io',
    });
    const table = body as { columnDefinitions: { name: string }[]; rows: { cells: unknown[] }[] };
    expect(table.columnDefinitions.map(({ name }) => name)).toEqual(['Name', 'Spec', 'Replicas', 'Age']);
    expect(table.rows[0]!.cells).toEqual(['one', '* * * * */5', 5, expect.stringMatching(/^\d+s$/)]);
  });

  it('are applied with lists by their keys [A29]', async () => {
    const url = `${paths('stable.example.com')}/applied`;
    const apply = (manager: string, ports: unknown): Promise<TestResponse> =>
      server.send('PATCH', `${url}?fieldManager=${manager}`, {
        body: { ...(tab('stable.example.com', 'applied', { cronSpec: '* * * * */5', ports }) as object) },
        contentType: 'application/apply-patch+yaml',
      });
    expect((await apply('a', [{ name: 'x', port: 1 }])).status).toBe(201);
    expect((await apply('b', [{ name: 'y', port: 2 }])).status).toBe(200);
    const conflict = await apply('b', [{ name: 'x', port: 9 }]);
    expect(conflict.status).toBe(409);
    expect(message(conflict)).toBe('Apply failed with 1 conflict: conflict with "a": .spec.ports[name="x"].port');
    const { spec } = await server.call<Custom>('GET', url);
    expect(spec['ports']).toEqual([
      { name: 'x', port: 1 },
      { name: 'y', port: 2 },
    ]);
  });

  it('follow a change of their definition: new defaults reach what is stored [A29]', async () => {
    const url = `${DEFINITIONS}/crontabs.stable.example.com`;
    const definition = await server.call<{ spec: { versions: { schema: { openAPIV3Schema: Schema } }[] } }>('GET', url);
    const { spec } = definition.spec.versions[0]!.schema.openAPIV3Schema.properties;
    spec.properties['zone'] = { type: 'string', default: 'UTC' };
    await server.call('PUT', url, definition);
    expect((await server.call<Custom>('GET', `${paths('stable.example.com')}/one`)).spec['zone']).toBe('UTC');
    const { items } = await server.call<{ items: Custom[] }>('GET', paths('stable.example.com'));
    expect(items.map((item) => item.spec['zone'])).toEqual(items.map(() => 'UTC'));
  });

  it('have several versions of one object', async () => {
    const versions = [version('v1beta1', { storage: false }), version('v1')];
    await server.call('POST', DEFINITIONS, cronTabs('many.example.com', { versions }));
    await server.call(
      'POST',
      paths('many.example.com', 'v1beta1'),
      tab('many.example.com', 'old', undefined, 'v1beta1'),
    );
    expect(await server.call('GET', `${paths('many.example.com')}/old`)).toMatchObject({
      apiVersion: 'many.example.com/v1',
    });
    const { items } = await server.call<{ items: Custom[] }>('GET', paths('many.example.com', 'v1beta1'));
    expect(items.map(({ apiVersion }) => apiVersion)).toEqual(['many.example.com/v1beta1']);
    const group = await server.call('GET', '/apis/many.example.com');
    expect(group).toMatchObject({
      preferredVersion: { version: 'v1' },
      versions: [{ version: 'v1' }, { version: 'v1beta1' }],
    });
  });

  it('are watched in the version that was asked for', async () => {
    const stop = new AbortController();
    const url = `/apis/many.example.com/v1beta1/crontabs?watch=true`;
    const events = await server.watch(url, stop.signal);
    expect((await events.next()).value).toMatchObject({
      type: 'ADDED',
      object: { apiVersion: 'many.example.com/v1beta1' },
    });
    await server.call('DELETE', `${paths('many.example.com')}/old`);
    expect((await events.next()).value).toMatchObject({
      type: 'DELETED',
      object: { apiVersion: 'many.example.com/v1beta1', metadata: { name: 'old' } },
    });
    stop.abort();
  });

  it('do not take the names of others in their group', async () => {
    const names = { plural: 'tables', kind: 'CronTab', shortNames: ['ct'] };
    const other = cronTabs('stable.example.com', { names });
    (other['metadata'] as { name: string }).name = 'tables.stable.example.com';
    await server.call('POST', DEFINITIONS, other);
    const refused = await server.send('GET', '/apis/stable.example.com/v1/tables');
    expect(refused.status).toBe(404);
    const { status } = await server.call<{ status: { conditions: unknown[] } }>(
      'GET',
      `${DEFINITIONS}/tables.stable.example.com`,
    );
    expect(status.conditions).toMatchObject([
      {
        type: 'NamesAccepted',
        status: 'False',
        reason: 'ListKindConflict',
        message: '"CronTabList" is already in use',
      },
      { type: 'Established', status: 'False', reason: 'NotAccepted' },
    ]);
    await deleteDefinition('tables.stable.example.com');
  });

  it('go with their definition, after their finalizers', async () => {
    const url = paths('stable.example.com');
    const held = tab('stable.example.com', 'held') as { metadata: Record<string, unknown> };
    held.metadata['finalizers'] = ['example.com/hold'];
    await server.call('POST', url, held);
    await server.call('DELETE', `${DEFINITIONS}/crontabs.stable.example.com`);
    const creating = await server.send('POST', url, { body: tab('stable.example.com', 'late') });
    expect(creating).toMatchObject({ status: 405 });
    expect(message(creating)).toBe('create not allowed while custom resource definition is terminating');
    const definition = await server.call<{ metadata: { finalizers: string[] } }>(
      'GET',
      `${DEFINITIONS}/crontabs.stable.example.com`,
    );
    expect(definition.metadata.finalizers).toEqual(['customresourcecleanup.apiextensions.k8s.io']);
    await server.send('PATCH', `${url}/held`, {
      body: { metadata: { finalizers: null } },
      contentType: 'application/merge-patch+json',
    });
    await gone('crontabs.stable.example.com');
    expect((await server.send('GET', url)).status).toBe(404);
    const group = await server.send('GET', '/apis/stable.example.com');
    expect(group.status).toBe(404);
    // A definition of the same name begins with nothing.
    await server.call('POST', DEFINITIONS, cronTabs('stable.example.com'));
    expect((await server.call<{ items: unknown[] }>('GET', url)).items).toEqual([]);
  });
});

interface Schema {
  properties: { spec: { properties: Record<string, unknown> } };
}

interface Patch {
  consumes: string[];
  requestBody: { content: object };
}

describe('OpenAPI of custom kinds', () => {
  let server: TestServer;
  const document = (path: string): Promise<Record<string, unknown>> => server.call('GET', path);

  beforeAll(async () => {
    server = await startTestServer();
    await server.call('POST', DEFINITIONS, cronTabs('open.example.com'));
  });
  afterAll(() => server.close());

  it('has their schema as its author wrote it, and what every object has', async () => {
    const { components } = await document('/openapi/v3/apis/open.example.com/v1');
    const schema = (components as { schemas: Record<string, Json> }).schemas['com.example.open.v1.CronTab']!;
    expect(schema).toMatchObject({
      type: 'object',
      'x-kubernetes-group-version-kind': [{ group: 'open.example.com', version: 'v1', kind: 'CronTab' }],
      properties: {
        kind: { type: 'string' },
        metadata: {
          description: expect.stringMatching(/^Standard object's metadata\./),
          allOf: [{ $ref: '#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta' }],
        },
        spec: { properties: { replicas: { minimum: 1, maximum: 10 }, image: { default: 'busybox' } } },
      },
    });
  });

  it('has in version 2 what old clients can take', async () => {
    const { definitions } = await document('/openapi/v2');
    const schema = (definitions as Record<string, Json>)['com.example.open.v1.CronTab']!;
    expect(schema).toMatchObject({ properties: { spec: { properties: { replicas: { minimum: 1 } } } } });
    expect(JSON.stringify(schema)).not.toContain('"default"');
  });

  it('offers no strategic merge patch: `kubectl apply` would send one', async () => {
    const path = '/apis/open.example.com/v1/namespaces/{namespace}/crontabs/{name}';
    const types = ['application/apply-patch+yaml', 'application/json-patch+json', 'application/merge-patch+json'];
    const patchOf = async (name: string, item: string): Promise<Patch> =>
      ((await document(name)) as { paths: Record<string, { patch: Patch }> }).paths[item]!.patch;
    for (const item of [path, `${path}/status`]) {
      const { requestBody } = await patchOf('/openapi/v3/apis/open.example.com/v1', item);
      expect(Object.keys(requestBody.content)).toEqual(types);
      expect((await patchOf('/openapi/v2', item)).consumes.toSorted()).toEqual(types);
    }
    const pod = await patchOf('/openapi/v2', '/api/v1/namespaces/{namespace}/pods/{name}');
    expect(pod.consumes).toContain('application/strategic-merge-patch+json');
  });

  it('gives only the changed group a new hash', async () => {
    type Index = { paths: Record<string, { serverRelativeURL: string }> };
    const before = await server.call<Index>('GET', '/openapi/v3');
    await server.call('POST', DEFINITIONS, cronTabs('new.example.com'));
    const after = await server.call<Index>('GET', '/openapi/v3');
    expect(after.paths).toMatchObject(before.paths);
    expect(Object.keys(after.paths)).toContain('apis/new.example.com/v1');
    await server.call('DELETE', `${DEFINITIONS}/crontabs.open.example.com`);
  });

  it('refuses strategic merge patches of them', async () => {
    const refused = await server.send('PATCH', '/apis/new.example.com/v1/namespaces/default/crontabs/x', {
      body: {},
      contentType: 'application/strategic-merge-patch+json',
    });
    expect(refused).toMatchObject({ status: 415 });
    expect((refused.body as { message: string }).message).toBe(
      'the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml',
    );
  });
});

type Json = Record<string, unknown>;
