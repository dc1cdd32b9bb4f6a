/** `nocher status`, and what the command line says to those who are new to it. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Cluster, CommandResult, Json } from './harness.ts';
import { done, eventually, isRoot, startCluster } from './harness.ts';

const nocher = join(dirname(fileURLToPath(import.meta.url)), '../../bin/nocher');

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster(['--simulated-nodes', '6']);
});
afterAll(() => cluster?.stop());

const call = (...args: string[]): CommandResult => cluster.host(process.execPath, [nocher, ...args]);
const status = (...args: string[]): CommandResult => call('status', '--data-dir', cluster.dataDir, ...args);
const lineOf = (text: string, name: string): string => text.split('\n').find((line) => line.startsWith(name)) ?? '';

/** The DNS process of this cluster. */
function dnsPid(): number {
  const found = readdirSync('/proc').find((pid) => {
    try {
      const command = readFileSync(join('/proc', pid, 'cmdline'), 'utf8');
      return /^\d+$/.test(pid) && command.includes('dns.mjs') && command.includes(cluster.dataDir);
    } catch {
      return false;
    }
  });
  return Number(found);
}

describe('nocher status', () => {
  it('says how each part is, and ends with 0 when all are well', () => {
    const { code, stdout } = status();
    expect(code).toBe(0);
    expect(stdout).toMatch(/^running for \d+ s, pid \d+, v1\.36\.\d+\+nocher\.\d+, in /);
    expect(lineOf(stdout, 'API server')).toMatch(/ ok +https:\/\/127\.0\.0\.1:\d+$/);
    expect(lineOf(stdout, 'storage')).toMatch(/ ok +(lmdb, revision \d+, \d+\.\d MiB|etcd, revision \d+)$/);
    expect(lineOf(stdout, 'controllers')).toMatch(/ ok +\d+ running$/);
    expect(lineOf(stdout, 'scheduler')).toMatch(/ ok +running$/);
    expect(lineOf(stdout, isRoot ? '6 nodes' : '7 nodes')).toMatch(/ ok +Ready, simulated, \d+ pods running$/);
    expect(lineOf(stdout, 'pods')).toMatch(/ ok +\d+ of \d+ running$/);
  });

  it('for machines, as JSON', () => {
    const { code, stdout } = status('-o', 'json');
    expect(code).toBe(0);
    const found = JSON.parse(stdout) as Json;
    expect(found).toMatchObject({
      running: true,
      healthy: true,
      dataDir: cluster.dataDir,
      kubeconfig: join(cluster.dataDir, 'admin.kubeconfig'),
    });
    expect(found.nodes.map(({ name }: Json) => name)).toEqual([
      'node-1',
      ...[1, 2, 3, 4, 5, 6].map((n) => `simulated-${n}`),
    ]);
    const parts = ['API server', 'storage', 'controllers', 'scheduler', ...(isRoot ? ['proxy', 'DNS'] : [])];
    expect(found.components.map(({ name, healthy }: Json) => [name, healthy])).toEqual(
      parts.map((name) => [name, true]),
    );
  });

  it('counts pods', async () => {
    cluster.run('create', 'deployment', 'counted', '--image=nocher.local/hello:1', '--replicas=2');
    cluster.run('rollout', 'status', 'deployment/counted', '--timeout=30s');
    expect(JSON.parse(status('-o', 'json').stdout).pods).toEqual({ running: 2, total: 2 });
  });

  (isRoot ? it : it.skip)('names a part that fails, ends with 1, and tells when it is well again', async () => {
    process.kill(dnsPid(), 'SIGKILL');
    const failing = status();
    expect(failing.code).toBe(1);
    expect(failing.stdout).toMatch(/^running, but not well for /);
    expect(lineOf(failing.stdout, 'DNS')).toMatch(/ FAILED +10\.[\d.]+ does not answer: \w+ \(see log\/dns\.log\)$/);
    await eventually('DNS answers again', () => status().code === 0);
  });

  it('does not wait for ever for a cluster that hangs', async () => {
    const { pid } = JSON.parse(status('-o', 'json').stdout) as Json;
    process.kill(pid, 'SIGSTOP');
    try {
      expect(status()).toEqual({
        code: 1,
        stdout: '',
        stderr: `nocher: the cluster on ${cluster.dataDir} does not say how it is (pid ${pid}): no answer within 10 s\n`,
      });
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    await eventually('it is well again', () => status().code === 0);
  });

  it('of a folder where nothing runs', () => {
    const empty = join(cluster.dataDir, 'empty');
    expect(call('status', '--data-dir', empty)).toEqual({
      code: 1,
      stdout: `no cluster is running on ${empty}; start one with: nocher up\n`,
      stderr: '',
    });
    expect(JSON.parse(call('status', '-o', 'json', '--data-dir', empty).stdout)).toEqual({
      running: false,
      healthy: false,
      dataDir: empty,
    });
  });
});

describe('the command line', () => {
  it.each([
    [['bogus'], "unknown command 'bogus' (nocher --help)"],
    [['up', '--bogus'], "unknown option '--bogus' (nocher up --help)"],
    [['up', '--api-port'], "option '--api-port <port>' argument missing (nocher up --help)"],
    [['up', '--bind-address', 'everywhere'], '--bind-address: everywhere is not an IPv4 address'],
    [
      ['up', '--pod-cidr', '10.0.0.0/9', '--service-cidr', '10.96.0.0/16', '--runtime', 'none'],
      '--pod-cidr 10.0.0.0/9 and --service-cidr 10.96.0.0/16 overlap',
    ],
    [
      ['up', '--bind-address', '203.0.113.9', '--runtime', 'none'],
      '--bind-address: 203.0.113.9 is not an address of this machine',
    ],
    [['image', 'load'], "missing required argument 'file' (nocher image load --help)"],
    [['status', '-o', 'yaml'], '--output: yaml is not json'],
    [['kubeconfig'], 'there is no cluster in DATA; start one with: nocher up'],
    [['kubectl', 'get', 'pods'], 'there is no cluster in DATA; start one with: nocher up'],
  ])('refuses %j in one line', (args, expected) => {
    const data = join(cluster.dataDir, 'other');
    const [first = '', ...rest] = args;
    const hasFolder = ['up', 'status', 'kubeconfig', 'kubectl'].includes(first);
    const { code, stdout, stderr } = call(first, ...(hasFolder ? ['--data-dir', data] : []), ...rest);
    expect({ code, stdout, stderr: stderr.replace(/^certificates\n/, '') }).toEqual({
      code: 1,
      stdout: '',
      stderr: `nocher: ${expected.replace('DATA', data)}\n`,
    });
  });

  it('has a version, and help for each command', () => {
    expect(call('--version').stdout).toMatch(/^nocher v1\.36\.\d+\+nocher\.\d+\n$/);
    const commands = ['up', 'down', 'status', 'kubeconfig', 'image'];
    for (const command of commands) {
      expect(call('--help').stdout).toContain(`\n  ${command} `);
      const { code, stdout } = call(command, '--help');
      expect(code).toBe(0);
      expect(stdout).toMatch(new RegExp(`^Usage: nocher ${command} `));
    }
  });

  it('gives kubectl its kubeconfig, its arguments and its exit code', () => {
    const environment = { PATH: `${dirname(cluster.kubectlPath())}:${process.env['PATH']}` };
    const kubectl = (...args: string[]): CommandResult =>
      cluster.host('env', [
        '-u',
        'KUBECONFIG',
        `PATH=${environment.PATH}`,
        process.execPath,
        nocher,
        'kubectl',
        '--data-dir',
        cluster.dataDir,
        ...args,
      ]);
    expect(kubectl('get', '--raw', '/readyz')).toEqual(done('ok'));
    expect(kubectl('get', 'pod', 'nobody')).toEqual({
      code: 1,
      stdout: '',
      stderr: 'Error from server (NotFound): pods "nobody" not found\n',
    });
    expect(kubectl('get', 'nodes', '--help').stdout).toContain('kubectl get');
  });
});
