/** APIs of kinds that nothing on the node reads: upstream's tests of each, on a cluster without nodes. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { exerciseApi } from './api-operations.ts';
import type { Conformance, Json } from './conformance.ts';
import { eventually, startConformance } from './conformance.ts';
import type { SampleApiServer } from './sample-api-server.ts';
import { startSampleApiServer } from './sample-api-server.ts';

let cluster: Conformance;
let namespace: string;

beforeAll(async () => {
  cluster = await startConformance(['--runtime', 'none']);
  namespace = await cluster.namespace('kinds');
}, 90_000);
afterAll(() => cluster?.stop(), 60_000);

describe('networking.k8s.io', () => {
  const api = { group: 'networking.k8s.io', version: 'v1' };
  const backend = { service: { name: 'web', port: { number: 80 } } };

  it('serves Ingresses [conformance: Ingress API]', async () => {
    await exerciseApi(cluster, {
      ...api,
      plural: 'ingresses',
      namespace,
      make: (i, labels) => ({ metadata: { name: `ingress-${i}`, labels }, spec: { defaultBackend: backend } }),
      change: ({ spec }) => (spec.rules = [{ host: 'example.com' }]),
      status: { loadBalancer: { ingress: [{ ip: '169.1.1.1' }] } },
    });
  });

  it('serves IngressClasses [conformance: IngressClass API]', async () => {
    await exerciseApi(cluster, {
      ...api,
      plural: 'ingressclasses',
      make: (i, labels) => ({
        metadata: { name: `class-${i}`, labels },
        spec: { controller: 'example.com/controller' },
      }),
    });
  });

  it('serves IPAddresses [conformance: IPAddress API]', async () => {
    const parentRef = { group: '', resource: 'services', namespace, name: 'web' };
    await exerciseApi(cluster, {
      ...api,
      plural: 'ipaddresses',
      make: (i, labels) => ({ metadata: { name: `192.0.2.${i + 1}`, labels }, spec: { parentRef } }),
    });
  });

  it('serves ServiceCIDRs, the cluster’s own among them [conformance: ServiceCIDR API]', async () => {
    const condition = {
      type: 'Ready',
      status: 'True',
      reason: 'Test',
      message: '',
      lastTransitionTime: '2026-01-01T00:00:00Z',
    };
    await exerciseApi(cluster, {
      ...api,
      plural: 'servicecidrs',
      make: (i, labels) => ({ metadata: { name: `range-${i}`, labels }, spec: { cidrs: [`10.20${i}.0.0/24`] } }),
      status: { conditions: [condition] },
    });
    const own = await cluster.get('/apis/networking.k8s.io/v1/servicecidrs/kubernetes');
    const { spec } = await cluster.get('/api/v1/namespaces/default/services/kubernetes');
    expect(own.spec.cidrs).toHaveLength(1);
    expect(own.spec.cidrs[0].split('.')[0]).toBe(spec.clusterIP.split('.')[0]);
    expect(own.status.conditions).toMatchObject([{ type: 'Ready', status: 'True' }]);
  });

  it('serves NetworkPolicies', async () => {
    await exerciseApi(cluster, {
      ...api,
      plural: 'networkpolicies',
      namespace,
      make: (i, labels) => ({ metadata: { name: `policy-${i}`, labels }, spec: { podSelector: {} } }),
      change: ({ spec }) => (spec.egress = [{}]),
    });
  });
});

describe('flowcontrol.apiserver.k8s.io', () => {
  const api = { group: 'flowcontrol.apiserver.k8s.io', version: 'v1' };
  const level = { type: 'Limited', limited: { nominalConcurrencyShares: 2, limitResponse: { type: 'Reject' } } };

  it('serves FlowSchemas [conformance: Priority and Fairness FlowSchema API]', async () => {
    const subjects = [{ kind: 'User', user: { name: 'nobody' } }];
    const rules = [{ subjects, nonResourceRules: [{ verbs: ['get'], nonResourceURLs: ['/nowhere'] }] }];
    await exerciseApi(cluster, {
      ...api,
      plural: 'flowschemas',
      make: (i, labels) => ({
        metadata: { name: `schema-${i}`, labels },
        spec: { matchingPrecedence: 10_000, priorityLevelConfiguration: { name: 'global-default' }, rules },
      }),
      change: ({ spec }) => (spec.matchingPrecedence = 9999),
      status: { conditions: [{ type: 'PatchStatusFailed', status: 'False', reason: 'Test' }] },
    });
  });

  it('serves PriorityLevelConfigurations [conformance: Priority and Fairness PriorityLevelConfiguration API]', async () => {
    await exerciseApi(cluster, {
      ...api,
      plural: 'prioritylevelconfigurations',
      make: (i, labels) => ({ metadata: { name: `level-${i}`, labels }, spec: level }),
      change: ({ spec }) => (spec.limited.nominalConcurrencyShares = 4),
      status: { conditions: [{ type: 'PatchStatusFailed', status: 'False', reason: 'Test' }] },
    });
  });

  it('begins with what upstream begins with', async () => {
    const namesOf = async (plural: string): Promise<string[]> =>
      (await cluster.get(`/apis/${api.group}/v1/${plural}`)).items.map(({ metadata }: Json) => metadata.name).sort();
    expect(await namesOf('prioritylevelconfigurations')).toEqual([
      'catch-all',
      'exempt',
      'global-default',
      'leader-election',
      'node-high',
      'system',
      'workload-high',
      'workload-low',
    ]);
    expect(await namesOf('flowschemas')).toEqual(
      expect.arrayContaining(['catch-all', 'exempt', 'probes', 'service-accounts']),
    );
    const { spec } = await cluster.get(`/apis/${api.group}/v1/flowschemas/exempt`);
    const changed = await cluster.send('PATCH', `/apis/${api.group}/v1/flowschemas/exempt`, {
      body: { spec: { matchingPrecedence: 5 } },
      type: 'application/merge-patch+json',
    });
    expect({ status: changed.status, reason: changed.body.reason }).toEqual({ status: 422, reason: 'Invalid' });
    expect(spec.matchingPrecedence).toBe(1);
  });
});

describe('resource.k8s.io', () => {
  const api = { group: 'resource.k8s.io', version: 'v1' };
  const requests = [{ name: 'gpu', exactly: { deviceClassName: 'gpu' } }];
  const spec = { devices: { requests } };

  it('serves DeviceClasses [conformance: CRUD operations for deviceclasses]', async () => {
    await exerciseApi(cluster, {
      ...api,
      plural: 'deviceclasses',
      make: (i, labels) => ({ metadata: { name: `class-${i}`, labels }, spec: {} }),
      change: (object) => (object.spec.selectors = [{ cel: { expression: 'true' } }]),
    });
  });

  it('serves ResourceClaims [conformance: CRUD operations for resourceclaims]', async () => {
    await exerciseApi(cluster, {
      ...api,
      plural: 'resourceclaims',
      namespace,
      make: (i, labels) => ({ metadata: { name: `claim-${i}`, labels }, spec }),
      status: {
        allocation: { devices: { results: [{ request: 'gpu', driver: 'gpu.example.com', pool: 'p', device: 'd' }] } },
      },
    });
  });

  it('serves ResourceClaimTemplates [conformance: CRUD operations for resourceclaimtemplates]', async () => {
    await exerciseApi(cluster, {
      ...api,
      plural: 'resourceclaimtemplates',
      namespace,
      make: (i, labels) => ({ metadata: { name: `template-${i}`, labels }, spec: { spec } }),
    });
  });

  it('makes a pod’s claim from a template, and takes it away with the pod [W15]', async () => {
    const own = await cluster.namespace('claims');
    const claims = `/apis/resource.k8s.io/v1/namespaces/${own}/resourceclaims`;
    await cluster.post(`/apis/resource.k8s.io/v1/namespaces/${own}/resourceclaimtemplates`, {
      metadata: { name: 'gpu' },
      spec: { spec },
    });
    await cluster.post(`/api/v1/namespaces/${own}/pods`, {
      metadata: { name: 'p' },
      spec: {
        containers: [{ name: 'c', image: 'app' }],
        resourceClaims: [{ name: 'gpu', resourceClaimTemplateName: 'gpu' }],
      },
    });
    const name = await eventually('the pod is told of its claim', async () => {
      const { status } = await cluster.get(`/api/v1/namespaces/${own}/pods/p`);
      return status.resourceClaimStatuses?.[0]?.resourceClaimName as string | undefined;
    });
    expect((await cluster.get(`${claims}/${name}`)).metadata.ownerReferences).toMatchObject([
      { kind: 'Pod', name: 'p' },
    ]);
    await cluster.send('DELETE', `/api/v1/namespaces/${own}/pods/p?gracePeriodSeconds=0`);
    await eventually('the claim is gone', async () => (await cluster.send('GET', `${claims}/${name}`)).status === 404);
  });
});

describe('apiregistration.k8s.io', () => {
  const apiServices = '/apis/apiregistration.k8s.io/v1/apiservices';

  it('has an available APIService for each version that is served, built-in or custom', async () => {
    const { items } = await eventually('the APIServices of custom kinds', async () => {
      const { groups } = await cluster.get('/apis');
      const served = groups
        .flatMap(({ name, versions }: Json) => versions.map(({ version }: Json) => `${version}.${name}`))
        .filter((name: string) => name !== 'v1.apiregistration.k8s.io');
      const found = await cluster.get(apiServices);
      const names = found.items.map(({ metadata }: Json) => metadata.name);
      const hasOwn = served.some((name: string) => name.endsWith('.nocher.io'));
      return hasOwn && String(names.sort()) === String(['v1.', ...served].sort()) ? found : undefined;
    });
    for (const { status } of items) expect(status.conditions).toMatchObject([{ type: 'Available', status: 'True' }]);
  });

  describe('of a sample API server [A36]', () => {
    const group = 'wardle.example.com';
    const name = `v1alpha1.${group}`;
    let sample: SampleApiServer;
    let base: string;
    beforeAll(async () => {
      sample = await startSampleApiServer(cluster, group);
      base = `/apis/${group}/v1alpha1/namespaces/${sample.namespace}/flunders`;
    }, 60_000);
    afterAll(async () => {
      await cluster?.send('DELETE', `${apiServices}/${name}`);
      await sample?.stop();
    });

    const availability = (status: string, reason: string): Promise<Json> =>
      eventually(`${name} is ${reason}`, async () => {
        const { status: current } = await cluster.get(`${apiServices}/${name}`);
        return (current?.conditions ?? []).find((one: Json) => one.status === status && one.reason === reason);
      });
    const flunder = (flunderName: string, labels: Json = {}): Json => ({
      apiVersion: `${group}/v1alpha1`,
      kind: 'Flunder',
      metadata: { name: flunderName, labels },
    });

    it('reaches it as its users, by what they may do [conformance: aggregator-supports-the-sample-apiserver]', async () => {
      const service = { namespace: sample.namespace, name: 'sample-api', port: 7443 };
      const priorities = { groupPriorityMinimum: 2000, versionPriority: 200 };
      await cluster.post(apiServices, {
        metadata: { name },
        spec: { service, group, version: 'v1alpha1', caBundle: sample.caBundle, ...priorities },
      });
      await availability('True', 'Passed');
      expect(cluster.run('get', 'apiservice', name, '--no-headers')).toMatch(
        new RegExp(`^${name} +${sample.namespace}/sample-api +True +`),
      );

      expect(await cluster.send('POST', base, { body: flunder('rest-flunder') })).toMatchObject({
        status: 201,
        body: { kind: 'Flunder', metadata: { namespace: sample.namespace } },
      });
      const { items } = await cluster.get(base);
      expect(items.map(({ metadata }: Json) => metadata.name)).toEqual(['rest-flunder']);
      const watch = await cluster.watch(base, { resourceVersion: '1' });
      cluster.apply(
        JSON.stringify({ ...flunder('applied'), metadata: { name: 'applied', namespace: sample.namespace } }),
      );
      await eventually('the event', () => watch.events.some(({ object }) => object.metadata.name === 'applied'));
      watch.stop();
      expect(cluster.run('get', 'flunders', '-n', sample.namespace, '-o', 'name').split('\n').sort()).toEqual([
        '',
        `flunder.${group}/applied`,
        `flunder.${group}/rest-flunder`,
      ]);
      expect((await cluster.patch(`${base}/applied`, { metadata: { labels: { a: 'b' } } })).metadata.labels).toEqual({
        a: 'b',
      });
      await cluster.remove(`${base}/rest-flunder`);
      expect((await cluster.send('GET', `${base}/rest-flunder`)).status).toBe(404);

      const stranger = cluster.kubectl(['get', 'flunders', '-n', sample.namespace, '--as', 'jane']);
      expect(stranger.stderr).toContain(
        `flunders.${group} is forbidden: User "jane" cannot list resource "flunders" in API group "${group}"`,
      );
      const { requests } = await cluster.get(`/apis/${group}/v1alpha1/requests`);
      expect(new Set(requests.map(({ caller }: Json) => caller))).toEqual(new Set(['front-proxy-client']));
      const users = new Set(requests.map(({ user }: Json) => user));
      expect(users.has('kubernetes-admin')).toBe(true);
      expect(users.has('jane')).toBe(false);
    });

    it('has an APIService that is read, changed and deleted as others are', async () => {
      const path = `${apiServices}/${name}`;
      expect((await cluster.get(`${path}/status`)).status.conditions).toMatchObject([{ type: 'Available' }]);
      await cluster.patch(path, { spec: { versionPriority: 400 } });
      await cluster.update(path, ({ metadata }) => (metadata.labels = { apiservice: 'updated' }));
      const labelled = await cluster.get(`${apiServices}?labelSelector=apiservice%3Dupdated`);
      expect(labelled.items).toMatchObject([{ metadata: { name }, spec: { versionPriority: 400 } }]);
      const condition = { type: 'StatusUpdated', status: 'True', reason: 'E2E', message: 'Set from an e2e test' };
      await cluster.update(`${path}/status`, ({ status }) => status.conditions.push(condition));
      expect((await cluster.get(path)).status.conditions).toContainEqual(expect.objectContaining(condition));
    });

    it('is missed when it is gone, and nothing else is', async () => {
      await sample.kill();
      expect((await cluster.send('GET', base)).status).toBe(503);
      // The endpoint stays: what tells is the next check, which a change of it brings about.
      await cluster.patch(`/apis/discovery.k8s.io/v1/namespaces/${sample.namespace}/endpointslices/sample-api`, {
        metadata: { annotations: { changed: 'yes' } },
      });
      const failed = await availability('False', 'FailedDiscoveryCheck');
      expect(failed.message).toMatch(/^failing or missing response from https:.*connect: connection refused$/);
      expect(await cluster.send('GET', base)).toMatchObject({ status: 503, body: 'service unavailable\n' });
      expect(cluster.run('get', 'apiservice', name, '--no-headers')).toContain('False (FailedDiscoveryCheck)');
      const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
      const discovery = await cluster.send('GET', '/apis', { headers: { accept } });
      const groups = discovery.body.items.filter(({ metadata }: Json) => metadata.name === group);
      expect(groups).toMatchObject([{ versions: [{ version: 'v1alpha1', freshness: 'Stale' }] }]);
      expect(cluster.run('api-resources', '-o', 'name')).toContain('deployments.apps');
      const deletion = await cluster.send('DELETE', `${apiServices}?labelSelector=apiservice%3Dupdated`);
      expect(deletion.status).toBe(200);
      expect((await cluster.send('GET', `${apiServices}/${name}`)).status).toBe(404);
      expect((await cluster.send('GET', base)).status).toBe(404);
    });
  });
});
