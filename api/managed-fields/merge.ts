/**
 * Values under server-side apply: merging an applied configuration into the live object, and removing fields
 * (upstream: structured-merge-diff `typed/merge.go` and `typed/remove.go`).
 */
import { formOf, isObject, itemElement, itemsOf, partOf } from './compare.ts';
import type { JsonObject } from './compare.ts';
import type { FieldSet } from './field-set.ts';
import { isMember } from './field-set.ts';
import type { Shape } from './shape.ts';

/**
 * The live value with the applied one over it; neither is changed, and parts may be shared with both. It is `live`
 * itself when nothing changes.
 */
export function mergeValues(shape: Shape, live: unknown, applied: unknown): unknown {
  if (applied === undefined || live === applied) return live;
  if (live === undefined) return applied;
  const form = formOf(shape, applied);
  if (form === 'list') return mergeLists(shape, live, applied);
  return form === 'leaf' ? applied : mergeObjects(shape, live, applied);
}

/** Without the fields of `gone`, a set below the value's own path. `undefined` when nothing is left. */
export function removeFields(shape: Shape, value: unknown, gone: FieldSet): unknown {
  if (Array.isArray(value)) return formOf(shape, value) === 'list' ? removeItems(shape, value, gone) : undefined;
  if (!isObject(value)) return value;
  if (formOf(shape, value) !== 'map') return undefined;
  const result: JsonObject = { ...value };
  for (const key in value) {
    const part = partOf(shape, key);
    const node = gone[`f:${key}`];
    if (node === undefined || part === undefined) continue;
    const left = isMember(node) ? undefined : removeFields(part, value[key], node);
    if (left === undefined) delete result[key];
    else setOwn(result, key, left);
  }
  return Object.keys(result).length === 0 ? undefined : result;
}

function removeItems(shape: Shape, list: readonly unknown[], gone: FieldSet): unknown {
  const result: unknown[] = [];
  for (const item of list) {
    const node = gone[itemElement(shape, item)];
    if (isMember(node)) continue;
    const left = node === undefined || shape.element === undefined ? item : removeFields(shape.element, item, node);
    if (left !== undefined) result.push(left);
  }
  return result.length === 0 ? undefined : result;
}

/** Null and empty objects change nothing where there are fields. */
function mergeObjects(shape: Shape, live: unknown, applied: unknown): unknown {
  if (!isObject(applied)) return isObject(live) && Object.keys(live).length > 0 ? live : applied;
  if (!isObject(live)) return applied;
  let merged: JsonObject | undefined;
  for (const key in applied) {
    const part = partOf(shape, key);
    const before = Object.hasOwn(live, key) ? live[key] : undefined;
    const after = part === undefined ? (before ?? applied[key]) : mergeValues(part, before, applied[key]);
    if (after === before) continue;
    merged ??= { ...live };
    setOwn(merged, key, after);
  }
  return merged ?? live;
}

/** Applied items in the applied order; before each come the live ones that are not applied, as far as they reach. */
function mergeLists(shape: Shape, liveList: unknown, appliedList: unknown): unknown {
  const live = Array.isArray(liveList) ? (liveList as unknown[]) : [];
  const applied = Array.isArray(appliedList) ? (appliedList as unknown[]) : [];
  if (applied.length === 0) return live.length === 0 ? appliedList : liveList;
  if (live.length === 0) return appliedList;
  const merged = new ListMerge(shape, live, applied).run();
  const isSame = merged.length === live.length && merged.every((item, i) => item === live[i]);
  return isSame ? liveList : merged;
}

/** Walks both lists at once; items of both stand in the applied order. */
class ListMerge {
  readonly #shape: Shape;
  readonly #live: { element: string; item: unknown }[];
  readonly #before: Map<string, unknown[]>;
  readonly #after: Map<string, unknown[]>;
  readonly #order: string[];
  /** Elements of both, in the applied order. */
  readonly #shared: string[];
  readonly #merged: unknown[] = [];
  readonly #done = new Set<string>();
  /** Positions in the live list and among the shared elements. */
  #at = 0;
  #nextShared = 0;

  constructor(shape: Shape, live: readonly unknown[], applied: readonly unknown[]) {
    this.#shape = shape;
    this.#live = live.map((item) => ({ element: itemElement(shape, item), item }));
    this.#before = itemsOf(shape, live);
    this.#after = itemsOf(shape, applied);
    this.#order = [...this.#after.keys()];
    this.#shared = this.#order.filter((element) => this.#before.has(element));
  }

  run(): unknown[] {
    for (const element of this.#order) {
      if (this.#takeLive(element)) this.#at++;
      this.#merged.push(this.#mergeItem(element));
      this.#done.add(element);
      if (this.#shared[this.#nextShared] === element) this.#nextShared++;
    }
    for (; this.#at < this.#live.length; this.#at++) this.#takeOwn();
    return this.#merged;
  }

  /**
   * Takes live items up to the next applied one, and says whether it is the next live one. Those that are applied later
   * are passed over, but for the first of them to come.
   */
  #takeLive(next: string): boolean {
    const shared = this.#shared[this.#nextShared];
    for (; this.#at < this.#live.length; this.#at++) {
      const { element } = this.#live[this.#at]!;
      if (element === next) return true;
      if (this.#after.has(element) && (shared === undefined || element === shared)) {
        if (this.#done.has(element)) this.#at++;
        return false;
      }
      this.#takeOwn();
    }
    return false;
  }

  #takeOwn(): void {
    const { element, item } = this.#live[this.#at]!;
    if (!this.#after.has(element)) this.#merged.push(item);
  }

  /** Live items that stand there several times are replaced, not merged. */
  #mergeItem(element: string): unknown {
    const applied = this.#after.get(element)![0];
    const before = this.#before.get(element);
    if (before?.length !== 1) return applied;
    return this.#shape.element === undefined ? before[0] : mergeValues(this.#shape.element, before[0], applied);
  }
}

function setOwn(object: JsonObject, key: string, value: unknown): void {
  if (key === '__proto__')
    Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
  else object[key] = value;
}
