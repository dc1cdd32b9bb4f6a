/** Upstream's test/e2e/apimachinery/{validating,mutating}admissionpolicy.go at the level of the API, in this process. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { WatchEvent } from '../../api/machinery/handler.ts';
import type { TestServer } from '../../apiserver/testing.ts';
import { startTestServer } from '../../apiserver/testing.ts';

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- tests look into whatever is answered
type Json = any;

const GROUP = '/apis/admissionregistration.k8s.io/v1';
const NAMESPACE = 'policies';
const DEPLOYMENTS = `/apis/apps/v1/namespaces/${NAMESPACE}/deployments`;
const matchConstraints = {
  resourceRules: [
    { apiGroups: ['apps'], apiVersions: ['v1'], operations: ['CREATE', 'UPDATE'], resources: ['deployments'] },
  ],
};
/** Only in the namespace of this test. */
const matchResources = { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': NAMESPACE } } };

let api: TestServer;
beforeEach(async () => {
  api = await startTestServer();
  await api.call('POST', '/api/v1/namespaces', { metadata: { name: NAMESPACE } });
});
afterEach(() => api?.close());

const add = (plural: string, name: string, spec: object): Promise<Json> =>
  api.call('POST', `${GROUP}/${plural}`, { metadata: { name }, spec });

function deployment(name: string, replicas: number, image = 'registry.example/hello:1'): object {
  const labels = { app: name };
  const template = { metadata: { labels }, spec: { containers: [{ name: 'c', image }] } };
  return { metadata: { name }, spec: { replicas, selector: { matchLabels: labels }, template } };
}
const deploy = (body: object): ReturnType<TestServer['send']> => api.send('POST', DEPLOYMENTS, { body });

describe('validating admission policies', () => {
  const bind = (): Promise<unknown> =>
    add('validatingadmissionpolicybindings', 'binding', {
      policyName: 'policy',
      matchResources,
      validationActions: ['Deny'],
    });

  it('check a Deployment [A34] [conformance: ValidatingAdmissionPolicy #2]', async () => {
    await add('validatingadmissionpolicies', 'policy', {
      matchConstraints,
      validations: [
        {
          expression: 'object.spec.replicas > 1',
          messageExpression: "'wants replicas > 1, got ' + string(object.spec.replicas)",
        },
        {
          expression: "namespaceObject.metadata.name == 'policies'",
          message: 'Internal error! Other namespace should not be allowed.',
        },
      ],
    });
    await bind();
    expect((await deploy(deployment('two', 2))).status).toBe(201);
    const { status, body } = await deploy(deployment('one', 1));
    expect({ status, reason: (body as Json).reason }).toEqual({ status: 422, reason: 'Invalid' });
    expect((body as Json).message).toContain('wants replicas > 1, got 1');
  });

  it('name parts of the object by variables [A34] [conformance: ValidatingAdmissionPolicy]', async () => {
    await add('validatingadmissionpolicies', 'policy', {
      matchConstraints,
      variables: [
        { name: 'replicas', expression: 'object.spec.replicas' },
        { name: 'oddReplicas', expression: 'variables.replicas % 2 == 1' },
      ],
      validations: [{ expression: 'variables.replicas > 1' }, { expression: 'variables.oddReplicas' }],
    });
    await bind();
    expect((await deploy(deployment('three', 3))).status).toBe(201);
    expect(((await deploy(deployment('one', 1))).body as Json).message).toContain(
      'failed expression: variables.replicas > 1',
    );
    expect(((await deploy(deployment('four', 4))).body as Json).message).toContain(
      'failed expression: variables.oddReplicas',
    );
  });
});

describe('mutating admission policies', () => {
  const mutate = async (expression: string): Promise<void> => {
    await add('mutatingadmissionpolicies', 'policy', {
      matchConstraints,
      failurePolicy: 'Fail',
      reinvocationPolicy: 'Never',
      mutations: [{ patchType: 'ApplyConfiguration', applyConfiguration: { expression } }],
    });
    await add('mutatingadmissionpolicybindings', 'binding', { policyName: 'policy', matchResources });
  };

  it('change a Deployment [A34] [conformance: MutatingAdmissionPolicy]', async () => {
    await mutate(
      "Object{spec: Object.spec{replicas: object.spec.replicas + 100}, metadata: Object.metadata{labels: {'mutated': 'yes'}}}",
    );
    const { body } = await deploy(deployment('d', 1));
    expect(body).toMatchObject({ spec: { replicas: 101 }, metadata: { labels: { mutated: 'yes' } } });
    expect(await api.call('GET', `${DEPLOYMENTS}/d`)).toMatchObject({ spec: { replicas: 101 } });
  });

  it('add annotations to a Deployment [A34] [conformance: MutatingAdmissionPolicy #2]', async () => {
    await mutate("Object{metadata: Object.metadata{annotations: {'my-foo-annotation': 'myAnnotationValue'}}}");
    const { body } = await deploy({ ...deployment('d', 1), metadata: { name: 'd', annotations: { own: '1' } } });
    expect((body as Json).metadata.annotations).toEqual({ own: '1', 'my-foo-annotation': 'myAnnotationValue' });
  });
});

const validations = [{ expression: 'object.spec.replicas <= 100', message: 'too many' }];
const mutations = [{ patchType: 'ApplyConfiguration', applyConfiguration: { expression: 'Object{}' } }];
const selectors = { matchPolicy: 'Equivalent', namespaceSelector: {}, objectSelector: {} };

describe.each<[string, string, object, object]>([
  [
    'ValidatingAdmissionPolicy API',
    'validatingadmissionpolicies',
    { matchConstraints, validations },
    { failurePolicy: 'Ignore' },
  ],
  [
    'ValidatingadmissionPolicyBinding API',
    'validatingadmissionpolicybindings',
    { policyName: 'policy', validationActions: ['Deny'] },
    { validationActions: ['Warn'] },
  ],
  [
    'MutatingAdmissionPolicy API',
    'mutatingadmissionpolicies',
    { matchConstraints, mutations, reinvocationPolicy: 'Never' },
    { failurePolicy: 'Ignore' },
  ],
  [
    'MutatingAdmissionPolicyBinding API',
    'mutatingadmissionpolicybindings',
    { policyName: 'policy' },
    {
      matchResources: {
        ...selectors,
        resourceRules: matchConstraints.resourceRules.map((rule) => ({ ...rule, scope: '*' })),
      },
    },
  ],
])('%s', (behaviour, plural, spec, change) => {
  const url = `${GROUP}/${plural}`;

  it(`serves all verbs [conformance: ${behaviour}]`, async () => {
    const { groups } = await api.call<Json>('GET', '/apis');
    const group = groups.find(({ name }: Json) => name === 'admissionregistration.k8s.io');
    expect(group.versions.map(({ version }: Json) => version)).toContain('v1');
    const { resources } = await api.call<Json>('GET', GROUP);
    const served = resources.map(({ name }: Json) => name);
    expect(served).toContain(plural);
    if (plural === 'validatingadmissionpolicies') expect(served).toContain(`${plural}/status`);
    const stop = new AbortController();
    const events = await api.watch(`${url}?watch=true`, stop.signal);
    for (const name of ['a', 'b', 'c'])
      await api.call('POST', url, { metadata: { name, labels: { special: 'yes' } }, spec });
    expect(await api.call('GET', `${url}/a`)).toMatchObject({ metadata: { name: 'a' }, spec });
    expect((await api.call<Json>('GET', `${url}?labelSelector=special%3Dyes`)).items).toHaveLength(3);
    const contentType = 'application/merge-patch+json';
    const patched = await api.send('PATCH', `${url}/a`, {
      body: { metadata: { annotations: { patched: 'true' } } },
      contentType,
    });
    expect(patched.body).toMatchObject({ metadata: { annotations: { patched: 'true' } } });
    const current = await api.call<Json>('GET', `${url}/a`);
    const replaced = await api.call<Json>('PUT', `${url}/a`, { ...current, spec: { ...current.spec, ...change } });
    expect(replaced).toMatchObject({ spec: change, metadata: { generation: 2 } });
    await replaceStatus();
    await api.call('DELETE', `${url}/a`);
    expect((await api.send('GET', `${url}/a`)).status).toBe(404);
    await api.call('DELETE', `${url}?labelSelector=special%3Dyes`);
    expect((await api.call<Json>('GET', url)).items).toEqual([]);
    const seen = await take(events, (event) => event.type === 'DELETED' && event.object.metadata.name === 'c');
    stop.abort();
    expect(seen.map(({ type, object }) => `${type} ${object.metadata.name}`)).toEqual(
      expect.arrayContaining(['ADDED a', 'MODIFIED a', 'DELETED a', 'DELETED b']),
    );
  });

  async function replaceStatus(): Promise<void> {
    if (plural !== 'validatingadmissionpolicies') return;
    const condition = {
      type: 'Patched',
      status: 'True',
      reason: 'R',
      message: 'm',
      lastTransitionTime: '2026-01-01T00:00:00Z',
    };
    const body = { status: { conditions: [condition] } };
    const contentType = 'application/merge-patch+json';
    const { body: answered } = await api.send('PATCH', `${url}/a/status`, { body, contentType });
    expect(answered).toMatchObject({ status: { conditions: [{ type: 'Patched' }] } });
  }
});

async function take(events: AsyncIterator<WatchEvent>, isLast: (event: WatchEvent) => boolean): Promise<WatchEvent[]> {
  const seen: WatchEvent[] = [];
  for (;;) {
    const { value, done } = await events.next();
    if (done === true) return seen;
    const event = value as WatchEvent;
    seen.push(event);
    if (isLast(event)) return seen;
  }
}
