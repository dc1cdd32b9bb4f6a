import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Status } from '../api/machinery/errors.ts';
import type { ApiObject } from '../api/machinery/meta.ts';
import type { TestResponse, TestServer } from './testing.ts';
import { startTestServer } from './testing.ts';

const APPLY = 'application/apply-patch+yaml';
const MAPS = '/api/v1/namespaces/default/configmaps';
const DEPLOYMENTS = '/apis/apps/v1/namespaces/default/deployments';

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer();
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
const managers = ({ body }: TestResponse): unknown =>
  (body as ApiObject).metadata.managedFields?.map(({ manager, operation, subresource }) =>
    [manager, operation, subresource].filter(Boolean).join(' '),
  );
const get = <T extends ApiObject>(url: string): Promise<T> => server.call<T>('GET', url);

describe('apply [A14]', () => {
  it('creates what is missing and changes what is there', async () => {
    const made = await apply(
      `${MAPS}/made`,
      'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: made\ndata:\n  x: "1"\n  "y": "1"\n',
    );
    expect(made).toMatchObject({
      status: 201,
      body: {
        kind: 'ConfigMap',
        data: { x: '1', y: '1' },
        metadata: { namespace: 'default', uid: expect.any(String) },
      },
    });
    expect((made.body as ApiObject).metadata.managedFields).toEqual([
      {
        manager: 'a',
        operation: 'Apply',
        apiVersion: 'v1',
        time: expect.any(String),
        fieldsType: 'FieldsV1',
        fieldsV1: { 'f:data': { 'f:x': {}, 'f:y': {} } },
      },
    ]);
    const changed = await apply(`${MAPS}/made`, map('made', { x: '2' }));
    expect(changed).toMatchObject({ status: 200, body: { data: { x: '2' } } });
    expect(changed.body).not.toHaveProperty('data.y');
  });

  it('defaults and validates what it creates', async () => {
    const made = await apply(`${DEPLOYMENTS}/web`, deployment('web'));
    expect(made).toMatchObject({
      status: 201,
      body: { metadata: { generation: 1 }, spec: { replicas: 1, template: { spec: { restartPolicy: 'Always' } } } },
    });
    expect(managers(made)).toEqual(['a Apply']);
    const bad = await apply(`${DEPLOYMENTS}/bad`, deployment('bad', { replicas: -1 }));
    expect(bad).toMatchObject({ status: 422, body: { reason: 'Invalid' } });
    expect(message(bad)).toContain('Deployment.apps "bad" is invalid: spec.replicas: Invalid value: -1');
    const scaled = await apply(`${DEPLOYMENTS}/web`, deployment('web', { replicas: 3 }));
    expect(scaled).toMatchObject({ status: 200, body: { metadata: { generation: 2 }, spec: { replicas: 3 } } });
    const left = await apply(`${DEPLOYMENTS}/web`, deployment('web'));
    expect(left).toMatchObject({ status: 200, body: { metadata: { generation: 3 }, spec: { replicas: 1 } } });
  });

  it('writes nothing when nothing changes', async () => {
    const first = await apply(`${DEPLOYMENTS}/same`, deployment('same'));
    const revision = await server.storage.currentRevision();
    const second = await apply(`${DEPLOYMENTS}/same`, deployment('same'));
    expect(second.status).toBe(200);
    expect(second.body).toEqual(first.body);
    expect(await server.storage.currentRevision()).toBe(revision);
  });

  it('needs the namespace to exist', async () => {
    const { status } = await apply('/api/v1/namespaces/missing/configmaps/x', map('x', {}, { namespace: 'missing' }));
    expect(status).toBe(404);
  });

  it('stores nothing in a dry run', async () => {
    expect(await apply(`${MAPS}/dry`, map('dry', { x: '1' }), 'fieldManager=a&dryRun=All')).toMatchObject({
      status: 201,
      body: { data: { x: '1' } },
    });
    expect((await server.send('GET', `${MAPS}/dry`)).status).toBe(404);
    await apply(`${MAPS}/wet`, map('wet', { x: '1' }));
    expect(await apply(`${MAPS}/wet`, map('wet', { x: '2' }), 'fieldManager=a&dryRun=All')).toMatchObject({
      status: 200,
      body: { data: { x: '2' } },
    });
    expect(await get(`${MAPS}/wet`)).toMatchObject({ data: { x: '1' } });
  });

  it('makes one object of applies that race', async () => {
    const names = ['r1', 'r2', 'r3', 'r4', 'r5'];
    const answers = await Promise.all(
      names.map((name) => apply(`${MAPS}/raced`, map('raced', { [name]: '1' }), `fieldManager=${name}`)),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 200, 200, 201]);
    expect(await get(`${MAPS}/raced`)).toMatchObject({ data: Object.fromEntries(names.map((name) => [name, '1'])) });
  });

  it('takes in-process objects', async () => {
    const object = map('in-process', { x: '1' });
    const { status } = await server.api.handler({
      method: 'PATCH',
      path: `${MAPS}/in-process`,
      query: new URLSearchParams('fieldManager=a'),
      headers: { 'content-type': APPLY },
      object,
      user: { name: 'admin', groups: [] },
      signal: new AbortController().signal,
      wantsObjects: true,
    });
    expect(status).toBe(201);
    expect(object).toEqual(map('in-process', { x: '1' }));
  });
});

describe('conflicts [A14]', () => {
  it('names fields and managers, and yields to force', async () => {
    await server.call('POST', `${MAPS}?fieldManager=editor`, map('conflict', { x: '1', y: '1' }));
    const refused = await apply(`${MAPS}/conflict`, map('conflict', { x: '2' }));
    expect(refused).toMatchObject({
      status: 409,
      body: {
        kind: 'Status',
        reason: 'Conflict',
        message: 'Apply failed with 1 conflict: conflict with "editor" using v1: .data.x',
        details: {
          causes: [{ reason: 'FieldManagerConflict', message: 'conflict with "editor" using v1', field: '.data.x' }],
        },
      },
    });
    expect(await get(`${MAPS}/conflict`)).toMatchObject({ data: { x: '1' } });
    const forced = await apply(`${MAPS}/conflict`, map('conflict', { x: '2' }), 'fieldManager=a&force=true');
    expect(forced).toMatchObject({ status: 200, body: { data: { x: '2', y: '1' } } });
    expect(managers(forced)).toEqual(['a Apply', 'editor Update']);
    expect(await apply(`${MAPS}/conflict`, map('conflict', { x: '3' }), 'fieldManager=b&force=false')).toMatchObject({
      status: 409,
    });
  });

  it('leaves what is shared to the other when one stops applying it', async () => {
    await apply(`${MAPS}/shared`, map('shared', { x: '1' }), 'fieldManager=a');
    await apply(`${MAPS}/shared`, map('shared', { x: '1', z: '1' }), 'fieldManager=b');
    const { data: _data, ...empty } = map('shared', {}) as { data?: object };
    expect(await apply(`${MAPS}/shared`, map('shared', {}), 'fieldManager=b')).toMatchObject({
      body: { data: { x: '1' } },
    });
    const gone = await apply(`${MAPS}/shared`, empty, 'fieldManager=a');
    expect(gone.body).not.toHaveProperty('data');
  });

  it('protects what was there before managedFields were kept', async () => {
    await server.call('POST', MAPS, map('old', { x: '1' }));
    await server.send('PATCH', `${MAPS}/old`, {
      body: { metadata: { managedFields: [{}] } },
      contentType: 'application/merge-patch+json',
    });
    expect((await get(`${MAPS}/old`)).metadata.managedFields).toBeUndefined();
    expect(message(await apply(`${MAPS}/old`, map('old', { x: '2' })))).toBe(
      'Apply failed with 1 conflict: conflict with "before-first-apply" using v1: .data.x',
    );
    expect(managers(await apply(`${MAPS}/old`, map('old', { y: '1' })))).toEqual([
      'a Apply',
      'before-first-apply Update',
    ]);
  });
});

describe('the status subresource', () => {
  const status = (name: string, replicas: number): object => ({
    ...deployment(name, { replicas: 9 }),
    status: { replicas },
  });

  it('applies status alone, and the main resource never does', async () => {
    const made = await apply(`${DEPLOYMENTS}/st`, status('st', 7));
    expect(made.status).toBe(201);
    expect((made.body as { status?: { replicas?: number } }).status?.replicas).toBeUndefined();
    const applied = await apply(`${DEPLOYMENTS}/st/status`, status('st', 4), 'fieldManager=s');
    expect(applied).toMatchObject({ status: 200, body: { spec: { replicas: 9 }, status: { replicas: 4 } } });
    expect(managers(applied)).toEqual(['a Apply', 's Apply status']);
    expect((applied.body as ApiObject).metadata.managedFields?.[1]?.fieldsV1).toEqual({
      'f:status': { 'f:replicas': {} },
    });
    const again = await apply(`${DEPLOYMENTS}/st`, status('st', 1));
    expect(again).toMatchObject({ status: 200, body: { status: { replicas: 4 } } });
  });

  it('is not created', async () => {
    const missing = await apply(`${DEPLOYMENTS}/nothing/status`, status('nothing', 1));
    expect(missing).toMatchObject({ status: 404, body: { message: 'deployments.apps "nothing" not found' } });
  });
});

describe('from client-side apply', () => {
  const ANNOTATION = 'kubectl.kubernetes.io/last-applied-configuration';
  async function clientSide(name: string, data: Record<string, string>): Promise<void> {
    const text = `${JSON.stringify(map(name, data))}\n`;
    await server.call(
      'POST',
      `${MAPS}?fieldManager=kubectl-client-side-apply`,
      map(name, data, { annotations: { [ANNOTATION]: text } }),
    );
  }

  it('kubectl takes over what its annotation says', async () => {
    await clientSide('csa', { x: '1', y: '1' });
    expect(await apply(`${MAPS}/csa`, map('csa', { x: '2' }), 'fieldManager=other')).toMatchObject({ status: 409 });
    const taken = await apply(`${MAPS}/csa`, map('csa', { x: '2' }), 'fieldManager=kubectl');
    expect(taken).toMatchObject({ status: 200, body: { data: { x: '2' } } });
    const annotation = (taken.body as ApiObject).metadata.annotations?.[ANNOTATION] ?? '';
    expect(JSON.parse(annotation)).toEqual(map('csa', { x: '2' }));
    expect(annotation.endsWith('}\n')).toBe(true);
    expect(managers(taken)).toEqual(['kubectl Apply', 'kubectl-client-side-apply Update']);
  });

  it('but not what somebody else changed since', async () => {
    await clientSide('csa-edited', { x: '1', y: '1' });
    await server.send('PATCH', `${MAPS}/csa-edited?fieldManager=editor`, {
      body: { data: { y: '5' } },
      contentType: 'application/merge-patch+json',
    });
    const refused = await apply(`${MAPS}/csa-edited`, map('csa-edited', { x: '2', y: '2' }), 'fieldManager=kubectl');
    expect(message(refused)).toBe('Apply failed with 1 conflict: conflict with "editor" using v1: .data.y');
  });

  it('survives an annotation that is no configuration', async () => {
    for (const [name, text] of [
      ['csa-text', 'nonsense'],
      ['csa-list', '[]'],
      ['csa-types', '{"apiVersion":"v1","data":[1]}'],
      ['csa-deep', '['.repeat(2000)],
    ] as const) {
      await server.call(
        'POST',
        `${MAPS}?fieldManager=u`,
        map(name, { x: '1' }, { annotations: { [ANNOTATION]: text } }),
      );
      expect(await apply(`${MAPS}/${name}`, map(name, { x: '2' }), 'fieldManager=kubectl')).toMatchObject({
        status: 409,
      });
    }
  });

  it('kubectl moves the ownership with a JSON patch of managedFields', async () => {
    await clientSide('csa-moved', { x: '1' });
    const { metadata } = await get(`${MAPS}/csa-moved`);
    const moved = metadata.managedFields!.map((entry) => ({ ...entry, manager: 'kubectl', operation: 'Apply' }));
    const patch = [
      { op: 'replace', path: '/metadata/managedFields', value: moved },
      { op: 'replace', path: '/metadata/resourceVersion', value: metadata.resourceVersion },
    ];
    const answer = await server.send('PATCH', `${MAPS}/csa-moved`, {
      body: patch,
      contentType: 'application/json-patch+json',
    });
    expect(answer.status).toBe(200);
    expect(managers(answer)).toEqual(['kubectl Apply']);
    expect((await apply(`${MAPS}/csa-moved`, map('csa-moved', {}), 'fieldManager=kubectl')).body).not.toHaveProperty(
      'data.x',
    );
  });
});

describe('applying to a view', () => {
  it('creates and owns in the form of the view', async () => {
    const url = '/apis/events.k8s.io/v1/namespaces/default/events/applied';
    const event = {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { name: 'applied' },
      eventTime: '2024-05-01T10:00:00.000000Z',
      reportingController: 'example.com/c',
      reportingInstance: 'c-1',
      action: 'Binding',
      reason: 'Scheduled',
      type: 'Normal',
      note: 'applied',
      regarding: { kind: 'Pod', namespace: 'default', name: 'web' },
    };
    const made = await apply(url, event);
    expect(made).toMatchObject({
      status: 201,
      body: { note: 'applied', metadata: { managedFields: [{ apiVersion: 'events.k8s.io/v1' }] } },
    });
    expect(await get('/api/v1/namespaces/default/events/applied')).toMatchObject({ message: 'applied' });
    expect(await apply(url, event)).toMatchObject({
      status: 200,
      body: { metadata: { resourceVersion: (made.body as ApiObject).metadata.resourceVersion } },
    });
  });
});
