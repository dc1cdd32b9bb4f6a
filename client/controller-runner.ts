/**
 * Runs a controller: keys come from informers, wait in a workqueue, and are handed to `reconcile`.
 *
 * Flow: a change of a declared kind → keys (`controller-triggers.ts`) → workqueue → caught up with own writes?
 * (`write-tracker.ts`) → `reconcile` → forget, add after a delay, or retry with backoff.
 */
import type { Lister } from '../api/machinery/handler.ts';
import { ApiError, isConflict, isNotFound } from '../api/machinery/errors.ts';
import type { ApiObject } from '../api/machinery/meta.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Client, ResourceRef } from './client.ts';
import { subscribeTriggers } from './controller-triggers.ts';
import { readsOf, TerminalError } from './controller.ts';
import type { CacheReader, Controller, ControllerContext } from './controller.ts';
import type { EventRecorder } from './events.ts';
import type { InformerFactory } from './informer-factory.ts';
import type { Informer } from './informer.ts';
import { formatResource, keyOf, parseKey } from './keys.ts';
import { trackedClient } from './tracked-client.ts';
import { createWorkqueue } from './workqueue.ts';
import type { Workqueue } from './workqueue.ts';
import { WriteTracker } from './write-tracker.ts';

export interface RunnerOptions {
  client: Client;
  /** Started by its owner, before or after this. */
  informers: InformerFactory;
  events: EventRecorder;
  clock: Clock;
  random: Random;
  log: Logger;
  signal: AbortSignal;
}

/**
 * Asks for the controller's informers at once, waits for their first lists, and works until the signal aborts and the
 * reconciles under way have ended. Never rejects for what `reconcile` throws.
 */
export async function runController(controller: Controller, options: RunnerOptions): Promise<void> {
  const { signal } = options;
  const runner = new Runner(controller, options);
  const stop = (): void => runner.stop();
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) runner.stop();
  try {
    await runner.run();
  } finally {
    signal.removeEventListener('abort', stop);
    runner.stop();
  }
}

class Runner {
  readonly #controller: Controller;
  readonly #options: RunnerOptions;
  readonly #queue: Workqueue<string>;
  readonly #informers = new Map<string, Informer>();
  readonly #tracker: WriteTracker;
  readonly #reader: CacheReader;
  readonly #writable: ReadonlySet<string>;
  readonly #now: () => number;
  readonly #cleanups: (() => void)[] = [];

  constructor(controller: Controller, options: RunnerOptions) {
    this.#controller = controller;
    this.#options = options;
    this.#queue = createWorkqueue<string>({ clock: options.clock });
    for (const resource of readsOf(controller)) {
      this.#informers.set(formatResource(resource), options.informers.informer(resource));
    }
    for (const { resource, name, fn } of controller.indexes) this.#informer(resource).addIndex(name, fn);
    this.#reader = {
      lister: <T extends ApiObject>(resource: ResourceRef) => this.#informer(resource).lister as Lister<T>,
      byIndex: <T extends ApiObject>(resource: ResourceRef, index: string, value: string) =>
        this.#informer(resource).byIndex(index, value) as T[],
    };
    this.#now = () => options.clock.now();
    this.#writable = new Set(controller.writes.map(formatResource));
    this.#tracker = new WriteTracker({ informers: this.#informers, clock: options.clock, log: options.log });
  }

  async run(): Promise<void> {
    const { signal, clock } = this.#options;
    try {
      await Promise.all([...this.#informers.values()].map((informer) => informer.waitForSync(signal)));
    } catch (error) {
      if (signal.aborted) return;
      throw error;
    }
    this.#cleanups.push(subscribeTriggers(this.#controller, this.#triggerOptions()), this.#tracker.start());
    const { workers, resyncMs } = this.#controller;
    if (resyncMs > 0) this.#cleanups.push(clock.setInterval(() => this.#resync(), resyncMs));
    await Promise.all(Array.from({ length: workers }, () => this.#work()));
  }

  stop(): void {
    this.#queue.shutDown();
    for (const cleanup of this.#cleanups.splice(0)) cleanup();
  }

  #triggerOptions(): Parameters<typeof subscribeTriggers>[1] {
    return {
      informer: (resource) => this.#informer(resource),
      reader: this.#reader,
      log: this.#options.log,
      add: (key) => this.#queue.add(key),
    };
  }

  #informer(resource: ResourceRef): Informer {
    const informer = this.#informers.get(formatResource(resource));
    if (informer !== undefined) return informer;
    throw new TerminalError(
      `controller ${this.#controller.name} does not declare that it reads ${formatResource(resource)}`,
    );
  }

  #resync(): void {
    for (const object of this.#informer(this.#controller.for).lister.list()) this.#queue.add(keyOf(object));
  }

  async #work(): Promise<void> {
    for (let key = await this.#queue.get(); key !== undefined; key = await this.#queue.get()) {
      const current = key;
      if (this.#tracker.isCaughtUp(current)) await this.#reconcile(current);
      else this.#tracker.whenCaughtUp(current, () => this.#queue.add(current));
      this.#queue.done(current);
    }
  }

  async #reconcile(key: string): Promise<void> {
    try {
      const result = await this.#controller.reconcile(parseKey(key), this.#contextFor(key));
      this.#queue.forget(key);
      if (result !== undefined) this.#queue.addAfter(key, result.requeueAfterMs);
    } catch (error) {
      this.#handleFailure(key, error);
    }
  }

  /** The client is made when it is asked for: most reconciles find nothing to write. */
  #contextFor(key: string): ControllerContext {
    const { events, log, random, signal } = this.#options;
    const { lister, byIndex } = this.#reader;
    const clientOf = (): Client => (client ??= this.#clientFor(key));
    let client: Client | undefined;
    return {
      lister,
      byIndex,
      events,
      now: this.#now,
      log,
      random,
      signal,
      get client() {
        return clientOf();
      },
    };
  }

  #clientFor(key: string): Client {
    return trackedClient(this.#options.client, {
      owner: this.#controller.name,
      isWritable: (resource) => this.#controller.writesAnyKind || this.#writable.has(formatResource(resource)),
      uidOf: (resource, name) => this.#informers.get(formatResource(resource))?.getByKey(name)?.metadata.uid,
      onWrite: (write) => this.#tracker.record(key, write),
    });
  }

  #handleFailure(key: string, error: unknown): void {
    const { log, signal } = this.#options;
    if (signal.aborted) return;
    const fields = { key, error: error instanceof Error ? error.message : String(error) };
    if (error instanceof TerminalError) {
      log.error('reconcile failed for good', fields);
      this.#queue.forget(key);
      return;
    }
    if (isNamespaceTerminating(error)) {
      log.debug('reconcile gave up: the namespace is being deleted', fields);
      this.#queue.forget(key);
      return;
    }
    // Another writer was quicker, or the object went: ordinary, and mended by the next try.
    if (isConflict(error) || isNotFound(error)) log.debug('reconcile lost a race', fields);
    else log.warn('reconcile failed', { ...fields, tries: this.#queue.numRequeues(key) + 1 });
    this.#queue.addRateLimited(key);
  }
}

/** Nothing more can be created there, and it does not come back (`corev1.NamespaceTerminatingCause`). */
export function isNamespaceTerminating(error: unknown): boolean {
  if (!(error instanceof ApiError)) return false;
  return error.status.details?.causes?.some(({ reason }) => reason === 'NamespaceTerminating') ?? false;
}
