/**
 * Read your own writes: remembers what a key's reconcile wrote until the informers show it. This replaces
 * expectations (upstream `pkg/controller/controller_utils.go`): without it, a reconcile that runs again before the
 * cache has caught up would create the same pods twice.
 */
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { ResourceRef } from './client.ts';
import type { Informer } from './informer.ts';
import { formatResource } from './keys.ts';

export type Write =
  /** The object was stored at this version. */
  | { type: 'stored'; resource: ResourceRef; key: string; resourceVersion: string }
  /** The object with this uid is gone or going. */
  | { type: 'deleted'; resource: ResourceRef; key: string; uid: string };

export interface WriteTrackerOptions {
  /** By `formatResource`; writes to other kinds are not waited for. */
  informers: ReadonlyMap<string, Informer>;
  clock: Clock;
  log: Logger;
}

/** An informer that is this late is in trouble itself; the key goes on with what is known. */
const MAX_WAIT_MS = 10_000;

interface Parked {
  resume(): void;
  cancelTimeout(): void;
}

export class WriteTracker {
  readonly #options: WriteTrackerOptions;
  readonly #pending = new Map<string, Write[]>();
  readonly #parked = new Map<string, Parked>();

  constructor(options: WriteTrackerOptions) {
    this.#options = options;
  }

  /** Follows the informers; returns what ends that, which also drops the waiting keys. */
  start(): () => void {
    const { informers } = this.#options;
    const subscriptions = [...informers.values()].map(({ progress }) =>
      progress.subscribe(() => this.#resumeCaughtUp()),
    );
    return () => {
      for (const subscription of subscriptions) subscription.unsubscribe();
      for (const { cancelTimeout } of this.#parked.values()) cancelTimeout();
      this.#parked.clear();
    };
  }

  /** The reconcile of `key` wrote this. */
  record(key: string, write: Write): void {
    if (!this.#options.informers.has(formatResource(write.resource))) return;
    const writes = this.#pending.get(key);
    if (writes === undefined) this.#pending.set(key, [write]);
    else writes.push(write);
  }

  /** Whether the informers show all that `key` wrote. */
  isCaughtUp(key: string): boolean {
    const writes = this.#pending.get(key);
    if (writes === undefined) return true;
    const missing = writes.filter((write) => !this.#isSeen(write));
    if (missing.length === 0) this.#pending.delete(key);
    return missing.length === 0;
  }

  /** Calls `resume` once: when `key` is caught up, or after 10 s. A key waits once however often it is asked for. */
  whenCaughtUp(key: string, resume: () => void): void {
    if (this.#parked.has(key)) return;
    const cancelTimeout = this.#options.clock.setTimeout(() => this.#giveUp(key), MAX_WAIT_MS);
    this.#parked.set(key, { resume, cancelTimeout });
  }

  #resumeCaughtUp(): void {
    for (const key of [...this.#parked.keys()]) {
      if (this.isCaughtUp(key)) this.#resume(key);
    }
  }

  #giveUp(key: string): void {
    const missing = this.#pending.get(key)?.filter((write) => !this.#isSeen(write)) ?? [];
    const names = missing.slice(0, 5).map((write) => `${formatResource(write.resource)} ${write.key}`);
    this.#options.log.warn('informers are late; going on without own writes', { key, missing: missing.length, names });
    this.#pending.delete(key);
    this.#resume(key);
  }

  #resume(key: string): void {
    const parked = this.#parked.get(key);
    this.#parked.delete(key);
    parked?.cancelTimeout();
    parked?.resume();
  }

  #isSeen(write: Write): boolean {
    const informer = this.#options.informers.get(formatResource(write.resource))!;
    if (write.type === 'stored') return informer.hasSeen(write.resourceVersion);
    const object = informer.getByKey(write.key);
    return object === undefined || object.metadata.uid !== write.uid || object.metadata.deletionTimestamp !== undefined;
  }
}
