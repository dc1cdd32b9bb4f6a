/**
 * Upstream's test/e2e/apimachinery/webhook.go at the level of the API: the server in this process, and webhooks as a real
 * HTTPS server on loopback. Upstream's webhook runs in a pod behind a Service, which shows nothing more of admission.
 */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { podStreams } from '../../apiserver/kubelet-proxy/pod-streams.ts';
import type { Answer, Json, Review, TestWebhook } from '../../apiserver/admission/webhook/testing.ts';
import { jsonPatch, startWebhook } from '../../apiserver/admission/webhook/testing.ts';
import type { ServerParts } from '../../apiserver/api-server.ts';
import type { TestServer } from '../../apiserver/testing.ts';
import { startTestServer } from '../../apiserver/testing.ts';

const GROUP = '/apis/admissionregistration.k8s.io/v1';
const CORE = '/api/v1/namespaces/default';
const CUSTOM = '/apis/stable.example.com/v1/namespaces/default/things';
const DEFINITIONS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

type Type = 'mutating' | 'validating';

let api: TestServer;
let webhook: TestWebhook;
let answer: (review: Review) => Answer | Promise<Answer>;

beforeEach(async () => {
  answer = () => ({ allowed: true });
  api = await startTestServer({ extend: addStreams });
  webhook = await startWebhook((review) => answer(review));
});
afterEach(async () => {
  await api?.close();
  await webhook?.close();
});

/** Refused before a kubelet is looked for. */
function addStreams({ router, kinds, listers }: ServerParts): void {
  const pods = kinds.find(({ resource }) => resource.names.plural === 'pods')!;
  const credentials = { ca: '', certificate: '', privateKey: '' };
  for (const stream of podStreams({ nodes: listers({ group: '', plural: 'nodes' }), credentials }))
    router.addSubresource(pods, stream);
}

const rule = (resource: string, operations = ['CREATE'], group = ''): object => ({
  operations,
  apiGroups: [group],
  apiVersions: ['*'],
  resources: [resource],
});

function hook(path: string, changes: object = {}): object {
  return {
    name: `${path}.k8s.io.example`,
    clientConfig: { url: `${webhook.url}/${path}`, caBundle: webhook.caBundle },
    rules: [rule('configmaps')],
    sideEffects: 'None',
    admissionReviewVersions: ['v1', 'v1beta1'],
    ...changes,
  };
}

const configurations = (type: Type): string => `${GROUP}/${type}webhookconfigurations`;
const register = (type: Type, name: string, ...webhooks: object[]): Promise<Json> =>
  api.call('POST', configurations(type), { metadata: { name, labels: { set: 'test' } }, webhooks });
const create = (name: string, data: object = {}, url = `${CORE}/configmaps`): ReturnType<TestServer['send']> =>
  api.send('POST', url, { body: { metadata: { name }, data } });
const pod = (name: string): object => ({ metadata: { name }, spec: { containers: [{ name: 'c', image: 'i' }] } });
const patch = (
  url: string,
  body: object,
  contentType = 'application/merge-patch+json',
): ReturnType<TestServer['send']> => api.send('PATCH', url, { body, contentType });

/** Adds a key, after another one where `after` says so. */
const addKey = ({ request }: Review, key: string, after: string): Answer =>
  request.object.data?.[after] === undefined
    ? { allowed: true }
    : jsonPatch({ op: 'add', path: `/data/${key}`, value: 'yes' });
const deny: Answer = { allowed: false, status: { message: 'this is not allowed' } };
const DENIED = { message: expect.stringMatching(/denied the request: this is not allowed$/) };

it('discovery names the webhook configurations [conformance: Admission webhook, discovery document]', async () => {
  const { groups } = await api.call<Json>('GET', '/apis');
  const group = groups.find(({ name }: Json) => name === 'admissionregistration.k8s.io');
  expect(group.versions).toContainEqual({ groupVersion: 'admissionregistration.k8s.io/v1', version: 'v1' });
  const { resources } = await api.call<Json>('GET', GROUP);
  const names = resources.map(({ name }: Json) => name);
  expect(names).toEqual(expect.arrayContaining(['mutatingwebhookconfigurations', 'validatingwebhookconfigurations']));
});

describe('pods and config maps', () => {
  beforeEach(async () => {
    answer = ({ request: { object } }) => {
      if (object.metadata.name?.startsWith('hang')) return new Promise(() => undefined);
      const isBad = object.metadata.labels?.bad !== undefined || object.data?.bad !== undefined;
      return isBad ? deny : { allowed: true };
    };
    const namespaceSelector = { matchExpressions: [{ key: 'skip-webhook', operator: 'NotIn', values: ['yes'] }] };
    await register(
      'validating',
      'deny',
      hook('pods', { rules: [rule('pods', ['CREATE'])], namespaceSelector, timeoutSeconds: 1 }),
      hook('maps', { rules: [rule('configmaps', ['CREATE', 'UPDATE', 'DELETE'])], namespaceSelector }),
    );
  });

  it('that do not comply are denied, and so are updates [A33] [conformance: Admission webhook, deny create]', async () => {
    const bad = { ...pod('bad'), metadata: { name: 'bad', labels: { bad: '1' } } };
    expect((await api.send('POST', `${CORE}/pods`, { body: bad })).body).toMatchObject(DENIED);
    expect((await api.send('POST', `${CORE}/pods`, { body: pod('hang') })).body).toMatchObject({
      message: expect.stringContaining('context deadline exceeded'),
    });
    expect((await api.send('GET', `${CORE}/pods/hang`)).status).toBe(404);
    expect((await create('bad', { bad: '1' })).body).toMatchObject(DENIED);
    expect((await create('good', { good: '1' })).status).toBe(201);
    const worse = { metadata: { name: 'good' }, data: { bad: '1' } };
    expect((await api.send('PUT', `${CORE}/configmaps/good`, { body: worse })).body).toMatchObject(DENIED);
    expect((await patch(`${CORE}/configmaps/good`, { data: { bad: '1' } })).body).toMatchObject(DENIED);
    await api.call('POST', '/api/v1/namespaces', { metadata: { name: 'exempted', labels: { 'skip-webhook': 'yes' } } });
    expect((await create('bad', { bad: '1' }, '/api/v1/namespaces/exempted/configmaps')).status).toBe(201);
  });
});

it('attaching to a pod can be denied [conformance: Admission webhook, deny attach]', async () => {
  await api.call('POST', `${CORE}/pods`, pod('p'));
  answer = () => deny;
  await register('validating', 'attach', hook('attach', { rules: [rule('pods/attach', ['CONNECT'])] }));
  expect((await api.send('POST', `${CORE}/pods/p/attach?stdin=true&container=c`)).body).toMatchObject(DENIED);
  expect(webhook.reviews[0]!.request).toMatchObject({
    operation: 'CONNECT',
    kind: { group: '', version: 'v1', kind: 'PodAttachOptions' },
    resource: { resource: 'pods' },
    subResource: 'attach',
    name: 'p',
    object: { kind: 'PodAttachOptions', stdin: true, container: 'c' },
  });
  // Not asked about others.
  expect((await api.send('POST', `${CORE}/pods/p/exec?command=ls&container=c`)).body).not.toMatchObject(DENIED);
});

it('nothing goes past a webhook that fails closed [conformance: Admission webhook, fail closed]', async () => {
  const clientConfig = { url: `${webhook.url}/closed` };
  const namespaceSelector = { matchLabels: { 'fail-closed': 'yes' } };
  await register('validating', 'closed', hook('closed', { clientConfig, namespaceSelector, failurePolicy: 'Fail' }));
  await api.call('POST', '/api/v1/namespaces', { metadata: { name: 'closed', labels: { 'fail-closed': 'yes' } } });
  const { status, body } = await create('a', {}, '/api/v1/namespaces/closed/configmaps');
  expect({ status, body }).toMatchObject({ status: 500, body: { reason: 'InternalError' } });
  expect((await create('a')).status).toBe(201);
});

it('webhooks change config maps one after the other [A33] [conformance: Admission webhook, ordered mutation]', async () => {
  answer = (review) =>
    review.path.startsWith('/one') ? addKey(review, 'stage-1', 'start') : addKey(review, 'stage-2', 'stage-1');
  await register('mutating', 'ordered', hook('one'), hook('two'));
  expect((await create('a', { start: 'yes' })).body).toMatchObject({
    data: { start: 'yes', 'stage-1': 'yes', 'stage-2': 'yes' },
  });
});

it('pods are defaulted after mutation [conformance: Admission webhook, mutation with defaulting]', async () => {
  answer = () => jsonPatch({ op: 'add', path: '/spec/initContainers', value: [{ name: 'added', image: 'i' }] });
  await register('mutating', 'pods', hook('pods', { rules: [rule('pods')] }));
  const { spec } = await api.call<Json>('POST', `${CORE}/pods`, pod('p'));
  expect(spec.initContainers).toMatchObject([{ name: 'added', terminationMessagePolicy: 'File' }]);
});

it('webhooks are asked in the time that they have [conformance: Admission webhook, honor timeout]', async () => {
  // In tenths of upstream's five seconds, but for the timeout, which is in whole ones.
  answer = () => new Promise((resolve) => void setTimeout(() => resolve({ allowed: true }), 1_500).unref());
  const cases = [
    { timeoutSeconds: 1, failurePolicy: 'Fail', status: 500 },
    { timeoutSeconds: 1, failurePolicy: 'Ignore', status: 201 },
    { timeoutSeconds: 10, failurePolicy: 'Fail', status: 201 },
    { failurePolicy: 'Fail', status: 201 },
  ];
  for (const [i, { status, ...changes }] of cases.entries()) {
    await register('validating', 'slow', hook('slow', changes));
    expect((await create(`slow-${i}`)).status).toBe(status);
    await api.call('DELETE', `${configurations('validating')}/slow`);
  }
});

describe.each(['mutating', 'validating'] as const)('%s webhook configurations', (type) => {
  const act = (review: Review): Answer => (type === 'mutating' ? addKey(review, 'mutated', 'start') : deny);
  const isActed = async (name: string): Promise<boolean> => {
    const { body } = await create(name, { start: 'yes' });
    const { data, code } = body as Json;
    await api.send('DELETE', `${CORE}/configmaps/${name}`);
    return type === 'mutating' ? data.mutated === 'yes' : code === 400;
  };
  const title = type[0]!.toUpperCase() + type.slice(1);

  it(`are listed and go together [conformance: Admission webhook, list ${type} webhooks]`, async () => {
    answer = act;
    for (let i = 0; i < 10; i++) await register(type, `listed-${i}`, hook(`h${i}`));
    const { items } = await api.call<Json>('GET', `${configurations(type)}?labelSelector=set%3Dtest`);
    expect(items).toHaveLength(10);
    expect(await isActed('before')).toBe(true);
    await api.call('DELETE', `${configurations(type)}?labelSelector=set%3Dtest`);
    expect(await isActed('after')).toBe(false);
  });

  it(`take effect when they are changed [conformance: Admission webhook, update ${type} webhook]`, async () => {
    answer = act;
    const made = await register(type, 'changed', hook('h'));
    made.webhooks[0].rules[0].operations = ['UPDATE'];
    await api.call('PUT', `${configurations(type)}/changed`, made);
    expect(await isActed('before')).toBe(false);
    const operations = [{ op: 'replace', path: '/webhooks/0/rules/0/operations', value: ['CREATE'] }];
    await patch(`${configurations(type)}/changed`, operations, 'application/json-patch+json');
    expect(await isActed('after')).toBe(true);
  });

  it(`keep their match conditions [conformance: ${title} Admission webhook, create and update ${type} webhook configuration with matchConditions]`, async () => {
    const matchConditions = [{ name: 'first', expression: "request.namespace == 'default'" }];
    const made = await register(type, 'conditions', hook('h', { matchConditions }));
    expect(made.webhooks[0].matchConditions).toEqual(matchConditions);
    made.webhooks[0].matchConditions = [{ name: 'second', expression: 'true' }];
    await api.call('PUT', `${configurations(type)}/conditions`, made);
    const stored = await api.call<Json>('GET', `${configurations(type)}/conditions`);
    expect(stored.webhooks[0].matchConditions).toEqual([{ name: 'second', expression: 'true' }]);
  });

  const misspelt = type === 'mutating' ? 'Mutating' : 'Validing';
  it(`with a wrong condition are refused [conformance: ${misspelt} Admission webhook, reject ${type} webhook configurations with invalid matchConditions]`, async () => {
    const matchConditions = [{ name: 'wrong', expression: '... [] bad expression' }];
    const body = { metadata: { name: 'wrong' }, webhooks: [hook('h', { matchConditions })] };
    const { status, body: answered } = await api.send('POST', configurations(type), { body });
    expect({ status, message: (answered as Json).message }).toEqual({
      status: 422,
      message: expect.stringContaining('compilation failed'),
    });
  });
});

it('configurations are beyond the reach of webhooks [conformance: Admission webhook, admission control not allowed on webhook configuration objects]', async () => {
  answer = ({ path }) =>
    path.startsWith('/mutate') ? jsonPatch({ op: 'add', path: '/metadata/labels/mutated', value: 'yes' }) : deny;
  const rules = [rule('*', ['*'], 'admissionregistration.k8s.io')];
  await register('mutating', 'mutate', hook('mutate', { rules }));
  await register('validating', 'deny', hook('deny', { rules }));
  for (const type of ['mutating', 'validating'] as const) {
    const made = await register(type, 'victim', hook('victim'));
    expect(made.metadata.labels).toEqual({ set: 'test' });
    expect((await api.send('DELETE', `${configurations(type)}/victim`)).status).toBe(200);
  }
});

it('match conditions leave out what they name [conformance: Mutating Admission webhook, mutating webhook excluding object with specific name]', async () => {
  answer = (review) => addKey(review, 'mutated', 'start');
  const matchConditions = [{ name: 'skip-me', expression: "object.metadata.name != 'skip-me'" }];
  await register('mutating', 'skip', hook('skip', { matchConditions }));
  expect(((await create('skip-me', { start: 'yes' })).body as Json).data).toEqual({ start: 'yes' });
  expect(((await create('other', { start: 'yes' })).body as Json).data).toEqual({ start: 'yes', mutated: 'yes' });
});

describe('custom resources', () => {
  const text = { type: 'string' };
  const definition = (data: object): object => ({
    metadata: { name: 'things.stable.example.com' },
    spec: {
      group: 'stable.example.com',
      scope: 'Namespaced',
      names: { plural: 'things', singular: 'thing', kind: 'Thing', listKind: 'ThingList' },
      versions: ['v1', 'v2'].map((name) => ({
        name,
        served: true,
        storage: name === 'v1',
        schema: { openAPIV3Schema: { type: 'object', properties: { data } } },
      })),
    },
  });
  const open = { type: 'object', additionalProperties: text };
  const thing = (name: string, data: object): object => ({
    apiVersion: 'stable.example.com/v1',
    kind: 'Thing',
    metadata: { name },
    data,
  });
  const rules = [rule('things', ['CREATE', 'UPDATE', 'DELETE'], 'stable.example.com')];

  it('can be kept from coming, changing and going [conformance: Admission webhook, deny custom resource create and delete]', async () => {
    await api.call('POST', DEFINITIONS, definition(open));
    await api.call('POST', CUSTOM, thing('kept', { a: 'b' }));
    answer = () => deny;
    await register('validating', 'custom', hook('custom', { rules }));
    expect((await api.send('POST', CUSTOM, { body: thing('new', {}) })).body).toMatchObject(DENIED);
    expect((await patch(`${CUSTOM}/kept`, { data: { a: 'c' } })).body).toMatchObject(DENIED);
    expect((await api.send('DELETE', `${CUSTOM}/kept`)).body).toMatchObject(DENIED);
  });

  it('are changed [conformance: Admission webhook, mutate custom resource]', async () => {
    answer = (review) =>
      review.path.startsWith('/one') ? addKey(review, 'stage-1', 'start') : addKey(review, 'stage-2', 'stage-1');
    await api.call('POST', DEFINITIONS, definition(open));
    await register('mutating', 'custom', hook('one', { rules }), hook('two', { rules }));
    expect(await api.call('POST', CUSTOM, thing('t', { start: 'yes' }))).toMatchObject({
      data: { start: 'yes', 'stage-1': 'yes', 'stage-2': 'yes' },
    });
  });

  it('lose what their schema does not know [conformance: Admission webhook, mutate custom resource with pruning]', async () => {
    answer = (review) =>
      review.path.startsWith('/one') ? addKey(review, 'stage-1', 'start') : addKey(review, 'stage-2', 'stage-1');
    await api.call('POST', DEFINITIONS, definition({ type: 'object', properties: { start: text, 'stage-1': text } }));
    await register('mutating', 'custom', hook('one', { rules }), hook('two', { rules }));
    const { data } = await api.call<Json>('POST', CUSTOM, thing('t', { start: 'yes' }));
    expect(data).toEqual({ start: 'yes', 'stage-1': 'yes' });
  });

  it('are changed when they are stored in another version [conformance: Admission webhook, mutate custom resource with different stored version]', async () => {
    answer = (review) => addKey(review, 'mutated', 'start');
    await api.call('POST', DEFINITIONS, definition(open));
    await register('mutating', 'custom', hook('custom', { rules }));
    await api.call('POST', CUSTOM, thing('t', { start: 'yes' }));
    const stored = [
      { op: 'replace', path: '/spec/versions/0/storage', value: false },
      { op: 'replace', path: '/spec/versions/1/storage', value: true },
    ];
    const url = `${DEFINITIONS}/things.stable.example.com`;
    expect((await patch(url, stored, 'application/json-patch+json')).status).toBe(200);
    expect((await patch(`${CUSTOM}/t`, { data: { more: 'yes' } })).body).toMatchObject({
      data: { start: 'yes', mutated: 'yes', more: 'yes' },
    });
  });

  it('their definitions can be refused [conformance: Admission webhook, deny custom resource definition]', async () => {
    answer = () => deny;
    const definitions = [rule('customresourcedefinitions', ['CREATE'], 'apiextensions.k8s.io')];
    await register('validating', 'crd', hook('crd', { rules: definitions }));
    expect((await api.send('POST', DEFINITIONS, { body: definition(open) })).body).toMatchObject(DENIED);
  });
});
