/**
 * Records events about objects (client-go `tools/record`): identical ones are counted, similar ones combined, storms
 * dropped. Recording never blocks and never fails its caller.
 */
import type { ApiObject } from '../api/machinery/meta.ts';
import { isNotFound } from '../api/machinery/errors.ts';
import { formatTime } from '../base/clock.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { Client, ResourceRef } from './client.ts';
import { TokenBucket } from './rate-limiter.ts';

export interface EventRecorder {
  event(object: ApiObject, type: 'Normal' | 'Warning', reason: string, message: string, options?: EventOptions): void;
}

export interface EventOptions {
  /** Part of the object: `spec.containers{web}`. */
  fieldPath?: string;
  action?: string;
  annotations?: Record<string, string>;
}

interface CoreEvent extends ApiObject {
  involvedObject: Record<string, string>;
  reason: string;
  message: string;
  type: string;
  count: number;
  firstTimestamp: string;
  lastTimestamp: string;
  source: { component: string; host?: string };
  reportingComponent: string;
  reportingInstance: string;
}

export interface EventRecorderOptions {
  client: Client;
  /** The core/v1 Event kind. */
  resource: ResourceRef;
  component: string;
  /** Node name, for components that run on each node. */
  host?: string;
  clock: Clock;
  log: Logger;
}

const MAX_QUEUED = 1_000;
const MAX_KNOWN = 4_096;
const SIMILAR_LIMIT = 10;
const SIMILAR_WINDOW_MS = 600_000;
const STORM_BURST = 25;
const STORM_REFILL_PER_SECOND = 1 / 300;
/** Kubernetes refuses longer messages. */
const MAX_MESSAGE_LENGTH = 1024;

interface Similar {
  messages: Set<string>;
  lastMs: number;
}

export function createEventRecorder(options: EventRecorderOptions): EventRecorder {
  return new Recorder(options);
}

class Recorder implements EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #known = new Map<string, CoreEvent>();
  readonly #similar = new Map<string, Similar>();
  readonly #storms = new Map<string, TokenBucket>();
  readonly #queue: (() => Promise<void>)[] = [];
  #draining = false;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
  }

  event(object: ApiObject, type: 'Normal' | 'Warning', reason: string, message: string, options: EventOptions = {}): void {
    if (this.#queue.length >= MAX_QUEUED) return;
    const event = this.#eventOf(object, { type, reason, message: message.slice(0, MAX_MESSAGE_LENGTH), options });
    this.#queue.push(() => this.#send(event));
    if (!this.#draining) void this.#drain();
  }

  async #drain(): Promise<void> {
    this.#draining = true;
    for (let send = this.#queue.shift(); send !== undefined; send = this.#queue.shift()) {
      try {
        await send();
      } catch (error) {
        this.#options.log.debug('an event was not recorded', { error: String(error) });
      }
    }
    this.#draining = false;
  }

  #eventOf(object: ApiObject, about: { type: string; reason: string; message: string; options: EventOptions }): CoreEvent {
    const { clock, component, host } = this.#options;
    const nowMs = clock.now();
    const time = formatTime(nowMs);
    const { name = '', namespace, uid = '', resourceVersion = '' } = object.metadata;
    const { fieldPath, annotations } = about.options;
    // Nanoseconds in hex, as upstream names them; the fraction tells events of one millisecond apart.
    const suffix = (BigInt(Math.floor(nowMs)) * 1_000_000n + BigInt(Math.floor((clock.monotonicMs() % 1) * 1_000_000))).toString(16);
    return {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: `${name}.${suffix}`, namespace: namespace === undefined || namespace === '' ? 'default' : namespace, ...(annotations === undefined ? {} : { annotations }) },
      involvedObject: {
        kind: object.kind ?? '',
        ...(namespace === undefined ? {} : { namespace }),
        name,
        uid,
        apiVersion: object.apiVersion ?? '',
        resourceVersion,
        ...(fieldPath === undefined ? {} : { fieldPath }),
      },
      reason: about.reason,
      message: about.message,
      type: about.type,
      count: 1,
      firstTimestamp: time,
      lastTimestamp: time,
      source: { component, ...(host === undefined ? {} : { host }) },
      reportingComponent: component,
      reportingInstance: host ?? '',
    };
  }

  async #send(event: CoreEvent): Promise<void> {
    if (this.#isStorm(event)) return;
    const { key, message } = this.#aggregate(event);
    const { client, resource } = this.#options;
    const known = this.#known.get(key);
    if (known !== undefined) {
      try {
        const { name, namespace } = known.metadata;
        const body = { count: known.count + 1, lastTimestamp: event.lastTimestamp, message };
        const patched = await client.patch<CoreEvent>(resource, { namespace: namespace!, name: name! }, { type: 'merge', body });
        this.#remember(key, { ...known, count: patched.count, message });
        return;
      } catch (error) {
        // It has expired: a new one begins.
        if (!isNotFound(error)) throw error;
      }
    }
    const created = { ...event, message };
    await client.create<CoreEvent>(resource, created);
    this.#remember(key, created);
  }

  #remember(key: string, event: CoreEvent): void {
    this.#known.delete(key);
    this.#known.set(key, event);
    if (this.#known.size > MAX_KNOWN) this.#known.delete(this.#known.keys().next().value!);
  }

  /** 25 events at once per object, then one every five minutes (`EventSourceObjectSpamFilter`). */
  #isStorm({ source, involvedObject }: CoreEvent): boolean {
    const key = [source.component, source.host, involvedObject['kind'], involvedObject['namespace'], involvedObject['name'], involvedObject['uid']].join('/');
    let bucket = this.#storms.get(key);
    if (bucket === undefined) {
      if (this.#storms.size >= MAX_KNOWN) this.#storms.clear();
      bucket = new TokenBucket({ clock: this.#options.clock, perSecond: STORM_REFILL_PER_SECOND, burst: STORM_BURST });
      this.#storms.set(key, bucket);
    }
    return !bucket.tryTake();
  }

  /** Events that differ in nothing but their message are combined after the tenth message in ten minutes. */
  #aggregate({ involvedObject, reason, type, message, source }: CoreEvent): { key: string; message: string } {
    const group = JSON.stringify([source, involvedObject['uid'], involvedObject['name'], involvedObject['fieldPath'], reason, type]);
    const nowMs = this.#options.clock.now();
    let similar = this.#similar.get(group);
    if (similar === undefined || nowMs - similar.lastMs > SIMILAR_WINDOW_MS) {
      if (this.#similar.size >= MAX_KNOWN) this.#similar.clear();
      similar = { messages: new Set(), lastMs: nowMs };
      this.#similar.set(group, similar);
    }
    similar.lastMs = nowMs;
    if (similar.messages.size < SIMILAR_LIMIT) similar.messages.add(message);
    if (similar.messages.has(message) || similar.messages.size < SIMILAR_LIMIT) return { key: `${group}${message}`, message };
    return { key: group, message: `(combined from similar events): ${message}` };
  }
}
