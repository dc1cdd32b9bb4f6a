/**
 * Keeps `metadata.managedFields`: which manager set which fields, recorded from the first write on
 * (upstream: apimachinery `util/managedfields`, structured-merge-diff `merge/update.go`).
 */
import type { ApiObject, ManagedFieldsEntry } from '../machinery/meta.ts';
import { compare } from './compare.ts';
import type { Comparison } from './compare.ts';
import type { FieldSet } from './field-set.ts';
import { isSameSet, readFieldSet, recursiveDifference, rootDifference, union } from './field-set.ts';
import { reconcileFields } from './reconcile.ts';
import { rootShape } from './shape.ts';
import { convertTo, runLater, runNow, shapeIn } from './versions.ts';
import type { Converting, KindVersion } from './versions.ts';

export interface UpdateRecord extends KindVersion {
  /** `undefined` on create. Both objects are of `apiVersion`. */
  previous: ApiObject | undefined;
  next: ApiObject;
  /** The entries to go on from: usually those of `previous`. */
  managedFields: readonly ManagedFieldsEntry[];
  manager: string;
  /** `''` for the main resource. */
  subresource?: string | undefined;
  /** RFC 3339, now. */
  time: string;
  /** Fields that this endpoint resets (`f:status` on the main resource): writing them takes them from nobody. */
  ignored?: FieldSet | undefined;
}

/** One manager's fields, decoded; `time` is what the entry says. */
export interface Ownership {
  manager: string;
  operation: 'Apply' | 'Update';
  apiVersion: string;
  subresource: string;
  time: string | undefined;
  fields: FieldSet;
}

/**
 * The entries after a write that is not an apply: the writer owns what it changed, everybody else loses it, and nobody
 * owns what is gone. An object whose entries were cleared stays without; entries that are none count as none, and those
 * of versions that do not exist are dropped. Mutates nothing. Throws when a conversion has to be waited for.
 */
export function recordUpdate(record: UpdateRecord): ManagedFieldsEntry[] {
  return runNow(recording(record), record.versions);
}

/** Like `recordUpdate`, for kinds whose conversion has to be waited for. */
export function recordUpdateLater(record: UpdateRecord): Promise<ManagedFieldsEntry[]> {
  return runLater(recording(record), record.versions);
}

function* recording(record: UpdateRecord): Converting<ManagedFieldsEntry[]> {
  const { previous, next, table, schema, ignored } = record;
  const entries = entriesOrNone(record.managedFields);
  if (previous !== undefined && entries.length === 0) return [];
  const before = previous ?? NOTHING;
  const comparison = except(compare(rootShape(table, schema), before, next), ignored);
  const owners = reconciled(record, entries);
  const change = { before, after: next, comparison, ignored };
  const left = yield* withoutChanged(record, owners, change);
  if (comparison.taken !== undefined) takeFields(left, record, comparison.taken);
  return writeEntries(capUpdates(left));
}

/** What an object is compared with that is new, in every version. */
const NOTHING: ApiObject = { metadata: {} };

function entriesOrNone(entries: readonly ManagedFieldsEntry[]): Ownership[] {
  try {
    return readEntries(entries);
  } catch {
    return [];
  }
}

/** Whether all of them are entries; those of a request that are not count for nothing. */
export function areEntries(entries: readonly ManagedFieldsEntry[]): boolean {
  try {
    readEntries(entries);
    return true;
  } catch {
    return false;
  }
}

/**
 * Decodes entries; of several of one manager the last counts. Throws `SyntaxError` for what is none, worded as
 * `managedfields/internal/managedfields.go`.
 */
export function readEntries(entries: readonly ManagedFieldsEntry[]): Ownership[] {
  const owners = new Map<string, Ownership>();
  for (const [i, entry] of entries.entries()) {
    const { operation, apiVersion = '', fieldsType = '' } = entry;
    if (operation !== 'Apply' && operation !== 'Update') throw new SyntaxError('operation must be `Apply` or `Update`');
    if (apiVersion === '') throw new SyntaxError('apiVersion must not be empty');
    if ((fieldsType as string) === '') throw new SyntaxError(`missing fieldsType in managed fields entry ${i}`);
    if (fieldsType !== 'FieldsV1')
      throw new SyntaxError(`invalid fieldsType ${JSON.stringify(fieldsType)} in managed fields entry ${i}`);
    const { manager = '', subresource = '', time } = entry;
    const owner = { manager, operation, apiVersion, subresource, time, fields: readFieldSet(entry.fieldsV1) };
    owners.set(identify(owner), owner);
  }
  return [...owners.values()];
}

/** Encodes entries in upstream's order: applies first, then by time, then by manager. */
export function writeEntries(owners: readonly Ownership[]): ManagedFieldsEntry[] {
  const sorted = owners.length < 2 ? owners : [...owners].sort(compareOwners);
  return sorted.map(({ manager, operation, apiVersion, subresource, time, fields }) => ({
    manager,
    operation,
    apiVersion,
    ...(time === undefined ? {} : { time }),
    fieldsType: 'FieldsV1',
    fieldsV1: fields,
    ...(subresource === '' ? {} : { subresource }),
  }));
}

/** An object before and after a write, in the version of the write. */
export interface Change {
  before: ApiObject;
  after: ApiObject;
  comparison: Comparison;
  ignored?: FieldSet | undefined;
}

/** What each owner has that the change concerns, with the change as the owner's version shows it. */
export function* concerned(
  kind: KindVersion,
  owners: readonly Ownership[],
  { before, after, comparison, ignored }: Change,
): Converting<{ owner: Ownership; comparison: Comparison }[]> {
  const byVersion = new Map<string, Comparison>([[kind.apiVersion, comparison]]);
  const result: { owner: Ownership; comparison: Comparison }[] = [];
  for (const owner of owners) {
    const { apiVersion } = owner;
    const shape = shapeIn(kind, apiVersion);
    if (shape === undefined) continue;
    let seen = kind.versions === undefined ? comparison : byVersion.get(apiVersion);
    if (seen === undefined) {
      const way = { from: kind.apiVersion, to: apiVersion };
      const previous = before === NOTHING ? before : yield* convertTo(kind, before, way);
      const next = yield* convertTo(kind, after, way);
      byVersion.set(apiVersion, (seen = except(compare(shape, previous, next), ignored)));
    }
    result.push({ owner, comparison: seen });
  }
  return result;
}

/** What is left to everybody after a change; owners of nothing, and of versions that do not exist, are dropped. */
export function* withoutChanged(
  kind: KindVersion,
  owners: readonly Ownership[],
  change: Change,
): Converting<Ownership[]> {
  const left: Ownership[] = [];
  for (const { owner, comparison } of yield* concerned(kind, owners, change)) {
    const { taken, removed } = comparison;
    let fields: FieldSet | undefined = owner.fields;
    if (taken !== undefined) fields = rootDifference(fields, taken);
    if (fields !== undefined && removed !== undefined) fields = rootDifference(fields, removed);
    if (fields !== undefined && Object.keys(fields).length > 0)
      left.push(fields === owner.fields ? owner : { ...owner, fields });
  }
  return left;
}

/** The owners with their fields as the structure of their version has them today, without those of no version. */
export function reconciled(kind: KindVersion, owners: readonly Ownership[]): Ownership[] {
  const result: Ownership[] = [];
  for (const owner of owners) {
    const shape = shapeIn(kind, owner.apiVersion);
    if (shape === undefined) continue;
    const fields = reconcileFields(shape, owner.fields);
    result.push(fields === owner.fields ? owner : { ...owner, fields });
  }
  return result;
}

/** A comparison without what an endpoint resets. */
export function except({ taken, removed }: Comparison, ignored: FieldSet | undefined): Comparison {
  if (ignored === undefined) return { taken, removed };
  return {
    taken: taken && recursiveDifference(taken, ignored),
    removed: removed && recursiveDifference(removed, ignored),
  };
}

/**
 * What tells managers apart, and sorts them in messages: those that apply are the same through every version
 * (`BuildManagerIdentifier`).
 */
export function identify({ manager, operation, apiVersion, subresource }: Omit<Ownership, 'fields' | 'time'>): string {
  const version = operation === 'Apply' ? '' : apiVersion;
  return JSON.stringify({
    ...(manager === '' ? {} : { manager }),
    operation,
    ...(version === '' ? {} : { apiVersion: version }),
    ...(subresource === '' ? {} : { subresource }),
  });
}

/** Entries that differ from those before in nothing but times keep those (`IgnoreManagedFieldsTimestampsTransformer`). */
export function isSameButTimes(a: readonly ManagedFieldsEntry[], b: readonly ManagedFieldsEntry[]): boolean {
  return (
    a.length === b.length &&
    a.every((entry, i) => {
      const other = b[i]!;
      return (
        (entry.manager ?? '') === (other.manager ?? '') &&
        entry.operation === other.operation &&
        entry.apiVersion === other.apiVersion &&
        (entry.subresource ?? '') === (other.subresource ?? '') &&
        isSameSet(entry.fieldsV1 as FieldSet | undefined, other.fieldsV1 as FieldSet | undefined)
      );
    })
  );
}

function takeFields(owners: Ownership[], record: UpdateRecord, fields: FieldSet): void {
  const { manager, apiVersion, subresource = '', time } = record;
  const owner: Ownership = { manager, operation: 'Update', apiVersion, subresource, time, fields };
  const id = identify(owner);
  const at = owners.findIndex((other) => identify(other) === id);
  if (at < 0) owners.push(owner);
  else owners[at] = { ...owner, fields: union(owners[at]!.fields, fields) };
}

/** More managers of updates than this are merged, the oldest first, into one per version (`capmanagers.go`). */
const MAX_UPDATE_MANAGERS = 10;
const MERGED_MANAGER = 'ancient-changes';

function capUpdates(owners: Ownership[]): Ownership[] {
  const updates = owners.filter((owner) => owner.operation === 'Update');
  let excess = updates.length - MAX_UPDATE_MANAGERS;
  if (excess <= 0) return owners;
  const kept = new Set(owners);
  const merged = new Map<string, Ownership>();
  for (const owner of updates.sort(compareAges)) {
    if (excess <= 0) break;
    const bucket = merged.get(owner.apiVersion);
    if (bucket === undefined) {
      merged.set(owner.apiVersion, owner);
      continue;
    }
    const fields = union(bucket.fields, owner.fields);
    const next: Ownership = { ...owner, manager: MERGED_MANAGER, subresource: '', fields };
    kept.delete(bucket);
    kept.delete(owner);
    kept.add(next);
    merged.set(owner.apiVersion, next);
    excess--;
  }
  return [...kept];
}

function compareAges(a: Ownership, b: Ownership): number {
  return compareText(a.time ?? '', b.time ?? '') || compareText(identify(a), identify(b));
}

function compareOwners(a: Ownership, b: Ownership): number {
  return (
    compareText(a.operation, b.operation) ||
    compareText(a.time ?? '', b.time ?? '') ||
    compareText(a.manager, b.manager) ||
    compareText(a.apiVersion, b.apiVersion) ||
    compareText(a.subresource, b.subresource)
  );
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
