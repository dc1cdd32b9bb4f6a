/** Discovery, lists, field validation and the version: upstream's test/e2e/apimachinery, on a cluster without nodes. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Conformance, Json } from './conformance.ts';
import { startConformance } from './conformance.ts';

let cluster: Conformance;
let namespace: string;

/** Of upstream's list of what every cluster has, the groups served here: group, version, resource. */
const BUILT_IN: [string, string, string][] = [
  ['', 'v1', 'namespaces'],
  ['', 'v1', 'pods'],
  ['', 'v1', 'services'],
  ['', 'v1', 'configmaps'],
  ['', 'v1', 'nodes'],
  ['', 'v1', 'secrets'],
  ['', 'v1', 'serviceaccounts'],
  ['apps', 'v1', 'deployments'],
  ['apps', 'v1', 'replicasets'],
  ['apps', 'v1', 'controllerrevisions'],
  ['discovery.k8s.io', 'v1', 'endpointslices'],
  ['events.k8s.io', 'v1', 'events'],
  ['coordination.k8s.io', 'v1', 'leases'],
  ['rbac.authorization.k8s.io', 'v1', 'clusterroles'],
  ['authentication.k8s.io', 'v1', 'tokenreviews'],
  ['authorization.k8s.io', 'v1', 'subjectaccessreviews'],
];

beforeAll(async () => {
  cluster = await startConformance(['--runtime', 'none']);
  namespace = await cluster.namespace('api');
}, 90_000);
afterAll(() => cluster?.stop(), 60_000);

describe('discovery', () => {
  const resources = (lists: Json[]): string[] =>
    lists.flatMap(({ items }) =>
      items.flatMap(({ metadata, versions }: Json) =>
        versions.flatMap((version: Json) =>
          version.resources.map((one: Json) => [metadata?.name ?? '', version.version, one.resource].join('/')),
        ),
      ),
    );

  // What upstream's tests of these documents ask for is in api-discovery.test.ts.
  it('gives all groups in one document [A2]', async () => {
    const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
    const replies = await Promise.all(
      ['/api', '/apis'].map((path) => cluster.send('GET', path, { headers: { accept } })),
    );
    for (const { status, contentType, body } of replies) {
      expect({ status, contentType: contentType.replaceAll(' ', '') }).toEqual({ status: 200, contentType: accept });
      expect(body).toMatchObject({ kind: 'APIGroupDiscoveryList', apiVersion: 'apidiscovery.k8s.io/v2' });
    }
    const found = resources(replies.map(({ body }) => body));
    for (const one of BUILT_IN) expect(found).toContain(one.join('/'));
  });

  it('says the same in the plain documents [A1]', async () => {
    expect(await cluster.get('/apis')).toMatchObject({ kind: 'APIGroupList' });
    expect(await cluster.get('/api')).toMatchObject({ kind: 'APIVersions' });
    for (const [group, version, resource] of BUILT_IN) {
      const { resources: plain } = await cluster.get(group === '' ? `/api/${version}` : `/apis/${group}/${version}`);
      expect(plain.map(({ name }: Json) => name)).toContain(resource);
    }
  });

  it('names for each group a preferred version that it has [conformance: Discovery, confirm the PreferredVersion for each api group]', async () => {
    const { groups } = await cluster.get('/apis');
    expect(groups.length).toBeGreaterThan(0);
    for (const { name } of groups) {
      const group = await cluster.get(`/apis/${name}`);
      expect(group.name).toBe(name);
      expect(group.versions).toContainEqual(group.preferredVersion);
      expect(group.preferredVersion.groupVersion).toBe(`${name}/${group.preferredVersion.version}`);
    }
  });

  it('lists the resources of each group', async () => {
    const { groups } = await cluster.get('/apis');
    for (const { versions } of groups) {
      for (const { groupVersion } of versions) {
        const list = await cluster.get(`/apis/${groupVersion}`);
        expect(list).toMatchObject({ kind: 'APIResourceList', groupVersion });
        expect(
          list.resources.filter(({ name, kind, verbs }: Json) => name !== '' && kind !== '' && verbs.length > 0).length,
        ).toBeGreaterThan(0);
      }
    }
  });

  it('tells its version in numbers [conformance: Confirm a server version]', async () => {
    const { major, minor } = await cluster.get('/version');
    expect(major).toMatch(/^\d+$/);
    expect(minor).toMatch(/^\d+$/);
  });

  it('refuses to print a Table of what is no object [conformance: API metadata HTTP return]', async () => {
    const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io';
    const review = { spec: { resourceAttributes: { namespace: 'default', resource: 'pods', verb: 'get' } } };
    const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
    const { status, body } = await cluster.send('POST', path, { body: review, headers: { accept } });
    expect({ status, reason: body.reason }).toEqual({ status: 406, reason: 'NotAcceptable' });
  });
});

describe('strict field validation', () => {
  const deployment = (metadata: string, spec: string): string =>
    `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"strict"${metadata}},"spec":{${spec}"selector":{"matchLabels":{"app":"strict"}},"template":{"metadata":{"labels":{"app":"strict"}},"spec":{"containers":[{"name":"c","image":"app"}]}}}}`;

  const apply = (body: string, validation = 'Strict') =>
    cluster.send(
      'PATCH',
      `/apis/apps/v1/namespaces/${namespace}/deployments/strict?fieldManager=test&fieldValidation=${validation}`,
      { body, type: 'application/apply-patch+yaml' },
    );
  const create = (body: string) =>
    cluster.send('POST', `/apis/apps/v1/namespaces/${namespace}/deployments?fieldValidation=Strict`, { body });

  it('names unknown and duplicate fields of a typed object [conformance: Server side field validation, typed object]', async () => {
    const twice = '"unknownField":"unknown","paused":true,"paused":false,';
    const created = await create(deployment('', twice));
    expect(created.status).toBe(400);
    expect(created.body.message).toMatch(/ strict decoding error: /);
    for (const problem of ['unknown field "spec.unknownField"', 'duplicate field "spec.paused"'])
      expect(created.body.message).toContain(problem);
    const applied = await apply(deployment('', '"unknownField":"unknown",'));
    expect(applied.status).toBeGreaterThanOrEqual(400);
    expect(applied.body.message).toMatch(
      /failed to create typed patch object .*unknownField: field not declared in schema/,
    );
    expect((await cluster.send('GET', `/apis/apps/v1/namespaces/${namespace}/deployments/strict`)).status).toBe(404);
  });

  it('names unknown fields of the metadata [conformance: Server side field validation, typed unknown metadata]', async () => {
    const metadata = ',"unknownMeta":"unknown","labels":{"app":"strict"},"labels":{"app":"strict"}';
    const created = await create(deployment(metadata, ''));
    expect(created.status).toBe(400);
    expect(created.body.message).toMatch(/ strict decoding error: /);
    for (const problem of ['unknown field "metadata.unknownMeta"', 'duplicate field "metadata.labels"'])
      expect(created.body.message).toContain(problem);
    const applied = await apply(deployment(',"unknownMeta":"unknown"', ''));
    expect(applied.status).toBeGreaterThanOrEqual(400);
    expect(applied.body.message).toMatch(
      /failed to create typed patch object .*unknownMeta: field not declared in schema/,
    );
    expect((await apply(deployment('', ''))).status).toBe(201);
  });
});

describe('lists in chunks', () => {
  const TEMPLATES = 400;
  let templates: string;
  const nameOf = (i: number): string => `template-${String(i).padStart(4, '0')}`;

  beforeAll(async () => {
    templates = `/api/v1/namespaces/${await cluster.namespace('chunks')}/podtemplates`;
    const template = { spec: { containers: [{ name: 'test', image: 'test2' }] } };
    for (let i = 0; i < TEMPLATES; i += 20) {
      await Promise.all(
        Array.from({ length: 20 }, (_, k) => cluster.post(templates, { metadata: { name: nameOf(i + k) }, template })),
      );
    }
  });

  it('says how many remain, at one resource version [conformance: API Chunking, server should return chunks of results for list calls]', async () => {
    const names = Array.from({ length: TEMPLATES }, (_, i) => nameOf(i));
    const found: string[] = [];
    let token = '';
    let version: string | undefined;
    do {
      const limit = 1 + ((found.length * 7) % 90);
      const { metadata, items } = await cluster.get(
        `${templates}?limit=${limit}&continue=${encodeURIComponent(token)}`,
      );
      expect(items.length).toBeLessThanOrEqual(limit);
      // What changes meanwhile is not in the later pages.
      if (version === undefined)
        await cluster.post(templates, {
          metadata: { name: 'template-later' },
          template: { spec: { containers: [{ name: 'test', image: 'test2' }] } },
        });
      version ??= metadata.resourceVersion;
      expect(metadata.resourceVersion).toBe(version);
      found.push(...items.map((item: Json) => item.metadata.name));
      token = metadata.continue ?? '';
      expect(metadata.remainingItemCount ?? 0).toBe(TEMPLATES - found.length);
    } while (token !== '');
    expect(found).toEqual(names);
    await cluster.remove(`${templates}/template-later`);
    const whole = await cluster.get(templates);
    expect(whole.items.map((item: Json) => item.metadata.name)).toEqual(names);
    expect(whole.metadata.continue ?? '').toBe('');
  });
});
