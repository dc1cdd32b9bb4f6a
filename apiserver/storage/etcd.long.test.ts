/** The storage contract on an etcd of three members, and what losing members does. */
import { describe, expect, it } from '@jest/globals';
import { installedEtcd } from '../../test/etcd-process.ts';
import { LARGE, onCluster } from '../../test/etcd-storage.ts';
import type { Cluster } from '../../test/etcd-storage.ts';
import { bytes, expectCode, text } from './storage-assertions.ts';
import { runStorageSuite } from './storage-suite.ts';
import type { Storage, StorageEvent } from './storage.ts';

const suite = installedEtcd() === undefined ? describe.skip : describe;

suite('three members', () => {
  onCluster(
    async () => ({ members: 3, flags: LARGE }),
    (on) => {
      runStorageSuite('etcd of three', on.open);
      describe('of which one is killed', () => describeLostMember(on));
    },
  );
});

function describeLostMember({ etcd, open }: Cluster): void {
  it('keeps taking writes and gives a follower every event once', async () => {
    const storage = await open();
    const seen: StorageEvent[] = [];
    const stop = new AbortController();
    const afterRevision = await storage.currentRevision();
    const following = follow(storage, { afterRevision, signal: stop.signal, seen });
    const written: string[] = [];
    for (let i = 0; i < 60; i++) {
      if (i === 20) await etcd().members[0]!.kill();
      if (i === 40) await etcd().members[0]!.start();
      await createOnce(storage, `/k/${i}`);
      written.push(`/k/${i}`);
    }
    while (seen.length < written.length) await storage.currentRevision();
    expect(seen.map((event) => event.key)).toEqual(written);
    stop.abort();
    await following;
    await storage.close();
  }, 60_000);

  it('says that there is no quorum when two are gone, and goes on when they are back', async () => {
    const storage = await open();
    await storage.create('/before', bytes('1'));
    const [, b, c] = etcd().members;
    await Promise.all([b!.kill(), c!.kill()]);
    const error = await expectCode(storage.create('/during', bytes('1')), 'unavailable');
    expect(error.message).toMatch(/^etcd: /);
    await Promise.all([b!.start(), c!.start()]);
    await createOnce(storage, '/after');
    expect(text((await storage.get('/before'))!.value)).toBe('1');
    await storage.close();
  }, 60_000);
}

/** As the watch cache does: a watch that fails is begun again where it was. */
async function follow(
  storage: Storage,
  { afterRevision, signal, seen }: { afterRevision: number; signal: AbortSignal; seen: StorageEvent[] },
): Promise<void> {
  let position = afterRevision;
  while (!signal.aborted) {
    try {
      for await (const batch of storage.watch({ prefix: '/k/', afterRevision: position, signal })) {
        seen.push(...batch);
        position = batch.at(-1)!.revision;
      }
    } catch {
      // Begun again.
    }
  }
}

/** A write that failed may have happened: then it is there. */
async function createOnce(storage: Storage, key: string): Promise<void> {
  for (let attempt = 0; attempt < 50; attempt++) {
    try {
      await storage.create(key, bytes(key));
      return;
    } catch (error) {
      if ((error as { code?: string }).code === 'key-exists') return;
    }
  }
  throw new Error(`${key} could not be written`);
}
