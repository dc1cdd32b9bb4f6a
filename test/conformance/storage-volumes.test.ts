/** Volumes made of objects, read once: content, mode and owner of every file, as the pod's containers see them. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Json } from './conformance.ts';
import { isRoot } from './conformance.ts';
import type { PodCase, PodCluster } from './pods.ts';
import { outcome, shell, startCases, startPodCluster } from './pods.ts';

const suite = isRoot ? describe : describe.skip;
const DATA = { 'data-1': 'value-1', 'data-2': 'value-2', 'data-3': 'value-3' };
const RESOURCES = { requests: { cpu: '250m', memory: '32Mi' }, limits: { cpu: '1250m', memory: '64Mi' } };
const USER = { runAsUser: 1000 };
const MAPPED = [{ key: 'data-2', path: 'path/to/data-2' }];
const MAPPED_0400 = [{ key: 'data-2', path: 'path/to/data-2', mode: 0o400 }];

let cluster: PodCluster;

/** Prints content, mode and owner of a file. */
const look = (...paths: string[]): string =>
  paths.map((path) => `cat ${path}; echo; stat -L -c '%A %u:%g' ${path}`).join('; ');
const seen = (content: string, mode: string, owner = '0:0'): string => `${content}\n${mode} ${owner}\n`;

type Source = 'configMap' | 'secret';
/** A volume of the object `volume`, or a projected one with it as its source. */
function volumeOf(source: Source, { projected, defaultMode, ...more }: Json = {}): Json {
  const mode = defaultMode === undefined ? {} : { defaultMode };
  if (projected === true)
    return { name: 'v', projected: { ...mode, sources: [{ [source]: { name: 'volume', ...more } }] } };
  return { name: 'v', [source]: { [source === 'secret' ? 'secretName' : 'name']: 'volume', ...mode, ...more } };
}

const mount = (mountPath: string, name = 'v'): Json => ({ name, mountPath, readOnly: true });

interface Look {
  behaviour: string;
  source: Source;
  /** Of the volume. */
  volume?: Json;
  security?: Json;
  file?: string;
  mode: string;
  owner?: string;
}

const LOOKS: readonly Look[] = [
  { behaviour: 'ConfigMap Volume, without mapping', source: 'configMap', mode: '-rw-r--r--' },
  {
    behaviour: 'ConfigMap Volume, without mapping, non-root user',
    source: 'configMap',
    security: USER,
    mode: '-rw-r--r--',
  },
  {
    behaviour: 'ConfigMap Volume, without mapping, volume mode set',
    source: 'configMap',
    volume: { defaultMode: 0o400 },
    mode: '-r--------',
  },
  { behaviour: 'ConfigMap Volume, with mapping', source: 'configMap', volume: { items: MAPPED }, mode: '-rw-r--r--' },
  {
    behaviour: 'ConfigMap Volume, with mapping, volume mode set',
    source: 'configMap',
    volume: { items: MAPPED_0400 },
    mode: '-r--------',
  },
  {
    behaviour: 'ConfigMap Volume, with mapping, non-root user',
    source: 'configMap',
    volume: { items: MAPPED },
    security: USER,
    mode: '-rw-r--r--',
  },
  {
    behaviour: 'Projected Volume, ConfigMap, volume mode default',
    source: 'configMap',
    volume: { projected: true },
    mode: '-rw-r--r--',
  },
  {
    behaviour: 'Projected Volume, ConfigMap, non-root user',
    source: 'configMap',
    volume: { projected: true },
    security: USER,
    mode: '-rw-r--r--',
  },
  {
    behaviour: 'Projected Volume, ConfigMap, volume mode 0400',
    source: 'configMap',
    volume: { projected: true, defaultMode: 0o400 },
    mode: '-r--------',
  },
  {
    behaviour: 'Projected Volume, ConfigMap, mapped',
    source: 'configMap',
    volume: { projected: true, items: MAPPED },
    mode: '-rw-r--r--',
  },
  {
    behaviour: 'Projected Volume, ConfigMap, mapped, volume mode 0400',
    source: 'configMap',
    volume: { projected: true, items: MAPPED_0400 },
    mode: '-r--------',
  },
  {
    behaviour: 'Projected Volume, ConfigMap, mapped, non-root user',
    source: 'configMap',
    volume: { projected: true, items: MAPPED },
    security: USER,
    mode: '-rw-r--r--',
  },
  { behaviour: 'Secrets Volume, default', source: 'secret', mode: '-rw-r--r--' },
  {
    behaviour: 'Secrets Volume, volume mode 0400',
    source: 'secret',
    volume: { defaultMode: 0o400 },
    mode: '-r--------',
  },
  {
    behaviour: 'Secrets Volume, volume mode 0440, fsGroup 1001 and uid 1000',
    source: 'secret',
    volume: { defaultMode: 0o440 },
    security: { ...USER, fsGroup: 1001 },
    mode: '-r--r-----',
    owner: '0:1001',
  },
  { behaviour: 'Secrets Volume, mapping', source: 'secret', volume: { items: MAPPED }, mode: '-rw-r--r--' },
  {
    behaviour: 'Secrets Volume, mapping, volume mode 0400',
    source: 'secret',
    volume: { items: MAPPED_0400 },
    mode: '-r--------',
  },
  {
    behaviour: 'Projected Volume, Secrets, volume mode default',
    source: 'secret',
    volume: { projected: true },
    mode: '-rw-r--r--',
  },
  {
    behaviour: 'Project Volume, Secrets, non-root, custom fsGroup',
    source: 'secret',
    volume: { projected: true, defaultMode: 0o440 },
    security: { ...USER, fsGroup: 1001 },
    mode: '-r--r-----',
    owner: '0:1001',
  },
  {
    behaviour: 'Projected Volume, Secrets, volume mode 0400',
    source: 'secret',
    volume: { projected: true, defaultMode: 0o400 },
    mode: '-r--------',
  },
  {
    behaviour: 'Projected Volume, Secrets, mapped',
    source: 'secret',
    volume: { projected: true, items: MAPPED },
    mode: '-rw-r--r--',
  },
  {
    behaviour: 'Projected Volume, Secrets, mapped, volume mode 0400',
    source: 'secret',
    volume: { projected: true, items: MAPPED_0400 },
    mode: '-r--------',
  },
];

const looks: readonly PodCase[] = LOOKS.map(({ behaviour, source, volume = {}, security = {}, mode, owner }) => {
  const [key, file] = volume.items === undefined ? ['1', 'data-1'] : ['2', 'path/to/data-2'];
  return {
    behaviour,
    // What is not mapped is not there.
    container: { ...shell(`${look(`/etc/volume/${file}`)}; ls /etc/volume`), volumeMounts: [mount('/etc/volume')] },
    pod: { securityContext: security, volumes: [volumeOf(source, volume)] },
    prints: seen(`value-${key}`, mode, owner) + (volume.items === undefined ? 'data-1\ndata-2\ndata-3\n' : 'path\n'),
  };
});

const twice = (behaviour: string, source: Source, more: Json = {}): PodCase => ({
  behaviour,
  container: {
    ...shell(look('/etc/one/data-1', '/etc/two/data-1')),
    volumeMounts: [mount('/etc/one', 'v'), mount('/etc/two', 'w')],
  },
  pod: { volumes: [volumeOf(source, more), { ...volumeOf(source, more), name: 'w' }] },
  prints: seen('value-1', '-rw-r--r--').repeat(2),
});

const ITEMS: Readonly<Record<string, Json>> = {
  podname: { fieldRef: { fieldPath: 'metadata.name' } },
  cpu_limit: { resourceFieldRef: { containerName: 'c', resource: 'limits.cpu' } },
  cpu_request: { resourceFieldRef: { containerName: 'c', resource: 'requests.cpu' } },
  memory_limit: { resourceFieldRef: { containerName: 'c', resource: 'limits.memory' } },
  memory_request: { resourceFieldRef: { containerName: 'c', resource: 'requests.memory' } },
};

interface DownwardLook {
  /** Of the plain and of the projected volume. */
  behaviours: [string, string];
  item: string;
  itemMode?: number;
  defaultMode?: number;
  resources?: Json;
  content: (pod: Json) => string | Promise<string>;
  mode?: string;
}

const allocatable = async (resource: 'cpu' | 'memory'): Promise<string> => {
  const quantity: string = (await cluster.get('/api/v1/nodes/node-1')).status.allocatable[resource];
  if (resource === 'cpu')
    return String(Math.ceil(quantity.endsWith('m') ? Number.parseInt(quantity) / 1000 : Number(quantity)));
  expect(quantity).toMatch(/^\d+Ki$/);
  return String(Number.parseInt(quantity) * 1024);
};
const podName = ({ metadata }: Json): string => metadata.name;

const DOWNWARD: readonly DownwardLook[] = [
  {
    behaviours: ['DownwardAPI volume, CPU limits', 'Projected Volume, DownwardAPI, CPU limits'],
    item: 'cpu_limit',
    resources: RESOURCES,
    content: () => '2',
  },
  {
    behaviours: ['DownwardAPI volume, CPU request', 'Projected Volume, DownwardAPI, CPU request'],
    item: 'cpu_request',
    resources: RESOURCES,
    content: () => '1',
  },
  {
    behaviours: ['DownwardAPI volume, memory limits', 'Projected Volume, DownwardAPI, memory limits'],
    item: 'memory_limit',
    resources: RESOURCES,
    content: () => '67108864',
  },
  {
    behaviours: ['DownwardAPI volume, memory request', 'Projected Volume, DownwardAPI, memory request'],
    item: 'memory_request',
    resources: RESOURCES,
    content: () => '33554432',
  },
  {
    behaviours: [
      'DownwardAPI volume, CPU limit, default node allocatable',
      'Projected Volume, DownwardAPI, CPU limit, node allocatable',
    ],
    item: 'cpu_limit',
    content: () => allocatable('cpu'),
  },
  {
    behaviours: [
      'DownwardAPI volume, memory limit, default node allocatable',
      'Projected Volume, DownwardAPI, memory limit, node allocatable',
    ],
    item: 'memory_limit',
    content: () => allocatable('memory'),
  },
  {
    behaviours: ['DownwardAPI volume, pod name', 'Projected Volume, DownwardAPI, pod name'],
    item: 'podname',
    content: podName,
  },
  {
    behaviours: ['DownwardAPI volume, volume mode 0400', 'Projected Volume, DownwardAPI, volume mode 0400'],
    item: 'podname',
    defaultMode: 0o400,
    content: podName,
    mode: '-r--------',
  },
  {
    behaviours: ['DownwardAPI volume, file mode 0400', 'Projected Volume, DownwardAPI, volume mode 0400 #2'],
    item: 'podname',
    itemMode: 0o400,
    content: podName,
    mode: '-r--------',
  },
];

const downward: readonly PodCase[] = DOWNWARD.flatMap(
  ({ behaviours, item, itemMode, defaultMode, resources, content, mode = '-rw-r--r--' }) =>
    behaviours.map((behaviour, index): PodCase => {
      const items = [{ path: item, ...ITEMS[item], ...(itemMode === undefined ? {} : { mode: itemMode }) }];
      const modes = defaultMode === undefined ? {} : { defaultMode };
      const volume =
        index === 0
          ? { name: 'v', downwardAPI: { ...modes, items } }
          : { name: 'v', projected: { ...modes, sources: [{ downwardAPI: { items } }] } };
      return {
        behaviour,
        container: {
          ...shell(look(`/etc/podinfo/${item}`)),
          volumeMounts: [mount('/etc/podinfo')],
          ...(resources === undefined ? {} : { resources }),
        },
        pod: { volumes: [volume] },
        prints: async (pod) => seen(await content(pod), mode),
      };
    }),
);

const others: readonly PodCase[] = [
  twice('ConfigMap Volume, multiple volume maps', 'configMap'),
  twice('Projected Volume, ConfigMap, multiple volume paths', 'configMap', { projected: true }),
  twice('Secrets Volume, mapping multiple volume paths', 'secret'),
  twice('Projected Volume, Secrets, mapped, multiple paths', 'secret', { projected: true }),
  {
    behaviour: 'Secrets Volume, volume mode default, secret with same name in different namespace',
    container: { ...shell(look('/etc/volume/data-1')), volumeMounts: [mount('/etc/volume')] },
    pod: { volumes: [{ name: 'v', secret: { secretName: 'same-name' } }] },
    prints: seen('of this namespace', '-rw-r--r--'),
  },
  {
    behaviour: 'ConfigMap Volume, text data, binary data',
    container: {
      ...shell('cat /etc/volume/text; echo; od -An -tx1 /etc/volume/dump.bin'),
      volumeMounts: [mount('/etc/volume')],
    },
    pod: { volumes: [{ name: 'v', configMap: { name: 'binary' } }] },
    prints: 'text value\n de ca fe ba d0 fe ff\n',
  },
  {
    behaviour: 'Projected Volume, multiple projections',
    container: {
      ...shell(
        'cd /all; for file in podname cpu_limit cpu_request memory_limit memory_request config secret; do echo "$file $(cat $file)"; done',
      ),
      resources: RESOURCES,
      volumeMounts: [mount('/all')],
    },
    pod: {
      volumes: [
        {
          name: 'v',
          projected: {
            sources: [
              { secret: { name: 'volume', items: [{ key: 'data-1', path: 'secret' }] } },
              { configMap: { name: 'volume', items: [{ key: 'data-2', path: 'config' }] } },
              { downwardAPI: { items: Object.entries(ITEMS).map(([path, item]) => ({ path, ...item })) } },
            ],
          },
        },
      ],
    },
    prints: ({ metadata }) =>
      `podname ${metadata.name}\ncpu_limit 2\ncpu_request 1\nmemory_limit 67108864\nmemory_request 33554432\nconfig value-2\nsecret value-1\n`,
  },
  {
    behaviour: 'EmptyDir Wrapper Volume, Secret and ConfigMap volumes, no conflict',
    container: {
      ...shell('cat /etc/s/data-1 /etc/c/data-2'),
      volumeMounts: [mount('/etc/s', 's'), mount('/etc/c', 'c')],
    },
    pod: {
      volumes: [
        { name: 's', secret: { secretName: 'volume' } },
        { name: 'c', configMap: { name: 'volume' } },
      ],
    },
    prints: 'value-1value-2',
  },
];

const CASES = [...looks, ...downward, ...others];

suite('volumes made of objects', () => {
  beforeAll(async () => {
    cluster = await startPodCluster();
    const core = '/api/v1/namespaces';
    await cluster.post(`${core}/default/configmaps`, { metadata: { name: 'volume' }, data: DATA });
    await cluster.post(`${core}/default/secrets`, { metadata: { name: 'volume' }, stringData: DATA });
    await cluster.post(`${core}/default/configmaps`, {
      metadata: { name: 'binary' },
      data: { text: 'text value' },
      binaryData: { 'dump.bin': Buffer.from('decafebad0feff', 'hex').toString('base64') },
    });
    await cluster.post(`${core}/default/secrets`, {
      metadata: { name: 'same-name' },
      stringData: { 'data-1': 'of this namespace' },
    });
    const other = await cluster.namespace('other');
    await cluster.post(`${core}/${other}/secrets`, {
      metadata: { name: 'same-name' },
      stringData: { 'data-1': 'of the other namespace' },
    });
    await startCases(cluster, CASES);
  }, 90_000);
  afterAll(() => cluster?.stop(), 60_000);

  it.each(CASES.map((one, index) => ({ ...one, index })))('[conformance: $behaviour]', async ({ index, ...one }) => {
    const { phase, printed, expected } = await outcome(cluster, index, one);
    expect({ phase, printed }).toEqual({ phase: 'Succeeded', printed: expected });
  });
});
