/** Watch fan-out over TLS: how late events arrive, and what a thousand watchers cost. */
import { connect } from 'node:http2';
import type { ClientHttp2Session } from 'node:http2';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchLine } from './bench-line.ts';
import type { BenchCluster } from './cluster-process.ts';
import { cpuMs, openClient, percentile, startBenchCluster } from './cluster-process.ts';

const maps = '/api/v1/namespaces/default/configmaps';
const WATCHERS = 1_000;
const EVENTS_PER_SECOND = 100;
const SECONDS = 8;

export async function run(): Promise<BenchLine[]> {
  return [...(await fanOut(20, { share: 0.5 })), ...(await fanOut(1_000, { share: 0.8 }))];
}

async function fanOut(connections: number, { share }: { share: number }): Promise<BenchLine[]> {
  const cluster = await startBenchCluster(['--runtime', 'none', '--storage', 'memory']);
  const sessions: ClientHttp2Session[] = [];
  try {
    const delays: number[] = [];
    await openWatchers(cluster, { connections, sessions, delays });
    const writer = await openClient(cluster, 1);
    await writer.request('POST', maps, object(0));
    await sleep(500);
    delays.length = 0;
    const cpuBefore = cpuMs(cluster.child.pid!);
    const startedMs = performance.now();
    for (let i = 0; i < EVENTS_PER_SECOND * SECONDS; i++) {
      await writer.request('PUT', `${maps}/watched`, object(i));
      const dueMs = startedMs + ((i + 1) * 1000) / EVENTS_PER_SECOND;
      if (dueMs > performance.now()) await sleep(dueMs - performance.now());
    }
    const cores = (cpuMs(cluster.child.pid!) - cpuBefore) / (performance.now() - startedMs);
    await sleep(500);
    delays.sort((a, b) => a - b);
    writer.close();
    const what = `${WATCHERS} watchers on ${connections} connections, ${EVENTS_PER_SECOND} events/s of 1 KB`;
    const p99 = percentile(delays, 0.99);
    return [
      { scenario: 'watch', what: `${what}: p99 delay`, value: p99, unit: 'ms', target: '≤ 100', ok: p99 <= 100 },
      {
        scenario: 'watch',
        what: `${what}: CPU of the server`,
        value: cores * 100,
        unit: '% of a core',
        target: `≤ ${share * 100}`,
        ok: cores <= share,
      },
    ];
  } finally {
    for (const session of sessions) session.destroy();
    await cluster.stop();
  }
}

function object(i: number): string {
  return JSON.stringify({
    metadata: { name: 'watched', annotations: { sentAt: String(Date.now()), i: String(i) } },
    data: { payload: 'x'.repeat(700) },
  });
}

/** Each event carries when it was sent; the arrival of every hundredth watcher's events is compared with it. */
async function openWatchers(
  cluster: BenchCluster,
  { connections, sessions, delays }: { connections: number; sessions: ClientHttp2Session[]; delays: number[] },
): Promise<void> {
  for (let i = 0; i < connections; i++) {
    const session = connect(cluster.server, cluster.tls);
    session.on('error', () => undefined);
    sessions.push(session);
    if (i % 50 === 49) await sleep(50);
  }
  const opened = Array.from({ length: WATCHERS }, (_, i) => {
    const stream = sessions[i % connections]!.request({ ':path': `${maps}?watch=true` });
    stream.on('error', () => undefined);
    stream.on('data', (chunk: Buffer) => {
      if (i % 100 !== 0) return;
      for (const match of chunk.toString().matchAll(/"sentAt":"(\d+)"/g)) delays.push(Date.now() - Number(match[1]));
    });
    return new Promise((resolve) => stream.once('response', resolve));
  });
  await Promise.all(opened);
}
