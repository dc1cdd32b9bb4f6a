/** Pods on the native runtime, and beside it on containerd: from the create request to Running as a watcher sees it. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ApiObject } from '../../api/machinery/meta.ts';
import type { BenchLine } from './bench-line.ts';
import type { BenchClient } from './cluster-process.ts';
import { follow, openClient, percentile, startBenchCluster } from './cluster-process.ts';
import { missingForContainerd, startContainerd } from '../containerd-process.ts';
import { measureInOwnNetwork } from './own-network.ts';

const pods = '/api/v1/namespaces/default/pods';
const SEQUENTIAL = 40;

type Pod = ApiObject & { status?: { phase?: string } };

function pod(name: string): string {
  const container = {
    name: 'main',
    image: 'nocher.local/hello:1',
    resources: { requests: { cpu: '1m', memory: '1Mi' }, limits: { memory: '64Mi' } },
  };
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: { terminationGracePeriodSeconds: 0, containers: [container] },
  });
}

/** When each pod was first seen Running, in ms of this process's clock. */
async function watchRunning(client: BenchClient): Promise<Map<string, number>> {
  const seen = new Map<string, number>();
  await follow<Pod>(client, pods, ({ object }) => {
    if (object.status?.phase === 'Running' && !seen.has(object.metadata.name!))
      seen.set(object.metadata.name!, performance.now());
  });
  return seen;
}

async function running(seen: Map<string, number>, name: string): Promise<number> {
  for (let i = 0; i < 20_000; i++) {
    const at = seen.get(name);
    if (at !== undefined) return at;
    await sleep(1);
  }
  throw new Error(`pod ${name} did not start`);
}

async function start(client: BenchClient, seen: Map<string, number>, name: string): Promise<number> {
  const startedMs = performance.now();
  const { status, text } = await client.request('POST', pods, pod(name));
  if (status !== 201) throw new Error(text);
  return (await running(seen, name)) - startedMs;
}

/** Only as root: pods on the native runtime need it. */
export async function run(): Promise<BenchLine[]> {
  if (process.getuid?.() !== 0) return [];
  return measureInOwnNetwork<BenchLine[]>(import.meta.url);
}

interface Figures {
  /** Of pods one after the other, sorted. */
  times: number[];
  /** Until the last of ten at once. */
  ten: number;
}

async function measurePods(flags: readonly string[], sequential: number): Promise<Figures> {
  const cluster = await startBenchCluster(flags);
  const client = await openClient(cluster);
  try {
    const seen = await watchRunning(client);
    await start(client, seen, 'warm-up');
    const times: number[] = [];
    for (let i = 0; i < sequential; i++) times.push(await start(client, seen, `one-${i}`));
    times.sort((a, b) => a - b);
    const startedMs = performance.now();
    const ended = await Promise.all(
      Array.from({ length: 10 }, (_, i) => start(client, seen, `ten-${i}`).then(() => performance.now())),
    );
    return { times, ten: Math.max(...ended) - startedMs };
  } finally {
    client.close();
    await cluster.stop();
  }
}

export async function measure(): Promise<BenchLine[]> {
  const { times, ten } = await measurePods([], SEQUENTIAL);
  const p50 = percentile(times, 0.5);
  const p99 = percentile(times, 0.99);
  return [
    {
      scenario: 'pods',
      what: 'pod create → Running, local image, native: p50',
      value: p50,
      unit: 'ms',
      target: '≤ 60',
      ok: p50 <= 60,
    },
    { scenario: 'pods', what: 'the same: p99', value: p99, unit: 'ms', target: '≤ 250', ok: p99 <= 250 },
    {
      scenario: 'pods',
      what: '10 pods at once → all Running',
      value: ten,
      unit: 'ms',
      target: '≤ 300',
      ok: ten <= 300,
    },
    ...(await besideContainerd({ times, ten })),
  ];
}

/** The cri driver on Debian's containerd with runc, in the same run; nothing where that is not installed. */
async function besideContainerd(native: Figures): Promise<BenchLine[]> {
  const missing = missingForContainerd();
  if (missing.length > 0) {
    process.stderr.write(`bench: pods on containerd are not measured without ${missing.join(', ')}\n`);
    return [];
  }
  const containerd = await startContainerd();
  try {
    const cri = await measurePods(['--runtime', 'cri', '--cri-socket', containerd.socket], SEQUENTIAL / 2);
    const p50 = percentile(cri.times, 0.5);
    const ratio = p50 / percentile(native.times, 0.5);
    const line = (what: string, value: number, unit: string): BenchLine => ({ scenario: 'pods', what, value, unit });
    return [
      line('the same on containerd + runc (cri driver): p50', p50, 'ms'),
      line('10 pods at once on containerd + runc → all Running', cri.ten, 'ms'),
      { ...line('native: times faster than cri, p50', ratio, '×'), target: '≥ 5', ok: ratio >= 5 },
      line('native: times faster than cri, 10 pods at once', cri.ten / native.ten, '×'),
    ];
  } finally {
    await containerd.stop();
  }
}
