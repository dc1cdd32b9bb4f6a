/**
 * A stored kind's cache in another form (`events.k8s.io/v1` over `v1` Events). Storage, snapshots, events and watchers
 * are those of the stored kind; objects are converted when somebody asks for them, once per state.
 */
import type { Lister } from '../../api/machinery/handler.ts';
import type { ApiObject } from '../../api/machinery/meta.ts';
import type { ApiError } from '../../api/machinery/errors.ts';
import type { ObjectView } from '../../api/machinery/resource.ts';
import { deepFreeze } from '../../base/freeze.ts';
import { CachedObject } from './cached-object.ts';
import { decodeFromStorage, encodeForStorage } from './codec.ts';
import type { KindCache, StoredState } from './kind-cache.ts';
import { FieldReader, listFrom } from './kind-cache.ts';
import type { ResourceCache } from './resource-cache.ts';
import type { Snapshot, WatchStart } from './snapshot.ts';
import type { EventSource } from './watcher.ts';

export interface ViewCacheOptions<T extends ApiObject> {
  stored: ResourceCache;
  view: ObjectView<T>;
  namespaced: boolean;
  selectableFields: Readonly<Record<string, (object: T) => string>>;
}

export class ViewCache<T extends ApiObject = ApiObject> implements KindCache<T> {
  readonly #stored: ResourceCache;
  readonly #view: ObjectView<T>;
  readonly #fields: FieldReader<T>;
  readonly #viewed = new WeakMap<CachedObject, CachedObject>();

  constructor({ stored, view, namespaced, selectableFields }: ViewCacheOptions<T>) {
    this.#stored = stored;
    this.#view = view;
    this.#fields = new FieldReader({ fields: selectableFields, namespaced });
  }

  get size(): number {
    return this.#stored.size;
  }

  get keyPrefix(): string {
    return this.#stored.keyPrefix;
  }

  get generation(): number {
    return this.#stored.generation;
  }

  get watcherCount(): number {
    return this.#stored.watcherCount;
  }

  keyOf(namespace: string, name: string): string {
    return this.#stored.keyOf(namespace, name);
  }

  prefixOf(namespace: string): string {
    return this.#stored.prefixOf(namespace);
  }

  getCached(namespace: string, name: string): CachedObject | undefined {
    const stored = this.#stored.getCached(namespace, name);
    return stored && this.viewOf(stored);
  }

  get(namespace: string, name: string): T | undefined {
    const cached = this.getCached(namespace, name);
    return cached?.damage === undefined ? (cached?.object() as T | undefined) : undefined;
  }

  list(options: Parameters<Lister<T>['list']>[0] = {}): T[] {
    return listFrom(this, options);
  }

  fieldOf(object: T, field: string): string {
    return this.#fields.fieldOf(object, field);
  }

  isSelectable(field: string): boolean {
    return this.#fields.isSelectable(field);
  }

  snapshot(revision: number): Snapshot {
    return this.#stored.snapshot(revision);
  }

  emptySnapshot(revision: number, keyPrefix: string): Snapshot {
    return this.#stored.emptySnapshot(revision, keyPrefix);
  }

  keepSnapshot(snapshot: Snapshot): void {
    this.#stored.keepSnapshot(snapshot);
  }

  keptSnapshot(revision: number, keyPrefix: string): Snapshot | undefined {
    return this.#stored.keptSnapshot(revision, keyPrefix);
  }

  *range(snapshot: Snapshot, prefix: string, fromKey = prefix): Iterable<CachedObject> {
    for (const stored of this.#stored.range(snapshot, prefix, fromKey)) yield this.viewOf(stored);
  }

  watch(start: WatchStart, revision: number): EventSource {
    const { filter } = start;
    const viewed = filter === undefined ? undefined : (stored: CachedObject) => filter(this.viewOf(stored));
    // The stored form's fields have other names.
    const { only: _only, ...rest } = start;
    return this.#stored.watch({ ...rest, filter: viewed, view: (stored) => this.viewOf(stored) }, revision);
  }

  encode(object: T): Uint8Array | Promise<Uint8Array> {
    return encodeForStorage(this.#view.toStored(object));
  }

  objectAt(state: StoredState): CachedObject {
    return this.viewOf(this.#stored.objectAt(state));
  }

  isOutdated({ value, revision }: CachedObject): boolean {
    const { storedApiVersion } = this.#view;
    return storedApiVersion !== undefined && decodeFromStorage(value, revision).apiVersion !== storedApiVersion;
  }

  /** A stored object in the view's form, the same one at every call. */
  protected viewOf(stored: CachedObject): CachedObject {
    let viewed = this.#viewed.get(stored);
    if (viewed === undefined) {
      viewed = this.view(stored);
      this.#viewed.set(stored, viewed);
    }
    return viewed;
  }

  /** Makes what `viewOf` gives. */
  protected view(stored: CachedObject): CachedObject {
    return new ViewedObject(stored, (object) => this.#view.fromStored(object));
  }
}

/** A cached object that shows itself in a view's form; `value` stays what is stored. */
class ViewedObject extends CachedObject {
  readonly #stored: CachedObject;
  readonly #fromStored: (object: ApiObject) => ApiObject;
  #viewed: ApiObject | undefined;
  #isAsStored = false;

  constructor(stored: CachedObject, fromStored: (object: ApiObject) => ApiObject) {
    super(stored.key, stored.value, stored.revision);
    this.#stored = stored;
    this.#fromStored = fromStored;
  }

  override get damage(): ApiError | undefined {
    return this.#stored.damage;
  }

  override object(): ApiObject {
    if (this.#viewed === undefined) {
      const stored = this.#stored.decode();
      const viewed = this.#fromStored(stored);
      this.#isAsStored = viewed === stored;
      this.#viewed = deepFreeze(viewed);
    }
    return this.#viewed;
  }

  override at(revision: number): CachedObject {
    return new ViewedObject(this.#stored.at(revision), this.#fromStored);
  }

  override bytes(): Uint8Array {
    const object = this.object();
    return this.#isAsStored ? this.#stored.bytes() : Buffer.from(JSON.stringify(object));
  }

  override decode(): ApiObject {
    return this.#fromStored(this.#stored.decode());
  }
}
