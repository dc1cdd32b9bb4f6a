/**
 * From values to sets of fields: which fields a value has, and which an update took or removed
 * (upstream: structured-merge-diff `typed/compare.go` and `tofieldset.go`).
 */
import type { FieldSet } from './field-set.ts';
import { union } from './field-set.ts';
import type { Shape } from './shape.ts';
import { DEDUCED } from './shape.ts';

export type JsonObject = Record<string, unknown>;

export interface Comparison {
  /** Fields that are new or have another value. */
  taken: FieldSet | undefined;
  /** Fields that are gone. */
  removed: FieldSet | undefined;
}

/** What changed from `previous` to `next`, two values of the same shape; `undefined` is none. */
export function compare(shape: Shape, previous: unknown, next: unknown): Comparison {
  if (previous === next) return UNCHANGED;
  if (previous === undefined) return compareAs(formOf(shape, next), shape, [previous, next]);
  const before = formOf(shape, previous);
  const after = formOf(shape, next);
  if (next === undefined || before === after) return compareAs(before, shape, [previous, next]);
  // A value of another form: what the old one had is gone, what the new one has is new.
  const { taken, removed } = compareAs(before, shape, [previous, next]);
  const other = compareAs(after, shape, [previous, next]);
  return { taken: unionOrEither(taken, other.taken), removed: unionOrEither(removed, other.removed) };
}

/**
 * The fields that a value names: leaves, items of lists and maps, and structs that are empty; structs with fields are
 * not members themselves. `undefined` for none.
 */
export function fieldsOf(shape: Shape, value: unknown): FieldSet | undefined {
  const form = formOf(shape, value);
  if (form === 'leaf') return {};
  if (form === 'list') return Array.isArray(value) ? fieldsOfList(shape, value) : undefined;
  if (!isObject(value)) return undefined;
  const node: FieldSet = {};
  for (const key in value) {
    const part = partOf(shape, key);
    if (part === undefined || value[key] === undefined) continue;
    const child = fieldsOf(part, value[key]);
    const isItself = isEmptyField(value[key]) || !shape.fields.has(key);
    if (child !== undefined || isItself) node[`f:${key}`] = isItself ? asMember(child) : child!;
  }
  return isEmptyNode(node) ? undefined : node;
}

/** The items of a list by path element (`k:{"name":"web"}`), in order; duplicates stand together. */
export function itemsOf(shape: Shape, list: readonly unknown[]): Map<string, unknown[]> {
  const items = new Map<string, unknown[]>();
  for (const item of list) {
    const element = itemElement(shape, item);
    const same = items.get(element);
    if (same === undefined) items.set(element, [item]);
    else same.push(item);
  }
  return items;
}

/** The element for an item of a keyed list or a set. */
export function itemElement(shape: Shape, item: unknown): string {
  if (shape.kind === 'set') return `v:${JSON.stringify(item)}`;
  const keys: JsonObject = {};
  for (const key of shape.keys) {
    const value = isObject(item) && Object.hasOwn(item, key) ? item[key] : shape.keyDefaults[key];
    if (value !== undefined) keys[key] = value;
  }
  return `k:${JSON.stringify(keys)}`;
}

/** Deep equality of JSON values, key order aside. */
export function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, i) => sameJson(item, b[i]));
  if (!isObject(a) || !isObject(b)) return false;
  let count = 0;
  for (const key in a) {
    if (!Object.hasOwn(b, key) || !sameJson(a[key], b[key])) return false;
    count++;
  }
  return count === Object.keys(b).length;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The shape of a field or map entry; `undefined` when it is not tracked. */
export function partOf(shape: Shape, name: string): Shape | undefined {
  const field = shape.fields.get(name);
  return field !== undefined || (shape.element !== undefined && shape.fields.has(name)) ? field : shape.element;
}

/** How a value of a shape is taken: whole, or by its parts. */
export function formOf(shape: Shape, value: unknown): 'leaf' | 'map' | 'list' {
  switch (shape.kind) {
    case 'leaf':
      return 'leaf';
    case 'list-map':
    case 'set':
      return 'list';
    case 'deduced':
      return isObject(value) || value === null || typeof value === 'symbol' ? 'map' : 'leaf';
    default:
      return 'map';
  }
}

const UNCHANGED: Comparison = { taken: undefined, removed: undefined };
const LEAF: Shape = { ...DEDUCED, kind: 'leaf', element: undefined };
/** What Go has where nothing was written, of a shape that is always there. */
const NOTHING_WRITTEN = Symbol('nothing written');

function compareAs(
  form: 'leaf' | 'map' | 'list',
  shape: Shape,
  [previous, next]: readonly [unknown, unknown],
): Comparison {
  if (form === 'leaf') return compareLeaves(previous, next);
  if (form === 'list') {
    const before = Array.isArray(previous) ? (previous as unknown[]) : [];
    const after = Array.isArray(next) ? (next as unknown[]) : [];
    if (before.length === 0 && after.length === 0) return compareLeaves(previous, next);
    return marked(compareLists(shape, before, after), previous, next);
  }
  const before = isObject(previous) ? previous : NO_FIELDS;
  const after = isObject(next) ? next : NO_FIELDS;
  if (isEmptyNode(before) && isEmptyNode(after)) return compareLeaves(previous, next);
  return marked(compareObjects(shape, [before, isThere(previous)], [after, isThere(next)]), previous, next);
}

const NO_FIELDS: JsonObject = Object.freeze({});

/** Whether Go has the fields of this one that are always there. */
function isThere(value: unknown): boolean {
  return value === NOTHING_WRITTEN || isObject(value);
}

function compareLeaves(previous: unknown, next: unknown): Comparison {
  if (previous === undefined) return TAKEN;
  if (next === undefined) return REMOVED;
  if (previous === NOTHING_WRITTEN || next === NOTHING_WRITTEN) return UNCHANGED;
  return sameJson(previous, next) ? UNCHANGED : TAKEN;
}

const TAKEN: Comparison = Object.freeze({ taken: Object.freeze({}), removed: undefined });
const REMOVED: Comparison = Object.freeze({ taken: undefined, removed: Object.freeze({}) });

/** A comparison of parts with the whole, when that is new or gone. */
function marked({ taken, removed }: Comparison, previous: unknown, next: unknown): Comparison {
  if (previous === undefined) return { taken: asMember(taken), removed };
  if (next === undefined) return { taken, removed: asMember(removed) };
  return { taken, removed };
}

function compareObjects(
  shape: Shape,
  [previous, hadDefaults]: readonly [JsonObject, boolean],
  [next, hasDefaults]: readonly [JsonObject, boolean],
): Comparison {
  const changes: Comparison = { taken: undefined, removed: undefined };
  for (const key in next) {
    const value = next[key];
    const part = partOf(shape, key);
    if (part === undefined || value === undefined) continue;
    const before = Object.hasOwn(previous, key) ? previous[key] : undefined;
    if (before === value) continue;
    keep(
      changes,
      `f:${key}`,
      compare(part, before === undefined ? unwritten(part, hadDefaults, value) : before, value),
    );
  }
  for (const key in previous) {
    const value = previous[key];
    const part = partOf(shape, key);
    if (part === undefined || value === undefined) continue;
    if (Object.hasOwn(next, key) && next[key] !== undefined) continue;
    keep(changes, `f:${key}`, compare(part, value, unwritten(part, hasDefaults, value)));
  }
  return changes;
}

/** What stands for a value that is missing beside `other`. */
function unwritten(part: Shape, isParentThere: boolean, other: unknown): unknown {
  if (!part.isAlwaysThere || !isParentThere) return undefined;
  const isZero = other === 0 || other === '' || other === false || other === null;
  return part.kind !== 'leaf' || isZero ? NOTHING_WRITTEN : undefined;
}

function compareLists(shape: Shape, previous: readonly unknown[], next: readonly unknown[]): Comparison {
  const changes: Comparison = { taken: undefined, removed: undefined };
  const before = itemsOf(shape, previous);
  const after = itemsOf(shape, next);
  for (const [element, items] of before) keep(changes, element, compareItems(shape, items, after.get(element) ?? []));
  for (const [element, items] of after) {
    if (!before.has(element)) keep(changes, element, compareItems(shape, [], items));
  }
  return changes;
}

/** Items that stand there several times are one value. */
function compareItems(shape: Shape, before: readonly unknown[], after: readonly unknown[]): Comparison {
  const element = shape.element ?? LEAF;
  if (before.length <= 1 && after.length <= 1) return compare(element, before[0], after[0]);
  if (before.length >= 2 && after.length >= 2) return sameJson(before, after) ? UNCHANGED : TAKEN;
  const isNewlyDuplicate = after.length >= 2;
  const { taken, removed } = isNewlyDuplicate
    ? compare(element, before[0], undefined)
    : compare(element, undefined, after[0]);
  return isNewlyDuplicate ? { taken: asMember(taken), removed } : { taken, removed: asMember(removed) };
}

function fieldsOfList(shape: Shape, list: readonly unknown[]): FieldSet | undefined {
  const node: FieldSet = {};
  for (const [element, items] of itemsOf(shape, list)) {
    node[element] = items.length > 1 ? {} : asMember(fieldsOf(shape.element ?? LEAF, items[0]));
  }
  return isEmptyNode(node) ? undefined : node;
}

/** Null and empty structs are fields themselves. */
function isEmptyField(value: unknown): boolean {
  return value === null || (isObject(value) && isEmptyNode(value));
}

function asMember(node: FieldSet | undefined): FieldSet {
  if (node === undefined || isEmptyNode(node) || Object.hasOwn(node, '.')) return node ?? {};
  return { '.': {}, ...node };
}

function isEmptyNode(object: object): boolean {
  for (const _key in object) return false;
  return true;
}

function keep(into: Comparison, element: string, part: Comparison): void {
  if (part.taken !== undefined) (into.taken ??= {})[element] = part.taken;
  if (part.removed !== undefined) (into.removed ??= {})[element] = part.removed;
}

function unionOrEither(a: FieldSet | undefined, b: FieldSet | undefined): FieldSet | undefined {
  return a === undefined || b === undefined ? (a ?? b) : union(a, b);
}
