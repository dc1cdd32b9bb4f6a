/** Rules for events in the stored form (upstream: `pkg/apis/core/validation/events.go`). */
import { fieldPath, invalid, required } from '../../../machinery/field-error.ts';
import type { FieldError } from '../../../machinery/field-error.ts';
import { invalidEach, isDns1123Subdomain, isQualifiedName, validateImmutable } from '../../../machinery/validation.ts';
import type { Event } from './types.ts';

/** Limits of `events.go`, in bytes. */
const MAX_REPORTING_INSTANCE = 128;
const MAX_ACTION = 128;
const MAX_REASON = 128;
const MAX_NOTE = 1024;

const INVOLVED_NAMESPACE = fieldPath('involvedObject', 'namespace');

/** What the reporting controller is called in the view that was written to. */
export type ReportingField = 'reportingComponent' | 'reportingController';

/** Both views (`legacyValidateEvent`). */
export function validateEvent(event: Event, reportingField: ReportingField): FieldError[] {
  const { namespace = '' } = event.metadata;
  const errors = event.eventTime ? validateNewEvent(event, reportingField) : validateNamespacesAgree(event);
  return [...errors, ...invalidEach(fieldPath('namespace'), namespace, isDns1123Subdomain(namespace))];
}

function validateNamespacesAgree({ metadata, involvedObject }: Event): FieldError[] {
  const { namespace = '' } = metadata;
  const involved = involvedObject?.namespace ?? '';
  // Events on cluster-scoped objects lie in `default`, for old clients.
  const agrees = involved === '' ? namespace === '' || namespace === 'default' : namespace === involved;
  return agrees ? [] : [invalid(INVOLVED_NAMESPACE, involved, 'does not match event.namespace')];
}

/** Events that carry `eventTime` come from clients of the newer API and are held to its rules. */
function validateNewEvent(event: Event, reportingField: ReportingField): FieldError[] {
  const { metadata, involvedObject, reportingComponent = '', reportingInstance = '' } = event;
  const errors: FieldError[] = [];
  const involved = involvedObject?.namespace ?? '';
  if (involved === '' && metadata.namespace !== 'default' && metadata.namespace !== 'kube-system') {
    errors.push(invalid(INVOLVED_NAMESPACE, involved, 'does not match event.namespace'));
  }
  const reportingPath = fieldPath(reportingField);
  if (reportingComponent === '') errors.push(required(reportingPath));
  errors.push(...invalidEach(reportingPath, reportingComponent, isQualifiedName(reportingComponent)));
  if (reportingInstance === '') errors.push(required(fieldPath('reportingInstance')));
  // Upstream misspells this path.
  errors.push(...validateLength('repotingIntance', reportingInstance, MAX_REPORTING_INSTANCE));
  if (!event.action) errors.push(required(fieldPath('action')));
  errors.push(...validateLength('action', event.action ?? '', MAX_ACTION));
  if (!event.reason) errors.push(required(fieldPath('reason')));
  errors.push(...validateLength('reason', event.reason ?? '', MAX_REASON));
  errors.push(...validateLength('message', event.message ?? '', MAX_NOTE));
  return errors;
}

function validateLength(field: string, value: string, max: number): FieldError[] {
  return Buffer.byteLength(value) > max ? [invalid(fieldPath(field), '', `can have at most ${max} characters`)] : [];
}

/** More for `events.k8s.io/v1`: the fields of the older form stay unset (`ValidateEventCreate`). */
export function validateNewEventCreate(event: Event): FieldError[] {
  const errors = [...validateEvent(event, 'reportingController'), ...validateSeries(event)];
  if (!event.eventTime) errors.push(required(fieldPath('eventTime')));
  if (event.type !== 'Normal' && event.type !== 'Warning') {
    errors.push(invalid(fieldPath('type'), '', `has invalid value: ${event.type ?? ''}`));
  }
  const unset = (field: string, isUnset: boolean): void => {
    if (!isUnset) errors.push(invalid(fieldPath(field), '', 'needs to be unset'));
  };
  unset('firstTimestamp', !event.firstTimestamp);
  unset('lastTimestamp', !event.lastTimestamp);
  unset('count', !event.count);
  unset('source', !event.source?.component && !event.source?.host);
  return errors;
}

const IMMUTABLE_FIELDS = [
  'involvedObject',
  'reason',
  'message',
  'source',
  'firstTimestamp',
  'lastTimestamp',
  'count',
  'type',
  'eventTime',
  'action',
  'related',
  'reportingComponent',
  'reportingInstance',
] as const satisfies readonly (keyof Event)[];

/** An `events.k8s.io/v1` event changes in nothing but its series (`ValidateEventUpdate`). */
export function validateNewEventUpdate(next: Event, previous: Event): FieldError[] {
  const errors = validateSeries(next);
  for (const field of IMMUTABLE_FIELDS) {
    const name = field === 'reportingComponent' ? 'reportingController' : field;
    errors.push(...validateImmutable(next[field], previous[field], fieldPath(name)));
  }
  return [...errors, ...validateEvent(next, 'reportingController')];
}

function validateSeries({ series }: Event): FieldError[] {
  if (!series) return [];
  const errors: FieldError[] = [];
  if ((series.count ?? 0) < 2) errors.push(invalid(fieldPath('series.count'), '', 'should be at least 2'));
  if (!series.lastObservedTime) errors.push(required(fieldPath('series.lastObservedTime')));
  return errors;
}
