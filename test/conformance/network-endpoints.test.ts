/** Services and what they lead to, as objects: upstream's test/e2e/network, on a simulated node. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Conformance, Json } from './conformance.ts';
import { eventually, pod, startConformance } from './conformance.ts';

let cluster: Conformance;
let namespace: string;
let core: string;
let slices: string;

beforeAll(async () => {
  cluster = await startConformance();
  namespace = await cluster.namespace('network');
  core = `/api/v1/namespaces/${namespace}`;
  slices = `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`;
}, 90_000);
afterAll(() => cluster?.stop(), 60_000);

const service = (name: string, ports: Json[], labels: Json = {}): Json => ({
  metadata: { name, labels },
  spec: { selector: { app: name }, ports },
});
const slicesOf = async (name: string): Promise<Json[]> =>
  (await cluster.get(`${slices}?labelSelector=kubernetes.io%2Fservice-name%3D${name}`)).items;
const gone = (path: string): Promise<boolean> =>
  eventually(`${path} to be gone`, async () => (await cluster.send('GET', path)).status === 404);
const server = (name: string, app: string, ports: Json[]): Json => pod(name, { labels: { app }, container: { ports } });

describe('the Service of the API server', () => {
  it('is there [conformance: Kubernetes Service]', async () => {
    expect((await cluster.get('/api/v1/namespaces/default/services/kubernetes')).spec.clusterIP).toMatch(/^[\d.]+$/);
  });

  it('is found among all [conformance: Find Kubernetes Service in default Namespace]', async () => {
    const { items } = await cluster.get('/api/v1/services');
    expect(items.map(({ metadata }: Json) => `${metadata.namespace}/${metadata.name}`)).toContain('default/kubernetes');
  });

  it('has Endpoints and slices that say the same [conformance: kubernetes.default Endpoints and EndpointSlices]', async () => {
    const { subsets } = await cluster.get('/api/v1/namespaces/default/endpoints/kubernetes');
    const { items } = await cluster.get(
      '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices?labelSelector=kubernetes.io%2Fservice-name%3Dkubernetes',
    );
    expect(items.length).toBeGreaterThan(0);
    expect(subsets[0].addresses.length).toBeGreaterThan(0);
    const addresses = subsets.flatMap(({ addresses }: Json) => addresses.map(({ ip }: Json) => ip));
    expect(items.flatMap(({ endpoints }: Json) => endpoints.flatMap((one: Json) => one.addresses))).toEqual(addresses);
    expect(items[0].ports[0]).toMatchObject({ name: 'https', port: subsets[0].ports[0].port, protocol: 'TCP' });
  });
});

describe('Endpoints that somebody writes [N5]', () => {
  it('become slices, and change and go with them [conformance: EndpointSlice Mirroring]', async () => {
    await cluster.post(`${core}/services`, {
      metadata: { name: 'by-hand' },
      spec: { ports: [{ name: 'example', port: 80, protocol: 'TCP' }] },
    });
    const subset = (ip: string, port: number): Json => ({
      addresses: [{ ip }],
      ports: [{ name: 'example', port, protocol: 'TCP' }],
    });
    const path = `${core}/endpoints/by-hand`;
    const metadata = { name: 'by-hand', labels: { 'example.com/mine': 'yes' } };
    await cluster.post(`${core}/endpoints`, { metadata, subsets: [subset('10.1.2.3', 80)] });
    const only = (ip: string): Promise<Json> =>
      eventually(`the one slice of ${ip}`, async () => {
        const [slice, ...others] = await slicesOf('by-hand');
        return others.length === 0 && slice?.endpoints[0]?.addresses[0] === ip && slice;
      });
    const first = await only('10.1.2.3');
    expect(first).toMatchObject({
      metadata: {
        labels: {
          'example.com/mine': 'yes',
          'endpointslice.kubernetes.io/managed-by': 'endpointslicemirroring-controller.k8s.io',
        },
        ownerReferences: [{ kind: 'Endpoints', name: 'by-hand', controller: true }],
      },
      addressType: 'IPv4',
      ports: [{ name: 'example', port: 80, protocol: 'TCP' }],
      endpoints: [{ addresses: ['10.1.2.3'], conditions: { ready: true } }],
    });
    await cluster.update(path, (endpoints) => (endpoints.subsets = [subset('10.2.3.4', 9090)]));
    const second = await only('10.2.3.4');
    expect([second.metadata.name, second.ports]).toEqual([
      first.metadata.name,
      [{ name: 'example', port: 9090, protocol: 'TCP' }],
    ]);
    await cluster.remove(path);
    await eventually('no slice', async () => (await slicesOf('by-hand')).length === 0);
  });
});

describe('Endpoints and EndpointSlices [N5]', () => {
  it('follow a Service without pods [conformance: EndpointSlice, "empty" Service] [conformance: Endpoints, "empty" Service]', async () => {
    await cluster.post(`${core}/services`, service('empty', [{ port: 80 }]));
    const endpoints = await eventually(
      'Endpoints',
      async () =>
        (await cluster.send('GET', `${core}/endpoints/empty`)).status === 200 && cluster.get(`${core}/endpoints/empty`),
    );
    expect(endpoints.subsets ?? []).toEqual([]);
    const [slice] = await eventually(
      'a slice',
      async () => (await slicesOf('empty')).length === 1 && slicesOf('empty'),
    );
    expect(slice.endpoints ?? []).toEqual([]);
    expect(slice.metadata.labels['endpointslice.kubernetes.io/managed-by']).toBe('endpointslice-controller.k8s.io');
    await cluster.remove(`${core}/services/empty`);
    await gone(`${core}/endpoints/empty`);
    await eventually('no slice', async () => (await slicesOf('empty')).length === 0);
  });

  it('follow the pods of a Service [conformance: EndpointSlice, creation/deletion] [conformance: Endpoints, creation/deletion]', async () => {
    await cluster.post(`${core}/pods`, server('one', 'multi', [{ name: 'example-name', containerPort: 3000 }]));
    await cluster.post(
      `${core}/pods`,
      server('two', 'multi', [
        { name: 'example-name', containerPort: 3001 },
        { name: 'other', containerPort: 3002 },
      ]),
    );
    const ports = [
      { name: 'example', port: 80, targetPort: 'example-name' },
      { name: 'plain', port: 81, targetPort: 8080 },
    ];
    await cluster.post(`${core}/services`, service('multi', ports));
    const addressed = async (): Promise<Json> =>
      Object.fromEntries(
        await Promise.all(
          ['one', 'two'].map(async (name) => [name, (await cluster.get(`${core}/pods/${name}`)).status.podIP]),
        ),
      );
    const flat = async (): Promise<string[]> =>
      (await slicesOf('multi'))
        .flatMap((slice) =>
          slice.endpoints.flatMap((one: Json) =>
            slice.ports.map(
              (port: Json) =>
                `${one.addresses[0]} ${port.name} ${port.port} ${one.conditions.ready} ${one.targetRef.name}`,
            ),
          ),
        )
        .sort();
    await eventually('four addresses', async () => (await flat()).filter((one) => one.includes(' true ')).length === 4);
    const ips = await addressed();
    const expected = [
      `${ips.one} example 3000 true one`,
      `${ips.one} plain 8080 true one`,
      `${ips.two} example 3001 true two`,
      `${ips.two} plain 8080 true two`,
    ];
    expect(await flat()).toEqual(expected.sort());
    const fromEndpoints = async (): Promise<string[]> =>
      ((await cluster.get(`${core}/endpoints/multi`)).subsets ?? [])
        .flatMap((subset: Json) =>
          (subset.addresses ?? []).flatMap((one: Json) =>
            subset.ports.map((port: Json) => `${one.ip} ${port.name} ${port.port} true ${one.targetRef.name}`),
          ),
        )
        .sort();
    await eventually(
      'the Endpoints to agree',
      async () => JSON.stringify(await fromEndpoints()) === JSON.stringify(expected),
    );
    await cluster.remove(`${core}/services/multi`);
    await gone(`${core}/endpoints/multi`);
    await eventually('no slice', async () => (await slicesOf('multi')).length === 0);
  });

  it('have all verbs [conformance: EndpointSlice API]', async () => {
    const { groups } = await cluster.get('/apis');
    expect(groups.find(({ name }: Json) => name === 'discovery.k8s.io').versions).toContainEqual({
      groupVersion: 'discovery.k8s.io/v1',
      version: 'v1',
    });
    expect((await cluster.get('/apis/discovery.k8s.io')).preferredVersion.version).toBe('v1');
    const { resources } = await cluster.get('/apis/discovery.k8s.io/v1');
    expect(resources.map(({ name }: Json) => name)).toContain('endpointslices');
    const selector = 'labelSelector=special-label%3Dyes';
    const made = (name: string): Json => ({
      metadata: { name, labels: { 'special-label': 'yes' } },
      addressType: 'IPv4',
      endpoints: [{ addresses: ['1.2.3.4', '5.6.7.8'] }],
    });
    for (const name of ['a', 'b', 'c']) await cluster.post(slices, made(name));
    await cluster.get(`${slices}/a`);
    expect((await cluster.get(`/apis/discovery.k8s.io/v1/endpointslices?${selector}`)).items).toHaveLength(3);
    const { items, metadata } = await cluster.get(`${slices}?${selector}`);
    expect(items).toHaveLength(3);
    const watch = await cluster.watch(slices, {
      labelSelector: 'special-label=yes',
      resourceVersion: metadata.resourceVersion,
    });
    expect(
      (await cluster.patch(`${slices}/a`, { metadata: { annotations: { patched: 'true' } } })).metadata.annotations
        .patched,
    ).toBe('true');
    await cluster.update(`${slices}/a`, (slice) => (slice.metadata.annotations.updated = 'true'));
    await eventually('the update', () =>
      watch.events.some(({ type, object }) => type === 'MODIFIED' && object.metadata.annotations.updated === 'true'),
    );
    await cluster.remove(`${slices}/a`);
    await gone(`${slices}/a`);
    await cluster.remove(`${slices}?${selector}`);
    await eventually('no slices', async () => (await cluster.get(`${slices}?${selector}`)).items.length === 0);
    await eventually('three deleted events', () => watch.events.filter(({ type }) => type === 'DELETED').length === 3);
    watch.stop();
  });

  it('can be written by hand [conformance: Endpoint resource lifecycle]', async () => {
    const endpoints = `${core}/endpoints`;
    const labels = { 'test-endpoint-static': 'true' };
    const watch = await cluster.watch(endpoints, { labelSelector: 'test-endpoint-static=true' });
    await cluster.post(endpoints, {
      metadata: { name: 'testservice', labels },
      subsets: [{ addresses: [{ ip: '10.0.0.24' }], ports: [{ name: 'http', port: 80, protocol: 'TCP' }] }],
    });
    await eventually('the added event', () => watch.events.some(({ type }) => type === 'ADDED'));
    expect((await cluster.get('/api/v1/endpoints?labelSelector=test-endpoint-static%3Dtrue')).items).toHaveLength(1);
    await cluster.update(`${endpoints}/testservice`, ({ metadata }) => (metadata.labels['test-service'] = 'updated'));
    expect((await cluster.get(`${endpoints}/testservice`)).metadata.labels['test-service']).toBe('updated');
    const subsets = [{ addresses: [{ ip: '10.0.0.25' }], ports: [{ name: 'http-test', port: 8080, protocol: 'TCP' }] }];
    await cluster.patch(`${endpoints}/testservice`, { metadata: { labels: { 'test-service': 'patched' } }, subsets });
    expect((await cluster.get(`${endpoints}/testservice`)).subsets).toEqual(subsets);
    await cluster.remove(`${endpoints}?labelSelector=test-endpoint-static%3Dtrue`);
    await eventually('the deleted event', () => watch.events.some(({ type }) => type === 'DELETED'));
    watch.stop();
    await gone(`${endpoints}/testservice`);
  });
});

describe('a Service', () => {
  it('has a status of its own [conformance: Service, complete ServiceStatus lifecycle]', async () => {
    const path = `${core}/services/status`;
    const watch = await cluster.watch(`${core}/services`, { labelSelector: 'test-service-static=true' });
    await cluster.post(`${core}/services`, {
      metadata: { name: 'status', labels: { 'test-service-static': 'true' } },
      spec: { type: 'LoadBalancer', ports: [{ name: 'http', port: 80 }] },
    });
    await eventually('the added event', () => watch.events.some(({ type }) => type === 'ADDED'));
    expect((await cluster.get(`${path}/status`)).status.loadBalancer).toEqual({});
    const patched = await cluster.patch(`${path}/status`, {
      metadata: { annotations: { patchedstatus: 'true' } },
      status: { loadBalancer: { ingress: [{ ip: '203.0.113.1' }] } },
    });
    expect(patched.metadata.annotations.patchedstatus).toBe('true');
    expect(patched.status.loadBalancer.ingress[0].ip).toBe('203.0.113.1');
    const condition = {
      type: 'StatusUpdate',
      status: 'True',
      reason: 'E2E',
      message: 'Set from e2e test',
      lastTransitionTime: '2026-01-02T03:04:05Z',
    };
    await cluster.update(
      `${path}/status`,
      ({ status }) => (status.conditions = [...(status.conditions ?? []), condition]),
    );
    expect((await cluster.get(`${path}/status`)).status.conditions).toEqual([condition]);
    await cluster.patch(path, { metadata: { labels: { 'test-service': 'patched' } } }, 'strategic-merge');
    await eventually('the patched event', () =>
      watch.events.some(
        ({ type, object }) => type === 'MODIFIED' && object.metadata.labels['test-service'] === 'patched',
      ),
    );
    await cluster.remove(path);
    await eventually('the deleted event', () => watch.events.some(({ type }) => type === 'DELETED'));
    watch.stop();
  });

  it('is deleted by label [conformance: Service, deletes a collection of services]', async () => {
    for (const [name, label] of [
      ['a', 'one'],
      ['b', 'one'],
      ['c', 'two'],
    ])
      await cluster.post(
        `${core}/services`,
        service(`collected-${name}`, [{ port: 80 }], { 'e2e-test-service': label, collected: 'yes' }),
      );
    const path = `${core}/services?labelSelector=collected%3Dyes`;
    expect((await cluster.get(path)).items).toHaveLength(3);
    await cluster.remove(`${core}/services?labelSelector=e2e-test-service%3Done`);
    await eventually('one Service', async () => (await cluster.get(path)).items.length === 1);
    expect((await cluster.get(path)).items[0].metadata.name).toBe('collected-c');
  });
});
