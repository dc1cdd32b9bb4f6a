/** What much costs: 100 MB of objects at a start, and a thousand watchers that wait. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { resources } from '../../api/resources.ts';
import { loadSchemaTable } from '../../api/schema/table.ts';
import { createApiServer } from '../../apiserver/api-server.ts';
import type { Storage } from '../../apiserver/storage/storage.ts';
import { realClock } from '../../base/clock.ts';
import { silentLogger } from '../../base/log.ts';
import { realRandom } from '../../base/random.ts';
import { upConfig } from '../../cli/config.ts';
import { openDataFolder } from '../../cli/data-folder.ts';
import { openStorage } from '../../cli/storage.ts';
import { idleWatcherKb } from './idle-watchers.ts';
import type { BenchLine } from './bench-line.ts';
import type { BenchClient, BenchCluster } from './cluster-process.ts';
import { openClient, startBenchCluster, throughput } from './cluster-process.ts';

const OBJECTS = 25_000;
const OBJECT_BYTES = 4_000;
const WATCHERS = 1_000;
/** A connection carries at most 250 streams. */
const CONNECTIONS = 20;
const MEASURE_MS = 4_000;
const SETTLE_MS = 4_000;
const MAPS = '/api/v1/namespaces/default/configmaps';

export async function run(): Promise<BenchLine[]> {
  return [await loadingLine(), ...(await watcherLines())];
}

async function loadingLine(): Promise<BenchLine> {
  const dataDir = mkdtempSync(join(tmpdir(), 'nocher-bench-'));
  const folder = openDataFolder(upConfig({ dataDir, runtime: 'none' }).dataDir);
  folder.claim();
  const { etcd } = upConfig({ dataDir, runtime: 'none' });
  const open = (): Promise<Storage> => openStorage({ storage: 'lmdb', etcd }, folder);
  try {
    const filling = await open();
    await fill(filling);
    await filling.close();
    const startedMs = performance.now();
    const storage = await open();
    const api = createApiServer({
      resources,
      storage,
      schemas: loadSchemaTable(),
      clock: realClock,
      random: realRandom,
      log: silentLogger,
      authenticator: () => () => undefined,
      authorizer: () => () => ({ decision: 'allow', reason: '' }),
      healthChecks: [],
      serverAddress: () => '127.0.0.1:6443',
    });
    await api.start();
    const value = performance.now() - startedMs;
    await api.close();
    await storage.close();
    return {
      scenario: 'load',
      what: '100 MB of objects loaded at start, lmdb',
      value,
      unit: 'ms',
      target: '≤ 3,000',
      ok: value <= 3_000,
    };
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
}

async function fill(storage: Storage): Promise<void> {
  const data = { payload: 'x'.repeat(OBJECT_BYTES - 300) };
  const write = (i: number): Promise<number> => {
    const metadata = { name: `map-${i}`, namespace: 'default', uid: realRandom.uuid(), labels: { app: 'bench' } };
    const object = { kind: 'ConfigMap', apiVersion: 'v1', metadata, data };
    return storage.create(`/registry/configmaps/default/map-${i}`, Buffer.from(JSON.stringify(object)));
  };
  for (let i = 0; i < OBJECTS; i += 250) await Promise.all(Array.from({ length: 250 }, (_, n) => write(i + n)));
}

async function watcherLines(): Promise<BenchLine[]> {
  const cluster = await startBenchCluster(['--runtime', 'none', '--storage', 'memory']);
  try {
    const client = await openClient(cluster, 4);
    for (let i = 0; i < 500; i++) await client.request('POST', MAPS, map(i));
    await readRates(client);
    const before = await readRates(client);
    const close = await openWatchers(cluster);
    await sleep(SETTLE_MS);
    const eachKb = await idleWatcherKb();
    const after = await readRates(client);
    close();
    client.close();
    return [
      slower('GET of one object', before.get, after.get),
      slower('LIST of 500 objects', before.list, after.list),
      {
        scenario: 'load',
        what: 'memory of an idle watcher',
        value: eachKb,
        unit: 'KB',
        target: '≤ 20',
        ok: eachKb <= 20,
      },
    ];
  } finally {
    await cluster.stop();
  }
}

function slower(what: string, before: number, after: number): BenchLine {
  const value = Math.max(0, (1 - after / before) * 100);
  const line = `${what} with ${WATCHERS} watchers open, slower by`;
  return { scenario: 'load', what: line, value, unit: '%', target: '≤ 20', ok: value <= 20 };
}

const map = (i: number): string =>
  JSON.stringify({ metadata: { name: `map-${i}` }, data: { payload: 'x'.repeat(900) } });

async function readRates(client: BenchClient): Promise<{ get: number; list: number }> {
  const get = await throughput(16, MEASURE_MS, async () => void (await client.request('GET', `${MAPS}/map-1`)));
  const list = await throughput(4, MEASURE_MS, async () => void (await client.request('GET', MAPS)));
  return { get, list };
}

async function openWatchers(cluster: BenchCluster): Promise<() => void> {
  const client = await openClient(cluster, CONNECTIONS);
  const opened = Array.from({ length: WATCHERS }, () => {
    const stream = client
      .session()
      .request({ ':path': `${MAPS}?watch=true&resourceVersion=0&fieldSelector=metadata.name=nosuch` });
    stream.on('error', () => undefined);
    stream.resume();
    return new Promise((resolve) => stream.once('response', resolve));
  });
  await Promise.all(opened);
  return () => client.close();
}
