/**
 * Keeps `metadata.managedFields`: which manager set which fields, recorded from the first write on
 * (upstream: apimachinery `util/managedfields`, structured-merge-diff `merge/update.go`).
 */
import type { ApiObject, ManagedFieldsEntry } from '../machinery/meta.ts';
import type { Schema, SchemaTable } from '../schema/schema.ts';
import { addedFields, compare } from './compare.ts';
import type { Comparison } from './compare.ts';
import type { FieldSet } from './field-set.ts';
import { readFieldSet, rootDifference, union } from './field-set.ts';
import { rootShape } from './shape.ts';

export interface UpdateRecord {
  /** `undefined` on create. */
  previous: ApiObject | undefined;
  next: ApiObject;
  /** The entries to go on from: usually those of `previous`. */
  managedFields: readonly ManagedFieldsEntry[];
  manager: string;
  /** Entries of `Apply` come from `applyPatch`. */
  operation?: 'Update';
  apiVersion: string;
  /** `''` for the main resource. */
  subresource?: string | undefined;
  /** RFC 3339, now. */
  time: string;
  /** The kind's model name, or a schema of its own (a CRD's). */
  schema: string | Schema;
  table: SchemaTable;
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
 * owns what is gone. An object whose entries were cleared stays without. Mutates nothing.
 */
export function recordUpdate(record: UpdateRecord): ManagedFieldsEntry[] {
  const { previous, next, managedFields } = record;
  if (previous !== undefined && managedFields.length === 0) return [];
  const shape = rootShape(record.table, record.schema);
  const comparison: Comparison =
    previous === undefined
      ? { taken: addedFields(shape, next, false), removed: undefined }
      : compare(shape, previous, next);
  if (comparison.taken === undefined && comparison.removed === undefined) return [...managedFields];
  const owners = withoutChanged(readEntries(managedFields), comparison);
  if (comparison.taken !== undefined) takeFields(owners, record, comparison.taken);
  return writeEntries(capUpdates(owners));
}

/** Decodes entries; several of one manager, operation, version and subresource become one. */
export function readEntries(entries: readonly ManagedFieldsEntry[]): Ownership[] {
  const owners: Ownership[] = [];
  for (const entry of entries) {
    const owner: Ownership = {
      manager: entry.manager ?? '',
      operation: entry.operation === 'Apply' ? 'Apply' : 'Update',
      apiVersion: entry.apiVersion ?? '',
      subresource: entry.subresource ?? '',
      time: entry.time,
      fields: readFieldSet(entry.fieldsV1),
    };
    const same = owners.find((other) => isSameOwner(other, owner));
    if (same === undefined) owners.push(owner);
    else same.fields = union(same.fields, owner.fields);
  }
  return owners;
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

/** What is left to everybody after a change; owners of nothing are dropped. */
export function withoutChanged(owners: readonly Ownership[], { taken, removed }: Comparison): Ownership[] {
  const left: Ownership[] = [];
  for (const owner of owners) {
    let fields: FieldSet | undefined = owner.fields;
    if (taken !== undefined) fields = rootDifference(fields, taken);
    if (fields !== undefined && removed !== undefined) fields = rootDifference(fields, removed);
    if (fields !== undefined && Object.keys(fields).length > 0) left.push({ ...owner, fields });
  }
  return left;
}

export function isSameOwner(a: Omit<Ownership, 'fields' | 'time'>, b: Omit<Ownership, 'fields' | 'time'>): boolean {
  return (
    a.manager === b.manager &&
    a.operation === b.operation &&
    a.apiVersion === b.apiVersion &&
    a.subresource === b.subresource
  );
}

function takeFields(owners: Ownership[], record: UpdateRecord, fields: FieldSet): void {
  const { manager, apiVersion, subresource = '', time } = record;
  const owner: Ownership = { manager, operation: 'Update', apiVersion, subresource, time, fields };
  const at = owners.findIndex((other) => isSameOwner(other, owner));
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
  for (const owner of updates.sort(compareOwners)) {
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
