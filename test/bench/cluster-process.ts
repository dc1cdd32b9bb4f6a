/** A `nocher up` process for benchmarks, and an HTTP/2 client that makes many requests at once. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:http2';
import type { ClientHttp2Session } from 'node:http2';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');

export interface BenchCluster {
  child: ChildProcess;
  dataDir: string;
  server: string;
  /** Milliseconds from the fork to the first `/readyz` that answers 200. */
  readyAfterMs: number;
  tls: { ca: Buffer; cert: Buffer; key: Buffer };
  stop(): Promise<void>;
}

function credentials(dataDir: string): BenchCluster['tls'] {
  const read = (name: string): Buffer => readFileSync(join(dataDir, 'pki', name));
  return { ca: read('ca.crt'), cert: read('admin.crt'), key: read('admin.key') };
}

/** As users start it. With `NOCHER_BENCH_PROFILE=<folder>`, the server writes a CPU profile there when it stops. */
export function nocherCommand(): string[] {
  const program = join(root, 'bin/nocher');
  const folder = process.env['NOCHER_BENCH_PROFILE'];
  const flags = ['--max-semi-space-size=64', '--cpu-prof', `--cpu-prof-dir=${folder}`];
  return folder === undefined ? [program] : [process.execPath, ...flags, program];
}

export async function startBenchCluster(
  flags: readonly string[],
  enter: readonly string[] = [],
): Promise<BenchCluster> {
  const dataDir = mkdtempSync(join(tmpdir(), 'nocher-bench-'));
  const [command, ...rest] = [
    ...enter,
    ...nocherCommand(),
    'up',
    '--data-dir',
    dataDir,
    '--api-port',
    '0',
    '--kubelet-port',
    '0',
    '--node-name',
    'bench',
    ...flags,
  ];
  const startedMs = performance.now();
  const child = spawn(command!, rest, { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  while (!existsSync(join(dataDir, 'run', 'ready.json'))) {
    if (child.exitCode !== null) throw new Error(`the cluster did not start: ${output}`);
    await sleep(2);
  }
  const readyAfterMs = performance.now() - startedMs;
  // What it printed before may come after.
  while (!/https:\/\/\S+\s/.test(output)) await sleep(2);
  return {
    child,
    dataDir,
    server: /https:\/\/\S+/.exec(output)?.[0] ?? '',
    readyAfterMs,
    tls: credentials(dataDir),
    async stop() {
      const exited = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      await exited;
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

export interface BenchClient {
  request(method: string, path: string, body?: string): Promise<{ status: number; bytes: number; text: string }>;
  session(): ClientHttp2Session;
  close(): void;
}

/** `connections` HTTP/2 connections, used in turn. */
export async function openClient({ server, tls }: BenchCluster, connections = 4): Promise<BenchClient> {
  const sessions = Array.from({ length: connections }, () => connect(server, tls));
  await Promise.all(
    sessions.map((session) => new Promise((resolve, reject) => session.once('connect', resolve).once('error', reject))),
  );
  let next = 0;
  const session = (): ClientHttp2Session => sessions[next++ % sessions.length]!;
  return {
    session,
    request: (method, path, body) =>
      new Promise((resolve, reject) => {
        const stream = session().request({
          ':method': method,
          ':path': path,
          ...(body === undefined ? {} : { 'content-type': contentTypeOf(method) }),
        });
        let status = 0;
        let text = '';
        let bytes = 0;
        stream.on('response', (headers) => (status = Number(headers[':status'])));
        stream.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes < 100_000) text += chunk.toString();
        });
        stream.on('end', () => resolve({ status, bytes, text }));
        stream.on('error', reject);
        stream.end(body);
      }),
    close: () => sessions.forEach((one) => one.destroy()),
  };
}

function contentTypeOf(method: string): string {
  return method === 'PATCH' ? 'application/strategic-merge-patch+json' : 'application/json';
}

/** Calls `one` from `concurrency` loops until `durationMs` has passed; gives calls per second. */
export async function throughput(
  concurrency: number,
  durationMs: number,
  one: (index: number) => Promise<void>,
): Promise<number> {
  const startedMs = performance.now();
  let count = 0;
  const loop = async (): Promise<void> => {
    while (performance.now() - startedMs < durationMs) await one(count++);
  };
  await Promise.all(Array.from({ length: concurrency }, loop));
  return (count * 1000) / (performance.now() - startedMs);
}

export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

/** CPU milliseconds (user and system) that a process has used. */
export function cpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/** RssAnon + RssShmem, in MB: memory that is the process's own. */
export function ownMemoryMb(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const kb = (name: string): number => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? 0);
  return (kb('RssAnon') + kb('RssShmem')) / 1024;
}

/** Calls back with every event of the objects at a path, which may have a query, from when it resolves. */
export async function follow<T>(
  client: BenchClient,
  path: string,
  onEvent: (event: { type: string; object: T }) => void,
): Promise<void> {
  const stream = client.session().request({ ':path': `${path}${path.includes('?') ? '&' : '?'}watch=true` });
  let pending = '';
  stream.on('error', () => undefined);
  stream.on('data', (chunk: Buffer) => {
    pending += chunk.toString();
    const lines = pending.split('\n');
    pending = lines.pop()!;
    for (const line of lines) onEvent(JSON.parse(line) as { type: string; object: T });
  });
  await new Promise((resolve) => stream.once('response', resolve));
}
