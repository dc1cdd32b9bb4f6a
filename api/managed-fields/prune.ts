/**
 * Takes away what a manager applied before and does not apply any more: what somebody else owns stays, and so does what
 * nobody ever applied, unless the struct or item that holds it goes (upstream: structured-merge-diff `merge/update.go`
 * prune, addBackOwnedItems, addBackDanglingItems).
 */
import type { ApiObject } from '../machinery/meta.ts';
import { fieldsOf, partOf } from './compare.ts';
import type { FieldSet } from './field-set.ts';
import { intersection, isSubset, rootDifference, unionOf } from './field-set.ts';
import type { Ownership } from './managed-fields.ts';
import { removeFields } from './merge.ts';
import type { Shape } from './shape.ts';
import { convertTo, shapeIn } from './versions.ts';
import type { Converting, KindVersion } from './versions.ts';

export interface Claims {
  /** What the manager applied before. */
  last: Ownership | undefined;
  /** What it applies now, and what everybody else owns. */
  held: readonly Ownership[];
}

/** `merged`, the live object with the applied configuration over it, without what its manager gave up. */
export function* prune(kind: KindVersion, merged: ApiObject, { last, held }: Claims): Converting<ApiObject> {
  const shape = last === undefined ? undefined : shapeIn(kind, last.apiVersion);
  if (last === undefined || shape === undefined || isAllHeld(last, held)) return merged;
  const from = last.apiVersion;
  const whole = yield* convertTo(kind, merged, { from: kind.apiVersion, to: from });
  const given = withNamedFields(shape, last.fields);
  let pruned = without(shape, whole, given);
  for (const [version, fields] of heldByVersion(held, from)) {
    pruned = yield* withHeld(kind, { whole, pruned }, { version, fields, from });
  }
  const gone = rootDifference(namedFields(shape, whole), namedFields(shape, pruned));
  const goneOfOwn = gone === undefined ? undefined : intersection(gone, given);
  const result = goneOfOwn === undefined ? whole : without(shape, whole, goneOfOwn);
  return yield* convertTo(kind, result, { from, to: kind.apiVersion });
}

/** Nothing was given up: the usual case. */
function isAllHeld(last: Ownership, held: readonly Ownership[]): boolean {
  return held.some(({ apiVersion, fields }) => apiVersion === last.apiVersion && isSubset(last.fields, fields));
}

/** The version of what was applied last comes first: other versions may need its fields to be converted. */
function heldByVersion(held: readonly Ownership[], first: string): Map<string, FieldSet> {
  const byVersion = new Map<string, FieldSet>();
  const inOrder = [...held].sort((a, b) => Number(b.apiVersion === first) - Number(a.apiVersion === first));
  for (const { apiVersion, fields } of inOrder) {
    byVersion.set(apiVersion, unionOf(byVersion.get(apiVersion), fields)!);
  }
  return byVersion;
}

/** `pruned` with what is held as a version names it; both objects are of version `from`. */
function* withHeld(
  kind: KindVersion,
  { whole, pruned }: { whole: ApiObject; pruned: ApiObject },
  { version, fields, from }: { version: string; fields: FieldSet; from: string },
): Converting<ApiObject> {
  const shape = shapeIn(kind, version);
  if (shape === undefined) return pruned;
  const all = yield* convertTo(kind, whole, { from, to: version });
  const left = yield* convertTo(kind, pruned, { from, to: version });
  const kept = unionOf(namedFields(shape, left), withNamedFields(shape, fields));
  const allFields = namedFields(shape, all);
  const gone = kept === undefined ? allFields : rootDifference(allFields, kept);
  const result = gone === undefined ? all : without(shape, all, gone);
  return yield* convertTo(kind, result, { from: version, to: from });
}

function without(shape: Shape, object: ApiObject, gone: FieldSet): ApiObject {
  const left = (removeFields(shape, object, gone) ?? {}) as Partial<ApiObject>;
  return { ...left, metadata: left.metadata ?? {} };
}

function namedFields(shape: Shape, object: ApiObject): FieldSet {
  return withNamedFields(shape, fieldsOf(shape, object) ?? {});
}

/** The set with every field of a struct that it leads through; but metadata, which nobody owns as a whole. */
function withNamedFields(root: Shape, set: FieldSet): FieldSet {
  const named = withNamed(root, set);
  const { 'f:metadata': metadata } = named;
  if (metadata !== undefined) {
    const { '.': _whole, ...parts } = metadata;
    named['f:metadata'] = parts;
  }
  return named;
}

function withNamed(shape: Shape | undefined, set: FieldSet): FieldSet {
  const named: FieldSet = {};
  for (const key in set) {
    if (key === '.') {
      named['.'] = set['.']!;
      continue;
    }
    const isField = key.startsWith('f:');
    const name = key.slice(2);
    const part = shape === undefined ? undefined : isField ? partOf(shape, name) : shape.element;
    const node = withNamed(part, set[key]!);
    const isNamed = isField && shape?.fields.get(name) !== undefined && Object.keys(node).length > 0;
    named[key] = isNamed ? { '.': {}, ...node } : node;
  }
  return named;
}
