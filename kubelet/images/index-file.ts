/**
 * The image store's index: which images there are, under which names, made of which layers. Several processes may
 * change it at once (the node, and `nocher image load` beside it).
 *
 * Each change is a new file `index/<generation>.json`, made by linking a complete, flushed file to the next free
 * number. Linking fails when somebody else was first: the change is then made again on top of theirs. So there is no
 * lock that a crash could leave behind, and a reader always finds a complete document.
 */
import * as fs from 'node:fs';
import { join } from 'node:path';
import type { Sha256Digest } from './digest.ts';

export interface ImageRecord {
  /** Names, canonical: `docker.io/library/nginx:alpine`. */
  tags: string[];
  /** `docker.io/library/nginx@sha256:…` */
  repoDigests: string[];
  manifests: Sha256Digest[];
  /** Bottom first, as in the config. */
  layers: Sha256Digest[];
  user: string;
  createdAtMs: number;
  /** No longer an image of the node; kept only because a container still stands on its layers. */
  removed?: true;
}

export interface IndexDocument {
  version: 1;
  /** By image id. */
  images: Record<Sha256Digest, ImageRecord>;
  layers: Record<Sha256Digest, { sizeBytes: number }>;
  /** Layers that may not have reached the disk when this was written; after another boot they are not trusted. */
  unflushed?: { bootId: string; layers: Sha256Digest[] };
}

/** Old generations stay for readers and for writers that fell behind. */
const KEPT_GENERATIONS = 8;
const MAX_ATTEMPTS = 100;
/** Leavings of another process are swept once they are older than anything that it could be at work on. */
export const SWEEP_AGE_MS = 3_600_000;
/** Of files that are not complete yet. */
const TEMPORARY = 'new-';

/** Of the process and not of an index: several may share a folder. */
let temporaries = 0;

export class IndexFile {
  readonly #folder: string;
  #generation = -1;
  #document: IndexDocument = { version: 1, images: {}, layers: {} };

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** The newest document. Callers must not change it. */
  read(): IndexDocument {
    const newest = this.#newest();
    if (newest !== this.#generation) this.#load(newest);
    return this.#document;
  }

  /**
   * Applies `change` to a copy of the newest document; durable when it resolves. `change` may run several times, must
   * be pure, and returns false to leave everything as it is.
   */
  async update(change: (document: IndexDocument) => boolean): Promise<IndexDocument> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const current = this.read();
      const generation = this.#generation + 1;
      const document = structuredClone(current);
      if (!change(document)) return current;
      if (await this.#publish(generation, document)) return document;
    }
    throw new Error('the image index is changed by too many others at once');
  }

  /** Deletes what writers that were killed left. */
  async sweep(nowMs: number): Promise<void> {
    for (const name of await fs.promises.readdir(this.#folder).catch(() => [] as string[])) {
      const path = join(this.#folder, name);
      const found = name.startsWith(TEMPORARY) ? await fs.promises.stat(path).catch(() => undefined) : undefined;
      if (found !== undefined && nowMs - found.mtimeMs > SWEEP_AGE_MS) await fs.promises.rm(path, { force: true });
    }
  }

  #newest(): number {
    return this.#generations().reduce((newest, generation) => Math.max(newest, generation), -1);
  }

  #generations(): number[] {
    try {
      return fs
        .readdirSync(this.#folder)
        .flatMap((name) => (/^\d{1,15}\.json$/.test(name) ? [parseInt(name, 10)] : []));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
  }

  #load(generation: number): void {
    const document =
      generation < 0
        ? { version: 1, images: {}, layers: {} }
        : (JSON.parse(fs.readFileSync(this.#path(generation), 'utf8')) as { version: number });
    if (document.version !== 1)
      throw new Error(`the image index has version ${document.version}; this is an older nocher`);
    this.#document = document as IndexDocument;
    this.#generation = generation;
  }

  #path(generation: number): string {
    return join(this.#folder, `${generation}.json`);
  }

  async #publish(generation: number, document: IndexDocument): Promise<boolean> {
    await fs.promises.mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const temporary = join(this.#folder, `${TEMPORARY}${process.pid}-${temporaries++}`);
    try {
      await writeDurably(temporary, JSON.stringify(document));
      await fs.promises.link(temporary, this.#path(generation));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
      throw error;
    } finally {
      await fs.promises.rm(temporary, { force: true });
    }
    const generations = this.#generations();
    if (Math.max(...generations) >= generation + KEPT_GENERATIONS) {
      // We slept so long that our number had been used and deleted before: the link stands on nothing.
      await fs.promises.rm(this.#path(generation), { force: true });
      return false;
    }
    await syncFolder(this.#folder);
    if (generation > this.#generation) {
      this.#document = document;
      this.#generation = generation;
    }
    const old = generations.filter((other) => other <= generation - KEPT_GENERATIONS);
    await Promise.all(old.map((other) => fs.promises.rm(this.#path(other), { force: true })));
    return true;
  }
}

/** Writes a new file, mode 0600, that is on the disk when this resolves. Its name is not: see `syncFolder`. */
export async function writeDurably(path: string, content: string | Uint8Array): Promise<void> {
  const handle = await fs.promises.open(path, 'wx', 0o600);
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export async function syncFolder(folder: string): Promise<void> {
  const handle = await fs.promises.open(folder, fs.constants.O_RDONLY | fs.constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
