import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { Etcd3 } from 'etcd3';
import { realClock } from '../../base/clock.ts';
import { installedEtcd, startEtcd } from '../../test/bench/etcd-process.ts';
import type { EtcdProcess } from '../../test/bench/etcd-process.ts';
import { openEtcdStorage } from './etcd.ts';
import type { Storage } from './storage.ts';
import { runStorageSuite } from './storage-suite.ts';

let etcd: EtcdProcess | undefined;
beforeAll(async () => {
  if (installedEtcd() !== undefined) etcd = await startEtcd(['--max-request-bytes', String(4 << 20)]);
});
afterAll(() => etcd?.stop());

async function openEmpty(): Promise<Storage> {
  const client = new Etcd3({ hosts: etcd!.endpoint });
  await client.delete().all();
  // What was deleted must be older than what the suite looks back at.
  for (let i = 0; i < 50; i++) await client.put('apart').value(i);
  client.close();
  return openEtcdStorage({ endpoints: [etcd!.endpoint] }, realClock);
}

if (installedEtcd() === undefined) describe.skip('etcd', () => it('is not installed', () => undefined));
else runStorageSuite('etcd', openEmpty);
