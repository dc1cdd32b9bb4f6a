/** What survives a crash, and what `down` leaves behind: nothing. Needs root. */
import { describe, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Cluster } from './harness.ts';
import { eventually, isRoot, startCluster } from './harness.ts';

const suite = isRoot ? describe : describe.skip;

const bootId = (cluster: Cluster, pod: string): string => cluster.run('exec', pod, '--', 'sh', '-c', 'cat /proc/1/stat | cut -d" " -f22');

function manifest(name: string): string {
  return `apiVersion: v1\nkind: Pod\nmetadata: {name: ${name}}\nspec: {containers: [{name: c, image: "nocher.local/hello:1"}]}\n`;
}

/** What a cluster could leave on this machine, by its names. */
function traces(cluster: Cluster): string[] {
  const found: string[] = [];
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n').filter((line) => line.includes(cluster.dataDir));
  found.push(...mounts.map((line) => `mount ${line}`));
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const command = readFileSync(join('/proc', pid, 'cmdline'), 'utf8').replaceAll('\0', ' ');
      if (command.includes(cluster.dataDir) && !command.includes('jest')) found.push(`process ${pid} ${command}`);
    } catch {
      // It ended while we looked.
    }
  }
  for (const line of cluster.host('ip', ['-o', 'link']).stdout.split('\n')) if (/nocher-|veth/.test(line) && !/eth0|peer0/.test(line)) found.push(`link ${line}`);
  found.push(...cluster.host('nft', ['list', 'tables']).stdout.split('\n').filter((line) => line.includes('nocher-')));
  return found;
}

suite('recovery', () => {
  it('finds every acknowledged object and running pods again after kill -9', async () => {
    const cluster = await startCluster();
    try {
      cluster.apply(manifest('survivor'));
      cluster.run('wait', '--for=condition=Ready', 'pod/survivor', '--timeout=30s');
      const before = bootId(cluster, 'survivor');
      cluster.run('create', 'configmap', 'acknowledged', '--from-literal=a=1');
      await cluster.kill('SIGKILL');
      await cluster.restart();
      expect(cluster.run('get', 'configmap', 'acknowledged', '-o', 'jsonpath={.data.a}')).toBe('1');
      await eventually('the pod is Ready', () => cluster.kubectl(['wait', '--for=condition=Ready', 'pod/survivor', '--timeout=1s']).code === 0);
      expect(bootId(cluster, 'survivor')).toBe(before);
      expect(cluster.run('get', 'pod', 'survivor', '-o', 'jsonpath={.status.containerStatuses[0].restartCount}')).toBe('0');
      expect(cluster.run('logs', 'survivor')).toContain('listening');
    } finally {
      await cluster.stop();
    }
  });

  it('starts and deletes a hundred pods, and leaves nothing behind', async () => {
    const cluster = await startCluster(['--storage', 'memory']);
    try {
      cluster.run('create', 'deployment', 'many', '--image=nocher.local/hello:1', '--replicas=100');
      expect(cluster.run('rollout', 'status', 'deployment/many', '--timeout=90s')).toContain('successfully rolled out');
      cluster.run('delete', 'deployment', 'many');
      await eventually('all pods are gone', () => cluster.run('get', 'pods', '-o', 'name') === '', 60_000);
      cluster.apply(manifest('left'));
      cluster.run('wait', '--for=condition=Ready', 'pod/left', '--timeout=30s');
      await cluster.kill('SIGTERM');
      expect(traces(cluster)).toEqual([]);
      const cgroups = spawnSync('find', ['/sys/fs/cgroup', '-maxdepth', '2', '-name', 'nocher-*', '-newer', cluster.dataDir], { encoding: 'utf8' }).stdout;
      expect(cgroups.split('\n').filter((line) => line.includes(cgroupOf(cluster)))).toEqual([]);
    } finally {
      await cluster.stop();
    }
  });

  it('cleans up with down after a crash', async () => {
    const cluster = await startCluster();
    try {
      cluster.apply(manifest('orphan'));
      cluster.run('wait', '--for=condition=Ready', 'pod/orphan', '--timeout=30s');
      await cluster.kill('SIGKILL');
      expect(traces(cluster).some((trace) => trace.startsWith('process'))).toBe(true);
      expect(cluster.host(process.execPath, [join(process.cwd(), 'bin/nocher'), 'down', '--data-dir', cluster.dataDir]).code).toBe(0);
      expect(traces(cluster)).toEqual([]);
    } finally {
      await cluster.stop();
    }
  });
});

/** Named by the data folder, as the links are. */
function cgroupOf(cluster: Cluster): string {
  return `nocher-${spawnSync('sh', ['-c', `printf %s ${cluster.dataDir} | sha256sum | cut -c1-8`], { encoding: 'utf8' }).stdout.trim()}`;
}
