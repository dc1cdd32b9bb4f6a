/**
 * The objects that an informer knows, by key and by index (client-go `tools/cache/thread_safe_store.go`).
 * It holds references to frozen objects and never copies them.
 */
import BTreeModule from 'sorted-btree';
import type { FieldSelector } from '../api/machinery/field-selector.ts';
import type { Lister } from '../api/machinery/handler.ts';
import type { Selector } from '../api/machinery/label-selector.ts';
import type { ApiObject } from '../api/machinery/meta.ts';
import { formatKey, keyOf } from './keys.ts';

// The package is CommonJS: Node's default import is its whole `exports`.
const BTree = BTreeModule.default;

/** The values under which an object is found in an index. Must depend on the object alone, and must not throw. */
export type IndexFunction<T> = (object: T) => readonly string[];

/** Objects by the uid of each of their owners, controllers or not. Every store has it. */
export const OWNER_UID_INDEX = 'ownerUid';

function ownerUids(object: ApiObject): readonly string[] {
  return object.metadata.ownerReferences?.map(({ uid }) => uid) ?? [];
}

export interface SelectOptions {
  namespace?: string;
  labelSelector?: Selector;
  fieldSelector?: FieldSelector;
}

/** Values of fields for field selectors; `''` for absent ones. */
export type FieldReader<T> = (object: T, field: string) => string;

/** Reads `spec.nodeName` and the like by their path. */
export function readFieldByPath(object: ApiObject, field: string): string {
  let value: unknown = object;
  for (const part of field.split('.')) {
    if (typeof value !== 'object' || value === null) return '';
    value = Object.hasOwn(value, part) ? (value as Record<string, unknown>)[part] : undefined;
  }
  return value === undefined || value === null ? '' : String(value);
}

interface Index<T> {
  fn: IndexFunction<T>;
  keysByValue: Map<string, Set<string>>;
}

const compareKeys = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Ordered by key. A namespace's objects lie together, since `/` never occurs in a name. */
export class Store<T extends ApiObject> implements Lister<T> {
  readonly #objects: BTreeModule.default<string, T> = new BTree<string, T>(undefined, compareKeys);
  readonly #indexes = new Map<string, Index<T>>();
  readonly #readField: FieldReader<T>;

  constructor(readField: FieldReader<T> = readFieldByPath) {
    this.#readField = readField;
  }

  get size(): number {
    return this.#objects.size;
  }

  get(namespace: string, name: string): T | undefined {
    return this.#objects.get(formatKey({ namespace, name }));
  }

  getByKey(key: string): T | undefined {
    return this.#objects.get(key);
  }

  list({ namespace = '', labelSelector, fieldSelector }: SelectOptions = {}): T[] {
    const found: T[] = [];
    const collect = (_key: string, object: T): void => {
      if (labelSelector !== undefined && !labelSelector.matches(object.metadata.labels)) return;
      if (fieldSelector !== undefined && !fieldSelector.matches((field) => this.#readField(object, field))) return;
      found.push(object);
    };
    if (namespace === '') this.#objects.forEachPair(collect);
    // '0' is the character after '/'.
    else this.#objects.forRange(`${namespace}/`, `${namespace}0`, false, collect);
    return found;
  }

  keys(): string[] {
    return this.#objects.keysArray();
  }

  /** Objects whose index values hold `value`, ordered by key. Throws for an index that was never added. */
  byIndex(name: string, value: string): T[] {
    const index = this.#indexes.get(name) ?? this.#builtInIndex(name);
    const keys = index.keysByValue.get(value);
    if (keys === undefined) return [];
    return [...keys].sort(compareKeys).map((key) => this.#objects.get(key)!);
  }

  /** Indexes what is there and what comes. Adding a name again is an error unless the function is the same. */
  addIndex(name: string, fn: IndexFunction<T>): void {
    const known = this.#indexes.get(name);
    if (known !== undefined && known.fn !== fn) throw new Error(`index ${JSON.stringify(name)} exists already`);
    if (known === undefined) this.#buildIndex(name, fn);
  }

  set(key: string, object: T): void {
    const previous = this.#objects.get(key);
    this.#objects.set(key, object);
    for (const index of this.#indexes.values()) moveInIndex(index, key, { from: previous, to: object });
  }

  delete(key: string): void {
    const previous = this.#objects.get(key);
    if (previous === undefined) return;
    this.#objects.delete(key);
    for (const index of this.#indexes.values()) moveInIndex(index, key, { from: previous, to: undefined });
  }

  /** Built on first use, so that kinds that nobody asks for by owner pay nothing. */
  #builtInIndex(name: string): Index<T> {
    if (name !== OWNER_UID_INDEX) throw new Error(`index ${JSON.stringify(name)} does not exist`);
    return this.#buildIndex(name, ownerUids);
  }

  #buildIndex(name: string, fn: IndexFunction<T>): Index<T> {
    const index: Index<T> = { fn, keysByValue: new Map() };
    this.#objects.forEachPair((key, object) => moveInIndex(index, key, { from: undefined, to: object }));
    this.#indexes.set(name, index);
    return index;
  }
}

/** The key of `object` in a store: `keyOf`, checked. */
export function storeKeyOf(object: ApiObject): string {
  const key = keyOf(object);
  if (key === '' || key.endsWith('/')) throw new Error('object has no name');
  return key;
}

function moveInIndex<T>(index: Index<T>, key: string, { from, to }: { from: T | undefined; to: T | undefined }): void {
  const before = from === undefined ? [] : index.fn(from);
  const after = to === undefined ? [] : index.fn(to);
  for (const value of before) {
    if (after.includes(value)) continue;
    const keys = index.keysByValue.get(value);
    keys?.delete(key);
    if (keys?.size === 0) index.keysByValue.delete(value);
  }
  for (const value of after) {
    const keys = index.keysByValue.get(value);
    if (keys === undefined) index.keysByValue.set(value, new Set([key]));
    else keys.add(key);
  }
}
