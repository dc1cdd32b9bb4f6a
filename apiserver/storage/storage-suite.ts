/** The suite of the storage contract: every driver runs it, and whatever stands in for a driver. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Storage, StorageErrorCode, StorageEvent, WatchOptions } from './storage.ts';
import { StorageError } from './storage.ts';
import { checkAgainstModel } from './storage-model.ts';

export type MakeStorage = () => Promise<Storage>;

/** Declares the suite. `makeStorage` gives an empty store; the suite closes it. */
export function runStorageSuite(name: string, makeStorage: MakeStorage): void {
  describe(`${name}: storage contract`, () => {
    let storage: Storage;
    beforeEach(async () => {
      storage = await makeStorage();
    });
    afterEach(() => storage.close());
    const current = (): Storage => storage;
    describe('reads and writes', () => describeWrites(current));
    describe('list()', () => describeLists(current));
    describe('watch()', () => describeWatches(current));
    describe('watch() ends', () => describeWatchEnds(current));
    describe('compact()', () => describeCompaction(current));
    it('close() refuses what comes after it and is harmless when repeated', async () => {
      await storage.create('/a', bytes('1'));
      await storage.close();
      await storage.close();
      await expectCode(storage.get('/a'), 'closed');
      await expectCode(storage.create('/b', bytes('1')), 'closed');
      await expectCode(storage.list({ prefix: '/' }), 'closed');
    });
  });
  describe(`${name}: storage contract under random interleavings`, () => {
    it('agrees with a model', () => checkAgainstModel(makeStorage), 120_000);
  });
}

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function text(value: Uint8Array): string {
  return new TextDecoder().decode(value);
}

/** Fails unless the promise rejects with a `StorageError` of this code. */
export async function expectCode(promise: Promise<unknown>, code: StorageErrorCode): Promise<StorageError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(StorageError);
  expect((error as StorageError).code).toBe(code);
  return error as StorageError;
}

/** Reads events until there are `count`, then stops the watch. */
export async function takeEvents(storage: Storage, options: Omit<WatchOptions, 'signal'>, count: number) {
  const abort = new AbortController();
  const events: StorageEvent[] = [];
  if (count === 0) return events;
  for await (const batch of storage.watch({ ...options, signal: abort.signal })) {
    events.push(...batch);
    if (events.length >= count) break;
  }
  return events;
}

function show(event: StorageEvent): string {
  const previous = event.previous === undefined ? '' : ` was ${text(event.previous.value)}`;
  return `${event.type} ${event.key}=${text(event.value)}${previous}`;
}

function describeWrites(current: () => Storage): void {
  it('an empty store has a revision above 0 and no keys', async () => {
    const revision = await current().currentRevision();
    expect(revision).toBeGreaterThan(0);
    expect(await current().list({ prefix: '/' })).toEqual({ revision, entries: [], more: false, remaining: 0 });
  });

  it('create() gives the key its value and its revision', async () => {
    const before = await current().currentRevision();
    const revision = await current().create('/pods/a', bytes('1'));
    expect(revision).toBeGreaterThan(before);
    expect(await current().currentRevision()).toBe(revision);
    const entry = await current().get('/pods/a');
    expect(entry).toMatchObject({ key: '/pods/a', modRevision: revision, createRevision: revision });
    expect(text(entry!.value)).toBe('1');
    expect(await current().get('/pods')).toBeUndefined();
  });

  it('create() of a key that exists throws key-exists and writes nothing', async () => {
    const revision = await current().create('/a', bytes('1'));
    await expectCode(current().create('/a', bytes('2')), 'key-exists');
    expect(text((await current().get('/a'))!.value)).toBe('1');
    expect(await current().currentRevision()).toBe(revision);
  });

  it('update() replaces the value at the expected revision only', async () => {
    const created = await current().create('/a', bytes('1'));
    const updated = await current().update('/a', bytes('2'), { expectedRevision: created });
    expect(updated).toBeGreaterThan(created);
    await expectCode(current().update('/a', bytes('3'), { expectedRevision: created }), 'revision-mismatch');
    const entry = await current().get('/a');
    expect(text(entry!.value)).toBe('2');
    expect(entry).toMatchObject({ modRevision: updated, createRevision: created });
    await expectCode(current().update('/b', bytes('1'), { expectedRevision: updated }), 'key-not-found');
  });

  it('delete() removes the key at the expected revision only, and the key can be created anew', async () => {
    const created = await current().create('/a', bytes('1'));
    await expectCode(current().delete('/a', { expectedRevision: created + 100 }), 'revision-mismatch');
    const deleted = await current().delete('/a', { expectedRevision: created });
    expect(deleted).toBeGreaterThan(created);
    expect(await current().get('/a')).toBeUndefined();
    await expectCode(current().delete('/a', { expectedRevision: deleted }), 'key-not-found');
    const again = await current().create('/a', bytes('2'));
    expect(await current().get('/a')).toMatchObject({ createRevision: again, modRevision: again });
  });

  it('keeps empty, large and binary values as they are', async () => {
    const large = new Uint8Array(3 * 1024 * 1024).map((_, i) => i * 7);
    for (const [key, value] of Object.entries({ '/empty': new Uint8Array(0), '/large': large })) {
      await current().create(key, value.slice());
      expect(Buffer.compare((await current().get(key))!.value, value)).toBe(0);
    }
  });

  it('of concurrent writers that expect the same revision exactly one wins', async () => {
    let revision = await current().create('/a', bytes('0'));
    for (let round = 0; round < 10; round++) {
      const expectedRevision = revision;
      const attempts = Array.from({ length: 8 }, (_, i) =>
        current().update('/a', bytes(`${round}.${i}`), { expectedRevision }),
      );
      const results = await Promise.allSettled(attempts);
      const won = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
      expect(won).toHaveLength(1);
      for (const result of results) {
        if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'revision-mismatch' });
      }
      revision = won[0]!;
      expect((await current().get('/a'))!.modRevision).toBe(revision);
    }
  });

  it('revisions of concurrent writers are distinct and follow each writer order', async () => {
    const writers = Array.from({ length: 16 }, async (_, writer) => {
      const revisions: number[] = [];
      for (let i = 0; i < 20; i++) revisions.push(await current().create(`/${writer}/${i}`, bytes(`${i}`)));
      return revisions;
    });
    const perWriter = await Promise.all(writers);
    for (const revisions of perWriter) expect(revisions).toEqual([...revisions].sort((a, b) => a - b));
    expect(new Set(perWriter.flat()).size).toBe(320);
    expect(await current().currentRevision()).toBe(Math.max(...perWriter.flat()));
  });

  it('a write is readable as soon as it is acknowledged', async () => {
    await Promise.all(
      Array.from({ length: 50 }, async (_, i) => {
        const revision = await current().create(`/k/${i}`, bytes(`${i}`));
        expect((await current().get(`/k/${i}`))?.modRevision).toBe(revision);
        expect((await current().list({ prefix: `/k/${i}` })).revision).toBeGreaterThanOrEqual(revision);
      }),
    );
  });
}

async function createAll(storage: Storage, keys: string[]): Promise<number[]> {
  return Promise.all(keys.map((key) => storage.create(key, bytes(key))));
}

async function keysOf(storage: Storage, request: Parameters<Storage['list']>[0]): Promise<string[]> {
  return (await storage.list(request)).entries.map((entry) => entry.key);
}

function describeLists(current: () => Storage): void {
  it('gives the keys of a plain string prefix in order', async () => {
    await createAll(current(), ['/pods/b', '/pods/a', '/podsets/a', '/nodes/a', '/pods/a/x', '/pods']);
    expect(await keysOf(current(), { prefix: '/pods/' })).toEqual(['/pods/a', '/pods/a/x', '/pods/b']);
    expect(await keysOf(current(), { prefix: '/pods' })).toHaveLength(5);
    expect(await keysOf(current(), { prefix: '/none/' })).toEqual([]);
    expect(await keysOf(current(), { prefix: '/pods/', fromKey: '/pods/a/' })).toEqual(['/pods/a/x', '/pods/b']);
    expect(await keysOf(current(), { prefix: '/pods/', fromKey: '/pods/b' })).toEqual(['/pods/b']);
    expect(await keysOf(current(), { prefix: '/pods/', fromKey: '/a' })).toHaveLength(3);
    expect(await keysOf(current(), { prefix: '/pods/', fromKey: '/z' })).toEqual([]);
  });

  it('pages form one snapshot while others write', async () => {
    const keys = Array.from({ length: 25 }, (_, i) => `/p/${String(i).padStart(2, '0')}`);
    const revisions = await createAll(current(), keys);
    const seen: string[] = [];
    let fromKey = '';
    let revision: number | undefined;
    for (let page = 0; ; page++) {
      const at = revision === undefined ? {} : { revision };
      const result = await current().list({ prefix: '/p/', limit: 10, fromKey, ...at });
      revision ??= result.revision;
      expect(result.revision).toBe(revision);
      seen.push(...result.entries.map((entry) => text(entry.value)));
      if (result.remaining !== undefined) expect(result.remaining).toBe(25 - seen.length);
      expect(result.more).toBe(seen.length < 25);
      if (!result.more) break;
      await current().delete(keys[20 + page]!, { expectedRevision: revisions[20 + page]! });
      await current().update(keys[15 + page]!, bytes('changed'), { expectedRevision: revisions[15 + page]! });
      await current().create(`/p/${page}x`, bytes('new'));
      fromKey = `${result.entries.at(-1)!.key}\0`;
    }
    expect(seen).toEqual(keys);
  });

  it('gives every past state between compactions exactly', async () => {
    const states: { revision: number; keys: string[] }[] = [];
    const note = async (revision: number): Promise<void> => {
      states.push({ revision, keys: (await current().list({ prefix: '/' })).entries.map((e) => text(e.value)) });
    };
    const a = await current().create('/a', bytes('a1'));
    await note(a);
    const a2 = await current().update('/a', bytes('a2'), { expectedRevision: a });
    await note(a2);
    await note(await current().create('/b', bytes('b1')));
    await note(await current().delete('/a', { expectedRevision: a2 }));
    await note(await current().create('/a', bytes('a3')));
    expect(states.map((state) => state.keys.join())).toEqual(['a1', 'a2', 'a2,b1', 'b1', 'a3,b1']);
    for (const state of states) {
      const { revision, entries } = await current().list({ prefix: '/', revision: state.revision });
      expect(revision).toBe(state.revision);
      expect(entries.map((entry) => text(entry.value))).toEqual(state.keys);
    }
  });

  it('refuses a revision that is ahead', async () => {
    const revision = await current().create('/a', bytes('1'));
    await expectCode(current().list({ prefix: '/', revision: revision + 1 }), 'future-revision');
  });

  it('keeps one snapshot through a list that takes many slices', async () => {
    const keys = Array.from({ length: 1500 }, (_, i) => `/l/${String(i).padStart(4, '0')}`);
    const revisions = await createAll(current(), keys);
    const listing = current().list({ prefix: '/l/' });
    const churn = keys.slice(-300).map((key, i) => {
      return current().delete(key, { expectedRevision: revisions[1200 + i]! });
    });
    const compacting = Promise.all(churn).then(async (deleted) => current().compact(Math.max(...deleted)));
    const { entries, revision } = await listing;
    await compacting;
    const gone = 1500 - entries.length;
    if (gone === 0) expect(revision).toBe(Math.max(...revisions));
    expect(entries.map((entry) => text(entry.value))).toEqual(keys.slice(0, 1500 - gone));
    expect(await keysOf(current(), { prefix: '/l/' })).toHaveLength(1200);
  });
}

function describeWatches(current: () => Storage): void {
  it('delivers creations, updates and deletions with what they replaced', async () => {
    const afterRevision = await current().currentRevision();
    const taking = takeEvents(current(), { prefix: '/a', afterRevision }, 4);
    const created = await current().create('/a', bytes('1'));
    const updated = await current().update('/a', bytes('2'), { expectedRevision: created });
    const deleted = await current().delete('/a', { expectedRevision: updated });
    const again = await current().create('/a', bytes('3'));
    const events = await taking;
    expect(events.map(show)).toEqual(['put /a=1', 'put /a=2 was 1', 'delete /a=2 was 2', 'put /a=3']);
    expect(events.map((event) => event.revision)).toEqual([created, updated, deleted, again]);
    expect(events[1]!.previous).toMatchObject({ key: '/a', modRevision: created, createRevision: created });
    expect(events[2]!.previous).toMatchObject({ key: '/a', modRevision: updated, createRevision: created });
  });

  it('delivers the same from history as it did live', async () => {
    const afterRevision = await current().currentRevision();
    const live = takeEvents(current(), { prefix: '/', afterRevision }, 60);
    for (let i = 0; i < 20; i++) {
      const revision = await current().create(`/k${i % 3}`, bytes(`${i}`));
      const updated = await current().update(`/k${i % 3}`, bytes(`${i}+`), { expectedRevision: revision });
      await current().delete(`/k${i % 3}`, { expectedRevision: updated });
    }
    const events = await live;
    expect(await takeEvents(current(), { prefix: '/', afterRevision }, 60)).toEqual(events);
    const middle = events[29]!.revision;
    expect(await takeEvents(current(), { prefix: '/', afterRevision: middle }, 30)).toEqual(events.slice(30));
  });

  it('delivers only what starts with the prefix', async () => {
    const afterRevision = await current().currentRevision();
    const taking = takeEvents(current(), { prefix: '/pods/', afterRevision }, 2);
    await createAll(current(), ['/pods', '/pods/a', '/podsets/a', '/nodes/pods/', '/pods/b']);
    expect((await taking).map((event) => event.key)).toEqual(['/pods/a', '/pods/b']);
    const history = await takeEvents(current(), { prefix: '/pods/', afterRevision }, 2);
    expect(history.map((event) => event.key)).toEqual(['/pods/a', '/pods/b']);
  });

  it('leaves no gap after a list and gives every event once, in order, while others write', async () => {
    const writers = Array.from({ length: 8 }, async (_, writer) => {
      for (let i = 0; i < 50; i++) await current().create(`/w/${writer}/${i}`, bytes(`${writer}.${i}`));
    });
    const readers = Array.from({ length: 5 }, async () => {
      const list = await current().list({ prefix: '/w/' });
      const rest = 400 - list.entries.length;
      const events = await takeEvents(current(), { prefix: '/w/', afterRevision: list.revision }, rest);
      const revisions = events.map((event) => event.revision);
      expect(revisions).toEqual([...new Set(revisions)].sort((a, b) => a - b));
      const keys = [...list.entries, ...events].map((item) => item.key);
      expect(new Set(keys).size).toBe(400);
    });
    await Promise.all([...writers, ...readers]);
  });

  it('never gives old events to a watch from a revision that is ahead', async () => {
    const revision = await current().create('/a', bytes('1'));
    await expectCode(takeEvents(current(), { prefix: '/', afterRevision: revision + 5 }, 1), 'future-revision');
  });
}

function describeWatchEnds(current: () => Storage): void {
  it('with slow-watcher when more than its bound is queued, and never with a gap', async () => {
    const abort = new AbortController();
    const afterRevision = await current().currentRevision();
    const options = { prefix: '/', afterRevision, signal: abort.signal, maxQueued: 10 };
    const watch = current().watch(options)[Symbol.asyncIterator]();
    const first = watch.next();
    await current().create('/first', bytes('1'));
    const seen = [...(await first).value!];
    for (let i = 0; i < 40; i++) await current().create(`/${i}`, bytes('1'));
    const drain = async (): Promise<void> => {
      for (let next = await watch.next(); !next.done; next = await watch.next()) seen.push(...next.value);
    };
    await expectCode(drain(), 'slow-watcher');
    const history = await takeEvents(current(), { prefix: '/', afterRevision }, 41);
    expect(seen).toEqual(history.slice(0, seen.length));
    expect((await watch.next()).done).toBe(true);
  });

  it('without error when its signal aborts, whether waiting, reading history or not begun', async () => {
    const afterRevision = await current().currentRevision();
    const abort = new AbortController();
    const waiting = takeEvents(current(), { prefix: '/', afterRevision }, 1);
    const aborted = (async () => {
      for await (const batch of current().watch({ prefix: '/x', afterRevision, signal: abort.signal })) return batch;
      return 'ended';
    })();
    await current().create('/a', bytes('1'));
    abort.abort();
    expect(await aborted).toBe('ended');
    expect(await waiting).toHaveLength(1);
    const late = current().watch({ prefix: '/', afterRevision, signal: abort.signal })[Symbol.asyncIterator]();
    expect((await late.next()).done).toBe(true);
  });

  it('without error when the storage closes', async () => {
    const afterRevision = await current().currentRevision();
    const waiting = takeEvents(current(), { prefix: '/', afterRevision }, 100);
    await current().create('/a', bytes('1'));
    await current().close();
    expect((await waiting).map((event) => event.key)).toEqual(['/a']);
  });
}

function describeCompaction(current: () => Storage): void {
  it('refuses lists and watches from before it, and names the oldest revision left', async () => {
    const a = await current().create('/a', bytes('1'));
    const b = await current().update('/a', bytes('2'), { expectedRevision: a });
    const c = await current().update('/a', bytes('3'), { expectedRevision: b });
    await current().compact(b);
    expect((await expectCode(current().list({ prefix: '/', revision: a }), 'compacted')).revision).toBe(b);
    const tooOld = takeEvents(current(), { prefix: '/', afterRevision: a - 1 }, 1);
    expect((await expectCode(tooOld, 'compacted')).revision).toBe(b);
    const atB = await current().list({ prefix: '/', revision: b });
    expect(atB.entries.map((entry) => text(entry.value))).toEqual(['2']);
    expect((await takeEvents(current(), { prefix: '/', afterRevision: b }, 1)).map(show)).toEqual(['put /a=3 was 2']);
    expect(await current().currentRevision()).toBe(c);
  });

  it('keeps live values, however old, and drops deleted keys', async () => {
    const keys = Array.from({ length: 600 }, (_, i) => `/k/${String(i).padStart(3, '0')}`);
    const revisions = await createAll(current(), keys);
    let newest = 0;
    for (let i = 0; i < 600; i += 3) {
      newest = await current().delete(keys[i]!, { expectedRevision: revisions[i]! });
    }
    await current().compact(newest);
    const left = keys.filter((_, i) => i % 3 !== 0);
    expect(await keysOf(current(), { prefix: '/k/' })).toEqual(left);
    expect(text((await current().get(keys[1]!))!.value)).toBe(keys[1]);
    expect(await current().create(keys[0]!, bytes('again'))).toBeGreaterThan(newest);
  });

  it('loses no deletion that a watch from the compacted revision must see', async () => {
    const a = await current().create('/a', bytes('1'));
    const b = await current().create('/b', bytes('1'));
    await current().compact(b);
    await current().delete('/a', { expectedRevision: a });
    expect((await takeEvents(current(), { prefix: '/a', afterRevision: b }, 1)).map(show)).toEqual(['delete /a=1 was 1']);
  });

  it('ignores an older revision and refuses one that is ahead', async () => {
    const a = await current().create('/a', bytes('1'));
    const b = await current().update('/a', bytes('2'), { expectedRevision: a });
    await current().compact(b);
    await current().compact(a);
    await expectCode(current().compact(b + 1), 'future-revision');
    expect((await current().list({ prefix: '/', revision: b })).entries).toHaveLength(1);
  });

  it('runs beside writers without disturbing them', async () => {
    let revision = await current().create('/hot', bytes('0'));
    const abort = new AbortController();
    const seen: number[] = [];
    const watching = (async () => {
      const watch = current().watch({ prefix: '/', afterRevision: revision, signal: abort.signal });
      for await (const batch of watch) seen.push(...batch.map((event) => event.revision));
    })();
    const written: number[] = [];
    for (let i = 0; i < 100; i++) {
      revision = await current().update('/hot', bytes(`${i}`), { expectedRevision: revision });
      written.push(revision);
      if (i % 10 === 9) await current().compact(revision - 3);
    }
    expect(text((await current().get('/hot'))!.value)).toBe('99');
    const last = await current().list({ prefix: '/', revision: revision - 2 });
    expect(last.entries.map((entry) => text(entry.value))).toEqual(['97']);
    while (seen.length < 100) await current().currentRevision();
    abort.abort();
    await watching;
    expect(seen).toEqual(written);
  });
}
