/**
 * Objects that go by themselves (events, after an hour), swept once a minute. Only those are looked into that have not
 * been written since before the deadline: the others, which may be tens of thousands, stay encoded.
 */
import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { Storage } from '../storage/storage.ts';
import { StorageError } from '../storage/storage.ts';
import type { CachedObject } from '../cacher/cached-object.ts';
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
  const sweepers = expiring.map((kind) => new Sweeper(kind, storage, clock.now()));
  const cancel = clock.setInterval(() => {
    for (const sweeper of sweepers) {
      void sweeper
        .sweep(clock.now())
        .catch((error: unknown) => log.warn('expired objects could not be removed', { error: String(error) }));
    }
  }, SWEEP_PERIOD_MS);
  signal.addEventListener('abort', cancel, { once: true });
}

/** How many objects are decoded before others get their turn. */
const SLICE = 100;

/** The last revision that there was at a time. */
interface Mark {
  atMs: number;
  revision: number;
}

class Sweeper {
  readonly #kind: ServedKind;
  readonly #storage: Storage;
  /** Of each sweep since the deadline and the last one before it, in order; the first is of the start. */
  readonly #marks: Mark[] = [];

  constructor(kind: ServedKind, storage: Storage, nowMs: number) {
    this.#kind = kind;
    this.#storage = storage;
    this.#mark(nowMs);
  }

  async sweep(nowMs: number): Promise<void> {
    const deadlineMs = nowMs - this.#kind.resource.ttlSeconds * 1000;
    let seen = 0;
    for (const cached of this.#candidates(nowMs, deadlineMs)) {
      if (++seen % SLICE === 0) await setImmediate();
      // A copy: nobody else will want it decoded.
      if (cached.damage === undefined && lastWriteMs(cached.decode() as EventLike) <= deadlineMs)
        await this.#remove(cached);
    }
  }

  /** What may have been written last before the deadline; of what was there before the server started, all. */
  #candidates(nowMs: number, deadlineMs: number): CachedObject[] {
    const all = this.#mark(nowMs);
    const next = this.#marks.findIndex(({ atMs }) => atMs > deadlineMs);
    this.#marks.splice(0, next - 1);
    const [oldest] = this.#marks;
    return all.filter(({ revision }) => revision <= oldest!.revision);
  }

  /** Returns what there is. */
  #mark(nowMs: number): CachedObject[] {
    const { cache } = this.#kind;
    const all = [...cache.range(cache.snapshot(0), cache.keyPrefix)];
    this.#marks.push({ atMs: nowMs, revision: all.reduce((last, { revision }) => Math.max(last, revision), 0) });
    return all;
  }

  async #remove({ key, revision }: CachedObject): Promise<void> {
    try {
      await this.#storage.delete(key, { expectedRevision: revision });
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
