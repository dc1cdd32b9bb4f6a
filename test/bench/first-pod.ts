/**
 * From the fork of `nocher up` on an empty folder to a pod that an external kubectl sees Running, and a DNS that
 * answers: what somebody waits for who has both commands ready.
 */
import { spawn } from 'node:child_process';
import { Resolver } from 'node:dns/promises';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { BenchLine } from './bench-line.ts';
import { nocherCommand } from './cluster-process.ts';
import { measureInOwnNetwork } from './own-network.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const kubectl = join(root, 'dist/kubectl/35/kubectl');
const RUNS = 5;
const TIMEOUT_MS = 30_000;
/** The bridge's address, where the DNS process listens. */
const DNS_SERVER = '10.244.0.1';
/** With the token of its service account, as pods have it by default. */
const POD = JSON.stringify({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'first', namespace: 'default' },
  spec: { containers: [{ name: 'main', image: 'nocher.local/hello:1' }] },
});

/** Only as root, which pods need, and with the kubectl of the tests. */
export async function firstPod(): Promise<BenchLine[]> {
  if (process.getuid?.() !== 0) return [];
  if (!existsSync(kubectl)) {
    process.stdout.write('no kubectl 1.35 in dist: npm test fetches it; the first pod is not measured\n');
    return [];
  }
  const times = measureInOwnNetwork<number[]>(import.meta.url).sort((a, b) => a - b);
  const median = times[Math.floor(times.length / 2)]!;
  const what = `from fork to an external kubectl's pod Running, with DNS, median of ${times.length}`;
  return [{ scenario: 'startup', what, value: median, unit: 'ms', target: '≤ 2,000', ok: median <= 2_000 }];
}

export async function measure(): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < RUNS; i++) times.push(await once());
  return times;
}

async function once(): Promise<number> {
  const dataDir = mkdtempSync(join(tmpdir(), 'nocher-bench-'));
  const kubeconfig = join(dataDir, 'admin.kubeconfig');
  const [command, ...args] = [
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
  ];
  const startedMs = performance.now();
  const up = spawn(command!, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  const exited = new Promise((resolve) => up.once('exit', resolve));
  try {
    const run = (...words: string[]): Promise<number | null> => kubectlWith(kubeconfig, words);
    await until('the API serves', async () => existsSync(kubeconfig) && (await run('get', '--raw', '/readyz')) === 0);
    // Refused until the namespace has its service account.
    await Promise.all([
      until('the pod is taken', async () => (await run('apply', '-f', '-')) === 0).then(() =>
        until(
          'the pod runs',
          async () => (await run('wait', 'pod/first', '--for=jsonpath={.status.phase}=Running', '--timeout=20s')) === 0,
        ),
      ),
      until('DNS answers', dnsAnswers),
    ]);
    return performance.now() - startedMs;
  } finally {
    up.kill('SIGTERM');
    await exited;
    rmSync(dataDir, { recursive: true, force: true });
  }
}

function kubectlWith(kubeconfig: string, args: readonly string[]): Promise<number | null> {
  return new Promise((resolve, reject) => {
    // HOME: what kubectl has learnt of another cluster must not help.
    const env = { ...process.env, KUBECONFIG: kubeconfig, HOME: dirname(kubeconfig) };
    const child = spawn(kubectl, args, { env, stdio: ['pipe', 'ignore', 'ignore'] });
    child.once('error', reject).once('exit', resolve);
    child.stdin.on('error', () => undefined);
    child.stdin.end(POD);
  });
}

async function dnsAnswers(): Promise<boolean> {
  const resolver = new Resolver({ timeout: 100, tries: 1 });
  resolver.setServers([DNS_SERVER]);
  return resolver.resolve4('kubernetes.default.svc.cluster.local.').then(
    () => true,
    () => false,
  );
}

async function until(what: string, check: () => Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + TIMEOUT_MS;
  while (!(await check())) {
    if (performance.now() > deadlineMs) throw new Error(`not within ${TIMEOUT_MS} ms: ${what}`);
    await sleep(5);
  }
}
