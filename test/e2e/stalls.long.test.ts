/** A cluster that stands still for longer than every grace there is, and goes on. Needs root. */
import { describe, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { isRoot, startCluster } from './harness.ts';
import { clusterProcesses } from './host-state.ts';

const suite = isRoot ? describe : describe.skip;

const POD = `apiVersion: v1
kind: Pod
metadata: {name: patient}
spec:
  containers:
    - name: c
      image: nocher.local/hello:1
      readinessProbe: {httpGet: {port: 8080}, periodSeconds: 1, failureThreshold: 1}
      livenessProbe: {exec: {command: ['true']}, periodSeconds: 1, failureThreshold: 1}
`;
/** A node that has been silent for 50 s is not known to be alive. */
const STALL_MS = 60_000;
/** Every probe and controller has had its turn. */
const AFTER_MS = 12_000;

suite('a cluster that stood still for a minute', () => {
  it('goes on as if nothing had been', async () => {
    const cluster = await startCluster();
    try {
      cluster.apply(POD);
      cluster.run('wait', '--for=condition=Ready', 'pod/patient', '--timeout=30s');
      const conditions = (object: string): string =>
        cluster.run(
          'get',
          object,
          '-o',
          'jsonpath={range .status.conditions[*]}{.type} {.status} {.lastTransitionTime}{"\\n"}{end}',
        );
      const before = [conditions('node/node-1'), conditions('pod/patient')];
      const stopped = clusterProcesses(cluster).filter(({ command }) => /\bnode\b.*\bup\b|dns\.mjs/.test(command));
      expect(stopped.length).toBeGreaterThan(0);
      for (const { pid } of stopped) process.kill(Number(pid), 'SIGSTOP');
      await sleep(STALL_MS);
      for (const { pid } of stopped) process.kill(Number(pid), 'SIGCONT');
      await sleep(AFTER_MS);
      expect([conditions('node/node-1'), conditions('pod/patient')]).toEqual(before);
      const restarts = 'jsonpath={.status.containerStatuses[0].restartCount}';
      expect(cluster.run('get', 'pod', 'patient', '-o', restarts)).toBe('0');
      const events = cluster.run('get', 'events', '-A', '-o', 'jsonpath={.items[*].reason}').split(' ');
      expect(events).not.toContain('Unhealthy');
      expect(events).not.toContain('NodeNotReady');
    } finally {
      await cluster.stop();
    }
  }, 150_000);
});
