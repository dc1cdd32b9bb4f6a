/**
 * Who owns which fields after a write that is no apply, and what admission may not do to that record
 * (apiserver `endpoints/handlers/fieldmanager`, apimachinery `util/managedfields/internal/fieldmanager.go`).
 */
import type { ApiObject, ManagedFieldsEntry } from '../../api/machinery/meta.ts';
import type { FieldSet } from '../../api/managed-fields/field-set.ts';
import {
  isSameButTimes,
  readEntries,
  recordUpdate,
  recordUpdateLater,
} from '../../api/managed-fields/managed-fields.ts';
import type { UpdateRecord } from '../../api/managed-fields/managed-fields.ts';
import type { SchemaTable } from '../../api/schema/schema.ts';
import type { Clock } from '../../base/clock.ts';
import { formatTime } from '../../base/clock.ts';
import type { AdmissionAttributes } from '../admission/admission.ts';
import { isSameValue } from './same-value.ts';
import type { ServedKind } from './served-kind.ts';

export interface FieldWrite {
  kind: ServedKind;
  next: ApiObject;
  /** `undefined` on create. */
  previous: ApiObject | undefined;
  subresource: string;
  context: { fieldManager: string; isApply?: boolean };
}

export class FieldOwnership {
  readonly #schemas: SchemaTable;
  readonly #clock: Clock;

  constructor({ schemas, clock }: { schemas: SchemaTable; clock: Clock }) {
    this.#schemas = schemas;
    this.#clock = clock;
  }

  /** Writes the entries into `next`; an apply brings its own. */
  async record({ kind, next, previous, subresource, context }: FieldWrite): Promise<void> {
    if (context.isApply === true) return;
    const record: UpdateRecord = {
      previous,
      next,
      managedFields: entriesToGoOnFrom(next, previous, subresource),
      manager: context.fieldManager,
      apiVersion: kind.apiVersion,
      subresource,
      time: formatTime(this.#clock.now()),
      schema: kind.resource.schema,
      table: this.#schemas,
      versions: kind.versions,
      ignored: resetFields(kind, subresource),
    };
    const entries = kind.versions === undefined ? recordUpdate(record) : await recordUpdateLater(record);
    if (entries.length > 0) next.metadata.managedFields = entries;
    else delete next.metadata.managedFields;
  }
}

/** What a write to the endpoint does not change, whatever is sent (`GetResetFields`). */
export function resetFields({ resource }: ServedKind, subresource: string): FieldSet | undefined {
  if (subresource === '') return resource.subresources.status === undefined ? undefined : STATUS;
  if (subresource !== 'status') return undefined;
  const kept = resource.strategy.status?.keptMetadata ?? [];
  return kept.length === 0 ? undefined : { 'f:metadata': Object.fromEntries(kept.map((name) => [`f:${name}`, {}])) };
}

/** The last part of `IgnoreManagedFieldsTimestampsTransformer`: new times alone are no change. Mutates `next`. */
export function keepTimes(next: ApiObject, previous: ApiObject): void {
  const { managedFields: before } = previous.metadata;
  const { managedFields: after } = next.metadata;
  if (before === undefined || after === undefined || before === after || !isSameButTimes(after, before)) return;
  next.metadata.managedFields = before;
  if (!isSameValue(next, previous)) next.metadata.managedFields = after;
}

/** Entries that admission has made invalid are those of before; the client is told. Mutates the object. */
export function keepEntries({ object, warn }: AdmissionAttributes, before: ManagedFieldsEntry[] | undefined): void {
  const after = object?.metadata.managedFields;
  if (object === undefined || after === before || after === undefined) return;
  try {
    readEntries(after);
  } catch (error) {
    if (before === undefined) delete object.metadata.managedFields;
    else object.metadata.managedFields = before;
    warn(
      `.metadata.managedFields was in an invalid state after admission; this could be caused by an outdated mutating admission controller; please fix your requests: ${(error as Error).message}`,
    );
  }
}

const STATUS: FieldSet = { 'f:status': {} };

/** What a client sends counts when it is valid, but not through a subresource (`decodeLiveOrNew`). */
function entriesToGoOnFrom(
  next: ApiObject,
  previous: ApiObject | undefined,
  subresource: string,
): readonly ManagedFieldsEntry[] {
  const present = previous?.metadata.managedFields ?? [];
  const sent = next.metadata.managedFields;
  if (subresource !== '' || sent === undefined || sent === present) return present;
  if (sent.length === 1 && Object.keys(sent[0]!).length === 0) return [];
  try {
    return readEntries(sent).length > 0 ? sent : present;
  } catch {
    return present;
  }
}
