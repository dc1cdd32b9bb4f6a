/** `kill -9` of the whole cluster's process, again and again, in the middle of rollouts. Needs root. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster, Json } from './harness.ts';
import { eventually, isRoot, prepareCluster } from './harness.ts';
import type { HostState } from './host-state.ts';
import { clusterProcesses, hostState, settled } from './host-state.ts';

const suite = isRoot ? describe : describe.skip;

const REPLICAS = 3;
/** After the change that begins a rollout; each lasts about as long as the longest of them. */
const DELAYS_MS = [0, 20, 40, 70, 100, 150, 200, 300, 400, 550, 700, 900, 1_200];

const OTHER = `apiVersion: v1
kind: Pod
metadata: {name: other}
spec:
  containers:
    - name: c
      image: nocher.local/hello:1
      livenessProbe: {httpGet: {port: 8080}, periodSeconds: 1, failureThreshold: 1}
`;
const WEB = (version: number): string => `apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: ${REPLICAS}
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: c
          image: nocher.local/hello:1
          env: [{name: V, value: "${version}"}]
          readinessProbe: {httpGet: {port: 8080}, periodSeconds: 1}
          volumeMounts: [{name: memory, mountPath: /memory}]
      volumes: [{name: memory, emptyDir: {medium: Memory}}]
`;

suite('kill -9 in the middle of rollouts', () => {
  let cluster: Cluster;
  let before: HostState;
  let other: Json;

  beforeAll(async () => {
    cluster = prepareCluster();
    await settled(cluster);
    before = hostState(cluster);
    await cluster.restart();
    cluster.apply(OTHER);
    cluster.apply(WEB(0));
    cluster.run('wait', '--for=condition=Ready', 'pod/other', '--timeout=30s');
    cluster.run('rollout', 'status', 'deployment/web', '--timeout=30s');
    other = get('pod', 'other').status;
  }, 90_000);
  afterAll(async () => {
    await cluster.stop();
  }, 60_000);

  const get = (...args: string[]): Json => JSON.parse(cluster.run('get', ...args, '-o', 'json')) as Json;

  /** UIDs of the pods that have something on the machine. */
  const uidsOnNode = (): string[] => {
    const names = (folder: string): string[] => readdirSync(join(cluster.dataDir, folder));
    const sandboxes = names('sandboxes').map((id) => {
      const record = readFileSync(join(cluster.dataDir, 'sandboxes', id, 'sandbox.json'), 'utf8');
      return (JSON.parse(record) as Json).config.metadata.uid as string;
    });
    const folders = [...names('pods'), ...names('pods/.memory')].filter((name) => !name.startsWith('.'));
    const logs = names('logs').map((name) => name.slice(name.lastIndexOf('_') + 1));
    return [...new Set([...sandboxes, ...folders, ...logs])].sort();
  };

  it.each(DELAYS_MS.map((delayMs, i) => [delayMs, i + 1]))(
    '%d ms after its change, a rollout still ends, with nothing left of it and other pods alone',
    async (delayMs, version) => {
      cluster.apply(WEB(version));
      await sleep(delayMs);
      await cluster.kill('SIGKILL');
      await cluster.restart();
      cluster.run('rollout', 'status', 'deployment/web', '--timeout=60s');
      await eventually('only its pods are there', () => get('pods', '-l', 'app=web').items.length === REPLICAS);
      const pods = get('pods').items as Json[];
      await eventually('nothing is left of others', () => {
        const wanted = pods.map(({ metadata }) => metadata.uid as string).sort();
        return JSON.stringify(uidsOnNode()) === JSON.stringify(wanted);
      });
      for (const { metadata, spec, status } of pods.filter((pod) => pod.metadata.name !== 'other')) {
        expect(spec.containers[0].env).toEqual([{ name: 'V', value: String(version) }]);
        expect([metadata.name, status.containerStatuses[0].restartCount]).toEqual([metadata.name, 0]);
      }
      expect(get('pod', 'other').status).toEqual(other);
      // Each with a monitor, a pause and a server.
      const ofPods = clusterProcesses(cluster).filter(({ command }) => !/\bnode\b| spawner\b/.test(command));
      expect(ofPods).toHaveLength(3 * (REPLICAS + 1));
    },
    60_000,
  );

  it('leaves nothing in the end', async () => {
    await cluster.kill('SIGTERM');
    expect(hostState(cluster)).toEqual(before);
  }, 30_000);
});
