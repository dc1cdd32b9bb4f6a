import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { realClock } from '../../base/clock.ts';
import { realRandom } from '../../base/random.ts';
import { ensureCertificates } from '../../cli/certificates.ts';
import { installedEtcd, startEtcd } from '../../test/etcd-process.ts';
import type { EtcdProcess } from '../../test/etcd-process.ts';
import type { EtcdOptions } from './etcd-options.ts';
import { LARGE, onCluster } from '../../test/etcd-storage.ts';
import { openEtcdStorage } from './etcd.ts';
import { bytes, expectCode } from './storage-assertions.ts';
import { runStorageSuite } from './storage-suite.ts';

const suite = installedEtcd() === undefined ? describe.skip : describe;

suite('one member', () => {
  onCluster(
    async () => ({ flags: LARGE }),
    ({ open }) => runStorageSuite('etcd', open),
  );
});

suite('one member over TLS with client certificates', () => {
  let folder: string;
  afterAll(() => rm(folder, { recursive: true, force: true }));
  const certificates = async () => {
    folder = await mkdtemp(join(tmpdir(), 'nocher-etcd-tls-'));
    const names = { nodeName: 'etcd', serviceIp: '10.96.0.1', hostIps: [] };
    await ensureCertificates({ dataDir: folder, ...names, clock: realClock, random: realRandom });
    const file = (name: string): string => join(folder, 'pki', name);
    const [ca, certificate, key] = await Promise.all(
      ['ca.crt', 'admin.crt', 'admin.key'].map((name) => readFile(file(name))),
    );
    return {
      flags: LARGE,
      tls: { ca: file('ca.crt'), certificate: file('apiserver.crt'), key: file('apiserver.key') },
      client: { ca: ca!, certificate: certificate!, key: key! },
    };
  };
  let etcd: EtcdProcess;
  let client: NonNullable<EtcdOptions['tls']>;
  beforeAll(async () => {
    const made = await certificates();
    client = made.client;
    etcd = await startEtcd({ flags: made.flags, tls: made.tls });
  }, 30_000);
  afterAll(() => etcd.stop());

  it('reads and writes', async () => {
    const storage = await openEtcdStorage({ endpoints: etcd.endpoints, tls: client }, realClock);
    const revision = await storage.create('/a', bytes('1'));
    expect(await storage.get('/a')).toMatchObject({ modRevision: revision });
    await storage.close();
  });

  it('refuses a client without a certificate, in one line', async () => {
    const error = await expectCode(
      openEtcdStorage({ endpoints: etcd.endpoints, tls: { ca: client.ca } }, realClock),
      'unavailable',
    );
    expect(error.message).toMatch(/^etcd: /);
  });
});
