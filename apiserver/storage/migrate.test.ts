import { describe, expect, it } from '@jest/globals';
import { realClock } from '../../base/clock.ts';
import { installedEtcd, startEtcd } from '../../test/etcd-process.ts';
import { openEtcdStorage } from './etcd.ts';
import { createMemoryStorage } from './memory.ts';
import { migrate } from './migrate.ts';
import { bytes, expectCode, takeEvents } from './storage-assertions.ts';
import type { Storage } from './storage.ts';

/** 2,500 keys, of which some are deleted, after many writes. */
async function filledStore(): Promise<Storage> {
  const store = createMemoryStorage();
  for (let i = 0; i < 2500; i++) await store.create(`/registry/pods/${i}`, bytes(`pod ${i}`));
  for (let i = 0; i < 100; i++) {
    const { modRevision } = (await store.get(`/registry/pods/${i}`))!;
    await store.delete(`/registry/pods/${i}`, { expectedRevision: modRevision });
  }
  let revision = await store.create('/registry/leases/hot', bytes('0'));
  for (let i = 0; i < 4000; i++)
    revision = await store.update('/registry/leases/hot', bytes(`${i}`), { expectedRevision: revision });
  return store;
}

const valuesOf = async (store: Storage): Promise<[string, string][]> =>
  (await store.list({ prefix: '/' })).entries.map(({ key, value }) => [key, Buffer.from(value).toString()]);

async function checkMigration(to: Storage): Promise<void> {
  const from = await filledStore();
  const before = await from.currentRevision();
  const steps: string[] = [];
  const result = await migrate({
    from,
    to,
    prefix: '/registry/',
    onProgress: (step, done, total) => steps.push(`${step} ${done}/${total}`),
  });
  expect(result.objects).toBe(2401);
  expect(steps).toContain('objects 2401/2401');
  expect(await valuesOf(to)).toEqual(await valuesOf(from));
  expect(await to.currentRevision()).toBeGreaterThan(before);
  // A client of the old store is told to list again, whatever it has seen.
  for (const afterRevision of [before, before - 1000]) {
    await expectCode(takeEvents(to, { prefix: '/registry/', afterRevision }, 1), 'compacted');
  }
  await expectCode(migrate({ from, to, prefix: '/registry/' }), 'key-exists');
  expect(await valuesOf(to)).toEqual(await valuesOf(from));
  await from.close();
  await to.close();
}

describe('migrate()', () => {
  it('moves every key and goes on with revisions', () => checkMigration(createMemoryStorage()));

  (installedEtcd() === undefined ? it.skip : it)(
    'moves into etcd',
    async () => {
      const etcd = await startEtcd();
      try {
        await checkMigration(await openEtcdStorage({ endpoints: etcd.endpoints }, realClock));
      } finally {
        await etcd.stop();
      }
    },
    60_000,
  );
});
