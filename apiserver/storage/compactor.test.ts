import { describe, expect, it } from '@jest/globals';
import type { Clock } from '../../base/clock.ts';
import { silentLogger } from '../../base/log.ts';
import { runCompactor } from './compactor.ts';
import { createMemoryStorage } from './memory.ts';
import { bytes, expectCode } from './storage-assertions.ts';

/** A clock with one timer, fired by hand. */
function createManualClock() {
  let fire: (() => void) | undefined;
  const clock: Clock = {
    now: () => 0,
    monotonicMs: () => 0,
    setTimeout: (callback) => {
      fire = callback;
      return () => undefined;
    },
    setInterval: () => () => undefined,
  };
  const tick = async (): Promise<void> => {
    fire?.();
    await new Promise(setImmediate);
  };
  return { clock, tick };
}

describe('runCompactor()', () => {
  it('keeps an interval of history, and no more than its bound of revisions', async () => {
    const storage = createMemoryStorage();
    const { clock, tick } = createManualClock();
    const abort = new AbortController();
    const running = runCompactor({ storage, clock, logger: silentLogger, signal: abort.signal, maxRevisions: 50 });
    await tick();
    const first = await storage.create('/a', bytes('1'));
    for (let i = 0; i < 10; i++) await tick();
    await storage.list({ prefix: '/', revision: first });
    await storage.create('/b', bytes('1'));
    await tick();
    await storage.list({ prefix: '/', revision: first });
    await expectCode(storage.list({ prefix: '/', revision: first - 1 }), 'compacted');
    for (let i = 0; i < 10; i++) await tick();
    await expectCode(storage.list({ prefix: '/', revision: first }), 'compacted');
    for (let i = 0; i < 60; i++) await storage.create(`/c/${i}`, bytes('1'));
    await tick();
    const newest = await storage.currentRevision();
    expect((await expectCode(storage.list({ prefix: '/', revision: newest - 51 }), 'compacted')).revision).toBe(
      newest - 50,
    );
    abort.abort();
    await tick();
    await running;
    await storage.close();
  });

  it('ends when the storage closes', async () => {
    const storage = createMemoryStorage();
    const { clock, tick } = createManualClock();
    const running = runCompactor({ storage, clock, logger: silentLogger, signal: new AbortController().signal });
    await storage.close();
    await tick();
    await running;
  });
});
