/** Pods on the native runtime: from the create request to Running as a watcher sees it. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ApiObject } from '../../api/machinery/meta.ts';
import type { BenchLine } from './bench-line.ts';
import type { BenchClient } from './cluster-process.ts';
import { openClient, percentile, startBenchCluster } from './cluster-process.ts';
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
  const stream = client.session().request({ ':path': `${pods}?watch=true` });
  let pending = '';
  stream.on('error', () => undefined);
  stream.on('data', (chunk: Buffer) => {
    pending += chunk.toString();
    const lines = pending.split('\n');
    pending = lines.pop()!;
    for (const line of lines) {
      const { object } = JSON.parse(line) as { object: Pod };
      if (object.status?.phase === 'Running' && !seen.has(object.metadata.name!))
        seen.set(object.metadata.name!, performance.now());
    }
  });
  await new Promise((resolve) => stream.once('response', resolve));
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

export async function measure(): Promise<BenchLine[]> {
  const cluster = await startBenchCluster([]);
  const client = await openClient(cluster);
  try {
    const seen = await watchRunning(client);
    await start(client, seen, 'warm-up');
    const times: number[] = [];
    for (let i = 0; i < SEQUENTIAL; i++) times.push(await start(client, seen, `one-${i}`));
    times.sort((a, b) => a - b);
    const startedMs = performance.now();
    const ended = await Promise.all(
      Array.from({ length: 10 }, (_, i) => start(client, seen, `ten-${i}`).then(() => performance.now())),
    );
    const ten = Math.max(...ended) - startedMs;
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
    ];
  } finally {
    client.close();
    await cluster.stop();
  }
}
