/**
 * Server-side apply: merges a configuration into the live object, takes away what its manager applied before and does
 * not any more, and refuses to change what others own (upstream: structured-merge-diff `merge/update.go`, apimachinery
 * `util/managedfields`).
 */
import { ApiError, badRequest } from '../machinery/errors.ts';
import type { ApiObject, ManagedFieldsEntry } from '../machinery/meta.ts';
import { compare, fieldsOf, sameJson } from './compare.ts';
import type { Comparison } from './compare.ts';
import type { FieldSet } from './field-set.ts';
import { intersection, listPaths, recursiveDifference, rootDifference } from './field-set.ts';
import {
  concerned,
  except,
  identify,
  isSameButTimes,
  readEntries,
  reconciled,
  withoutChanged,
  writeEntries,
} from './managed-fields.ts';
import type { Change, Ownership } from './managed-fields.ts';
import { mergeValues } from './merge.ts';
import { prune } from './prune.ts';
import { rootShape } from './shape.ts';
import type { Shape } from './shape.ts';
import { runLater, runNow } from './versions.ts';
import type { Converting, KindVersion } from './versions.ts';

export interface ApplyPatch extends KindVersion {
  /** The object as it is stored, in `apiVersion`; for one that does not exist yet, a skeleton with its name. */
  live: ApiObject;
  /** The applied configuration: checked (`typedProblems`) and pruned, not defaulted. */
  applied: ApiObject;
  /** Entries of the live object. */
  managedFields: readonly ManagedFieldsEntry[];
  manager: string;
  /** Takes over what others own. */
  force: boolean;
  /** Fields that others own and this manager may change all the same (`lastAppliedFields`). */
  mayTake?: FieldSet | undefined;
  subresource?: string | undefined;
  /** RFC 3339, now. */
  time: string;
  /** Fields that this endpoint resets (`f:status` on the main resource): nobody comes to own them. */
  ignored?: FieldSet | undefined;
  /** Gives the form in which an object is stored, as a private copy: what says nothing is owned and not stored. */
  toStored?(object: ApiObject): ApiObject;
}

export interface ApplyResult {
  /** The new object, to be defaulted, validated and stored; without managedFields. */
  object: ApiObject;
  managedFields: ManagedFieldsEntry[];
}

/**
 * Throws 409 with one cause per field when others own what would change and `force` is not set, 400 for managedFields
 * in the configuration, 500 for entries that are none. Mutates nothing. Throws when a conversion has to be waited for.
 */
export function applyPatch(patch: ApplyPatch): ApplyResult {
  return runNow(applying(patch), patch.versions);
}

/** Like `applyPatch`, for kinds whose conversion has to be waited for. */
export function applyPatchLater(patch: ApplyPatch): Promise<ApplyResult> {
  return runLater(applying(patch), patch.versions);
}

function* applying(patch: ApplyPatch): Converting<ApplyResult> {
  const { live, applied, manager, apiVersion, subresource = '', ignored } = patch;
  if ((applied.metadata.managedFields ?? []).length > 0) throw badRequest('metadata.managedFields must be nil');
  const shape = rootShape(patch.table, patch.schema);
  const owners = reconciled(patch, decoded(patch.managedFields));
  const own = { manager, operation: 'Apply' as const, apiVersion, subresource };
  const last = owners.find((owner) => identify(owner) === identify(own));
  const others = owners.filter((owner) => owner !== last);
  const fields = tracked(fieldsOf(shape, applied), ignored);
  const held = fields === undefined ? others : [...others, { ...own, time: undefined, fields }];
  const merged = mergeValues(shape, live, applied) as ApiObject;
  const object = yield* prune(patch, merged, { last, held });
  const comparison = except(compare(shape, live, object), ignored);
  const change = { before: live, after: object, comparison, ignored };
  if (!patch.force) yield* refuseConflicts(patch, others, change);
  const left = yield* withoutChanged(patch, others, change);
  const stored = patch.toStored === undefined ? object : patch.toStored(object);
  if (fields !== undefined) left.push({ ...own, time: isSameObject(live, object) ? last?.time : patch.time, fields });
  return { object: withoutManagedFields(stored), managedFields: entriesOf(patch, left, { shape, stored }) };
}

function decoded(entries: readonly ManagedFieldsEntry[]): Ownership[] {
  try {
    return readEntries(entries);
  } catch (error) {
    const message = `failed to decode managed fields: ${(error as Error).message}`;
    throw new ApiError({ code: 500, message });
  }
}

/** What may be owned: metadata itself may not, and neither what the endpoint resets. */
function tracked(fields: FieldSet | undefined, ignored: FieldSet | undefined): FieldSet | undefined {
  const own = { ...fields };
  if (own['f:metadata'] !== undefined && Object.keys(own['f:metadata']).length === 0) delete own['f:metadata'];
  if (Object.keys(own).length === 0) return undefined;
  return ignored === undefined ? own : recursiveDifference(own, ignored);
}

/** Times are those of before when nothing else would change in what is stored. */
function entriesOf(
  { live, managedFields }: ApplyPatch,
  owners: readonly Ownership[],
  { shape, stored }: { shape: Shape; stored: ApiObject },
): ManagedFieldsEntry[] {
  const entries = writeEntries(owners);
  if (!isSameButTimes(entries, managedFields)) return entries;
  const { taken, removed } = compare(shape, live, stored);
  return taken === undefined && removed === undefined ? [...managedFields] : entries;
}

function isSameObject(live: ApiObject, object: ApiObject): boolean {
  return live === object || sameJson(live, object);
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

function* refuseConflicts(patch: ApplyPatch, others: readonly Ownership[], change: Change): Converting<void> {
  const conflicts: Conflict[] = [];
  for (const { owner, comparison } of yield* concerned(patch, others, change)) {
    const taken = withoutAllowed(comparison, patch.mayTake);
    const common = taken && intersection(owner.fields, taken);
    const paths = common === undefined ? [] : listPaths(common);
    if (paths.length > 0) conflicts.push({ owner, paths });
  }
  if (conflicts.length > 0) throw applyConflict(conflicts);
}

function withoutAllowed({ taken }: Comparison, allowed: FieldSet | undefined): FieldSet | undefined {
  return taken === undefined || allowed === undefined ? taken : rootDifference(taken, allowed);
}

/** Worded as `managedfields.NewConflictError`. */
function applyConflict(conflicts: readonly Conflict[]): ApiError {
  const count = conflicts.reduce((sum, { paths }) => sum + paths.length, 0);
  const causes = conflicts.flatMap(({ owner, paths }) =>
    paths.map((path) => ({ reason: 'FieldManagerConflict', message: `conflict with ${describe(owner)}`, field: path })),
  );
  const first = conflicts[0]!;
  const single = `Apply failed with 1 conflict: conflict with ${describe(first.owner)}: ${first.paths[0]!}`;
  const listed = [...conflicts]
    .sort((a, b) => (identify(a.owner) < identify(b.owner) ? -1 : 1))
    .map(({ owner, paths }) => `conflicts with ${describe(owner)}:\n${paths.map((path) => `- ${path}`).join('\n')}`);
  const message = count === 1 ? single : `Apply failed with ${count} conflicts: ${listed.join('\n')}`;
  return new ApiError({ code: 409, reason: 'Conflict', message, details: { causes } });
}

function describe({ manager, operation, apiVersion, subresource }: Ownership): string {
  const name = `${JSON.stringify(manager)}${subresource === '' ? '' : ` with subresource ${JSON.stringify(subresource)}`}`;
  return operation === 'Update' ? `${name} using ${apiVersion}` : name;
}
