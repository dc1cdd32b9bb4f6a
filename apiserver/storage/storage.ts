/**
 * The storage contract: keys and bytes with revisions, as etcd has them. memory, lmdb and etcd implement it and run
 * the one suite in `storage-suite.ts`.
 *
 * **Invariants**
 * - Revisions are integers, strictly increasing, one per write, never reused, also across restarts.
 * - A write is acknowledged, and becomes visible to reads and watches, only after it is durable (lmdb: flushed).
 *   A commit that fails rejects its write and every write queued behind it that was decided on top of it.
 * - A watch sees every event of its prefix with revision > `afterRevision`, once, in revision order; there is no gap
 *   between a list's revision and the first event of a watch from it.
 * - A watcher that cannot keep up (more than its bound queued) ends with `StorageError('slow-watcher')`; it is never
 *   waited for and never loses an event silently.
 * - Values handed out must not be modified; values handed in are owned by the storage from then on.
 */
export type StorageErrorCode =
  | 'key-exists'
  | 'key-not-found'
  | 'revision-mismatch'
  | 'compacted'
  | 'future-revision'
  | 'slow-watcher'
  | 'closed'
  /** The medium refused (disk full, I/O error): the write did not happen. */
  | 'unavailable'
  /** Another process has this store open for writing. */
  | 'locked'
  /** A stored record fails its checksum: the message names its key and revision. Other keys stay readable. */
  | 'corrupted';

export class StorageError extends Error {
  readonly code: StorageErrorCode;
  /** For `compacted`: the oldest revision that can still be watched from or listed at. */
  readonly revision: number | undefined;
  constructor(code: StorageErrorCode, message: string, revision?: number) {
    super(message);
    this.name = 'StorageError';
    this.code = code;
    this.revision = revision;
  }
}

export interface Entry {
  key: string;
  value: Uint8Array;
  /** Revision of the write that gave the key its present value. */
  modRevision: number;
  createRevision: number;
}

/** An entry whose value cannot be read any more. */
export interface DamagedEntry {
  key: string;
  modRevision: number;
  /** Names key and revision. */
  message: string;
}

export interface StorageEvent {
  type: 'put' | 'delete';
  key: string;
  /** The new value; for a delete, the last value (empty when its record is corrupted). */
  value: Uint8Array;
  /** The value before this event; undefined for a creation. */
  previous: Entry | undefined;
  revision: number;
}

export interface ListResult {
  /** The snapshot that all entries come from. */
  revision: number;
  /** In key order. */
  entries: Entry[];
  /** More entries follow the last one. */
  more: boolean;
  /** With `skipDamaged`, what is not among the entries; absent: nothing. */
  damaged?: DamagedEntry[];
  /** How many entries follow the last one; undefined where the store does not know. */
  remaining: number | undefined;
}

export interface ListOptions {
  prefix: string;
  fromKey?: string;
  limit?: number;
  revision?: number;
  skipDamaged?: boolean;
}

export interface WatchOptions {
  prefix: string;
  /**
   * Events with a greater revision are delivered. The iteration throws `compacted` when it is below the compacted
   * revision, `future-revision` when it is above the current one.
   */
  afterRevision: number;
  signal: AbortSignal;
  /** Events a watcher may lag behind before it is cut off. Default 10,000. */
  maxQueued?: number;
}

export interface Storage {
  /** Other processes write to it as well. */
  readonly isShared?: boolean;
  /** The newest committed revision; 1 for a store that was never written to. For a shared store (etcd) this asks it. */
  currentRevision(): Promise<number>;
  /** Undefined when the key does not exist. */
  get(key: string): Promise<Entry | undefined>;
  /**
   * Entries whose key starts with `prefix`, from `fromKey` (inclusive) on, at `revision` (default: now).
   * Throws `compacted` or `future-revision`, and `corrupted` for a damaged value unless `skipDamaged` is set.
   */
  list(options: ListOptions): Promise<ListResult>;
  /** Throws `key-exists`. Resolves with the write's revision once durable. */
  create(key: string, value: Uint8Array): Promise<number>;
  /** Throws `key-not-found`, or `revision-mismatch` unless the key's modRevision is `expectedRevision`. */
  update(key: string, value: Uint8Array, options: { expectedRevision: number }): Promise<number>;
  /** As `update`; resolves with the deletion's revision. */
  delete(key: string, options: { expectedRevision: number }): Promise<number>;
  /** Batches of events in order. Ends without error when the signal aborts or the storage closes. */
  watch(options: WatchOptions): AsyncIterable<StorageEvent[]>;
  /**
   * Drops history below `revision`: lists and watches from an older one throw `compacted`; live values stay.
   * Throws `future-revision`. Compacting at or below an earlier compaction does nothing.
   */
  compact(revision: number): Promise<void>;
  close(): Promise<void>;
}
