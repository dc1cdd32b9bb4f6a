/**
 * Requests to Services from pods and from the node: upstream's test/e2e/network. Needs root. The client pod has the
 * machine's own programs (curl) mounted, where upstream has an image with them.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Conformance, Json } from './conformance.ts';
import { eventually, isReady, isRoot, pod, startConformance } from './conformance.ts';
import type { PorterPort } from './porter.ts';
import { porterPod } from './porter.ts';

const suite = isRoot ? describe : describe.skip;
const NODE = '192.0.2.10';

let cluster: Conformance;
let namespace: string;
let core: string;

const ready = (name: string): Promise<Json> =>
  eventually(`${name} to be ready`, async () => {
    const object = await cluster.get(`${core}/pods/${name}`);
    return isReady(object) && object;
  });

beforeAll(async () => {
  if (!isRoot) return;
  cluster = await startConformance([]);
  namespace = await cluster.namespace('services');
  core = `/api/v1/namespaces/${namespace}`;
  const programs = {
    volumes: [{ name: 'usr', hostPath: { path: '/usr' } }],
    container: { command: ['sleep', '3600'], volumeMounts: [{ name: 'usr', mountPath: '/usr', readOnly: true }] },
  };
  await cluster.post(`${core}/pods`, pod('client', programs));
  for (const name of ['web-1', 'web-2', 'web-3'])
    await cluster.post(
      `${core}/pods`,
      pod(name, { labels: { app: 'web' }, container: { ports: [{ name: 'http', containerPort: 8080 }] } }),
    );
  await Promise.all(['client', 'web-1', 'web-2', 'web-3'].map(ready));
}, 90_000);
afterAll(() => cluster?.stop(), 60_000);

const inClient = (...command: string[]): string =>
  cluster.kubectl(['-n', namespace, 'exec', 'client', '--', ...command]).stdout;
const WHO = /^pod: (\S+)$/m;
/** Names of the pods that answer `count` requests of the client pod. */
const answers = (address: string, count = 1): string[] =>
  [
    ...inClient('sh', '-c', `for i in $(seq ${count}); do curl -s --max-time 2 http://${address}/; done`).matchAll(
      new RegExp(WHO, 'gm'),
    ),
  ].map(([, name]) => name!);
const fromNode = (address: string): string | undefined =>
  WHO.exec(cluster.host('curl', ['-s', '--max-time', '2', `http://${address}/`]).stdout)?.[1];
const reaches = (address: string): Promise<boolean> =>
  eventually(`${address} to answer`, () => answers(address).length === 1);

const service = (name: string, spec: Json = {}): Promise<Json> =>
  cluster.post(`${core}/services`, {
    metadata: { name },
    spec: { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080, protocol: 'TCP' }], ...spec },
  });
const change = (name: string, edit: (spec: Json) => void): Promise<Json> =>
  cluster.update(`${core}/services/${name}`, ({ spec }) => edit(spec));
const resolved = (name: string): string => inClient('getent', 'ahostsv4', name).split(/\s/)[0]!;

suite('a Service [N2]', () => {
  it('answers on its name, address and node port [conformance: Service, NodePort Service]', async () => {
    const { spec } = await service('node-port', { type: 'NodePort' });
    for (const address of ['node-port:80', `${spec.clusterIP}:80`, `${NODE}:${spec.ports[0].nodePort}`])
      await reaches(address);
    expect(fromNode(`${NODE}:${spec.ports[0].nodePort}`)).toMatch(/^web-/);
  });

  it('tells load balancers whether the node has pods of it', async () => {
    const local = { type: 'LoadBalancer', externalTrafficPolicy: 'Local' };
    const { spec } = await service('balanced', local);
    const health = (): string =>
      cluster.host('curl', ['-s', '-w', ' %{http_code}', `http://${NODE}:${spec.healthCheckNodePort}/healthz`]).stdout;
    await eventually('the port tells of the pods', () => health().endsWith(' 200'));
    expect(JSON.parse(health().replace(/ 200$/, ''))).toEqual({
      service: { namespace, name: 'balanced' },
      localEndpoints: 3,
      serviceProxyHealthy: true,
    });
    await change('balanced', (changed) => (changed['selector'] = { app: 'nothing' }));
    await eventually('the port tells that there are none', () => health().endsWith(' 503'));
    await cluster.remove(`${core}/services/balanced`);
    await eventually('the port is closed', () => health().endsWith(' 000'));
  });

  const ONE = 12;
  it.each([
    ['ClusterIP', 'ClusterIP type', 'ClusterIP type', 'web-cluster'],
    ['NodePort', 'NodePort type', 'NodePort type', 'web-node'],
  ])(
    'of type %s sends a client to one pod or to all [conformance: Service, %s, session affinity to ClientIP] [conformance: Service, %s, session affinity to None]',
    async (type, _client, _none, name) => {
      const { spec } = await service(name, { type, sessionAffinity: 'ClientIP' });
      const address = type === 'NodePort' ? `${NODE}:${spec.ports[0].nodePort}` : `${spec.clusterIP}:80`;
      await reaches(address);
      expect(new Set(answers(address, ONE)).size).toBe(1);
      await change(name, (one) => (one.sessionAffinity = 'None'));
      await eventually('more than one pod', () => new Set(answers(address, ONE)).size > 1);
      await change(name, (one) => (one.sessionAffinity = 'ClientIP'));
      await eventually('one pod', () => new Set(answers(address, ONE)).size === 1);
      expect(new Set(answers(`${name}:80`, ONE)).size).toBe(1);
    },
  );

  it('becomes a ClusterIP [conformance: Service, change type, ExternalName to ClusterIP]', async () => {
    const { spec } = await service('to-cluster', {
      type: 'ExternalName',
      externalName: 'example.com',
      selector: undefined,
      ports: undefined,
    });
    expect(spec.clusterIP).toBeUndefined();
    const changed = await change('to-cluster', (one) =>
      Object.assign(one, {
        type: 'ClusterIP',
        externalName: '',
        selector: { app: 'web' },
        ports: [{ port: 80, targetPort: 8080, protocol: 'TCP' }],
      }),
    );
    expect(changed.spec.clusterIP).toMatch(/^[\d.]+$/);
    await reaches('to-cluster:80');
    await reaches(`${changed.spec.clusterIP}:80`);
  });

  it('becomes a NodePort [conformance: Service, change type, ExternalName to NodePort]', async () => {
    await service('to-node', {
      type: 'ExternalName',
      externalName: 'example.com',
      selector: undefined,
      ports: undefined,
    });
    const { spec } = await change('to-node', (one) =>
      Object.assign(one, {
        type: 'NodePort',
        externalName: '',
        selector: { app: 'web' },
        ports: [{ port: 80, targetPort: 8080, protocol: 'TCP' }],
      }),
    );
    for (const address of ['to-node:80', `${spec.clusterIP}:80`, `${NODE}:${spec.ports[0].nodePort}`])
      await reaches(address);
  });

  it.each([
    ['ClusterIP', 'ClusterIP to ExternalName'],
    ['NodePort', 'NodePort to ExternalName'],
  ])('of type %s becomes another name [conformance: Service, change type, %s]', async (type) => {
    const name = `from-${type.toLowerCase()}`;
    const made = await service(name, { type });
    await reaches(`${name}:80`);
    await service(`target-${name}`);
    const { spec } = await change(name, (one) => {
      Object.assign(one, { type: 'ExternalName', externalName: `target-${name}.${namespace}.svc.cluster.local` });
      for (const port of one.ports) delete port.nodePort;
      for (const field of ['clusterIP', 'clusterIPs']) delete one[field];
    });
    expect([spec.clusterIP, spec.ports.map(({ nodePort }: Json) => nodePort)]).toEqual([undefined, [undefined]]);
    const target = (await cluster.get(`${core}/services/target-${name}`)).spec.clusterIP;
    await eventually('the other name’s address', () => resolved(name) === target);
    if (type === 'NodePort')
      await eventually(
        'the node port to be free',
        () => fromNode(`${NODE}:${made.spec.ports[0].nodePort}`) === undefined,
      );
  });
});

suite('pods', () => {
  it('reach each other over HTTP [conformance: Networking, intra pod http]', async () => {
    for (const name of ['web-1', 'web-2', 'web-3'])
      expect(answers(`${(await ready(name)).status.podIP}:8080`)).toEqual([name]);
  });

  it('are reached from the node [conformance: Networking, intra pod http, from node]', async () => {
    for (const name of ['web-1', 'web-2', 'web-3'])
      expect(fromNode(`${(await ready(name)).status.podIP}:8080`)).toBe(name);
  });
});

suite('pods of a template', () => {
  const answersFor = async (app: string): Promise<void> => {
    const running = await eventually('its pod to be ready', async () =>
      (await cluster.get(`${core}/pods?labelSelector=app%3D${app}`)).items.find(isReady),
    );
    await eventually('an answer', () => answers(`${running.status.podIP}:8080`).join() === running.metadata.name);
  };

  it('answer [conformance: Replica Set, run basic image]', async () => {
    const labels = { app: 'basic' };
    const template = { metadata: { labels }, spec: pod('basic').spec };
    await cluster.post(`/apis/apps/v1/namespaces/${namespace}/replicasets`, {
      metadata: { name: 'basic' },
      spec: { replicas: 1, selector: { matchLabels: labels }, template },
    });
    await answersFor('basic');
  });

  it('answer [conformance: Replication Controller, run basic image]', async () => {
    const labels = { app: 'basic-rc' };
    await cluster.post(`${core}/replicationcontrollers`, {
      metadata: { name: 'basic-rc' },
      spec: { replicas: 1, selector: labels, template: { metadata: { labels }, spec: pod('basic-rc').spec } },
    });
    await answersFor('basic-rc');
  });
});

suite('what the API server passes on [A27]', () => {
  const ALL = ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT'];
  const TEXT = 'foo';
  const link = (path: string): string => `<a href="${path}">test</a>`;

  /** A pod and a Service of that name; gives the paths of their proxies. */
  const answering = async (name: string): Promise<string[]> => {
    const labels = { test: name };
    const ports = [{ port: 80, body: TEXT }];
    await cluster.post(`${core}/pods`, await porterPod(name, { labels, ports, json: true }));
    await service(name, { selector: labels, ports: [{ port: 80, targetPort: 80, protocol: 'TCP' }] });
    await ready(name);
    const paths = ['pods', 'services'].map((kind) => `${core}/${kind}/${name}/proxy`);
    for (const path of paths)
      await eventually(`${path} to answer`, async () => (await cluster.send('GET', `${path}/`)).status === 200);
    return paths;
  };
  const told = async (method: string, path: string): Promise<void> => {
    const { status, body } = await cluster.send(method, path);
    expect([method, path, status, body]).toEqual([
      method,
      path,
      200,
      method === 'HEAD' ? '' : { Method: method, Body: TEXT },
    ]);
  };

  it('is any method, and 301 to the root [conformance: Proxy, validate Proxy responses]', async () => {
    for (const path of await answering('proxied')) {
      for (const method of ALL.filter((one) => one !== 'GET' && one !== 'HEAD'))
        await told(method, `${path}?method=${method}`);
      for (const method of ['GET', 'HEAD'])
        expect((await cluster.send(method, `${path}?method=${method}`)).status).toBe(301);
    }
  });

  it('is any method with a path [conformance: Proxy, validate ProxyWithPath responses]', async () => {
    for (const path of await answering('proxied-path'))
      for (const method of ALL) await told(method, `${path}/some/path/with/${method}`);
  });

  it('reaches every port, by name and number, over HTTP and HTTPS [conformance: Proxy through apiserver to a Service]', async () => {
    const labels = { 'proxy-service-target': 'true' };
    const ports: PorterPort[] = [
      { port: 80, body: link('/rewriteme') },
      { port: 1080, body: link('/rewriteme') },
      { port: 160, body: 'foo', name: 'dest1' },
      { port: 162, body: 'bar', name: 'dest2' },
      { port: 443, body: link('/tlsrewriteme'), tls: true },
      { port: 460, body: 'tls baz', name: 'tlsdest1', tls: true },
      { port: 462, body: 'tls qux', name: 'tlsdest2', tls: true },
    ];
    await cluster.post(`${core}/pods`, await porterPod('porter', { labels, ports }));
    await service('porter', {
      selector: labels,
      ports: [
        { name: 'portname1', port: 80, targetPort: 'dest1' },
        { name: 'portname2', port: 81, targetPort: 162 },
        { name: 'tlsportname1', port: 443, targetPort: 'tlsdest1' },
        { name: 'tlsportname2', port: 444, targetPort: 462 },
      ],
    });
    await ready('porter');
    const EXPECTED: [string, string][] = [
      ['services/porter:portname1', 'foo'],
      ['services/http:porter:portname1', 'foo'],
      ['services/porter:portname2', 'bar'],
      ['services/http:porter:portname2', 'bar'],
      ['services/porter:81', 'bar'],
      ['services/https:porter:tlsportname1', 'tls baz'],
      ['services/https:porter:tlsportname2', 'tls qux'],
      ['pods/porter:80', link(`${core}/pods/porter:80/proxy/rewriteme`)],
      ['pods/porter:1080', link(`${core}/pods/porter:1080/proxy/rewriteme`)],
      ['pods/http:porter:1080', link(`${core}/pods/http:porter:1080/proxy/rewriteme`)],
      ['pods/porter', 'foo'],
      ['pods/porter:160', 'foo'],
      ['pods/http:porter:160', 'foo'],
      ['pods/porter:162', 'bar'],
      ['pods/http:porter:162', 'bar'],
      ['pods/https:porter:443', link(`${core}/pods/https:porter:443/proxy/tlsrewriteme`)],
      ['pods/https:porter:460', 'tls baz'],
      ['pods/https:porter:462', 'tls qux'],
    ];
    const ask = async (id: string): Promise<[string, number, unknown]> => {
      const { status, body } = await cluster.send('GET', `${core}/${id}/proxy/`);
      return [id, status, body];
    };
    await eventually('the Service to have an address', async () => (await ask(EXPECTED[0]![0]))[1] === 200);
    for (let attempt = 0; attempt < 3; attempt++)
      expect(await Promise.all(EXPECTED.map(([id]) => ask(id)))).toEqual(EXPECTED.map(([id, body]) => [id, 200, body]));
  });
});

suite('Endpoints of many new Services', () => {
  /** A quarter of what upstream makes, as many at a time, and its limits, which say that nothing stands still. */
  const TOTAL = 50;
  const PARALLEL = 10;
  const LIMITS_MS = { 0.5: 20_000, 0.9: 30_000, 0.99: 50_000 };

  const latencyMs = async (name: string): Promise<number> => {
    const startMs = performance.now();
    await service(name);
    await eventually(`addresses of ${name}`, async () => {
      const { body } = await cluster.send('GET', `${core}/endpoints/${name}`);
      return (body.subsets?.[0]?.addresses ?? []).length > 0;
    });
    return performance.now() - startMs;
  };

  it('are there soon [conformance: Service endpoint latency, thresholds]', async () => {
    const latencies: number[] = [];
    for (let made = 0; made < TOTAL; made += PARALLEL) {
      const names = Array.from({ length: PARALLEL }, (_, i) => `latency-${made + i}`);
      latencies.push(...(await Promise.all(names.map(latencyMs))));
    }
    latencies.sort((a, b) => a - b);
    for (const [share, limitMs] of Object.entries(LIMITS_MS))
      expect(latencies[Math.floor(TOTAL * Number(share))]).toBeLessThan(limitMs);
  });
});
