import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Status } from '../api/machinery/errors.ts';
import type { ApiObject } from '../api/machinery/meta.ts';
import type { Authorizer } from './authz/authorizer.ts';
import type { TestResponse, TestServer } from './testing.ts';
import { startTestServer } from './testing.ts';

const APPLY = 'application/apply-patch+yaml';
const MAPS = '/api/v1/namespaces/default/configmaps';
const DEPLOYMENTS = '/apis/apps/v1/namespaces/default/deployments';

let server: TestServer;
let forbidden: string[] = [];
const authorize: Authorizer = ({ verb }) =>
  forbidden.includes(verb) ? { decision: 'deny', reason: '' } : { decision: 'allow', reason: '' };

beforeAll(async () => {
  server = await startTestServer({ authorize });
});
afterAll(() => server.close());

const apply = (url: string, body: unknown, query = 'fieldManager=a'): Promise<TestResponse> =>
  server.send('PATCH', `${url}?${query}`, { body, contentType: APPLY });
const map = (name: string, data: Record<string, unknown>, metadata: object = {}): object => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'default', ...metadata },
  data,
});
const deployment = (name: string, spec: object = {}): object => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, namespace: 'default' },
  spec: {
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'c', image: 'i:1' }] } },
    ...spec,
  },
});
const message = ({ body }: TestResponse): string | undefined => (body as Status).message;

describe('refusals', () => {
  const cases: [string, string, unknown, number, string][] = [
    [
      'no manager',
      '',
      map('x', {}),
      422,
      'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
    ],
    [
      'a long manager',
      `fieldManager=${'m'.repeat(129)}`,
      map('x', {}),
      422,
      'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Too long: may not be more than 128 bytes',
    ],
    ['an unprintable manager', 'fieldManager=a%00', map('x', {}), 422, 'invalid character U+0000 (at position 1)'],
    [
      'managedFields',
      'fieldManager=a',
      map('x', {}, { managedFields: [{}] }),
      400,
      'metadata.managedFields must be nil',
    ],
    [
      'another version',
      'fieldManager=a',
      { ...map('x', {}), apiVersion: 'v2' },
      400,
      'invalid object type: /v2, Kind=ConfigMap',
    ],
    ['no version', 'fieldManager=a', { metadata: { name: 'x' } }, 400, 'invalid object type: /, Kind='],
    [
      'another kind',
      'fieldManager=a',
      { ...map('x', {}), kind: 'Secret' },
      400,
      'invalid object type: /v1, Kind=Secret',
    ],
    [
      'another name',
      'fieldManager=a',
      map('other', {}),
      400,
      'the name of the object (other) does not match the name on the URL (x)',
    ],
    [
      'another namespace',
      'fieldManager=a',
      map('x', {}, { namespace: 'kube-system' }),
      400,
      'the namespace of the provided object does not match the namespace sent on the request',
    ],
    [
      'an unknown field',
      'fieldManager=a',
      { ...map('x', {}), foo: 1 },
      500,
      'failed to create typed patch object (default/x; /v1, Kind=ConfigMap): .foo: field not declared in schema',
    ],
    [
      'a wrong type',
      'fieldManager=a',
      map('x', { a: 1 }),
      500,
      'failed to create typed patch object (default/x; /v1, Kind=ConfigMap): .data.a: expected string, got &value.valueUnstructured{Value:1}',
    ],
    ['text', 'fieldManager=a', 'just text', 400, 'error decoding YAML: '],
    [
      'a list',
      'fieldManager=a',
      [],
      400,
      'error decoding YAML: json: cannot unmarshal array into Go value of type map[string]interface {}',
    ],
    [
      'metadata that is none',
      'fieldManager=a',
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: 'x' },
      500,
      '.metadata: expected map, got &{x}',
    ],
    [
      'a uid of nothing',
      'fieldManager=a',
      map('x', {}, { uid: 'u-1' }),
      409,
      'Operation cannot be fulfilled on configmaps "x": uid mismatch: the provided object specified uid u-1, and no existing object was found',
    ],
  ];
  it.each(cases)('%s', async (_name, query, body, code, text) => {
    const response = await apply(`${MAPS}/x`, body, query);
    expect(message(response)).toContain(text);
    expect(response.status).toBe(code);
    expect((await server.send('GET', `${MAPS}/x`)).status).toBe(404);
  });

  it('CBOR, and force for other patches', async () => {
    const cbor = await server.send('PATCH', `${MAPS}/x?fieldManager=a`, {
      body: 'x',
      contentType: 'application/apply-patch+cbor',
    });
    expect(cbor).toMatchObject({ status: 415 });
    expect(message(cbor)).toContain('application/strategic-merge-patch+json, application/apply-patch+yaml');
    const merge = await server.send('PATCH', `${MAPS}/x?force=true`, {
      body: {},
      contentType: 'application/merge-patch+json',
    });
    expect(message(merge)).toBe(
      'PatchOptions.meta.k8s.io "" is invalid: force: Forbidden: may not be specified for non-apply patch',
    );
  });

  it('keys that stand twice, as field validation asks', async () => {
    const twice = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: twice}\ndata:\n  a: "1"\n  a: "2"\n';
    const strict = await apply(`${MAPS}/twice`, twice, 'fieldManager=a&fieldValidation=Strict');
    expect(strict.status).toBe(400);
    expect(message(strict)).toBe(
      'error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:\n  line 6: key "a" already set in map',
    );
    const warned = await apply(`${MAPS}/twice`, twice);
    expect(warned.status).toBe(201);
    expect(String(warned.headers['warning'])).toContain('already set in map');
    expect(
      (await apply(`${MAPS}/twice`, twice, 'fieldManager=a&fieldValidation=Ignore')).headers['warning'],
    ).toBeUndefined();
  });

  it('tells items of lists apart', async () => {
    const withContainers = (containers: unknown): object =>
      deployment('d', { template: { metadata: { labels: { app: 'd' } }, spec: { containers } } });
    const text = async (containers: unknown): Promise<string | undefined> =>
      message(await apply(`${DEPLOYMENTS}/d`, withContainers(containers)));
    const prefix = 'failed to create typed patch object (default/d; apps/v1, Kind=Deployment): ';
    const path = '.spec.template.spec.containers';
    expect(await text([{ image: 'x' }])).toBe(
      `${prefix}${path}: element 0: associative list with keys has an element that omits all key fields ["name"] (and doesn't have default values for any key fields)`,
    );
    expect(await text([{ name: 'a' }, { name: 'a' }])).toBe(`${prefix}${path}: duplicate entries for key [name="a"]`);
    expect(await text([{ name: 'a', foo: 1, bar: true }])).toBe(
      `${prefix}${path}[name="a"].foo: field not declared in schema`,
    );
    expect(
      await text([
        { name: 'a', foo: 1 },
        { name: 'b', bar: true },
      ]),
    ).toBe(
      `${prefix}errors:\n  ${path}[name="a"].foo: field not declared in schema\n  ${path}[name="b"].bar: field not declared in schema`,
    );
    expect(await text('x')).toBe(`${prefix}${path}: expected list, got &{x}`);
    expect(await text([{ name: 'a', tty: 'yes please' }])).toBe(
      `${prefix}${path}[name="a"].tty: expected boolean, got &{yes please}`,
    );
  });
});

describe('conditions', () => {
  it('compares resourceVersion and uid', async () => {
    const { body } = await apply(`${MAPS}/versioned`, map('versioned', { x: '1' }));
    const { resourceVersion, uid } = (body as ApiObject).metadata;
    const stale = await apply(`${MAPS}/versioned`, map('versioned', { x: '2' }, { resourceVersion: '1' }));
    expect(stale).toMatchObject({ status: 409, body: { reason: 'Conflict' } });
    expect(message(stale)).toContain(
      'the object has been modified; please apply your changes to the latest version and try again',
    );
    expect(await apply(`${MAPS}/versioned`, map('versioned', { x: '2' }, { uid: 'other' }))).toMatchObject({
      status: 409,
    });
    expect(await apply(`${MAPS}/versioned`, map('versioned', { x: '2' }, { resourceVersion, uid }))).toMatchObject({
      status: 200,
      body: { data: { x: '2' } },
    });
  });

  it('creates only for those who may create', async () => {
    forbidden = ['create'];
    try {
      const refused = await apply(`${MAPS}/not-mine`, map('not-mine', {}));
      expect(refused).toMatchObject({ status: 403, body: { reason: 'Forbidden' } });
      expect(message(refused)).toContain(
        'User "admin" cannot create resource "configmaps" in API group "" in the namespace "default"',
      );
      const put = await server.send('PUT', '/api/v1/namespaces/default/events/not-mine', {
        body: { metadata: { name: 'not-mine' }, involvedObject: { namespace: 'default' } },
      });
      expect(put.status).toBe(403);
    } finally {
      forbidden = [];
    }
    expect((await server.send('GET', `${MAPS}/not-mine`)).status).toBe(404);
  });
});
