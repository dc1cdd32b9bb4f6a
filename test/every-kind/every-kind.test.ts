/**
 * Every kind of the table goes through its whole life on a server: created, read, watched, changed in every way, shown
 * as a table, applied, deleted. What is special to a kind is in its sample; nothing here knows one kind from another
 * beyond what its definition says.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { WatchEvent } from '../../api/machinery/handler.ts';
import { apiVersionOf } from '../../api/machinery/resource.ts';
import type { Resource } from '../../api/machinery/resource.ts';
import { resources } from '../../api/resources.ts';
import { startTestServer } from '../../apiserver/testing.ts';
import type { TestServer } from '../../apiserver/testing.ts';
import { KindClient } from './kind-client.ts';
import { sampleName, sampleNames, sampleOf } from './samples.ts';
import type { Json, Sample, SampleObject } from './samples.ts';

const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io';
const METADATA = 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

const isStored = ({ verbs }: Resource): boolean => verbs.includes('get') && verbs.includes('create');
const isAsked = ({ verbs }: Resource): boolean => !verbs.includes('get') && verbs.includes('create');
const rows = (kinds: readonly Resource[]): [string, Resource][] =>
  kinds.map((resource) => [sampleName(resource), resource]);

describe('the samples', () => {
  it('are one for each kind that can be created', () => {
    const wanted = resources.filter(({ verbs }) => verbs.includes('create')).map(sampleName);
    expect(sampleNames().sort()).toEqual(wanted.sort());
  });
});

describe.each(rows(resources))('%s in the documents', (_name, resource) => {
  it('is in discovery with its verbs', async () => {
    const root = resource.group === '' ? '/api/v1' : `/apis/${apiVersionOf(resource)}`;
    const { resources: entries } = await server.call<{ resources: { name: string; kind: string; verbs: string[] }[] }>(
      'GET',
      root,
    );
    const entry = entries.find(({ name }) => name === resource.names.plural);
    expect(entry).toMatchObject({ kind: resource.names.kind, verbs: [...resource.verbs].sort() });
    const hasStatus = entries.some(({ name }) => name === `${resource.names.plural}/status`);
    expect(hasStatus).toBe(resource.subresources.status !== undefined);
  });

  it('is in OpenAPI with its path and its schema', async () => {
    const { group, version, names, scope } = resource;
    const root = group === '' ? 'api/v1' : `apis/${group}/${version}`;
    const document = await server.call<OpenApi>('GET', `/openapi/v3/${root}`);
    const namespace = scope === 'Namespaced' ? '/namespaces/{namespace}' : '';
    const path = document.paths[`/${root}${namespace}/${names.plural}`];
    const operation = path?.['post'] ?? path?.['get'];
    expect(operation?.['x-kubernetes-group-version-kind']).toEqual({ group, version, kind: names.kind });
    const kinds = Object.values(document.components.schemas).flatMap(
      (one) => one['x-kubernetes-group-version-kind'] ?? [],
    );
    expect(kinds).toContainEqual({ group, version, kind: names.kind });
  });
});

interface OpenApi {
  paths: Record<string, Record<string, { 'x-kubernetes-group-version-kind'?: Json }>>;
  components: { schemas: Record<string, { 'x-kubernetes-group-version-kind'?: Json[] }> };
}

describe.each(rows(resources.filter(isAsked)))('%s', (_name, resource) => {
  // Answers come from what a server is extended with; without it there is nobody to ask.
  it('has a sample that its schema takes', () => {
    const { object } = sampleOf(resource);
    expect(object).toMatchObject({ apiVersion: apiVersionOf(resource), kind: resource.names.kind });
  });
});

describe.each(rows(resources.filter(isStored)))('%s', (_name, resource) => {
  let kind: KindClient;
  let sample: Sample;
  let name: string;
  let events: AsyncIterator<WatchEvent>;
  const stop = new AbortController();
  const hasStatus = resource.subresources.status !== undefined;

  beforeAll(() => {
    kind = new KindClient(server, resource);
    sample = sampleOf(resource);
    name = sample.object.metadata.name!;
  });
  afterAll(async () => {
    stop.abort();
    for (const one of [name, sample.second.metadata.name!]) {
      const { status } = await kind.send('GET', kind.path(one));
      if (status === 200) await kind.remove(one);
    }
  });

  /** The next event of the object that is wanted; a controller may write beside. */
  async function nextEvent(isWanted: (type: string, object: SampleObject) => boolean): Promise<SampleObject> {
    for (;;) {
      const { value, done } = await events.next();
      if (done === true) throw new Error('the watch has ended');
      const { type, object } = JSON.parse(JSON.stringify(value)) as { type: string; object: SampleObject };
      if (object?.metadata?.name === name && isWanted(type, object)) return object;
    }
  }
  const seesStep = (step: string): Promise<SampleObject> =>
    nextEvent((type, { metadata }) => type === 'MODIFIED' && metadata.labels?.['step'] === step);

  it('is not made by a dry run', async () => {
    const made = await kind.call('POST', `${kind.collection}?dryRun=All`, sample.object);
    expect(made.metadata.name).toBe(name);
    expect((await kind.send('GET', kind.path(name))).status).toBe(404);
  });

  it('is created and read, and a watch sees it', async () => {
    const list = await kind.call('GET', `${kind.collection}?limit=1`);
    events = await kind.watch(`resourceVersion=${list.metadata.resourceVersion}`, stop.signal);
    const made = await kind.create(sample.object);
    expect(made).toMatchObject({ apiVersion: apiVersionOf(resource), kind: resource.names.kind });
    expect(made.metadata).toMatchObject({ name, uid: expect.any(String), resourceVersion: expect.any(String) });
    const counts = resource.strategy.hasGeneration ?? 'spec' in made;
    if (counts) expect(made.metadata.generation).toBe(1);
    // A few without a spec count from one all the same.
    else expect([undefined, 1]).toContain(made.metadata.generation);
    expect(await kind.get(name)).toEqual(made);
    expect((await nextEvent((type) => type === 'ADDED')).metadata.uid).toBe(made.metadata.uid);
    expect((await kind.send('POST', kind.collection, { body: sample.object })).status).toBe(409);
  });

  it('warns everybody when its version is deprecated', async () => {
    const { headers } = await kind.send('GET', kind.path(name));
    const warnings = [headers['warning'] ?? []].flat().join();
    if (resource.deprecationWarning === '') expect(warnings).toBe('');
    else expect(warnings).toContain(resource.deprecationWarning);
  });

  it('is listed, whole and page by page', async () => {
    await kind.create(sample.second);
    const names = await kind.names();
    expect(names).toEqual(expect.arrayContaining([name, sample.second.metadata.name]));
    const found: string[] = [];
    let token = '';
    do {
      const page = (await kind.call(
        'GET',
        `${kind.collection}?limit=1&continue=${encodeURIComponent(token)}`,
      )) as unknown as {
        metadata: { continue?: string };
        items: SampleObject[];
      };
      expect(page.items).toHaveLength(1);
      found.push(page.items[0]!.metadata.name!);
      token = page.metadata.continue ?? '';
    } while (token !== '');
    expect(found.sort()).toEqual(names.sort());
    await kind.remove(sample.second.metadata.name!);
  });

  it('is updated, and no label counts as a change of the spec', async () => {
    const before = await kind.get(name);
    const after = await kind.update(name, ({ metadata }) => (metadata.labels = { ...metadata.labels, step: 'update' }));
    expect(after.metadata.resourceVersion).not.toBe(before.metadata.resourceVersion);
    // EndpointSlices are all content, labels included.
    if ('spec' in before) expect(after.metadata.generation).toBe(before.metadata.generation);
    await seesStep('update');
    const stale = await kind.send('PUT', kind.path(name), { body: before });
    expect(stale.status).toBe(409);
  });

  it('takes each kind of patch', async () => {
    const path = kind.path(name);
    const labels = (step: string): Json => ({ metadata: { labels: { step } } });
    const json = [{ op: 'replace', path: '/metadata/labels/step', value: 'json' }];
    expect((await kind.patch(path, 'json-patch+json', json)).metadata.labels).toMatchObject({ step: 'json' });
    expect((await kind.patch(path, 'merge-patch+json', labels('merge'))).metadata.labels).toMatchObject({
      step: 'merge',
    });
    const strategic = await kind.patch(path, 'strategic-merge-patch+json', labels('strategic'));
    expect(strategic.metadata.labels).toMatchObject({ step: 'strategic' });
    for (const step of ['json', 'merge', 'strategic']) await seesStep(step);
    const dry = await kind.patch(`${path}?dryRun=All`, 'merge-patch+json', labels('dry'));
    expect(dry.metadata.labels).toMatchObject({ step: 'dry' });
    expect((await kind.get(name)).metadata.labels).toMatchObject({ step: 'strategic' });
  });

  it('raises its generation with its spec, and with nothing else', async () => {
    const before = await kind.get(name);
    if (sample.change === undefined) {
      // Nothing to change, or nothing that counts.
      if ('spec' in before) expect(before.metadata.generation ?? 1).toBe(1);
      return;
    }
    const after = await kind.patch(kind.path(name), 'merge-patch+json', sample.change);
    expect(after.spec).not.toEqual(before.spec);
    const { generation } = before.metadata;
    if (generation !== undefined) expect(after.metadata.generation).toBe(generation + 1);
    // CSIDrivers begin to count with the first change.
    else expect([undefined, 1]).toContain(after.metadata.generation);
  });

  const keepsStatusApart = async (): Promise<void> => {
    const { status } = sample.object;
    if (status === undefined) throw new Error(`${sampleName(resource)} has a status, and its sample has none`);
    const before = await kind.get(name);
    const put = await kind.update(
      name,
      (object) => {
        object.status = structuredClone(status);
        delete object.spec;
      },
      'status',
    );
    expect(put.status).toMatchObject(status);
    expect(put.spec).toEqual(before.spec);
    expect(put.metadata.generation).toBe(before.metadata.generation);
    const untouched = await kind.update(name, (object) => {
      object.metadata.labels = { ...object.metadata.labels, step: 'main' };
      delete object.status;
    });
    expect(untouched.status).toMatchObject(status);
    const patched = await kind.patch(kind.path(name, 'status'), 'merge-patch+json', { status });
    expect(patched.status).toMatchObject(status);
    expect((await kind.call('GET', kind.path(name, 'status'))).status).toMatchObject(status);
  };
  if (hasStatus) it('keeps its status apart', keepsStatusApart);

  it('is shown as a table, narrow and wide, and as its metadata', async () => {
    for (const path of [kind.collection, kind.path(name)]) {
      const { status, body } = await kind.send('GET', path, { accept: TABLE });
      const table = body as { columnDefinitions: { name: string }[]; rows: { cells: unknown[] }[] };
      expect(status).toBe(200);
      const own = resource.additionalPrinterColumns.map((column) => column.name);
      const columns = table.columnDefinitions.map((column) => column.name);
      if (own.length > 0) expect(columns).toEqual(own.includes('Name') ? own : ['Name', ...own]);
      expect(table.rows.length).toBeGreaterThan(0);
      for (const { cells } of table.rows) expect(cells).toHaveLength(columns.length);
    }
    const partial = await kind.send('GET', kind.path(name), { accept: METADATA });
    expect(partial.body).toMatchObject({
      kind: 'PartialObjectMetadata',
      apiVersion: 'meta.k8s.io/v1',
      metadata: { name },
    });
    expect(Object.keys(partial.body as Json).sort()).toEqual(['apiVersion', 'kind', 'metadata']);
  });

  it('is deleted, and the watch sees it go', async () => {
    await kind.remove(name);
    expect((await kind.send('GET', kind.path(name))).status).toBe(404);
    await nextEvent((type) => type === 'DELETED');
  });

  it('is applied, and applied again without a change', async () => {
    const path = kind.path(name);
    const { status: _status, ...wanted } = sample.object;
    const applied = await kind.patch(path, 'apply-patch+yaml', wanted);
    expect(applied.metadata.managedFields).toContainEqual(
      expect.objectContaining({ manager: 'every-kind', operation: 'Apply', apiVersion: apiVersionOf(resource) }),
    );
    const again = await kind.patch(path, 'apply-patch+yaml', wanted);
    expect(again.metadata.resourceVersion).toBe(applied.metadata.resourceVersion);
    expect(again).toEqual(applied);
  });

  it('is deleted with others of its kind', async () => {
    if (!resource.verbs.includes('deletecollection')) {
      expect((await kind.send('DELETE', kind.collection)).status).toBe(405);
      return;
    }
    const key = 'every-kind';
    await kind.patch(kind.path(name), 'merge-patch+json', { metadata: { labels: { [key]: 'all' }, finalizers: null } });
    await kind.call('DELETE', `${kind.collection}?labelSelector=${key}%3Dall`);
    const { status, body } = await kind.send('GET', kind.path(name));
    if (status !== 404) expect((body as SampleObject).metadata.deletionTimestamp).toEqual(expect.any(String));
  });
});
