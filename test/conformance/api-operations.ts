/** What upstream's tests of an API do with each of its kinds: discovery, every verb, the watch, and the status. */
import { expect } from '@jest/globals';
import type { Conformance, Json } from './conformance.ts';
import { eventually } from './conformance.ts';

export interface ApiOperations {
  group: string;
  version: string;
  plural: string;
  /** Undefined for a kind of the cluster. */
  namespace?: string;
  /** Three objects; the label is what they are chosen by. */
  make(index: number, labels: Json): Json;
  /** Changes the object in a way that an update may. */
  change?(object: Json): void;
  /** A status to write; undefined: the kind has none. */
  status?: Json;
}

const LABELS = { 'api-operations': 'true' };
const SELECTOR = 'labelSelector=api-operations%3Dtrue';

export async function exerciseApi(cluster: Conformance, api: ApiOperations): Promise<void> {
  await checkDiscovery(cluster, api);
  const root = `/apis/${api.group}/${api.version}`;
  const collection = `${root}${api.namespace === undefined ? '' : `/namespaces/${api.namespace}`}/${api.plural}`;
  const made = [];
  for (let i = 0; i < 3; i++) made.push(await cluster.post(collection, api.make(i, LABELS)));
  const [first, second] = made.map(({ metadata }) => metadata.name as string) as [string, string];
  const path = `${collection}/${first}`;
  expect((await cluster.get(path)).metadata.uid).toBe(made[0]!.metadata.uid);
  for (const list of [collection, `${root}/${api.plural}`]) {
    expect((await cluster.get(`${list}?${SELECTOR}`)).items).toHaveLength(3);
  }
  const watch = await cluster.watch(`${collection}`, { labelSelector: 'api-operations=true' });
  try {
    await changeIt(cluster, api, path);
    await cluster.remove(`${collection}/${second}`);
    await eventually('the object that was deleted', async () => {
      const { status, body } = await cluster.send('GET', `${collection}/${second}`);
      return status === 404 || body.metadata.deletionTimestamp !== undefined;
    });
    await cluster.remove(`${collection}?${SELECTOR}`);
    await eventually('the collection that was deleted', async () => {
      const { items } = await cluster.get(`${collection}?${SELECTOR}`);
      return items.every(({ metadata }: Json) => metadata.deletionTimestamp !== undefined);
    });
    await eventually('the events of the watch', () => {
      const seen = watch.events.filter(({ object }) => object.metadata?.name === first).map(({ type }) => type);
      return seen.includes('ADDED') && seen.includes('MODIFIED') && seen.at(-1) === 'DELETED';
    });
  } finally {
    watch.stop();
  }
}

async function checkDiscovery(cluster: Conformance, { group, version, plural, status }: ApiOperations): Promise<void> {
  const groups = (await cluster.get('/apis')).groups as Json[];
  const found = groups.find(({ name }) => name === group);
  expect(found?.versions).toContainEqual({ groupVersion: `${group}/${version}`, version });
  expect((await cluster.get(`/apis/${group}`)).versions.map((one: Json) => one.version)).toContain(version);
  const { resources } = await cluster.get(`/apis/${group}/${version}`);
  const names = resources.map(({ name }: Json) => name);
  expect(names).toContain(plural);
  if (status !== undefined) expect(names).toContain(`${plural}/status`);
}

async function changeIt(cluster: Conformance, { change, status }: ApiOperations, path: string): Promise<void> {
  const patched = await cluster.patch(path, { metadata: { annotations: { patched: 'true' } } });
  expect(patched.metadata.annotations).toMatchObject({ patched: 'true' });
  const updated = await cluster.update(path, (object) => {
    object.metadata.annotations = { ...object.metadata.annotations, updated: 'true' };
    change?.(object);
  });
  expect(updated.metadata.annotations).toMatchObject({ patched: 'true', updated: 'true' });
  if (status === undefined) return;
  const patchedStatus = await cluster.patch(`${path}/status`, { status });
  expect(patchedStatus.status).toMatchObject(status);
  expect(patchedStatus.spec).toEqual(updated.spec);
  for (;;) {
    const object = await cluster.get(`${path}/status`);
    const reply = await cluster.send('PUT', `${path}/status`, { body: { ...object, status } });
    if (reply.status === 409) continue;
    expect(reply.status).toBe(200);
    expect(reply.body.status).toMatchObject(status);
    return;
  }
}
