import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { events } from '../api/core/v1/event.ts';
import { eventsV1 } from '../api/events/v1/event.ts';
import type { EventV1 } from '../api/events/v1/event.ts';
import type { Event } from '../api/core/v1/event.ts';
import type { ApiObject, ApiObjectList } from '../api/machinery/meta.ts';
import type { TestServer } from './testing.ts';
import { startTestServer, testAdmin } from './testing.ts';

const CORE = '/api/v1/namespaces/default/events';
const VIEW = '/apis/events.k8s.io/v1/namespaces/default/events';
const eventTime = '2024-05-01T10:00:00.000000Z';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

const viewEvent = (name: string, extra: object = {}): object => ({
  apiVersion: 'events.k8s.io/v1',
  kind: 'Event',
  metadata: { name, namespace: 'default' },
  eventTime,
  reportingController: 'example.com/controller',
  reportingInstance: 'controller-1',
  action: 'Binding',
  reason: 'Scheduled',
  type: 'Normal',
  note: 'assigned',
  regarding: { kind: 'Pod', namespace: 'default', name: 'web' },
  ...extra,
});

const coreEvent = (name: string): object => ({
  apiVersion: 'v1',
  kind: 'Event',
  metadata: { name, namespace: 'default' },
  involvedObject: { kind: 'Pod', namespace: 'default', name: 'web' },
  source: { component: 'kubelet', host: 'n1' },
  firstTimestamp: '2024-05-01T10:00:00Z',
  lastTimestamp: '2024-05-01T10:00:00Z',
  count: 3,
  reason: 'Started',
  type: 'Normal',
  message: 'started it',
});

describe('two views of one stored Event', () => {
  it('shows a new event in the old form, under one key [A47]', async () => {
    const made = await server.call<EventV1>('POST', VIEW, viewEvent('new'));
    expect(made).toMatchObject({ apiVersion: 'events.k8s.io/v1', note: 'assigned', regarding: { name: 'web' } });
    const core = await server.call<Event>('GET', `${CORE}/new`);
    expect(core).toMatchObject({
      apiVersion: 'v1',
      kind: 'Event',
      message: 'assigned',
      involvedObject: { kind: 'Pod', name: 'web' },
      reportingComponent: 'example.com/controller',
      eventTime,
    });
    expect(core.metadata).toEqual(made.metadata);
    expect(core).not.toHaveProperty('note');
    const { entries } = await server.storage.list({ prefix: '/registry/events/default/new' });
    expect(entries).toHaveLength(1);
    expect(JSON.parse(Buffer.from(entries[0]!.value).toString())).toMatchObject({
      apiVersion: 'v1',
      message: 'assigned',
    });
  });

  it('shows an old event in the new form', async () => {
    await server.call('POST', CORE, coreEvent('old'));
    const view = await server.call<EventV1>('GET', `${VIEW}/old`);
    expect(view).toMatchObject({
      apiVersion: 'events.k8s.io/v1',
      eventTime: null,
      note: 'started it',
      regarding: { name: 'web' },
      deprecatedSource: { component: 'kubelet', host: 'n1' },
      deprecatedCount: 3,
      deprecatedFirstTimestamp: '2024-05-01T10:00:00Z',
    });
    expect(view).not.toHaveProperty('message');
  });

  it('lists as one stream in either form', async () => {
    const list = await server.call<ApiObjectList<EventV1>>('GET', VIEW);
    expect(list).toMatchObject({ kind: 'EventList', apiVersion: 'events.k8s.io/v1' });
    expect(list.items.map(({ apiVersion, note }) => [apiVersion, note])).toEqual([
      ['events.k8s.io/v1', 'assigned'],
      ['events.k8s.io/v1', 'started it'],
    ]);
    const core = await server.call<ApiObjectList<Event>>('GET', CORE);
    expect(core.items.map(({ apiVersion, message }) => [apiVersion, message])).toEqual([
      ['v1', 'assigned'],
      ['v1', 'started it'],
    ]);
    const page = await server.call<ApiObjectList<EventV1>>('GET', `${VIEW}?limit=1`);
    const rest = await server.call<ApiObjectList<EventV1>>(
      'GET',
      `${VIEW}?limit=1&continue=${page.metadata.continue!}`,
    );
    expect(rest.items[0]).toMatchObject({ note: 'started it', deprecatedCount: 3 });
    const { resourceVersion } = page.metadata;
    const exact = await server.call<ApiObjectList<EventV1>>(
      'GET',
      `${VIEW}?resourceVersion=${resourceVersion}&resourceVersionMatch=Exact`,
    );
    expect(exact.items.map(({ note }) => note)).toEqual(['assigned', 'started it']);
  });

  it('takes the field selectors of each form, and no others', async () => {
    const names = async (url: string): Promise<unknown> => {
      const { body } = await server.send('GET', url);
      return (
        (body as ApiObjectList).items?.map(({ metadata }) => metadata.name) ?? (body as { message: string }).message
      );
    };
    expect(await names(`${VIEW}?fieldSelector=regarding.name=web,reason=Started`)).toEqual(['old']);
    expect(await names(`${VIEW}?fieldSelector=reportingController=example.com/controller`)).toEqual(['new']);
    expect(await names(`${CORE}?fieldSelector=involvedObject.name=web,reason=Started`)).toEqual(['old']);
    expect(await names(`${VIEW}?fieldSelector=involvedObject.name=web`)).toBe(
      'field label not supported: involvedObject.name',
    );
    expect(await names(`${CORE}?fieldSelector=regarding.name=web`)).toBe('field label not supported: regarding.name');
  });

  it('prints the same table', async () => {
    const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io';
    const cells = async (url: string): Promise<unknown> => {
      const { body } = await server.send('GET', url, { accept });
      return (body as { rows: { cells: unknown[] }[] }).rows.map(({ cells: row }) => row.slice(1));
    };
    expect(await cells(VIEW)).toEqual(await cells(CORE));
    const { body } = await server.send('GET', `${VIEW}?includeObject=Object`, { accept });
    expect((body as { rows: { object: ApiObject }[] }).rows[0]!.object).toMatchObject({
      apiVersion: 'events.k8s.io/v1',
      note: 'assigned',
    });
  });

  it('changes through both', async () => {
    await server.call('POST', VIEW, viewEvent('series'));
    const series = { count: 2, lastObservedTime: '2024-05-01T10:05:00.000000Z' };
    const patched = await server.send('PATCH', `${VIEW}/series`, {
      body: { series },
      contentType: 'application/strategic-merge-patch+json',
    });
    expect(patched).toMatchObject({ status: 200, body: { note: 'assigned', series } });
    expect(await server.call('GET', `${CORE}/series`)).toMatchObject({ message: 'assigned', series });
    const live = await server.call<EventV1>('GET', `${VIEW}/series`);
    expect(
      (await server.call<EventV1>('PUT', `${VIEW}/series`, { ...live, series: { ...series, count: 3 } })).series?.count,
    ).toBe(3);
    const refused = await server.send('PUT', `${VIEW}/series`, {
      body: { ...live, metadata: { name: 'series' }, note: 'other' },
    });
    expect(refused).toMatchObject({
      status: 422,
      body: {
        message: expect.stringContaining(
          'Event.events.k8s.io "series" is invalid: message: Invalid value: "other": field is immutable',
        ),
      },
    });
    const core = await server.call<Event>('GET', `${CORE}/series`);
    await server.call('PUT', `${CORE}/series`, { ...core, message: 'changed' });
    expect(await server.call('GET', `${VIEW}/series`)).toMatchObject({ note: 'changed' });
  });

  it('refuses in the new form what only the old one has', async () => {
    const { status, body } = await server.send('POST', VIEW, {
      body: viewEvent('bad', { deprecatedCount: 1, eventTime: null }),
    });
    expect(status).toBe(422);
    expect((body as { message: string }).message).toContain('eventTime: Required value');
    const unknown = await server.send('POST', `${VIEW}?fieldValidation=Strict`, {
      body: viewEvent('bad', { message: 'x' }),
    });
    expect(unknown).toMatchObject({
      status: 400,
      body: { message: expect.stringContaining('unknown field "message"') },
    });
  });

  it('keeps an update of an event without eventTime possible', async () => {
    const live = await server.call<EventV1>('GET', `${VIEW}/old`);
    const same = await server.call<EventV1>('PUT', `${VIEW}/old`, live);
    expect(same.metadata.resourceVersion).toBe(live.metadata.resourceVersion);
  });

  it('creates with a PUT, and deletes for both', async () => {
    const put = await server.send('PUT', `${VIEW}/put`, { body: viewEvent('put') });
    expect(put).toMatchObject({ status: 201, body: { apiVersion: 'events.k8s.io/v1', note: 'assigned' } });
    const dry = await server.send('POST', `${VIEW}?dryRun=All`, { body: viewEvent('dry') });
    expect(dry).toMatchObject({ status: 201, body: { note: 'assigned' } });
    expect(await server.send('DELETE', `${VIEW}/put`)).toMatchObject({
      status: 200,
      body: { details: { group: 'events.k8s.io', kind: 'events' } },
    });
    expect(await server.send('GET', `${CORE}/put`)).toMatchObject({
      status: 404,
      body: { message: 'events "put" not found' },
    });
    expect(await server.send('GET', `${VIEW}/put`)).toMatchObject({
      status: 404,
      body: { message: 'events.events.k8s.io "put" not found' },
    });
  });
});

async function firstFrames(url: string, count: number): Promise<{ type: string; object: Record<string, unknown> }[]> {
  const stop = new AbortController();
  const [path = '', query = ''] = url.split('?');
  const { body } = await server.api.handler({
    method: 'GET',
    path,
    query: new URLSearchParams(query),
    headers: {},
    user: testAdmin,
    signal: stop.signal,
  });
  if (body.type !== 'watch') throw new Error('no watch');
  let text = '';
  for await (const frames of body.frames) {
    text += Buffer.from(frames).toString();
    if (text.split('\n').length > count) break;
  }
  stop.abort();
  return text
    .trim()
    .split('\n')
    .slice(0, count)
    .map((line) => JSON.parse(line) as { type: string; object: Record<string, unknown> });
}

describe('watches of the views', () => {
  it('send bytes in their own form, from one event', async () => {
    const { metadata } = await server.call<ApiObjectList>('GET', VIEW);
    const query = `watch=true&resourceVersion=${metadata.resourceVersion!}`;
    const both = Promise.all([VIEW, VIEW, CORE].map((url) => firstFrames(`${url}?${query}`, 2)));
    await server.call('POST', VIEW, viewEvent('watched'));
    await server.call('DELETE', `${CORE}/watched`);
    const [first, second, core] = await both;
    expect(first!.map(({ type, object }) => [type, object['apiVersion'], object['note'], object['message']])).toEqual([
      ['ADDED', 'events.k8s.io/v1', 'assigned', undefined],
      ['DELETED', 'events.k8s.io/v1', 'assigned', undefined],
    ]);
    expect(second).toEqual(first);
    expect(core!.map(({ type, object }) => [type, object['apiVersion'], object['message'], object['note']])).toEqual([
      ['ADDED', 'v1', 'assigned', undefined],
      ['DELETED', 'v1', 'assigned', undefined],
    ]);
  });

  it('select by the fields of their form, with initial events', async () => {
    const [frame] = await firstFrames(`${VIEW}?watch=true&fieldSelector=deprecatedCount=3`, 1).catch(() => []);
    expect(frame).toBeUndefined();
    const [old] = await firstFrames(`${VIEW}?watch=true&fieldSelector=reason=Started`, 1);
    expect(old).toMatchObject({ type: 'ADDED', object: { note: 'started it', apiVersion: 'events.k8s.io/v1' } });
  });

  it('hand frozen objects to callers in the process', async () => {
    const stop = new AbortController();
    const watch = await server.watch(`${VIEW}?watch=true&fieldSelector=metadata.name=old`, stop.signal);
    const { value } = await watch.next();
    stop.abort();
    expect(value).toMatchObject({ type: 'ADDED', object: { note: 'started it' } });
    expect(Object.isFrozen((value as { object: EventV1 }).object.regarding)).toBe(true);
  });
});

describe('the rest of the server', () => {
  it('discovers both groups', async () => {
    const { resources } = await server.call<{ resources: { name: string }[] }>('GET', '/apis/events.k8s.io/v1');
    expect(resources.map(({ name }) => name)).toEqual(['events']);
    const core = await server.call<{ resources: { name: string; shortNames?: string[] }[] }>('GET', '/api/v1');
    expect(core.resources.find(({ name }) => name === 'events')?.shortNames).toEqual(['ev']);
  });

  it('lists each form to the process', () => {
    const { listers } = server.api;
    const { group, names } = eventsV1;
    expect(listers<EventV1>({ group, plural: names.plural }).get('default', 'old')).toMatchObject({
      note: 'started it',
    });
    expect(listers<Event>({ group: '', plural: events.names.plural }).get('default', 'old')).toMatchObject({
      message: 'started it',
    });
    expect(
      listers<EventV1>({ group, plural: names.plural })
        .list({ namespace: 'default' })
        .every(({ kind }) => kind === 'Event'),
    ).toBe(true);
  });

  it('empties the collection through the view', async () => {
    const list = await server.call<ApiObjectList<EventV1>>('DELETE', VIEW);
    expect(list.items.map(({ apiVersion }) => apiVersion)).toContain('events.k8s.io/v1');
    expect((await server.call<ApiObjectList>('GET', CORE)).items).toEqual([]);
  });
});
