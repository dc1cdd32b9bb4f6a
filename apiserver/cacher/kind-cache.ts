/**
 * What a served kind reads from: its objects, their recent events, and how one becomes the bytes that are stored. A
 * kind that is stored in its own form has a `ResourceCache`; a second form of a stored kind has a `ViewCache` over it.
 */
import type { Lister } from '../../api/machinery/handler.ts';
import type { ApiObject } from '../../api/machinery/meta.ts';
import type { CachedObject } from './cached-object.ts';
import type { Snapshot, WatchStart } from './snapshot.ts';
import type { EventSource } from './watcher.ts';

/** An object's place in storage and its stored bytes, at the revision that it is served with. */
export interface StoredState {
  key: string;
  value: Uint8Array;
  revision: number;
}

export interface KindCache<T extends ApiObject = ApiObject> extends Lister<T> {
  /** `/registry/pods/` */
  readonly keyPrefix: string;
  /** Objects that are stored. */
  readonly size: number;
  readonly watcherCount: number;
  keyOf(namespace: string, name: string): string;
  /** The part of the key space that one namespace, or the whole kind, takes. */
  prefixOf(namespace: string): string;
  getCached(namespace: string, name: string): CachedObject | undefined;
  fieldOf(object: T, field: string): string;
  /** True when a field selector may name `field`. */
  isSelectable(field: string): boolean;
  /** The current state, frozen at no cost; `revision` is the cache's. */
  snapshot(revision: number): Snapshot;
  /** To be filled by the caller, for states older than what the cache has. */
  emptySnapshot(revision: number, keyPrefix: string): Snapshot;
  /** Keeps a snapshot for the further pages of a LIST. */
  keepSnapshot(snapshot: Snapshot): void;
  /** One that holds everything with this key prefix. */
  keptSnapshot(revision: number, keyPrefix: string): Snapshot | undefined;
  /** Objects of a snapshot whose key starts with `prefix`, from `fromKey` on, in key order. */
  range(snapshot: Snapshot, prefix: string, fromKey?: string): Iterable<CachedObject>;
  /** Ends with 410 at once when the window does not reach back to `afterRevision`. `revision` is the cache's. */
  watch(start: WatchStart, revision: number): EventSource;
  /** The bytes to store for an object in this kind's form; once they are stored, the object is nobody's to change. */
  encode(object: T): Uint8Array | Promise<Uint8Array>;
  /** A state that is not in the cache (yet), in this kind's form. */
  objectAt(state: StoredState): CachedObject;
  /**
   * Of a kind whose objects somebody outside converts: to be awaited before objects that the cache gave are looked
   * into. Rejects with an ApiError when one of them cannot be converted.
   */
  ready?(objects: readonly CachedObject[]): Promise<void>;
  /** True when the object would be stored differently today, though nothing in it has changed. Default: never. */
  isOutdated?(object: CachedObject): boolean;
}

type SelectableFields<T> = Readonly<Record<string, (object: T) => string>>;

/** Fields of a kind by the names that field selectors use. */
export class FieldReader<T extends ApiObject> {
  readonly #fields: SelectableFields<T>;
  readonly #namespaced: boolean;

  constructor({ fields, namespaced }: { fields: SelectableFields<T>; namespaced: boolean }) {
    this.#fields = fields;
    this.#namespaced = namespaced;
  }

  fieldOf(object: T, field: string): string {
    if (field === 'metadata.name') return object.metadata.name ?? '';
    if (field === 'metadata.namespace') return object.metadata.namespace ?? '';
    return this.#fields[field]?.(object) ?? '';
  }

  isSelectable(field: string): boolean {
    return (
      field === 'metadata.name' ||
      (field === 'metadata.namespace' && this.#namespaced) ||
      Object.hasOwn(this.#fields, field)
    );
  }
}

/** A lister's `list` over what the cache has. */
export function listFrom<T extends ApiObject>(
  cache: KindCache<T>,
  options: Parameters<Lister<T>['list']>[0] = {},
): T[] {
  const { labelSelector, fieldSelector } = options;
  const found: T[] = [];
  for (const cached of cache.range(cache.snapshot(0), cache.prefixOf(options.namespace ?? ''))) {
    // It was named when it was loaded; one damaged object must not end what reads all the others.
    if (cached.damage !== undefined) continue;
    const object = cached.object() as T;
    if (labelSelector !== undefined && !labelSelector.matches(object.metadata.labels)) continue;
    if (fieldSelector !== undefined && !fieldSelector.matches((field) => cache.fieldOf(object, field))) continue;
    found.push(object);
  }
  return found;
}
