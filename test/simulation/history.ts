/** What was stored, in order: the events that invariants are checked on, and their digest. */
import { createHash } from 'node:crypto';
import type { Storage, WatchOptions } from '../../apiserver/storage/storage.ts';
import type { ApiObject } from '../../api/machinery/meta.ts';

export interface StoredChange {
  revision: number;
  /** In the plural: `pods`. */
  kind: string;
  /** `namespace/name`, or `name`. */
  name: string;
  /** What it is now; undefined: deleted. */
  object: ApiObject | undefined;
  previous: ApiObject | undefined;
}

const PREFIX = '/registry/';
/** There are many of them, and no invariant is about them. */
const UNTOLD = new Set(['events', 'leases']);

/** Passes everything on, and tells of each write as soon as it has happened (but for Events and Leases). */
export class ObservedStorage implements Storage {
  readonly #inner: Storage;
  readonly #objects = new Map<string, ApiObject>();
  readonly #digest = createHash('sha256');
  readonly #onChange: (change: StoredChange) => void;
  #revision = 0;

  constructor(inner: Storage, onChange: (change: StoredChange) => void) {
    this.#inner = inner;
    this.#onChange = onChange;
  }

  /** Of all that has happened so far. */
  digest(): string {
    return this.#digest.copy().digest('hex');
  }

  currentRevision(): Promise<number> {
    return this.#inner.currentRevision();
  }

  get(key: string): ReturnType<Storage['get']> {
    return this.#inner.get(key);
  }

  list(options: Parameters<Storage['list']>[0]): ReturnType<Storage['list']> {
    return this.#inner.list(options);
  }

  async create(key: string, value: Uint8Array): Promise<number> {
    return this.#note(await this.#inner.create(key, value), key, value);
  }

  async update(key: string, value: Uint8Array, options: { expectedRevision: number }): Promise<number> {
    return this.#note(await this.#inner.update(key, value, options), key, value);
  }

  async delete(key: string, options: { expectedRevision: number }): Promise<number> {
    return this.#note(await this.#inner.delete(key, options), key, undefined);
  }

  watch(options: WatchOptions): ReturnType<Storage['watch']> {
    return this.#inner.watch(options);
  }

  compact(revision: number): Promise<void> {
    return this.#inner.compact(revision);
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  #note(revision: number, key: string, value: Uint8Array | undefined): number {
    if (revision <= this.#revision) throw new Error(`revision ${revision} after ${this.#revision}`);
    this.#revision = revision;
    this.#digest.update(`${revision} ${key} `).update(value ?? '-');
    const { kind, name } = parseStorageKey(key);
    if (UNTOLD.has(kind)) return revision;
    const previous = this.#objects.get(key);
    const object = value === undefined ? undefined : (JSON.parse(Buffer.from(value).toString()) as ApiObject);
    if (object === undefined) this.#objects.delete(key);
    else this.#objects.set(key, object);
    this.#onChange({ revision, kind, name, object, previous });
    return revision;
  }
}

/** `/registry/pods/default/web`; kinds of definitions lie below their group, Services and Endpoints share a folder. */
function parseStorageKey(key: string): { kind: string; name: string } {
  const [first = '', ...rest] = key.slice(PREFIX.length).split('/');
  if (first === 'services') return { kind: rest[0] === 'specs' ? first : rest[0]!, name: rest.slice(1).join('/') };
  if (first.includes('.')) return { kind: rest[0]!, name: rest.slice(1).join('/') };
  return { kind: first, name: rest.join('/') };
}
