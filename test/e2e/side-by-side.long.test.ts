/** Clusters with different data folders on one machine, and pods that outlive a start. Needs root. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Cluster, CommandResult, Json } from './harness.ts';
import { eventually, isRoot, startCluster } from './harness.ts';

const nocher = join(dirname(fileURLToPath(import.meta.url)), '../../bin/nocher');
const suite = isRoot ? describe : describe.skip;

suite('two clusters on one machine', () => {
  let first: Cluster;
  let folder: string;
  beforeAll(async () => {
    first = await startCluster(['--demo']);
    folder = join(mkdtempSync(join(tmpdir(), 'nocher-e2e-')), 'second');
  });
  afterAll(async () => {
    if (first !== undefined) call('down', '--purge', '--data-dir', folder);
    await first?.stop();
    rmSync(dirname(folder), { recursive: true, force: true });
  });

  const call = (...args: string[]): CommandResult => first.host(process.execPath, [nocher, ...args]);
  const second = (...args: string[]): CommandResult =>
    first.host('env', [`KUBECONFIG=${join(folder, 'admin.kubeconfig')}`, first.kubectlPath(), ...args]);
  const statusOf = (dataDir: string): Json => JSON.parse(call('status', '-o', 'json', '--data-dir', dataDir).stdout);

  it('the second takes what is free', () => {
    const { code, stdout } = call('up', '-d', '--demo', '--data-dir', folder);
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
    expect(second('get', 'nodes', '-o', 'jsonpath={.items[*].spec.podCIDR}').stdout).toBe('10.245.0.0/24');
    expect([first.dataDir, folder].map((dataDir) => statusOf(dataDir).healthy)).toEqual([true, true]);
  });

  it('each answers for its own Services', () => {
    first.run('create', 'service', 'clusterip', 'only-first', '--tcp=80');
    expect(second('create', 'service', 'clusterip', 'only-second', '--tcp=80').code).toBe(0);
    const look = [
      '-n',
      'hello',
      'exec',
      'deployment/hello',
      '--',
      'sh',
      '-c',
      'for name in only-first only-second; do getent hosts $name.default >/dev/null && echo $name; done; true',
    ];
    expect(first.run(...look)).toBe('only-first\n');
    expect(second(...look).stdout).toBe('only-second\n');
  });

  it('the end of one leaves the other alone', () => {
    expect(call('down', '--purge', '--data-dir', folder)).toMatchObject({
      code: 0,
      stdout: 'stopped; its data is deleted\n',
    });
    expect(statusOf(first.dataDir).healthy).toBe(true);
    const port = first.run('-n', 'hello', 'get', 'service', 'hello', '-o', 'jsonpath={.spec.ports[0].nodePort}');
    expect(first.host('curl', ['-s', `http://127.0.0.1:${port}`]).stdout).toContain('Hello from Nocher');
    expect(first.host('curl', ['-s', `http://192.0.2.10:${port}`]).stdout).toContain('Hello from Nocher');
  });
});

suite('--keep-pods', () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await startCluster(['--keep-pods', '--demo']);
  });
  afterAll(() => cluster?.stop());

  it('leaves the pods running when the cluster stops, and the next start finds them', async () => {
    const pods = cluster.run('-n', 'hello', 'get', 'pods', '-o', 'name');
    const port = cluster.run('-n', 'hello', 'get', 'service', 'hello', '-o', 'jsonpath={.spec.ports[0].nodePort}');
    const ip = cluster.run('-n', 'hello', 'get', 'pods', '-o', 'jsonpath={.items[0].status.podIP}');
    await cluster.kill('SIGTERM');
    expect(cluster.host('curl', ['-s', '--max-time', '5', `http://${ip}:8080`]).stdout).toContain('Hello from Nocher');
    await cluster.restart(['--keep-pods']);
    await eventually('the Service answers', () =>
      cluster.host('curl', ['-s', '--max-time', '2', `http://127.0.0.1:${port}`]).stdout.includes('Hello'),
    );
    expect(cluster.run('-n', 'hello', 'get', 'pods', '-o', 'name')).toBe(pods);
    expect(
      cluster.run('-n', 'hello', 'get', 'pods', '-o', 'jsonpath={.items[*].status.containerStatuses[0].restartCount}'),
    ).toBe('0 0 0');
  });
});
