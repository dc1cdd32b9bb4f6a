import { describe, expect, it } from '@jest/globals';
import type { Pod } from '../../api/core/v1/pod/types.ts';
import { silentLogger } from '../../base/log.ts';
import type { PodPhaseOfWork } from '../pods/pod-worker.ts';
import { createTestClock, POD_UID, testPod } from '../testing.ts';
import { evictForLocalStorage, limitedVolumes } from './local-storage-eviction.ts';

const limited = (extra: object = {}): Pod =>
  testPod({
    volumes: [
      { name: 'free', emptyDir: {} },
      { name: 'zero', emptyDir: { sizeLimit: '0' } },
      { name: 'cache', emptyDir: { sizeLimit: '1Mi' } },
      { name: 'config', configMap: { name: 'c' } },
    ],
    ...extra,
  });

describe('limitedVolumes()', () => {
  it('are those with a limit, of pods that may be evicted', () => {
    expect(limitedVolumes(limited())).toEqual([{ name: 'cache', sizeLimit: '1Mi', limitBytes: 1 << 20 }]);
    expect(limitedVolumes(limited({ priority: 2_000_000_000 }))).toEqual([]);
    expect(limitedVolumes(testPod())).toEqual([]);
  });
});

describe('evictForLocalStorage()', () => {
  /** What the node does to a pod in one minute, and when it looked. */
  const inOneMinute = async (
    usageBytes: (clock: { wait(ms: number): Promise<void> }) => Promise<number>,
    phase: PodPhaseOfWork = 'syncing',
  ) => {
    const clock = createTestClock();
    const startMs = clock.now();
    const [looks, evictions, folders]: [number[], string[], Set<string>] = [[], [], new Set()];
    const stop = new AbortController();
    const running = evictForLocalStorage({
      workers: { all: () => [{ uid: POD_UID, pod: limited(), phase, evict: (text) => void evictions.push(text) }] },
      folders: { folder: '/pods', secretFolder: '/memory', logFolder: '/logs' },
      usageBytes: (folder) => {
        folders.add(folder);
        looks.push((clock.now() - startMs) / 1000);
        return usageBytes({ wait: (ms) => new Promise((resolve) => void clock.setTimeout(resolve, ms)) });
      },
      clock,
      log: silentLogger,
      signal: stop.signal,
    });
    await clock.advance(60_000);
    stop.abort();
    await running;
    return { looks, evictions, folders: [...folders] };
  };

  it('looks every ten seconds, and lets be what is within its limit', async () => {
    expect(await inOneMinute(() => Promise.resolve(1 << 20))).toEqual({
      looks: [10, 20, 30, 40, 50, 60],
      evictions: [],
      folders: [`/pods/${POD_UID}/volumes/kubernetes.io~empty-dir/cache`],
    });
  });

  it('evicts what is over its limit, in upstream’s words', async () => {
    const { evictions } = await inOneMinute(() => Promise.resolve((1 << 20) + 1));
    expect(evictions[0]).toBe('Usage of EmptyDir volume "cache" exceeds the limit "1Mi". ');
  });

  it('looks less often where a look takes long', async () => {
    const slow = await inOneMinute(async ({ wait }) => {
      await wait(2_000);
      return 0;
    });
    expect(slow.looks).toEqual([10, 30, 50]);
  });

  it('goes on when it cannot tell', async () => {
    const { looks, evictions } = await inOneMinute(() => Promise.reject(new Error('no such folder')));
    expect([looks.length, evictions]).toEqual([6, []]);
  });

  it('leaves pods alone that end already', async () => {
    expect((await inOneMinute(() => Promise.resolve(1 << 30), 'terminating')).looks).toEqual([]);
  });
});
