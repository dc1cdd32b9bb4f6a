/** APIs of kinds that nothing on the node reads: upstream's tests of each, on a cluster without nodes. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { exerciseApi } from './api-operations.ts';
import type { Conformance, Json } from './conformance.ts';
import { startConformance } from './conformance.ts';

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
});

describe('apiregistration.k8s.io', () => {
  it('has an available APIService for each built-in version that is served', async () => {
    const { groups } = await cluster.get('/apis');
    const builtIn = groups.filter(({ name }: Json) => !name.endsWith('.nocher.io'));
    const served = builtIn.flatMap(({ name, versions }: Json) =>
      versions.map(({ version }: Json) => `${version}.${name}`),
    );
    const { items } = await cluster.get('/apis/apiregistration.k8s.io/v1/apiservices');
    const names = items.map(({ metadata }: Json) => metadata.name);
    expect(names.sort()).toEqual(
      ['v1.', ...served.filter((name: string) => name !== 'v1.apiregistration.k8s.io')].sort(),
    );
    for (const { status } of items) expect(status.conditions).toMatchObject([{ type: 'Available', status: 'True' }]);
  });
});
