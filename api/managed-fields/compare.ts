/**
 * From values to sets of fields: which fields a value has, and which an update took or removed
 * (upstream: structured-merge-diff `typed/compare.go` and `tofieldset.go`).
 */
import type { FieldSet } from './field-set.ts';
import type { Shape } from './shape.ts';

export type JsonObject = Record<string, unknown>;

export interface Comparison {
  /** Fields that are new or have another value. */
  taken: FieldSet | undefined;
  /** Fields that are gone. */
  removed: FieldSet | undefined;
}

/** What changed from `previous` to `next`, two values of the same shape that are both there. */
export function compare(shape: Shape, previous: unknown, next: unknown): Comparison {
  if (previous === next) return UNCHANGED;
  if (shape.kind === 'list-map' && Array.isArray(previous) && Array.isArray(next)) {
    return compareParts(listItems(shape, previous), listItems(shape, next), () => shape.element!);
  }
  if (shape.kind === 'set' && Array.isArray(previous) && Array.isArray(next)) {
    return compareParts(setItems(previous), setItems(next), () => LEAF);
  }
  if (shape.kind !== 'leaf' && isObject(previous) && isObject(next)) return compareObjects(shape, previous, next);
  return sameJson(previous, next) ? UNCHANGED : { taken: {}, removed: undefined };
}

/**
 * Every field of a value that was not there before. A node with parts is marked itself, unless Go always has one where
 * it stands (`isNew` is whether what holds it is new, too). `undefined` when nothing was added.
 */
export function addedFields(shape: Shape, value: unknown, isNew: boolean): FieldSet | undefined {
  const node: FieldSet = {};
  const parts = partsOf(shape, value);
  if (parts === undefined) return node;
  const isAdded = isNew || !shape.isAlwaysThere;
  if (isAdded) node['.'] = {};
  let count = 0;
  const isList = Array.isArray(value);
  for (const [element, part] of parts) {
    const partShape = isList ? (shape.element ?? LEAF) : partOf(shape, element.slice(2));
    const added = partShape === undefined ? undefined : addedFields(partShape, part, isAdded || isList);
    if (added === undefined) continue;
    node[element] = added;
    count++;
  }
  if (count > 0) return node;
  return isAdded ? {} : undefined;
}

/**
 * The fields that an applied configuration names: leaves, items of lists and maps, and structs that are empty; structs
 * with fields are not members themselves. `undefined` when all of its fields are untracked.
 */
export function appliedFields(shape: Shape, value: unknown): FieldSet | undefined {
  const parts = partsOf(shape, value);
  const node: FieldSet = {};
  if (parts === undefined) return node;
  const isList = Array.isArray(value);
  const isOpen = isList || shape.kind === 'map' || shape.kind === 'deduced';
  let untracked = 0;
  for (const [element, part] of parts) {
    const partShape = isList ? (shape.element ?? LEAF) : partOf(shape, element.slice(2));
    const child = partShape === undefined ? undefined : appliedFields(partShape, part);
    if (child === undefined) untracked++;
    else node[element] = isOpen && Object.keys(child).length > 0 ? { '.': {}, ...child } : child;
  }
  return untracked > 0 && Object.keys(node).length === 0 ? undefined : node;
}

/** The items of a keyed list by path element (`k:{"name":"web"}`), in order; a later duplicate wins. */
export function listItems(shape: Shape, list: readonly unknown[]): Map<string, unknown> {
  const items = new Map<string, unknown>();
  for (const item of list) items.set(itemElement(shape, item), item);
  return items;
}

export function setItems(list: readonly unknown[]): Map<string, unknown> {
  const items = new Map<string, unknown>();
  for (const item of list) items.set(`v:${JSON.stringify(item)}`, item);
  return items;
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
  if (shape.kind === 'struct') return shape.fields.get(name);
  if (shape.kind === 'deduced') return shape.fields.get(name) ?? DEDUCED;
  return shape.element;
}

/** The element for an item of a keyed list. */
export function itemElement(shape: Shape, item: unknown): string {
  const keys: JsonObject = {};
  for (const key of shape.keys) {
    const value = isObject(item) && Object.hasOwn(item, key) ? item[key] : shape.keyDefaults[key];
    if (value !== undefined) keys[key] = value;
  }
  return `k:${JSON.stringify(keys)}`;
}

const UNCHANGED: Comparison = { taken: undefined, removed: undefined };
const emptyShape = {
  fields: new Map<string, Shape>(),
  element: undefined,
  keys: [],
  keyDefaults: {},
  isAlwaysThere: false,
};
const LEAF: Shape = { ...emptyShape, kind: 'leaf' };
const DEDUCED: Shape = { ...emptyShape, kind: 'deduced' };

/** The parts of a value by path element; `undefined` when it is a leaf. */
function partsOf(shape: Shape, value: unknown): Iterable<[string, unknown]> | undefined {
  if (shape.kind === 'leaf') return undefined;
  if (Array.isArray(value)) {
    if (shape.kind === 'list-map') return listItems(shape, value);
    return shape.kind === 'set' ? setItems(value) : undefined;
  }
  if (!isObject(value) || shape.kind === 'list-map' || shape.kind === 'set') return undefined;
  const parts: [string, unknown][] = [];
  for (const key in value) {
    if (value[key] !== undefined) parts.push([`f:${key}`, value[key]]);
  }
  return parts;
}

function compareObjects(shape: Shape, previous: JsonObject, next: JsonObject): Comparison {
  const taken: FieldSet = {};
  const removed: FieldSet = {};
  for (const key in next) {
    const part = partOf(shape, key);
    const value = presentValue(next, key);
    const before = presentValue(previous, key);
    if (part === undefined || value === undefined || before === value) continue;
    if (before !== undefined) keep({ taken, removed }, `f:${key}`, compare(part, before, value));
    else keep({ taken, removed }, `f:${key}`, { taken: addedFields(part, value, false), removed: undefined });
  }
  for (const key in previous) {
    const part = partOf(shape, key);
    const before = presentValue(previous, key);
    if (part === undefined || before === undefined || presentValue(next, key) !== undefined) continue;
    removed[`f:${key}`] = removedFields(part, before);
  }
  return orUndefined({ taken, removed });
}

/** An own value; `null` is none. */
function presentValue(object: JsonObject, key: string): unknown {
  return Object.hasOwn(object, key) ? (object[key] ?? undefined) : undefined;
}

function compareParts(
  previous: Map<string, unknown>,
  next: Map<string, unknown>,
  shapeOf: (element: string) => Shape,
): Comparison {
  const taken: FieldSet = {};
  const removed: FieldSet = {};
  for (const [element, value] of next) {
    if (previous.has(element))
      keep({ taken, removed }, element, compare(shapeOf(element), previous.get(element), value));
    else taken[element] = addedFields(shapeOf(element), value, true) ?? {};
  }
  for (const [element, value] of previous) {
    if (!next.has(element)) removed[element] = removedFields(shapeOf(element), value);
  }
  return orUndefined({ taken, removed });
}

/** Every field of what is gone, the nodes themselves included. */
function removedFields(shape: Shape, value: unknown): FieldSet {
  const parts = partsOf(shape, value);
  if (parts === undefined) return {};
  const node: FieldSet = { '.': {} };
  for (const [element, part] of parts) {
    const partShape = Array.isArray(value) ? (shape.element ?? LEAF) : partOf(shape, element.slice(2));
    if (partShape !== undefined) node[element] = removedFields(partShape, part);
  }
  return node;
}

function keep(into: { taken: FieldSet; removed: FieldSet }, element: string, part: Comparison): void {
  if (part.taken !== undefined) into.taken[element] = part.taken;
  if (part.removed !== undefined) into.removed[element] = part.removed;
}

function orUndefined({ taken, removed }: { taken: FieldSet; removed: FieldSet }): Comparison {
  return {
    taken: Object.keys(taken).length > 0 ? taken : undefined,
    removed: Object.keys(removed).length > 0 ? removed : undefined,
  };
}
