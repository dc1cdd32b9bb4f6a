/** The embedded store: one lmdb environment in a folder of its own, written by one process. */
import { chmod, mkdir } from 'node:fs/promises';
import { realClock } from '../../base/clock.ts';
import type { Clock } from '../../base/clock.ts';
import { realRandom } from '../../base/random.ts';
import type { Random } from '../../base/random.ts';
import { lockFolder } from './folder-lock.ts';
import { checkEnvironmentFile } from './lmdb-file.ts';
import { LmdbLog } from './lmdb-log.ts';
import type { RunCommit } from './lmdb-log.ts';
import { LogStorage } from './log-storage.ts';
import { SpaceReserve } from './space-reserve.ts';
import { StorageError } from './storage.ts';
import type { Storage } from './storage.ts';

const RESERVE_BYTES = 4 * 1024 * 1024;

export interface LmdbStorageOptions {
  /** The store's own folder; made when missing, open to its owner only. */
  path: string;
  clock?: Clock;
  random?: Random;
  /** Disk space kept back for deletes on a full disk. Default 4 MiB. */
  reserveBytes?: number;
  /** Runs each commit; for tests that let one fail. */
  runCommit?: RunCommit;
}

/**
 * Throws `locked` while another process has the folder open, `corrupted` when a record's header or the file's start is
 * damaged (a damaged value is reported when it is read), `unavailable` when the folder cannot be used or has a format
 * that this version does not know.
 */
export async function openLmdbStorage(options: LmdbStorageOptions): Promise<Storage> {
  const { path } = options;
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
    await chmod(path, 0o700);
    const unlock = await lockFolder(path);
    return await openLocked(options, unlock);
  } catch (error) {
    if (error instanceof StorageError) throw error;
    const cause = error instanceof Error ? error.message : String(error);
    throw new StorageError('unavailable', `the store in ${path} cannot be opened: ${cause}`);
  }
}

async function openLocked(options: LmdbStorageOptions, unlock: () => Promise<void>): Promise<Storage> {
  const { path, clock = realClock, random = realRandom, reserveBytes = RESERVE_BYTES } = options;
  let log: LmdbLog | undefined;
  try {
    await checkEnvironmentFile(`${path}/store.mdb`);
    const opened = (log = new LmdbLog(`${path}/store.mdb`, options.runCommit));
    const freeBytes = (): number => opened.freeBytes();
    const reserve = new SpaceReserve({ path: `${path}/reserve`, sizeBytes: reserveBytes, clock, random, freeBytes });
    await reserve.open();
    const compaction = await opened.loadCompaction();
    opened.useReserve(reserve);
    return await LogStorage.load(opened, { compaction, onClosed: unlock });
  } catch (error) {
    await log?.close().catch(() => undefined);
    await unlock();
    throw error;
  }
}
