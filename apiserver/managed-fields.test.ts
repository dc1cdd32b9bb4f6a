import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ApiObject, ManagedFieldsEntry } from '../api/machinery/meta.ts';
import type { TestServer } from './testing.ts';
import { startTestServer } from './testing.ts';

const APPLY = 'application/apply-patch+yaml';
const MERGE = 'application/merge-patch+json';
const JSON_PATCH = 'application/json-patch+json';
const MAPS = '/api/v1/namespaces/default/configmaps';
const PODS = '/api/v1/namespaces/default/pods';
const DEPLOYMENTS = '/apis/apps/v1/namespaces/default/deployments';

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

const map = (name: string, data: object, metadata: object = {}): object => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, ...metadata },
  data,
});
const entry = (manager: string, fieldsV1: object, rest: object = {}): ManagedFieldsEntry =>
  ({ manager, operation: 'Update', apiVersion: 'v1', fieldsType: 'FieldsV1', fieldsV1, ...rest }) as ManagedFieldsEntry;
const get = (url: string): Promise<ApiObject> => server.call<ApiObject>('GET', url);
const fields = ({ metadata }: ApiObject, manager: string): unknown =>
  metadata.managedFields?.find((one) => one.manager === manager)?.fieldsV1;
const patch = (url: string, body: unknown, contentType: string): ReturnType<TestServer['send']> =>
  server.send('PATCH', url, { body, contentType });

describe('managedFields in requests', () => {
  it.each([
    ['an empty list', []],
    ['one empty entry', [{}]],
  ])('%s clears them, and nobody owns anything any more', async (title, managedFields) => {
    const name = title.replaceAll(' ', '-');
    await server.call('POST', `${MAPS}?fieldManager=m`, map(name, { a: '1' }));
    const { metadata } = await get(`${MAPS}/${name}`);
    expect(metadata.managedFields).toHaveLength(1);
    const cleared = await patch(`${MAPS}/${name}`, { metadata: { managedFields } }, MERGE);
    expect(cleared.status).toBe(200);
    expect((await get(`${MAPS}/${name}`)).metadata).not.toHaveProperty('managedFields');
    await server.call('PUT', `${MAPS}/${name}?fieldManager=n`, map(name, { a: '2' }));
    expect((await get(`${MAPS}/${name}`)).metadata).not.toHaveProperty('managedFields');
    const applied = await patch(`${MAPS}/${name}?fieldManager=x`, JSON.stringify(map(name, { b: '1' })), APPLY);
    expect(fields(applied.body as ApiObject, 'before-first-apply')).toEqual({ 'f:data': { '.': {}, 'f:a': {} } });
  });

  it('are those of the request when they are valid, and those of the object when they are not', async () => {
    await server.call('POST', `${MAPS}?fieldManager=m`, map('sent', { a: '1', b: '1' }));
    const mine = [entry('mine', { 'f:data': { 'f:a': {} } })];
    await server.call('PUT', `${MAPS}/sent?fieldManager=m`, map('sent', { a: '1', b: '1' }, { managedFields: mine }));
    expect((await get(`${MAPS}/sent`)).metadata.managedFields).toEqual(mine);
    const bad = [entry('bad', { data: {} })];
    await server.call('PUT', `${MAPS}/sent?fieldManager=m`, map('sent', { a: '1', b: '1' }, { managedFields: bad }));
    expect((await get(`${MAPS}/sent`)).metadata.managedFields).toEqual(mine);
  });

  it('count from the first write on', async () => {
    const managedFields = [entry('sent', { 'f:data': { 'f:a': {} } }), entry('other', { 'f:x': {} })];
    await server.call('POST', `${MAPS}?fieldManager=m`, map('created', { a: '1' }, { managedFields }));
    const object = await get(`${MAPS}/created`);
    expect(fields(object, 'm')).toEqual({ 'f:data': { '.': {}, 'f:a': {} } });
    expect(fields(object, 'sent')).toBeUndefined();
    expect(fields(object, 'other')).toEqual({ 'f:x': {} });
  });

  it('do not come through a subresource', async () => {
    const deployment = {
      metadata: { name: 'sub' },
      spec: {
        selector: { matchLabels: { a: 'b' } },
        template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
      },
    };
    await server.call('POST', `${DEPLOYMENTS}?fieldManager=m`, deployment);
    const body = { metadata: { managedFields: [{}] }, status: { observedGeneration: 1 } };
    await patch(`${DEPLOYMENTS}/sub/status?fieldManager=s`, body, MERGE);
    const managers = (await get(`${DEPLOYMENTS}/sub`)).metadata.managedFields?.map((one) => one.manager);
    expect(managers).toEqual(['m', 's']);
  });

  it('of an apply must not be there, not even empty', async () => {
    for (const managedFields of [[], [{}]]) {
      const refused = await patch(
        `${MAPS}/none?fieldManager=m`,
        JSON.stringify(map('none', {}, { managedFields })),
        APPLY,
      );
      expect(refused).toMatchObject({ status: 400, body: { message: 'metadata.managedFields must be nil' } });
    }
  });
});

describe('managedFields of writes', () => {
  it('leave out what admission and the strategy have set, and what the endpoint does not write', async () => {
    const pod = {
      metadata: { name: 'p' },
      spec: { containers: [{ name: 'c', image: 'i' }] },
      status: { phase: 'Running' },
    };
    await server.call('POST', `${PODS}?fieldManager=m`, pod);
    const object = (await get(`${PODS}/p`)) as ApiObject & { spec: { serviceAccountName?: string; priority?: number } };
    expect(object.spec.serviceAccountName).toBe('default');
    expect(object.spec.priority).toBe(0);
    const owned = fields(object, 'm') as { 'f:spec': object };
    expect(Object.keys(owned)).toEqual(['f:spec']);
    expect(owned['f:spec']).toHaveProperty(['f:restartPolicy']);
    for (const name of ['f:serviceAccountName', 'f:priority', 'f:tolerations', 'f:volumes'])
      expect(owned['f:spec']).not.toHaveProperty([name]);
  });

  it('keep the version of the object when nothing changes', async () => {
    await patch(`${MAPS}/same?fieldManager=a`, JSON.stringify(map('same', { a: '1' })), APPLY);
    const before = await get(`${MAPS}/same`);
    await patch(`${MAPS}/same?fieldManager=a`, JSON.stringify(map('same', { a: '1' })), APPLY);
    await patch(`${MAPS}/same?fieldManager=b`, { data: { a: '1' } }, MERGE);
    await patch(`${MAPS}/same?fieldManager=c`, [{ op: 'replace', path: '/data/a', value: '1' }], JSON_PATCH);
    expect(await get(`${MAPS}/same`)).toEqual(before);
  });

  it('record who shares a field, without a time when nothing else changed', async () => {
    await patch(`${MAPS}/both?fieldManager=a`, JSON.stringify(map('both', { a: '1' })), APPLY);
    await patch(`${MAPS}/both?fieldManager=b`, JSON.stringify(map('both', { a: '1' })), APPLY);
    const { managedFields = [] } = (await get(`${MAPS}/both`)).metadata;
    expect(managedFields.map(({ manager, time }) => [manager, time !== undefined])).toEqual([
      ['b', false],
      ['a', true],
    ]);
  });
});

describe('managers of several versions', () => {
  const OLD = '/apis/networking.k8s.io/v1beta1/namespaces/default/ingresses';
  const NEW = '/apis/networking.k8s.io/v1/namespaces/default/ingresses';
  const old = (name: string, service: string): object => ({
    apiVersion: 'networking.k8s.io/v1beta1',
    kind: 'Ingress',
    metadata: { name },
    spec: { backend: { serviceName: service, servicePort: 80 } },
  });
  const current = (name: string, service: string): object => ({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: { name },
    spec: { defaultBackend: { service: { name: service, port: { number: 80 } } } },
  });

  it('conflict over what has another name in each, and yield to force', async () => {
    await patch(`${OLD}/both?fieldManager=old`, JSON.stringify(old('both', 'a')), APPLY);
    const refused = await patch(`${NEW}/both?fieldManager=new`, JSON.stringify(current('both', 'b')), APPLY);
    expect(refused).toMatchObject({
      status: 409,
      body: { message: 'Apply failed with 1 conflict: conflict with "old": .spec.backend.serviceName' },
    });
    const forced = await patch(`${NEW}/both?fieldManager=new&force=true`, JSON.stringify(current('both', 'b')), APPLY);
    const { managedFields = [] } = (forced.body as ApiObject).metadata;
    expect(managedFields.map(({ manager, apiVersion, fieldsV1 }) => [manager, apiVersion, fieldsV1])).toEqual([
      [
        'new',
        'networking.k8s.io/v1',
        { 'f:spec': { 'f:defaultBackend': { 'f:service': { 'f:name': {}, 'f:port': {} } } } },
      ],
      ['old', 'networking.k8s.io/v1beta1', { 'f:spec': { 'f:backend': { 'f:servicePort': {} } } }],
    ]);
  });

  it('move to another version with what they apply', async () => {
    await patch(`${OLD}/moved?fieldManager=m`, JSON.stringify(old('moved', 'a')), APPLY);
    const moved = await patch(`${NEW}/moved?fieldManager=m`, JSON.stringify(current('moved', 'b')), APPLY);
    expect(moved.status).toBe(200);
    const { managedFields = [] } = (moved.body as ApiObject).metadata;
    expect(managedFields.map(({ manager, apiVersion }) => [manager, apiVersion])).toEqual([
      ['m', 'networking.k8s.io/v1'],
    ]);
  });

  it('are forgotten when their version does not exist', async () => {
    const managedFields = [
      entry('gone', { 'f:data': { 'f:a': {} } }, { apiVersion: 'v0' }),
      entry('here', { 'f:data': { 'f:b': {} } }),
    ];
    await server.call('POST', `${MAPS}?fieldManager=m`, map('gone', { a: '1', b: '1' }));
    await patch(`${MAPS}/gone`, { metadata: { managedFields } }, MERGE);
    const { metadata } = await get(`${MAPS}/gone`);
    expect(metadata.managedFields?.map(({ manager }) => manager)).toEqual(['here']);
  });
});

describe('scale', () => {
  const deployment = (name: string, spec: object = {}): object => ({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: {
      selector: { matchLabels: { a: 'b' } },
      template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
      ...spec,
    },
  });
  const scale = (name: string, replicas: number): string =>
    JSON.stringify({ apiVersion: 'autoscaling/v1', kind: 'Scale', metadata: { name }, spec: { replicas } });
  const owners = async (name: string): Promise<unknown> =>
    (await get(`${DEPLOYMENTS}/${name}`)).metadata.managedFields?.map(
      ({ manager, operation, apiVersion, subresource, fieldsV1 }) => [
        [manager, operation, apiVersion, subresource].filter(Boolean).join(' '),
        'f:replicas' in ((fieldsV1 as { 'f:spec': object })['f:spec'] ?? {}),
      ],
    );

  it.each([
    ['a patch', 'PATCH', MERGE],
    ['a strategic merge patch', 'PATCH', 'application/strategic-merge-patch+json'],
    ['a replacement', 'PUT', 'application/json'],
  ])('gives the replicas to who changes them: %s', async (title, method, contentType) => {
    const name = title.replaceAll(' ', '-');
    await server.call('POST', `${DEPLOYMENTS}?fieldManager=m`, deployment(name, { replicas: 1 }));
    const url = `${DEPLOYMENTS}/${name}/scale?fieldManager=s`;
    expect(await server.send(method, url, { body: scale(name, 3), contentType })).toMatchObject({
      status: 200,
      body: { kind: 'Scale', spec: { replicas: 3 } },
    });
    expect(await owners(name)).toEqual([
      ['s Update apps/v1 scale', true],
      ['m Update apps/v1', false],
    ]);
  });

  it('is applied, with conflicts of its own', async () => {
    await patch(`${DEPLOYMENTS}/ssa?fieldManager=m`, JSON.stringify(deployment('ssa', { replicas: 1 })), APPLY);
    const url = `${DEPLOYMENTS}/ssa/scale?fieldManager=s`;
    expect(await patch(url, scale('ssa', 3), APPLY)).toMatchObject({
      status: 409,
      body: {
        message: 'Apply failed with 1 conflict: conflict with "m": .spec.replicas',
        details: { causes: [{ reason: 'FieldManagerConflict', field: '.spec.replicas' }] },
      },
    });
    expect(await patch(`${url}&force=true`, scale('ssa', 3), APPLY)).toMatchObject({
      status: 200,
      body: { spec: { replicas: 3 } },
    });
    expect(await owners('ssa')).toEqual([
      ['s Apply apps/v1 scale', true],
      ['m Apply apps/v1', false],
    ]);
    const back = await patch(
      `${DEPLOYMENTS}/ssa?fieldManager=m`,
      JSON.stringify(deployment('ssa', { replicas: 9 })),
      APPLY,
    );
    expect(back).toMatchObject({
      status: 409,
      body: { message: 'Apply failed with 1 conflict: conflict with "s" with subresource "scale": .spec.replicas' },
    });
    const without = await patch(`${DEPLOYMENTS}/ssa?fieldManager=m`, JSON.stringify(deployment('ssa')), APPLY);
    expect(without).toMatchObject({ status: 200, body: { spec: { replicas: 3 } } });
  });

  it('refuses what is no scale, other types of patches, and what does not exist', async () => {
    await patch(`${DEPLOYMENTS}/no?fieldManager=m`, JSON.stringify(deployment('no')), APPLY);
    const url = `${DEPLOYMENTS}/no/scale?fieldManager=s`;
    expect(await patch(url, JSON.stringify(deployment('no')), APPLY)).toMatchObject({
      status: 400,
      body: { message: 'invalid object type: apps/v1, Kind=Deployment' },
    });
    expect(await patch(url, scale('no', 1), 'application/cbor')).toMatchObject({ status: 415 });
    expect(await patch(`${DEPLOYMENTS}/none/scale?fieldManager=s`, scale('none', 1), APPLY)).toMatchObject({
      status: 404,
    });
    expect(await patch(`${DEPLOYMENTS}/no/scale`, scale('no', 1), APPLY)).toMatchObject({ status: 422 });
  });
});

describe('patches', () => {
  it('warn of members that stand twice or are not known, or refuse them', async () => {
    await server.call('POST', `${MAPS}?fieldManager=m`, map('strict', { a: '1' }));
    const operations = '[{"op":"add","path":"/data/b","value":"1","note":1,"op":"add"}]';
    const problems = ['json patch duplicate field "[0].op"', 'json patch unknown field "[0].note"'];
    const warned = await patch(`${MAPS}/strict`, operations, JSON_PATCH);
    expect(warned.status).toBe(200);
    expect(String(warned.headers['warning'])).toContain('json patch unknown field \\"[0].note\\"');
    const refused = await patch(`${MAPS}/strict?fieldValidation=Strict`, operations, JSON_PATCH);
    expect(refused.status).toBe(422);
    for (const problem of problems) expect((refused.body as { message: string }).message).toContain(problem);
    const twice = await patch(`${MAPS}/strict?fieldValidation=Strict`, '{"data":{"c":"1","c":"2"}}', MERGE);
    expect(twice).toMatchObject({ status: 422 });
    expect((twice.body as { message: string }).message).toContain('duplicate field "data.c"');
  });

  it.each([
    [
      '{"op":"add"}',
      'error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp',
    ],
    ['[1]', 'error decoding patch: json: cannot unmarshal number into Go value of type handlers.jsonPatchOp'],
    [
      '[{"op":1}]',
      'error decoding patch: json: cannot unmarshal number into Go struct field jsonPatchOp.op of type string',
    ],
  ])('that are no JSON patch are the client’s fault: %s', async (body, text) => {
    await server.send('POST', MAPS, { body: map('bad', {}) });
    expect(await patch(`${MAPS}/bad`, body, JSON_PATCH)).toMatchObject({ status: 400, body: { message: text } });
  });
});
