/** Definitions themselves: upstream's test/e2e/apimachinery/custom_resource_definition.go and crd_watch.go, in memory. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { WatchEvent } from '../../api/machinery/handler.ts';
import type { TestServer } from '../../apiserver/testing.ts';
import { startTestServer } from '../../apiserver/testing.ts';

const DEFINITIONS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const MERGE = 'application/merge-patch+json';

interface Definition {
  metadata: { name: string; labels?: Record<string, string> };
  spec: { versions: { schema: { openAPIV3Schema: unknown } }[] };
  status: { conditions: { type: string; status: string; reason?: string; message?: string }[] };
}

interface Custom {
  metadata: { name: string; resourceVersion: string };
  a?: string;
  b?: string;
}

function definition(group: string, labels: Record<string, string> = {}): Record<string, unknown> {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `noxus.${group}`, labels },
    spec: {
      group,
      scope: 'Cluster',
      names: { plural: 'noxus', singular: 'noxu', kind: 'Noxu', listKind: 'NoxuList' },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          subresources: { status: {} },
          schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
        },
      ],
    },
  };
}

const noxu = (group: string, name: string): Record<string, unknown> => ({
  apiVersion: `${group}/v1`,
  kind: 'Noxu',
  metadata: { name },
});

describe('custom resource definitions', () => {
  let server: TestServer;
  const stop = new Set<AbortController>();

  beforeEach(async () => {
    server = await startTestServer();
  });
  afterEach(async () => {
    for (const controller of stop) controller.abort();
    stop.clear();
    await server.close();
  });

  const watch = (url: string): Promise<AsyncIterator<WatchEvent>> => {
    const controller = new AbortController();
    stop.add(controller);
    return server.watch(url, controller.signal);
  };

  /** Resolves with the first event that is as asked. */
  async function event(
    events: AsyncIterator<WatchEvent>,
    isWanted: (event: WatchEvent) => boolean,
  ): Promise<WatchEvent> {
    for (;;) {
      const next = await events.next();
      if (next.done === true) throw new Error('the watch ended');
      if (isWanted(next.value)) return next.value;
    }
  }

  async function established(group: string, labels?: Record<string, string>): Promise<void> {
    await server.call('POST', DEFINITIONS, definition(group, labels));
    const events = await watch(`${DEFINITIONS}?watch=true&fieldSelector=metadata.name=noxus.${group}`);
    await event(events, ({ object }) =>
      (object as unknown as Definition).status.conditions.some(
        ({ type, status }) => type === 'Established' && status === 'True',
      ),
    );
  }

  it('are created and deleted [conformance: Custom Resource Definition, create]', async () => {
    await established('create.example.com');
    const events = await watch(`${DEFINITIONS}?watch=true`);
    await server.call('DELETE', `${DEFINITIONS}/noxus.create.example.com`);
    await event(events, ({ type }) => type === 'DELETED');
    expect((await server.send('GET', `${DEFINITIONS}/noxus.create.example.com`)).status).toBe(404);
    expect((await server.send('GET', '/apis/create.example.com/v1/noxus')).status).toBe(404);
  });

  it('are listed and deleted by label [conformance: Custom Resource Definition, list]', async () => {
    const labels = { 'e2e-list': 'yes' };
    const wanted = Array.from({ length: 10 }, (_, i) => `list${i}.example.com`);
    for (const group of wanted) await established(group, labels);
    await established('other.example.com');
    const url = `${DEFINITIONS}?labelSelector=e2e-list=yes`;
    const { items } = await server.call<{ items: Definition[] }>('GET', url);
    expect(items.map(({ metadata }) => metadata.name).sort()).toEqual(wanted.map((group) => `noxus.${group}`).sort());
    const events = await watch(`${DEFINITIONS}?watch=true&labelSelector=e2e-list=yes`);
    await server.call('DELETE', url);
    for (const _group of wanted) await event(events, ({ type }) => type === 'DELETED');
    const left = await server.call<{ items: Definition[] }>('GET', DEFINITIONS);
    expect(left.items.map(({ metadata }) => metadata.name)).toEqual(['noxus.other.example.com']);
  });

  it('have a status of their own [conformance: Custom Resource Definition, status sub-resource]', async () => {
    const url = `${DEFINITIONS}/noxus.status.example.com`;
    await established('status.example.com');
    const read = (): Promise<Definition> => server.call<Definition>('GET', `${url}/status`);
    const found = await read();
    expect(found.status.conditions.map(({ type }) => type)).toContain('Established');
    const added = { type: 'StatusUpdate', status: 'True', reason: 'E2E', message: 'Set from an e2e test' };
    found.status.conditions.push(added);
    await server.call('PUT', `${url}/status`, found);
    expect((await read()).status.conditions).toContainEqual(expect.objectContaining(added));
    const conditions = [...(await read()).status.conditions, { ...added, type: 'StatusPatched' }];
    const patched = await server.send('PATCH', `${url}/status`, {
      body: { status: { conditions } },
      contentType: MERGE,
    });
    expect(patched.status).toBe(200);
    expect((await server.call<Definition>('GET', url)).status.conditions.map(({ type }) => type)).toEqual(
      expect.arrayContaining(['Established', 'StatusUpdate', 'StatusPatched']),
    );
  });

  it('are in the documents of discovery [conformance: Custom Resource Definition, discovery]', async () => {
    const { groups } = await server.call<{ groups: { name: string; versions: { groupVersion: string }[] }[] }>(
      'GET',
      '/apis',
    );
    const group = groups.find(({ name }) => name === 'apiextensions.k8s.io');
    expect(group?.versions.map(({ groupVersion }) => groupVersion)).toContain('apiextensions.k8s.io/v1');
    const alone = await server.call<{ versions: { version: string }[] }>('GET', '/apis/apiextensions.k8s.io');
    expect(alone.versions.map(({ version }) => version)).toContain('v1');
    const { resources } = await server.call<{ resources: { name: string }[] }>('GET', '/apis/apiextensions.k8s.io/v1');
    expect(resources.map(({ name }) => name)).toContain('customresourcedefinitions');
  });

  it('give defaults to requests and to what is stored [conformance: Custom Resource Definition, defaulting]', async () => {
    const group = 'default.example.com';
    const objects = `/apis/${group}/v1/noxus`;
    await established(group);
    const setDefault = async (field: string): Promise<void> => {
      const current = await server.call<Definition>('GET', `${DEFINITIONS}/noxus.${group}`);
      current.spec.versions[0]!.schema.openAPIV3Schema = {
        type: 'object',
        properties: {
          a: { type: 'string' },
          b: { type: 'string' },
          [field]: { type: 'string', default: field.toUpperCase() },
        },
      };
      await server.call('PUT', `${DEFINITIONS}/noxus.${group}`, current);
    };
    expect(await server.call<Custom>('POST', objects, noxu(group, 'foo'))).not.toHaveProperty('a');
    await setDefault('a');
    expect(await server.call<Custom>('GET', `${objects}/foo`)).toMatchObject({ a: 'A' });
    expect(await server.call<Custom>('POST', objects, noxu(group, 'bar'))).toMatchObject({ a: 'A' });
    await setDefault('b');
    const bar = await server.call<Custom>('GET', `${objects}/bar`);
    expect(bar).toMatchObject({ a: 'A', b: 'B' });
    const foo = await server.call<Custom>('GET', `${objects}/foo`);
    expect(foo).toMatchObject({ b: 'B' });
    expect(foo).not.toHaveProperty('a');
  });

  it('have objects that are watched [conformance: Custom Resource Definition, watch]', async () => {
    const group = 'watch.example.com';
    const objects = `/apis/${group}/v1/noxus`;
    await established(group);
    for (const name of ['name1', 'name2']) {
      const events = await watch(`${objects}?watch=true&fieldSelector=metadata.name=${name}`);
      await server.call('POST', objects, noxu(group, name));
      expect(await event(events, () => true)).toMatchObject({ type: 'ADDED', object: { metadata: { name } } });
      await server.send('PATCH', `${objects}/${name}`, { body: { data: 1 }, contentType: MERGE });
      expect(await event(events, () => true)).toMatchObject({ type: 'MODIFIED', object: { data: 1 } });
      await server.call('DELETE', `${objects}/${name}`);
      expect(await event(events, () => true)).toMatchObject({ type: 'DELETED', object: { metadata: { name } } });
    }
  });

  it('that cannot be are refused, with every reason [A28]', async () => {
    const wrong = definition('wrong.example.com') as { metadata: { name: string }; spec: Definition['spec'] };
    wrong.metadata.name = 'other';
    wrong.spec.versions[0]!.schema.openAPIV3Schema = { type: 'object', properties: { spec: { pattern: '[' } } };
    const { status, body } = await server.send('POST', DEFINITIONS, { body: wrong });
    expect(status).toBe(422);
    const { message, details } = body as { message: string; details: { causes: { field: string }[] } };
    expect(message).toContain('CustomResourceDefinition.apiextensions.k8s.io "other" is invalid: [metadata.name: ');
    expect(details.causes.map(({ field }) => field)).toEqual([
      'metadata.name',
      'spec.validation.openAPIV3Schema.properties[spec].pattern',
      'spec.validation.openAPIV3Schema.properties[spec].type',
    ]);
    expect((await server.call<{ items: unknown[] }>('GET', DEFINITIONS)).items).toEqual([]);
  });
});
