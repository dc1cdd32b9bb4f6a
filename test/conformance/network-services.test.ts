/**
 * Requests to Services from pods and from the node: upstream's test/e2e/network. Needs root. The client pod has the
 * machine's own programs (curl) mounted, where upstream has an image with them.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Conformance, Json } from './conformance.ts';
import { eventually, isReady, isRoot, pod, startConformance } from './conformance.ts';

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
