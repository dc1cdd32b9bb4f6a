/** The API server over TLS: durable creates against etcd, reads, and large lists. */
import type { BenchLine } from './bench-line.ts';
import type { BenchClient } from './cluster-process.ts';
import { cpuMs, openClient, ownMemoryMb, startBenchCluster, throughput } from './cluster-process.ts';
import { inProcessCreates } from './in-process.ts';
import { etcdReference } from './store.ts';

const maps = '/api/v1/namespaces/default/configmaps';
const payload = 'x'.repeat(900);
const configMap = (name: string): string =>
  JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { payload } });
const LISTS = 100;
const VALID_REFERENCE = 3400;

export async function run(): Promise<BenchLine[]> {
  const before = await etcdReference();
  const cluster = await startBenchCluster(['--runtime', 'none', '--storage', 'lmdb']);
  const client = await openClient(cluster);
  try {
    const created = await throughput(64, 5_000, async (i) =>
      expect(await client.request('POST', maps, configMap(`c-${i}`)), 201),
    );
    const cpuBefore = cpuMs(cluster.child.pid!);
    const startedMs = performance.now();
    const gets = await throughput(64, 4_000, async (i) =>
      expect(await client.request('GET', `${maps}/c-${i % 1000}`), 200),
    );
    const cores = (cpuMs(cluster.child.pid!) - cpuBefore) / (performance.now() - startedMs);
    const list = await lists(client, cluster.child.pid!);
    const inProcess = inProcessCreates();
    const after = await etcdReference();
    const etcd = Math.max(before ?? 0, after ?? 0);
    return [
      {
        scenario: 'api',
        what: 'create of 1 KiB ConfigMaps, 64 concurrent, HTTP/2 TLS, lmdb',
        value: created,
        unit: '/s',
        target: '≥ 1.0 × etcd',
        ...(etcd >= VALID_REFERENCE ? { reference: { name: 'etcd', value: etcd }, ok: created >= etcd } : {}),
      },
      {
        scenario: 'api',
        what: 'the same through the in-process client',
        value: inProcess,
        unit: '/s',
        target: '≥ 3 × etcd',
        ...(etcd >= VALID_REFERENCE ? { reference: { name: 'etcd', value: etcd }, ok: inProcess >= 3 * etcd } : {}),
      },
      {
        scenario: 'api',
        what: 'GET of one object, per core of the server',
        value: gets / cores,
        unit: '/s',
        target: '≥ 8,000',
        ok: gets / cores >= 8_000,
      },
      ...list,
    ];
  } finally {
    client.close();
    await cluster.stop();
  }
}

function expect({ status, text }: { status: number; text: string }, wanted: number): void {
  if (status !== wanted) throw new Error(`answered ${status}: ${text.slice(0, 300)}`);
}

/** A pod of about 4 KB, with what a real one has. */
function pod(i: number): string {
  const env = Array.from({ length: 30 }, (_, n) => ({ name: `VARIABLE_${n}`, value: `value-${n}-${'y'.repeat(20)}` }));
  const container = {
    name: 'main',
    image: 'registry.example.com/team/app:1.2.3',
    env,
    resources: { requests: { cpu: '10m', memory: '16Mi' } },
  };
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `p-${i}`, labels: { app: 'bench' } },
    spec: { automountServiceAccountToken: false, containers: [container] },
  });
}

async function lists(client: BenchClient, pid: number): Promise<BenchLine[]> {
  const pods = '/api/v1/namespaces/kube-public/pods';
  let next = 0;
  const create = async (): Promise<void> => {
    while (next < 10_000) expect(await client.request('POST', pods, pod(next++)), 201);
  };
  await Promise.all(Array.from({ length: 64 }, create));
  // The first lists grow the heap to the size that such lists need; from then on it stays.
  for (let i = 0; i < 10; i++) await client.request('GET', pods);
  const times: number[] = [];
  const memory: number[] = [];
  let bytes = 0;
  for (let i = 0; i < LISTS; i++) {
    const startedMs = performance.now();
    ({ bytes } = await client.request('GET', pods));
    times.push(performance.now() - startedMs);
    memory.push(ownMemoryMb(pid));
  }
  times.sort((a, b) => a - b);
  const median = times[LISTS / 2]!;
  const gained = Math.max(0, mean(memory.slice(-20)) - mean(memory.slice(0, 20)));
  return [
    {
      scenario: 'api',
      what: `LIST of 10,000 pods of ${Math.round(bytes / 10_000)} bytes, median of 100`,
      value: median,
      unit: 'ms',
      target: '≤ 250',
      ok: median <= 250,
    },
    {
      scenario: 'api',
      what: 'own memory of the last twenty of 100 such lists over that of the first',
      value: gained,
      unit: 'MB',
      target: 'flat: ≤ 10',
      ok: gained <= 10,
    },
  ];
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
