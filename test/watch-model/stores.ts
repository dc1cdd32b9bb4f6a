/** The stores that the model runs on, each with the faults that it can be given. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { realClock } from '../../base/clock.ts';
import { openEtcdStorage } from '../../apiserver/storage/etcd.ts';
import { openLmdbStorage } from '../../apiserver/storage/lmdb.ts';
import { LogStorage } from '../../apiserver/storage/log-storage.ts';
import { MemoryLog } from '../../apiserver/storage/memory.ts';
import type { CompactionState, LogChange, RecordHeader, RecordLog } from '../../apiserver/storage/record-log.ts';
import { StorageError } from '../../apiserver/storage/storage.ts';
import type { Storage } from '../../apiserver/storage/storage.ts';

export interface ModelStore {
  readonly name: string;
  /** The same plan takes the same course. */
  readonly isDeterministic: boolean;
  /** A write without an answer may happen later: `stop` must wait for all answers. */
  readonly isRemote: boolean;
  /** Opens the store, or opens it again after `stop`. */
  open(): Promise<Storage>;
  /** Ends what was opened, with writes under way: some of them may have become durable and never be answered. */
  stop(): Promise<void>;
  /** The next commit fails; false where the store cannot. */
  failNextCommit(): boolean;
  /** Removes everything. */
  dispose(): Promise<void>;
}

/** What outlives a crash of the store in memory. */
interface Medium {
  log: MemoryLog;
  compaction: CompactionState;
  /** The revisions of the last commit. */
  newest: number[];
}

/** A bug to plant: what a crash takes away that it must not, or that a commit failed. */
export interface MemoryBug {
  loses?: 'newest-commit' | 'compaction' | 'failure';
}

async function hops(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await undefined;
}

/** A log that can lose its process: before a commit, or after it and before anybody is told. */
class CrashableLog implements RecordLog {
  readonly #medium: Medium;
  readonly #bug: MemoryBug;
  isDead = false;
  failsNext = false;

  constructor(medium: Medium, bug: MemoryBug) {
    this.#medium = medium;
    this.#bug = bug;
  }

  async commit(change: LogChange): Promise<void> {
    await this.#step();
    if (this.failsNext) {
      this.failsNext = false;
      if (this.#bug.loses === 'failure') await this.#medium.log.commit(change);
      throw new StorageError('unavailable', 'the model let the commit fail');
    }
    await this.#medium.log.commit(change);
    if (change.compaction !== undefined) this.#medium.compaction = change.compaction;
    if (change.append.length > 0) this.#medium.newest = change.append.map(({ revision }) => revision);
    await this.#step();
  }

  deletesOnly(): undefined {
    return undefined;
  }

  headersAfter(revision: number, limit: number): RecordHeader[] {
    return this.#medium.log.headersAfter(revision, limit);
  }

  value(header: { revision: number; key: string }): Uint8Array {
    return this.#medium.log.value(header);
  }

  pause(): Promise<void> {
    return hops(2);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** Nothing comes back from a dead process. */
  async #step(): Promise<void> {
    await hops(4);
    if (this.isDead) await new Promise(() => undefined);
  }
}

const NO_COMPACTION: CompactionState = { revision: 0, droppedThrough: 0 };

export function memoryStore(bug: MemoryBug = {}): ModelStore {
  const medium: Medium = { log: new MemoryLog(), compaction: NO_COMPACTION, newest: [] };
  let log: CrashableLog | undefined;
  return {
    name: 'memory',
    isDeterministic: true,
    isRemote: false,
    async open() {
      if (bug.loses === 'newest-commit') await medium.log.commit({ append: [], remove: medium.newest });
      if (bug.loses === 'compaction') medium.compaction = NO_COMPACTION;
      log = new CrashableLog(medium, bug);
      return LogStorage.load(log, { compaction: { ...medium.compaction } });
    },
    async stop() {
      if (log !== undefined) log.isDead = true;
    },
    failNextCommit() {
      if (log !== undefined) log.failsNext = true;
      return true;
    },
    dispose: () => Promise.resolve(),
  };
}

/** The folder is on the disk that tests use; every commit is flushed. */
export async function lmdbStore(): Promise<ModelStore> {
  const folder = await mkdtemp(join(tmpdir(), 'nocher-watch-model-'));
  let storage: Storage | undefined;
  let fails: 'before' | 'after' | undefined;
  let failures = 0;
  const runCommit = async (commit: () => Promise<unknown>): Promise<void> => {
    const fault = fails;
    fails = undefined;
    if (fault === 'before') throw new Error('the model let the commit fail');
    await commit();
    if (fault === 'after') throw new Error('the model let the commit fail after it had happened');
  };
  return {
    name: 'lmdb',
    isDeterministic: false,
    isRemote: false,
    async open() {
      storage = await openLmdbStorage({ path: join(folder, 'store'), reserveBytes: 64 * 1024, runCommit });
      return storage;
    },
    async stop() {
      await storage?.close();
    },
    failNextCommit() {
      fails = failures++ % 2 === 0 ? 'before' : 'after';
      return true;
    },
    async dispose() {
      await storage?.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** What earlier runs left in it is where a run begins. */
export function etcdStore(endpoint: string): ModelStore {
  let storage: Storage | undefined;
  return {
    name: 'etcd',
    isDeterministic: false,
    isRemote: true,
    async open() {
      storage = await openEtcdStorage({ endpoints: [endpoint] }, realClock);
      return storage;
    },
    async stop() {
      await storage?.close();
    },
    failNextCommit: () => false,
    async dispose() {
      await storage?.close();
    },
  };
}
