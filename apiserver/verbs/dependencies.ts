/** What the verb handlers work with. */
import type { SchemaTable } from '../../api/schema/schema.ts';
import type { Clock } from '../../base/clock.ts';
import type { Authorizer } from '../authz/authorizer.ts';
import type { WatchCache } from '../cacher/watch-cache.ts';
import type { Store } from '../registry/store.ts';
import type { Storage } from '../storage/storage.ts';

export interface VerbDependencies {
  store: Store;
  watchCache: WatchCache;
  storage: Storage;
  schemas: SchemaTable;
  clock: Clock;
  authorize: Authorizer;
}
