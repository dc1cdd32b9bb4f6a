/**
 * Runs a plan against API servers over one store and checks every answer and event: each round's operations overlap;
 * when they have been answered, the history is completed with what was acknowledged, and everything must agree with it.
 */
import { settle } from '../../client/manual-clock.ts';
import { StorageError } from '../../apiserver/storage/storage.ts';
import type { Storage } from '../../apiserver/storage/storage.ts';
import { ask, collectionPath, ModelClock, startModelServer } from './api-servers.ts';
import type { Answer, ModelServer, ServerChanges } from './api-servers.ts';
import { History, KEYS, ModelViolation, SELECTIONS } from './history.ts';
import type { Change, Selection } from './history.ts';
import { Observer } from './observer.ts';
import type { WatchStart } from './observer.ts';
import type { Operation, Plan } from './plan.ts';
import { contentOf, RecordedStorage } from './recorded-storage.ts';
import { get, nextPage, pick, startList, write } from './requests.ts';
import type { Asking, Check, ListBody, Listing, Paging, World } from './requests.ts';
import type { ModelStore } from './stores.ts';

export interface RunOptions {
  store: ModelStore;
  seed: number;
  /** Watches beside those that the plan starts. */
  observers: number;
  /** Plants a bug. */
  changes?: ServerChanges & { storage?(storage: Storage): Storage };
}

export interface Totals {
  operations: number;
  changes: number;
  /** Events, initial events and bookmarks that watches received and that were checked. */
  deliveries: number;
  expirations: number;
  restarts: number;
}

const MAX_TURNS = 20_000;
const GATHER_MS = 50;
const PREFIX = '/registry/';

/** Throws `ModelViolation` when a guarantee is broken. The store is left stopped. */
export async function runPlan(plan: Plan, options: RunOptions): Promise<Totals> {
  const model = await Model.start(options);
  try {
    for (const round of plan) await model.run(round);
    return model.totals();
  } finally {
    await model.stop();
  }
}

class Model {
  readonly #options: RunOptions;
  readonly #clock = new ModelClock();
  readonly #oldest: number;
  #storage: RecordedStorage;
  #servers: ModelServer[] = [];
  #observers: Observer[] = [];
  #pagings: Paging[] = [];
  #world: World;
  #compacted = 0;
  #restart: 'store' | number | undefined;
  /** Caches have begun anew in this round. */
  #reloaded = false;
  #marks = 0;
  #closed = { deliveries: 0, expirations: 0 };
  #operations = 0;
  #restarts = 0;

  private constructor(options: RunOptions, storage: RecordedStorage, history: History) {
    this.#options = options;
    this.#storage = storage;
    this.#oldest = history.revision;
    this.#world = { history, compactionAsked: 0, writesMayFail: false };
  }

  static async start(options: RunOptions): Promise<Model> {
    const storage = await options.store.open();
    const { revision, entries } = await storage.list({ prefix: PREFIX });
    const existing = entries.map(({ key, value, modRevision }): Change => ({
      key,
      content: contentOf(value),
      revision: modRevision,
      expectedRevision: 0,
    }));
    const planted = options.changes?.storage?.(storage) ?? storage;
    const model = new Model(options, new RecordedStorage(planted, revision), new History(revision, existing));
    await model.#startServers();
    for (let i = 0; i < options.observers; i++) {
      const observer = model.#newObserver(i % SELECTIONS.length, i % 16 === 15);
      await observer.open(model.#servers[i % 2]!, { from: 'initial', notOlderThan: 0 }, revision);
    }
    return model;
  }

  totals(): Totals {
    const sum = (of: 'deliveries' | 'expirations'): number =>
      this.#observers.reduce((total, observer) => total + observer[of], this.#closed[of]);
    return {
      operations: this.#operations,
      changes: this.#world.history.changes,
      deliveries: sum('deliveries'),
      expirations: sum('expirations'),
      restarts: this.#restarts,
    };
  }

  async run(round: readonly Operation[]): Promise<void> {
    const names = new Set(round.map((operation) => operation.do));
    // Where a broken watch was is gone by the time that it is opened again.
    this.#reloaded = names.has('breakWatch') && names.has('compact');
    const checks: Check[] = [];
    const waiting = new Set<Promise<unknown>>();
    /** What may wait for a revision that never comes. */
    const ahead = new Set<Promise<unknown>>();
    const add = (check: Promise<Check | void>, isFuture: boolean): void => {
      const set = isFuture ? ahead : waiting;
      const kept = check.then((one) => {
        set.delete(kept);
        if (one !== undefined) checks.push(one);
      });
      set.add(kept);
    };
    const starts = round.map(async (operation) => {
      for (let i = 0; i < operation.hops; i++) await undefined;
      this.#operations++;
      this.#begin(operation, add);
    });
    for (const observer of this.#observers) if (observer.hasEnded) add(this.#reopen(observer), false);
    await Promise.all(starts);
    await this.#until(() => waiting.size === 0, 'requests are answered');
    if (ahead.size > 0) {
      this.#clock.advance(3000);
      await this.#until(() => ahead.size === 0, 'reads of the future are answered');
    }
    await Promise.all([...waiting, ...ahead]);
    await this.#complete(checks);
    await this.#restartIfDue();
  }

  async stop(): Promise<void> {
    for (const observer of this.#observers) observer.close();
    await this.#options.store.stop();
    await Promise.all(this.#servers.map((server) => server.stop()));
  }

  #begin(operation: Operation, add: (check: Promise<Check | void>, isFuture: boolean) => void): void {
    const { dice } = operation;
    const asking: Asking = { server: pick(this.#servers, dice[3]), acknowledged: this.#storage.revision, dice };
    const limit = operation.do === 'list' ? 0 : 1 + Math.floor(dice[3] * 6);
    const onPage = (paging: Paging): void => void this.#pagings.push(paging);
    const listing: Listing = { ...asking, oldest: this.#oldest, limit, onPage };
    switch (operation.do) {
      case 'create':
      case 'update':
      case 'delete':
        return add(write(operation.do, asking, `w${this.#marks++}`), false);
      case 'get':
        return add(get(asking), false);
      case 'list':
      case 'page': {
        const { isFuture, check } = startList(listing);
        return add(check, isFuture);
      }
      case 'nextPage': {
        const [paging] = this.#pagings.splice(Math.floor(dice[0] * this.#pagings.length), 1);
        return paging === undefined ? undefined : add(nextPage(paging, listing), false);
      }
      case 'watch':
        return add(this.#watch(asking), dice[1] > 0.95);
      case 'rawList':
        return add(this.#rawList(asking), false);
      case 'compact':
        return add(this.#compact(asking), false);
      default:
        return this.#disturb(operation);
    }
  }

  #disturb({ do: what, dice }: Operation): void {
    const observer = pick(this.#observers, dice[0]) as Observer | undefined;
    switch (what) {
      case 'stop':
        return this.#observers.length > this.#options.observers ? this.#closeObserver(observer!) : undefined;
      case 'stall':
        return observer?.stall();
      case 'resume':
        return observer?.resume();
      case 'tick':
        return this.#clock.fireIntervals();
      case 'failCommit':
        this.#world.writesMayFail ||= this.#options.store.failNextCommit();
        return;
      case 'breakWatch':
        return this.#breakWatches(dice[0] < 0.2);
      case 'restart':
        return this.#beginRestart(dice[0]);
    }
  }

  #breakWatches(isCompacted: boolean): void {
    this.#reloaded ||= isCompacted;
    this.#storage.breakWatches(isCompacted ? 'compacted' : 'unavailable');
  }

  #beginRestart(die: number): void {
    if (this.#restart !== undefined) return;
    this.#restart = die < 0.5 ? 'store' : die < 0.75 ? 0 : 1;
    void this.#stopForRestart();
  }

  #newObserver(selection: number, takesBytes: boolean): Observer {
    const { history } = this.#world;
    const observer = new Observer(`w${this.#marks++}`, { selection, history, takesBytes });
    this.#observers.push(observer);
    return observer;
  }

  #closeObserver(observer: Observer): void {
    observer.close();
    this.#closed.deliveries += observer.deliveries;
    this.#closed.expirations += observer.expirations;
    this.#observers = this.#observers.filter((one) => one !== observer);
  }

  async #watch({ server, acknowledged, dice }: Asking): Promise<void> {
    if (this.#observers.length > this.#options.observers + 20) this.#closeObserver(pick(this.#observers, dice[2]));
    const observer = this.#newObserver(Math.floor(dice[0] * SELECTIONS.length), dice[2] < 0.2);
    const back = Math.floor(dice[2] ** 3 * Math.min(200, acknowledged - this.#oldest));
    const starts: [number, WatchStart][] = [
      [0.25, { from: 'now' }],
      [0.5, { from: 'revision', revision: Math.max(this.#oldest, acknowledged - back) }],
      [0.75, { from: 'initial', notOlderThan: dice[2] < 0.5 ? 0 : acknowledged }],
      [0.85, { from: 'replay', resourceVersion: '0' }],
      [0.95, { from: 'replay', resourceVersion: '' }],
      [1, { from: 'revision', revision: acknowledged + 1 + Math.floor(dice[2] * 10) }],
    ];
    const [, start] = starts.find(([below]) => dice[1] <= below)!;
    await observer.open(server, start, acknowledged);
  }

  async #reopen(observer: Observer): Promise<void> {
    await observer.open(
      pick(this.#servers, (this.#operations * 0.37) % 1),
      observer.nextStart(),
      this.#storage.revision,
    );
  }

  /** At the store itself: what is compacted is refused, whatever is served is right. */
  async #rawList({ acknowledged, dice }: Asking): Promise<Check> {
    const compacted = this.#compacted;
    const revision = Math.max(this.#oldest, acknowledged - Math.floor(dice[1] ** 3 * 300));
    const code = await this.#storage.list({ prefix: PREFIX, revision }).then(
      ({ entries }) => entries.map(({ key, modRevision }) => `${key}@${modRevision}`).join(' '),
      (error: unknown) => (error instanceof StorageError ? error.code : String(error)),
    );
    return ({ history, compactionAsked }) => {
      if (code === 'closed' || (code === 'compacted' && revision < compactionAsked)) return;
      const states = KEYS.map((key) => ({ key, state: history.at(key, revision) }));
      const wanted = states.flatMap(({ key, state }) => (state === undefined ? [] : [`${key}@${state.revision}`]));
      if (code === wanted.sort().join(' ') && revision >= compacted) return;
      throw new ModelViolation(`the store's list at ${revision}, compacted at ${compacted}, gave ${code}`);
    };
  }

  async #compact({ acknowledged, dice }: Asking): Promise<void> {
    const revision = acknowledged - Math.floor(dice[0] * 100);
    if (revision <= this.#oldest) return;
    const storage = this.#storage;
    this.#world.compactionAsked = Math.max(this.#world.compactionAsked, revision);
    try {
      // A crash takes the answer away.
      await Promise.race([storage.compact(revision), this.#servers[0]!.gone]);
    } catch (error) {
      const isExpected = error instanceof StorageError && ['unavailable', 'closed'].includes(error.code);
      if (!isExpected) throw error;
      return;
    }
    if (this.#restart === undefined) this.#compacted = Math.max(this.#compacted, revision);
  }

  /** The round is over: what was acknowledged is all there is. */
  async #complete(checks: readonly Check[]): Promise<void> {
    if (this.#restart === 'store') await this.#reopenStore();
    const { history } = this.#world;
    const alive = this.#servers.filter((server) => !server.hasStopped);
    const isCurrent = (): boolean => {
      for (const change of this.#storage.takeAcknowledged()) history.apply(change);
      if (this.#storage.inFlight > 0 || alive.length !== this.#storage.openWatches) return false;
      return alive.every(({ watchCache }) => watchCache.revision >= history.revision);
    };
    do {
      await this.#until(isCurrent, `the caches reach what was acknowledged`);
      // Streams to many watchers gather events for a moment.
      this.#clock.advance(GATHER_MS);
      await settle();
    } while (!isCurrent());
    if (this.#reloaded) {
      for (const server of this.#servers)
        Object.assign(server, { windowStart: history.revision, reloads: server.reloads + 1 });
    }
    this.#reloaded = false;
    for (const check of checks) check(this.#world);
    for (const observer of this.#observers) observer.check(true);
  }

  /** Lets everything run until the condition holds. Watches that were broken wait for the clock. */
  async #until(condition: () => boolean, what: string): Promise<void> {
    for (let turn = 0; !condition(); turn++) {
      if (turn === MAX_TURNS) throw new ModelViolation(`waited in vain until ${what}`);
      const alive = this.#servers.filter((server) => !server.hasStopped).length;
      if (turn % 10 === 1 && this.#storage.openWatches < alive) this.#clock.advance(100);
      if (turn > 100 && !this.#options.store.isDeterministic) await new Promise((resolve) => setTimeout(resolve, 1));
      else await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async #startServers(): Promise<void> {
    const { seed, changes = {} } = this.#options;
    for (const i of [0, 1]) {
      if (this.#servers[i]?.hasStopped === false) continue;
      this.#servers[i] = await startModelServer(this.#storage, {
        clock: this.#clock,
        seed: seed + this.#marks++,
        changes,
      });
    }
  }

  async #stopForRestart(): Promise<void> {
    this.#restarts++;
    const stopped = this.#restart === 'store' ? this.#servers : [this.#servers[this.#restart as number]!];
    const done = stopped.map((server) => server.stop());
    const { store } = this.#options;
    if (this.#restart === 'store' && !store.isRemote) done.push(store.stop());
    await Promise.all(done);
  }

  /** What became durable without an answer must be something that was under way. */
  async #reopenStore(): Promise<void> {
    const { history } = this.#world;
    await Promise.all(this.#servers.map((server) => server.stop()));
    if (this.#options.store.isRemote) await this.#until(() => this.#storage.inFlight === 0, 'writes are answered');
    await this.#options.store.stop();
    for (const change of this.#storage.takeAcknowledged()) history.apply(change);
    const { unknown } = this.#storage;
    const opened = await this.#options.store.open();
    const storage = this.#options.changes?.storage?.(opened) ?? opened;
    const revision = await storage.currentRevision();
    if (revision < history.revision) {
      throw new ModelViolation(`the store came back at ${revision}, acknowledged was ${history.revision}`);
    }
    const stop = new AbortController();
    const events = storage.watch({ prefix: PREFIX, afterRevision: history.revision, signal: stop.signal });
    while (revision > history.revision) {
      const { value = [] } = await events[Symbol.asyncIterator]().next();
      for (const { type, key, value: bytes, revision: at } of value) {
        const content = type === 'delete' ? undefined : contentOf(bytes);
        const attempt = [...unknown].find((one) => one.key === key && one.content?.mark === content?.mark);
        if (attempt === undefined) throw new ModelViolation(`the store came back with ${type} ${key} at ${at}`);
        unknown.delete(attempt);
        history.apply({ ...attempt, revision: at });
      }
    }
    stop.abort();
    this.#compacted = 0;
    this.#storage = new RecordedStorage(storage, revision);
  }

  async #restartIfDue(): Promise<void> {
    if (this.#restart === undefined) return;
    this.#restart = undefined;
    await this.#startServers();
    for (const selection of [SELECTIONS[0]!, SELECTIONS[7]!]) await this.#checkAfterRestart(selection);
  }

  async #checkAfterRestart(selection: Selection): Promise<void> {
    const { history } = this.#world;
    const answer = (await ask(this.#servers[0]!, { method: 'GET', path: collectionPath(selection) })) as Answer;
    const { metadata, items } = answer.body as ListBody;
    // Requests to a server that has stopped may still write.
    await this.#until(() => this.#storage.inFlight === 0, 'writes are answered');
    for (const change of this.#storage.takeAcknowledged()) history.apply(change);
    const got = items.map((item) => item.metadata.resourceVersion).join(' ');
    const state = history.stateAt(selection, Number(metadata.resourceVersion));
    const wanted = state.map(({ revision }) => revision).join(' ');
    if (got !== wanted) throw new ModelViolation(`after a restart there is ${got}, acknowledged was ${wanted}`);
  }
}
