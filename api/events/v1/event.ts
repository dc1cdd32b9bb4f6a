/** The `events.k8s.io/v1` view of Event, and conversions between both views (`pkg/apis/events/v1/conversion.go`). */
import type { EventsV1Event } from '@kubernetes/client-node';
import { EVENT_TTL_SECONDS, eventColumns } from '../../core/v1/event.ts';
import type { Event } from '../../core/v1/event/types.ts';
import { validateNewEventCreate, validateNewEventUpdate } from '../../core/v1/event/validation.ts';
import type { WireObject } from '../../machinery/meta.ts';
import { defineResource } from '../../machinery/resource.ts';

export type EventV1 = WireObject<EventsV1Event>;

export const eventsV1 = defineResource<EventV1>({
  group: 'events.k8s.io',
  version: 'v1',
  scope: 'Namespaced',
  names: { plural: 'events', singular: 'event', kind: 'Event', shortNames: ['ev'] },
  schema: 'EventsV1Event',
  storagePrefix: 'events',
  view: { toStored: coreEventFromEventsV1, fromStored: eventsV1FromCoreEvent },
  additionalPrinterColumns: eventColumns(coreEventFromEventsV1),
  selectableFields: {
    'regarding.kind': ({ regarding }) => regarding?.kind ?? '',
    'regarding.namespace': ({ regarding }) => regarding?.namespace ?? '',
    'regarding.name': ({ regarding }) => regarding?.name ?? '',
    'regarding.uid': ({ regarding }) => regarding?.uid ?? '',
    'regarding.apiVersion': ({ regarding }) => regarding?.apiVersion ?? '',
    'regarding.resourceVersion': ({ regarding }) => regarding?.resourceVersion ?? '',
    'regarding.fieldPath': ({ regarding }) => regarding?.fieldPath ?? '',
    reason: ({ reason }) => reason ?? '',
    reportingController: ({ reportingController }) => reportingController ?? '',
    type: ({ type }) => type ?? '',
  },
  strategy: {
    validate: (event) => validateNewEventCreate(coreEventFromEventsV1(event)),
    validateUpdate: (next, previous) =>
      validateNewEventUpdate(coreEventFromEventsV1(next), coreEventFromEventsV1(previous)),
    allowCreateOnUpdate: true,
    allowsPlainFinalizers: true,
    hasGeneration: false,
  },
  ttlSeconds: EVENT_TTL_SECONDS,
});

/** Fields that the views name differently: `events.k8s.io/v1` → `v1`. All others are the same in both. */
const RENAMED = {
  regarding: 'involvedObject',
  note: 'message',
  reportingController: 'reportingComponent',
  deprecatedSource: 'source',
  deprecatedFirstTimestamp: 'firstTimestamp',
  deprecatedLastTimestamp: 'lastTimestamp',
  deprecatedCount: 'count',
} as const satisfies Partial<Record<keyof EventV1, keyof Event>>;

const TO_CORE = new Map<string, string>(Object.entries(RENAMED));
const FROM_CORE = new Map<string, string>([...TO_CORE].map(([theirs, core]) => [core, theirs]));

/** Written in the stored form and left out in the other where they say nothing. */
const REPORTING = { reportingController: 'reportingComponent', reportingInstance: 'reportingInstance' } as const;

/** The stored form. Shares its parts with the argument, which it leaves alone. */
export function coreEventFromEventsV1(event: EventV1): Event {
  const { apiVersion, ...rest } = renameFields(event, TO_CORE);
  const core: Record<string, unknown> = { ...rest, ...(apiVersion === undefined ? {} : { apiVersion: 'v1' }) };
  for (const field of Object.values(REPORTING)) core[field] ??= '';
  return core as unknown as Event;
}

/** Shares its parts with the argument, which it leaves alone. */
export function eventsV1FromCoreEvent(event: Event): EventV1 {
  const { apiVersion, ...rest } = renameFields(event, FROM_CORE);
  const view: Record<string, unknown> = {
    eventTime: null,
    ...rest,
    ...(apiVersion === undefined ? {} : { apiVersion: 'events.k8s.io/v1' }),
  };
  for (const field of Object.keys(REPORTING)) if (view[field] === '') delete view[field];
  return view as unknown as EventV1;
}

function renameFields(object: object, names: ReadonlyMap<string, string>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).map(([field, value]) => [names.get(field) ?? field, value]));
}
