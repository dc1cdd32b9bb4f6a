import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openLmdbStorage } from './lmdb.ts';
import type { RunCommit } from './lmdb-log.ts';
import type { Storage } from './storage.ts';
import { bytes, expectCode, takeEvents, text } from './storage-assertions.ts';
import { runStorageSuite } from './storage-suite.ts';

let folder: string;
let stores = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nocher-lmdb-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function newPath(): string {
  return join(folder, `${stores++}`);
}

function openAt(path: string, runCommit?: RunCommit): Promise<Storage> {
  return openLmdbStorage({ path, reserveBytes: 4096, ...(runCommit && { runCommit }) });
}

runStorageSuite('lmdb', () => openAt(newPath()));

describe('lmdb: folder', () => {
  it('that cannot be used is reported as unavailable, with its path', async () => {
    const path = newPath();
    await writeFile(path, 'a file');
    expect((await expectCode(openAt(path), 'unavailable')).message).toMatch(path);
  });

  it('with a file that is not an environment is reported as corrupted; an empty one is begun anew', async () => {
    const path = newPath();
    await (await openAt(path)).close();
    for (const content of ['x'.repeat(20_000), Buffer.alloc(20_000), 'x']) {
      await writeFile(join(path, 'store.mdb'), content);
      expect((await expectCode(openAt(path), 'corrupted')).message).toMatch(path);
    }
    for (const content of [Buffer.alloc(0), Buffer.alloc(16_384)]) {
      await writeFile(join(path, 'store.mdb'), content);
      const storage = await openAt(path);
      await storage.create('/a', bytes('1'));
      await storage.close();
    }
  });
});

describe('lmdb: restart', () => {
  it('keeps values, history, compaction and revisions', async () => {
    const path = newPath();
    let storage = await openAt(path);
    const a = await storage.create('/a', bytes('1'));
    const a2 = await storage.update('/a', bytes('2'), { expectedRevision: a });
    const b = await storage.create('/b', bytes('1'));
    const gone = await storage.delete('/b', { expectedRevision: b });
    await storage.compact(a2);
    await storage.close();
    storage = await openAt(path);
    expect(await storage.currentRevision()).toBe(gone);
    expect(await storage.get('/a')).toMatchObject({ modRevision: a2, createRevision: a });
    expect((await storage.list({ prefix: '/', revision: b })).entries.map((entry) => entry.key)).toEqual(['/a', '/b']);
    await expectCode(storage.list({ prefix: '/', revision: a }), 'compacted');
    const events = await takeEvents(storage, { prefix: '/', afterRevision: a2 }, 2);
    expect(events.map((event) => [event.type, event.revision])).toEqual([
      ['put', b],
      ['delete', gone],
    ]);
    expect(text(events[1]!.value)).toBe('1');
    await storage.close();
  });

  it('does not use the revision of a deletion again that was the newest record and is compacted', async () => {
    const path = newPath();
    let storage = await openAt(path);
    const created = await storage.create('/a', bytes('1'));
    const deleted = await storage.delete('/a', { expectedRevision: created });
    await storage.compact(deleted);
    await storage.close();
    storage = await openAt(path);
    expect(await storage.currentRevision()).toBe(deleted);
    expect(await storage.create('/a', bytes('2'))).toBeGreaterThan(deleted);
    await storage.close();
  });

  it('finishes a compaction that a list held up', async () => {
    const path = newPath();
    let storage = await openAt(path);
    let revision = await storage.create('/hot', bytes('0'));
    const keys = Array.from({ length: 1000 }, (_, i) => `/k/${i}`);
    await Promise.all(keys.map((key) => storage.create(key, bytes(key))));
    const listing = storage.list({ prefix: '/', revision: await storage.currentRevision() });
    for (let i = 0; i < 50; i++) revision = await storage.update('/hot', bytes(`${i}`), { expectedRevision: revision });
    await Promise.all([listing, storage.compact(revision)]);
    expect((await listing).entries).toHaveLength(1001);
    await storage.close();
    storage = await openAt(path);
    await storage.create('/end', bytes('1'));
    await storage.compact(await storage.currentRevision());
    expect((await storage.list({ prefix: '/' })).entries).toHaveLength(1002);
    await storage.close();
  });
});

describe('lmdb: a commit that fails', () => {
  /** A store whose commits can be told to fail before or after they happen. */
  async function openFailing(path = newPath()) {
    const fault: { at: 'before' | 'after' | undefined } = { at: undefined };
    const storage = await openAt(path, async (commit) => {
      if (fault.at === 'before') throw new Error('injected');
      await commit();
      if (fault.at === 'after') throw new Error('injected');
    });
    return { storage, fault, path };
  }

  it('refuses its writes and what was queued behind them, and leaves no trace', async () => {
    const { storage, fault } = await openFailing();
    const kept = await storage.create('/kept', bytes('1'));
    const abort = new AbortController();
    const events = takeEvents(storage, { prefix: '/', afterRevision: kept }, 1);
    fault.at = 'before';
    const writes = [storage.create('/a', bytes('1')), storage.update('/kept', bytes('2'), { expectedRevision: kept })];
    await new Promise(setImmediate);
    writes.push(storage.create('/b', bytes('1')), storage.delete('/kept', { expectedRevision: kept + 2 }));
    for (const write of writes) await expectCode(write, 'unavailable');
    expect(await storage.currentRevision()).toBe(kept);
    expect((await storage.list({ prefix: '/' })).entries.map((entry) => text(entry.value))).toEqual(['1']);
    fault.at = undefined;
    const updated = await storage.update('/kept', bytes('3'), { expectedRevision: kept });
    expect(updated).toBeGreaterThan(kept);
    expect((await events).map((event) => text(event.value))).toEqual(['3']);
    abort.abort();
    await storage.close();
  });

  it('takes back refusals that were decided on top of it', async () => {
    const { storage, fault } = await openFailing();
    fault.at = 'before';
    const first = storage.create('/a', bytes('1'));
    const second = storage.create('/a', bytes('2'));
    await expectCode(second, 'unavailable');
    await expectCode(first, 'unavailable');
    fault.at = undefined;
    await storage.create('/a', bytes('3'));
    await expectCode(storage.create('/a', bytes('4')), 'key-exists');
    await storage.close();
  });

  it('does not come back after a restart when it had reached the disk all the same', async () => {
    const { storage, fault, path } = await openFailing();
    await storage.create('/a', bytes('1'));
    fault.at = 'after';
    await expectCode(storage.create('/ghost', bytes('1')), 'unavailable');
    fault.at = undefined;
    expect(await storage.get('/ghost')).toBeUndefined();
    const last = await storage.create('/b', bytes('1'));
    const seen = await takeEvents(storage, { prefix: '/', afterRevision: 1 }, 2);
    expect(seen.map((event) => event.key)).toEqual(['/a', '/b']);
    await storage.close();
    const again = await openAt(path);
    expect((await again.list({ prefix: '/' })).entries.map((entry) => entry.key)).toEqual(['/a', '/b']);
    expect(await again.currentRevision()).toBe(last);
    await again.close();
  });

  it('lets a compaction that it hit be repeated', async () => {
    const { storage, fault } = await openFailing();
    const a = await storage.create('/a', bytes('1'));
    const b = await storage.update('/a', bytes('2'), { expectedRevision: a });
    fault.at = 'before';
    await expectCode(storage.compact(a), 'unavailable');
    fault.at = undefined;
    await storage.compact(b);
    await expectCode(storage.list({ prefix: '/', revision: a }), 'compacted');
    expect(text((await storage.get('/a'))!.value)).toBe('2');
    await storage.close();
  });
});

/** Changes the first byte of every occurrence of `text` in the store's file. */
async function damage(path: string, what: string): Promise<void> {
  const file = join(path, 'store.mdb');
  const content = await readFile(file);
  const places = [];
  for (let at = content.indexOf(what); at >= 0; at = content.indexOf(what, at + 1)) places.push(at);
  expect(places.length).toBeGreaterThan(0);
  for (const at of places) content[at]! ^= 0x20;
  await writeFile(file, content);
}

describe('lmdb: a damaged record', () => {
  it('is named when it is read, hidden from nothing, and can be deleted; others stay readable', async () => {
    const path = newPath();
    let storage = await openAt(path);
    await storage.create('/pods/good', bytes('healthy'));
    const bad = await storage.create('/pods/bad', bytes('recognizable value'));
    await storage.create('/nodes/good', bytes('healthy'));
    await storage.close();
    await damage(path, 'recognizable');
    storage = await openAt(path);
    const error = await expectCode(storage.get('/pods/bad'), 'corrupted');
    expect(error.message).toBe(`the value of /pods/bad at revision ${bad} is damaged`);
    await expectCode(storage.list({ prefix: '/pods/' }), 'corrupted');
    await expectCode(takeEvents(storage, { prefix: '/pods/', afterRevision: 1 }, 2), 'corrupted');
    expect(text((await storage.get('/pods/good'))!.value)).toBe('healthy');
    expect((await storage.list({ prefix: '/nodes/' })).entries).toHaveLength(1);
    const events = takeEvents(storage, { prefix: '/pods/', afterRevision: await storage.currentRevision() }, 1);
    await storage.delete('/pods/bad', { expectedRevision: bad });
    expect((await events)[0]).toMatchObject({ type: 'delete', key: '/pods/bad', value: new Uint8Array(0) });
    expect((await storage.list({ prefix: '/pods/' })).entries).toHaveLength(1);
    await storage.close();
  });

  it('keeps the store from opening when its header is damaged, since its key is not known for sure', async () => {
    const path = newPath();
    const storage = await openAt(path);
    await storage.create('/pods/good', bytes('1'));
    const bad = await storage.create('/pods/recognizable', bytes('1'));
    await storage.close();
    await damage(path, 'recognizable');
    const error = await expectCode(openAt(path), 'corrupted');
    expect(error.message).toBe(`the record of revision ${bad} is damaged (its key may be /pods/Recognizable1)`);
    await damage(path, 'Recognizable');
    const repaired = await openAt(path);
    expect((await repaired.list({ prefix: '/' })).entries).toHaveLength(2);
    await repaired.close();
  });
});
