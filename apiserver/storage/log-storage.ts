/**
 * The storage contract over a record log: an index of keys in memory, group commit, snapshot lists, watches that read
 * history from the log and then follow commits, and compaction in small steps.
 */
import { GroupCommit } from './group-commit.ts';
import { KeyIndex } from './key-index.ts';
import type { KeyVersion } from './key-index.ts';
import type { CompactionState, LogRecord, RecordHeader, RecordLog } from './record-log.ts';
import { StorageError } from './storage.ts';
import type { DamagedEntry, Entry, ListOptions, ListResult, Storage, StorageEvent, WatchOptions } from './storage.ts';
import { WatchOutbox } from './watch-outbox.ts';

/** The revision of a store that was never written to. 0 is never a list's revision: the API reads it as "any". */
const FIRST_REVISION = 1;

/** One slice of a long read or of compaction: a few milliseconds at most. */
const SLICE_KEYS = 256;
const SLICE_BYTES = 1024 * 1024;
const DROP_SLICE_KEYS = 128;

const NO_VALUE = new Uint8Array(0);

const NO_COMPACTION: CompactionState = { revision: 0, droppedThrough: 0 };

interface LoadOptions {
  compaction: CompactionState;
  /** Called after the log is closed. */
  onClosed?: () => Promise<void>;
}

export class LogStorage implements Storage {
  readonly #log: RecordLog;
  readonly #index: KeyIndex;
  readonly #outboxes = new Set<WatchOutbox>();
  /** Lists under way; compaction leaves what they may still read. */
  readonly #listsUnderWay = new Set<{ revision: number }>();
  readonly #writes: GroupCommit;
  readonly #onClosed: (() => Promise<void>) | undefined;
  #revision: number;
  #compaction: CompactionState;
  #dropping: Promise<void> = Promise.resolve();
  #closing: Promise<void> | undefined;

  private constructor(log: RecordLog, loaded: { index: KeyIndex; revision: number } & LoadOptions) {
    this.#log = log;
    this.#onClosed = loaded.onClosed;
    this.#index = loaded.index;
    this.#revision = loaded.revision;
    this.#compaction = { ...loaded.compaction };
    this.#writes = new GroupCommit({
      log,
      revision: loaded.revision,
      committed: (key) => this.#index.get(key),
      publish: (records) => this.#publish(records),
      onFailure: () => {
        if (log.deletesOnly() !== undefined) this.#makeRoom();
      },
    });
  }

  /** A storage over a log that holds nothing. */
  static empty(log: RecordLog): LogStorage {
    return new LogStorage(log, { index: new KeyIndex(), revision: FIRST_REVISION, compaction: NO_COMPACTION });
  }

  /** Builds the index from the log. The storage owns the log from then on and closes it. */
  static async load(log: RecordLog, options: LoadOptions): Promise<LogStorage> {
    const { compaction } = options;
    const index = new KeyIndex();
    let revision = 0;
    for (;;) {
      const headers = log.headersAfter(revision, SLICE_KEYS);
      for (const header of headers) index.apply(header);
      revision = headers.at(-1)?.revision ?? revision;
      if (headers.length < SLICE_KEYS) break;
      await log.pause();
    }
    // Compaction may have dropped the newest records (deletes); their revisions stay used.
    revision = Math.max(revision, compaction.revision, FIRST_REVISION);
    return new LogStorage(log, { index, revision, ...options });
  }

  async currentRevision(): Promise<number> {
    this.#checkOpen();
    return this.#revision;
  }

  async get(key: string): Promise<Entry | undefined> {
    this.#checkOpen();
    const version = this.#index.get(key);
    return version === undefined ? undefined : this.#entry(version);
  }

  async list(request: ListOptions): Promise<ListResult> {
    this.#checkOpen();
    const revision = request.revision ?? this.#revision;
    this.#checkRevision(revision);
    const underWay = { revision };
    this.#listsUnderWay.add(underWay);
    try {
      return await this.#listAt(request, revision);
    } finally {
      this.#listsUnderWay.delete(underWay);
    }
  }

  async create(key: string, value: Uint8Array): Promise<number> {
    this.#checkOpen();
    return this.#writes.write({ type: 'create', key, value });
  }

  async update(key: string, value: Uint8Array, options: { expectedRevision: number }): Promise<number> {
    this.#checkOpen();
    return this.#writes.write({ type: 'update', key, value, expectedRevision: options.expectedRevision });
  }

  async delete(key: string, options: { expectedRevision: number }): Promise<number> {
    this.#checkOpen();
    return this.#writes.write({ type: 'delete', key, expectedRevision: options.expectedRevision });
  }

  async *watch(options: WatchOptions): AsyncGenerator<StorageEvent[]> {
    const { prefix, signal } = options;
    this.#checkOpen();
    if (signal.aborted) return;
    const outbox = new WatchOutbox(options);
    const onAbort = (): void => outbox.abort();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      let position = options.afterRevision;
      let live = false;
      while (!live && !signal.aborted && this.#closing === undefined) {
        const slice = this.#historyAfter(position, prefix);
        position = slice.through;
        // No await between reading history up to the newest commit and following commits: no gap, no double.
        live = position === this.#revision;
        if (live) this.#outboxes.add(outbox);
        if (slice.events.length > 0) yield slice.events;
        else if (!live) await this.#log.pause();
      }
      while (live) {
        const batch = await outbox.next();
        if (batch === undefined) return;
        yield batch;
      }
    } finally {
      signal.removeEventListener('abort', onAbort);
      this.#outboxes.delete(outbox);
    }
  }

  async compact(revision: number): Promise<void> {
    this.#checkOpen();
    if (revision > this.#revision) throw futureRevision(revision, this.#revision);
    if (revision <= this.#compaction.revision) return;
    this.#compaction.revision = revision;
    await this.#drop();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#writes.drained();
    for (const outbox of this.#outboxes) outbox.end();
    await this.#dropping.catch(() => undefined);
    await this.#log.close();
    await this.#onClosed?.();
  }

  #checkOpen(): void {
    if (this.#closing !== undefined) throw new StorageError('closed', 'storage is closed');
  }

  #checkRevision(revision: number): void {
    if (revision > this.#revision) throw futureRevision(revision, this.#revision);
    const oldest = this.#compaction.revision;
    if (revision >= oldest) return;
    throw new StorageError('compacted', `revision ${revision} has been compacted, the oldest is ${oldest}`, oldest);
  }

  async #listAt(request: ListOptions, revision: number): Promise<ListResult> {
    const { prefix, limit = Infinity } = request;
    const entries: Entry[] = [];
    const damaged: DamagedEntry[] = [];
    let remaining = 0;
    let bytes = 0;
    let fromKey: string | undefined = laterOf(prefix, request.fromKey);
    while (fromKey !== undefined) {
      const page = this.#index.page({ prefix, fromKey, revision, maxKeys: SLICE_KEYS });
      fromKey = page.nextKey;
      for (const version of page.versions) {
        if (entries.length >= limit) {
          remaining++;
          continue;
        }
        if (bytes > SLICE_BYTES) {
          await this.#pauseRead();
          bytes = 0;
        }
        const entry = request.skipDamaged === true ? this.#entryOrDamage(version, damaged) : this.#entry(version);
        if (entry === undefined) continue;
        bytes += entry.value.length;
        entries.push(entry);
      }
      if (fromKey !== undefined) await this.#pauseRead();
    }
    const result = { revision, entries, more: remaining > 0, remaining };
    return damaged.length === 0 ? result : { ...result, damaged };
  }

  async #pauseRead(): Promise<void> {
    await this.#log.pause();
    this.#checkOpen();
  }

  #entry({ key, modRevision, createRevision }: KeyVersion): Entry {
    return { key, value: this.#log.value({ key, revision: modRevision }), modRevision, createRevision };
  }

  #entryOrDamage(version: KeyVersion, damaged: DamagedEntry[]): Entry | undefined {
    try {
      return this.#entry(version);
    } catch (error) {
      if (!(error instanceof StorageError && error.code === 'corrupted')) throw error;
      damaged.push({ key: version.key, modRevision: version.modRevision, message: error.message });
      return undefined;
    }
  }

  #publish(records: LogRecord[]): void {
    for (const record of records) this.#index.apply(record);
    this.#revision = records.at(-1)?.revision ?? this.#revision;
    if (this.#log.deletesOnly() !== undefined) this.#makeRoom();
    if (this.#outboxes.size === 0) return;
    const events = records.map((record) => this.#event(record, record.value));
    for (const outbox of this.#outboxes) outbox.push(events);
  }

  /** `value` is the put's; a delete takes the last one. */
  #event(header: RecordHeader, value: Uint8Array): StorageEvent {
    const { type, key, revision } = header;
    const previous = this.#previous(header);
    return { type, key, value: type === 'delete' ? (previous?.value ?? NO_VALUE) : value, previous, revision };
  }

  #previous({ key, previousRevision, createRevision }: RecordHeader): Entry | undefined {
    if (previousRevision === 0) return undefined;
    try {
      return this.#entry({ key, modRevision: previousRevision, createRevision });
    } catch (error) {
      if (!(error instanceof StorageError && error.code === 'corrupted')) throw error;
      // A corrupted value must not keep its key from being replaced or deleted.
      return { key, value: NO_VALUE, modRevision: previousRevision, createRevision };
    }
  }

  /** A slice of the events after a revision, and the revision up to which they are complete. */
  #historyAfter(revision: number, prefix: string): { events: StorageEvent[]; through: number } {
    this.#checkRevision(revision);
    const headers = this.#log.headersAfter(revision, SLICE_KEYS);
    const committed = headers.filter((header) => header.revision <= this.#revision);
    const complete = headers.length < SLICE_KEYS || committed.length < headers.length;
    const events: StorageEvent[] = [];
    let bytes = 0;
    for (const header of committed) {
      if (!header.key.startsWith(prefix)) continue;
      const event = this.#event(header, header.type === 'put' ? this.#log.value(header) : NO_VALUE);
      events.push(event);
      bytes += event.value.length;
      if (bytes > SLICE_BYTES) return { events, through: header.revision };
    }
    return { events, through: complete ? this.#revision : committed.at(-1)!.revision };
  }

  /** On a full medium only dropping history gives room: what was deleted is history too. */
  #makeRoom(): void {
    this.#compaction.revision = this.#revision;
    this.#drop().catch(() => undefined);
  }

  #drop(): Promise<void> {
    this.#dropping = this.#dropping.catch(() => undefined).then(() => this.#dropSuperseded());
    return this.#dropping;
  }

  async #dropSuperseded(): Promise<void> {
    const revision = this.#compaction.revision;
    let target = revision;
    for (const list of this.#listsUnderWay) target = Math.min(target, list.revision);
    let position = this.#compaction.droppedThrough;
    let due: RecordHeader[] = [];
    while (position < target && this.#closing === undefined) {
      const headers = this.#log.headersAfter(position, DROP_SLICE_KEYS);
      const inReach = headers.filter((header) => header.revision <= target);
      const atEnd = headers.length < DROP_SLICE_KEYS || inReach.length < headers.length;
      position = atEnd ? target : inReach.at(-1)!.revision;
      due.push(...inReach.filter((header) => header.previousRevision > 0));
      if (due.length >= DROP_SLICE_KEYS || atEnd) {
        await this.#dropSupersededBy(due, { revision, droppedThrough: position });
        due = [];
      }
      await this.#log.pause();
    }
  }

  /** Drops a bounded number of records and notes in the same commit how far compaction came. */
  async #dropSupersededBy(headers: readonly RecordHeader[], compaction: CompactionState): Promise<void> {
    const remove = headers.map((header) => header.previousRevision);
    for (const header of headers) if (header.type === 'delete') remove.push(header.revision);
    await this.#log.commit({ append: [], remove, compaction });
    // A key's last record stands for its earlier ones: a key written ever again must not cost their square.
    const lastOfKeys = new Map(headers.map((header) => [header.key, header]));
    for (const header of lastOfKeys.values()) this.#index.forgetSupersededBy(header);
    this.#compaction.droppedThrough = compaction.droppedThrough;
  }
}

function futureRevision(revision: number, current: number): StorageError {
  return new StorageError('future-revision', `revision ${revision} is ahead of the current ${current}`, current);
}

function laterOf(prefix: string, fromKey: string | undefined): string {
  return fromKey !== undefined && fromKey > prefix ? fromKey : prefix;
}
