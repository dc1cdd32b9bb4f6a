/** Custom resources by field selectors, and what field validation says of their fields: upstream's test/e2e/apimachinery. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { TestResponse, TestServer } from '../../apiserver/testing.ts';
import { startTestServer } from '../../apiserver/testing.ts';

const DEFINITIONS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

async function define(plural: string, version: object): Promise<string> {
  const group = 'fields.example.com';
  const kind = plural[0]!.toUpperCase() + plural.slice(1, -1);
  await server.call('POST', DEFINITIONS, {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: { plural, kind },
      versions: [{ served: true, storage: true, name: 'v1', ...version }],
    },
  });
  return `/apis/${group}/v1/namespaces/default/${plural}`;
}

const text = { type: 'string' };
const embedded = {
  type: 'object',
  'x-kubernetes-embedded-resource': true,
  'x-kubernetes-preserve-unknown-fields': true,
};
const schemaOf = (spec: object): object => ({ schema: { openAPIV3Schema: { type: 'object', properties: { spec } } } });

describe('field selectors of custom resources [A11]', () => {
  it('list and watch what they select [conformance: custom-resource-definition-field-selectors-list-watch-register-informers]', async () => {
    const url = await define('shirts', {
      ...schemaOf({ type: 'object', properties: { color: text, size: { type: 'integer' } } }),
      selectableFields: [{ jsonPath: '.spec.color' }, { jsonPath: '.spec.size' }],
    });
    const create = (name: string, spec: object): Promise<unknown> =>
      server.call('POST', url, { metadata: { name }, spec });
    await create('a', { color: 'blue', size: 1 });
    await create('b', { color: 'blue', size: 2 });
    await create('c', { color: 'green', size: 2 });
    const names = async (selector: string): Promise<string[]> => {
      const { items } = await server.call<{ items: { metadata: { name: string } }[] }>(
        'GET',
        `${url}?fieldSelector=${encodeURIComponent(selector)}`,
      );
      return items.map(({ metadata }) => metadata.name);
    };
    expect(await names('spec.color=blue')).toEqual(['a', 'b']);
    expect(await names('spec.color=blue,spec.size=2')).toEqual(['b']);
    expect(await names('spec.color!=blue')).toEqual(['c']);
    const refused = await server.send('GET', `${url}?fieldSelector=spec.cut%3Dslim`);
    expect(refused).toMatchObject({ status: 400, body: { message: 'field label not supported: spec.cut' } });
    const stop = new AbortController();
    const events = await server.watch(`${url}?watch=true&fieldSelector=spec.color%3Dgreen`, stop.signal);
    const next = async (): Promise<string> => {
      const { value } = await events.next();
      return `${value.type} ${value.object.metadata.name}`;
    };
    expect(await next()).toBe('ADDED c');
    await server.send('PATCH', `${url}/a`, {
      body: { spec: { color: 'green' } },
      contentType: 'application/merge-patch+json',
    });
    expect(await next()).toBe('ADDED a');
    await server.send('PATCH', `${url}/c`, {
      body: { spec: { color: 'red' } },
      contentType: 'application/merge-patch+json',
    });
    expect(await next()).toBe('DELETED c');
    stop.abort();
  });
});

describe('field validation of custom resources [A16]', () => {
  const strict = (url: string, body: string): Promise<TestResponse> =>
    server.send('POST', `${url}?fieldValidation=Strict`, { body });
  const problem = async (url: string, body: string): Promise<string> => {
    const { status, body: answer } = await strict(url, body);
    expect(status).toBe(400);
    return (answer as { message: string }).message.replace(/^.*strict decoding error: /, '');
  };

  it('takes what its schema has [conformance: Server side field validation, valid CR with validation schema]', async () => {
    const url = await define('valids', schemaOf({ type: 'object', properties: { foo: text } }));
    expect(await strict(url, '{"metadata":{"name":"a"},"spec":{"foo":"x"}}')).toMatchObject({ status: 201 });
  });

  it('refuses what it has not [conformance: Server side field validation, unknown fields CR fails validation]', async () => {
    const url = await define('wrongs', schemaOf({ type: 'object', properties: { foo: text } }));
    expect(await problem(url, '{"metadata":{"name":"a"},"spec":{"foo":"x","extraProperty":1}}')).toBe(
      'unknown field "spec.extraProperty"',
    );
    expect((await server.send('GET', `${url}/a`)).status).toBe(404);
  });

  it('takes anything where nothing is said [conformance: Server side field validation, unknown fields CR no validation schema]', async () => {
    const url = await define('opens', {
      schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
    });
    const body = '{"metadata":{"name":"a"},"spec":{"anything":{"at":["all"]}}}';
    expect(await strict(url, body)).toMatchObject({ status: 201, body: { spec: { anything: { at: ['all'] } } } });
  });

  it('finds duplicates where unknown fields are kept [conformance: Server side field validation, CR duplicates]', async () => {
    const url = await define(
      'twices',
      schemaOf({ type: 'object', 'x-kubernetes-preserve-unknown-fields': true, properties: { foo: text, embedded } }),
    );
    expect(await problem(url, '{"metadata":{"name":"a"},"spec":{"foo":"x","foo":"y","other":1,"other":2}}')).toBe(
      'duplicate field "spec.foo", duplicate field "spec.other"',
    );
  });

  it('knows metadata, embedded too [conformance: Server side field validation, unknown metadata]', async () => {
    const url = await define(
      'metas',
      schemaOf({ type: 'object', 'x-kubernetes-preserve-unknown-fields': true, properties: { embedded } }),
    );
    const spec = '{"embedded":{"apiVersion":"v1","kind":"X","metadata":{"name":"x","unknownSubMeta":"y"}}}';
    expect(await problem(url, `{"metadata":{"name":"a","unknownMeta":"x"},"spec":${spec}}`)).toBe(
      'unknown field "metadata.unknownMeta", unknown field "spec.embedded.metadata.unknownSubMeta"',
    );
    const pods = '/api/v1/namespaces/default/configmaps';
    expect(await problem(pods, '{"metadata":{"name":"a","unknownMeta":"x"}}')).toBe(
      'unknown field "metadata.unknownMeta"',
    );
  });
});
