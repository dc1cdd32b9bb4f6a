/**
 * The record log in one lmdb environment: records by revision, and the state of compaction. Keys are looked up in
 * memory, so that a commit touches the end of one tree only and not a page for every key it writes.
 */
import { setImmediate } from 'node:timers/promises';
import { open } from 'lmdb';
import type { Database, RootDatabase } from 'lmdb';
import { PAGE_BYTES } from './lmdb-file.ts';
import { crc32, decodeHeader, decodeValue, encodeRecords } from './record-codec.ts';
import type { CompactionState, LogChange, RecordHeader, RecordLog } from './record-log.ts';
import type { SpaceReserve } from './space-reserve.ts';
import { StorageError } from './storage.ts';

/** Runs one commit; a test can let it fail before or after. */
export type RunCommit = (commit: () => Promise<unknown>) => Promise<unknown>;

const FORMAT = '1';

export class LmdbLog implements RecordLog {
  readonly #path: string;
  #root!: RootDatabase<Buffer, number>;
  #records!: Database<Buffer, number>;
  #meta!: Database<string, string>;
  /** Rejects when the environment is given up, with the commits that it would never answer. */
  #lost!: Promise<never>;
  #abandon!: (error: Error) => void;
  /** The environment is closed, and why it could not be opened again. */
  #closedBy: StorageError | undefined;
  #reopening: Promise<void> | undefined;
  readonly #runCommit: RunCommit;
  #reserve: SpaceReserve | undefined;
  /** The newest record known to be committed. */
  #newest = 0;
  /** A commit that failed may have left records behind that were never acknowledged. */
  #mayHaveLeftovers = false;

  constructor(path: string, runCommit: RunCommit = (commit) => commit()) {
    this.#path = path;
    this.#runCommit = runCommit;
    this.#open();
    for (const newest of this.#records.getKeys({ reverse: true, limit: 1 })) this.#newest = newest;
  }

  #open(): void {
    this.#lost = new Promise((_, reject) => (this.#abandon = reject));
    this.#lost.catch(() => undefined);
    // `useWritemap` would let stray writes reach the file; overlapping sync acknowledges before the flush.
    this.#root = open<Buffer, number>({
      path: this.#path,
      noSubdir: true,
      maxDbs: 2,
      // A page of 4 KiB is split half empty by records of 1 KiB; this one takes a third less space.
      pageSize: PAGE_BYTES,
      encoding: 'binary',
      overlappingSync: false,
      eventTurnBatching: false,
    });
    this.#records = this.#root.openDB<Buffer, number>('records', { encoding: 'binary' });
    this.#meta = this.#root.openDB<string, string>('meta', { encoding: 'string' });
  }

  /** From then on failures and successes are told to the reserve, and it decides what is taken. */
  useReserve(reserve: SpaceReserve): void {
    this.#reserve = reserve;
  }

  /** Reads the state of compaction, and marks a new store with its format. Throws `corrupted` or `unavailable`. */
  async loadCompaction(): Promise<CompactionState> {
    const format = this.#meta.get('format');
    if (format === undefined) await settle(this.#meta.put('format', FORMAT));
    else if (format !== FORMAT) {
      throw new StorageError('unavailable', `the store has format ${format}, this version knows ${FORMAT}`);
    }
    const stored = this.#meta.get('compaction');
    if (stored === undefined) return { revision: 0, droppedThrough: 0 };
    const [revision, droppedThrough, checksum] = stored.split(' ').map(Number);
    if (stored !== encodeCompaction({ revision: revision ?? NaN, droppedThrough: droppedThrough ?? NaN })) {
      throw new StorageError('corrupted', `the record of the last compaction is damaged (checksum ${checksum})`);
    }
    return { revision: revision!, droppedThrough: droppedThrough! };
  }

  async commit(change: LogChange): Promise<void> {
    if (this.#reopening !== undefined || this.#closedBy !== undefined) await this.#reopen();
    const encoded = encodeRecords(change.append);
    const leftovers = change.append.length > 0 ? this.#leftovers() : [];
    try {
      const written = this.#runCommit(() => settle(this.#write(change, encoded, leftovers)));
      await Promise.race([written, this.#lost]);
    } catch (error) {
      if (change.append.length > 0) this.#mayHaveLeftovers = true;
      const cause = error instanceof Error ? error.message : String(error);
      if (this.#hasGivenUp()) await this.#reopen().catch(() => undefined);
      else this.#root.resetReadTxn();
      await this.#reserve?.afterFailure(cause);
      throw new StorageError('unavailable', `the write could not be stored: ${cause}`);
    }
    this.#root.resetReadTxn();
    this.#newest = change.append.at(-1)?.revision ?? this.#newest;
    if (change.append.length > 0) this.#mayHaveLeftovers = false;
    this.#reserve?.afterCommit();
  }

  deletesOnly(): StorageError | undefined {
    return this.#reserve?.deletesOnly();
  }

  headersAfter(revision: number, limit: number): RecordHeader[] {
    this.#checkOpen();
    const revisions = [...this.#records.getKeys({ start: revision + 1, limit })];
    return revisions.map((at) => decodeHeader(at, this.#records.getBinaryFast(at) ?? Buffer.alloc(0)));
  }

  value(header: { revision: number; key: string }): Uint8Array {
    this.#checkOpen();
    const { key, revision } = header;
    const bytes = this.#records.getBinaryFast(revision);
    if (bytes !== undefined) return decodeValue(header, bytes);
    throw new StorageError('corrupted', `the record of ${key} at revision ${revision} is missing`, revision);
  }

  /** Bytes of pages in the file that no tree uses. */
  freeBytes(): number {
    const stats = this.#records.getStats() as TreeStats &
      Record<'root' | 'free', TreeStats> & { lastPageNumber: number };
    const used = [stats, stats.root, stats.free, this.#meta.getStats() as TreeStats].map(pagesOf);
    return (stats.lastPageNumber + 1 - used.reduce((sum, pages) => sum + pages, 0)) * stats.pageSize;
  }

  pause(): Promise<void> {
    return setImmediate();
  }

  async close(): Promise<void> {
    await this.#reserve?.settled();
    await this.#reopening?.catch(() => undefined);
    if (this.#closedBy === undefined) await this.#root.close();
  }

  #checkOpen(): void {
    if (this.#closedBy !== undefined) throw this.#closedBy;
  }

  /**
   * After a first page could not be written, lmdb does not know which of its two is on the disk: it refuses reads, and
   * never answers commits. Opening the file anew tells; a commit that is there after all is dropped by the next one.
   */
  #hasGivenUp(): boolean {
    if (this.#reopening !== undefined || this.#closedBy !== undefined) return true;
    try {
      this.#records.getStats();
      return false;
    } catch (error) {
      return String(error).includes('MDB_PANIC');
    }
  }

  /** Throws `unavailable` when the file cannot be opened. */
  #reopen(): Promise<void> {
    this.#reopening ??= this.#closeAndOpen().finally(() => {
      this.#reopening = undefined;
    });
    return this.#reopening;
  }

  async #closeAndOpen(): Promise<void> {
    const wasOpen = this.#closedBy === undefined;
    this.#closedBy = new StorageError('unavailable', 'the store is being opened again after a failed write');
    this.#abandon(this.#closedBy);
    try {
      if (wasOpen) await this.#root.close();
      this.#open();
      this.#closedBy = undefined;
    } catch (error) {
      this.#closedBy = new StorageError('unavailable', `the store cannot be opened again: ${String(error)}`);
      throw this.#closedBy;
    }
  }

  /** Only for a commit that appends: beside one, what follows the newest record may be what it is writing. */
  #leftovers(): number[] {
    return this.#mayHaveLeftovers ? [...this.#records.getKeys({ start: this.#newest + 1 })] : [];
  }

  #write(change: LogChange, encoded: readonly Buffer[], leftovers: readonly number[]): Promise<boolean> {
    return this.#records.batch(() => {
      for (const revision of leftovers) void this.#records.remove(revision);
      for (const revision of change.remove) void this.#records.remove(revision);
      for (const [i, record] of change.append.entries()) void this.#records.put(record.revision, encoded[i]!);
      if (change.compaction !== undefined) void this.#meta.put('compaction', encodeCompaction(change.compaction));
    });
  }
}

interface TreeStats {
  pageSize: number;
  treeBranchPageCount: number;
  treeLeafPageCount: number;
  overflowPages: number;
}

function pagesOf(stats: TreeStats): number {
  return stats.treeBranchPageCount + stats.treeLeafPageCount + stats.overflowPages;
}

function encodeCompaction({ revision, droppedThrough }: CompactionState): string {
  const fields = `${revision} ${droppedThrough}`;
  return `${fields} ${crc32(Buffer.from(fields), 0)}`;
}

/** lmdb rejects with a plain message and keeps the cause in a second promise, which must be listened to. */
async function settle(written: Promise<unknown>): Promise<void> {
  try {
    await written;
  } catch (error) {
    const { commitError } = error as { commitError?: Promise<unknown> };
    const cause = await commitError?.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    throw cause ?? error;
  }
}
