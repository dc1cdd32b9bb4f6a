/**
 * Names that pods resolve, and Endpoints that follow pods under way: upstream's test/e2e/network. Needs root. The client
 * pod has the machine's own programs mounted, where upstream has an image with them.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Conformance, Json } from './conformance.ts';
import { eventually, isReady, isRoot, pod, startConformance } from './conformance.ts';

const suite = isRoot ? describe : describe.skip;

let cluster: Conformance;
let namespace: string;
let core: string;

const programs = {
  volumes: [{ name: 'usr', hostPath: { path: '/usr' } }],
  container: { command: ['sleep', '3600'], volumeMounts: [{ name: 'usr', mountPath: '/usr', readOnly: true }] },
};
const ready = (name: string): Promise<Json> =>
  eventually(`${name} to be ready`, async () => {
    const object = await cluster.get(`${core}/pods/${name}`);
    return isReady(object) && object;
  });
const exec = (name: string, ...command: string[]): string =>
  cluster.kubectl(['-n', namespace, 'exec', name, '--', ...command]).stdout;
const addresses = (name: string, from = 'client'): string[] =>
  [
    ...new Set(
      exec(from, 'getent', 'ahostsv4', name)
        .split('\n')
        .map((line) => line.split(/\s/)[0]!)
        .filter((one) => one !== ''),
    ),
  ].sort();
const resolves = (name: string, expected: string[]): Promise<boolean> =>
  eventually(`${name} to be [${expected}]`, () => addresses(name).join() === [...expected].sort().join());
const service = (name: string, spec: Json): Promise<Json> =>
  cluster.post(`${core}/services`, {
    metadata: { name },
    spec: { ports: [{ name: 'http', port: 80, targetPort: 8080 }], ...spec },
  });

beforeAll(async () => {
  if (!isRoot) return;
  cluster = await startConformance([]);
  namespace = await cluster.namespace('dns');
  core = `/api/v1/namespaces/${namespace}`;
  await cluster.post(`${core}/pods`, pod('client', programs));
  await ready('client');
}, 90_000);
afterAll(() => cluster?.stop(), 60_000);

suite('a pod', () => {
  it('resolves the API server’s Service [conformance: DNS, cluster #2]', async () => {
    const { spec } = await cluster.get('/api/v1/namespaces/default/services/kubernetes');
    for (const name of ['kubernetes.default', 'kubernetes.default.svc', 'kubernetes.default.svc.cluster.local'])
      await resolves(name, [spec.clusterIP]);
  });

  it('resolves its own host name, from its hosts file and from others [conformance: DNS, cluster] [conformance: DNS, resolve the hostname]', async () => {
    await service('named', { clusterIP: 'None', selector: { app: 'named' } });
    await cluster.post(
      `${core}/pods`,
      pod('named', { ...programs, labels: { app: 'named' }, hostname: 'querier', subdomain: 'named' }),
    );
    const { podIP } = (await ready('named')).status;
    expect(exec('named', 'cat', '/etc/hosts')).toMatch(
      new RegExp(`^${podIP}\\s+querier\\.named\\.${namespace}\\.svc\\.cluster\\.local\\s+querier$`, 'm'),
    );
    const full = `querier.named.${namespace}.svc.cluster.local`;
    for (const name of ['querier', full])
      expect(exec('named', 'getent', 'hosts', name)).toMatch(new RegExp(`^${podIP}\\s`));
    await resolves(full, [podIP]);
  });

  it('resolves the subdomain of a pod [W1] [conformance: DNS, resolve the subdomain]', async () => {
    await service('subdomain', { clusterIP: 'None', selector: { app: 'subdomain' } });
    await cluster.post(
      `${core}/pods`,
      pod('subdomain', { labels: { app: 'subdomain' }, hostname: 'other', subdomain: 'subdomain' }),
    );
    const { podIP } = (await ready('subdomain')).status;
    for (const name of [
      `other.subdomain.${namespace}.svc.cluster.local`,
      `subdomain.${namespace}.svc.cluster.local`,
      'subdomain',
    ])
      await resolves(name, [podIP]);
  });

  it('has the resolver that it asks for [conformance: DNS, custom dnsConfig]', async () => {
    const dnsConfig = { nameservers: ['1.1.1.1'], searches: ['resolv.conf.local'] };
    await cluster.post(`${core}/pods`, pod('configured', { dnsPolicy: 'None', dnsConfig }));
    await ready('configured');
    const lines = exec('configured', 'cat', '/etc/resolv.conf')
      .split('\n')
      .filter((line) => line !== '');
    expect(lines).toEqual(['search resolv.conf.local', 'nameserver 1.1.1.1'].sort().reverse());
  });

  it('follows an external name, and its change to an address [conformance: DNS, for ExternalName Services]', async () => {
    const first = await service('first', { selector: { app: 'x' } });
    const second = await service('second', { selector: { app: 'x' } });
    const full = (name: string): string => `${name}.${namespace}.svc.cluster.local`;
    await service('external', { type: 'ExternalName', externalName: full('first') });
    await resolves(full('external'), [first.spec.clusterIP]);
    await cluster.update(`${core}/services/external`, ({ spec }) => (spec.externalName = full('second')));
    await resolves(full('external'), [second.spec.clusterIP]);
    const { spec } = await cluster.update(`${core}/services/external`, (object) =>
      Object.assign(object.spec, { type: 'ClusterIP', externalName: '' }),
    );
    await resolves(full('external'), [spec.clusterIP]);
  });
});

suite('a Service', () => {
  const server = (name: string, app: string, port: number): Json =>
    pod(name, {
      labels: { app },
      container: { env: [{ name: 'PORT', value: String(port) }], ports: [{ name: `p${port}`, containerPort: port }] },
    });
  const leadsTo = async (name: string): Promise<string> =>
    ((await cluster.get(`${core}/endpoints/${name}`)).subsets ?? [])
      .flatMap((subset: Json) =>
        (subset.addresses ?? []).flatMap((one: Json) =>
          subset.ports.map((port: Json) => `${one.targetRef.name}:${port.port}`),
        ),
      )
      .sort()
      .join();
  const leading = (name: string, expected: string): Promise<boolean> =>
    eventually(
      `${name} to lead to ${expected}`,
      async () =>
        (await cluster.send('GET', `${core}/endpoints/${name}`)).status === 200 && (await leadsTo(name)) === expected,
    );
  const answer = (address: string): string | undefined =>
    /^pod: (\S+)$/m.exec(exec('client', 'curl', '-s', '--max-time', '2', `http://${address}/`))?.[1];

  it('follows its pods [conformance: Service, endpoints]', async () => {
    await service('follows', { selector: { app: 'follows' } });
    await leading('follows', '');
    await cluster.post(`${core}/pods`, server('follows-1', 'follows', 8080));
    await leading('follows', 'follows-1:8080');
    await eventually('the first to answer', () => answer('follows') === 'follows-1');
    await cluster.post(`${core}/pods`, server('follows-2', 'follows', 8080));
    await leading('follows', 'follows-1:8080,follows-2:8080');
    await cluster.remove(`${core}/pods/follows-1`);
    await leading('follows', 'follows-2:8080');
    await eventually('the second to answer', () => answer('follows') === 'follows-2');
    await cluster.remove(`${core}/pods/follows-2`);
    await leading('follows', '');
  });

  it('follows its pods on each of its ports [conformance: Service, endpoints with multiple ports]', async () => {
    await service('ports', {
      selector: { app: 'ports' },
      ports: [
        { name: 'portname1', port: 80, targetPort: 'p8100' },
        { name: 'portname2', port: 81, targetPort: 'p8101' },
      ],
    });
    await leading('ports', '');
    await cluster.post(`${core}/pods`, server('ports-1', 'ports', 8100));
    await leading('ports', 'ports-1:8100');
    await cluster.post(`${core}/pods`, server('ports-2', 'ports', 8101));
    await leading('ports', 'ports-1:8100,ports-2:8101');
    await eventually('both to answer', () => answer('ports:80') === 'ports-1' && answer('ports:81') === 'ports-2');
    await cluster.remove(`${core}/pods/ports-1`);
    await leading('ports', 'ports-2:8101');
    await cluster.remove(`${core}/pods/ports-2`);
    await leading('ports', '');
  });

  it.each([
    ['one address', 'single IP, multiple ports', 1],
    ['several addresses', 'multiple IPs, multiple ports', 2],
  ])('follows slices made by hand, with %s [conformance: EndpointSlice, %s]', async (_, _name, count) => {
    const name = `hand-${count}`;
    const make = (one: string, port: number): Json =>
      pod(one, { container: { env: [{ name: 'PORT', value: String(port) }] } });
    // One pod on both ports: a second server beside the first.
    const both = make(`${name}-a`, 8100);
    both.spec.containers.push({ ...make('x', 8101).spec.containers[0], name: 'd' });
    await cluster.post(`${core}/pods`, count === 1 ? both : make(`${name}-a`, 8100));
    if (count === 2) await cluster.post(`${core}/pods`, make(`${name}-b`, 8101));
    const first = (await ready(`${name}-a`)).status.podIP;
    const second = count === 1 ? first : (await ready(`${name}-b`)).status.podIP;
    await service(name, {
      ports: [
        { name: 'portname1', port: 80 },
        { name: 'portname2', port: 81 },
      ],
    });
    for (const [index, [ip, port]] of [
      [first, 8100],
      [second, 8101],
    ].entries()) {
      await cluster.post(`/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`, {
        metadata: { name: `${name}-${index}`, labels: { 'kubernetes.io/service-name': name } },
        addressType: 'IPv4',
        endpoints: [{ addresses: [ip] }],
        ports: [{ name: `portname${index + 1}`, port, protocol: 'TCP' }],
      });
    }
    await eventually(
      'both ports to answer',
      () => answer(`${name}:80`) === `${name}-a` && answer(`${name}:81`) === `${name}-${count === 1 ? 'a' : 'b'}`,
    );
  });
});
