/**
 * Scale: the scheduler through the whole API path (lmdb, pods created over TLS, events recorded, watched from outside)
 * on nodes without kubelets, and a cluster of simulated nodes with pods that come, run and go.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchLine } from './bench-line.ts';
import type { BenchClient } from './cluster-process.ts';
import { follow, openClient, ownMemoryMb, startBenchCluster } from './cluster-process.ts';
import { rollover } from './rollover.ts';

const pods = '/api/v1/namespaces/default/pods';
/** Requests under way at once. */
const WRITERS = 64;
const LARGE_POD_RANGE = ['--pod-cidr', '100.64.0.0/10'];

interface Pod {
  metadata: { name: string };
  spec?: { nodeName?: string };
  status?: { phase?: string };
}

export async function run(): Promise<BenchLine[]> {
  return [
    ...(await scheduling({ nodes: 500, count: 1_000, floor: 1_000 })),
    ...(await scheduling({ nodes: 5_000, count: 10_000, floor: 680 })),
    ...(await simulatedCluster({ nodes: 5_000, count: 10_000 })),
    ...(await rollover({ nodes: 100, replicas: 1_000 })),
  ];
}

interface Size {
  nodes: number;
  count: number;
}

/** SchedulingBasic: plain pods on equal nodes, some pods scheduled before. */
export async function scheduling({ nodes, count, floor }: Size & { floor: number }): Promise<BenchLine[]> {
  const cluster = await startBenchCluster(['--runtime', 'none', ...LARGE_POD_RANGE]);
  try {
    const client = await openClient(cluster);
    await createAll(client, '/api/v1/nodes', { prefix: 'node', count: nodes, body: node });
    const seen = await followPods(await openClient(cluster, 1));
    await createAll(client, pods, { prefix: 'warm', count: 500, body: pod });
    await until('the first pods are bound', () => seen.bound >= 500);
    await longestStallMs(client);
    const startedMs = performance.now();
    await createAll(client, pods, { prefix: 'pod', count, body: pod });
    await until('every pod is bound', () => seen.bound >= 500 + count);
    const rate = Math.round((count * 1000) / (performance.now() - startedMs));
    const stall = await longestStallMs(client);
    const what = `${count} pods created over TLS and scheduled, ${nodes} nodes, lmdb`;
    return [
      { scenario: 'scale', what, value: rate, unit: 'pods/s', target: `≥ ${floor}`, ok: rate >= floor },
      stallLine(`longest stall of the event loop meanwhile, ${nodes} nodes`, stall),
    ];
  } finally {
    await cluster.stop();
  }
}

export async function simulatedCluster({ nodes, count }: Size): Promise<BenchLine[]> {
  const flags = ['--runtime', 'simulated', '--simulated-nodes', String(nodes), ...LARGE_POD_RANGE];
  const cluster = await startBenchCluster(flags);
  try {
    const client = await openClient(cluster);
    const seen = await followPods(await openClient(cluster, 1));
    await longestStallMs(client);
    let startedMs = performance.now();
    await createAll(client, pods, { prefix: 'pod', count, body: pod });
    await until('every pod runs', () => seen.running >= count);
    const runningMs = performance.now() - startedMs;
    const runningStall = await longestStallMs(client);
    const memory = ownMemoryMb(cluster.child.pid!);
    startedMs = performance.now();
    await client.request('DELETE', pods);
    await until('every pod is gone', () => seen.deleted >= count, 120_000);
    const deletedMs = performance.now() - startedMs;
    // The server has closed connections on which nothing was asked for so long.
    const deletedStall = await longestStallMs(await openClient(cluster, 1));
    const size = `${nodes.toLocaleString('en-US')} nodes, ${count.toLocaleString('en-US')} pods`;
    return [
      seconds(`${nodes} simulated nodes registered and Ready, from the fork`, cluster.readyAfterMs, 60),
      seconds(`${size}: all Running`, runningMs, 60),
      seconds(`${size}: all deleted`, deletedMs, 90),
      {
        scenario: 'scale',
        what: `${size}: own memory`,
        value: memory,
        unit: 'MB',
        target: '≤ 1,024',
        ok: memory <= 1024,
      },
      stallLine(`${size}: longest stall while they start`, runningStall),
      stallLine(`${size}: longest stall while they go`, deletedStall),
    ];
  } finally {
    await cluster.stop();
  }
}

function seconds(what: string, ms: number, target: number): BenchLine {
  return { scenario: 'scale', what, value: ms / 1000, unit: 's', target: `≤ ${target}`, ok: ms <= target * 1000 };
}

function stallLine(what: string, ms: number): BenchLine {
  return { scenario: 'scale', what, value: ms, unit: 'ms', target: '≤ 20', ok: ms <= 20 };
}

/** Since the last call, from the server's own metric. */
async function longestStallMs(client: BenchClient): Promise<number> {
  const { text } = await client.request('GET', '/metrics');
  const found = /^nocher_event_loop_longest_stall_seconds (\S+)$/m.exec(text);
  if (found === null) throw new Error('the server does not tell its longest stall');
  return Number(found[1]) * 1000;
}

interface Seen {
  bound: number;
  running: number;
  deleted: number;
}

/** What a watcher outside sees of all pods. */
async function followPods(client: BenchClient): Promise<Seen> {
  const seen: Seen = { bound: 0, running: 0, deleted: 0 };
  const known = new Map<string, { bound: boolean; running: boolean }>();
  await follow<Pod>(client, pods, ({ type, object: { metadata, spec, status } }) => {
    const pod = known.get(metadata.name) ?? { bound: false, running: false };
    known.set(metadata.name, pod);
    if (!pod.bound && spec?.nodeName !== undefined) {
      pod.bound = true;
      seen.bound++;
    }
    if (!pod.running && status?.phase === 'Running') {
      pod.running = true;
      seen.running++;
    }
    if (type === 'DELETED') seen.deleted++;
  });
  return seen;
}

async function until(what: string, check: () => boolean, timeoutMs = 180_000): Promise<void> {
  const deadlineMs = performance.now() + timeoutMs;
  while (!check()) {
    if (performance.now() > deadlineMs) throw new Error(`did not happen within ${timeoutMs / 1000} s: ${what}`);
    await sleep(5);
  }
}

async function createAll(
  client: BenchClient,
  path: string,
  { prefix, count, body }: { prefix: string; count: number; body: (name: string) => object },
): Promise<void> {
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < count) {
      const { status, text } = await client.request('POST', path, JSON.stringify(body(`${prefix}-${next++}`)));
      if (status !== 201) throw new Error(text);
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, work));
}

function node(name: string): object {
  const capacity = { cpu: '4', memory: '32Gi', pods: '110' };
  return { metadata: { name }, status: { capacity, conditions: [{ type: 'Ready', status: 'True' }] } };
}

function pod(name: string): object {
  const requests = { cpu: '100m', memory: '500Mi' };
  const containers = [{ name: 'pause', image: 'registry.k8s.io/pause:3.10.1', resources: { requests } }];
  return { metadata: { name }, spec: { containers, terminationGracePeriodSeconds: 0 } };
}
