/** What survives a crash, and a reboot. Needs root. */
import { describe, expect, it } from '@jest/globals';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Cluster } from './harness.ts';
import { eventually, isRoot, prepareCluster, startCluster } from './harness.ts';
import { clusterId, clusterProcesses, hostState, settled } from './host-state.ts';

const suite = isRoot ? describe : describe.skip;

const bootId = (cluster: Cluster, pod: string): string =>
  cluster.run('exec', pod, '--', 'sh', '-c', 'cat /proc/1/stat | cut -d" " -f22');

function manifest(name: string): string {
  return `apiVersion: v1\nkind: Pod\nmetadata: {name: ${name}}\nspec: {containers: [{name: c, image: "nocher.local/hello:1"}]}\n`;
}

const ONCE = `apiVersion: v1
kind: Pod
metadata: {name: once}
spec: {restartPolicy: Never, containers: [{name: c, image: "nocher.local/hello:1"}]}
`;

/** The end of every process and of all that was in memory; what is on the disk stays. */
async function reboot(cluster: Cluster): Promise<void> {
  await cluster.kill('SIGKILL');
  for (const { pid } of clusterProcesses(cluster)) cluster.host('kill', ['-KILL', pid]);
  await eventually('every process has ended', () => clusterProcesses(cluster).length === 0);
  const id = clusterId(cluster);
  const script = `
    grep -o " ${cluster.dataDir}/[^ ]*" /proc/self/mountinfo | tac | xargs -r -n1 umount -l
    find /sys/fs/cgroup -depth -type d -path "*nocher-${id}*" -exec rmdir {} ";"
    nft flush ruleset
    ip link delete nocher-${id}`;
  cluster.host('sh', ['-c', script]);
  const network = cluster.host('readlink', ['/proc/self/ns/net']).stdout.replace(/\D/g, '');
  rmSync(join('/run/nocher/forwarding', network), { recursive: true, force: true });
  cluster.host('sysctl', ['-w', 'net.ipv4.ip_forward=0']);
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
      await eventually(
        'the pod is Ready',
        () => cluster.kubectl(['wait', '--for=condition=Ready', 'pod/survivor', '--timeout=1s']).code === 0,
      );
      expect(bootId(cluster, 'survivor')).toBe(before);
      expect(cluster.run('get', 'pod', 'survivor', '-o', 'jsonpath={.status.containerStatuses[0].restartCount}')).toBe(
        '0',
      );
      expect(cluster.run('logs', 'survivor')).toContain('listening');
    } finally {
      await cluster.stop();
    }
  });

  // Of an etcd or a containerd beside the cluster a reboot would have to take the processes, too.
  const isAlone = process.env['NOCHER_TEST_STORAGE'] === undefined && process.env['NOCHER_TEST_RUNTIME'] === undefined;
  (isAlone ? it : it.skip)(
    'brings pods and Services back after a reboot, ends what runs once, and leaves nothing in the end',
    async () => {
      const cluster = prepareCluster();
      try {
        await settled(cluster);
        cluster.host('ip', ['route', 'add', 'default', 'via', '192.0.2.1']);
        const before = hostState(cluster);
        await cluster.restart();
        cluster.run('create', 'deployment', 'web', '--image=nocher.local/hello:1');
        cluster.run('expose', 'deployment', 'web', '--port=80', '--target-port=8080');
        cluster.apply(ONCE);
        cluster.run('rollout', 'status', 'deployment/web', '--timeout=30s');
        cluster.run('wait', '--for=condition=Ready', 'pod/once', '--timeout=30s');
        const field = (pod: string, path: string): string =>
          cluster.run('get', 'pod', ...pod.split(' '), '-o', `jsonpath={${path}}`);
        const web = '-l app=web';
        const uid = field(web, '.items[*].metadata.uid');
        await reboot(cluster);
        await cluster.restart();
        await eventually('it runs again', () => {
          const [count, ready] = [
            '.items[0].status.containerStatuses[0].restartCount',
            '.items[0].status.containerStatuses[0].ready',
          ].map((path) => field(web, path));
          return count === '1' && ready === 'true';
        });
        expect(field(web, '.items[*].metadata.uid')).toBe(uid);
        expect(field(web, '.items[0].status.containerStatuses[0].lastState.terminated.reason')).toBe('Unknown');
        const ip = cluster.run('get', 'service', 'web', '-o', 'jsonpath={.spec.clusterIP}');
        await eventually(
          'the Service answers',
          () => cluster.host('curl', ['-sf', '-m', '1', `http://${ip}/`]).code === 0,
        );
        await eventually('what ran once has failed', () => field('once', '.status.phase') === 'Failed');
        expect(field('once', '.status.containerStatuses[0].restartCount')).toBe('0');
        await cluster.kill('SIGTERM');
        expect(hostState(cluster)).toEqual(before);
      } finally {
        await cluster.stop();
      }
    },
  );
});
