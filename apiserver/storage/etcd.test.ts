import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Etcd3 } from 'etcd3';
import { realClock } from '../../base/clock.ts';
import { realRandom } from '../../base/random.ts';
import { ensureCertificates } from '../../cli/certificates.ts';
import { installedEtcd, startEtcd } from '../../test/etcd-process.ts';
import type { EtcdFlags, EtcdProcess } from '../../test/etcd-process.ts';
import { clientOptions } from './etcd-options.ts';
import type { EtcdOptions } from './etcd-options.ts';
import { openEtcdStorage } from './etcd.ts';
import { bytes, expectCode, text } from './storage-assertions.ts';
import { runStorageSuite } from './storage-suite.ts';
import type { Storage, StorageEvent } from './storage.ts';

const suite = installedEtcd() === undefined ? describe.skip : describe;

/** What the suite writes is larger than what etcd takes unless told. */
const LARGE = ['--max-request-bytes', String(4 << 20)];

/** Declares tests on one cluster; `open` gives a storage without keys. */
function onCluster(flags: () => Promise<EtcdFlags & Pick<EtcdOptions, 'tls'>>, declare: (on: Cluster) => void): void {
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

interface Cluster {
  etcd(): EtcdProcess;
  open(): Promise<Storage>;
}

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
