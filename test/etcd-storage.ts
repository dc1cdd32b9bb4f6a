/** For tests: etcd clusters on which the storage contract is tried. */
import { afterAll, beforeAll } from '@jest/globals';
import { Etcd3 } from 'etcd3';
import { realClock } from '../base/clock.ts';
import { startEtcd } from './etcd-process.ts';
import type { EtcdFlags, EtcdProcess } from './etcd-process.ts';
import { clientOptions } from '../apiserver/storage/etcd-options.ts';
import type { EtcdOptions } from '../apiserver/storage/etcd-options.ts';
import { openEtcdStorage } from '../apiserver/storage/etcd.ts';
import type { Storage } from '../apiserver/storage/storage.ts';

/** What the suite writes is larger than what etcd takes unless told. */
export const LARGE = ['--max-request-bytes', String(4 << 20)];

/** Declares tests on one cluster; `open` gives a storage without keys. */
export function onCluster(
  flags: () => Promise<EtcdFlags & Pick<EtcdOptions, 'tls'>>,
  declare: (on: Cluster) => void,
): void {
  let etcd: EtcdProcess;
  let options: EtcdOptions;
  beforeAll(async () => {
    const { tls, ...given } = await flags();
    etcd = await startEtcd(given);
    options = { endpoints: etcd.endpoints, ...(tls && { tls }) };
  }, 30_000);
  afterAll(() => etcd.stop());
  declare({
    etcd: () => etcd,
    async open() {
      const client = new Etcd3(clientOptions(options, realClock));
      await client.delete().all();
      // What was deleted must be older than what the suite looks back at.
      for (let i = 0; i < 50; i++) await client.put('apart').value(i);
      client.close();
      return openEtcdStorage(options, realClock);
    },
  });
}

export interface Cluster {
  etcd(): EtcdProcess;
  open(): Promise<Storage>;
}
