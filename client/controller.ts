/**
 * What a controller is, and the runner that drives it.
 *
 * *Flow*: informers → keys → workqueue → worker: `get → reconcile → forget | addAfter | addRateLimited → done`.
 *
 * *Guarantees*: a key is never reconciled twice at once; a failed key is tried again with backoff; a key is not handed
 * out until the informers show what its own last reconcile wrote.
 *
 * *Assumptions*: `reconcile` is level-based: the key says which object, never what happened to it.
 */
import { merge } from 'rxjs';
import type { Lister } from '../api/machinery/handler.ts';
import type { ApiObject } from '../api/machinery/meta.ts';
import { isConflict, isNotFound } from '../api/machinery/errors.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Client, ResourceRef } from './client.ts';
import type { EventRecorder } from './events.ts';
import type { InformerFactory } from './informer-factory.ts';
import type { Informer } from './informer.ts';
import type { ObjectKey } from './keys.ts';
import { formatKey, formatResource, parseKey } from './keys.ts';
import { controllerOf } from './owner-references.ts';
import { createWorkqueue } from './workqueue.ts';
import type { Workqueue } from './workqueue.ts';
import { WriteTracker } from './write-tracker.ts';

export interface ControllerContext {
  /** Acts as the controller's own identity; refuses writes to kinds that are not declared. */
  client: Client;
  /** Throws for a kind that is not declared. Objects are frozen. */
  lister<T extends ApiObject>(resource: ResourceRef): Lister<T>;
  byIndex<T extends ApiObject>(resource: ResourceRef, index: string, value: string): T[];
  events: EventRecorder;
  now(): number;
  log: Logger;
  random: Random;
  signal: AbortSignal;
}

export type ReconcileResult = { requeueAfterMs: number } | undefined;

/** A failure that trying again will not mend: logged, not retried. */
export class TerminalError extends Error {}

export interface WatchDeclaration {
  resource: ResourceRef;
  /** Keys (`namespace/name`) to reconcile when `object` changes; called for the old and the new state. Pure. */
  map(object: ApiObject, context: Pick<ControllerContext, 'lister' | 'byIndex'>): readonly string[];
}

export interface Controller {
  name: string;
  for: ResourceRef;
  /** Kinds whose objects carry a controller reference to `for`: their changes reconcile the owner. */
  owns: readonly ResourceRef[];
  watches: readonly WatchDeclaration[];
  /** Kinds that are only read. */
  reads: readonly ResourceRef[];
  writes: readonly ResourceRef[];
  workers: number;
  reconcile(key: ObjectKey, context: ControllerContext): Promise<ReconcileResult>;
}

export type ControllerInit = Pick<Controller, 'name' | 'for' | 'writes' | 'reconcile'> & Partial<Pick<Controller, 'owns' | 'watches' | 'reads' | 'workers'>>;

export function defineController<T extends ApiObject = ApiObject>(init: ControllerInit & { for: ResourceRef & { readonly _type?: T } }): Controller {
  return { owns: [], watches: [], reads: [], workers: 1, ...init };
}

export interface RunnerOptions {
  client: Client;
  informers: InformerFactory;
  events: EventRecorder;
  clock: Clock;
  random: Random;
  log: Logger;
  signal: AbortSignal;
}

const UNSEEN_WRITE_TIMEOUT_MS = 10_000;

/** Runs until the signal aborts; resolves when the last reconcile has ended. */
export async function runController(controller: Controller, options: RunnerOptions): Promise<void> {
  await new Runner(controller, options).run();
}

class Runner {
  readonly #controller: Controller;
  readonly #options: RunnerOptions;
  readonly #informers = new Map<string, Informer>();
  readonly #queue: Workqueue<string>;
  readonly #writes: WriteTracker;
  readonly #writable: ReadonlySet<string>;
  readonly #log: Logger;

  constructor(controller: Controller, options: RunnerOptions) {
    this.#controller = controller;
    this.#options = options;
    this.#queue = createWorkqueue<string>({ clock: options.clock });
    this.#log = options.log.child({ controller: controller.name });
    this.#writable = new Set(controller.writes.map(formatResource));
    this.#writes = new WriteTracker((resource) => this.#informers.get(formatResource(resource)));
    const watched = [controller.for, ...controller.owns, ...controller.watches.map(({ resource }) => resource), ...controller.reads];
    for (const resource of watched) this.#informers.set(formatResource(resource), options.informers.informer(resource));
  }

  async run(): Promise<void> {
    const { signal } = this.#options;
    try {
      await Promise.all([...this.#informers.values()].map((informer) => informer.waitForSync(signal)));
    } catch (error) {
      if (signal.aborted) return;
      throw error;
    }
    const subscription = this.#subscribe();
    signal.addEventListener('abort', () => this.#queue.shutDown(), { once: true });
    if (signal.aborted) this.#queue.shutDown();
    await Promise.all(Array.from({ length: this.#controller.workers }, () => this.#work()));
    subscription.unsubscribe();
  }

  #informer(resource: ResourceRef): Informer {
    const informer = this.#informers.get(formatResource(resource));
    if (informer === undefined) throw new Error(`${this.#controller.name} does not declare reads of ${formatResource(resource)}`);
    return informer;
  }

  #subscribe(): { unsubscribe(): void } {
    const add = (key: string): void => this.#queue.add(key);
    const context = this.#readContext();
    const own = this.#informer(this.#controller.for).keys.subscribe(add);
    const owned = merge(...this.#controller.owns.map((resource) => this.#informer(resource).changes)).subscribe(({ object, previous }) => {
      for (const state of [object, previous]) {
        const key = state === undefined ? undefined : this.#ownerKey(state);
        if (key !== undefined) add(key);
      }
    });
    own.add(owned);
    for (const { resource, map } of this.#controller.watches) {
      own.add(
        this.#informer(resource).changes.subscribe(({ object, previous }) => {
          for (const key of map(object, context)) add(key);
          if (previous !== undefined) for (const key of map(previous, context)) add(key);
        }),
      );
    }
    return own;
  }

  #ownerKey(object: ApiObject): string | undefined {
    const reference = controllerOf(object);
    const { group, names, scope } = this.#controller.for;
    if (reference === undefined || reference.kind !== names.kind) return undefined;
    const ownerGroup = reference.apiVersion.includes('/') ? reference.apiVersion.split('/')[0]! : '';
    if (ownerGroup !== group) return undefined;
    return formatKey({ namespace: scope === 'Namespaced' ? (object.metadata.namespace ?? '') : '', name: reference.name });
  }

  #readContext(): Pick<ControllerContext, 'lister' | 'byIndex'> {
    return {
      lister: <T extends ApiObject>(resource: ResourceRef) => this.#informer(resource).lister as Lister<T>,
      byIndex: <T extends ApiObject>(resource: ResourceRef, index: string, value: string) => this.#informer(resource).byIndex(index, value) as T[],
    };
  }

  async #work(): Promise<void> {
    for (let key = await this.#queue.get(); key !== undefined; key = await this.#queue.get()) {
      try {
        await this.#reconcile(key);
      } finally {
        this.#queue.done(key);
      }
    }
  }

  async #reconcile(key: string): Promise<void> {
    await this.#waitForOwnWrites(key);
    const { client, events, clock, random, signal } = this.#options;
    const context: ControllerContext = {
      client: this.#writes.clientFor(key, client, this.#writable),
      ...this.#readContext(),
      events,
      now: () => clock.now(),
      log: this.#log,
      random,
      signal,
    };
    try {
      const result = await this.#controller.reconcile(parseKey(key), context);
      this.#queue.forget(key);
      if (result !== undefined) this.#queue.addAfter(key, result.requeueAfterMs);
    } catch (error) {
      this.#onFailure(key, error);
    }
  }

  #onFailure(key: string, error: unknown): void {
    if (this.#options.signal.aborted) return;
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    if (error instanceof TerminalError) {
      this.#log.error('reconcile failed for good', { key, error: text });
      this.#queue.forget(key);
      return;
    }
    // Another writer was quicker, or the object went: ordinary, and mended by the next try.
    if (isConflict(error) || isNotFound(error)) this.#log.debug('reconcile lost a race', { key, error: String(error) });
    else this.#log.warn('reconcile failed', { key, error: text });
    this.#queue.addRateLimited(key);
  }

  /** Waits, but not for ever: a write that never shows (the watch is broken) must not stop the controller. */
  async #waitForOwnWrites(key: string): Promise<void> {
    if (this.#writes.isSettled(key)) return;
    const { clock, signal } = this.#options;
    const settled = await new Promise<boolean>((resolve) => {
      const finish = (result: boolean): void => {
        cancel();
        subscription.unsubscribe();
        signal.removeEventListener('abort', onAbort);
        resolve(result);
      };
      const onAbort = (): void => finish(true);
      const cancel = clock.setTimeout(() => finish(false), UNSEEN_WRITE_TIMEOUT_MS);
      const subscription = merge(...[...this.#informers.values()].map(({ progress }) => progress)).subscribe(() => {
        if (this.#writes.isSettled(key)) queueMicrotask(() => finish(true));
      });
      signal.addEventListener('abort', onAbort, { once: true });
    });
    if (settled) return;
    this.#log.warn('own writes are not visible yet, going on without', { key });
    this.#writes.forget(key);
  }
}
