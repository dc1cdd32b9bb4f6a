/** Validating webhooks against a real server: what they are asked, and what their answers do. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { TestServer } from '../../testing.ts';
import { startTestServer } from '../../testing.ts';
import type { Answer, HookChanges, Review, TestWebhook } from './testing.ts';
import { addWebhook, startWebhook } from './testing.ts';

const MAPS = '/api/v1/namespaces/default/configmaps';
const CONFIGURATIONS = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations';

let api: TestServer;
let webhook: TestWebhook;
let answer: (review: Review) => Answer | Promise<Answer>;

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
  addWebhook(api, 'validating', { webhook, name, changes });
const create = (name: string, url = MAPS, extra: object = {}): ReturnType<TestServer['send']> =>
  api.send('POST', url, { body: { metadata: { name, ...extra } } });
const rule = (changes: object): HookChanges => ({
  rules: [{ operations: ['*'], apiGroups: ['*'], apiVersions: ['*'], resources: ['*'], ...changes }],
});

describe('what a webhook is asked', () => {
  it('about a creation, with options and who asks', async () => {
    await add();
    const user = { name: 'jane', uid: 'u1', groups: ['system:masters'], extra: { a: ['b'] } };
    const url = `${MAPS}?fieldManager=me&fieldValidation=Strict`;
    expect((await api.send('POST', url, { body: { metadata: { name: 'a' }, data: { k: 'v' } }, user })).status).toBe(
      201,
    );
    expect(webhook.reviews).toHaveLength(1);
    expect(webhook.reviews[0]).toMatchObject({
      kind: 'AdmissionReview',
      apiVersion: 'admission.k8s.io/v1',
      path: '/hook?timeout=10s',
      request: {
        uid: expect.stringMatching(/^[0-9a-f-]{36}$/),
        operation: 'CREATE',
        name: 'a',
        namespace: 'default',
        kind: { group: '', version: 'v1', kind: 'ConfigMap' },
        resource: { group: '', version: 'v1', resource: 'configmaps' },
        requestKind: { group: '', version: 'v1', kind: 'ConfigMap' },
        requestResource: { group: '', version: 'v1', resource: 'configmaps' },
        userInfo: { username: 'jane', uid: 'u1', groups: ['system:masters'], extra: { a: ['b'] } },
        object: {
          kind: 'ConfigMap',
          apiVersion: 'v1',
          metadata: { name: 'a', uid: expect.any(String) },
          data: { k: 'v' },
        },
        oldObject: null,
        dryRun: false,
        options: { kind: 'CreateOptions', apiVersion: 'meta.k8s.io/v1', fieldManager: 'me', fieldValidation: 'Strict' },
      },
    });
  });

  it('about updates, patches and deletions, with the object before', async () => {
    await create('a');
    await add();
    await api.call('PUT', `${MAPS}/a`, { metadata: { name: 'a' }, data: { k: '1' } });
    await api.send('PATCH', `${MAPS}/a`, { body: { data: { k: '2' } }, contentType: 'application/merge-patch+json' });
    await api.call('DELETE', `${MAPS}/a?gracePeriodSeconds=7`);
    const [put, patch, remove] = webhook.reviews.map(({ request }) => request);
    expect(put).toMatchObject({
      operation: 'UPDATE',
      object: { data: { k: '1' } },
      options: { kind: 'UpdateOptions' },
    });
    expect(put!.oldObject.data).toBeUndefined();
    expect(patch).toMatchObject({
      operation: 'UPDATE',
      object: { data: { k: '2' } },
      oldObject: { data: { k: '1' } },
      options: { kind: 'PatchOptions' },
    });
    expect(remove).toMatchObject({
      operation: 'DELETE',
      object: null,
      oldObject: { data: { k: '2' } },
      options: { kind: 'DeleteOptions', apiVersion: 'meta.k8s.io/v1', gracePeriodSeconds: 7 },
    });
  });

  it('about every object of a collection that goes', async () => {
    await create('a');
    await create('b');
    await add();
    await api.call('DELETE', MAPS);
    expect(webhook.reviews.map(({ request }) => [request.operation, request.name])).toEqual([
      ['DELETE', 'a'],
      ['DELETE', 'b'],
    ]);
  });

  it('in v1beta1 where it knows nothing newer', async () => {
    await add({ admissionReviewVersions: ['v2', 'v1beta1'] });
    expect((await create('a')).status).toBe(201);
    expect(webhook.reviews[0]!.apiVersion).toBe('admission.k8s.io/v1beta1');
  });

  it('about subresources in their own form', async () => {
    await api.call('POST', '/apis/apps/v1/namespaces/default/deployments', deployment());
    await add(rule({ resources: ['*/scale', 'pods/binding', 'pods/eviction', 'deployments/status'] }));
    await api.call('PUT', '/apis/apps/v1/namespaces/default/deployments/d/scale', {
      metadata: { name: 'd' },
      spec: { replicas: 3 },
    });
    await api.call('POST', '/api/v1/namespaces/default/pods', {
      metadata: { name: 'p' },
      spec: { containers: [{ name: 'c', image: 'i' }] },
    });
    await api.call('POST', '/api/v1/namespaces/default/pods/p/binding', { target: { kind: 'Node', name: 'n' } });
    await api.call('POST', '/api/v1/namespaces/default/pods/p/eviction', { metadata: { name: 'p' } });
    const seen = webhook.reviews.map(({ request }) => request);
    expect(seen.map(({ operation, subResource, kind }) => [operation, subResource, kind.group, kind['kind']])).toEqual([
      ['UPDATE', 'scale', 'autoscaling', 'Scale'],
      ['CREATE', 'binding', '', 'Binding'],
      ['CREATE', 'eviction', 'policy', 'Eviction'],
    ]);
    expect(seen[0]).toMatchObject({
      object: { spec: { replicas: 3 } },
      oldObject: { spec: { replicas: 1 } },
      name: 'd',
    });
    expect(seen[1]).toMatchObject({ object: { target: { name: 'n' } }, name: 'p', resource: { resource: 'pods' } });
  });
});

describe('which requests it sees', () => {
  it.each<[string, object, boolean]>([
    ['its operation', { operations: ['CREATE'] }, true],
    ['another operation', { operations: ['UPDATE', 'DELETE', 'CONNECT'] }, false],
    ['its group', { apiGroups: [''] }, true],
    ['another group', { apiGroups: ['apps'] }, false],
    ['another version', { apiVersions: ['v2'] }, false],
    ['another resource', { resources: ['secrets', 'configmaps/status', '*/scale'] }, false],
    ['every resource and subresource', { resources: ['*/*'] }, true],
    ['the resource with all subresources', { resources: ['configmaps/*'] }, true],
    ['namespaced resources', { scope: 'Namespaced' }, true],
    ['resources of the cluster', { scope: 'Cluster' }, false],
  ])('%s', async (_name, changes, isSeen) => {
    await add(rule(changes));
    await create('a');
    expect(webhook.reviews).toHaveLength(isSeen ? 1 : 0);
  });

  it('takes namespaces for resources of the cluster, by their own labels', async () => {
    await add({
      ...rule({ resources: ['namespaces'], scope: 'Cluster' }),
      namespaceSelector: { matchLabels: { a: 'b' } },
    });
    await create('one', '/api/v1/namespaces', { labels: { a: 'b' } });
    await create('two', '/api/v1/namespaces');
    expect(webhook.reviews.map(({ request }) => [request.name, request.namespace])).toEqual([['one', 'one']]);
    await api.call('DELETE', '/api/v1/namespaces/one');
    expect(webhook.reviews.at(-1)!.request).toMatchObject({ operation: 'DELETE', name: 'one' });
  });

  it('leaves out namespaces by their labels, but nothing that is in none', async () => {
    const namespaceSelector = { matchExpressions: [{ key: 'a', operator: 'DoesNotExist' }] };
    await add({ ...rule({ resources: ['configmaps', 'clusterroles'] }), namespaceSelector });
    await create('out', '/api/v1/namespaces', { labels: { a: 'b' } });
    await create('a', '/api/v1/namespaces/out/configmaps');
    await create('b');
    await create('c', '/apis/rbac.authorization.k8s.io/v1/clusterroles');
    expect(webhook.reviews.map(({ request }) => request.name)).toEqual(['b', 'c']);
  });

  it('looks at the labels of the object before and after', async () => {
    await add({ objectSelector: { matchLabels: { a: 'b' } } });
    await create('a', MAPS, { labels: { a: 'b' } });
    await create('none');
    await api.call('PUT', `${MAPS}/a`, { metadata: { name: 'a' } });
    await api.call('PUT', `${MAPS}/a`, { metadata: { name: 'a' }, data: {} });
    expect(webhook.reviews.map(({ request }) => [request.operation, request.name])).toEqual([
      ['CREATE', 'a'],
      ['UPDATE', 'a'],
    ]);
  });

  it('sees another version of its resource in its own, unless it wants exact matches', async () => {
    const events = { operations: ['CREATE'], apiGroups: ['events.k8s.io'], apiVersions: ['v1'], resources: ['events'] };
    await add({ rules: [events] }, 'equivalent');
    await add({ rules: [events], matchPolicy: 'Exact' }, 'exact');
    await api.call('POST', '/api/v1/namespaces/default/events', {
      metadata: { name: 'e' },
      involvedObject: { kind: 'Pod', name: 'p', namespace: 'default' },
      message: 'told',
    });
    expect(webhook.reviews.map(({ path }) => path)).toEqual(['/equivalent?timeout=10s']);
    expect(webhook.reviews[0]!.request).toMatchObject({
      kind: { group: 'events.k8s.io', version: 'v1', kind: 'Event' },
      requestKind: { group: '', version: 'v1', kind: 'Event' },
      resource: { group: 'events.k8s.io' },
      requestResource: { group: '' },
      object: { apiVersion: 'events.k8s.io/v1', note: 'told', regarding: { name: 'p' } },
    });
  });

  it('is never asked about configurations of webhooks', async () => {
    answer = () => ({ allowed: false });
    await add(rule({ resources: ['*/*'] }));
    await add({}, 'other');
    await api.call('DELETE', `${CONFIGURATIONS}/other`);
    await api.call('DELETE', `${CONFIGURATIONS}/hook`);
    expect(webhook.reviews).toEqual([]);
  });

  it('takes effect with the write of its configuration, and ends with it', async () => {
    answer = () => ({ allowed: false });
    await add();
    expect((await create('a')).status).toBe(400);
    await api.send('PATCH', `${CONFIGURATIONS}/hook`, {
      contentType: 'application/json-patch+json',
      body: [{ op: 'replace', path: '/webhooks/0/rules/0/operations', value: ['DELETE'] }],
    });
    expect((await create('a')).status).toBe(201);
    expect((await api.send('DELETE', `${MAPS}/a`)).status).toBe(400);
    await api.call('DELETE', `${CONFIGURATIONS}/hook`);
    expect((await api.send('DELETE', `${MAPS}/a`)).status).toBe(200);
  });
});

describe('refusals', () => {
  it.each<[string, object, object]>([
    [
      'without a word',
      {},
      { code: 400, message: 'admission webhook "hook.example.com" denied the request without explanation' },
    ],
    [
      'with a message, a reason and a code',
      { status: { message: 'no cats', reason: 'Forbidden', code: 403 } },
      { code: 403, reason: 'Forbidden', message: 'admission webhook "hook.example.com" denied the request: no cats' },
    ],
    [
      'with a reason only',
      { status: { reason: 'TooManyCats' } },
      {
        code: 400,
        reason: 'TooManyCats',
        message: 'admission webhook "hook.example.com" denied the request: TooManyCats',
      },
    ],
    [
      'with a code of success',
      { status: { code: 200, message: 'm', status: 'Success' } },
      { code: 400, status: 'Failure' },
    ],
  ])('%s', async (_name, said, expected) => {
    answer = () => ({ allowed: false, ...said });
    await add();
    const { status, body } = await create('a');
    expect(body).toMatchObject({ kind: 'Status', ...expected });
    expect(status).toBe((expected as { code: number }).code);
    expect((await api.send('GET', `${MAPS}/a`)).status).toBe(404);
  });

  it('of one webhook is enough, and all are asked at once', async () => {
    // Nobody answers before everybody has been asked.
    let release: () => void = () => undefined;
    const all = new Promise<void>((resolve) => (release = resolve));
    answer = async ({ path }) => {
      if (webhook.reviews.length === 3) release();
      await all;
      return { allowed: !path.startsWith('/b') };
    };
    for (const name of ['a', 'b', 'c']) await add({}, name);
    expect((await create('x')).body).toMatchObject({
      message: 'admission webhook "b.example.com" denied the request without explanation',
    });
    expect(webhook.reviews).toHaveLength(3);
  });

  it('leave the object as it was', async () => {
    await api.call('POST', MAPS, { metadata: { name: 'a' }, data: { k: '1' } });
    answer = () => ({ allowed: false });
    await add();
    expect((await api.send('PUT', `${MAPS}/a`, { body: { metadata: { name: 'a' }, data: { k: '2' } } })).status).toBe(
      400,
    );
    expect(await api.call('GET', `${MAPS}/a`)).toMatchObject({ data: { k: '1' } });
  });
});

describe('what else an answer carries', () => {
  it('warnings', async () => {
    answer = () => ({ allowed: true, warnings: ['look out', 'twice', 'twice'] });
    await add();
    expect((await create('a')).headers['warning']).toEqual(['299 - "look out"', '299 - "twice"']);
  });

  it('warnings, cut short when they are many', async () => {
    const texts = Array.from({ length: 20 }, (_, i) => `${i} ${'x'.repeat(400)}`);
    answer = () => ({ allowed: true, warnings: texts });
    await add();
    const warnings = (await create('a')).headers['warning'] as string[];
    expect(warnings).toEqual(texts.slice(0, 16).map((text) => `299 - "${text.slice(0, 256)}"`));
    answer = () => ({ allowed: true, warnings: texts.slice(0, 2) });
    expect((await create('b')).headers['warning']).toEqual(texts.slice(0, 2).map((text) => `299 - "${text}"`));
  });

  it.each<[string, object, string]>([
    ['no response', { response: undefined }, 'webhook response was absent'],
    ['another uid', { response: { uid: 'x', allowed: true } }, 'got "x"'],
    [
      'no kind',
      { kind: undefined, apiVersion: undefined },
      'expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, got /, Kind=',
    ],
    ['a patch', { patch: 'W10=' }, 'validating webhook may not return response.patch'],
    ['a type of patch', { patchType: 'JSONPatch' }, 'validating webhook may not return response.patchType'],
  ])('is refused with %s', async (_name, changes, problem) => {
    const { response: own, ...outer } = changes as { response?: object };
    answer =
      ({ request: { uid } }) =>
      (socket) => {
        const inner = 'kind' in changes || 'response' in changes ? {} : changes;
        const response = 'response' in changes ? own : { uid, allowed: true, ...inner };
        socket.end(JSON.stringify({ kind: 'AdmissionReview', apiVersion: 'admission.k8s.io/v1', response, ...outer }));
      };
    await add();
    const { status, body } = await create('a');
    expect(status).toBe(500);
    const head =
      'Internal error occurred: failed calling webhook "hook.example.com": received invalid webhook response: ';
    expect((body as { message: string }).message).toContain(head);
    expect((body as { message: string }).message).toContain(problem);
  });
});

describe('dry runs', () => {
  it('are told to the webhook', async () => {
    await add({ sideEffects: 'NoneOnDryRun' });
    expect((await create('a', `${MAPS}?dryRun=All`)).status).toBe(201);
    expect(webhook.reviews[0]!.request).toMatchObject({ dryRun: true, options: { dryRun: ['All'] } });
    expect((await api.send('GET', `${MAPS}/a`)).status).toBe(404);
  });
});

function deployment(): object {
  const labels = { app: 'd' };
  const template = { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'i' }] } };
  return { metadata: { name: 'd' }, spec: { selector: { matchLabels: labels }, template } };
}
