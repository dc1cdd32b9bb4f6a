/**
 * The watch cache: follows the storage's one stream of events and keeps a `ResourceCache` per kind.
 *
 * **Invariants**
 * - `revision` is the last storage revision whose event has been applied and handed to every watcher; a bookmark with
 *   it is therefore never ahead of an undelivered event.
 * - `freshen` returns once the cache has seen everything that was committed before the call: a read after it is
 *   linearizable.
 */
import type { ApiObject } from '../../api/machinery/meta.ts';
import { tooLargeResourceVersion } from '../../api/machinery/errors.ts';
import type { ObjectView, Resource } from '../../api/machinery/resource.ts';
import type { Clock } from '../../base/clock.ts';
import { sleep } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { Storage, StorageEvent } from '../storage/storage.ts';
import { StorageError } from '../storage/storage.ts';
import { CachedObject, DamagedObject } from './cached-object.ts';
import { formatResourceVersion } from './codec.ts';
import type { KindCache } from './kind-cache.ts';
import { ProgressKey } from './progress-key.ts';
import { ResourceCache } from './resource-cache.ts';
import { RevisionWaiters } from './revision-waiters.ts';
import { ConvertedViewCache } from './converted-view-cache.ts';
import { ViewCache } from './view-cache.ts';

export const REGISTRY_PREFIX = '/registry/';
const BOOKMARK_PERIOD_MS = 60_000;
/** How long a read waits for the cache to reach a revision (cacher `blockTimeout`). */
const FRESHNESS_TIMEOUT_MS = 3_000;
/** How long a shared store may take to tell of its newest write, before it is asked whether there is anything to tell. */
const PROGRESS_DELAY_MS = 100;
const LOAD_PAGE = 5_000;
const MAX_QUEUED_EVENTS = 10_000;

export interface WatchCacheOptions {
  storage: Storage;
  clock: Clock;
  log: Logger;
  /** Bytes of recent events kept per kind. */
  maxWindowBytes?: number;
  /** Events that a watcher may lag behind before it is ended; twice as many recent ones are kept per kind. */
  maxQueuedEvents?: number;
}

/** A cache that is being loaded while the others follow the storage. */
interface Opening {
  /** What was told of its keys meanwhile. */
  events: StorageEvent[];
  /** The stream has a gap: what was listed may lack what fell into it. */
  hasGap: boolean;
}

export class WatchCache {
  readonly #storage: Storage;
  readonly #progress: ProgressKey;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #bounds: { maxWindowBytes: number; maxQueuedEvents: number };
  /** By storage prefix: kinds that share a prefix (the two Event groups) share a cache. */
  readonly #byPrefix = new Map<string, ResourceCache>();
  readonly #opening = new Map<string, Opening>();
  #revision = 0;
  readonly #waiters: RevisionWaiters;
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;

  constructor({ storage, clock, log, ...bounds }: WatchCacheOptions) {
    this.#storage = storage;
    this.#progress = new ProgressKey(storage, `${REGISTRY_PREFIX}nocher.io/progress`);
    this.#clock = clock;
    this.#waiters = new RevisionWaiters(clock);
    this.#log = log;
    this.#bounds = { maxWindowBytes: 8 << 20, maxQueuedEvents: MAX_QUEUED_EVENTS, ...bounds };
  }

  get revision(): number {
    return this.#revision;
  }

  /**
   * The kind's cache; made at the first call (before `start`, so that it is loaded). Throws for a view whose stored
   * kind has no cache yet.
   */
  cacheOf<T extends ApiObject>(resource: Resource<T>): KindCache<T> {
    return resource.view === undefined ? this.#storedCacheOf(resource) : this.#viewCacheOf(resource, resource.view);
  }

  #viewCacheOf<T extends ApiObject>(resource: Resource<T>, view: ObjectView<T>): ViewCache<T> {
    const stored = this.#byPrefix.get(keyPrefixOf(resource));
    if (stored === undefined) throw new Error(`the stored kind of ${resource.schema} must come first in the table`);
    const namespaced = resource.scope === 'Namespaced';
    const options = { stored, view, namespaced, selectableFields: resource.selectableFields };
    return view.converted === undefined
      ? new ViewCache<T>(options)
      : new ConvertedViewCache<T>(options, view.converted);
  }

  #storedCacheOf<T extends ApiObject>(resource: Resource<T>): ResourceCache<T> {
    const keyPrefix = keyPrefixOf(resource);
    let cache = this.#byPrefix.get(keyPrefix);
    if (cache === undefined) {
      cache = this.#newCache(resource as unknown as Resource);
      this.#byPrefix.set(keyPrefix, cache);
    }
    return cache as unknown as ResourceCache<T>;
  }

  #newCache(resource: Pick<Resource, 'storagePrefix' | 'scope' | 'selectableFields'>): ResourceCache {
    return new ResourceCache({
      keyPrefix: keyPrefixOf(resource),
      namespaced: resource.scope === 'Namespaced',
      ...this.#bounds,
      selectableFields: resource.selectableFields,
    });
  }

  /** Makes and loads the cache of a stored kind while this one runs; `cacheOf` gives it, and views of it, afterwards. */
  async open(resource: Pick<Resource, 'storagePrefix' | 'scope'>): Promise<void> {
    const keyPrefix = keyPrefixOf(resource);
    if (this.#byPrefix.has(keyPrefix)) return;
    const cache = this.#newCache({ ...resource, selectableFields: {} });
    try {
      for (let opening = this.#beginOpening(keyPrefix); ; opening = this.#beginOpening(keyPrefix)) {
        const { objects, revision } = await this.#read(keyPrefix, () => keyPrefix);
        if (opening.hasGap) continue;
        cache.load(objects.get(keyPrefix) ?? [], revision);
        this.#byPrefix.set(keyPrefix, cache);
        for (const event of opening.events) cache.apply(event.type, event.key, event);
        await this.waitFor(revision);
        return;
      }
    } finally {
      this.#opening.delete(keyPrefix);
    }
  }

  #beginOpening(keyPrefix: string): Opening {
    const opening: Opening = { events: [], hasGap: false };
    this.#opening.set(keyPrefix, opening);
    return opening;
  }

  /** Forgets a stored kind and ends who watches it. */
  drop(resource: Pick<Resource, 'storagePrefix'>): void {
    const keyPrefix = keyPrefixOf(resource);
    this.#byPrefix.get(keyPrefix)?.endWatchers();
    this.#byPrefix.delete(keyPrefix);
  }

  /** Ends who watches a kind, in any of its forms: it is served in another way from now on. */
  endWatchers(resource: Pick<Resource, 'storagePrefix'>): void {
    this.#byPrefix.get(keyPrefixOf(resource))?.endWatchers();
  }

  /** Loads everything and follows the storage until `close`. Throws when the storage cannot be read. */
  async start(): Promise<void> {
    const revision = await this.#load();
    this.#running = this.#follow(revision);
    const cancel = this.#clock.setInterval(() => {
      for (const cache of this.#byPrefix.values()) cache.bookmark(this.#revision);
    }, BOOKMARK_PERIOD_MS);
    this.#stop.signal.addEventListener('abort', cancel);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    for (const cache of this.#byPrefix.values()) cache.endWatchers();
    await this.#running;
  }

  /** Waits until everything committed so far is in the cache. */
  async freshen(): Promise<void> {
    const revision = await this.#storage.currentRevision();
    if (revision > this.#revision) await this.waitFor(revision);
  }

  /** Waits until the cache is at `revision`; throws `Too large resource version` when it does not get there. */
  async waitFor(revision: number): Promise<void> {
    if (revision <= this.#revision) return;
    const cancelProgress = this.#progressFor(revision);
    const isReached = await this.#waiters.wait(revision, FRESHNESS_TIMEOUT_MS);
    cancelProgress();
    if (!isReached)
      throw tooLargeResourceVersion(formatResourceVersion(revision), formatResourceVersion(this.#revision));
  }

  /** A revision of a shared store may have no event here: one that comes later shows that it has been passed. */
  #progressFor(revision: number): () => void {
    if (this.#storage.isShared !== true) return () => undefined;
    return this.#clock.setTimeout(() => {
      this.#storage
        .currentRevision()
        .then((current) => (current >= revision && this.#revision < revision ? this.#progress.write() : undefined))
        .catch((error: unknown) => this.#log.warn('the store does not tell its progress', { error: String(error) }));
    }, PROGRESS_DELAY_MS);
  }

  async #load(): Promise<number> {
    for (const opening of this.#opening.values()) opening.hasGap = true;
    const { objects, revision } = await this.#read(REGISTRY_PREFIX, (key) => this.#prefixOf(key));
    for (const [prefix, cache] of this.#byPrefix) cache.load(objects.get(prefix) ?? [], revision);
    this.#advance(revision);
    return revision;
  }

  /** What is stored below `prefix`, in groups; keys of no group are left out. */
  async #read(
    prefix: string,
    groupOf: (key: string) => string | undefined,
  ): Promise<{ objects: Map<string, CachedObject[]>; revision: number }> {
    const objects = new Map<string, CachedObject[]>();
    const keep = (object: CachedObject): void => {
      const group = groupOf(object.key);
      if (group === undefined) return;
      const kept = objects.get(group);
      if (kept === undefined) objects.set(group, [object]);
      else kept.push(object);
    };
    let fromKey: string | undefined;
    let revision: number | undefined;
    for (let more = true; more;) {
      const page = await this.#storage.list({
        prefix,
        limit: LOAD_PAGE,
        skipDamaged: true,
        ...(fromKey === undefined ? {} : { fromKey }),
        ...(revision === undefined ? {} : { revision }),
      });
      revision = page.revision;
      for (const { key, value, modRevision } of page.entries) keep(new CachedObject(key, value, modRevision));
      for (const { key, modRevision, message } of page.damaged ?? []) {
        this.#log.error('a stored object is damaged', { key, revision: modRevision, error: message });
        keep(new DamagedObject(key, modRevision, message));
      }
      more = page.more;
      fromKey = `${page.entries.at(-1)?.key ?? ''}\0`;
    }
    return { objects, revision: revision! };
  }

  async #follow(startRevision: number): Promise<void> {
    let afterRevision = startRevision;
    let lastFailure = '';
    while (!this.#stop.signal.aborted) {
      try {
        const watch = this.#storage.watch({
          prefix: REGISTRY_PREFIX,
          afterRevision,
          signal: this.#stop.signal,
          maxQueued: 1_000_000,
        });
        for await (const batch of watch) {
          batch.forEach((event) => this.#apply(event));
          lastFailure = '';
          afterRevision = this.#revision;
        }
        if (this.#stop.signal.aborted) return;
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        // A store that is away for long fails ten times a second in the same words.
        if (String(error) !== lastFailure) this.#log.warn('the watch on storage ended', { error: String(error) });
        lastFailure = String(error);
        // What is damaged in the history cannot be followed; the present state names it.
        if (error instanceof StorageError && (error.code === 'compacted' || error.code === 'corrupted'))
          afterRevision = await this.#reload(afterRevision);
      }
      await sleep(this.#clock, 100, this.#stop.signal);
    }
  }

  async #reload(afterRevision: number): Promise<number> {
    try {
      return await this.#load();
    } catch (error) {
      this.#log.error('the watch cache could not be loaded again', { error: String(error) });
      return afterRevision;
    }
  }

  #apply(event: StorageEvent): void {
    const prefix = this.#prefixOf(event.key);
    if (prefix !== undefined) {
      this.#byPrefix.get(prefix)!.apply(event.type, event.key, { value: event.value, revision: event.revision });
    } else if (this.#opening.size > 0) this.#keepForOpening(event);
    this.#advance(event.revision);
  }

  #keepForOpening(event: StorageEvent): void {
    for (const [prefix, { events }] of this.#opening) if (event.key.startsWith(prefix)) events.push(event);
  }

  /** `/registry/pods/`, or `/registry/services/specs/` for kinds with two-part prefixes; undefined for keys of no kind. */
  #prefixOf(key: string): string | undefined {
    const first = key.indexOf('/', REGISTRY_PREFIX.length) + 1;
    if (first === 0) return undefined;
    const short = key.slice(0, first);
    if (this.#byPrefix.has(short)) return short;
    const long = key.slice(0, key.indexOf('/', first) + 1);
    return this.#byPrefix.has(long) ? long : undefined;
  }

  #advance(revision: number): void {
    this.#revision = Math.max(this.#revision, revision);
    this.#waiters.reached(this.#revision);
  }
}

function keyPrefixOf({ storagePrefix }: { storagePrefix: string }): string {
  return `${REGISTRY_PREFIX}${storagePrefix}/`;
}
