/** Objects that go by themselves (events, after an hour): swept once a minute in the order of their last write. */
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { Storage } from '../storage/storage.ts';
import { StorageError } from '../storage/storage.ts';
import type { ServedKind } from './served-kind.ts';

const SWEEP_PERIOD_MS = 60_000;

export interface ExpiryOptions {
  kinds: readonly ServedKind[];
  storage: Storage;
  clock: Clock;
  log: Logger;
}

/** Sweeps until the signal aborts. */
export function startExpiry({ kinds, storage, clock, log }: ExpiryOptions, signal: AbortSignal): void {
  const expiring = kinds.filter(({ resource }) => resource.ttlSeconds > 0 && resource.view === undefined);
  const cancel = clock.setInterval(() => {
    for (const kind of expiring) {
      void sweep(kind, storage, clock.now()).catch((error: unknown) =>
        log.warn('expired objects could not be removed', { error: String(error) }),
      );
    }
  }, SWEEP_PERIOD_MS);
  signal.addEventListener('abort', cancel, { once: true });
}

async function sweep({ cache, resource }: ServedKind, storage: Storage, nowMs: number): Promise<void> {
  const deadline = nowMs - resource.ttlSeconds * 1000;
  for (const cached of cache.range(cache.snapshot(0), cache.keyPrefix)) {
    if (cached.damage !== undefined) continue;
    if (lastWriteMs(cached.object() as EventLike) > deadline) continue;
    try {
      await storage.delete(cached.key, { expectedRevision: cached.revision });
    } catch (error) {
      if (!(error instanceof StorageError) || (error.code !== 'revision-mismatch' && error.code !== 'key-not-found'))
        throw error;
    }
  }
}

interface EventLike {
  metadata: { creationTimestamp?: string | null };
  lastTimestamp?: string;
  series?: { lastObservedTime?: string };
}

function lastWriteMs(object: EventLike): number {
  const times = [object.metadata.creationTimestamp, object.lastTimestamp, object.series?.lastObservedTime];
  return Math.max(...times.map((time) => Date.parse(time ?? '') || 0));
}
