/**
 * Room kept back so that a full disk can be recovered from. Deleting needs space before it frees any: a ballast file
 * is given up for it, and until there is room again only deletes are taken.
 */
import { open, stat, statfs, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import type { Random } from '../../base/random.ts';
import { StorageError } from './storage.ts';

const PROBE_INTERVAL_MS = 1000;
const CHUNK_BYTES = 1024 * 1024;

export interface SpaceReserveOptions {
  path: string;
  sizeBytes: number;
  clock: Clock;
  random: Random;
  /** Unused pages inside the store, which serve as a reserve as well. */
  freeBytes: () => number;
}

export class SpaceReserve {
  readonly #options: SpaceReserveOptions;
  #ballast = false;
  #refusal: StorageError | undefined;
  #probing: Promise<void> | undefined;
  #lastProbeMs = -Infinity;

  constructor(options: SpaceReserveOptions) {
    this.#options = options;
  }

  /** To be called once before use. A disk that is full already starts with deletes only. */
  async open(): Promise<void> {
    const found = await stat(this.#options.path).catch(() => undefined);
    this.#ballast = found !== undefined && found.size >= this.#options.sizeBytes;
    if (!this.#ballast) await this.#refill('no space for the reserve');
  }

  /** Why only deletes are taken; undefined when every write is. Asking looks for new room now and then. */
  deletesOnly(): StorageError | undefined {
    if (this.#refusal !== undefined) this.#probe();
    return this.#refusal;
  }

  /** After a failed commit: gives the ballast up when the disk is full; otherwise the failure has another cause. */
  async afterFailure(cause: string): Promise<void> {
    if (await this.#write(`${this.#options.path}.probe`, { keep: false })) return;
    this.#refuse(cause);
    await unlink(this.#options.path).catch(() => undefined);
    this.#ballast = false;
  }

  /** After a successful commit: without a ballast, the store's own free pages decide what is taken. */
  afterCommit(): void {
    if (this.#ballast) return;
    const free = this.#options.freeBytes();
    if (free >= 2 * this.#options.sizeBytes) this.#refusal = undefined;
    else if (free < this.#options.sizeBytes && this.#refusal === undefined) this.#refuse('the reserve is used up');
    this.#probe();
  }

  /** Resolves when no file operation is under way. */
  async settled(): Promise<void> {
    await this.#probing;
  }

  #refuse(cause: string): void {
    this.#refusal = new StorageError('unavailable', `the disk is full, only deletes are possible (${cause})`);
  }

  #probe(): void {
    const now = this.#options.clock.monotonicMs();
    if (this.#probing !== undefined || now - this.#lastProbeMs < PROBE_INTERVAL_MS) return;
    this.#lastProbeMs = now;
    this.#probing = this.#refill('no space for the reserve').finally(() => {
      this.#probing = undefined;
    });
  }

  async #refill(cause: string): Promise<void> {
    this.#ballast = await this.#write(this.#options.path, { keep: true });
    if (this.#ballast || this.#options.freeBytes() >= 2 * this.#options.sizeBytes) this.#refusal = undefined;
    else this.#refuse(cause);
  }

  /** Whether the file could be written in full; otherwise, or with `keep` false, it is gone afterwards. */
  async #write(path: string, { keep }: { keep: boolean }): Promise<boolean> {
    const complete = await this.#fill(path).catch(() => false);
    if (!complete || !keep) await unlink(path).catch(() => undefined);
    return complete;
  }

  /** False where the disk is known to have no room; throws where writing shows it. */
  async #fill(path: string): Promise<boolean> {
    // Deletes under way must find the last free blocks, so a disk that is known to be full is not tried.
    const { bavail, bsize } = await statfs(dirname(path));
    if (bavail * bsize < 2 * this.#options.sizeBytes) return false;
    // Random bytes take their space also on file systems that compress.
    const chunk = this.#options.random.bytes(Math.min(CHUNK_BYTES, this.#options.sizeBytes));
    const file = await open(path, 'w', 0o600);
    try {
      for (let written = 0; written < this.#options.sizeBytes; written += chunk.length) await file.writeFile(chunk);
      await file.sync();
      return true;
    } finally {
      await file.close();
    }
  }
}
