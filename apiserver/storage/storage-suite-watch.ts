/** The part of the storage contract's suite on watches. */
import { expect, it } from '@jest/globals';
import { bytes, expectCode, takeEvents, text } from './storage-assertions.ts';
import type { Storage, StorageEvent } from './storage.ts';

export function describeWatches(current: () => Storage): void {
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
    for (const key of ['/pods', '/pods/a', '/podsets/a', '/nodes/pods/', '/pods/b'])
      await current().create(key, bytes(key));
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

export function describeWatchEnds(current: () => Storage): void {
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
    const { signal } = new AbortController();
    const watch = current().watch({ prefix: '/', afterRevision, signal })[Symbol.asyncIterator]();
    const first = watch.next();
    await current().create('/a', bytes('1'));
    expect((await first).value).toMatchObject([{ key: '/a' }]);
    const waiting = watch.next();
    await current().close();
    expect((await waiting).done).toBe(true);
  });
}

function show(event: StorageEvent): string {
  const previous = event.previous === undefined ? '' : ` was ${text(event.previous.value)}`;
  return `${event.type} ${event.key}=${text(event.value)}${previous}`;
}
