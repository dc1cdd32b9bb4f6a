/**
 * A watch on a version that somebody outside converts: what has happened is converted at one go when it is taken, and
 * selected by what it shows then. Its order, with the bookmarks in it, stays; an event that cannot be converted ends it.
 */
import type { CachedObject } from './cached-object.ts';
import type { CacheEvent, Delivery, EventSource, ObjectFilter, ObjectForm } from './watcher.ts';

export interface ConvertedWatchOptions {
  /** Of stored objects, without a selection but that of their place. */
  source: EventSource;
  filter: ObjectFilter | undefined;
  view: ObjectForm;
  /** Resolves when the objects, which `view` gave, can be looked into. */
  ready(objects: readonly CachedObject[]): Promise<void>;
}

type ObjectDelivery = Exclude<Delivery, { type: 'BOOKMARK' }>;

export class ConvertedWatch implements EventSource {
  readonly #options: ConvertedWatchOptions;

  constructor(options: ConvertedWatchOptions) {
    this.#options = options;
  }

  async take(): Promise<Delivery[] | undefined> {
    for (let batch = await this.#next(); batch !== undefined; batch = await this.#next()) {
      await this.#options.ready(batch.flatMap((delivery) => this.#objectsOf(delivery)));
      const selected = batch.map((delivery) => this.#selected(delivery)).filter((delivery) => delivery !== undefined);
      if (selected.length > 0) return selected;
    }
    return undefined;
  }

  end(error?: Error): void {
    this.#options.source.end(error);
  }

  #next(): Promise<Delivery[] | undefined> {
    return this.#options.source.take();
  }

  #objectsOf(delivery: Delivery): CachedObject[] {
    if (delivery.type === 'BOOKMARK') return [];
    const { view, filter } = this.#options;
    const before = filter === undefined ? undefined : previousOf(delivery);
    return [view(delivery.object), ...(before === undefined ? [] : [view(before)])];
  }

  /** An object that leaves the selection is DELETED for this watch, one that enters it ADDED. */
  #selected(delivery: Delivery): Delivery | undefined {
    if (delivery.type === 'BOOKMARK') return delivery;
    const { view, filter } = this.#options;
    const object = view(delivery.object);
    if (filter === undefined) return { ...delivery, object };
    const matches = filter(object);
    const before = previousOf(delivery);
    if (before === undefined) return matches ? { ...delivery, object } : undefined;
    const previous = view(before);
    const matched = filter(previous);
    if (matches) return { type: matched ? 'MODIFIED' : 'ADDED', object, event: delivery.event };
    // The last state that matched travels at the revision of the event that took it away.
    return matched ? { type: 'DELETED', object: previous.at(object.revision), event: undefined } : undefined;
  }
}

/** The state before a change that left the object where it is. */
function previousOf({ type, event }: ObjectDelivery): CacheEvent['previous'] {
  return type === 'MODIFIED' ? event?.previous : undefined;
}
