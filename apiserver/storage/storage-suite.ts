/** The suite of the storage contract: every driver runs it, and whatever stands in for a driver. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { bytes, createAll, expectCode, keysOf, text } from './storage-assertions.ts';
import { checkAgainstModel } from './storage-model.ts';
import { describeCompaction, describeCompactionBesideOthers } from './storage-suite-compaction.ts';
import { describeWatchEnds, describeWatches } from './storage-suite-watch.ts';
import type { Storage } from './storage.ts';

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
    describe('compact() beside others', () => describeCompactionBesideOthers(current));
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
    const deletions = await Promise.all(churn);
    const wasThere = (_: string, i: number): boolean => i < 1200 || deletions[i - 1200]! > revision;
    expect(entries.map((entry) => text(entry.value))).toEqual(keys.filter(wasThere));
    expect(await keysOf(current(), { prefix: '/l/' })).toHaveLength(1200);
  });
}
