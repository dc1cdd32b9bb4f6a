/** Volumes that follow what they are made of: values that change, sources that appear and vanish, labels that come. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Json } from './conformance.ts';
import { eventually, isRoot } from './conformance.ts';
import type { PodCluster } from './pods.ts';
import { podOf, shell, startPodCluster } from './pods.ts';

const suite = isRoot ? describe : describe.skip;
const CORE = '/api/v1/namespaces/default';
/** The kubelet's sync period, and half of it again as upstream has it at random. */
const SYNC_MS = 100_000;

let cluster: PodCluster;

/** Prints, again and again, one line with the contents of the files, or `missing`. */
const watching = (...files: string[]): Json =>
  shell(
    `while :; do line=; for file in ${files.join(' ')}; do [ -e $file ] && part=$(cat $file | tr "\\n" " ") || part=missing; line="$line[$part]"; done; echo "$line"; sleep 0.5; done`,
  );
const lastLine = async (name: string): Promise<string> =>
  (await cluster.send('GET', `${CORE}/pods/${name}/log?tailLines=1`)).body;
const shows = (name: string, line: string, timeoutMs?: number): Promise<unknown> =>
  eventually(`${name} shows ${line}`, async () => (await lastLine(name)) === `${line}\n`, timeoutMs);

type Resource = 'configmaps' | 'secrets';
const encode = (resource: Resource, value: string): string =>
  resource === 'secrets' ? Buffer.from(value).toString('base64') : value;
const dataOf = (resource: Resource, data: Record<string, string>): Json =>
  Object.fromEntries(Object.entries(data).map(([key, value]) => [key, encode(resource, value)]));

/** A volume of the object, optional, plain or projected. */
function volumeOf(
  volume: string,
  { resource, projected, name }: { resource: Resource; projected: boolean; name: string },
): Json {
  const optional = true;
  if (projected)
    return {
      name: volume,
      projected: { sources: [{ [resource === 'secrets' ? 'secret' : 'configMap']: { name, optional } }] },
    };
  return {
    name: volume,
    ...(resource === 'secrets' ? { secret: { secretName: name, optional } } : { configMap: { name, optional } }),
  };
}

const OPTIONAL: readonly { behaviour: string; pod: string; resource: Resource; projected: boolean }[] = [
  {
    behaviour: 'ConfigMap Volume, create, update and delete',
    pod: 'optional-config',
    resource: 'configmaps',
    projected: false,
  },
  {
    behaviour: 'Secrets Volume, create, update and delete',
    pod: 'optional-secret',
    resource: 'secrets',
    projected: false,
  },
  {
    behaviour: 'Projected Volume, ConfigMap, create, update and delete',
    pod: 'optional-projected-config',
    resource: 'configmaps',
    projected: true,
  },
  {
    behaviour: 'Projected Volume, Secrets, create, update delete',
    pod: 'optional-projected-secret',
    resource: 'secrets',
    projected: true,
  },
];
const OPTIONAL_BEFORE = '[missing][missing][value-1]';
const OPTIONAL_AFTER = '[value-1][value-3][missing]';

async function startOptional({ pod, resource, projected }: (typeof OPTIONAL)[number]): Promise<void> {
  for (const part of ['update', 'delete'])
    await cluster.post(`${CORE}/${resource}`, {
      metadata: { name: `${pod}-${part}` },
      data: dataOf(resource, { 'data-1': 'value-1' }),
    });
  const parts = ['create', 'update', 'delete'];
  await cluster.create(
    podOf(
      pod,
      {
        ...watching('/v/create/data-1', '/v/update/data-3', '/v/delete/data-1'),
        volumeMounts: parts.map((part) => ({ name: part, mountPath: `/v/${part}` })),
      },
      { volumes: parts.map((part) => volumeOf(part, { resource, projected, name: `${pod}-${part}` })) },
    ),
  );
}

async function changeOptional({ pod, resource }: (typeof OPTIONAL)[number]): Promise<void> {
  await shows(pod, OPTIONAL_BEFORE);
  await cluster.remove(`${CORE}/${resource}/${pod}-delete`);
  await cluster.update(
    `${CORE}/${resource}/${pod}-update`,
    (object) => (object.data = dataOf(resource, { 'data-3': 'value-3' })),
  );
  await cluster.post(`${CORE}/${resource}`, {
    metadata: { name: `${pod}-create` },
    data: dataOf(resource, { 'data-1': 'value-1' }),
  });
}

interface Following {
  behaviour: string;
  pod: string;
  volume: Json;
  file: string;
  metadata?: Json;
  before: string;
  change: () => Promise<unknown>;
  after: string;
}

const labels = { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] };
const annotations = { items: [{ path: 'annotations', fieldRef: { fieldPath: 'metadata.annotations' } }] };
const projected = (source: Json): Json => ({ projected: { sources: [source] } });

function ofConfigMap(behaviour: string, pod: string, volume: Json): Following {
  return {
    behaviour,
    pod,
    volume,
    file: 'data-1',
    before: '[value-1]',
    change: () => cluster.patch(`${CORE}/configmaps/${pod}`, { data: { 'data-1': 'value-2' } }),
    after: '[value-2]',
  };
}
function ofLabels(behaviour: string, pod: string, volume: Json): Following {
  const metadata = { labels: { key1: 'value1', key2: 'value2' } };
  const before = '[key1="value1" key2="value2"]';
  return {
    behaviour,
    pod,
    volume,
    metadata,
    file: 'labels',
    before,
    change: () => cluster.patch(`${CORE}/pods/${pod}`, { metadata: { labels: { key3: 'value3' } } }),
    after: '[key1="value1" key2="value2" key3="value3"]',
  };
}
/** A pod has annotations of others too. */
function ofAnnotations(behaviour: string, pod: string, volume: Json): Following {
  const metadata = { annotations: { builder: 'bar' } };
  return {
    behaviour,
    pod,
    volume,
    metadata,
    file: 'annotations',
    before: '[builder="bar"]',
    change: () => cluster.patch(`${CORE}/pods/${pod}`, { metadata: { annotations: { builder: 'foo' } } }),
    after: '[builder="foo"]',
  };
}

const FOLLOWING: readonly Following[] = [
  ofConfigMap('ConfigMap Volume, update', 'updated', { configMap: { name: 'updated' } }),
  ofConfigMap(
    'Projected Volume, ConfigMap, update',
    'updated-projected',
    projected({ configMap: { name: 'updated-projected' } }),
  ),
  ofLabels('DownwardAPI volume, update label', 'labelled', { downwardAPI: labels }),
  ofLabels('Projected Volume, DownwardAPI, update labels', 'labelled-projected', projected({ downwardAPI: labels })),
  ofAnnotations('DownwardAPI volume, update annotations', 'annotated', { downwardAPI: annotations }),
  ofAnnotations(
    'Projected Volume, DownwardAPI, update annotation',
    'annotated-projected',
    projected({ downwardAPI: annotations }),
  ),
];

suite('volumes that follow', () => {
  beforeAll(async () => {
    cluster = await startPodCluster();
    for (const name of ['updated', 'updated-projected'])
      await cluster.post(`${CORE}/configmaps`, { metadata: { name }, data: { 'data-1': 'value-1' } });
    await Promise.all(OPTIONAL.map(startOptional));
    for (const { pod, volume, file, metadata = {} } of FOLLOWING) {
      await cluster.create(
        podOf(
          pod,
          { ...watching(`/v/${file}`), volumeMounts: [{ name: 'v', mountPath: '/v' }] },
          { metadata, volumes: [{ name: 'v', ...volume }] },
        ),
      );
    }
    // What changes later is what the volume began with: all wait for the same sync period, beside each other.
    await Promise.all(FOLLOWING.map(({ pod, before }) => shows(pod, before)));
    await Promise.all(OPTIONAL.map(changeOptional));
    await Promise.all(FOLLOWING.map(({ change }) => change()));
  }, 120_000);
  afterAll(() => cluster?.stop(), 60_000);

  it.each(OPTIONAL)('optional ones appear, change and vanish [conformance: $behaviour]', async ({ pod }) => {
    await shows(pod, OPTIONAL_AFTER, SYNC_MS);
  });

  it.each(FOLLOWING)('[conformance: $behaviour]', async ({ pod, after }) => {
    await shows(pod, after, SYNC_MS);
  });

  it.each([
    { behaviour: 'ConfigMap Volume, immutability', resource: 'configmaps' as const },
    { behaviour: 'Secrets Volume, immutability', resource: 'secrets' as const },
  ])('immutable ones stay as they are [conformance: $behaviour]', async ({ resource }) => {
    const path = `${CORE}/${resource}/immutable`;
    await cluster.post(`${CORE}/${resource}`, {
      metadata: { name: 'immutable' },
      data: dataOf(resource, { 'data-1': 'value-1' }),
    });
    await cluster.update(path, (object) => (object.data = dataOf(resource, { 'data-1': 'value-2' })));
    await cluster.update(path, (object) => (object.immutable = true));
    const current = await cluster.get(path);
    for (const [field, change] of [
      ['data', { data: dataOf(resource, { 'data-1': 'value-3' }) }],
      ['immutable', { immutable: false }],
    ] as const) {
      const { status, body } = await cluster.send('PUT', path, { body: { ...current, ...change } });
      expect({ status, reason: body.reason, field: body.details.causes[0].field }).toEqual({
        status: 422,
        reason: 'Invalid',
        field,
      });
    }
    expect(await cluster.get(path)).toMatchObject({ immutable: true, data: dataOf(resource, { 'data-1': 'value-2' }) });
    await cluster.update(path, (object) => (object.metadata.labels = { 'label-1': 'value-1' }));
    expect((await cluster.get(path)).metadata.labels).toEqual({ 'label-1': 'value-1' });
    await cluster.remove(path);
    expect((await cluster.send('GET', path)).status).toBe(404);
  });
});
