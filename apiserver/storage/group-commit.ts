/**
 * Gathers concurrent writes into commits. Compare-and-swap is decided at once, against the committed state overlaid
 * with the writes still on their way; nothing is published or answered before its commit is durable.
 */
import type { KeyVersion } from './key-index.ts';
import type { LogRecord, RecordLog } from './record-log.ts';
import { StorageError } from './storage.ts';

/** Bounds of one commit, so that publishing it does not hold the event loop. */
const MAX_COMMIT_RECORDS = 1000;
const MAX_COMMIT_BYTES = 8 * 1024 * 1024;

const NO_VALUE = new Uint8Array(0);

export type WriteRequest =
  | { type: 'create'; key: string; value: Uint8Array }
  | { type: 'update'; key: string; value: Uint8Array; expectedRevision: number }
  | { type: 'delete'; key: string; expectedRevision: number };

export interface GroupCommitOptions {
  log: RecordLog;
  /** The newest revision in the log. */
  revision: number;
  /** The committed version of a key. */
  committed: (key: string) => KeyVersion | undefined;
  /** Called with each durable commit, in order, before its writes are answered. */
  publish: (records: LogRecord[]) => void;
  /** Called after a commit failed and its writes were refused. */
  onFailure: () => void;
}

interface QueuedWrite {
  record: LogRecord;
  /** Settles with the outcome of the commit. */
  outcome: Promise<number>;
  resolve: (revision: number) => void;
  reject: (error: StorageError) => void;
}

export class GroupCommit {
  readonly #options: GroupCommitOptions;
  /** The newest write of each key that is not committed yet. */
  readonly #pending = new Map<string, QueuedWrite>();
  #queue: QueuedWrite[] = [];
  #assigned: number;
  #draining: Promise<void> | undefined;

  constructor(options: GroupCommitOptions) {
    this.#options = options;
    this.#assigned = options.revision;
  }

  /** Resolves with the write's revision once it is durable and published. */
  write(request: WriteRequest): Promise<number> {
    const pending = this.#pending.get(request.key);
    const latest = pending === undefined ? this.#options.committed(request.key) : versionOf(pending.record);
    const refusal = refuse(request, latest);
    if (refusal !== undefined) {
      // A refusal that rests on a write still on its way holds only if that write does.
      const grounds = pending?.outcome ?? Promise.resolve();
      return grounds.then(() => Promise.reject(refusal));
    }
    const full = request.type === 'delete' ? undefined : this.#options.log.deletesOnly();
    if (full !== undefined) return Promise.reject(full);
    return this.#enqueue(request, latest);
  }

  /** Resolves when no write is queued or under way. */
  async drained(): Promise<void> {
    while (this.#draining !== undefined) await this.#draining;
  }

  #enqueue(request: WriteRequest, latest: KeyVersion | undefined): Promise<number> {
    const revision = ++this.#assigned;
    let resolve!: QueuedWrite['resolve'];
    let reject!: QueuedWrite['reject'];
    const outcome = new Promise<number>((onResolve, onReject) => {
      resolve = onResolve;
      reject = onReject;
    });
    const record: LogRecord = {
      revision,
      type: request.type === 'delete' ? 'delete' : 'put',
      key: request.key,
      value: request.type === 'delete' ? NO_VALUE : request.value,
      createRevision: latest?.createRevision ?? revision,
      previousRevision: latest?.modRevision ?? 0,
    };
    const write: QueuedWrite = { record, outcome, resolve, reject };
    this.#queue.push(write);
    this.#pending.set(request.key, write);
    this.#draining ??= this.#drain();
    return outcome;
  }

  async #drain(): Promise<void> {
    while (this.#queue.length > 0) {
      await this.#options.log.pause();
      const batch = this.#queue.splice(0, batchLength(this.#queue));
      const records = batch.map((write) => write.record);
      try {
        await this.#options.log.commit({ append: records, remove: [] });
      } catch (error) {
        this.#rollBack(batch, error);
        continue;
      }
      this.#accept(batch, records);
    }
    this.#draining = undefined;
  }

  #accept(batch: QueuedWrite[], records: LogRecord[]): void {
    for (const write of batch) {
      if (this.#pending.get(write.record.key) === write) this.#pending.delete(write.record.key);
    }
    this.#options.publish(records);
    for (const write of batch) write.resolve(write.record.revision);
  }

  /** What is queued was decided on top of the batch that failed, so it fails too. */
  #rollBack(batch: QueuedWrite[], cause: unknown): void {
    const failed = [...batch, ...this.#queue];
    this.#queue = [];
    this.#pending.clear();
    const error =
      cause instanceof StorageError ? cause : new StorageError('unavailable', `write failed: ${String(cause)}`);
    for (const write of failed) write.reject(error);
    this.#options.onFailure();
  }
}

function versionOf(record: LogRecord): KeyVersion | undefined {
  if (record.type === 'delete') return undefined;
  return { key: record.key, modRevision: record.revision, createRevision: record.createRevision };
}

function refuse(request: WriteRequest, latest: KeyVersion | undefined): StorageError | undefined {
  const { key } = request;
  if (request.type === 'create') {
    if (latest === undefined) return undefined;
    return new StorageError('key-exists', `key exists: ${key}`, latest.modRevision);
  }
  if (latest === undefined) return new StorageError('key-not-found', `key not found: ${key}`);
  if (latest.modRevision === request.expectedRevision) return undefined;
  const message = `${key} is at revision ${latest.modRevision}, not ${request.expectedRevision}`;
  return new StorageError('revision-mismatch', message, latest.modRevision);
}

/** How many writes from the front of the queue go into the next commit: at least one. */
function batchLength(queue: readonly QueuedWrite[]): number {
  let bytes = 0;
  let length = 0;
  for (const write of queue) {
    bytes += write.record.value.length;
    if (length > 0 && (length === MAX_COMMIT_RECORDS || bytes > MAX_COMMIT_BYTES)) break;
    length++;
  }
  return length;
}
