/** Both kinds of Event: upstream's test/e2e/instrumentation, on a cluster without nodes. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Conformance, Json } from './conformance.ts';
import { eventually, startConformance } from './conformance.ts';

let cluster: Conformance;
let namespace: string;

const MICRO = '2026-01-02T03:04:05.123456Z';

const coreEvent = (name: string): Json => ({
  metadata: { name, labels: { 'testevent-constant': 'true' } },
  involvedObject: { namespace, kind: 'Pod', name: 'pod' },
  message: `This is ${name}`,
  reason: 'Test',
  type: 'Normal',
  count: 1,
});

const newEvent = (name: string): Json => ({
  metadata: { name, labels: { testevent: 'true' } },
  eventTime: MICRO,
  note: `This is ${name}`,
  action: 'Do',
  reason: 'Test',
  type: 'Normal',
  reportingController: 'test-controller',
  reportingInstance: 'test-node',
  regarding: { namespace, kind: 'Pod', name: 'pod' },
});

beforeAll(async () => {
  cluster = await startConformance(['--runtime', 'none']);
  namespace = await cluster.namespace('events');
}, 90_000);
afterAll(() => cluster?.stop(), 60_000);

describe('Events of the core group', () => {
  const events = (): string => `/api/v1/namespaces/${namespace}/events`;
  const everywhere = '/api/v1/events?labelSelector=testevent-constant%3Dtrue';

  it('live and die [conformance: Event, manage lifecycle of an Event]', async () => {
    await cluster.post(events(), coreEvent('one'));
    const { items } = await cluster.get(everywhere);
    expect(items.map(({ metadata }: Json) => metadata.name)).toEqual(['one']);
    const path = `${events()}/one`;
    await cluster.patch(path, { message: 'This is a patch' }, 'strategic-merge');
    const patched = await cluster.get(path);
    expect(patched.message).toBe('This is a patch');
    const series = { count: 100, lastObservedTime: MICRO };
    await cluster.put(path, { ...patched, series });
    expect((await cluster.get(path)).series).toEqual(series);
    await cluster.remove(path);
    expect((await cluster.get(everywhere)).items).toEqual([]);
  });

  it('are deleted by label [conformance: Event, delete a collection]', async () => {
    await Promise.all(['a', 'b', 'c'].map((name) => cluster.post(events(), coreEvent(name))));
    const selected = `${events()}?labelSelector=testevent-constant%3Dtrue`;
    expect((await cluster.get(selected)).items).toHaveLength(3);
    await cluster.post(events(), { ...coreEvent('kept'), metadata: { name: 'kept' } });
    await cluster.remove(selected);
    await eventually('no such events', async () => (await cluster.get(selected)).items.length === 0);
    expect((await cluster.get(`${events()}/kept`)).metadata.name).toBe('kept');
  });
});

describe('Events of events.k8s.io', () => {
  const events = (): string => `/apis/events.k8s.io/v1/namespaces/${namespace}/events`;
  const everywhere = '/apis/events.k8s.io/v1/events?labelSelector=testevent%3Dtrue';
  const names = async (path: string): Promise<string[]> =>
    (await cluster.get(path)).items.map(({ metadata }: Json) => metadata.name);

  it('live and die [conformance: New Event resource lifecycle, testing a single event]', async () => {
    await cluster.post(events(), newEvent('one'));
    expect(await names(`${events()}?labelSelector=testevent%3Dtrue`)).toEqual(['one']);
    expect(await names(everywhere)).toEqual(['one']);
    const path = `${events()}/one`;
    const before = await cluster.get(path);
    await cluster.patch(path, { series: { count: 2, lastObservedTime: MICRO } }, 'strategic-merge');
    const patched = await cluster.get(path);
    const without = ({ metadata: _metadata, ...rest }: Json): Json => rest;
    expect(without(patched)).toEqual({ ...without(before), series: { count: 2, lastObservedTime: MICRO } });
    const series = { count: 100, lastObservedTime: '2026-01-02T03:04:06.000007Z' };
    await cluster.put(path, { ...patched, series });
    expect((await cluster.get(path)).series).toEqual(series);
    await cluster.remove(path);
    expect(await names(everywhere)).toEqual([]);
  });

  it('are listed and deleted by label [conformance: New Event resource lifecycle, testing a list of events]', async () => {
    await Promise.all(['a', 'b', 'c'].map((name) => cluster.post(events(), newEvent(name))));
    expect(await names(`${events()}?labelSelector=testevent%3Dtrue`)).toEqual(['a', 'b', 'c']);
    expect(await names(everywhere)).toEqual(['a', 'b', 'c']);
    // The same objects, under the core group's name for the note.
    const asCore = await cluster.get(`/api/v1/namespaces/${namespace}/events/a`);
    expect(asCore.message).toBe('This is a');
    await cluster.remove(`${events()}?labelSelector=testevent%3Dtrue`);
    await eventually('no such events', async () => (await names(everywhere)).length === 0);
  });
});
