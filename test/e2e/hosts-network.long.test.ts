/** The smoke on machines whose network is in other hands: firewalls that drop, Docker, a proxy. Needs root. */
import { afterEach, describe, expect, it } from '@jest/globals';
import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Cluster } from './harness.ts';
import { eventually, isRoot, prepareCluster } from './harness.ts';
import { addDefaultRoute, fetchInPod, smoke, smokeOfPods } from './smoke.ts';

const isThere = (program: string): boolean =>
  spawnSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' }).status === 0;
const suite = isRoot ? describe : describe.skip;
const cleanUps: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const undo of cleanUps.splice(0).reverse()) await undo();
});

function prepare(...args: Parameters<typeof prepareCluster>): Cluster {
  const cluster = prepareCluster(...args);
  cleanUps.push(() => cluster.stop());
  return cluster;
}

const OUTSIDE = '198.51.100.2';

/** Somebody else on the network, who answers on port 80 and knows no way to pods. */
async function addOutside(cluster: Cluster): Promise<void> {
  const script = 'ip link set lo up && echo ready && exec cat';
  const outside = spawn('unshare', ['--net', 'sh', '-c', script], { stdio: ['pipe', 'pipe', 'inherit'] });
  await new Promise((resolve) => outside.stdout.once('data', resolve));
  const inside = (...command: string[]): string[] => [`--net=/proc/${outside.pid}/ns/net`, ...command];
  cluster.host('sh', [
    '-c',
    `ip link add ext0 type veth peer name ext1 netns ${outside.pid}
    echo 1 > /proc/sys/net/ipv6/conf/ext0/disable_ipv6
    ip address add 198.51.100.1/24 dev ext0 && ip link set ext0 up`,
  ]);
  spawnSync('nsenter', inside('sh', '-c', `ip address add ${OUTSIDE}/24 dev ext1 && ip link set ext1 up`));
  const listen = `require('http').createServer((_, response) => response.end('outside')).listen(80, () => console.log('listens'))`;
  const server = spawn('nsenter', inside(process.execPath, '-e', listen), { stdio: ['ignore', 'pipe', 'inherit'] });
  cleanUps.push(() => Promise.all([endOf(server), endOf(outside)]).then(() => undefined));
  await new Promise((resolve) => server.stdout.once('data', resolve));
  addDefaultRoute(cluster);
}

function endOf(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve();
    child.once('exit', () => resolve());
    child.kill('SIGTERM');
  });
}

/** Pods reach what is outside, too. */
async function smokeWithOutside(cluster: Cluster): Promise<void> {
  await smokeOfPods(cluster, () =>
    eventually('a pod reaches what is outside', () => fetchInPod(cluster, OUTSIDE) === 'outside'),
  );
}

suite('a machine whose firewall drops what is forwarded', () => {
  const programs = ['iptables-nft', 'iptables-legacy'].filter(isThere);

  it.each(programs)('with %s', async (iptables) => {
    const cluster = prepare();
    await addOutside(cluster);
    expect(cluster.host(iptables, ['-P', 'FORWARD', 'DROP']).code).toBe(0);
    await smoke(cluster, { steps: smokeWithOutside });
    expect(cluster.host(iptables, ['-S', 'FORWARD']).stdout).toBe('-P FORWARD DROP\n');
  });

  it('with a table of its own: says what blocks, and the way out works', async () => {
    const cluster = prepare();
    await addOutside(cluster);
    const table =
      'add table inet mine; add chain inet mine forwarding { type filter hook forward priority 5; policy drop; }';
    expect(cluster.host('nft', [table]).code).toBe(0);
    await cluster.restart();
    const remedy = /chain forwarding\) drops packets from and to pods; allow them with: (.*)$/m.exec(
      cluster.output(),
    )?.[1];
    expect(cluster.host('sh', ['-c', remedy ?? 'exit 1']).code).toBe(0);
    await smokeWithOutside(cluster);
  });
});

const DOCKER = isThere('dockerd') && isThere('docker');
if (!DOCKER) process.stderr.write('beside Docker: needs dockerd and docker\n');

(isRoot && DOCKER ? describe : describe.skip)('beside Docker', () => {
  let folder: string;
  let docker: (...args: string[]) => ReturnType<Cluster['host']>;

  async function startDocker(cluster: Cluster): Promise<ChildProcess> {
    folder = mkdtempSync(join(tmpdir(), 'nocher-docker-'));
    const socket = `unix://${folder}/docker.sock`;
    const flags = { 'data-root': 'data', 'exec-root': 'exec', pidfile: 'pid' };
    const folders = Object.entries(flags).flatMap(([flag, name]) => [`--${flag}`, join(folder, name)]);
    const daemon = cluster.spawn('dockerd', [...folders, '--host', socket, '--storage-driver', 'vfs']);
    cleanUps.push(() => endOf(daemon).then(() => rmSync(folder, { recursive: true, force: true })));
    for (const stream of [daemon.stdout!, daemon.stderr!]) stream.resume();
    docker = (...args) => cluster.host('docker', ['-H', socket, ...args]);
    await eventually('Docker answers', () => docker('version').code === 0, 60_000);
    return daemon;
  }

  /** A container of its own reaches the outside as before. */
  function containerWorks(cluster: Cluster): void {
    const script = `tar -C / -c bin/busybox 2>/dev/null || tar -C /usr -c bin/busybox`;
    expect(cluster.host('sh', ['-c', `(${script}) | docker -H unix://${folder}/docker.sock import - bb`]).code).toBe(0);
    const fetch = ['/bin/busybox', 'timeout', '5', '/bin/busybox', 'wget', '-qO-', `http://${OUTSIDE}`];
    expect(docker('run', '--rm', 'bb', ...fetch)).toMatchObject({ code: 0, stdout: 'outside' });
  }

  it('that runs already: pods and containers work, and its rules are as they were', async () => {
    const cluster = prepare();
    await addOutside(cluster);
    await startDocker(cluster);
    containerWorks(cluster);
    const rules = (): string => cluster.host('iptables', ['-S']).stdout;
    const before = rules();
    expect(before).toContain('-P FORWARD DROP');
    const steps = async (): Promise<void> => {
      await smokeWithOutside(cluster);
      containerWorks(cluster);
    };
    await smoke(cluster, { steps, ignored: ['sockets', 'processes', 'addresses', 'routes'] });
    expect(rules()).toBe(before);
  });

  it('that starts later', async () => {
    const cluster = prepare();
    await addOutside(cluster);
    await cluster.restart();
    await startDocker(cluster);
    await smokeWithOutside(cluster);
    containerWorks(cluster);
  });
});
