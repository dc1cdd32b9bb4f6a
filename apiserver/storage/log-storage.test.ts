import { describe, expect, it } from '@jest/globals';
import { LogStorage } from './log-storage.ts';
import { MemoryLog } from './memory.ts';
import type { LogChange } from './record-log.ts';
import { bytes, expectCode, text } from './storage-assertions.ts';

/** A log that a test can hold up, at the next pause or commit. */
class HeldLog extends MemoryLog {
  #holdNext: { at: 'pause' | 'commit'; until: Promise<void> } | undefined;
  readonly dropped: number[] = [];

  /** Gives the function that lets the held call go on, or fail. */
  hold(at: 'pause' | 'commit'): { release: () => void; fail: () => void } {
    let release!: () => void;
    let fail!: () => void;
    const until = new Promise<void>((resolve, reject) => {
      release = resolve;
      fail = () => reject(new Error('injected'));
    });
    this.#holdNext = { at, until };
    return { release, fail };
  }

  override async pause(): Promise<void> {
    await this.#held('pause');
  }

  override async commit(change: LogChange): Promise<void> {
    await this.#held('commit');
    this.dropped.push(...change.remove);
    await super.commit(change);
  }

  async #held(at: 'pause' | 'commit'): Promise<void> {
    const held = this.#holdNext;
    if (held?.at !== at) return;
    this.#holdNext = undefined;
    await held.until;
  }
}

describe('LogStorage', () => {
  it('compaction leaves what a list under way still reads, and drops it the next time', async () => {
    const log = new HeldLog();
    const storage = LogStorage.empty(log);
    const keys = Array.from({ length: 300 }, (_, i) => `/k/${String(i).padStart(3, '0')}`);
    const revisions = await Promise.all(keys.map((key) => storage.create(key, bytes(key))));
    const slice = log.hold('pause');
    const listing = storage.list({ prefix: '/k/' });
    const last = await storage.delete(keys[299]!, { expectedRevision: revisions[299]! });
    await storage.compact(last);
    expect(log.dropped).toEqual([]);
    slice.release();
    expect((await listing).entries.map((entry) => text(entry.value))).toEqual(keys);
    await storage.compact(await storage.create('/k/end', bytes('end')));
    expect(log.dropped).toEqual([revisions[299], last]);
    await storage.close();
  });

  it('a commit that fails takes with it what was queued behind it', async () => {
    const log = new HeldLog();
    const storage = LogStorage.empty(log);
    const kept = await storage.create('/kept', bytes('1'));
    const commit = log.hold('commit');
    const first = storage.update('/kept', bytes('2'), { expectedRevision: kept });
    await new Promise(setImmediate);
    const onTop = storage.update('/kept', bytes('3'), { expectedRevision: kept + 1 });
    const refused = storage.create('/kept', bytes('4'));
    const beside = storage.create('/other', bytes('1'));
    expect(await storage.get('/kept')).toMatchObject({ modRevision: kept });
    commit.fail();
    for (const write of [first, onTop, refused, beside]) await expectCode(write, 'unavailable');
    expect((await storage.list({ prefix: '/' })).entries.map((entry) => text(entry.value))).toEqual(['1']);
    expect(await storage.update('/kept', bytes('5'), { expectedRevision: kept })).toBeGreaterThan(kept + 3);
    await storage.close();
  });

  it('shows and delivers nothing before its commit is done', async () => {
    const log = new HeldLog();
    const storage = LogStorage.empty(log);
    const before = await storage.currentRevision();
    const abort = new AbortController();
    const watch = storage.watch({ prefix: '/', afterRevision: before, signal: abort.signal })[Symbol.asyncIterator]();
    let delivered = false;
    const event = watch.next().then((next) => {
      delivered = true;
      return next;
    });
    const commit = log.hold('commit');
    const writing = storage.create('/a', bytes('1'));
    await new Promise(setImmediate);
    expect(await storage.get('/a')).toBeUndefined();
    expect(await storage.currentRevision()).toBe(before);
    expect((await storage.list({ prefix: '/' })).entries).toEqual([]);
    expect(delivered).toBe(false);
    commit.release();
    const revision = await writing;
    expect((await event).value).toMatchObject([{ key: '/a', revision }]);
    abort.abort();
    await storage.close();
  });

  it('close() waits for writes under way', async () => {
    const log = new HeldLog();
    const storage = LogStorage.empty(log);
    const commit = log.hold('commit');
    const writing = storage.create('/a', bytes('1'));
    const closing = storage.close();
    await new Promise(setImmediate);
    await expectCode(storage.create('/b', bytes('1')), 'closed');
    commit.release();
    expect(await writing).toBeGreaterThan(0);
    await closing;
  });
});
