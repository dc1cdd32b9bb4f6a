/**
 * A random test of the storage contract against a model: rounds of concurrent writers, lists at revisions, watches and
 * compactions. What is acknowledged must be explained by one sequential history in revision order.
 */
import fc from 'fast-check';
import { StorageError } from './storage.ts';
import type { Storage, StorageEvent } from './storage.ts';

const KEYS = ['/a/1', '/a/2', '/ab', '/b/1', '/b/2'];
const PREFIXES = ['/', '/a/', '/a', '/b/'];

type Action =
  | { do: 'create' | 'update' | 'delete'; key: string; stale: boolean }
  | { do: 'list'; prefix: string; back: number; limit: number | undefined }
  | { do: 'watch'; prefix: string; back: number }
  | { do: 'compact'; back: number };

/** A write as it was answered. */
interface Write {
  do: 'create' | 'update' | 'delete';
  key: string;
  value: string;
  expectedRevision: number;
  /** The revision, or why it was refused. */
  result: number | string;
}

interface State {
  value: string;
  modRevision: number;
  createRevision: number;
}

interface Watch {
  prefix: string;
  afterRevision: number;
  events: StorageEvent[];
  ended: string | undefined;
  done: Promise<void>;
}

const key = fc.constantFrom(...KEYS);
const prefix = fc.constantFrom(...PREFIXES);
const back = fc.integer({ min: -1, max: 40 });
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constantFrom('create', 'update', 'delete'), key, stale: rarely() }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('list' as const),
      prefix,
      back,
      limit: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('watch' as const), prefix, back }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('compact' as const), back }) },
);

function rarely(): fc.Arbitrary<boolean> {
  return fc.integer({ min: 0, max: 9 }).map((n) => n === 0);
}

/** Throws, with the seed and the smallest failing plan, when the storage and the model disagree. */
export async function checkAgainstModel(makeStorage: () => Promise<Storage>, runs = 40): Promise<void> {
  const plan = fc.array(fc.array(action, { minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 25 });
  const property = fc.asyncProperty(plan, async (rounds) => {
    const storage = await makeStorage();
    try {
      const model = new Model(storage, await storage.currentRevision());
      for (const round of rounds) await model.run(round);
      await model.finish();
    } finally {
      await storage.close();
    }
  });
  await fc.assert(property, { seed: 20_260_117, numRuns: runs });
}

class Model {
  readonly #storage: Storage;
  readonly #history = new Map<number, Write>();
  readonly #watches: Watch[] = [];
  readonly #abort = new AbortController();
  #state = new Map<string, State>();
  #revision: number;
  #compacted = 0;
  #values = 0;

  constructor(storage: Storage, revision: number) {
    this.#storage = storage;
    this.#revision = revision;
  }

  /** Runs one round's actions at the same time, then explains what came back. */
  async run(round: Action[]): Promise<void> {
    const before = { revision: this.#revision, compacted: this.#compacted };
    const checks: (() => void)[] = [];
    const writes: Promise<Write>[] = [];
    const others: Promise<void>[] = [];
    for (const one of round) {
      if (one.do === 'list') others.push(this.#list(one, before).then((check) => void checks.push(check)));
      else if (one.do === 'watch') this.#startWatch(one.prefix, Math.max(0, before.revision - Math.max(0, one.back)));
      else if (one.do === 'compact') others.push(this.#compact(before.revision - one.back));
      else writes.push(this.#write(one));
    }
    this.#explain(await Promise.all(writes));
    await Promise.all(others);
    for (const check of checks) check();
    assertEqual(await this.#storage.currentRevision(), this.#revision, 'current revision');
    for (const name of KEYS) {
      const entry = await this.#storage.get(name);
      assertEqual(entry && stateOf(entry), this.#state.get(name), `get ${name}`);
    }
  }

  async finish(): Promise<void> {
    // One more event that every watch sees tells that each has everything before it.
    const last = await this.#storage.create('/a/end', encode('end'));
    this.#history.set(last, { do: 'create', key: '/a/end', value: 'end', expectedRevision: 0, result: last });
    await this.#storage.create('/b/end', encode('end')).then((revision) => {
      this.#history.set(revision, { do: 'create', key: '/b/end', value: 'end', expectedRevision: 0, result: revision });
    });
    for (let turn = 0; turn < 1000 && !this.#watches.every((watch) => this.#isComplete(watch)); turn++) {
      // A question takes a turn here, and a round trip where the store is another process.
      await this.#storage.currentRevision();
      await new Promise((resolve) => setImmediate(resolve));
    }
    for (const watch of this.#watches) this.#checkWatch(watch);
    this.#abort.abort();
    await Promise.all(this.#watches.map((watch) => watch.done));
  }

  async #write(one: Extract<Action, { stale: boolean }>): Promise<Write> {
    const value = `v${this.#values++}`;
    const expectedRevision = (this.#state.get(one.key)?.modRevision ?? 0) - (one.stale ? 1 : 0);
    const attempt = {
      create: () => this.#storage.create(one.key, encode(value)),
      update: () => this.#storage.update(one.key, encode(value), { expectedRevision }),
      delete: () => this.#storage.delete(one.key, { expectedRevision }),
    };
    const result = await attempt[one.do]().catch(codeOf);
    return { do: one.do, key: one.key, value, expectedRevision, result };
  }

  /** Replays the acknowledged writes in revision order; each refusal must hold in some state on the way. */
  #explain(writes: Write[]): void {
    const done = writes.filter((write) => typeof write.result === 'number');
    done.sort((a, b) => (a.result as number) - (b.result as number));
    const refused = new Set(writes.filter((write) => typeof write.result === 'string'));
    const strike = (): void => {
      for (const write of refused)
        if (outcome(write, this.#state.get(write.key)) === write.result) refused.delete(write);
    };
    strike();
    for (const write of done) {
      const revision = write.result as number;
      if (revision <= this.#revision) throw new Error(`revision ${revision} after ${this.#revision}`);
      const expected = outcome(write, this.#state.get(write.key));
      assertEqual(expected, 'done', `${write.do} ${write.key} at ${revision}`);
      apply(this.#state, write, revision);
      this.#history.set(revision, write);
      this.#revision = revision;
      strike();
    }
    if (refused.size > 0) throw new Error(`refused without reason: ${JSON.stringify([...refused])}`);
  }

  /** Starts a list; gives the check to run once the round's writes are explained. */
  async #list(one: Extract<Action, { do: 'list' }>, before: { revision: number; compacted: number }) {
    const revision = before.revision - one.back;
    const limit = one.limit === undefined ? {} : { limit: one.limit };
    const result = await this.#storage.list({ prefix: one.prefix, revision, ...limit }).catch(codeOf);
    return () => {
      if (result === 'compacted' && revision < this.#compacted) return;
      if (revision < before.compacted) return assertEqual(result, 'compacted', `list at ${revision}`);
      // A write of the same round may have made the revision current by the time of the list.
      if (result === 'future-revision' && revision > before.revision) return;
      if (typeof result === 'string') throw new Error(`list at ${revision}: ${result}`);
      const all = [...this.#stateAt(revision)].filter(([name]) => name.startsWith(one.prefix));
      all.sort(([a], [b]) => (a < b ? -1 : 1));
      const expected = all.slice(0, one.limit ?? all.length);
      assertEqual(new Map(result.entries.map((entry) => [entry.key, stateOf(entry)])), new Map(expected), 'list');
      assertEqual(result.more, all.length > expected.length, 'more');
      assertEqual(result.remaining ?? all.length - expected.length, all.length - expected.length, 'remaining');
    };
  }

  async #compact(revision: number): Promise<void> {
    const before = this.#revision;
    if (revision <= before) this.#compacted = Math.max(this.#compacted, revision);
    const result = await this.#storage.compact(revision).catch(codeOf);
    if (revision <= before) assertEqual(result, undefined, `compact ${revision}`);
    else if (result === undefined) this.#compacted = Math.max(this.#compacted, revision);
    else assertEqual(result, 'future-revision', `compact ${revision}`);
  }

  #startWatch(of: string, afterRevision: number): void {
    const watch: Watch = { prefix: of, afterRevision, events: [], ended: undefined, done: Promise.resolve() };
    const follow = async (): Promise<void> => {
      const options = { prefix: of, afterRevision, signal: this.#abort.signal };
      for await (const batch of this.#storage.watch(options)) watch.events.push(...batch);
    };
    watch.done = follow().catch((error: unknown) => {
      watch.ended = codeOf(error);
    });
    this.#watches.push(watch);
  }

  #expectedEvents(watch: Watch): [number, Write][] {
    return [...this.#history]
      .filter(([revision, write]) => revision > watch.afterRevision && write.key.startsWith(watch.prefix))
      .sort(([a], [b]) => a - b);
  }

  #isComplete(watch: Watch): boolean {
    return watch.ended !== undefined || watch.events.length === this.#expectedEvents(watch).length;
  }

  #checkWatch(watch: Watch): void {
    const expected = this.#expectedEvents(watch);
    if (watch.ended !== undefined) {
      assertEqual(watch.ended, 'compacted', 'end of watch');
      if (watch.afterRevision >= this.#compacted) throw new Error(`watch from ${watch.afterRevision} ended`);
    } else assertEqual(watch.events.length, expected.length, `events after ${watch.afterRevision}`);
    for (const [i, event] of watch.events.entries()) {
      const [revision, write] = expected[i]!;
      const previous = this.#stateAt(revision - 1).get(write.key);
      const value = write.do === 'delete' ? previous?.value : write.value;
      const type = write.do === 'delete' ? 'delete' : 'put';
      const got = { ...event, value: decode(event.value), previous: event.previous && stateOf(event.previous) };
      assertEqual(got, { type, key: write.key, value, previous, revision }, 'event');
    }
  }

  #stateAt(revision: number): Map<string, State> {
    const state = new Map<string, State>();
    const writes = [...this.#history].filter(([at]) => at <= revision).sort(([a], [b]) => a - b);
    for (const [at, write] of writes) apply(state, write, at);
    return state;
  }
}

function outcome(write: Write, state: State | undefined): string {
  if (write.do === 'create') return state === undefined ? 'done' : 'key-exists';
  if (state === undefined) return 'key-not-found';
  return state.modRevision === write.expectedRevision ? 'done' : 'revision-mismatch';
}

function apply(state: Map<string, State>, write: Write, revision: number): void {
  if (write.do === 'delete') state.delete(write.key);
  else {
    const createRevision = state.get(write.key)?.createRevision ?? revision;
    state.set(write.key, { value: write.value, modRevision: revision, createRevision });
  }
}

function stateOf(entry: { value: Uint8Array; modRevision: number; createRevision: number }): State {
  return { value: decode(entry.value), modRevision: entry.modRevision, createRevision: entry.createRevision };
}

function codeOf(error: unknown): string {
  if (error instanceof StorageError) return error.code;
  throw error;
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function decode(value: Uint8Array): string {
  return new TextDecoder().decode(value);
}

function assertEqual(actual: unknown, expected: unknown, what: string): void {
  const [a, b] = [fc.stringify(actual), fc.stringify(expected)];
  if (a !== b) throw new Error(`${what}: ${a}, expected ${b}`);
}
