/**
 * Server-side apply: merges a configuration into the live object, takes away what its manager applied before and does
 * not any more, and refuses to change what others own (upstream: structured-merge-diff `merge/update.go`, apimachinery
 * `util/managedfields`).
 */
import { ApiError, badRequest } from '../machinery/errors.ts';
import type { ApiObject, ManagedFieldsEntry } from '../machinery/meta.ts';
import type { Schema, SchemaTable } from '../schema/schema.ts';
import { appliedFields, compare, isObject, sameJson } from './compare.ts';
import type { Comparison } from './compare.ts';
import type { FieldSet } from './field-set.ts';
import { intersection, listPaths, rootDifference, union } from './field-set.ts';
import { isSameOwner, readEntries, withoutChanged, writeEntries } from './managed-fields.ts';
import type { Ownership } from './managed-fields.ts';
import { mergeValues, removeFields } from './merge.ts';
import { rootShape } from './shape.ts';
import type { Shape } from './shape.ts';

export interface ApplyPatch {
  /** The object as it is stored; for one that does not exist yet, a skeleton with its name. */
  live: ApiObject;
  /** The applied configuration: checked and pruned, not defaulted. */
  applied: ApiObject;
  /** Entries of the live object. */
  managedFields: readonly ManagedFieldsEntry[];
  manager: string;
  /** Takes over what others own. */
  force: boolean;
  /** Fields that others own and this manager may change all the same (`lastAppliedFields`). */
  mayTake?: FieldSet | undefined;
  apiVersion: string;
  subresource?: string | undefined;
  /** RFC 3339, now. */
  time: string;
  schema: string | Schema;
  table: SchemaTable;
  /** Fields that this endpoint resets (`f:status` on the main resource): nobody comes to own them. */
  ignored?: FieldSet;
  /** Gives the form in which an object is stored, as a private copy: what says nothing is owned and not stored. */
  toStored?(object: ApiObject): ApiObject;
}

export interface ApplyResult {
  /** The new object, to be defaulted, validated and stored; without managedFields. */
  object: ApiObject;
  managedFields: ManagedFieldsEntry[];
}

/**
 * Throws 409 with one cause per field when others own what would change and `force` is not set; 400 for managedFields
 * in the configuration and for list items without their keys. Mutates nothing.
 */
export function applyPatch(patch: ApplyPatch): ApplyResult {
  const { live, applied, manager, apiVersion, subresource = '' } = patch;
  if ((applied.metadata.managedFields ?? []).length > 0) throw badRequest('metadata.managedFields must be nil');
  const shape = rootShape(patch.table, patch.schema);
  checkKeys(shape, applied, '');
  const owners = readEntries(patch.managedFields);
  const identity = { manager, operation: 'Apply' as const, apiVersion, subresource };
  const last = owners.find((owner) => isSameOwner(owner, identity));
  const others = owners.filter((owner) => owner !== last);
  const fields = tracked(appliedFields(shape, applied), patch.ignored);
  const merged = mergeValues(shape, live, applied);
  const object = withoutAbandoned(shape, merged, { last, fields, others }) as ApiObject;
  const comparison = compare(shape, live, object);
  if (!patch.force) refuseConflicts(others, comparison, patch.mayTake);
  const entries = withoutChanged(others, comparison);
  const stored = patch.toStored === undefined ? object : patch.toStored(object);
  const change = compare(shape, live, stored);
  if (fields !== undefined) entries.push({ ...identity, time: timeOf(patch, { last, fields, change }), fields });
  return { object: withoutManagedFields(stored), managedFields: writeEntries(entries) };
}

/** What may be owned: metadata itself may not, and neither what the endpoint resets. */
function tracked(fields: FieldSet | undefined, ignored: FieldSet | undefined): FieldSet | undefined {
  const own = { ...fields };
  if (own['f:metadata'] !== undefined && Object.keys(own['f:metadata']).length === 0) delete own['f:metadata'];
  for (const key of Object.keys(ignored ?? {})) delete own[key];
  return Object.keys(own).length > 0 ? own : undefined;
}

interface Claims {
  last: Ownership | undefined;
  fields: FieldSet | undefined;
  others: readonly Ownership[];
}

/** What this manager applied before, applies no more, and nobody else owns. */
function withoutAbandoned(shape: Shape, merged: unknown, { last, fields, others }: Claims): unknown {
  if (last === undefined) return merged;
  const gone = fields === undefined ? last.fields : rootDifference(last.fields, fields);
  if (gone === undefined) return merged;
  const kept = others.reduce((all, owner) => union(all, owner.fields), fields ?? {});
  return removeFields(shape, merged, { gone, kept }) ?? merged;
}

/** The time stays when neither the object nor the set of fields changed. */
function timeOf(
  { time }: ApplyPatch,
  { last, fields, change }: { last: Ownership | undefined; fields: FieldSet; change: Comparison },
): string {
  const isSame = change.taken === undefined && change.removed === undefined && sameJson(last?.fields, fields);
  return isSame ? (last?.time ?? time) : time;
}

function withoutManagedFields(object: ApiObject): ApiObject {
  const metadata = { ...object.metadata };
  delete metadata.managedFields;
  return { ...object, metadata };
}

interface Conflict {
  owner: Ownership;
  paths: string[];
}

function refuseConflicts(others: readonly Ownership[], comparison: Comparison, mayTake: FieldSet = {}): void {
  const taken = comparison.taken && rootDifference(comparison.taken, mayTake);
  if (taken === undefined) return;
  const conflicts: Conflict[] = [];
  for (const owner of others) {
    const common = intersection(owner.fields, taken);
    const paths = common === undefined ? [] : listPaths(common);
    if (paths.length > 0) conflicts.push({ owner, paths });
  }
  if (conflicts.length > 0) throw applyConflict(conflicts);
}

/** Worded as `managedfields.NewConflictError`. */
function applyConflict(conflicts: readonly Conflict[]): ApiError {
  const count = conflicts.reduce((sum, { paths }) => sum + paths.length, 0);
  const causes = conflicts.flatMap(({ owner, paths }) =>
    paths.map((path) => ({ reason: 'FieldManagerConflict', message: `conflict with ${describe(owner)}`, field: path })),
  );
  const first = conflicts[0]!;
  const single = `Apply failed with 1 conflict: conflict with ${describe(first.owner)}: ${first.paths[0]!}`;
  const listed = conflicts
    .map(({ owner, paths }) => ({ name: describe(owner), list: paths.map((path) => `- ${path}`).join('\n') }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, list }) => `conflicts with ${name}:\n${list}`);
  const message = count === 1 ? single : `Apply failed with ${count} conflicts: ${listed.join('\n')}`;
  return new ApiError({ code: 409, reason: 'Conflict', message, details: { causes } });
}

function describe({ manager, operation, apiVersion, subresource }: Ownership): string {
  const name = `${JSON.stringify(manager)}${subresource === '' ? '' : ` with subresource ${JSON.stringify(subresource)}`}`;
  return operation === 'Update' ? `${name} using ${apiVersion}` : name;
}

/** Items of keyed lists need their keys, and may not stand twice: they could not be told apart. */
function checkKeys(shape: Shape, value: unknown, path: string): void {
  if (shape.kind === 'leaf') return;
  if (Array.isArray(value)) {
    if (shape.kind === 'list-map') value.forEach((item, i) => checkItem(shape, item, `${path}[${i}]`));
    return;
  }
  if (!isObject(value)) return;
  for (const key of Object.keys(value)) {
    const part = shape.kind === 'struct' ? shape.fields.get(key) : shape.element;
    if (part !== undefined) checkKeys(part, value[key], `${path}.${key}`);
  }
}

function checkItem(shape: Shape, item: unknown, path: string): void {
  for (const key of shape.keys) {
    const hasKey = isObject(item) && Object.hasOwn(item, key);
    if (!hasKey && !Object.hasOwn(shape.keyDefaults, key) && shape.keys.length === 1) {
      throw badRequest(
        `failed to create typed patch object: ${path}: element 0: associative list with keys has an element that omits key field ${JSON.stringify(key)} (and doesn't have default value)`,
      );
    }
  }
  checkKeys(shape.element!, item, path);
}
