/** What survives a crash. Needs root. */
import { describe, expect, it } from '@jest/globals';
import type { Cluster } from './harness.ts';
import { eventually, isRoot, startCluster } from './harness.ts';

const suite = isRoot ? describe : describe.skip;

const bootId = (cluster: Cluster, pod: string): string =>
  cluster.run('exec', pod, '--', 'sh', '-c', 'cat /proc/1/stat | cut -d" " -f22');

function manifest(name: string): string {
  return `apiVersion: v1\nkind: Pod\nmetadata: {name: ${name}}\nspec: {containers: [{name: c, image: "nocher.local/hello:1"}]}\n`;
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
});
