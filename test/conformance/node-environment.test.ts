/** What containers are told: environment from every source, command and arguments, with the objects it comes from. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sharedLibraries } from '../../kubelet/images/elf.ts';
import { ociArchive, sampleImage } from '../../kubelet/images/sample-image.ts';
import type { Json } from './conformance.ts';
import { isRoot } from './conformance.ts';
import type { PodCase, PodCluster } from './pods.ts';
import { outcome, podOf, shell, startCases, startPodCluster } from './pods.ts';

const suite = isRoot ? describe : describe.skip;
const CORE = '/api/v1/namespaces/default';
const ECHO = 'nocher.local/echo:1';
const DATA = { 'data-1': 'value-1', 'data-2': 'value-2', 'data-3': 'value-3' };
/** Printable ASCII without `=`; NUL and `=` are all that a variable's name cannot have. */
const PREFIXES = ['p-', '1-', '$_-', '.', '#-!"%&\'()*+,-./', ':;<>?@[\\]^_`{|}~ '];
const RESOURCES = { requests: { cpu: '250m', memory: '32Mi' }, limits: { cpu: '1250m', memory: '64Mi' } };

let cluster: PodCluster;

/** An image with an entrypoint and arguments of its own, of one of the host's programs. */
async function loadEchoImage(): Promise<void> {
  const program = '/bin/echo';
  const members = [program, ...sharedLibraries([program])].map((path) => ({
    name: path.slice(1),
    mode: 0o755,
    content: readFileSync(path),
  }));
  const image = await sampleImage([members], {
    Entrypoint: [program, 'the-entrypoint'],
    Cmd: ['the', 'default', 'arguments'],
  });
  const path = join(cluster.dataDir, 'echo.tar');
  writeFileSync(path, await ociArchive(image, ECHO));
  const nocher = fileURLToPath(new URL('../../bin/nocher', import.meta.url));
  const { code, stdout, stderr } = cluster.host(process.execPath, [
    nocher,
    'image',
    'load',
    path,
    '--data-dir',
    cluster.dataDir,
  ]);
  expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: `loaded ${ECHO}\n`, stderr: '' });
}

const field = (name: string, fieldPath: string): Json => ({ name, valueFrom: { fieldRef: { fieldPath } } });
const amount = (name: string, resource: string, divisor?: string): Json => ({
  name,
  valueFrom: { resourceFieldRef: { resource, ...(divisor === undefined ? {} : { divisor }) } },
});
const printing = (format: string, env: Json[], more: Json = {}): Json => ({
  ...shell(`echo "${format}"`),
  env,
  ...more,
});
const reference = (kind: 'config' | 'secret', prefix?: string): Json => ({
  ...(prefix === undefined ? {} : { prefix }),
  [kind === 'config' ? 'configMapRef' : 'secretRef']: { name: 'environment' },
});
const allOf = (prefixes: readonly string[]): string[] =>
  prefixes.flatMap((prefix) => Object.entries(DATA).map(([key, value]) => `${prefix}${key}=${value}`));

/** Variables with these prefixes, from a container's log; a shell would drop names that are not its own. */
const lines = (log: string): string[] => log.split('\n').filter((line) => line.includes('data-'));

const CASES: readonly PodCase[] = [
  {
    behaviour: 'ConfigMap, from environment field',
    container: printing('$X', [{ name: 'X', valueFrom: { configMapKeyRef: { name: 'environment', key: 'data-1' } } }]),
    prints: 'value-1\n',
  },
  {
    behaviour: 'Secrets, pod environment field',
    container: printing('$X', [{ name: 'X', valueFrom: { secretKeyRef: { name: 'environment', key: 'data-1' } } }]),
    prints: 'value-1\n',
  },
  {
    behaviour: 'DownwardAPI, environment for name, namespace and ip',
    container: printing('$A $B $C', [
      field('A', 'metadata.name'),
      field('B', 'metadata.namespace'),
      field('C', 'status.podIP'),
    ]),
    prints: ({ metadata, status }) => `${metadata.name} default ${status.podIP}\n`,
  },
  {
    behaviour: 'DownwardAPI, environment for host ip',
    container: printing('$A', [field('A', 'status.hostIP')]),
    prints: '192.0.2.10\n',
  },
  {
    behaviour: 'DownwardAPI, environment for hostIPs',
    container: printing('$A', [field('A', 'status.hostIPs')]),
    prints: '192.0.2.10\n',
  },
  {
    behaviour: 'DownwardAPI, environment for Pod UID',
    container: printing('$A', [field('A', 'metadata.uid')]),
    prints: ({ metadata }) => `${metadata.uid}\n`,
  },
  {
    behaviour: 'DownwardAPI, environment for CPU and memory limits and requests',
    container: printing(
      '$A $B $C $D',
      [
        amount('A', 'limits.cpu'),
        amount('B', 'limits.memory'),
        amount('C', 'requests.cpu'),
        amount('D', 'requests.memory'),
      ],
      { resources: RESOURCES },
    ),
    prints: '2 67108864 1 33554432\n',
  },
  {
    behaviour: 'DownwardAPI, environment for default CPU and memory limits and requests',
    container: printing('$A $B', [amount('A', 'limits.cpu', '1m'), amount('B', 'limits.memory')]),
    prints: async () => {
      const { allocatable } = (await cluster.get('/api/v1/nodes/node-1')).status;
      const millis = /m$/.test(allocatable.cpu) ? Number.parseInt(allocatable.cpu) : Number(allocatable.cpu) * 1000;
      expect(allocatable.memory).toMatch(/^\d+Ki$/);
      return `${millis} ${Number.parseInt(allocatable.memory) * 1024}\n`;
    },
  },
  {
    behaviour: 'Environment variables, expansion',
    container: printing('$FOO $BAR $FOOBAR', [
      { name: 'FOO', value: 'foo-value' },
      { name: 'BAR', value: 'bar-value' },
      { name: 'FOOBAR', value: '$(FOO);;$(BAR)' },
    ]),
    prints: 'foo-value bar-value foo-value;;bar-value\n',
  },
  {
    behaviour: 'Environment variables, command expansion',
    container: {
      command: ['sh', '-c', 'TEST_VAR=wrong; echo "$(TEST_VAR)"'],
      env: [{ name: 'TEST_VAR', value: 'test-value' }],
    },
    prints: 'test-value\n',
  },
  {
    behaviour: 'Environment variables, command argument expansion',
    container: {
      command: ['sh', '-c'],
      args: ['TEST_VAR=wrong; echo "$(TEST_VAR)"'],
      env: [{ name: 'TEST_VAR', value: 'test-value' }],
    },
    prints: 'test-value\n',
  },
  {
    behaviour: 'Containers, without command and arguments',
    container: { image: ECHO },
    prints: 'the-entrypoint the default arguments\n',
  },
  {
    behaviour: 'Containers, with arguments',
    container: { image: ECHO, args: ['override', 'arguments'] },
    prints: 'the-entrypoint override arguments\n',
  },
  {
    behaviour: 'Containers, with command',
    container: { image: ECHO, command: ['/bin/echo', 'the-command'] },
    prints: 'the-command\n',
  },
  {
    behaviour: 'Containers, with command and arguments',
    container: { image: ECHO, command: ['/bin/echo', 'the-command'], args: ['override', 'arguments'] },
    prints: 'the-command override arguments\n',
  },
];

const FROM_ALL: readonly { behaviour: string; pod: string; envFrom: Json[]; prefixes: readonly string[] }[] = [
  {
    behaviour: 'ConfigMap, from environment variables',
    pod: 'config-all',
    envFrom: [reference('config'), reference('config', 'p-')],
    prefixes: ['', 'p-'],
  },
  {
    behaviour: 'ConfigMap, from environment field with various prefixes',
    pod: 'config-prefixes',
    envFrom: PREFIXES.map((prefix) => reference('config', prefix)),
    prefixes: PREFIXES,
  },
  {
    behaviour: 'Secrets, pod environment from source',
    pod: 'secret-prefixes',
    envFrom: PREFIXES.map((prefix) => reference('secret', prefix)),
    prefixes: PREFIXES,
  },
  {
    behaviour: 'Secrets, pod environment from source #2',
    pod: 'secret-all',
    envFrom: [reference('secret'), reference('secret', 'p-')],
    prefixes: ['', 'p-'],
  },
];

suite('what containers are told', () => {
  beforeAll(async () => {
    cluster = await startPodCluster();
    await loadEchoImage();
    await cluster.post(`${CORE}/configmaps`, { metadata: { name: 'environment' }, data: DATA });
    await cluster.post(`${CORE}/secrets`, { metadata: { name: 'environment' }, stringData: DATA });
    await startCases(cluster, CASES);
    for (const { pod, envFrom } of FROM_ALL) await cluster.create(podOf(pod, { command: ['env'], envFrom }));
  }, 90_000);
  afterAll(() => cluster?.stop(), 60_000);

  it.each(CASES.map((one, index) => ({ ...one, index })))('[conformance: $behaviour]', async ({ index, ...one }) => {
    const { phase, printed, expected } = await outcome(cluster, index, one);
    expect({ phase, printed }).toEqual({ phase: 'Succeeded', printed: expected });
  });

  it.each(FROM_ALL)('[conformance: $behaviour]', async ({ pod, prefixes }) => {
    expect((await cluster.finished(pod)).status.phase).toBe('Succeeded');
    expect(lines(await cluster.log(pod)).sort()).toEqual(allOf(prefixes).sort());
  });

  it('tells pods about services [conformance: Pods, service environment variables]', async () => {
    const labels = { name: 'server-envvars' };
    await cluster.create(podOf('server-envvars', { ports: [{ containerPort: 8080 }] }, { metadata: { labels } }));
    await cluster.ready('server-envvars');
    const { spec } = await cluster.post(`${CORE}/services`, {
      metadata: { name: 'fooservice' },
      spec: { selector: labels, ports: [{ port: 8765, targetPort: 8080 }] },
    });
    await cluster.create(podOf('client-envvars', { command: ['env'] }));
    await cluster.finished('client-envvars');
    const ip = spec.clusterIP;
    const expected = {
      SERVICE_HOST: ip,
      SERVICE_PORT: '8765',
      PORT: `tcp://${ip}:8765`,
      PORT_8765_TCP_PORT: '8765',
      PORT_8765_TCP_PROTO: 'tcp',
      PORT_8765_TCP: `tcp://${ip}:8765`,
      PORT_8765_TCP_ADDR: ip,
    };
    const log = (await cluster.log('client-envvars')).split('\n').filter((line) => line.startsWith('FOOSERVICE'));
    expect(log.sort()).toEqual(
      Object.entries(expected)
        .map(([name, value]) => `FOOSERVICE_${name}=${value}`)
        .sort(),
    );
  });

  it.each([
    ['configmaps', 'ConfigMap, with empty-key'],
    ['secrets', 'Secrets, with empty-key'],
  ])('refuses %s with an empty key [conformance: %s]', async (resource) => {
    const { status, body } = await cluster.send('POST', `${CORE}/${resource}`, {
      body: { metadata: { name: 'empty-key' }, data: { '': 'dmFsdWU=' } },
    });
    expect({ status, reason: body.reason }).toEqual({ status: 422, reason: 'Invalid' });
    expect((await cluster.send('GET', `${CORE}/${resource}/empty-key`)).status).toBe(404);
  });

  it('replaces [conformance: ConfigMap Update]', async () => {
    const created = await cluster.post(`${CORE}/configmaps`, { metadata: { name: 'replaced' }, data: DATA });
    await cluster.put(`${CORE}/configmaps/replaced`, { ...created, data: { data: 'value' } });
    expect((await cluster.get(`${CORE}/configmaps/replaced`)).data).toEqual({ data: 'value' });
  });

  const encoded = (value: string): string => Buffer.from(value).toString('base64');
  it.each([
    { behaviour: 'ConfigMap lifecycle', resource: 'configmaps', encode: String },
    { behaviour: 'Secret patching', resource: 'secrets', encode: encoded },
  ])('lives [conformance: $behaviour]', async ({ resource, encode }) => {
    const selected = (selector: string): string => `/api/v1/${resource}?labelSelector=${encodeURIComponent(selector)}`;
    await cluster.post(`${CORE}/${resource}`, {
      metadata: { name: 'lives', labels: { 'test-static': 'true' } },
      data: { key: encode('value') },
    });
    expect((await cluster.get(selected('test-static=true'))).items.map(({ metadata }: Json) => metadata.name)).toEqual([
      'lives',
    ]);
    const patch = { metadata: { labels: { 'test-label': 'patched' } }, data: { key: encode('value1') } };
    await cluster.patch(`${CORE}/${resource}/lives`, patch, 'strategic-merge');
    const { items } = await cluster.get(selected('test-label=patched'));
    expect(items).toMatchObject([
      {
        metadata: { name: 'lives', namespace: 'default', labels: { 'test-static': 'true', 'test-label': 'patched' } },
        data: { key: encode('value1') },
      },
    ]);
    await cluster.remove(`${CORE}/${resource}?labelSelector=test-static%3Dtrue`);
    expect((await cluster.get(selected('test-static=true'))).items).toEqual([]);
  });
});
