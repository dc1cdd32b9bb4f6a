/** Keeps a store's history bounded: drops what is older than an interval, and what exceeds a number of revisions. */
import type { Clock } from '../../base/clock.ts';
import { sleep } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { Storage } from './storage.ts';
import { StorageError } from './storage.ts';

export interface CompactorOptions {
  storage: Storage;
  clock: Clock;
  logger: Logger;
  signal: AbortSignal;
  /** How long history is kept at least. Default 5 minutes, as kube-apiserver's etcd compaction interval. */
  intervalMs?: number;
  /** History longer than this is dropped before its time. Default 100,000 revisions. */
  maxRevisions?: number;
}

const DEFAULT_INTERVAL_MS = 5 * 60_000;
const DEFAULT_MAX_REVISIONS = 100_000;
/** How often the length of the history is looked at. */
const CHECKS_PER_INTERVAL = 10;

/** Runs until the signal aborts or the storage closes. A compaction that fails is tried again at the next check. */
export async function runCompactor(options: CompactorOptions): Promise<void> {
  const { storage, clock, logger, signal } = options;
  const { intervalMs = DEFAULT_INTERVAL_MS, maxRevisions = DEFAULT_MAX_REVISIONS } = options;
  const notes: number[] = [];
  while (!signal.aborted) {
    try {
      const revision = await storage.currentRevision();
      const isOverdue = notes.push(revision) > CHECKS_PER_INTERVAL;
      const oldest = Math.max((isOverdue ? notes.shift() : 0) ?? 0, revision - maxRevisions);
      if (oldest > 0) await storage.compact(oldest);
    } catch (error) {
      if (error instanceof StorageError && error.code === 'closed') return;
      logger.warn('compaction failed', { error: String(error) });
    }
    await sleep(clock, intervalMs / CHECKS_PER_INTERVAL, signal);
  }
}
