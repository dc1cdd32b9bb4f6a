/**
 * The folders below an image store's root: unpacked layers (`layers/<hex of the diff id>`), small blobs
 * (`blobs/sha256/<hex>`) and temporary ones (`tmp/`). Everything is made in `tmp/` and renamed into place when
 * complete.
 *
 * **Invariant:** a folder in `layers/` is complete. It is trusted only while the index names it: after a crash
 * between the rename and the index, it is unpacked again.
 */
import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { digestHex, sha256, type Sha256Digest } from './digest.ts';
import { SWEEP_AGE_MS, syncFolder, writeDurably } from './index-file.ts';
import { unpackLayer, type LayerLimits, type LayerSource, type UnpackedLayer } from './layer.ts';

/** Of the process and not of a store: several stores may share a folder. */
let temporaries = 0;

export class LayerStore {
  readonly #folder: string;
  readonly #limits: LayerLimits | undefined;
  readonly #self = `${process.pid}-${startTicks(process.pid) ?? 0}`;
  readonly #unpacking = new Map<Sha256Digest, Promise<unknown>>();
  /** Layers unpacked by this process, which the index may not name yet. */
  readonly #unpacked = new Map<Sha256Digest, UnpackedLayer>();
  readonly #pins = new Map<Sha256Digest, number>();

  constructor(folder: string, limits?: LayerLimits) {
    this.#folder = folder;
    this.#limits = limits;
  }

  path(diffId: Sha256Digest): string {
    return join(this.#folder, 'layers', digestHex(diffId));
  }

  exists(diffId: Sha256Digest): boolean {
    return fs.existsSync(this.path(diffId));
  }

  unpackedSize(diffId: Sha256Digest): number | undefined {
    return this.#unpacked.get(diffId)?.sizeBytes;
  }

  isPinned(diffId: Sha256Digest): boolean {
    return this.#pins.has(diffId);
  }

  /** While `use` runs, these layers are not deleted by this process. */
  async withPinned<T>(diffIds: Iterable<Sha256Digest>, use: () => Promise<T>): Promise<T> {
    const pinned = [...diffIds];
    for (const diffId of pinned) this.#pins.set(diffId, (this.#pins.get(diffId) ?? 0) + 1);
    try {
      return await use();
    } finally {
      for (const diffId of pinned) {
        const left = (this.#pins.get(diffId) ?? 1) - 1;
        if (left === 0) this.#pins.delete(diffId);
        else this.#pins.set(diffId, left);
      }
    }
  }

  /**
   * Makes sure that the layer is there. `open` is called only when it must be unpacked; two callers unpack it once.
   * `isTrusted` says whether the index names it.
   */
  async ensure(
    diffId: Sha256Digest,
    open: () => Omit<LayerSource, 'diffId'>,
    { isTrusted, signal }: { isTrusted: () => boolean; signal: AbortSignal },
  ): Promise<void> {
    const isThere = (): boolean => this.exists(diffId) && (this.#unpacked.has(diffId) || isTrusted());
    for (let other = this.#unpacking.get(diffId); other !== undefined; other = this.#unpacking.get(diffId)) {
      // Its failure is not ours: perhaps its caller gave up. We try ourselves.
      await other.catch(() => undefined);
    }
    signal.throwIfAborted();
    if (isThere()) return;
    const unpacking = this.#unpack({ ...open(), diffId }, signal);
    this.#unpacking.set(diffId, unpacking);
    try {
      await unpacking;
    } finally {
      this.#unpacking.delete(diffId);
    }
  }

  async writeBlob(bytes: Uint8Array): Promise<Sha256Digest> {
    const digest = sha256(bytes);
    const path = this.blobPath(digest);
    const present = await fs.promises.stat(path).catch(() => undefined);
    if (present?.size === bytes.byteLength) return digest;
    const folder = join(this.#folder, 'blobs', 'sha256');
    await fs.promises.mkdir(folder, { recursive: true, mode: 0o700 });
    const temporary = await this.temporaryPath();
    await writeDurably(temporary, bytes);
    await fs.promises.rename(temporary, path);
    await syncFolder(folder);
    return digest;
  }

  blobPath(digest: Sha256Digest): string {
    return join(this.#folder, 'blobs', 'sha256', digestHex(digest));
  }

  /** A fresh name in `tmp/`, on the same file system as the layers; whoever finds it after our death deletes it. */
  async temporaryPath(): Promise<string> {
    const folder = join(this.#folder, 'tmp');
    await fs.promises.mkdir(folder, { recursive: true, mode: 0o700 });
    return join(folder, `${this.#self}-${temporaries++}`);
  }

  async delete(diffId: Sha256Digest): Promise<void> {
    this.#unpacked.delete(diffId);
    await this.#discard(this.path(diffId));
  }

  async deleteBlob(digest: Sha256Digest): Promise<void> {
    await fs.promises.rm(this.blobPath(digest), { force: true });
  }

  /** Deletes what dead processes left: their temporary folders, and old layers that the index does not name. */
  async sweep(isTrusted: (hex: string) => boolean, nowMs: number): Promise<void> {
    const temporary = join(this.#folder, 'tmp');
    for (const name of await namesIn(temporary)) {
      const [pid, ticks] = name.split('-').map(Number);
      if (pid === undefined || startTicks(pid) !== ticks) await removeTree(join(temporary, name));
    }
    for (const name of await namesIn(join(this.#folder, 'layers'))) {
      const path = join(this.#folder, 'layers', name);
      const found =
        isTrusted(name) || name === 'empty' ? undefined : await fs.promises.stat(path).catch(() => undefined);
      if (found !== undefined && nowMs - found.ctimeMs > SWEEP_AGE_MS) await this.#discard(path);
    }
  }

  /** Asks the kernel to write the whole file system to disk. Rejects when it could not. */
  flush(): Promise<void> {
    return new Promise((resolve, reject) => {
      const child = spawn('sync', ['-f', this.#folder], { stdio: 'ignore', env: { PATH: '/usr/bin:/bin' } });
      child.on('error', reject);
      child.on('close', (code) => (code === 0 ? resolve() : reject(new Error(`sync ended with code ${code}`))));
    });
  }

  async emptyLayer(): Promise<string> {
    const path = join(this.#folder, 'layers', 'empty');
    await fs.promises.mkdir(path, { recursive: true });
    return path;
  }

  async #unpack(source: LayerSource, signal: AbortSignal): Promise<void> {
    const temporary = await this.temporaryPath();
    await fs.promises.mkdir(temporary, { mode: 0o700 });
    try {
      const options = this.#limits === undefined ? { signal } : { limits: this.#limits, signal };
      const unpacked = await unpackLayer(source, temporary, options);
      await fs.promises.mkdir(join(this.#folder, 'layers'), { recursive: true, mode: 0o700 });
      // What stands there is a leaving that nothing uses, or was just made from the same bytes by another process.
      await this.#discard(this.path(source.diffId));
      await fs.promises.rename(temporary, this.path(source.diffId));
      this.#unpacked.set(source.diffId, unpacked);
    } catch (error) {
      await removeTree(temporary);
      throw error;
    }
  }

  async #discard(path: string): Promise<void> {
    const trash = await this.temporaryPath();
    try {
      await fs.promises.rename(path, trash);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
      throw error;
    }
    await removeTree(trash);
  }
}

async function removeTree(path: string): Promise<void> {
  await fs.promises.rm(path, { recursive: true, force: true });
}

async function namesIn(folder: string): Promise<string[]> {
  return fs.promises.readdir(folder).catch(() => []);
}

/** When a process started, which tells it from a later one with the same id. Undefined when there is none. */
function startTicks(pid: number): number | undefined {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
    // Fields after the command's name, which may itself hold spaces and brackets; start time is field 22.
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]);
  } catch {
    return undefined;
  }
}
