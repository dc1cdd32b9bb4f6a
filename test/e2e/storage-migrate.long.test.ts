/** `nocher storage migrate --to etcd`: what clients see of a move, and what is refused. Needs root. */
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { installedEtcd, startEtcd } from '../etcd-process.ts';
import type { EtcdProcess } from '../etcd-process.ts';
import type { Cluster, CommandResult } from './harness.ts';
import { isRoot, prepareCluster } from './harness.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const onOtherStore = process.env['NOCHER_TEST_STORAGE'] !== undefined;
const suite = isRoot && installedEtcd() !== undefined && !onOtherStore ? describe : describe.skip;

suite('moving a cluster from lmdb to etcd', () => {
  let cluster: Cluster;
  let etcd: EtcdProcess;
  const nocher = (...args: string[]): CommandResult =>
    cluster.host(process.execPath, [join(root, 'bin/nocher'), ...args, '--data-dir', cluster.dataDir]);
  const migrate = (...args: string[]): CommandResult =>
    nocher('storage', 'migrate', '--to', 'etcd', '--etcd-endpoints', etcd.endpoint, ...args);

  beforeAll(async () => {
    cluster = prepareCluster();
    etcd = await startEtcd({ enter: cluster.enter });
    await cluster.restart(['--runtime', 'simulated']);
  });
  afterAll(async () => {
    await cluster?.stop();
    await etcd?.stop();
  });

  it('is refused while it runs, and a second server on lmdb is told of it', () => {
    expect(migrate()).toMatchObject({ code: 1 });
    expect(migrate().stderr).toMatch(/^nocher: the cluster on .* is running \(pid \d+\); stop it first/);
    const second = nocher('up');
    expect(second.code).toBe(1);
    expect(second.stderr).toContain('several servers of one cluster need etcd: nocher storage migrate --to etcd');
  });

  it('is refused into an etcd that holds something', async () => {
    await cluster.kill('SIGTERM');
    const script = `import { Etcd3 } from 'etcd3';
      const etcd = new Etcd3({ hosts: '${etcd.endpoint}' });
      await etcd.put('/registry/pods/default/other').value('x'); await etcd.delete().key('/elsewhere').exec();`;
    const filled = cluster.host(process.execPath, ['--input-type=module', '-e', `${script} etcd.close();`]);
    expect(filled.stderr).toBe('');
    const refused = migrate();
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('nocher: the new store is not empty: it has /registry/pods/default/other');
    const emptied = `import { Etcd3 } from 'etcd3';
      const etcd = new Etcd3({ hosts: '${etcd.endpoint}' }); await etcd.delete().all(); etcd.close();`;
    spawnSync(cluster.enter[0]!, [...cluster.enter.slice(1), process.execPath, '--input-type=module', '-e', emptied]);
  });

  it('keeps every object, and revisions that only grow: an old one is told to list again', async () => {
    await cluster.restart(['--runtime', 'simulated']);
    cluster.run('create', 'deployment', 'web', '--image=web', '--replicas=2');
    cluster.run('expose', 'deployment', 'web', '--port=80', '--type=NodePort');
    cluster.run('rollout', 'status', 'deployment/web', '--timeout=30s');
    const shown = (): string =>
      cluster.run('get', 'deployments,services,pods,secrets,clusterroles', '-A', '-o', 'name');
    const before = { objects: shown(), revision: revisionOf(cluster), uid: uidOf(cluster) };
    await cluster.kill('SIGTERM');
    const moved = migrate();
    expect(moved.stderr).toContain('writing the objects to etcd\n');
    expect(moved.stdout).toMatch(
      /^moved \d+ objects to etcd in .* the cluster starts on it with: nocher up --data-dir /,
    );
    // The store is remembered.
    await cluster.restart(['--runtime', 'simulated']);
    expect(shown()).toBe(before.objects);
    expect(uidOf(cluster)).toBe(before.uid);
    expect(revisionOf(cluster)).toBeGreaterThan(before.revision);
    expect(nocher('status').stdout).toMatch(/storage +ok +etcd, revision \d+\n/);
    const old = `/api/v1/pods?watch=true&resourceVersion=${before.revision}&timeoutSeconds=1`;
    const { stdout, stderr } = cluster.kubectl(['get', '--raw', old]);
    expect(stdout + stderr).toContain('too old resource version');
    // What Services have is known to the new store.
    const port = cluster.run('get', 'service', 'web', '-o', 'jsonpath={.spec.ports[0].nodePort}');
    const twice = cluster.kubectl(['create', 'service', 'nodeport', 'twice', '--tcp=80', `--node-port=${port}`]);
    expect(twice.stderr).toContain('provided port is already allocated');
  });

  it('is not undone by a start on another store', async () => {
    await cluster.kill('SIGTERM');
    const start = nocher('up', '--storage', 'lmdb');
    expect(start.stderr).toContain(
      `--storage lmdb: the cluster in ${cluster.dataDir} is stored in etcd (${etcd.endpoint})`,
    );
    expect(migrate().stderr).toContain('is in etcd already');
  });
});

suite('a folder with a cluster on lmdb', () => {
  it('is not started on an etcd that knows nothing of it', async () => {
    const cluster = prepareCluster();
    try {
      await cluster.restart(['--runtime', 'none']);
      await cluster.kill('SIGTERM');
      const args = ['--storage', 'etcd', '--etcd-endpoints', 'http://127.0.0.1:1', '--data-dir', cluster.dataDir];
      const { code, stderr } = cluster.host(process.execPath, [join(root, 'bin/nocher'), 'up', ...args]);
      expect(code).toBe(1);
      expect(stderr).toContain(
        'is stored in lmdb; move it with: nocher storage migrate --to etcd --etcd-endpoints URL',
      );
    } finally {
      await cluster.stop();
    }
  });
});

const revisionOf = (cluster: Cluster): number =>
  Number(cluster.run('get', '--raw', '/api/v1/pods?limit=1').match(/"resourceVersion":"(\d+)"/)![1]);

const uidOf = (cluster: Cluster): string =>
  cluster.run('get', 'namespace', 'default', '-o', 'jsonpath={.metadata.uid}');
