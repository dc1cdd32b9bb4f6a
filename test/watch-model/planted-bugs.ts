/**
 * Stores and servers with one bug each, of the classes that etcd's robustness tests have found over the years (the
 * issue of each is named): what shows that the model can fail.
 */
import { configMaps } from '../../api/core/v1/config-map.ts';
import { secrets } from '../../api/core/v1/secret.ts';
import type { ApiRequest, Handler, WatchEvent } from '../../api/machinery/handler.ts';
import type { WatchCache } from '../../apiserver/cacher/watch-cache.ts';
import { StorageError } from '../../apiserver/storage/storage.ts';
import type { Storage, StorageEvent, WatchOptions } from '../../apiserver/storage/storage.ts';
import type { RunOptions } from './model.ts';
import { memoryStore } from './stores.ts';
import type { ModelStore } from './stores.ts';

export interface PlantedBug {
  name: string;
  store: () => ModelStore;
  changes: NonNullable<RunOptions['changes']>;
}

type WatchChange = (events: StorageEvent[], options: WatchOptions) => StorageEvent[];

/** A storage with some methods in another form. */
function changed(storage: Storage, methods: Partial<Storage>): Storage {
  const same: Storage = {
    currentRevision: () => storage.currentRevision(),
    get: (key) => storage.get(key),
    list: (options) => storage.list(options),
    create: (key, value) => storage.create(key, value),
    update: (key, value, options) => storage.update(key, value, options),
    delete: (key, options) => storage.delete(key, options),
    watch: (options) => storage.watch(options),
    compact: (revision) => storage.compact(revision),
    close: () => storage.close(),
  };
  return { ...same, ...methods };
}

function withWatch(storage: Storage, change: WatchChange, methods: Partial<Storage> = {}): Storage {
  return changed(storage, {
    ...methods,
    async *watch(options) {
      for await (const events of storage.watch(options)) yield change(events, options);
    },
  });
}

/** True at every `period`th call. */
function every(period: number): () => boolean {
  let calls = 0;
  return () => ++calls % period === 0;
}

function planted(
  name: string,
  changes: PlantedBug['changes'],
  store: PlantedBug['store'] = () => memoryStore(),
): PlantedBug {
  return { name, changes, store };
}

export const PLANTED_BUGS: readonly PlantedBug[] = [
  planted('a revision is used again after a commit failed (etcd #13766)', { storage: reusesRevisions }),
  planted('a crash loses a write that was acknowledged (etcd #14370)', {}, () =>
    memoryStore({ loses: 'newest-commit' }),
  ),
  planted('one of two servers misses an event, and they differ from then on (etcd #14571)', {
    storage(storage) {
      const isDue = every(60);
      let first: AbortSignal | undefined;
      return withWatch(storage, (events, { signal }) => {
        first ??= signal;
        return events.filter(() => signal === first || !isDue());
      });
    },
  }),
  planted('a crash forgets a compaction, and with it the newest revision (etcd #14685, #17780)', {}, () =>
    memoryStore({ loses: 'compaction' }),
  ),
  planted('a bookmark is ahead of an event (etcd #15220)', { watchCache: marksAhead }),
  planted('a watch that is opened again travels back in time (etcd #15271)', {
    storage: (storage) =>
      changed(storage, {
        watch: (options) => storage.watch({ ...options, afterRevision: Math.max(1, options.afterRevision - 3) }),
      }),
  }),
  planted('an event comes twice (etcd #17247)', {
    storage(storage) {
      const isDue = every(60);
      return withWatch(storage, (events) => events.flatMap((event) => (isDue() ? [event, event] : [event])));
    },
  }),
  planted('a slow watcher loses events silently (etcd #17529)', {
    handler: (handler) => withEvents(handler, (events) => (events.length > 12 ? events.slice(1) : events)),
  }),
  planted('a compaction takes a deletion away from watches (etcd #18089, #19179)', { storage: dropsDeletions }),
  planted('a read at a compacted revision is answered with what is left (etcd #18667)', {
    storage: (storage) =>
      changed(storage, {
        async list({ revision, ...options }) {
          try {
            return await storage.list({ ...options, ...(revision === undefined ? {} : { revision }) });
          } catch (error) {
            if (!(error instanceof StorageError && error.code === 'compacted')) throw error;
            return { ...(await storage.list(options)), revision: revision! };
          }
        },
      }),
  }),
  planted('a watch from a revision that is not yet brings older events (etcd #20221)', {
    watchCache: (watchCache) => replaceWaitFor(watchCache, () => Promise.resolve()),
  }),
  planted('a read of the newest does not see what was acknowledged before it', {
    watchCache(watchCache) {
      watchCache.freshen = () => Promise.resolve();
    },
  }),
  planted('an object that leaves the selection is not reported as deleted', {
    handler: (handler) =>
      withEvents(handler, (events, request) =>
        request.query.has('labelSelector') ? events.filter(({ type }) => type !== 'DELETED') : events,
      ),
  }),
  planted('a write that failed is seen all the same', {}, () => memoryStore({ loses: 'failure' })),
  planted('a watcher is refused though it kept up', {
    handler: (handler) =>
      withEvents(handler, (events, request) => {
        if (request.query.has('fieldSelector') && events.length > 1) throw new StorageError('slow-watcher', 'too slow');
        return events;
      }),
  }),
];

function reusesRevisions(storage: Storage): Storage {
  let last = 0;
  let hasFailed = false;
  const write = async (outcome: Promise<number>): Promise<number> => {
    try {
      const revision = await outcome;
      const answer = hasFailed ? last : revision;
      hasFailed = false;
      last = revision;
      return answer;
    } catch (error) {
      hasFailed ||= error instanceof StorageError && error.code === 'unavailable';
      throw error;
    }
  };
  return changed(storage, {
    create: (key, value) => write(storage.create(key, value)),
    update: (key, value, options) => write(storage.update(key, value, options)),
  });
}

/** Bookmarks take the store's revision, not the one up to which events were handed out. */
function marksAhead(watchCache: WatchCache, storage: Storage): void {
  for (const resource of [configMaps, secrets]) {
    const cache = watchCache.cacheOf(resource as typeof configMaps) as unknown as { bookmark(revision: number): void };
    const bookmark = cache.bookmark.bind(cache);
    cache.bookmark = () => bookmark((storage as Storage & { revision: number }).revision);
  }
}

function dropsDeletions(storage: Storage): Storage {
  let drops = false;
  const change: WatchChange = (events) =>
    events.filter(({ type }) => {
      const isDropped = drops && type === 'delete';
      if (isDropped) drops = false;
      return !isDropped;
    });
  return withWatch(storage, change, {
    async compact(revision) {
      await storage.compact(revision);
      drops = true;
    },
  });
}

/** What is ahead of everything is taken for reached. */
function replaceWaitFor(watchCache: WatchCache, ahead: () => Promise<void>): void {
  const waitFor = watchCache.waitFor.bind(watchCache);
  watchCache.waitFor = (revision) => (revision > watchCache.revision + 1 ? ahead() : waitFor(revision));
}

function withEvents(
  handler: Handler,
  change: (events: readonly WatchEvent[], request: ApiRequest) => readonly WatchEvent[],
): Handler {
  return async (request) => {
    const response = await handler(request);
    if (response.body.type !== 'events') return response;
    const { batches } = response.body;
    const changedBatches = async function* (): AsyncGenerator<readonly WatchEvent[]> {
      for await (const batch of batches) yield change(batch, request);
    };
    return { ...response, body: { type: 'events', batches: changedBatches() } };
  };
}
