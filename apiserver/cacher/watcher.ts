/**
 * One watch on one kind: a bounded queue between the cache, which pushes synchronously, and a consumer that takes
 * batches. A watcher that falls behind its bound is ended; it never loses an event silently.
 *
 * **Invariant:** what `take` returns over time is the initial events followed by every matching event after them, in
 * order, without gap or repetition, until it throws or ends.
 */
import { expired, internalServerError } from '../../api/machinery/errors.ts';
import type { CachedObject } from './cached-object.ts';

/** A change of one object, shared by all watchers; its frame is encoded once. */
export class CacheEvent {
  readonly type: 'put' | 'delete';
  /** For a deletion the last state, at the deletion's revision. */
  readonly current: CachedObject;
  readonly previous: CachedObject | undefined;
  /** Made when they are asked for: most events that are remembered go to nobody any more. */
  #frames: Map<string, Uint8Array> | undefined;
  #deliveries: Map<string, Delivery> | undefined;

  constructor(type: 'put' | 'delete', current: CachedObject, previous: CachedObject | undefined) {
    this.type = type;
    this.current = current;
    this.previous = previous;
  }

  get revision(): number {
    return this.current.revision;
  }

  /** How the event reaches watchers that select its object; one for all of them. */
  delivery(type: 'ADDED' | 'MODIFIED'): Delivery {
    this.#deliveries ??= new Map();
    let delivery = this.#deliveries.get(type);
    if (delivery === undefined) {
      delivery = { type, object: this.current, event: this };
      this.#deliveries.set(type, delivery);
    }
    return delivery;
  }

  /** Frees what was made for watchers, when most have taken it; who comes later makes it anew. */
  forget(): void {
    this.#frames = undefined;
    this.#deliveries = undefined;
    this.previous?.forget();
    if (this.type === 'delete') this.current.forget();
  }

  /** The encoded frame for `type`, made by `encode` at the first call. */
  frame(type: string, encode: () => Uint8Array): Uint8Array {
    this.#frames ??= new Map();
    let frame = this.#frames.get(type);
    if (frame === undefined) {
      frame = encode();
      this.#frames.set(type, frame);
    }
    return frame;
  }
}

export type Delivery =
  | { type: 'ADDED' | 'MODIFIED' | 'DELETED'; object: CachedObject; event: CacheEvent | undefined }
  | { type: 'BOOKMARK'; revision: number; initialEventsEnd: boolean };

/** What a watch reads from. */
export interface EventSource {
  /** The next batch; undefined when the watch has ended; throws the error that ended it. */
  take(): Promise<Delivery[] | undefined>;
  end(error?: Error): void;
}

/** Whether an object belongs to this watch: its namespace, name and selectors. */
export type ObjectFilter = (object: CachedObject) => boolean;

/** Gives an object in another form. */
export type ObjectForm = (object: CachedObject) => CachedObject;

export interface WatcherOptions {
  /** Asked of objects as they are stored. */
  filter: ObjectFilter | undefined;
  view?: ObjectForm;
  bookmarks: boolean;
  maxQueued: number;
}

export class Watcher implements EventSource {
  readonly #options: WatcherOptions;
  #queue: Delivery[] = [];
  /** Events pushed since the consumer last took what there was; what it began with does not count. */
  #unread = 0;
  #wake: (() => void) | undefined;
  #ended: { error: Error | undefined } | undefined;
  #onEnd: (() => void) | undefined;

  constructor(options: WatcherOptions, onEnd: () => void) {
    this.#options = options;
    this.#onEnd = onEnd;
  }

  /** What existed before the watch began; not counted against the bound. */
  seed(deliveries: Delivery[]): void {
    for (const delivery of deliveries) this.#queue.push(delivery);
    this.#signal();
  }

  /** The recent events that the watch begins with; not counted against the bound. */
  replay(events: readonly CacheEvent[]): void {
    const deliveries = events.map((event) => this.#deliveryOf(event));
    this.seed(deliveries.filter((delivery) => delivery !== undefined));
  }

  /** Called by the cache for every event of the kind, in order. */
  push(event: CacheEvent): void {
    if (this.#ended !== undefined) return;
    let delivery: Delivery | undefined;
    try {
      delivery = this.#deliveryOf(event);
    } catch (error) {
      // What cannot be decoded ends the watches that must look into it, and not the cache.
      this.end(internalServerError(`${event.current.key} at ${event.revision} cannot be decoded: ${String(error)}`));
    }
    if (delivery === undefined) return;
    if (this.#unread >= this.#options.maxQueued) {
      this.#queue = [];
      this.end(expired('too old resource version: the watcher did not keep up with the events'));
      return;
    }
    this.#unread++;
    this.#queue.push(delivery);
    this.#signal();
  }

  bookmark(revision: number): void {
    if (!this.#options.bookmarks || this.#ended !== undefined) return;
    this.#queue.push({ type: 'BOOKMARK', revision, initialEventsEnd: false });
    this.#signal();
  }

  end(error?: Error): void {
    if (this.#ended !== undefined) return;
    this.#ended = { error };
    this.#onEnd?.();
    this.#onEnd = undefined;
    this.#signal();
  }

  async take(): Promise<Delivery[] | undefined> {
    while (this.#queue.length === 0) {
      if (this.#ended?.error !== undefined) throw this.#ended.error;
      if (this.#ended !== undefined) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const batch = this.#queue;
    this.#queue = [];
    this.#unread = 0;
    const { view } = this.#options;
    return view === undefined ? batch : batch.map((delivery) => viewed(delivery, view));
  }

  #signal(): void {
    this.#wake?.();
    this.#wake = undefined;
  }

  /** An object that leaves the selection is DELETED for this watcher, one that enters it ADDED. */
  #deliveryOf(event: CacheEvent): Delivery | undefined {
    const { filter } = this.#options;
    const matched = event.previous !== undefined && (filter === undefined || filter(event.previous));
    const matches = event.type === 'put' && (filter === undefined || filter(event.current));
    if (matches) return event.delivery(matched ? 'MODIFIED' : 'ADDED');
    if (!matched) return undefined;
    // The last state that matched travels at the revision of the event that took it away.
    return { type: 'DELETED', object: event.type === 'delete' ? event.current : lastMatching(event), event: undefined };
  }
}

function viewed(delivery: Delivery, view: ObjectForm): Delivery {
  return delivery.type === 'BOOKMARK' ? delivery : { ...delivery, object: view(delivery.object) };
}

function lastMatching(event: CacheEvent): CachedObject {
  return event.previous!.at(event.revision);
}
