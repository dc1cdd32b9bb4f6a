/**
 * The decoded side of the watch cache for one kind: its current objects in key order, the recent events, and the
 * watchers. The same store serves GET, LIST, WATCH, the informers of this process, authorizers and admission.
 */
import type { Lister } from '../../api/machinery/handler.ts';
import type { ApiObject } from '../../api/machinery/meta.ts';
import { expired } from '../../api/machinery/errors.ts';
import { CachedObject } from './cached-object.ts';
import { encodeForStorage } from './codec.ts';
import type { KindCache, StoredState } from './kind-cache.ts';
import { FieldReader, listFrom } from './kind-cache.ts';
import { emptyTree } from './snapshot.ts';
import type { Snapshot, Tree, WatchStart } from './snapshot.ts';
import type { Delivery, ObjectFilter } from './watcher.ts';
import { CacheEvent, Watcher } from './watcher.ts';
import { WatcherSet } from './watcher-set.ts';
import { keepWritten } from './written-objects.ts';

/** The last events are kept decoded and encoded for watchers; of older ones, which few ask for, only the stored bytes. */
const KEPT_DECODED = 256;

/** Pages of a LIST come from one snapshot; as many are kept as there may be LISTs under way. */
const MAX_SNAPSHOTS = 32;

export class ResourceCache<T extends ApiObject = ApiObject> implements KindCache<T> {
  /** `/registry/pods/` */
  readonly keyPrefix: string;
  /** Raised by every change: what was derived from a lister is good while it stands. */
  generation = 0;
  readonly #namespaced: boolean;
  #tree: Tree = emptyTree();
  #window: CacheEvent[] = [];
  #windowBytes = 0;
  readonly #maxWindowBytes: number;
  readonly #maxQueuedEvents: number;
  /** Events at or below this revision have left the window. */
  #windowStart = 0;
  readonly #watchers = new WatcherSet((object, field) => this.fieldOf(object.object() as T, field));
  /** By revision and key prefix. */
  readonly #snapshots = new Map<string, Snapshot>();
  readonly #fields: FieldReader<T>;

  constructor(options: {
    keyPrefix: string;
    namespaced: boolean;
    maxWindowBytes: number;
    maxQueuedEvents: number;
    selectableFields: Readonly<Record<string, (object: T) => string>>;
  }) {
    this.keyPrefix = options.keyPrefix;
    this.#namespaced = options.namespaced;
    this.#maxWindowBytes = options.maxWindowBytes;
    this.#maxQueuedEvents = options.maxQueuedEvents;
    this.#fields = new FieldReader({ fields: options.selectableFields, namespaced: options.namespaced });
  }

  get size(): number {
    return this.#tree.size;
  }

  get watcherCount(): number {
    return this.#watchers.size;
  }

  keyOf(namespace: string, name: string): string {
    return this.#namespaced ? `${this.keyPrefix}${namespace}/${name}` : this.keyPrefix + name;
  }

  /** The part of the key space that one namespace, or the whole kind, takes. */
  prefixOf(namespace: string): string {
    return this.#namespaced && namespace !== '' ? `${this.keyPrefix}${namespace}/` : this.keyPrefix;
  }

  /** Fills the cache at start; `revision` is the snapshot's. */
  load(objects: Iterable<CachedObject>, revision: number): void {
    this.generation++;
    this.#tree = emptyTree();
    for (const object of objects) this.#tree.set(object.key, object);
    this.#forgetEvents(revision);
  }

  /** Whoever watches must list again. */
  #forgetEvents(revision: number): void {
    this.#windowStart = revision;
    this.#window = [];
    this.#windowBytes = 0;
    for (const watcher of [...this.#watchers])
      watcher.end(expired('too old resource version: the watch cache was rebuilt'));
  }

  /** What is not newer than what has been loaded is in it already. */
  apply(type: 'put' | 'delete', key: string, state: { value: Uint8Array; revision: number }): void {
    if (state.revision <= this.#windowStart) return;
    this.generation++;
    const previous = this.#tree.get(key);
    // A deletion brings no value when the record of the last one is damaged.
    const value = type === 'delete' && state.value.length === 0 ? (previous?.value ?? state.value) : state.value;
    const current = new CachedObject(key, value, state.revision);
    if (type === 'put') this.#tree.set(key, current);
    else this.#tree.delete(key);
    if (previous?.damage !== undefined) {
      // Who saw the object before it was damaged cannot be told which watches it leaves.
      this.#forgetEvents(state.revision);
      return;
    }
    const event = new CacheEvent(type, current, previous);
    this.#remember(event);
    this.#watchers.push(event);
  }

  bookmark(revision: number): void {
    for (const watcher of this.#watchers) watcher.bookmark(revision);
  }

  getCached(namespace: string, name: string): CachedObject | undefined {
    return this.#tree.get(this.keyOf(namespace, name));
  }

  getByKey(key: string): CachedObject | undefined {
    return this.#tree.get(key);
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

  /** Takes `object` over once the bytes are stored. */
  encode(object: T): Uint8Array {
    const value = encodeForStorage(object);
    keepWritten(value, object);
    return value;
  }

  /** The cache's own object where it has that state already, so that it is decoded once for all. */
  objectAt({ key, value, revision }: StoredState): CachedObject {
    const cached = this.#tree.get(key);
    return cached?.revision === revision && cached.value === value ? cached : new CachedObject(key, value, revision);
  }

  /** The current state, frozen at no cost; `revision` is the cache's. */
  snapshot(revision: number): Snapshot {
    return { revision, keyPrefix: this.keyPrefix, tree: this.#tree.clone() };
  }

  /** To be filled by the caller, for states older than what the cache has. */
  emptySnapshot(revision: number, keyPrefix: string): Snapshot {
    return { revision, keyPrefix, tree: emptyTree() };
  }

  /** Keeps a snapshot for the further pages of a LIST. */
  keepSnapshot(snapshot: Snapshot): void {
    this.#snapshots.set(`${snapshot.revision} ${snapshot.keyPrefix}`, snapshot);
    if (this.#snapshots.size <= MAX_SNAPSHOTS) return;
    const [oldest] = this.#snapshots.keys();
    this.#snapshots.delete(oldest!);
  }

  /** One that holds everything with this key prefix. */
  keptSnapshot(revision: number, keyPrefix: string): Snapshot | undefined {
    return this.#snapshots.get(`${revision} ${this.keyPrefix}`) ?? this.#snapshots.get(`${revision} ${keyPrefix}`);
  }

  /** Objects of a snapshot whose key starts with `prefix`, from `fromKey` on, in key order. */
  *range({ tree }: Snapshot, prefix: string, fromKey = prefix): Iterable<CachedObject> {
    for (const [key, object] of tree.entries(fromKey)) {
      if (!key.startsWith(prefix)) return;
      yield object;
    }
  }

  /** Ends with 410 at once when the window does not reach back to `afterRevision`. `revision` is the cache's. */
  watch(start: WatchStart, revision: number): Watcher {
    const filter = this.#filterOf(start);
    const watcher: Watcher = new Watcher({ ...start, filter, maxQueued: this.#maxQueuedEvents }, () => {
      this.#watchers.delete(watcher, start.only);
      start.signal.removeEventListener('abort', onAbort);
    });
    const onAbort = (): void => watcher.end();
    // Told by an event and not by the answer's status, as upstream's watch cache does.
    if (!start.initialEvents && start.afterRevision < this.#windowStart) {
      watcher.end(expired(`too old resource version: ${start.afterRevision} (${this.#windowStart + 1})`));
      return watcher;
    }
    if (start.initialEvents) watcher.seed(this.#initialDeliveries(start, revision));
    else watcher.replay(this.#eventsAfter(start.afterRevision));
    this.#watchers.add(watcher, start.only);
    if (start.signal.aborted) watcher.end();
    else start.signal.addEventListener('abort', onAbort, { once: true });
    return watcher;
  }

  #filterOf({ filter, keyPrefix }: WatchStart): ObjectFilter | undefined {
    if (keyPrefix === this.keyPrefix) return filter;
    return (object) => object.key.startsWith(keyPrefix) && (filter === undefined || filter(object));
  }

  endWatchers(): void {
    for (const watcher of [...this.#watchers]) watcher.end();
  }

  #initialDeliveries({ filter, keyPrefix, markInitialEventsEnd }: WatchStart, revision: number): Delivery[] {
    const deliveries: Delivery[] = [];
    for (const object of this.range(this.snapshot(revision), keyPrefix)) {
      if (object.damage !== undefined) throw object.damage;
      if (filter === undefined || filter(object)) deliveries.push({ type: 'ADDED', object, event: undefined });
    }
    if (markInitialEventsEnd) deliveries.push({ type: 'BOOKMARK', revision, initialEventsEnd: true });
    return deliveries;
  }

  #eventsAfter(revision: number): CacheEvent[] {
    let low = 0;
    let high = this.#window.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#window[middle]!.revision <= revision) low = middle + 1;
      else high = middle;
    }
    return this.#window.slice(low);
  }

  #remember(event: CacheEvent): void {
    this.#window.push(event);
    this.#window.at(-KEPT_DECODED - 1)?.forget();
    this.#windowBytes += event.current.value.length;
    if (this.#windowBytes <= this.#maxWindowBytes && this.#window.length <= 2 * this.#maxQueuedEvents) return;
    // A quarter at a time, so that the shift is paid seldom.
    const dropped = this.#window.splice(0, Math.max(1, this.#window.length >>> 2));
    for (const old of dropped) this.#windowBytes -= old.current.value.length;
    this.#windowStart = dropped.at(-1)!.revision;
  }
}
