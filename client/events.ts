/**
 * Records core/v1 Events about objects (client-go `tools/record`). Recording never blocks and never fails its caller;
 * repeated events are counted, combined or dropped by `event-correlator.ts`.
 */
import { isNotFound } from '../api/machinery/errors.ts';
import type { ApiObject } from '../api/machinery/meta.ts';
import { formatTime } from '../base/clock.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import { realRandom } from '../base/random.ts';
import type { Random } from '../base/random.ts';
import type { Client, ResourceRef } from './client.ts';
import type { CoreEvent } from './core-event.ts';
import { EventCorrelator } from './event-correlator.ts';
import type { Correlation } from './event-correlator.ts';
import { createEventNamer, eventNamespace, referenceTo, truncateMessage } from './event-names.ts';
import type { ObjectReference } from './event-names.ts';
import { EventQueue } from './event-queue.ts';

export type EventType = 'Normal' | 'Warning';

export interface EventOptions {
  /** Part of the object: `spec.containers{web}`. */
  fieldPath?: string;
  /** What was done about it, in one CamelCase word. */
  action?: string;
  /** A second object that had a part in it. */
  related?: ApiObject | ObjectReference;
  annotations?: Record<string, string>;
}

export interface EventRecorder {
  /** `object` has been stored; `reason` is one CamelCase word; `message` is cut at 1024 bytes. Never throws. */
  event(
    object: ApiObject | ObjectReference,
    type: EventType,
    reason: string,
    message: string,
    options?: EventOptions,
  ): void;
}

/** A recorder whose owner can wait for what has been recorded, before it ends or in a test. */
export interface FlushableEventRecorder extends EventRecorder {
  flush(): Promise<void>;
}

export interface EventRecorderOptions {
  client: Client;
  /** The core/v1 Event kind. */
  resource: ResourceRef;
  component: string;
  /** Node name, for components that run on each node. */
  host?: string;
  clock: Clock;
  random?: Random;
  log: Logger;
  /** Default: one of its own. Recorders of one process may share one, which then knows less of each. */
  correlator?: EventCorrelator;
}

export function createEventRecorder(options: EventRecorderOptions): FlushableEventRecorder {
  return new CoreEventRecorder(options);
}

/** Forgets every event; for tests. */
export const silentEventRecorder: EventRecorder = { event: () => undefined };

interface EventContent {
  type: EventType;
  reason: string;
  message: string;
  options: EventOptions;
}

class CoreEventRecorder implements FlushableEventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #correlator: EventCorrelator;
  readonly #queue: EventQueue;
  readonly #nameOf: (reference: ObjectReference) => string;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    this.#correlator = options.correlator ?? new EventCorrelator(options.clock);
    this.#queue = new EventQueue(options);
    this.#nameOf = createEventNamer(options.clock, options.random ?? realRandom);
  }

  event(
    object: ApiObject | ObjectReference,
    type: EventType,
    reason: string,
    message: string,
    options: EventOptions = {},
  ): void {
    const event = this.#eventAbout(referenceTo(object), { type, reason, message, options });
    let correlation: Correlation | undefined;
    // Correlated once, in the order of sending, however often it is tried.
    this.#queue.push(() => this.#send((correlation ??= this.#correlator.correlate(event))));
  }

  flush(): Promise<void> {
    return this.#queue.flush();
  }

  #eventAbout(reference: ObjectReference, { type, reason, message, options }: EventContent): CoreEvent {
    const { clock, component, host } = this.#options;
    const time = formatTime(clock.now());
    const { fieldPath, action, related, annotations } = options;
    return {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: {
        name: this.#nameOf(reference),
        namespace: eventNamespace(reference),
        ...(annotations === undefined ? {} : { annotations }),
      },
      involvedObject: fieldPath === undefined ? reference : { ...reference, fieldPath },
      reason,
      message: truncateMessage(message),
      type,
      count: 1,
      firstTimestamp: time,
      lastTimestamp: time,
      source: host === undefined ? { component } : { component, host },
      reportingComponent: component,
      reportingInstance: host ?? '',
      ...(action === undefined ? {} : { action }),
      ...(related === undefined ? {} : { related: referenceTo(related) }),
    };
  }

  async #send(correlation: Correlation): Promise<void> {
    if (correlation.type === 'drop') return;
    const { event: wanted } = correlation;
    const counted = correlation.type === 'count' && (await this.#count(wanted));
    if (!counted) await this.#create(wanted);
  }

  /** False when the event has expired. */
  async #count({ metadata, count, lastTimestamp, message }: CoreEvent): Promise<boolean> {
    const { client, resource } = this.#options;
    const body = { count, lastTimestamp, message };
    try {
      await client.patch(
        resource,
        { namespace: metadata.namespace!, name: metadata.name! },
        { type: 'strategic', body },
      );
      return true;
    } catch (error) {
      if (isNotFound(error)) return false;
      throw error;
    }
  }

  async #create(event: CoreEvent): Promise<void> {
    await this.#options.client.create<CoreEvent>(this.#options.resource, event, { ignoresResult: true });
  }
}
