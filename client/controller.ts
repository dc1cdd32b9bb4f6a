/**
 * What a controller is, and what runs it: keys come from informers, wait in a workqueue, and are handed to `reconcile`.
 *
 * Flow: a change of a declared kind → keys (`controller-triggers.ts`) → workqueue → caught up with own writes?
 * (`write-tracker.ts`) → `reconcile` → forget, add after a delay, or retry with backoff.
 * Guarantees: one key is reconciled by one worker at a time; a key is handed out only when the listers show what its
 * last reconcile wrote; a throw is retried.
 */
import type { Lister } from '../api/machinery/handler.ts';
import { ApiError, isConflict, isNotFound } from '../api/machinery/errors.ts';
import type { ApiObject } from '../api/machinery/meta.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Client, ResourceRef } from './client.ts';
import { subscribeTriggers } from './controller-triggers.ts';
import type { EventRecorder } from './events.ts';
import type { InformerFactory } from './informer-factory.ts';
import type { Informer } from './informer.ts';
import { formatResource, keyOf, parseKey } from './keys.ts';
import type { ObjectKey } from './keys.ts';
import type { IndexFunction } from './store.ts';
import { trackedClient } from './tracked-client.ts';
import { createWorkqueue } from './workqueue.ts';
import type { Workqueue } from './workqueue.ts';
import { WriteTracker } from './write-tracker.ts';

/** Reads from the caches of declared kinds. Throws for a kind that the controller does not declare. */
export interface CacheReader {
  lister<T extends ApiObject>(resource: ResourceRef): Lister<T>;
  /** `ownerUid` (`OWNER_UID_INDEX`) and the declared indexes. */
  byIndex<T extends ApiObject>(resource: ResourceRef, index: string, value: string): T[];
}

/** What `reconcile` works with. Its members may be taken apart. */
export interface ControllerContext extends CacheReader {
  /** Refuses writes to undeclared kinds; what it writes, the next reconcile of the key sees. */
  client: Client;
  events: EventRecorder;
  /** Milliseconds since the Unix epoch. */
  now(): number;
  log: Logger;
  random: Random;
  signal: AbortSignal;
}

/** Nothing, or when to look at the key again though nothing changes. */
export type ReconcileResult = { requeueAfterMs: number } | undefined;

export interface WatchDeclaration {
  resource: ResourceRef;
  /** Keys (`namespace/name`) of the objects to reconcile. After an update both old and new object are mapped. */
  map(object: ApiObject, context: CacheReader): readonly string[];
  /** An update from `previous` to `object` that cannot matter is left out. Default: every change matters. */
  isRelevant?(object: ApiObject, previous: ApiObject): boolean;
}

export interface IndexDeclaration {
  resource: ResourceRef;
  name: string;
  fn: IndexFunction<ApiObject>;
}

export interface Controller {
  /** Names its log lines, its identity and its events. */
  name: string;
  /** The kind whose keys are reconciled. */
  for: ResourceRef;
  /** Kinds whose objects have one of `for` as their controller: that one is reconciled when they change or go. */
  owns: readonly ResourceRef[];
  watches: readonly WatchDeclaration[];
  /** Kinds that are only read. */
  reads: readonly ResourceRef[];
  /** The only kinds that may be written, subresources included. */
  writes: readonly ResourceRef[];
  indexes: readonly IndexDeclaration[];
  /** Keys reconciled at the same time. Default 1. */
  workers: number;
  /** Every key is reconciled this often even without a change. Default 0: never. */
  resyncMs: number;
  /** Level-based: observe the object that `key` names (it may be gone), decide, act, report. */
  reconcile(key: ObjectKey, context: ControllerContext): Promise<ReconcileResult>;
}

type Required = 'name' | 'for' | 'writes' | 'reconcile';

export type ControllerDeclaration = Pick<Controller, Required> & Partial<Omit<Controller, Required>>;

/** Thrown by `reconcile` when trying again cannot help until something changes. */
export class TerminalError extends Error {
  override readonly name = 'TerminalError';
}

/** `T` names the kind for the reader; it binds nothing. */
export function defineController<_T extends ApiObject = ApiObject>(declaration: ControllerDeclaration): Controller {
  return Object.freeze({ owns: [], watches: [], reads: [], indexes: [], workers: 1, resyncMs: 0, ...declaration });
}

/** Every kind that the controller reads. */
export function readsOf(controller: Controller): ResourceRef[] {
  return [
    controller.for,
    ...controller.owns,
    ...controller.watches.map(({ resource }) => resource),
    ...controller.reads,
  ];
}

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

  #contextFor(key: string): ControllerContext {
    const { client, events, clock, log, random, signal } = this.#options;
    const own = trackedClient(client, {
      owner: this.#controller.name,
      isWritable: (resource) => this.#writable.has(formatResource(resource)),
      uidOf: (resource, name) => this.#informers.get(formatResource(resource))?.getByKey(name)?.metadata.uid,
      onWrite: (write) => this.#tracker.record(key, write),
    });
    return { ...this.#reader, client: own, events, now: () => clock.now(), log, random, signal };
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
