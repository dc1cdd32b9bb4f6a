import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Status } from '../api/machinery/errors.ts';
import type { ApiObject, ApiObjectList } from '../api/machinery/meta.ts';
import type { WatchEvent } from '../api/machinery/handler.ts';
import type { TestServer } from './testing.ts';
import { startTestServer } from './testing.ts';

let server: TestServer;
const maps = '/api/v1/namespaces/default/configmaps';

beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

const status = (body: unknown): Status => body as Status;
const configMap = (name: string, data: Record<string, string> = {}, labels?: Record<string, string>): unknown => ({
  metadata: { name, ...(labels === undefined ? {} : { labels }) },
  data,
});

describe('create', () => {
  it('answers 201 with what the server decided', async () => {
    const { status: code, body } = await server.send('POST', maps, { body: configMap('created', { a: '1' }) });
    const { kind, apiVersion, metadata } = body as ApiObject;
    expect(code).toBe(201);
    expect({ kind, apiVersion }).toEqual({ kind: 'ConfigMap', apiVersion: 'v1' });
    expect(metadata.namespace).toBe('default');
    expect(metadata.uid).toMatch(/^[0-9a-f-]{36}$/);
    expect(Number(metadata.resourceVersion)).toBeGreaterThan(0);
    expect(metadata.managedFields?.[0]).toMatchObject({
      manager: 'test',
      operation: 'Update',
      apiVersion: 'v1',
      fieldsType: 'FieldsV1',
    });
  });

  it('refuses a name that is taken', async () => {
    await server.send('POST', maps, { body: configMap('twice') });
    const { status: code, body } = await server.send('POST', maps, { body: configMap('twice') });
    expect(code).toBe(409);
    expect(status(body)).toMatchObject({
      kind: 'Status',
      reason: 'AlreadyExists',
      message: 'configmaps "twice" already exists',
      details: { name: 'twice', kind: 'configmaps' },
    });
  });

  it('makes unique names from generateName [A21]', async () => {
    const made = await Promise.all(
      [1, 2, 3].map(() => server.call<ApiObject>('POST', maps, { metadata: { generateName: 'gen-' } })),
    );
    const names = made.map(({ metadata }) => metadata.name!);
    expect(new Set(names).size).toBe(3);
    for (const name of names) expect(name).toMatch(/^gen-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
  });

  it('gives an object with a name of its own no other, though it has a generateName [A21]', async () => {
    const body = { metadata: { name: 'gen-mine', generateName: 'gen-' } };
    await server.call('POST', maps, body);
    expect(await server.send('POST', maps, { body })).toMatchObject({ status: 409, body: { reason: 'AlreadyExists' } });
  });

  it('says every problem of an invalid name [A21]', async () => {
    const { status: code, body } = await server.send('POST', maps, { body: configMap('Not_Valid') });
    expect(code).toBe(422);
    expect(status(body).message).toMatch(
      /^ConfigMap "Not_Valid" is invalid: metadata.name: Invalid value: "Not_Valid": a lowercase RFC 1123 subdomain must consist of/,
    );
  });

  it('stores nothing in a dry run [A15]', async () => {
    await server.call('POST', `${maps}?dryRun=All`, configMap('dry'));
    expect((await server.send('GET', `${maps}/dry`)).status).toBe(404);
  });

  it('says of a namespace that is missing or going before it looks for a service account there', async () => {
    const pod = { metadata: { name: 'p' }, spec: { containers: [{ name: 'c', image: 'i' }] } };
    expect(await server.send('POST', '/api/v1/namespaces/missing/pods', { body: pod })).toMatchObject({
      status: 404,
      body: { message: 'namespaces "missing" not found' },
    });
    await server.call('POST', '/api/v1/namespaces', { metadata: { name: 'going' }, spec: { finalizers: ['x.y/z'] } });
    await server.call('DELETE', '/api/v1/namespaces/going');
    const cause = { reason: 'NamespaceTerminating', message: 'namespace going is being terminated' };
    expect(await server.send('POST', '/api/v1/namespaces/going/pods', { body: pod })).toMatchObject({
      status: 403,
      body: { details: { causes: [cause] } },
    });
  });

  it.each([
    ['POST', maps, 'CreateOptions'],
    ['PUT', `${maps}/a`, 'UpdateOptions'],
    ['PATCH', `${maps}/a`, 'PatchOptions'],
    ['PUT', '/api/v1/namespaces/default/finalize', 'UpdateOptions'],
  ])('says every problem of the options of %s', async (method, url, options) => {
    const query = `fieldManager=${'a'.repeat(129)}&dryRun=Some&fieldValidation=Lax`;
    const contentType = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
    expect(await server.send(method, `${url}?${query}`, { body: {}, contentType })).toMatchObject({
      status: 422,
      body: {
        reason: 'Invalid',
        message:
          `${options}.meta.k8s.io "" is invalid: [fieldManager: Too long: may not be more than 128 bytes, ` +
          'dryRun: Unsupported value: ["Some"]: supported values: "All", ' +
          'fieldValidation: Unsupported value: "Lax": supported values: "", "Ignore", "Strict", "Warn"]',
      },
    });
  });

  it('refuses a deletion for show that is none', async () => {
    expect(await server.send('DELETE', `${maps}/a?dryRun=Some`)).toMatchObject({ status: 422 });
  });

  it('needs an existing namespace', async () => {
    const { status: code, body } = await server.send('POST', '/api/v1/namespaces/missing/configmaps', {
      body: configMap('a'),
    });
    expect(code).toBe(404);
    expect(status(body).message).toBe('namespaces "missing" not found');
  });
});

describe('field validation', () => {
  const unknown = { metadata: { name: 'unknown-field' }, data: {}, wrong: 1 };

  it('refuses unknown fields when strict [A16]', async () => {
    const { status: code, body } = await server.send('POST', `${maps}?fieldValidation=Strict`, { body: unknown });
    expect(code).toBe(400);
    expect(status(body).message).toBe(
      'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: unknown field "wrong"',
    );
  });

  it('warns by default, and drops the field [A16] [A17]', async () => {
    const { headers, body } = await server.send('POST', maps, { body: unknown });
    expect(headers['warning']).toEqual(['299 - "unknown field \\"wrong\\""']);
    expect(body).not.toHaveProperty('wrong');
  });

  it('finds duplicate keys [A16]', async () => {
    const { body } = await server.send('POST', `${maps}?fieldValidation=Strict`, {
      body: '{"metadata":{"name":"dup"},"data":{"a":"1","a":"2"}}',
    });
    expect(status(body).message).toContain('duplicate field "data.a"');
  });

  it('names the Go type of a wrong value', async () => {
    const { status: code, body } = await server.send('POST', '/apis/apps/v1/namespaces/default/deployments', {
      body: { metadata: { name: 'a' }, spec: { replicas: 'three' } },
    });
    expect(code).toBe(400);
    expect(status(body).message).toContain(
      'json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32',
    );
  });
});

describe('hostile bodies', () => {
  const cases: [string, string, number][] = [
    ['malformed JSON', '{"metadata":', 400],
    ['an array', '[]', 400],
    ['a wrong kind', '{"kind":"Secret","apiVersion":"v1","metadata":{"name":"a"}}', 400],
    ['a wrong version', '{"kind":"ConfigMap","apiVersion":"v2","metadata":{"name":"a"}}', 400],
    ['very deep nesting', `{"metadata":{"name":"deep"},"data":${'{"a":'.repeat(2000)}1${'}'.repeat(2000)}}`, 400],
    ['metadata that is no object', '{"metadata":"x"}', 400],
  ];
  it.each(cases)('%s', async (_name, body, code) => {
    const response = await server.send('POST', maps, { body });
    expect(response.status).toBe(code);
    expect(status(response.body)).toMatchObject({ kind: 'Status', status: 'Failure' });
  });

  it('keeps __proto__ keys out of prototypes', async () => {
    const { status: code } = await server.send('POST', maps, {
      body: '{"metadata":{"name":"proto","labels":{"__proto__":"x"}},"__proto__":{"polluted":true}}',
    });
    expect(code).toBeGreaterThanOrEqual(200);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  it('refuses media types that it does not know', async () => {
    const { status: code, body } = await server.send('POST', maps, { body: 'x', contentType: 'text/csv' });
    expect(code).toBe(415);
    expect(status(body).reason).toBe('UnsupportedMediaType');
  });

  it('reads YAML, and refuses alias bombs [A5]', async () => {
    const yaml = 'metadata: {name: from-yaml}\ndata: {a: "1"}\n';
    expect((await server.send('POST', maps, { body: yaml, contentType: 'application/yaml' })).status).toBe(201);
    let bomb = 'a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n';
    for (let i = 1; i < 10; i++)
      bomb += `a${i}: &a${i} [${Array(10)
        .fill(`*a${i - 1}`)
        .join(',')}]\n`;
    expect((await server.send('POST', maps, { body: bomb, contentType: 'application/yaml' })).status).toBe(400);
  });
});

describe('get and list', () => {
  it('says what is not found', async () => {
    const { status: code, body } = await server.send('GET', `${maps}/nothing`);
    expect(code).toBe(404);
    expect(status(body).message).toBe('configmaps "nothing" not found');
  });

  it('gives pages of one snapshot [A10]', async () => {
    const base = '/api/v1/namespaces/kube-public/configmaps';
    for (const name of ['a', 'b', 'c', 'd', 'e']) await server.call('POST', base, configMap(name));
    const first = await server.call<ApiObjectList>('GET', `${base}?limit=2`);
    expect(first.items.map(({ metadata }) => metadata.name)).toEqual(['a', 'b']);
    expect(first.metadata.remainingItemCount).toBe(3);
    await server.call('DELETE', `${base}/d`);
    await server.call('POST', base, configMap('c2'));
    const rest = await server.call<ApiObjectList>('GET', `${base}?limit=10&continue=${first.metadata.continue}`);
    expect(rest.items.map(({ metadata }) => metadata.name)).toEqual(['c', 'd', 'e']);
    expect(rest.metadata.resourceVersion).toBe(first.metadata.resourceVersion);
    expect(rest.metadata.continue).toBeUndefined();
  });

  it('filters by labels and fields [A11]', async () => {
    const base = '/api/v1/namespaces/kube-node-lease/configmaps';
    await server.call('POST', base, configMap('x', {}, { tier: 'web', app: 'a' }));
    await server.call('POST', base, configMap('y', {}, { tier: 'db' }));
    const names = async (query: string): Promise<(string | undefined)[]> =>
      (await server.call<ApiObjectList>('GET', `${base}?${query}`)).items.map(({ metadata }) => metadata.name);
    expect(await names('labelSelector=tier+in+(web,api)')).toEqual(['x']);
    expect(await names('labelSelector=!app')).toEqual(['y']);
    expect(await names('fieldSelector=metadata.name!=x')).toEqual(['y']);
  });

  it.each([
    ['labelSelector=a+b', 400],
    ['fieldSelector=spec.wrong=1', 400],
    ['resourceVersion=abc', 400],
    ['limit=x', 400],
    ['continue=garbage', 400],
    ['resourceVersion=999999999', 504],
    ['resourceVersionMatch=Exact', 422],
  ])('refuses %s', async (query, code) => {
    const response = await server.send('GET', `${maps}?${query}`);
    expect(response.status).toBe(code);
  });

  it('warns whoever uses a deprecated kind, whatever the verb', async () => {
    const warning = ['299 - "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"'];
    const endpoints = '/api/v1/namespaces/default/endpoints';
    expect((await server.send('GET', endpoints)).headers['warning']).toEqual(warning);
    expect((await server.send('POST', endpoints, { body: { metadata: { name: 'old' } } })).headers['warning']).toEqual(
      warning,
    );
    expect((await server.send('DELETE', `${endpoints}/old`)).headers['warning']).toEqual(warning);
    expect((await server.send('GET', maps)).headers['warning']).toBeUndefined();
  });

  it('does not serve a cluster-scoped kind under a namespace', async () => {
    expect((await server.send('GET', '/api/v1/namespaces/default/nodes')).status).toBe(404);
  });

  it('gives a Table to those who ask for one [A12]', async () => {
    await server.call('POST', maps, configMap('in-a-table', { a: '1', b: '2' }));
    const { body } = await server.send('GET', `${maps}/in-a-table`, {
      accept: 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json',
    });
    const table = body as {
      kind: string;
      columnDefinitions: { name: string }[];
      rows: { cells: unknown[]; object: ApiObject }[];
    };
    expect(table.kind).toBe('Table');
    expect(table.columnDefinitions.map(({ name }) => name)).toEqual(['Name', 'Data', 'Age']);
    expect(table.rows[0]!.cells.slice(0, 2)).toEqual(['in-a-table', 2]);
    expect(table.rows[0]!.object.kind).toBe('PartialObjectMetadata');
  });
});

describe('update and patch', () => {
  it('refuses a stale resourceVersion [A20]', async () => {
    const created = await server.call<ApiObject>('POST', maps, configMap('stale'));
    await server.call('PUT', `${maps}/stale`, { ...created, data: { a: '1' } });
    const { status: code, body } = await server.send('PUT', `${maps}/stale`, {
      body: { ...created, data: { a: '2' } },
    });
    expect(code).toBe(409);
    expect(status(body).message).toBe(
      'Operation cannot be fulfilled on configmaps "stale": the object has been modified; please apply your changes to the latest version and try again',
    );
  });

  it('writes nothing when nothing changes', async () => {
    const created = await server.call<ApiObject>('POST', maps, configMap('same', { a: '1' }));
    const updated = await server.call<ApiObject>('PUT', `${maps}/same`, created);
    expect(updated.metadata.resourceVersion).toBe(created.metadata.resourceVersion);
  });

  it('refuses another name than the path has', async () => {
    await server.call('POST', maps, configMap('named'));
    const { body } = await server.send('PUT', `${maps}/named`, { body: configMap('other') });
    expect(status(body).message).toBe('the name of the object (other) does not match the name on the URL (named)');
  });

  it('applies the three kinds of patch [A13]', async () => {
    await server.call('POST', maps, configMap('patched', { a: '1' }));
    const patch = (body: unknown, type: string) =>
      server.send('PATCH', `${maps}/patched`, { body, contentType: `application/${type}+json` });
    expect((await patch({ data: { b: '2' } }, 'merge-patch')).body).toMatchObject({ data: { a: '1', b: '2' } });
    expect((await patch({ data: { a: null } }, 'strategic-merge-patch')).body).toMatchObject({ data: { b: '2' } });
    expect((await patch([{ op: 'replace', path: '/data/b', value: '3' }], 'json-patch')).body).toMatchObject({
      data: { b: '3' },
    });
    expect((await patch([{ op: 'test', path: '/data/b', value: 'x' }], 'json-patch')).status).toBe(422);
    const many = Array.from({ length: 10_001 }, () => ({ op: 'test', path: '/data/b', value: '3' }));
    expect((await patch(many, 'json-patch')).status).toBe(413);
  });

  it('does not lose concurrent patches', async () => {
    await server.call('POST', maps, configMap('busy'));
    const patches = Array.from({ length: 20 }, (_, i) =>
      server.send('PATCH', `${maps}/busy`, {
        body: { data: { [`k${i}`]: 'v' } },
        contentType: 'application/merge-patch+json',
      }),
    );
    await Promise.all(patches);
    const { data } = await server.call<{ data: Record<string, string> }>('GET', `${maps}/busy`);
    expect(Object.keys(data)).toHaveLength(20);
  });

  it('keeps spec and status apart [A24]', async () => {
    const deployments = '/apis/apps/v1/namespaces/default/deployments';
    const template = { metadata: { labels: { app: 'a' } }, spec: { containers: [{ name: 'c', image: 'i' }] } };
    const created = await server.call<ApiObject>('POST', deployments, {
      metadata: { name: 'apart' },
      spec: { selector: { matchLabels: { app: 'a' } }, template },
      status: { replicas: 9 },
    });
    expect(created).not.toHaveProperty('status.replicas');
    expect(created.metadata.generation).toBe(1);
    const scaled = await server.call<ApiObject>('PUT', `${deployments}/apart`, {
      ...created,
      spec: { ...(created as { spec?: object }).spec, replicas: 2 },
      status: { replicas: 9 },
    });
    expect(scaled.metadata.generation).toBe(2);
    expect(scaled).not.toHaveProperty('status.replicas');
    const reported = await server.call<ApiObject>('PUT', `${deployments}/apart/status`, {
      ...scaled,
      spec: { replicas: 7 },
      status: { replicas: 2, observedGeneration: 2 },
    });
    expect(reported).toMatchObject({ spec: { replicas: 2 }, status: { replicas: 2 }, metadata: { generation: 2 } });
  });

  it('scales through the subresource [A24]', async () => {
    const url = '/apis/apps/v1/namespaces/default/deployments/apart/scale';
    const scale = await server.call<{ spec: { replicas: number } }>('GET', url);
    expect(scale).toMatchObject({
      kind: 'Scale',
      apiVersion: 'autoscaling/v1',
      spec: { replicas: 2 },
      status: { selector: 'app=a' },
    });
    expect(await server.call('PUT', url, { ...scale, spec: { replicas: 5 } })).toMatchObject({ spec: { replicas: 5 } });
    expect(
      (await server.send('PUT', url, { body: { ...scale, metadata: { name: 'apart' }, spec: { replicas: -1 } } }))
        .status,
    ).toBe(422);
    const { body } = await server.send('GET', url, {
      accept: 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json',
    });
    const table = body as { columnDefinitions: { name: string }[]; rows: { cells: unknown[] }[] };
    expect(table.columnDefinitions.map(({ name }) => name)).toEqual(['Name', 'Desired', 'Available', 'Age']);
    expect(table.rows[0]!.cells.slice(0, 3)).toEqual(['apart', 5, 2]);
  });
});

describe('delete', () => {
  it('answers with a Status when the object is gone', async () => {
    const { metadata } = await server.call<ApiObject>('POST', maps, configMap('gone'));
    expect(await server.call('DELETE', `${maps}/gone`)).toEqual({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Success',
      details: { name: 'gone', kind: 'configmaps', uid: metadata.uid },
    });
  });

  it('respects preconditions [A20]', async () => {
    await server.call('POST', maps, configMap('guarded'));
    const { status: code, body } = await server.send('DELETE', `${maps}/guarded`, {
      body: { preconditions: { uid: 'other' } },
    });
    expect(code).toBe(409);
    expect(status(body).message).toContain('Precondition failed: UID in precondition: other, UID in object meta: ');
  });

  it('waits for finalizers [A18]', async () => {
    const created = await server.call<ApiObject>('POST', maps, {
      metadata: { name: 'held', finalizers: ['example.com/hold'] },
    });
    const marked = await server.call<ApiObject>('DELETE', `${maps}/held`);
    expect(marked.metadata.deletionTimestamp).toBeDefined();
    const { metadata } = await server.call<ApiObject>('GET', `${maps}/held`);
    expect(metadata.uid).toBe(created.metadata.uid);
    await server.send('PATCH', `${maps}/held`, {
      body: { metadata: { finalizers: null } },
      contentType: 'application/merge-patch+json',
    });
    expect((await server.send('GET', `${maps}/held`)).status).toBe(404);
  });

  it('gives scheduled pods their grace, and shortens it [A18]', async () => {
    const pods = '/api/v1/namespaces/default/pods';
    await server.call('POST', pods, {
      metadata: { name: 'graceful' },
      spec: { nodeName: 'n1', containers: [{ name: 'c', image: 'i' }] },
    });
    const first = await server.call<ApiObject>('DELETE', `${pods}/graceful`);
    expect(first.metadata.deletionGracePeriodSeconds).toBe(30);
    const second = await server.call<ApiObject>('DELETE', `${pods}/graceful?gracePeriodSeconds=5`);
    expect(second.metadata.deletionGracePeriodSeconds).toBe(5);
    await server.call('DELETE', `${pods}/graceful?gracePeriodSeconds=0`);
    expect((await server.send('GET', `${pods}/graceful`)).status).toBe(404);
  });

  it('deletes what a selector takes [A22]', async () => {
    await server.call('POST', maps, configMap('sel-1', {}, { sweep: 'yes' }));
    await server.call('POST', maps, configMap('sel-2', {}, { sweep: 'yes' }));
    const list = await server.call<ApiObjectList>('DELETE', `${maps}?labelSelector=sweep=yes`);
    expect(list.items).toHaveLength(2);
    expect((await server.call<ApiObjectList>('GET', `${maps}?labelSelector=sweep=yes`)).items).toHaveLength(0);
  });

  it('refuses to delete the namespaces that must be there', async () => {
    expect((await server.send('DELETE', '/api/v1/namespaces/default')).status).toBe(403);
  });
});

describe('watch', () => {
  const take = async (events: AsyncIterator<WatchEvent>, count: number): Promise<WatchEvent[]> => {
    const taken: WatchEvent[] = [];
    while (taken.length < count) {
      const { value, done } = await events.next();
      if (done === true) break;
      taken.push(value);
    }
    return taken;
  };
  const shown = (events: WatchEvent[]): string[] =>
    events.map(({ type, object }) => `${type} ${object.metadata.name ?? ''}`.trim());

  it('goes on from a list without a gap, in order [A6]', async () => {
    const stop = new AbortController();
    const { metadata } = await server.call<ApiObjectList>('GET', maps);
    await server.call('POST', maps, configMap('w1'));
    const events = await server.watch(`${maps}?watch=true&resourceVersion=${metadata.resourceVersion}`, stop.signal);
    await server.call('PUT', `${maps}/w1`, configMap('w1', { a: '1' }));
    await server.call('DELETE', `${maps}/w1`);
    const taken = await take(events, 3);
    expect(shown(taken)).toEqual(['ADDED w1', 'MODIFIED w1', 'DELETED w1']);
    const versions = taken.map(({ object }) => Number(object.metadata.resourceVersion));
    expect(versions).toEqual([...versions].sort((a, b) => a - b));
    stop.abort();
  });

  it('reports objects that enter and leave a selection', async () => {
    const stop = new AbortController();
    const { metadata } = await server.call<ApiObjectList>('GET', maps);
    const events = await server.watch(
      `${maps}?watch=true&labelSelector=in=yes&resourceVersion=${metadata.resourceVersion}`,
      stop.signal,
    );
    await server.call('POST', maps, configMap('moves'));
    await server.call('PUT', `${maps}/moves`, configMap('moves', {}, { in: 'yes' }));
    await server.call('PUT', `${maps}/moves`, configMap('moves', {}, { in: 'no' }));
    expect(shown(await take(events, 2))).toEqual(['ADDED moves', 'DELETED moves']);
    stop.abort();
  });

  it('sends the initial events and marks their end [A7] [A8]', async () => {
    const stop = new AbortController();
    const base = '/api/v1/namespaces/kube-system/configmaps';
    await server.call('POST', base, configMap('initial'));
    const events = await server.watch(
      `${base}?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true`,
      stop.signal,
    );
    const [first, second] = await take(events, 2);
    expect(shown([first!])).toEqual(['ADDED initial']);
    expect(second!.type).toBe('BOOKMARK');
    expect(second!.object.metadata.annotations).toEqual({ 'k8s.io/initial-events-end': 'true' });
    stop.abort();
  });

  it('refuses a version ahead of the store', async () => {
    const { status: code } = await server.send('GET', `${maps}?watch=true&resourceVersion=99999999`);
    expect(code).toBe(504);
  });
});

describe('errors of routing and authorization', () => {
  it.each([
    ['GET', '/api/v1/namespaces/default/unicorns', 404],
    ['GET', '/nothing', 404],
    ['POST', '/api/v1/namespaces/default/configmaps/a/status', 404],
    ['PATCH', '/api/v1/namespaces/default/configmaps', 405],
    ['GET', '/api/v1/namespaces/default/configmaps/%ff', 400],
  ])('%s %s answers %d', async (method, url, code) => {
    const response = await server.send(method, url, method === 'GET' ? {} : { body: {} });
    expect(response.status).toBe(code);
    expect(status(response.body).kind).toBe('Status');
  });

  it('says who may not do what', async () => {
    const refusing = await startTestServer({
      authorize: ({ user }) => ({ decision: user.name === 'admin' ? 'allow' : 'no-opinion', reason: '' }),
    });
    const { status: code, body } = await refusing.send('GET', maps, { user: { name: 'jane', groups: [] } });
    expect(code).toBe(403);
    expect(status(body).message).toBe(
      'configmaps is forbidden: User "jane" cannot list resource "configmaps" in API group "" in the namespace "default"',
    );
    await refusing.close();
  });
});
