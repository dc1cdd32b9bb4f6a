/**
 * The watchers of a kind, those that want one value of a field apart: an event is shown to whom it can concern, and not
 * to each of the thousands of kubelets that watch the pods of one node (cacher `triggerPublisherFunc`).
 */
import type { CachedObject } from './cached-object.ts';
import type { CacheEvent, Watcher } from './watcher.ts';

/** A field selector's demand that a watch begins with: `spec.nodeName=node-1`. */
export interface FieldValue {
  field: string;
  value: string;
}

export class WatcherSet {
  readonly #fieldOf: (object: CachedObject, field: string) => string;
  readonly #ofEverything = new Set<Watcher>();
  /** By field and value. */
  readonly #ofValue = new Map<string, Map<string, Set<Watcher>>>();
  readonly #places = new Map<Watcher, Set<Watcher>>();

  constructor(fieldOf: (object: CachedObject, field: string) => string) {
    this.#fieldOf = fieldOf;
  }

  get size(): number {
    return this.#places.size;
  }

  [Symbol.iterator](): Iterator<Watcher> {
    return this.#places.keys();
  }

  /** `only`: objects without this value, before and after an event, do not concern the watcher. */
  add(watcher: Watcher, only: FieldValue | undefined): void {
    const place = only === undefined ? this.#ofEverything : this.#placeOf(only);
    place.add(watcher);
    this.#places.set(watcher, place);
  }

  delete(watcher: Watcher, only: FieldValue | undefined): void {
    const place = this.#places.get(watcher);
    place?.delete(watcher);
    this.#places.delete(watcher);
    if (only === undefined || place?.size !== 0) return;
    const values = this.#ofValue.get(only.field);
    values?.delete(only.value);
    if (values?.size === 0) this.#ofValue.delete(only.field);
  }

  push(event: CacheEvent): void {
    for (const watcher of this.#ofEverything) watcher.push(event);
    for (const [field, values] of this.#ofValue)
      for (const watcher of this.#concerned(event, field, values)) watcher.push(event);
  }

  /** Everybody, when the object is damaged: each finds out for itself, and ends. */
  #concerned(event: CacheEvent, field: string, values: ReadonlyMap<string, Set<Watcher>>): Iterable<Watcher> {
    const { current, previous } = event;
    try {
      const after = this.#fieldOf(current, field);
      const before = previous === undefined ? after : this.#fieldOf(previous, field);
      const now = values.get(after) ?? [];
      return before === after ? now : [...now, ...(values.get(before) ?? [])];
    } catch {
      return [...values.values()].flatMap((watchers) => [...watchers]);
    }
  }

  #placeOf({ field, value }: FieldValue): Set<Watcher> {
    let values = this.#ofValue.get(field);
    if (values === undefined) this.#ofValue.set(field, (values = new Map()));
    let place = values.get(value);
    if (place === undefined) values.set(value, (place = new Set()));
    return place;
  }
}
