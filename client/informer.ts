/**
 * A kind's objects as this process knows them, and the stream of how they change. Shared by everything in a component
 * that asks for the same kind and selection.
 */
import { Observable } from 'rxjs';
import type { Lister, WatchEvent } from '../api/machinery/handler.ts';
import type { ApiObject } from '../api/machinery/meta.ts';
import { sleep } from '../base/clock.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Client, ResourceRef } from './client.ts';
import { reflectorLogFields, runReflector } from './reflector-loop.ts';
import type { Selection } from './reflector-loop.ts';
import type { ReflectorChange } from './reflector.ts';
import { compareResourceVersions, laterResourceVersion } from './resource-version.ts';
import { Store, readFieldByPath, storeKeyOf } from './store.ts';
import type { FieldReader, IndexFunction } from './store.ts';

/** One object changed. The lister shows the change already when it is emitted. */
export interface InformerChange<T> {
  type: 'add' | 'update' | 'delete';
  /** `namespace/name`, or `name`. */
  key: string;
  /** What it is now; for `delete`, the last state known. */
  object: T;
  /** What it was before; absent for `add`. An object with another uid is a `delete` and an `add`. */
  previous: T | undefined;
}

export interface Informer<T extends ApiObject = ApiObject> {
  readonly resource: ResourceRef;
  readonly lister: Lister<T>;
  /** By key: `namespace/name`, or `name`. */
  getByKey(key: string): T | undefined;
  /** Ordered by key. `ownerUid` is always there; throws for a name that was never added. */
  byIndex(name: string, value: string): T[];
  /** May be called at any time; once per name. `fn` must not throw. */
  addIndex(name: string, fn: IndexFunction<T>): void;
  /**
   * Every change in order; a subscriber first gets an `add` for each object there is. Emits synchronously: a
   * subscriber must be quick, and must not throw.
   */
  readonly changes: Observable<InformerChange<T>>;
  /** Keys of changed objects, each once per batch; a subscriber first gets every key there is. */
  readonly keys: Observable<string>;
  /** The first list has been received and its changes emitted. */
  readonly hasSynced: boolean;
  /** Resolves when `hasSynced`; rejects with the signal's reason. */
  waitForSync(signal?: AbortSignal): Promise<void>;
  /** Every write to this kind up to this version shows in the lister. `''` before the first list. */
  readonly resourceVersion: string;
  /** Emits `resourceVersion` after every batch, bookmarks too. */
  readonly progress: Observable<string>;
  /** Whether the lister shows a write that was answered with `resourceVersion`. */
  hasSeen(resourceVersion: string): boolean;
}

export interface InformerOptions {
  client: Client;
  resource: ResourceRef;
  selection: Selection;
  clock: Clock;
  random: Random;
  log: Logger;
}

/** Who listens, in the order they came. */
class Listeners<V> {
  readonly #listeners = new Set<(value: V) => void>();

  emit(value: V): void {
    for (const listener of this.#listeners) listener(value);
  }

  observable(replay: () => Iterable<V>): Observable<V> {
    return new Observable((subscriber) => {
      for (const value of replay()) subscriber.next(value);
      const listener = (value: V): void => subscriber.next(value);
      this.#listeners.add(listener);
      return () => this.#listeners.delete(listener);
    });
  }
}

/** How long a batch may be worked on before others get their turn. */
const SLICE_MS = 5;

export class SharedInformer<T extends ApiObject = ApiObject> implements Informer<T> {
  readonly resource: ResourceRef;
  readonly changes: Observable<InformerChange<T>>;
  readonly keys: Observable<string>;
  readonly progress: Observable<string>;
  readonly #options: InformerOptions;
  readonly #store: Store<T>;
  readonly #changeListeners = new Listeners<InformerChange<T>>();
  readonly #keyListeners = new Listeners<string>();
  readonly #progressListeners = new Listeners<string>();
  #resourceVersion = '';
  #hasSynced = false;
  #syncWaiters: (() => void)[] = [];

  constructor(options: InformerOptions) {
    const log = options.log.child(reflectorLogFields(options.resource, options.selection));
    this.#options = { ...options, log };
    this.resource = options.resource;
    this.#store = new Store<T>(fieldReaderOf<T>(options.resource));
    this.changes = this.#changeListeners.observable(() => this.#present());
    this.keys = this.#keyListeners.observable(() => this.#store.keys());
    this.progress = this.#progressListeners.observable(() => (this.#hasSynced ? [this.#resourceVersion] : []));
  }

  get lister(): Lister<T> {
    return this.#store;
  }

  get hasSynced(): boolean {
    return this.#hasSynced;
  }

  get resourceVersion(): string {
    return this.#resourceVersion;
  }

  getByKey(key: string): T | undefined {
    return this.#store.getByKey(key);
  }

  byIndex(name: string, value: string): T[] {
    return this.#store.byIndex(name, value);
  }

  addIndex(name: string, fn: IndexFunction<T>): void {
    this.#store.addIndex(name, fn);
  }

  hasSeen(resourceVersion: string): boolean {
    return compareResourceVersions(this.#resourceVersion, resourceVersion) >= 0;
  }

  waitForSync(signal?: AbortSignal): Promise<void> {
    if (this.#hasSynced) return Promise.resolve();
    if (signal?.aborted) return Promise.reject(signal.reason as Error);
    return new Promise((resolve, reject) => {
      const onAbort = (): void => reject(signal!.reason as Error);
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#syncWaiters.push(() => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      });
    });
  }

  /** Follows the server until the signal aborts; never rejects. To be called once. */
  run(signal: AbortSignal): Promise<void> {
    const { client, resource, selection, clock, random, log } = this.#options;
    const onChange = (change: ReflectorChange<T>): Promise<void> => this.#take(change, signal);
    return runReflector<T>({ client, resource, selection, onChange, clock, random, log, signal });
  }

  async #take(change: ReflectorChange<T>, signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    let sliceEndMs = clock.monotonicMs() + SLICE_MS;
    const changedKeys = new Set<string>();
    const changes = change.type === 'replace' ? this.#replace(change.objects) : this.#apply(change.events);
    for (const one of changes) {
      changedKeys.add(one.key);
      this.#changeListeners.emit(one);
      if (clock.monotonicMs() < sliceEndMs) continue;
      // Thousands of objects at once (a first list) must not hold up the process.
      await sleep(clock, 0, signal);
      if (signal.aborted) return;
      sliceEndMs = clock.monotonicMs() + SLICE_MS;
    }
    this.#resourceVersion =
      change.type === 'replace'
        ? change.resourceVersion
        : laterResourceVersion(this.#resourceVersion, change.resourceVersion);
    for (const key of changedKeys) this.#keyListeners.emit(key);
    if (!this.#hasSynced && change.type === 'replace') this.#markSynced();
    this.#progressListeners.emit(this.#resourceVersion);
  }

  #markSynced(): void {
    this.#hasSynced = true;
    for (const resolve of this.#syncWaiters.splice(0)) resolve();
  }

  *#present(): Generator<InformerChange<T>> {
    for (const key of this.#store.keys()) {
      const object = this.#store.getByKey(key);
      if (object !== undefined) yield { type: 'add', key, object, previous: undefined };
    }
  }

  *#apply(events: readonly WatchEvent<T>[]): Generator<InformerChange<T>> {
    for (const { type, object } of events) {
      const key = storeKeyOf(object);
      if (type === 'DELETED') yield* this.#remove(key, object);
      else yield* this.#put(key, object);
    }
  }

  *#replace(objects: readonly T[]): Generator<InformerChange<T>> {
    const present = new Set<string>();
    for (const object of objects) {
      const key = storeKeyOf(object);
      present.add(key);
      yield* this.#put(key, object);
    }
    for (const key of this.#store.keys()) {
      if (!present.has(key)) yield* this.#remove(key, this.#store.getByKey(key)!);
    }
  }

  *#put(key: string, object: T): Generator<InformerChange<T>> {
    let previous = this.#store.getByKey(key);
    if (previous !== undefined && previous.metadata.uid !== object.metadata.uid) {
      yield* this.#remove(key, previous);
      previous = undefined;
    }
    const version = object.metadata.resourceVersion;
    if (previous !== undefined && version !== undefined && previous.metadata.resourceVersion === version) return;
    this.#store.set(key, object);
    yield { type: previous === undefined ? 'add' : 'update', key, object, previous };
  }

  *#remove(key: string, object: T): Generator<InformerChange<T>> {
    const previous = this.#store.getByKey(key);
    if (previous === undefined) return;
    this.#store.delete(key);
    yield { type: 'delete', key, object, previous };
  }
}

interface Selectable {
  selectableFields: Readonly<Record<string, (object: never) => string>>;
}

/** A `Resource` knows its own fields; for other references the field is a path. */
function fieldReaderOf<T extends ApiObject>(resource: ResourceRef & Partial<Selectable>): FieldReader<T> {
  const { selectableFields } = resource;
  if (selectableFields === undefined) return readFieldByPath;
  return (object, field) => {
    const read = Object.hasOwn(selectableFields, field) ? selectableFields[field] : undefined;
    return read === undefined ? readFieldByPath(object, field) : read(object as never);
  };
}
