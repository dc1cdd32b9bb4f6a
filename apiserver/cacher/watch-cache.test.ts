import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { configMaps } from '../../api/core/v1/config-map.ts';
import type { ConfigMap } from '../../api/core/v1/config-map.ts';
import { realClock } from '../../base/clock.ts';
import { silentLogger } from '../../base/log.ts';
import { createMemoryStorage } from '../storage/memory.ts';
import type { KindCache } from './kind-cache.ts';
import type { WatchStart } from './snapshot.ts';
import { WatchCache } from './watch-cache.ts';
import type { Delivery, EventSource } from './watcher.ts';

const BOUND = 4;

const storage = createMemoryStorage();
let watchCache: WatchCache;
let cache: KindCache<ConfigMap>;
let stop: AbortController;
/** The revision before this test's objects. */
let before: number;
beforeEach(async () => {
  watchCache = new WatchCache({ storage, clock: realClock, log: silentLogger, maxQueuedEvents: BOUND });
  cache = watchCache.cacheOf(configMaps);
  stop = new AbortController();
  await watchCache.start();
  before = watchCache.revision;
});
afterEach(async () => {
  stop.abort();
  await watchCache.close();
});

let made = 0;
async function create(count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const metadata = { name: `o${made++}`, namespace: 'default' };
    await storage.create(cache.keyOf('default', metadata.name), await cache.encode({ metadata } as ConfigMap));
  }
  await watchCache.freshen();
}

function watch(about: Partial<WatchStart>): EventSource {
  const start: WatchStart = {
    initialEvents: false,
    markInitialEventsEnd: false,
    afterRevision: watchCache.revision,
    filter: undefined,
    bookmarks: false,
    keyPrefix: cache.keyPrefix,
    signal: stop.signal,
    ...about,
  };
  return cache.watch(start, watchCache.revision);
}

function revisionsOf(batch: Delivery[] | undefined): number[] {
  return (batch ?? []).map((one) => (one.type === 'BOOKMARK' ? one.revision : one.object.revision));
}

describe('a watch that has not been read yet', () => {
  it('begins with more recent events than it may lag behind', async () => {
    await create(BOUND + 2);
    const watcher = watch({ afterRevision: before });
    await create(BOUND);
    const expected = Array.from({ length: 2 * BOUND + 2 }, (_, i) => before + 1 + i);
    expect(revisionsOf(await watcher.take())).toEqual(expected);
  });

  it('begins with more objects than it may lag behind', async () => {
    await create(BOUND + 2);
    const watcher = watch({ initialEvents: true });
    await create(BOUND);
    const batch = await watcher.take();
    expect(batch?.length).toBeGreaterThanOrEqual(2 * BOUND + 2);
  });

  it('ends with 410, and is forgotten, when more events than it may lag behind came after its start', async () => {
    const watcher = watch({ initialEvents: true });
    await create(BOUND + 1);
    await expect(watcher.take()).rejects.toMatchObject({ status: { code: 410 } });
    expect(cache.watcherCount).toBe(0);
  });
});

describe('stored bytes that are no object', () => {
  it('end the watches that have to look into them, and no others', async () => {
    const selective = watch({ filter: (object) => object.object().metadata.name !== '' });
    const plain = watch({});
    const key = cache.keyOf('default', `o${made++}`);
    const revision = await storage.create(key, Buffer.from('no JSON'));
    await watchCache.freshen();
    await expect(selective.take()).rejects.toMatchObject({ status: { code: 500 } });
    await storage.delete(key, { expectedRevision: revision });
    await create(1);
    expect(revisionsOf(await plain.take())).toEqual([revision, revision + 1, revision + 2]);
  });
});
