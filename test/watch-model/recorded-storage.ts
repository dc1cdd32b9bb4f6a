/** A storage that notes what is acknowledged, and whose watches can be made to break. */
import { StorageError } from '../../apiserver/storage/storage.ts';
import type { Storage, StorageErrorCode, StorageEvent, WatchOptions } from '../../apiserver/storage/storage.ts';
import type { Change, Content } from './history.ts';

type Attempt = Omit<Change, 'revision'>;

interface OpenWatch {
  stop: AbortController;
  error: StorageError | undefined;
}

export class RecordedStorage implements Storage {
  readonly #inner: Storage;
  readonly #watches = new Set<OpenWatch>();
  /** Acknowledged and not taken yet. */
  #acknowledged: Change[] = [];
  /** Writes under way, and those that failed and may have happened all the same. */
  readonly unknown = new Set<Attempt>();
  /** Writes that have not been answered. */
  inFlight = 0;
  /** The newest acknowledged revision. */
  revision: number;

  constructor(inner: Storage, revision: number) {
    this.#inner = inner;
    this.revision = revision;
  }

  /** What was acknowledged since the last call, in revision order. */
  takeAcknowledged(): Change[] {
    const changes = this.#acknowledged.sort((a, b) => a.revision - b.revision);
    this.#acknowledged = [];
    return changes;
  }

  get openWatches(): number {
    return this.#watches.size;
  }

  breakWatches(code: StorageErrorCode): void {
    for (const watch of this.#watches) {
      watch.error = new StorageError(code, 'the model broke the watch', this.revision);
      watch.stop.abort();
    }
    this.#watches.clear();
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

  create(key: string, value: Uint8Array): Promise<number> {
    const attempt = { key, content: contentOf(value), expectedRevision: 0 };
    return this.#note(attempt, this.#inner.create(key, value));
  }

  update(key: string, value: Uint8Array, options: { expectedRevision: number }): Promise<number> {
    return this.#note({ key, content: contentOf(value), ...options }, this.#inner.update(key, value, options));
  }

  delete(key: string, options: { expectedRevision: number }): Promise<number> {
    return this.#note({ key, content: undefined, ...options }, this.#inner.delete(key, options));
  }

  async *watch(options: WatchOptions): AsyncGenerator<StorageEvent[]> {
    const watch: OpenWatch = { stop: new AbortController(), error: undefined };
    const onAbort = (): void => watch.stop.abort();
    options.signal.addEventListener('abort', onAbort, { once: true });
    if (options.signal.aborted) return;
    this.#watches.add(watch);
    try {
      yield* this.#inner.watch({ ...options, signal: watch.stop.signal });
      if (watch.error !== undefined) throw watch.error;
    } finally {
      this.#watches.delete(watch);
      options.signal.removeEventListener('abort', onAbort);
    }
  }

  compact(revision: number): Promise<void> {
    return this.#inner.compact(revision);
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  async #note(attempt: Attempt, outcome: Promise<number>): Promise<number> {
    this.unknown.add(attempt);
    this.inFlight++;
    try {
      const revision = await outcome;
      this.unknown.delete(attempt);
      this.#acknowledged.push({ ...attempt, revision });
      this.revision = Math.max(this.revision, revision);
      return revision;
    } catch (error) {
      if (!(error instanceof StorageError && error.code === 'unavailable')) this.unknown.delete(attempt);
      throw error;
    } finally {
      this.inFlight--;
    }
  }
}

/** What the model's writers put into an object. */
export function contentOf(value: Uint8Array): Content {
  const { metadata } = JSON.parse(Buffer.from(value).toString()) as { metadata: ModelMetadata };
  return contentOfMetadata(metadata);
}

export interface ModelMetadata {
  namespace: string;
  name: string;
  resourceVersion: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
}

export function contentOfMetadata({ labels, annotations }: ModelMetadata): Content {
  return { mark: annotations?.['mark'] ?? '', group: labels?.['group'] ?? '' };
}
