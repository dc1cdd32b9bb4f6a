/** Two servers on one etcd of three members: who acts, what both see, and what losing members does. Needs root. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { installedEtcd, startEtcd } from '../etcd-process.ts';
import type { EtcdProcess } from '../etcd-process.ts';
import type { Cluster, CommandResult } from './harness.ts';
import { eventually, isRoot, logOf, prepareCluster } from './harness.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const nocher = join(root, 'bin/nocher');
const suite = isRoot && installedEtcd() !== undefined ? describe : describe.skip;

/** A further server of the cluster: a data folder with the cluster's authorities, and no node. */
class Server {
  readonly dataDir: string;
  readonly #cluster: Cluster;
  readonly #flags: readonly string[];
  #process: ChildProcess | undefined;

  constructor(cluster: Cluster, dataDir: string, flags: readonly string[]) {
    this.#cluster = cluster;
    this.dataDir = dataDir;
    this.#flags = flags;
  }

  async start(): Promise<void> {
    const args = [nocher, 'up', '--data-dir', this.dataDir, '--api-port', '0', '--runtime', 'none', ...this.#flags];
    const [program, ...rest] = [...this.#cluster.enter, process.execPath, ...args];
    const child = spawn(program!, rest, { env: this.#cluster.environment, stdio: 'ignore' });
    this.#process = child;
    await eventually('the further server is ready', () => {
      if (child.exitCode !== null) throw new Error(`the further server did not start:\n${logOf(this.dataDir)}`);
      return existsSync(join(this.dataDir, 'run', 'ready.json'));
    });
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await exited;
  }

  kubectl(...args: string[]): CommandResult {
    return this.#cluster.host(this.#cluster.kubectlPath(), ['--kubeconfig', this.kubeconfig, ...args]);
  }

  get kubeconfig(): string {
    return join(this.dataDir, 'admin.kubeconfig');
  }
}

/** Names that a kubectl watch has printed, as they come. */
function watchNames(cluster: Cluster, kubeconfig: string): { names: string[]; stop(): void } {
  const format = 'custom-columns=NAME:.metadata.name';
  const args = ['--kubeconfig', kubeconfig, 'get', 'configmaps', '-l', 'seen', '--watch', '--no-headers', '-o', format];
  const child = cluster.spawn(cluster.kubectlPath(), args);
  const names: string[] = [];
  createInterface({ input: child.stdout! }).on('line', (line) => names.push(line.trim()));
  return { names, stop: () => void child.kill() };
}

suite('two servers on one etcd of three members [T3]', () => {
  let cluster: Cluster;
  let etcd: EtcdProcess;
  let second: Server;
  let storage: string[];

  beforeAll(async () => {
    cluster = prepareCluster();
    etcd = await startEtcd({ members: 3, enter: cluster.enter });
    storage = ['--storage', 'etcd', '--etcd-endpoints', etcd.endpoints.join(',')];
    await cluster.restart(['--runtime', 'simulated', ...storage]);
    second = new Server(cluster, join(cluster.environment['HOME']!, 'second'), ['--node-name', 'second', ...storage]);
  });
  afterAll(async () => {
    await second?.end('SIGTERM');
    await cluster?.stop();
    await etcd?.stop();
  });

  const holder = (): string =>
    second.kubectl(
      '-n',
      'kube-system',
      'get',
      'lease',
      'kube-controller-manager',
      '-o',
      'jsonpath={.spec.holderIdentity}',
    ).stdout;

  it('a server with another authority is refused, with what to do', () => {
    const args = [nocher, 'up', '--data-dir', join(second.dataDir, 'other'), '--runtime', 'none', ...storage];
    const { code, stderr } = cluster.host(process.execPath, args);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /etcd holds a cluster with another certificate authority .* copy ca\.\*, front-proxy-ca\.\*/,
    );
  });

  it('one leads and the other stands by [A46]', async () => {
    const pki = join(second.dataDir, 'pki');
    mkdirSync(pki, { recursive: true });
    for (const file of readdirSync(join(cluster.dataDir, 'pki')))
      if (/^(ca|front-proxy-ca|sa)\./.test(file)) cpSync(join(cluster.dataDir, 'pki', file), join(pki, file));
    await second.start();
    const status = cluster.host(process.execPath, [nocher, 'status', '--data-dir', second.dataDir]);
    expect(status.stdout).toContain('controllers  ok      standing by: another server leads');
    expect(status.stdout).toContain('scheduler    ok      standing by: another server leads');
    expect(holder()).toMatch(/^node-1_/);
    // What one is told, the controllers of the other do.
    expect(second.kubectl('create', 'deployment', 'web', '--image=web', '--replicas=3').code).toBe(0);
    cluster.run('rollout', 'status', 'deployment/web', '--timeout=30s');
  });

  it('both see every write once and in one order, while a member ends, all restart, and history is compacted', async () => {
    const watches = [join(cluster.dataDir, 'admin.kubeconfig'), second.kubeconfig].map((kubeconfig) =>
      watchNames(cluster, kubeconfig),
    );
    const written: string[] = [];
    const write = async (count: number): Promise<void> => {
      for (let i = 0; i < count; i++) {
        const name = `c-${written.length}`;
        const manifest = `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}, labels: {seen: "1"}}\n`;
        const config = written.length % 2 === 0 ? join(cluster.dataDir, 'admin.kubeconfig') : second.kubeconfig;
        await eventually(`${name} is written`, () => {
          const args = ['--kubeconfig', config, 'apply', '-f', '-'];
          return cluster.kubectl(args, { input: manifest }).code === 0;
        });
        written.push(name);
      }
    };
    try {
      await write(4);
      await etcd.members[0]!.kill();
      await write(4);
      await etcd.members[0]!.start();
      await Promise.all(etcd.members.map((member) => member.kill()));
      const { stderr } = cluster.kubectl(['create', 'configmap', 'lost', '--request-timeout=20s'], {
        timeoutMs: 40_000,
      });
      expect(stderr).toMatch(/etcd/);
      await Promise.all(etcd.members.map((member) => member.start()));
      await write(4);
      await compact(cluster, etcd.endpoint);
      await write(4);
      for (const { names } of watches)
        await eventually('the watch has seen everything', () => names.length >= written.length);
      for (const { names } of watches) expect(names).toEqual(written);
    } finally {
      for (const watch of watches) watch.stop();
    }
  });

  it('says what is wrong while there is no quorum, and goes on when there is', async () => {
    await Promise.all(etcd.members.slice(1).map((member) => member.kill()));
    const ready = await eventually('readyz fails', () => {
      const { code, stdout, stderr } = cluster.kubectl(['get', '--raw', '/readyz?verbose'], { timeoutMs: 40_000 });
      return code === 0 ? undefined : stdout + stderr;
    });
    expect(ready).toContain('[-]etcd failed');
    expect(cluster.kubectl(['create', 'configmap', 'late'], { timeoutMs: 40_000 }).stderr).toMatch(
      /^error: failed to create configmap: .*etcd: /,
    );
    await Promise.all(etcd.members.slice(1).map((member) => member.start()));
    await eventually('readyz succeeds', () => cluster.kubectl(['get', '--raw', '/readyz']).code === 0);
    await eventually('writes go on', () => cluster.kubectl(['create', 'configmap', 'late']).code === 0);
  });

  it('the other takes over when the leader is killed, and keeps the lead when it comes back', async () => {
    await eventually('somebody leads', () => holder() !== '');
    await cluster.kill('SIGKILL');
    expect(second.kubectl('scale', 'deployment/web', '--replicas=5').code).toBe(0);
    // Its lease of 15 s has to end first.
    const made = (): string =>
      second.kubectl('get', 'replicasets', '-o', 'jsonpath={.items[0].status.replicas}').stdout;
    await eventually('the other makes the pods', () => made() === '5', 40_000);
    expect(holder()).toMatch(/^second_/);
    await cluster.restart(['--runtime', 'simulated', ...storage]);
    cluster.run('rollout', 'status', 'deployment/web', '--timeout=30s');
    expect(holder()).toMatch(/^second_/);
  });

  it('an orderly end hands the lead over at once', async () => {
    await second.end('SIGTERM');
    cluster.run('scale', 'deployment/web', '--replicas=1');
    cluster.run('wait', '--for=jsonpath={.status.replicas}=1', 'deployment/web', '--timeout=10s');
  });
});

/** By etcd's own client, up to the newest revision. */
async function compact(cluster: Cluster, endpoint: string): Promise<void> {
  const script = `
    import { Etcd3 } from 'etcd3';
    const etcd = new Etcd3({ hosts: '${endpoint}' });
    const { header } = await etcd.kv.range({ key: Buffer.from('/'), count_only: true });
    await etcd.kv.compact({ revision: header.revision, physical: true });
    etcd.close();`;
  const { code, stderr } = cluster.host(process.execPath, ['--input-type=module', '-e', script]);
  if (code !== 0) throw new Error(stderr);
}
