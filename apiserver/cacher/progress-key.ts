/**
 * A key that is written for the sake of its event. In a store that others write to as well, the revision may be ahead
 * of every event of ours; the event of this key then shows that there is nothing in between. (kube-apiserver asks etcd
 * for progress notifications instead, which etcd before 3.4.31 and 3.5.13 sends too early.)
 */
import type { Storage } from '../storage/storage.ts';
import { StorageError } from '../storage/storage.ts';

const NO_VALUE = new Uint8Array(0);
/** Servers that write at the same time overtake each other. */
const MAX_TRIES = 5;

export class ProgressKey {
  readonly #storage: Storage;
  readonly #key: string;
  #knownRevision = 0;
  #next: Promise<void> | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(storage: Storage, key: string) {
    this.#storage = storage;
    this.#key = key;
  }

  /** Resolves after a write that began after the call. Whoever asks while one is under way shares the next. */
  write(): Promise<void> {
    this.#next ??= this.#writing
      .catch(() => undefined)
      .then(() => {
        this.#next = undefined;
        this.#writing = this.#write();
        return this.#writing;
      });
    return this.#next;
  }

  async #write(): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        this.#knownRevision = await this.#writeOver(this.#knownRevision);
        return;
      } catch (error) {
        if (tries === MAX_TRIES || !(error instanceof StorageError) || !OVERTAKEN.has(error.code)) throw error;
        this.#knownRevision = error.revision ?? 0;
      }
    }
  }

  #writeOver(expectedRevision: number): Promise<number> {
    if (expectedRevision === 0) return this.#storage.create(this.#key, NO_VALUE);
    return this.#storage.update(this.#key, NO_VALUE, { expectedRevision });
  }
}

const OVERTAKEN: ReadonlySet<string> = new Set(['key-exists', 'key-not-found', 'revision-mismatch']);
