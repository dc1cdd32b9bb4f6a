import { describe, expect, it } from '@jest/globals';
import { events } from '../../core/v1/event.ts';
import type { Event } from '../../core/v1/event.ts';
import { formatFieldError } from '../../machinery/field-error.ts';
import { coreEventFromEventsV1, eventsV1, eventsV1FromCoreEvent } from './event.ts';
import type { EventV1 } from './event.ts';

const nowMs = Date.parse('2026-01-01T01:00:00Z');

const old: Event = {
  apiVersion: 'v1',
  kind: 'Event',
  metadata: { name: 'web.1', namespace: 'dev' },
  involvedObject: { kind: 'Pod', namespace: 'dev', name: 'web', fieldPath: 'spec.containers{web}' },
  reason: 'Pulled',
  message: 'Pulled the image ',
  source: { component: 'kubelet', host: 'n1' },
  firstTimestamp: '2026-01-01T00:00:00Z',
  lastTimestamp: '2026-01-01T00:59:30Z',
  count: 3,
  type: 'Normal',
};

const fresh: EventV1 = {
  apiVersion: 'events.k8s.io/v1',
  kind: 'Event',
  metadata: { name: 'web.2', namespace: 'dev' },
  regarding: { kind: 'Pod', namespace: 'dev', name: 'web' },
  eventTime: '2026-01-01T00:58:00.000000Z',
  reason: 'Scheduled',
  note: 'assigned',
  action: 'Binding',
  reportingController: 'default-scheduler',
  reportingInstance: 'host',
  type: 'Normal',
};

const row = (event: Event): unknown[] => events.additionalPrinterColumns.map(({ cell }) => cell(event, nowMs));

describe('conversions', () => {
  it('rename fields and lose nothing', () => {
    expect(coreEventFromEventsV1(fresh)).toMatchObject({
      apiVersion: 'v1',
      involvedObject: fresh.regarding,
      message: 'assigned',
      reportingComponent: 'default-scheduler',
    });
    expect(eventsV1FromCoreEvent(old)).toMatchObject({
      apiVersion: 'events.k8s.io/v1',
      regarding: old.involvedObject,
      note: old.message,
      deprecatedSource: old.source,
      deprecatedCount: 3,
      deprecatedFirstTimestamp: old.firstTimestamp,
      deprecatedLastTimestamp: old.lastTimestamp,
      eventTime: null,
    });
    expect(eventsV1FromCoreEvent(coreEventFromEventsV1(fresh))).toEqual(fresh);
    expect(coreEventFromEventsV1(eventsV1FromCoreEvent(old))).toEqual({
      ...old,
      eventTime: null,
      reportingComponent: '',
      reportingInstance: '',
    });
  });
});

describe('columns', () => {
  it('are headed as kubectl prints them', () => {
    expect(events.additionalPrinterColumns.map(({ name, priority }) => (priority === 1 ? `(${name})` : name))).toEqual([
      'Last Seen',
      'Type',
      'Reason',
      'Object',
      '(Subobject)',
      '(Source)',
      'Message',
      '(First Seen)',
      '(Count)',
      '(Name)',
    ]);
  });

  it('show old and new events, singles and series', () => {
    expect(row(old)).toEqual([
      '30s',
      'Normal',
      'Pulled',
      'pod/web',
      'spec.containers{web}',
      'kubelet, n1',
      'Pulled the image',
      '60m',
      3,
      'web.1',
    ]);
    expect(row(coreEventFromEventsV1(fresh))).toEqual([
      '2m',
      'Normal',
      'Scheduled',
      'pod/web',
      '',
      'default-scheduler, host',
      'assigned',
      '2m',
      1,
      'web.2',
    ]);
    const series = {
      ...coreEventFromEventsV1(fresh),
      series: { count: 9, lastObservedTime: '2026-01-01T00:59:59.000000Z' },
    };
    expect(row(series).slice(0, 1)).toEqual(['1s']);
    expect(row(series)[8]).toBe(9);
    expect(eventsV1.additionalPrinterColumns[0]!.cell(fresh, nowMs)).toBe('2m');
  });
});

describe('v1', () => {
  const errorsOf = (change: Partial<Event>): string[] =>
    events.strategy.validate!({ ...old, ...change }).map(formatFieldError);

  it('wants the namespaces to agree', () => {
    expect(errorsOf({})).toEqual([]);
    expect(errorsOf({ involvedObject: { kind: 'Pod', namespace: 'x' } })).toEqual([
      'involvedObject.namespace: Invalid value: "x": does not match event.namespace',
    ]);
    expect(errorsOf({ involvedObject: { kind: 'Node' }, metadata: { name: 'n', namespace: 'default' } })).toEqual([]);
  });

  it('holds events with eventTime to the newer rules', () => {
    expect(errorsOf({ eventTime: '2026-01-01T00:00:00.000000Z', reason: '', message: 'x'.repeat(1025) })).toEqual([
      'reportingComponent: Required value',
      expect.stringContaining('reportingComponent: Invalid value: ""'),
      expect.stringContaining('reportingComponent: Invalid value: ""'),
      'reportingInstance: Required value',
      'action: Required value',
      'reason: Required value',
      'message: Invalid value: "": can have at most 1024 characters',
    ]);
  });

  it('selects by the object and by the source', () => {
    const { selectableFields } = events;
    expect(selectableFields['involvedObject.name']!(old)).toBe('web');
    expect(selectableFields['source']!(old)).toBe('kubelet');
    expect(selectableFields['source']!(coreEventFromEventsV1(fresh))).toBe('default-scheduler');
    expect(eventsV1.selectableFields['regarding.kind']!(fresh)).toBe('Pod');
  });
});

describe('events.k8s.io/v1', () => {
  it('leaves the older fields unset', () => {
    const validate = (event: EventV1): string[] => eventsV1.strategy.validate!(event).map(formatFieldError);
    expect(validate(fresh)).toEqual([]);
    expect(validate({ ...fresh, type: 'Odd', deprecatedCount: 1, series: { count: 1, lastObservedTime: '' } })).toEqual(
      [
        'series.count: Invalid value: "": should be at least 2',
        'series.lastObservedTime: Required value',
        'type: Invalid value: "": has invalid value: Odd',
        'count: Invalid value: "": needs to be unset',
      ],
    );
  });

  it('changes in its series only', () => {
    const validate = (change: Partial<EventV1>): string[] =>
      eventsV1.strategy.validateUpdate!({ ...fresh, ...change }, fresh).map(formatFieldError);
    expect(validate({ series: { count: 2, lastObservedTime: '2026-01-01T00:59:00.000000Z' } })).toEqual([]);
    expect(validate({ reason: 'Other' })).toEqual(['reason: Invalid value: "Other": field is immutable']);
  });

  it('shares storage and life-time with v1', () => {
    expect([eventsV1.storagePrefix, events.storagePrefix]).toEqual(['events', 'events']);
    expect([eventsV1.ttlSeconds, events.ttlSeconds]).toEqual([3600, 3600]);
  });
});
