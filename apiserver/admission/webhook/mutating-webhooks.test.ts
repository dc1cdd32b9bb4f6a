/** Mutating webhooks against a real server: order, patches, and being asked again. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { realClock, sleep } from '../../../base/clock.ts';
import type { TestServer } from '../../testing.ts';
import { startTestServer } from '../../testing.ts';
import type { Answer, HookChanges, Json, Review, TestWebhook } from './testing.ts';
import { addWebhook, jsonPatch, startWebhook } from './testing.ts';

const MAPS = '/api/v1/namespaces/default/configmaps';

let api: TestServer;
let webhook: TestWebhook;
let answer: (review: Review) => Answer;

beforeEach(async () => {
  answer = () => ({ allowed: true });
  api = await startTestServer();
  webhook = await startWebhook((review) => answer(review));
});
afterEach(async () => {
  await api?.close();
  await webhook?.close();
});

const add = (changes: HookChanges = {}, name = 'hook'): Promise<void> =>
  addWebhook(api, 'mutating', { webhook, name, changes });
const create = (body: object, url = MAPS): ReturnType<TestServer['send']> => api.send('POST', url, { body });
const hookOf = ({ path }: Review): string => path.slice(1, path.indexOf('?'));

describe('patches', () => {
  it('change what is created, updated and patched', async () => {
    answer = ({ request }) =>
      jsonPatch({ op: 'add', path: '/data', value: { ...request.object.data, seen: request.operation } });
    await add();
    expect((await create({ metadata: { name: 'a' }, data: { k: 'v' } })).body).toMatchObject({
      data: { k: 'v', seen: 'CREATE' },
    });
    expect(await api.call('PUT', `${MAPS}/a`, { metadata: { name: 'a' } })).toMatchObject({ data: { seen: 'UPDATE' } });
    const patch = { body: { data: { more: '1' } }, contentType: 'application/merge-patch+json' };
    expect((await api.send('PATCH', `${MAPS}/a`, patch)).body).toMatchObject({ data: { more: '1', seen: 'UPDATE' } });
    expect(await api.call('GET', `${MAPS}/a`)).toMatchObject({ data: { more: '1', seen: 'UPDATE' } });
  });

  it('run in the order of the configurations, each on what the one before has made', async () => {
    answer = (review) =>
      jsonPatch({
        op: 'add',
        path: '/data',
        value: { order: `${review.request.object.data?.order ?? ''}${hookOf(review)}` },
      });
    for (const name of ['c', 'a', 'b']) await add({}, name);
    expect((await create({ metadata: { name: 'x' } })).body).toMatchObject({ data: { order: 'abc' } });
  });

  it('leave the rest of a custom object as it is, and what they break to validation', async () => {
    const any = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
    const properties = { text: { type: 'string', nullable: true }, count: { type: 'integer' }, any };
    const schema = { openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', properties } } } };
    await api.call('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', {
      metadata: { name: 'widgets.example.com' },
      spec: {
        group: 'example.com',
        scope: 'Namespaced',
        names: { plural: 'widgets', singular: 'widget', kind: 'Widget', listKind: 'WidgetList' },
        versions: [{ name: 'v1', served: true, storage: true, schema }],
      },
    });
    const widgets = '/apis/example.com/v1/namespaces/default/widgets';
    while ((await api.send('GET', widgets)).status !== 200) await sleep(realClock, 5);
    answer = ({ request: { name } }) =>
      name === 'broken'
        ? jsonPatch({ op: 'add', path: '/spec/count', value: 'many' })
        : jsonPatch({ op: 'add', path: '/metadata/labels', value: { seen: 'yes' } });
    const rules = [{ operations: ['*'], apiGroups: ['example.com'], apiVersions: ['v1'], resources: ['widgets'] }];
    await add({ rules });
    const spec = { text: null, any: { nothing: null, list: [null, 1] } };
    expect(await create({ metadata: { name: 'w' }, spec }, widgets)).toMatchObject({
      status: 201,
      body: { metadata: { labels: { seen: 'yes' } }, spec },
    });
    expect(await create({ metadata: { name: 'broken' }, spec: {} }, widgets)).toMatchObject({
      status: 422,
      body: { message: expect.stringContaining('spec.count: Invalid value: "string"') },
    });
  });

  it('are followed by defaults, and lose what the kind does not know', async () => {
    const rules = [{ operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'] }];
    answer = () =>
      jsonPatch(
        { op: 'add', path: '/spec/initContainers', value: [{ name: 'i', image: 'x', resources: {} }] },
        { op: 'add', path: '/spec/nonsense', value: 1 },
      );
    await add({ rules });
    const { status, body } = await create(
      { metadata: { name: 'p' }, spec: { containers: [{ name: 'c', image: 'i' }] } },
      '/api/v1/namespaces/default/pods',
    );
    expect(status).toBe(201);
    const { spec } = body as Json;
    expect(spec.initContainers[0]).toMatchObject({
      terminationMessagePath: '/dev/termination-log',
      terminationMessagePolicy: 'File',
      imagePullPolicy: 'Always',
    });
    expect(spec.nonsense).toBeUndefined();
    // The plugins of the server run again over what the webhook has added.
    expect(spec.initContainers[0].volumeMounts).toMatchObject([{ name: expect.stringContaining('kube-api-access-') }]);
  });

  it('are validated like what a client sends', async () => {
    answer = () => jsonPatch({ op: 'add', path: '/metadata/labels', value: { 'not valid': '' } });
    await add();
    expect(await create({ metadata: { name: 'a' } })).toMatchObject({ status: 422 });
  });

  it('see a new object before it has a name, a uid and a time', async () => {
    answer = () => jsonPatch({ op: 'add', path: '/metadata/uid', value: 'mine' });
    await add();
    const { body } = await create({ metadata: { generateName: 'a-' } });
    const { request } = webhook.reviews[0]!;
    expect(request.name).toBeUndefined();
    expect(request.object.metadata).toMatchObject({ generateName: 'a-', namespace: 'default' });
    expect(request.object.metadata.name ?? request.object.metadata.uid).toBeUndefined();
    expect((body as Json).metadata.name).toMatch(/^a-/);
    expect((body as Json).metadata.uid).not.toBe('mine');
  });

  it('cannot move an object to another namespace, nor make it another kind', async () => {
    answer = () => jsonPatch({ op: 'replace', path: '/metadata/namespace', value: 'kube-system' });
    await add();
    expect(await create({ metadata: { name: 'a' } })).toMatchObject({ status: 400 });
    answer = () => jsonPatch({ op: 'replace', path: '/kind', value: 'Secret' });
    expect(await create({ metadata: { name: 'a' } })).toMatchObject({ status: 500 });
    expect((await api.send('GET', '/api/v1/namespaces/kube-system/configmaps/a')).status).toBe(404);
  });

  it('cannot forge who owns which field', async () => {
    answer = () => jsonPatch({ op: 'add', path: '/metadata/managedFields', value: [{ manager: 'forged' }] });
    await add();
    const { body } = await create({ metadata: { name: 'a' }, data: { k: 'v' } });
    expect((body as Json).metadata.managedFields.map((entry: Json) => entry.manager)).toEqual(['test']);
  });

  it.each<[string, Answer, string]>([
    [
      'no patch',
      { allowed: true, patchType: 'JSONPatch' },
      'webhook returned response.patchType but not response.patch',
    ],
    ['no type', { allowed: true, patch: 'W10=' }, 'webhook returned response.patch but not response.patchType'],
    ['a strange type', { allowed: true, patch: 'W3t9XQ==', patchType: 'Merge' }, 'unsupported patch type "Merge"'],
    [
      'no JSON',
      { allowed: true, patch: 'YQ==', patchType: 'JSONPatch' },
      'received undecodable patch in webhook response',
    ],
    ['a patch that does not fit', jsonPatch({ op: 'remove', path: '/data/none' }), 'Internal error occurred: '],
    ['a wrong type', jsonPatch({ op: 'add', path: '/data', value: 7 }), 'cannot be handled as a ConfigMap'],
  ])('of a wrong form are refused: %s', async (_name, said, problem) => {
    answer = () => said;
    await add();
    const { status, body } = await create({ metadata: { name: 'a' } });
    expect({ status, message: (body as Json).message }).toEqual({
      status: 500,
      message: expect.stringContaining(problem),
    });
    expect((await api.send('GET', `${MAPS}/a`)).status).toBe(404);
  });

  it('have nothing to change in a deletion', async () => {
    await create({ metadata: { name: 'a' } });
    answer = () => jsonPatch({ op: 'add', path: '/data', value: {} });
    await add();
    const { status, body } = await api.send('DELETE', `${MAPS}/a`);
    expect({ status, message: (body as Json).message }).toEqual({
      status: 500,
      message:
        'Internal error occurred: admission webhook "hook.example.com" attempted to modify the object, which is not supported for this operation',
    });
  });
});

describe('being asked again', () => {
  /** `a` comes before `b`, which changes the object. */
  const change = (review: Review): Answer =>
    hookOf(review) === 'b' && review.request.object.data?.b === undefined
      ? jsonPatch({ op: 'add', path: '/data', value: { b: '1' } })
      : { allowed: true };

  it('happens to webhooks that want it, once a later one has changed the object', async () => {
    answer = change;
    await add({ reinvocationPolicy: 'IfNeeded' }, 'a');
    await add({}, 'b');
    await create({ metadata: { name: 'x' } });
    expect(webhook.reviews.map(hookOf)).toEqual(['a', 'b', 'a']);
    expect(webhook.reviews.at(-1)!.request.object.data).toEqual({ b: '1' });
  });

  it('does not happen to others, nor when nothing has changed', async () => {
    answer = change;
    await add({}, 'a');
    await add({ reinvocationPolicy: 'IfNeeded' }, 'b');
    await create({ metadata: { name: 'x' } });
    expect(webhook.reviews.map(hookOf)).toEqual(['a', 'b']);
    webhook.reviews.length = 0;
    await create({ metadata: { name: 'y' }, data: { b: '1' } });
    expect(webhook.reviews.map(hookOf)).toEqual(['a', 'b']);
  });

  it('happens once at most', async () => {
    answer = ({ request }) =>
      jsonPatch({ op: 'add', path: '/data', value: { n: String(Number(request.object.data?.n ?? '0') + 1) } });
    await add({ reinvocationPolicy: 'IfNeeded' }, 'a');
    await add({ reinvocationPolicy: 'IfNeeded' }, 'b');
    const { body } = await create({ metadata: { name: 'x' } });
    expect(webhook.reviews.map(hookOf)).toEqual(['a', 'b', 'a', 'b']);
    expect((body as Json).data.n).toBe('4');
  });
});

describe('what is left for validation', () => {
  it('is the object as mutating webhooks have made it', async () => {
    answer = (review) =>
      hookOf(review) === 'mutate' ? jsonPatch({ op: 'add', path: '/data', value: { m: '1' } }) : { allowed: true };
    await add({}, 'mutate');
    await addWebhook(api, 'validating', { webhook, name: 'validate' });
    await create({ metadata: { name: 'x' } });
    expect(webhook.reviews.map(hookOf)).toEqual(['mutate', 'validate']);
    expect(webhook.reviews[1]!.request.object).toMatchObject({
      data: { m: '1' },
      metadata: { uid: expect.any(String) },
    });
  });
});
