/**
 * What a multi-version store keeps its writes in: an append-only log of records by revision. `log-storage.ts` makes the
 * storage contract out of it; the drivers (memory, lmdb) differ only here.
 */
import type { StorageError } from './storage.ts';

export interface RecordHeader {
  revision: number;
  type: 'put' | 'delete';
  key: string;
  /** Revision of the put that created the key (for a delete: the key that it ends). */
  createRevision: number;
  /** Revision of the record that this one supersedes; 0 for a creation. */
  previousRevision: number;
}

export interface LogRecord extends RecordHeader {
  /** Empty for a delete. */
  value: Uint8Array;
}

/** One transaction: everything in it becomes durable, or nothing does. */
export interface LogChange {
  append: readonly LogRecord[];
  /** Revisions of records to drop; those that are not there are ignored. */
  remove: readonly number[];
  compaction?: CompactionState;
}

export interface CompactionState {
  /** Reads and watches below this revision are refused. */
  revision: number;
  /** Records superseded up to this revision have been dropped. */
  droppedThrough: number;
}

export interface RecordLog {
  /**
   * Makes the change durable before it resolves. When it rejects, the change did not happen and its revisions are not
   * used again. At most one commit that appends is under way at a time.
   */
  commit(change: LogChange): Promise<void>;
  /** Why only deletes are taken at present (a full disk); undefined when every write is. */
  deletesOnly(): StorageError | undefined;
  /** Headers of records with a greater revision, in order, at most `limit`; may run ahead of unresolved commits. */
  headersAfter(revision: number, limit: number): RecordHeader[];
  /** A private copy of a record's value. Throws `corrupted` when it fails its checksum or is missing. */
  value(header: { revision: number; key: string }): Uint8Array;
  /** Lets other work run: between slices of a long read, and to gather writers into one commit. */
  pause(): Promise<void>;
  close(): Promise<void>;
}
