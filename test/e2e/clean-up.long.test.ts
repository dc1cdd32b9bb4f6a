/** What stopping a cluster leaves on the machine, however far it got: nothing. Needs root. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { chmodSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ChildProcess } from 'node:child_process';
import type { Cluster } from './harness.ts';
import { eventually, isRoot, prepareCluster } from './harness.ts';
import type { HostState } from './host-state.ts';
import { clusterId, clusterProcesses, hostState, settled, survivors } from './host-state.ts';

const suite = isRoot ? describe : describe.skip;

const POD = `apiVersion: v1
kind: Pod
metadata: {name: left}
spec:
  containers:
    - name: c
      image: nocher.local/hello:1
      volumeMounts: [{name: memory, mountPath: /memory}]
  volumes: [{name: memory, emptyDir: {medium: Memory}}]
`;

suite('nothing is left on the machine', () => {
  let cluster: Cluster;
  let before: HostState;
  let started: ChildProcess[];

  beforeEach(async () => {
    cluster = prepareCluster();
    await settled(cluster);
    before = hostState(cluster);
    started = [];
  });
  afterEach(async () => {
    for (const child of started) await end(child, 'SIGKILL');
    await cluster.stop();
  });

  const down = (...flags: string[]): void => {
    const [nocher] = cluster.upArguments;
    const { code, stderr } = cluster.host(process.execPath, [nocher!, 'down', '--data-dir', cluster.dataDir, ...flags]);
    expect(stderr).toBe('');
    expect(code).toBe(0);
  };

  const end = async (child: ChildProcess, signal: NodeJS.Signals): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await ended;
  };

  /** Starts a process in the cluster's network; ended after the test. */
  const begin = (command: string, args: readonly string[]): ChildProcess & { printed(): string } => {
    const child = cluster.spawn(command, args);
    started.push(child);
    let printed = '';
    for (const stream of [child.stdout!, child.stderr!])
      stream.on('data', (chunk: Buffer) => (printed += chunk.toString()));
    return Object.assign(child, { printed: () => printed });
  };

  it('after a hundred pods that came and went, and some that still ran', async () => {
    await cluster.restart();
    cluster.run('create', 'deployment', 'many', '--image=nocher.local/hello:1', '--replicas=100');
    expect(cluster.run('rollout', 'status', 'deployment/many', '--timeout=90s')).toContain('successfully rolled out');
    const running = clusterProcesses(cluster);
    const pods = new Set(running.map(({ namespaces }) => namespaces.find((name) => name.startsWith('net:'))));
    expect(pods.size).toBeGreaterThan(100);
    cluster.run('delete', 'deployment', 'many');
    await eventually('all pods are gone', () => cluster.run('get', 'pods', '-o', 'name') === '', 60_000);
    cluster.apply(POD);
    cluster.run('wait', '--for=condition=Ready', 'pod/left', '--timeout=30s');
    running.push(...clusterProcesses(cluster));
    // What the comparison can see at all.
    const during = hostState(cluster);
    for (const part of [
      'mounts',
      'namespaces',
      'links',
      'addresses',
      'routes',
      'ruleset',
      'cgroups',
      'sockets',
      'sysctls',
      'processes',
      'files',
    ] as const) {
      expect([part, during[part]]).not.toEqual([part, before[part]]);
    }
    await cluster.kill('SIGTERM');
    expect(hostState(cluster)).toEqual(before);
    expect(survivors(running)).toEqual([]);
    down('--purge');
    expect(existsSync(cluster.dataDir)).toBe(false);
    expect(hostState(cluster)).toEqual(before);
  }, 240_000);

  it('after a crash and down, on a host that takes no redirects and forwards on one interface', async () => {
    cluster.host('sysctl', ['-w', 'net.ipv4.conf.all.accept_redirects=0', 'net.ipv4.conf.peer0.forwarding=1']);
    before = hostState(cluster);
    await cluster.restart();
    cluster.apply(POD);
    cluster.run('wait', '--for=condition=Ready', 'pod/left', '--timeout=30s');
    const running = clusterProcesses(cluster);
    await cluster.kill('SIGKILL');
    expect(survivors(running).length).toBeGreaterThan(0);
    down();
    expect(hostState(cluster)).toEqual(before);
    expect(survivors(running)).toEqual([]);
  });

  it('after a cluster without nft, stopped and crashed', async () => {
    await cluster.stop();
    cluster = prepareCluster([], { hidden: ['/usr/sbin/nft'] });
    await settled(cluster);
    before = hostState(cluster);
    await cluster.restart();
    cluster.run('create', 'service', 'nodeport', 'web', '--tcp=80:8080');
    await cluster.kill('SIGTERM');
    expect(hostState(cluster)).toEqual(before);
    await cluster.restart();
    cluster.apply(POD);
    cluster.run('wait', '--for=condition=Ready', 'pod/left', '--timeout=30s');
    await cluster.kill('SIGKILL');
    down();
    expect(hostState(cluster)).toEqual(before);
  });

  /** A file that the start writes, as the sign that it has come so far. */
  const folder = (...names: string[]): string => join(cluster.dataDir, ...names);
  const below = (path: string, depth: string[]): boolean => {
    if (depth.length === 0) return existsSync(path);
    const [name, ...rest] = depth;
    const names = name === '*' ? (existsSync(path) ? readdirSync(path) : []) : [name!];
    return names.some((one) => below(join(path, one), rest));
  };
  const networkId = (): string => cluster.host('readlink', ['/proc/self/ns/net']).stdout.replace(/\D/g, '');
  const points: [string, () => () => boolean][] = [
    ['its settings', () => () => existsSync(folder('settings.json'))],
    ['its kubeconfig', () => () => existsSync(folder('admin.kubeconfig'))],
    ['its bridge', () => () => cluster.host('ip', ['link', 'show', `nocher-${clusterId(cluster)}`]).code === 0],
    [
      'forwarding',
      () => {
        const sign = join('/run/nocher/forwarding', networkId(), 'clusters', clusterId(cluster));
        return () => existsSync(sign);
      },
    ],
    ['the DNS process', () => () => existsSync(folder('log', 'dns.log'))],
    ['its rules', () => () => cluster.host('nft', ['list', 'table', 'ip', `nocher-${clusterId(cluster)}`]).code === 0],
    ['the first pod', () => () => below(cluster.dataDir, ['sandboxes', '*', 'sandbox.json'])],
    ['the first container', () => () => below(cluster.dataDir, ['sandboxes', '*', 'c', '*', 'container.json'])],
  ];

  it.each(points)('after a start that was killed when it had %s', async (_, signOf) => {
    const isThere = signOf();
    const up = begin(process.execPath, [...cluster.upArguments, '--demo']);
    const deadlineMs = Date.now() + 30_000;
    while (!isThere()) {
      if (up.exitCode !== null || Date.now() > deadlineMs)
        throw new Error(`the start did not get there: ${up.printed()}`);
      await new Promise((resolve) => setImmediate(resolve));
    }
    const running = clusterProcesses(cluster);
    await end(up, 'SIGKILL');
    running.push(...clusterProcesses(cluster));
    down();
    expect(hostState(cluster)).toEqual(before);
    expect(survivors(running)).toEqual([]);
  });

  /** What a start cannot cope with, and what it had by then: the API server; the bridge and the switch as well. */
  const obstacles: [string, () => void, RegExp][] = [
    ['its pods had no place', () => writeFileSync(folder('sandboxes'), ''), /EEXIST/],
    ['its DNS process had no log', () => mkdirSync(folder('log', 'dns.log'), { recursive: true }), /EISDIR/],
  ];

  it.each(obstacles)('after a start that failed because %s', async (_, obstruct, reason) => {
    obstruct();
    const up = begin(process.execPath, [...cluster.upArguments]);
    await eventually('the start fails', () => up.exitCode !== null, 45_000);
    expect([up.exitCode, up.printed()]).toEqual([1, expect.stringMatching(reason)]);
    down('--purge');
    expect(hostState(cluster)).toEqual(before);
  });

  it('after a start that was refused because the port of the kubelet is taken on another address', async () => {
    const taken = begin(process.execPath, [
      '-e',
      'require("net").createServer().listen(0, "192.0.2.10", function () { console.log(this.address().port) })',
    ]);
    const port = await eventually('somebody listens', () => /^\d+$/m.exec(taken.printed())?.[0]);
    const up = begin(process.execPath, [...cluster.upArguments, '--kubelet-port', port]);
    await eventually('the start fails', () => up.exitCode !== null, 45_000);
    expect(up.exitCode).toBe(1);
    expect(up.printed()).toContain(
      `nocher: --kubelet-port: port ${port} on 0.0.0.0 is in use; choose another, or 0 for any free one\n`,
    );
    await end(taken, 'SIGKILL');
    down();
    expect(hostState(cluster)).toEqual(before);
  });

  it('after a start without DNS, whose port was taken; it comes when the port is free', async () => {
    const taken = begin(process.execPath, [
      '-e',
      'require("dgram").createSocket("udp4").bind(53, "0.0.0.0", () => console.log("listens"))',
    ]);
    await eventually('somebody listens', () => taken.printed() !== '');
    const up = begin(process.execPath, [...cluster.upArguments]);
    await eventually('it is ready', () => existsSync(folder('run', 'ready.json')), 45_000);
    const status = (): string =>
      cluster.host(process.execPath, [cluster.upArguments[0]!, 'status', '--data-dir', cluster.dataDir]).stdout;
    await eventually('it says that there is no DNS', () => /DNS.*10\.244\.0\.1 does not answer/.test(status()));
    await end(taken, 'SIGKILL');
    await eventually('DNS answers', () => !status().includes('does not answer'));
    await end(up, 'SIGTERM');
    expect(hostState(cluster)).toEqual(before);
  });

  it('after a start whose rules failed in the middle', async () => {
    // The first transaction succeeds, every later one fails: also those that would remove the rules.
    mkdirSync(folder('bin'));
    writeFileSync(
      folder('bin', 'nft'),
      `#!/bin/sh\n[ "$1" != -f ] || [ ! -e ${folder('bin', 'used')} ] || exit 1\n[ "$1" != -f ] || : >${folder('bin', 'used')}\nexec /usr/sbin/nft "$@"\n`,
    );
    chmodSync(folder('bin', 'nft'), 0o755);
    const up = begin('env', [`PATH=${folder('bin')}:${process.env['PATH']}`, process.execPath, ...cluster.upArguments]);
    await eventually('the first rules are there', () => existsSync(folder('bin', 'used')));
    await eventually('it is ready', () => existsSync(folder('run', 'ready.json')));
    await end(up, 'SIGTERM');
    down();
    expect(hostState(cluster)).toEqual(before);
  });
});
