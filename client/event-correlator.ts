/**
 * Keeps repeated events from becoming repeated objects: identical ones are counted in one Event, similar ones combined
 * into one, storms of one object dropped (client-go `tools/record/events_cache.go`).
 */
import type { Clock } from '../base/clock.ts';
import type { CoreEvent } from './core-event.ts';
import { LruMap } from './lru-map.ts';
import { TokenBucket } from './rate-limiter.ts';

/** What to do about an event. */
export type Correlation =
  | { type: 'create'; event: CoreEvent }
  /** `event` is the one that exists, as it shall become. */
  | { type: 'count'; event: CoreEvent }
  | { type: 'drop' };

const MAX_KNOWN = 4_096;
/** From the tenth different message of one reason in ten minutes on, they are combined. */
const MAX_SIMILAR = 10;
const SIMILAR_WINDOW_MS = 600_000;
const STORM_BURST = 25;
const STORM_REFILL_PER_SECOND = 1 / 300;

interface Similar {
  messages: Set<string>;
  lastMs: number;
}

export class EventCorrelator {
  readonly #clock: Clock;
  readonly #recorded = new LruMap<string, CoreEvent>(MAX_KNOWN);
  readonly #similar = new LruMap<string, Similar>(MAX_KNOWN);
  readonly #buckets = new LruMap<string, TokenBucket>(MAX_KNOWN);

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  correlate(event: CoreEvent): Correlation {
    const { key, event: combined } = this.#combine(event);
    const known = this.#recorded.get(key);
    const counted = known === undefined ? combined : countedOnce(known, combined);
    // Also what is dropped is counted: the next that is written says how many there were.
    this.#recorded.set(key, counted);
    if (!this.#bucketOf(event).tryTake()) return { type: 'drop' };
    return { type: known === undefined ? 'create' : 'count', event: counted };
  }

  #bucketOf(event: CoreEvent): TokenBucket {
    const key = objectKey(event);
    const known = this.#buckets.get(key);
    if (known !== undefined) return known;
    const bucket = new TokenBucket({ clock: this.#clock, perSecond: STORM_REFILL_PER_SECOND, burst: STORM_BURST });
    this.#buckets.set(key, bucket);
    return bucket;
  }

  #combine(event: CoreEvent): { key: string; event: CoreEvent } {
    const group = JSON.stringify([objectKey(event), event.type, event.reason]);
    const nowMs = this.#clock.now();
    let similar = this.#similar.get(group);
    if (similar === undefined || nowMs - similar.lastMs > SIMILAR_WINDOW_MS) {
      similar = { messages: new Set(), lastMs: nowMs };
      this.#similar.set(group, similar);
    }
    similar.lastMs = nowMs;
    similar.messages.add(event.message);
    if (similar.messages.size < MAX_SIMILAR) {
      return { key: JSON.stringify([group, event.involvedObject.fieldPath, event.message]), event };
    }
    // One more than the limit is never kept: the next message decides anew.
    similar.messages.delete(similar.messages.values().next().value!);
    return { key: group, event: { ...event, message: `(combined from similar events): ${event.message}` } };
  }
}

function countedOnce(known: CoreEvent, { lastTimestamp, message }: CoreEvent): CoreEvent {
  return { ...known, count: known.count + 1, lastTimestamp, message };
}

function objectKey({ source, involvedObject }: CoreEvent): string {
  const { kind, namespace, name, uid, apiVersion } = involvedObject;
  return JSON.stringify([source.component, source.host, kind, namespace, name, uid, apiVersion]);
}
