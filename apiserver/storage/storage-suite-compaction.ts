/** The part of the storage contract's suite on compaction. */
import { expect, it } from '@jest/globals';
import { bytes, createAll, expectCode, keysOf, takeEvents, text } from './storage-assertions.ts';
import type { Storage } from './storage.ts';

export function describeCompaction(current: () => Storage): void {
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
    expect(await takeEvents(current(), { prefix: '/', afterRevision: b }, 1)).toMatchObject([
      { type: 'put', revision: c, previous: { modRevision: b, value: bytes('2') } },
    ]);
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
    expect(await takeEvents(current(), { prefix: '/a', afterRevision: b }, 1)).toMatchObject([
      { type: 'delete', key: '/a', value: bytes('1'), previous: { modRevision: a } },
    ]);
  });
}

export function describeCompactionBesideOthers(current: () => Storage): void {
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
      // A watch that has not reached the store yet may still be refused by a compaction.
      while (seen.length === 0) await current().currentRevision();
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
