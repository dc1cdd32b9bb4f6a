/** Storage in memory, for tests and simulation: nothing is kept when the process ends. */
import sortedBtree from 'sorted-btree';
import { LogStorage } from './log-storage.ts';
import type { LogChange, LogRecord, RecordHeader, RecordLog } from './record-log.ts';
import { StorageError } from './storage.ts';
import type { Storage } from './storage.ts';

const BTree = sortedBtree.default;

/** An empty store. Everything it does takes microtasks only, so that a simulation on it stays deterministic. */
export function createMemoryStorage(): Storage {
  return LogStorage.empty(new MemoryLog());
}

export class MemoryLog implements RecordLog {
  readonly #records = new BTree<number, LogRecord>(undefined, (a, b) => a - b);

  async commit(change: LogChange): Promise<void> {
    for (const revision of change.remove) this.#records.delete(revision);
    for (const record of change.append) this.#records.set(record.revision, record);
  }

  deletesOnly(): undefined {
    return undefined;
  }

  headersAfter(revision: number, limit: number): RecordHeader[] {
    const headers: RecordHeader[] = [];
    for (const record of this.#records.values(revision + 1)) {
      if (headers.length === limit) break;
      headers.push(record);
    }
    return headers;
  }

  value(header: { revision: number; key: string }): Uint8Array {
    const record = this.#records.get(header.revision);
    if (record !== undefined) return record.value;
    throw new StorageError('corrupted', `${header.key}: record ${header.revision} is missing`, header.revision);
  }

  pause(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
