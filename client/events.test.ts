import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { events } from '../api/core/v1/event.ts';
import type { Event } from '../api/core/v1/event.ts';
import { eventsV1 } from '../api/events/v1/event.ts';
import { ApiError } from '../api/machinery/errors.ts';
import type { ApiObject } from '../api/machinery/meta.ts';
import { startTestServer, testAdmin } from '../apiserver/testing.ts';
import type { TestServer } from '../apiserver/testing.ts';
import { silentLogger } from '../base/log.ts';
import type { Client } from './client.ts';
import { EventCorrelator } from './event-correlator.ts';
import { truncateMessage } from './event-names.ts';
import { createEventV1Recorder } from './events-v1.ts';
import type { EventV1Recorder } from './events-v1.ts';
import { createEventRecorder } from './events.ts';
import type { FlushableEventRecorder } from './events.ts';
import { inProcessClient } from './in-process.ts';
import { ManualClock } from './manual-clock.ts';
import { MemoryServer } from './memory-server.ts';

let server: TestServer;
let client: Client;
let clock: ManualClock;
let refuse: ApiError | undefined;
let round = 0;

beforeAll(async () => {
  server = await startTestServer();
  const handler: typeof server.api.handler = (request) => {
    if (refuse === undefined) return server.api.handler(request);
    const { status } = refuse;
    const encoded = { object: () => status, bytes: () => new Uint8Array() };
    return Promise.resolve({ status: status.code!, headers: {}, body: { type: 'object', encoded } });
  };
  client = inProcessClient({ handler, user: testAdmin, userAgent: 'test' });
});
afterAll(() => server.close());
beforeEach(() => {
  clock = new ManualClock();
  refuse = undefined;
  round++;
});

const pod = (name = 'web'): ApiObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: `${name}-${round}`, namespace: 'default', uid: `uid-${round}`, resourceVersion: '7' },
});
const recorder = (): FlushableEventRecorder =>
  createEventRecorder({ client, resource: events, component: 'kubelet', host: 'n1', clock, log: silentLogger });

async function recorded(name = 'web'): Promise<Event[]> {
  const fieldSelector = `involvedObject.name=${name}-${round}`;
  return (await client.list<Event>(events, { fieldSelector })).items;
}

describe('createEventRecorder()', () => {
  it('keeps what several recorders tell of one object in the same millisecond', async () => {
    const recorders = Array.from({ length: 20 }, recorder);
    recorders.forEach((one, i) => one.event(pod(), 'Normal', `Reason${i}`, `message ${i}`));
    await Promise.all(recorders.map((one) => one.flush()));
    expect((await recorded()).map(({ reason }) => reason).sort()).toEqual(recorders.map((_, i) => `Reason${i}`).sort());
  });

  it('counts what recorders of the same host tell again when they share what is known, and no others', async () => {
    const correlator = new EventCorrelator(clock);
    const recorderOf = (host: string): FlushableEventRecorder =>
      createEventRecorder({ client, resource: events, component: 'c', host, clock, log: silentLogger, correlator });
    for (const host of ['n1', 'n1', 'n2']) {
      const one = recorderOf(host);
      one.event(pod(), 'Normal', 'Started', 'Container started');
      await one.flush();
    }
    const counts = (await recorded()).map(({ source, count }) => [source?.host, count]);
    expect(counts.sort()).toEqual([
      ['n1', 2],
      ['n2', 1],
    ]);
  });

  it('stores an event as Kubernetes components do', async () => {
    const own = recorder();
    own.event(pod(), 'Warning', 'BackOff', 'Back-off restarting', {
      fieldPath: 'spec.containers{web}',
      annotations: { a: 'b' },
    });
    await own.flush();
    const [event] = await recorded();
    expect(event).toMatchObject({
      metadata: { namespace: 'default', annotations: { a: 'b' } },
      involvedObject: {
        apiVersion: 'v1',
        kind: 'Pod',
        namespace: 'default',
        name: `web-${round}`,
        uid: `uid-${round}`,
        resourceVersion: '7',
        fieldPath: 'spec.containers{web}',
      },
      type: 'Warning',
      reason: 'BackOff',
      message: 'Back-off restarting',
      source: { component: 'kubelet', host: 'n1' },
      reportingComponent: 'kubelet',
      reportingInstance: 'n1',
      firstTimestamp: '2026-01-01T00:00:00Z',
      lastTimestamp: '2026-01-01T00:00:00Z',
      count: 1,
    });
    const [, nanoseconds] = /^web-\d+\.([0-9a-f]{16})$/.exec(event!.metadata.name!)!;
    expect(BigInt(`0x${nanoseconds}`) / 1_000_000n).toBe(BigInt(clock.now()));
  });

  it('counts identical events in one object [A47]', async () => {
    const own = recorder();
    for (let i = 0; i < 5; i++) {
      own.event(pod(), 'Normal', 'Pulled', 'the same');
      clock.advance(1000);
    }
    await own.flush();
    const list = await recorded();
    expect(list).toHaveLength(1);
    expect(list[0]).toMatchObject({
      count: 5,
      firstTimestamp: '2026-01-01T00:00:00Z',
      lastTimestamp: '2026-01-01T00:00:04Z',
    });
  });

  it('begins a new event when the old one has expired', async () => {
    const own = recorder();
    own.event(pod(), 'Normal', 'Pulled', 'the same');
    await own.flush();
    const [old] = await recorded();
    await client.delete(events, { namespace: 'default', name: old!.metadata.name! });
    own.event(pod(), 'Normal', 'Pulled', 'the same');
    await own.flush();
    expect(await recorded()).toHaveLength(1);
  });

  it('combines events that differ only in their message from the tenth on', async () => {
    const own = recorder();
    for (let i = 0; i < 15; i++) own.event(pod(), 'Warning', 'Failed', `try ${i}`);
    await own.flush();
    const list = await recorded();
    expect(list).toHaveLength(10);
    const combined = list.filter(({ message }) => message?.startsWith('(combined from similar events): '));
    expect(combined.map(({ message, count }) => [message, count])).toEqual([
      ['(combined from similar events): try 14', 6],
    ]);
    clock.advance(601_000);
    own.event(pod(), 'Warning', 'Failed', 'later');
    await own.flush();
    expect((await recorded()).map(({ message }) => message)).toContain('later');
  });

  it('drops a storm of one object, not the events of others', async () => {
    const own = recorder();
    for (let i = 0; i < 40; i++) own.event(pod(), 'Normal', `Reason${i}`, 'm');
    own.event(pod('other'), 'Normal', 'Reason', 'm');
    await own.flush();
    expect(await recorded()).toHaveLength(25);
    expect(await recorded('other')).toHaveLength(1);
    clock.advance(300_000);
    own.event(pod(), 'Normal', 'ReasonLater', 'm');
    await own.flush();
    expect(await recorded()).toHaveLength(26);
  });

  it('counts what a storm drops, and says so once it writes again [A47]', async () => {
    const own = recorder();
    for (let i = 0; i < 40; i++) own.event(pod(), 'Normal', 'Again', 'the same');
    await own.flush();
    expect((await recorded()).map(({ count }) => count)).toEqual([25]);
    clock.advance(300_000);
    own.event(pod(), 'Normal', 'Again', 'the same');
    await own.flush();
    expect((await recorded()).map(({ count }) => count)).toEqual([41]);
    // Also when the first of its kind was among the dropped.
    own.event(pod(), 'Normal', 'Late', 'late');
    await own.flush();
    clock.advance(300_000);
    own.event(pod(), 'Normal', 'Late', 'late');
    await own.flush();
    expect((await recorded()).map(({ reason, count }) => [reason, count])).toContainEqual(['Late', 2]);
  });

  it('puts events about cluster-scoped objects into default, under a name that is valid', async () => {
    const own = recorder();
    const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: `web-${round}`, uid: 'n' } };
    own.event(node, 'Normal', 'NodeReady', 'ready');
    own.event({ kind: 'Pod', namespace: 'default', name: 'Not A Name' }, 'Normal', 'Odd', 'odd');
    await own.flush();
    const [event] = await recorded();
    expect([event!.metadata.namespace, event!.involvedObject.namespace]).toEqual(['default', undefined]);
    const odd = await client.list<Event>(events, { fieldSelector: 'involvedObject.name=Not A Name' });
    expect(odd.items[0]!.metadata.name).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('never throws, tries again while the server is away, and gives up what is refused', async () => {
    const own = recorder();
    refuse = new ApiError({ code: 503, reason: 'ServiceUnavailable', message: 'away' });
    own.event(pod(), 'Normal', 'Kept', 'm');
    await clock.run(15_000);
    refuse = undefined;
    await clock.run(10_000);
    await own.flush();
    expect(await recorded()).toMatchObject([{ reason: 'Kept', count: 1 }]);
    refuse = new ApiError({ code: 403, reason: 'Forbidden', message: 'no' });
    own.event(pod(), 'Normal', 'Refused', 'm');
    await own.flush();
    refuse = undefined;
    expect(await recorded()).toHaveLength(1);
  });

  it('holds no more than a thousand events', async () => {
    const own = recorder();
    refuse = new ApiError({ code: 503, reason: 'ServiceUnavailable', message: 'away' });
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < 100_000; i++) own.event(pod(), 'Normal', 'R', `m${i}`);
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(200 * 1024 * 1024);
    refuse = new ApiError({ code: 403, reason: 'Forbidden', message: 'no' });
    await clock.run(20_000);
    await own.flush();
  });
});

describe('truncateMessage()', () => {
  it('cuts at 1024 bytes and never inside of a character', () => {
    expect(truncateMessage('short')).toBe('short');
    const cut = truncateMessage(`a${'ü'.repeat(600)}`);
    expect([Buffer.byteLength(cut), cut.endsWith('ü')]).toEqual([1023, true]);
  });
});

describe('createEventV1Recorder()', () => {
  let memory: Client;
  beforeEach(() => {
    const { handler } = new MemoryServer();
    memory = inProcessClient({ handler, user: testAdmin, userAgent: 'test' });
  });
  const open = (): EventV1Recorder =>
    createEventV1Recorder({
      client: memory,
      resource: eventsV1,
      controller: 'default-scheduler',
      instance: 'default-scheduler-n1',
      clock,
      log: silentLogger,
    });
  const content = {
    type: 'Warning',
    reason: 'FailedScheduling',
    action: 'Scheduling',
    note: '0/1 nodes are available',
  } as const;
  const v1 = async () => (await memory.list<ApiObject>(eventsV1)).items;

  it('stores one event, then a series that is written from time to time [A47]', async () => {
    const own = open();
    own.event(pod(), content);
    await own.flush();
    expect(await v1()).toMatchObject([
      {
        eventTime: '2026-01-01T00:00:00.000000Z',
        reportingController: 'default-scheduler',
        reportingInstance: 'default-scheduler-n1',
        action: 'Scheduling',
        reason: 'FailedScheduling',
        regarding: { kind: 'Pod', name: `web-${round}`, namespace: 'default' },
        note: '0/1 nodes are available',
        type: 'Warning',
      },
    ]);
    for (let i = 0; i < 5; i++) {
      clock.advance(1000);
      own.event(
        { ...pod(), metadata: { ...pod().metadata, resourceVersion: `${i}` } },
        { ...content, note: `another note ${i}` },
      );
    }
    await own.flush();
    expect(await v1()).toMatchObject([{ series: { count: 2, lastObservedTime: '2026-01-01T00:00:01.000000Z' } }]);
    await own.close();
    expect(await v1()).toMatchObject([{ series: { count: 6, lastObservedTime: '2026-01-01T00:00:05.000000Z' } }]);
    expect(clock.pending).toBe(0);
  });

  it('ends a series after six quiet minutes', async () => {
    const own = open();
    own.event(pod(), content);
    own.event(pod(), content);
    own.event(pod(), content);
    await clock.run(13 * 60_000);
    expect(await v1()).toMatchObject([{ series: { count: 3 } }]);
    own.event(pod(), content);
    await own.close();
    expect(await v1()).toHaveLength(2);
  });
});
