/**
 * A version of a kind that somebody outside converts: objects of other versions are converted when they are handed out,
 * as many in one call as there are, once per state for all who read them. What has the version already is read as it
 * is, and asks nobody.
 */
import type { ApiObject } from '../../api/machinery/meta.ts';
import type { ConvertedView } from '../../api/machinery/resource.ts';
import type { CachedObject } from './cached-object.ts';
import { encodeForStorage } from './codec.ts';
import type { ConversionBatch, ObjectVersion } from './converted-object.ts';
import { ConvertedObject } from './converted-object.ts';
import { ConvertedWatch } from './converted-watch.ts';
import type { WatchStart } from './snapshot.ts';
import type { ViewCacheOptions } from './view-cache.ts';
import { ViewCache } from './view-cache.ts';
import type { EventSource } from './watcher.ts';

/** Of stored objects in one call, so that the answer stays below what is read of one. */
const MAX_BATCH_BYTES = 4 << 20;

export class ConvertedViewCache<T extends ApiObject = ApiObject> extends ViewCache<T> {
  readonly #options: ViewCacheOptions<T>;
  readonly #converted: ConvertedView;
  readonly #version: ObjectVersion;

  constructor(options: ViewCacheOptions<T>, converted: ConvertedView) {
    super(options);
    this.#options = options;
    this.#converted = converted;
    const { apiVersion } = converted;
    this.#version = { apiVersion, read: (object) => options.view.fromStored(object) };
  }

  /** What others are converting at the moment is waited for; only a failure that is one's own is passed on. */
  async ready(objects: readonly CachedObject[]): Promise<void> {
    const wanted = new Set((objects as readonly ConvertedObject[]).filter(({ isReady }) => !isReady));
    if (wanted.size === 0) return;
    const waiting = [...wanted];
    const underWay = new Set(waiting.map(({ batch }) => batch).filter((batch) => batch !== undefined));
    for (const batch of underWay) {
      await batch.done.catch((error: unknown) => {
        if (batch.objects.every((object) => wanted.has(object))) throw error;
      });
    }
    for (const batch of batchesOf(waiting.filter(({ isReady }) => !isReady))) await this.#convert(batch);
  }

  /** Its selection is made of what the events show once they are converted. */
  override watch(start: WatchStart, revision: number): EventSource {
    const { only: _only, filter, ...rest } = start;
    return new ConvertedWatch({
      source: this.#options.stored.watch({ ...rest, filter: undefined }, revision),
      filter,
      view: (object) => this.viewOf(object),
      ready: (objects) => this.ready(objects),
    });
  }

  override async encode(object: T): Promise<Uint8Array> {
    const { convert, storedApiVersion } = this.#converted;
    const [stored] = await convert([object], storedApiVersion);
    return encodeForStorage(this.#options.view.toStored(stored as T));
  }

  protected override view(stored: CachedObject): CachedObject {
    return new ConvertedObject(stored, this.#version);
  }

  async #convert(objects: readonly ConvertedObject[]): Promise<void> {
    const batch: ConversionBatch = { objects, done: this.#settle(objects) };
    for (const object of objects) object.batch = batch;
    try {
      await batch.done;
    } finally {
      for (const object of objects) if (object.batch === batch) object.batch = undefined;
    }
  }

  async #settle(objects: readonly ConvertedObject[]): Promise<void> {
    const { convert, apiVersion } = this.#converted;
    const stored = objects.map((object) => object.stored.object());
    const converted = await convert(stored, apiVersion);
    objects.forEach((object, i) => object.settle(converted[i]!));
  }
}

function* batchesOf(objects: readonly ConvertedObject[]): Iterable<ConvertedObject[]> {
  let batch: ConvertedObject[] = [];
  let size = 0;
  for (const object of objects) {
    if (batch.length > 0 && size + object.value.length > MAX_BATCH_BYTES) {
      yield batch;
      batch = [];
      size = 0;
    }
    batch.push(object);
    size += object.value.length;
  }
  if (batch.length > 0) yield batch;
}
