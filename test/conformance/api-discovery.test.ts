/** Aggregated discovery of all built-in kinds and of a custom one: upstream's test/e2e/apimachinery/aggregated_discovery. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Conformance, Json } from './conformance.ts';
import { eventually, startConformance } from './conformance.ts';

let cluster: Conformance;

/** Group, version, and resources: those that every cluster has. */
const BUILT_IN: readonly (readonly [string, string, readonly string[]])[] = [
  ['', 'v1', ['namespaces', 'pods', 'services', 'configmaps', 'secrets', 'nodes', 'serviceaccounts', 'events']],
  ['', 'v1', ['endpoints', 'limitranges', 'resourcequotas', 'persistentvolumes', 'persistentvolumeclaims']],
  ['', 'v1', ['podtemplates', 'replicationcontrollers', 'componentstatuses', 'bindings']],
  ['admissionregistration.k8s.io', 'v1', ['mutatingwebhookconfigurations', 'validatingwebhookconfigurations']],
  ['admissionregistration.k8s.io', 'v1', ['validatingadmissionpolicies', 'validatingadmissionpolicybindings']],
  ['apiextensions.k8s.io', 'v1', ['customresourcedefinitions']],
  ['apiregistration.k8s.io', 'v1', ['apiservices']],
  ['apps', 'v1', ['controllerrevisions', 'daemonsets', 'deployments', 'replicasets', 'statefulsets']],
  ['authentication.k8s.io', 'v1', ['tokenreviews', 'selfsubjectreviews']],
  ['authorization.k8s.io', 'v1', ['localsubjectaccessreviews', 'selfsubjectaccessreviews', 'subjectaccessreviews']],
  ['autoscaling', 'v1', ['horizontalpodautoscalers']],
  ['autoscaling', 'v2', ['horizontalpodautoscalers']],
  ['batch', 'v1', ['jobs', 'cronjobs']],
  ['certificates.k8s.io', 'v1', ['certificatesigningrequests']],
  ['coordination.k8s.io', 'v1', ['leases']],
  ['discovery.k8s.io', 'v1', ['endpointslices']],
  ['events.k8s.io', 'v1', ['events']],
  ['flowcontrol.apiserver.k8s.io', 'v1', ['flowschemas', 'prioritylevelconfigurations']],
  ['networking.k8s.io', 'v1', ['ingresses', 'ingressclasses', 'networkpolicies', 'ipaddresses', 'servicecidrs']],
  ['node.k8s.io', 'v1', ['runtimeclasses']],
  ['policy', 'v1', ['poddisruptionbudgets']],
  ['rbac.authorization.k8s.io', 'v1', ['clusterroles', 'clusterrolebindings', 'roles', 'rolebindings']],
  ['resource.k8s.io', 'v1', ['deviceclasses', 'resourceclaims', 'resourceclaimtemplates', 'resourceslices']],
  ['scheduling.k8s.io', 'v1', ['priorityclasses']],
  ['storage.k8s.io', 'v1', ['csidrivers', 'csinodes', 'csistoragecapacities', 'storageclasses', 'volumeattachments']],
];

const typeOf = (version: string): string =>
  `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`;
/** What clients ask for: the newest form, an older one, and the plain documents. */
const CLIENT_ACCEPT = [typeOf('v2'), typeOf('v2beta1'), 'application/json'].join(',');

beforeAll(async () => {
  cluster = await startConformance(['--runtime', 'none']);
}, 90_000);
afterAll(() => cluster?.stop(), 60_000);

/** `group/version/resource` to its kind, of both aggregated documents. */
async function discover(accept: string): Promise<Map<string, Json>> {
  const found = new Map<string, Json>();
  for (const path of ['/api', '/apis']) {
    const { status, contentType, body } = await cluster.send('GET', path, { headers: { accept } });
    expect({ status, contentType: contentType.replaceAll(' ', '') }).toEqual({
      status: 200,
      contentType: typeOf('v2'),
    });
    expect(body).toMatchObject({ kind: 'APIGroupDiscoveryList', apiVersion: 'apidiscovery.k8s.io/v2' });
    for (const [key, resource] of (body.items as Json[]).flatMap(resourcesOf)) found.set(key, resource);
  }
  return found;
}

function resourcesOf({ metadata, versions }: Json): [string, Json][] {
  return versions.flatMap(({ version, resources, freshness }: Json) => {
    expect(freshness).toBe('Current');
    return resources.map((one: Json) => [`${metadata?.name ?? ''}/${version}/${one.resource}`, one]);
  });
}

function expectBuiltIn(found: ReadonlyMap<string, Json>): void {
  const wanted = BUILT_IN.flatMap(([group, version, names]) => names.map((name) => `${group}/${version}/${name}`));
  expect(wanted.filter((name) => !found.has(name))).toEqual([]);
}

describe('aggregated discovery', () => {
  it('has all built-in kinds for a client [conformance: Aggregated Discovery Interface]', async () => {
    const found = await discover(CLIENT_ACCEPT);
    expectBuiltIn(found);
    expect(found.get('apps/v1/deployments')).toMatchObject({
      responseKind: { group: 'apps', version: 'v1', kind: 'Deployment' },
      scope: 'Namespaced',
      singularResource: 'deployment',
      verbs: expect.arrayContaining(['create', 'delete', 'get', 'list', 'patch', 'update', 'watch']),
    });
  });

  it('tells of each group what its documents tell [conformance: Discovery, confirm the groupVerion and a resourcefrom each apiGroup]', async () => {
    const { groups } = await cluster.get('/apis');
    for (const [group, version, plurals] of BUILT_IN.filter(([name]) => name !== '')) {
      const listed = groups.find(({ name }: Json) => name === group);
      expect(listed.versions).toContainEqual({ groupVersion: `${group}/${version}`, version });
      const own = await cluster.get(`/apis/${group}`);
      expect(own).toMatchObject({ kind: 'APIGroup', name: group, preferredVersion: listed.preferredVersion });
      const { groupVersion, resources } = await cluster.get(`/apis/${group}/${version}`);
      expect(groupVersion).toBe(`${group}/${version}`);
      expect(resources.map(({ name }: Json) => name)).toEqual(expect.arrayContaining([...plurals]));
    }
  });

  it('has them for its own media type [conformance: Aggregated Discovery Endpoint Accept Headers]', async () => {
    expectBuiltIn(await discover(typeOf('v2')));
  });

  describe('of a custom kind', () => {
    const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
    const name = 'gears.discovery.example.com';

    beforeAll(async () => {
      const schema = { openAPIV3Schema: { type: 'object' } };
      await cluster.post(definitions, {
        metadata: { name },
        spec: {
          group: 'discovery.example.com',
          scope: 'Cluster',
          names: { plural: 'gears', singular: 'gear', kind: 'Gear' },
          versions: [{ name: 'v1', served: true, storage: true, schema }],
        },
      });
    });
    afterAll(() => cluster.remove(`${definitions}/${name}`));

    it.each([
      ['a client [conformance: Aggregated Discovery Interface CRDs]', CLIENT_ACCEPT],
      ['its own media type [conformance: Aggregated Discovery Endpoint Accept Headers CRDs]', typeOf('v2')],
    ])('has it for %s', async (_title, accept) => {
      const key = 'discovery.example.com/v1/gears';
      await eventually('the kind in the document', async () => (await discover(accept)).has(key));
      expect((await discover(accept)).get(key)).toMatchObject({ responseKind: { kind: 'Gear' }, scope: 'Cluster' });
    });
  });
});
