/** Mutating admission policies in a server: patches, apply configurations, order and being run again. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { TestServer } from '../../testing.ts';
import { startTestServer } from '../../testing.ts';

const GROUP = '/apis/admissionregistration.k8s.io/v1';
const MAPS = '/api/v1/namespaces/default/configmaps';
const rule = (...resources: string[]): object => ({
  operations: ['CREATE', 'UPDATE'],
  apiGroups: ['', 'apps'],
  apiVersions: ['v1'],
  resources,
});

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- tests look into whatever is answered
type Json = any;

let api: TestServer;
beforeEach(async () => {
  api = await startTestServer();
});
afterEach(() => api?.close());

async function add(name: string, spec: object, binding: object = {}): Promise<void> {
  await api.call('POST', `${GROUP}/mutatingadmissionpolicies`, {
    metadata: { name },
    spec: {
      matchConstraints: { resourceRules: [rule('configmaps', 'deployments')] },
      reinvocationPolicy: 'Never',
      ...spec,
    },
  });
  await api.call('POST', `${GROUP}/mutatingadmissionpolicybindings`, {
    metadata: { name },
    spec: { policyName: name, ...binding },
  });
}
const patch = (expression: string): object => ({ mutations: [{ patchType: 'JSONPatch', jsonPatch: { expression } }] });
const configuration = (expression: string): object => ({
  mutations: [{ patchType: 'ApplyConfiguration', applyConfiguration: { expression } }],
});
const create = async (body: object, url = MAPS): Promise<Json> => (await api.send('POST', url, { body })).body;

describe('JSON patches', () => {
  it('change the object', async () => {
    await add('p', patch("[JSONPatch{op: 'add', path: '/data', value: {'made': request.operation}}]"));
    expect(await create({ metadata: { name: 'a' } })).toMatchObject({ data: { made: 'CREATE' } });
    expect(await api.call('GET', `${MAPS}/a`)).toMatchObject({ data: { made: 'CREATE' } });
  });

  it('escape keys, and read variables and parameters', async () => {
    await api.call('POST', '/api/v1/namespaces/default/secrets', { metadata: { name: 'p', labels: { team: 'blue' } } });
    await add(
      'p',
      {
        paramKind: { apiVersion: 'v1', kind: 'Secret' },
        variables: [{ name: 'team', expression: 'params.metadata.labels.team' }],
        ...patch(
          "[JSONPatch{op: 'add', path: '/metadata/labels', value: {}}, JSONPatch{op: 'add', path: '/metadata/labels/' + jsonpatch.escapeKey('example.com/team'), value: variables.team}]",
        ),
      },
      { paramRef: { name: 'p', parameterNotFoundAction: 'Deny' } },
    );
    const { metadata } = await create({ metadata: { name: 'a' } });
    expect(metadata.labels).toEqual({ 'example.com/team': 'blue' });
  });

  it('that do not fit refuse the request, or nothing happens', async () => {
    await add('p', patch("[JSONPatch{op: 'remove', path: '/data/none'}]"));
    const { message, code } = await create({ metadata: { name: 'a' } });
    expect(code).toBe(403);
    expect(message).toContain(`configmaps "a" is forbidden: policy 'p' with binding 'p' denied request: JSON Patch: `);
    await api.call('DELETE', `${GROUP}/mutatingadmissionpolicies/p`);
    await add('q', { ...patch("[JSONPatch{op: 'remove', path: '/data/none'}]"), failurePolicy: 'Ignore' });
    expect(await create({ metadata: { name: 'a' } })).toMatchObject({ kind: 'ConfigMap' });
  });
});

describe('apply configurations', () => {
  it('merge maps, and lists by their keys', async () => {
    await add(
      'p',
      configuration(
        "Object{metadata: Object.metadata{labels: {'added': '1'}}, spec: Object.spec{template: Object.spec.template{spec: Object.spec.template.spec{containers: [Object.spec.template.spec.containers{name: 'side', image: 'side:1'}]}}}}",
      ),
    );
    const labels = { app: 'd' };
    const made = await create(
      {
        metadata: { name: 'd', labels: { own: '1' } },
        spec: {
          selector: { matchLabels: labels },
          template: { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'i' }] } },
        },
      },
      '/apis/apps/v1/namespaces/default/deployments',
    );
    expect(made.metadata.labels).toEqual({ own: '1', added: '1' });
    const { containers } = made.spec.template.spec;
    expect(containers.map(({ name }: Json) => name).sort()).toEqual(['c', 'side']);
    // Defaults follow.
    expect(containers.find(({ name }: Json) => name === 'side').imagePullPolicy).toBe('IfNotPresent');
  });

  it('may not replace what has one owner as a whole', async () => {
    await add('p', configuration("Object{spec: Object.spec{selector: Object.spec.selector{matchLabels: {'a': 'b'}}}}"));
    const labels = { app: 'd' };
    const template = { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'i' }] } };
    const body = { metadata: { name: 'd' }, spec: { selector: { matchLabels: labels }, template } };
    const { message } = await create(body, '/apis/apps/v1/namespaces/default/deployments');
    expect(message).toContain(
      'invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: .spec.selector',
    );
  });

  it('run after one another, each on what the one before has made', async () => {
    const next = (value: string): object => ({
      patchType: 'ApplyConfiguration',
      applyConfiguration: { expression: `Object{data: {'order': object.?data.?order.orValue('') + '${value}'}}` },
    });
    await add('b', { mutations: [next('3')] });
    await add('a', { mutations: [next('1'), next('2')] });
    expect(await create({ metadata: { name: 'x' }, data: {} })).toMatchObject({ data: { order: '123' } });
  });
});

it('policies run again once a later one has changed the object, where they want it', async () => {
  const copies = configuration("Object{metadata: Object.metadata{labels: {'seen': object.data.?late.orValue('no')}}}");
  await add('a', { ...copies, reinvocationPolicy: 'IfNeeded' });
  await add('b', configuration("Object{data: {'late': 'yes'}}"));
  const { metadata, data } = await create({ metadata: { name: 'x' }, data: { a: '1' } });
  expect([metadata.labels, data]).toEqual([{ seen: 'yes' }, { a: '1', late: 'yes' }]);
});

it('conditions and selectors leave objects out', async () => {
  await add('p', {
    ...configuration("Object{data: {'made': '1'}}"),
    matchConditions: [{ name: 'c', expression: "object.metadata.name != 'out'" }],
  });
  expect((await create({ metadata: { name: 'out' } })).data).toBeUndefined();
  expect((await create({ metadata: { name: 'in' } })).data).toEqual({ made: '1' });
});
