/**
 * What a controller is: a declaration of the kinds that it reads and writes, and `reconcile`, which is handed one key.
 *
 * Guarantees of what runs it (`controller-runner.ts`): one key is reconciled by one worker at a time; a key is handed
 * out only when the listers show what its last reconcile wrote; a throw is retried with backoff.
 */
import type { Lister } from '../api/machinery/handler.ts';
import type { ApiObject } from '../api/machinery/meta.ts';
import type { Logger } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Client, ResourceRef } from './client.ts';
import type { EventRecorder } from './events.ts';
import type { ObjectKey } from './keys.ts';
import type { IndexFunction } from './store.ts';

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
  /** What its events call it where that is not its identity's name. */
  component?: string;
  /** The kind whose keys are reconciled. */
  for: ResourceRef;
  /** Of `for`: changes of an object of which this is false, before and after, are left out. Default: all matter. */
  concerns?(object: ApiObject): boolean;
  /** Kinds whose objects have one of `for` as their controller: that one is reconciled when they change or go. */
  owns: readonly ResourceRef[];
  watches: readonly WatchDeclaration[];
  /** Kinds that are only read. */
  reads: readonly ResourceRef[];
  /** The only kinds that may be written, subresources included. */
  writes: readonly ResourceRef[];
  /** It may write every kind there is, those of definitions too: what it writes, `writes` need not list. */
  writesAnyKind: boolean;
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
  return Object.freeze({
    owns: [],
    watches: [],
    reads: [],
    indexes: [],
    workers: 1,
    resyncMs: 0,
    writesAnyKind: false,
    ...declaration,
  });
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
