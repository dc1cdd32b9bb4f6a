/**
 * Records events.k8s.io/v1 Events, whose repetitions are a series (client-go `tools/events`). The scheduler uses it:
 * a pod that cannot be placed is one event with a growing count.
 */
import { isNotFound } from '../api/machinery/errors.ts';
import type { EventV1 } from '../api/events/v1/event.ts';
import type { ApiObject } from '../api/machinery/meta.ts';
import { formatMicroTime } from '../base/clock.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import { realRandom } from '../base/random.ts';
import type { Random } from '../base/random.ts';
import type { Client, ResourceRef } from './client.ts';
import { createEventNamer, eventNamespace, referenceTo, truncateMessage } from './event-names.ts';
import type { ObjectReference } from './event-names.ts';
import { EventQueue } from './event-queue.ts';
import type { EventType } from './events.ts';
import { LruMap } from './lru-map.ts';

export interface EventV1Content {
  type: EventType;
  /** Why, in one CamelCase word. */
  reason: string;
  /** What was done, in one CamelCase word. */
  action: string;
  /** Cut at 1024 bytes. */
  note: string;
  related?: ApiObject | ObjectReference;
}

export interface EventV1Recorder {
  /** Never blocks, never throws. */
  event(regarding: ApiObject | ObjectReference, content: EventV1Content): void;
  flush(): Promise<void>;
  /** Writes what is due of the open series; ends the recorder. */
  close(): Promise<void>;
}

export interface EventV1RecorderOptions {
  client: Client;
  /** The events.k8s.io/v1 Event kind. */
  resource: ResourceRef;
  /** `default-scheduler` */
  controller: string;
  /** Which process; by custom `<controller>-<host>`. */
  instance: string;
  clock: Clock;
  random?: Random;
  log: Logger;
}

/** A series ends this long after its last event, and is written at least this often while it goes on. */
const FINISH_MS = 6 * 60_000;
const REFRESH_MS = 30 * 60_000;
const MAX_KNOWN = 4_096;

export function createEventV1Recorder(options: EventV1RecorderOptions): EventV1Recorder {
  return new SeriesRecorder(options);
}

interface Known {
  event: EventV1;
  lastMs: number;
}

class SeriesRecorder implements EventV1Recorder {
  readonly #options: EventV1RecorderOptions;
  readonly #known = new LruMap<string, Known>(MAX_KNOWN);
  readonly #queue: EventQueue;
  readonly #nameOf: (reference: ObjectReference) => string;
  readonly #timers: (() => void)[];

  constructor(options: EventV1RecorderOptions) {
    this.#options = options;
    this.#queue = new EventQueue(options);
    this.#nameOf = createEventNamer(options.clock, options.random ?? realRandom);
    this.#timers = [
      options.clock.setInterval(() => this.#finishSeries(), FINISH_MS),
      options.clock.setInterval(() => this.#refreshSeries(), REFRESH_MS),
    ];
  }

  event(object: ApiObject | ObjectReference, content: EventV1Content): void {
    const regarding = referenceTo(object);
    const key = this.#keyOf(regarding, content);
    const nowMs = this.#options.clock.now();
    const known = this.#known.get(key);
    if (known === undefined) {
      const event = this.#eventAbout(regarding, content);
      this.#known.set(key, { event, lastMs: nowMs });
      this.#queue.push(() => this.#create(event));
      return;
    }
    const startsSeries = known.event.series === undefined;
    const count = (known.event.series?.count ?? 1) + 1;
    known.event = { ...known.event, series: { count, lastObservedTime: formatMicroTime(nowMs) } };
    known.lastMs = nowMs;
    // Only the second event of a series is written at once; the rest is counted and written from time to time.
    if (startsSeries) this.#pushSeries(known.event);
  }

  flush(): Promise<void> {
    return this.#queue.flush();
  }

  close(): Promise<void> {
    for (const cancel of this.#timers.splice(0)) cancel();
    this.#refreshSeries();
    return this.#queue.flush();
  }

  /** The note is not part of it: a scheduler's notes differ with every try. */
  #keyOf(regarding: ObjectReference, { type, action, reason, related }: EventV1Content): string {
    const { resourceVersion: _changes, ...stable } = regarding;
    return JSON.stringify([type, action, reason, stable, related === undefined ? null : referenceTo(related)]);
  }

  #eventAbout(regarding: ObjectReference, { type, reason, action, note, related }: EventV1Content): EventV1 {
    const { clock, controller, instance } = this.#options;
    return {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { name: this.#nameOf(regarding), namespace: eventNamespace(regarding) },
      eventTime: formatMicroTime(clock.now()),
      reportingController: controller,
      reportingInstance: instance,
      action,
      reason,
      regarding,
      ...(related === undefined ? {} : { related: referenceTo(related) }),
      note: truncateMessage(note),
      type,
    };
  }

  #refreshSeries(): void {
    for (const [, { event }] of this.#known) {
      if (event.series !== undefined) this.#pushSeries(event);
    }
  }

  #finishSeries(): void {
    const beforeMs = this.#options.clock.now() - FINISH_MS;
    for (const [key, { event, lastMs }] of [...this.#known]) {
      if (lastMs > beforeMs) continue;
      if (event.series !== undefined) this.#pushSeries(event);
      this.#known.delete(key);
    }
  }

  #pushSeries(event: EventV1): void {
    this.#queue.push(() => this.#writeSeries(event));
  }

  async #writeSeries(event: EventV1): Promise<void> {
    const { client, resource } = this.#options;
    const { namespace, name } = event.metadata;
    try {
      const body = { series: event.series };
      await client.patch(resource, { namespace: namespace!, name: name! }, { type: 'strategic', body });
    } catch (error) {
      if (!isNotFound(error)) throw error;
      await this.#create(event);
    }
  }

  async #create(event: EventV1): Promise<void> {
    await this.#options.client.create<EventV1>(this.#options.resource, event, { ignoresResult: true });
  }
}
