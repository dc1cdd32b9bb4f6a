/**
 * Event: what happened to an object. `v1` and `events.k8s.io/v1` are two views of one stored thing (in the `v1` form,
 * under the `events` prefix); `events/v1/event.ts` has the other view and the conversions.
 */
import { ageSince } from '../../machinery/duration.ts';
import { defineResource } from '../../machinery/resource.ts';
import type { PrinterColumn } from '../../machinery/resource.ts';
import { validatePathSegmentName } from '../../machinery/validation.ts';
import type { Event } from './event/types.ts';
import { validateEvent } from './event/validation.ts';

export type { Event } from './event/types.ts';

/** Events are kept for an hour (`--event-ttl`). */
export const EVENT_TTL_SECONDS = 3600;

export const events = defineResource<Event>({
  group: '',
  version: 'v1',
  scope: 'Namespaced',
  names: { plural: 'events', singular: 'event', kind: 'Event', shortNames: ['ev'] },
  schema: 'CoreV1Event',
  additionalPrinterColumns: eventColumns((event) => event),
  selectableFields: {
    'involvedObject.kind': ({ involvedObject }) => involvedObject?.kind ?? '',
    'involvedObject.namespace': ({ involvedObject }) => involvedObject?.namespace ?? '',
    'involvedObject.name': ({ involvedObject }) => involvedObject?.name ?? '',
    'involvedObject.uid': ({ involvedObject }) => involvedObject?.uid ?? '',
    'involvedObject.apiVersion': ({ involvedObject }) => involvedObject?.apiVersion ?? '',
    'involvedObject.resourceVersion': ({ involvedObject }) => involvedObject?.resourceVersion ?? '',
    'involvedObject.fieldPath': ({ involvedObject }) => involvedObject?.fieldPath ?? '',
    reason: ({ reason }) => reason ?? '',
    reportingComponent: ({ reportingComponent }) => reportingComponent ?? '',
    source: ({ source, reportingComponent }) => source?.component || (reportingComponent ?? ''),
    type: ({ type }) => type ?? '',
  },
  strategy: {
    validateName: validatePathSegmentName,
    validate: (event) => validateEvent(event, 'reportingComponent'),
    validateUpdate: (next) => validateEvent(next, 'reportingComponent'),
    allowCreateOnUpdate: true,
    allowsPlainFinalizers: true,
    hasGeneration: false,
  },
  ttlSeconds: EVENT_TTL_SECONDS,
});

/**
 * Columns of both views. They include Name, with priority 1: a table of events does not begin with the name
 * (`printEvent`).
 */
export function eventColumns<T>(coreEventOf: (object: T) => Event): PrinterColumn<T>[] {
  const column = (name: string, cell: (event: Event, nowMs: number) => string | number): PrinterColumn<T> => ({
    name,
    type: 'string',
    description: `${name} of the event`,
    cell: (object, nowMs) => cell(coreEventOf(object), nowMs),
  });
  const wide = (name: string, cell: (event: Event, nowMs: number) => string | number): PrinterColumn<T> => ({
    ...column(name, cell),
    priority: 1,
  });
  return [
    column('Last Seen', lastSeenCell),
    column('Type', ({ type }) => type ?? ''),
    column('Reason', ({ reason }) => reason ?? ''),
    column('Object', objectCell),
    wide('Subobject', ({ involvedObject }) => involvedObject?.fieldPath ?? ''),
    wide('Source', sourceCell),
    column('Message', ({ message }) => (message ?? '').trim()),
    wide('First Seen', firstSeenCell),
    wide('Count', ({ count, series }) => (series ? (series.count ?? 0) : count || 1)),
    { ...wide('Name', ({ metadata }) => metadata.name ?? ''), format: 'name' },
  ];
}

function firstSeenCell({ firstTimestamp, eventTime }: Event, nowMs: number): string {
  return ageSince(firstTimestamp || eventTime, nowMs);
}

function lastSeenCell(event: Event, nowMs: number): string {
  if (event.series) return ageSince(event.series.lastObservedTime, nowMs);
  return event.lastTimestamp ? ageSince(event.lastTimestamp, nowMs) : firstSeenCell(event, nowMs);
}

function objectCell({ involvedObject }: Event): string {
  const kind = (involvedObject?.kind ?? '').toLowerCase();
  return involvedObject?.name ? `${kind}/${involvedObject.name}` : kind;
}

/** `formatEventSource` */
function sourceCell({ source, reportingComponent, reportingInstance }: Event): string {
  const component = source?.component || (reportingComponent ?? '');
  const host = source?.host || (reportingInstance ?? '');
  return host === '' ? component : `${component}, ${host}`;
}
