/** What works on every host that the README names: a cluster's short life, from its start to nothing left of it. */
import { expect } from '@jest/globals';
import { loadBusybox } from './busybox-image.ts';
import type { Cluster } from './harness.ts';
import { eventually } from './harness.ts';
import type { HostState } from './host-state.ts';
import { hostState, settled } from './host-state.ts';

const MANIFEST = `apiVersion: apps/v1
kind: Deployment
metadata: {name: smoke}
spec:
  replicas: 2
  selector: {matchLabels: {app: smoke}}
  template:
    metadata: {labels: {app: smoke}}
    spec:
      containers:
        - name: c
          image: nocher.local/hello:1
          env: [{name: PORT, value: '8080'}]
          resources: {limits: {cpu: 500m, memory: 64Mi}}
          readinessProbe: {httpGet: {path: /healthz, port: 8080}, periodSeconds: 1}
---
apiVersion: v1
kind: Service
metadata: {name: smoke}
spec:
  type: NodePort
  selector: {app: smoke}
  ports: [{port: 80, targetPort: 8080}]
`;

/** Asks from inside: its packets are forwarded where the host's own are not. */
const CLIENT = `apiVersion: v1
kind: Pod
metadata: {name: client}
spec:
  terminationGracePeriodSeconds: 0
  containers: [{name: c, image: 'nocher.test/busybox:1', command: [sleep, infinity]}]
`;

/** Lines that say that something went wrong in Node or in us, whatever else is printed. */
const COMPLAINTS = /^(\(node:\d+\).*|.*(?:Warning:|Error:).*| {4}at .*)$/gm;

/** A Deployment and its Service: rolled out, looked at from all sides (`further`: while they run), taken away again. */
export async function smokeOfPods(cluster: Cluster, further?: () => Promise<unknown>): Promise<void> {
  await loadBusybox(cluster);
  cluster.apply(`${MANIFEST}---\n${CLIENT}`);
  expect(cluster.run('rollout', 'status', 'deployment/smoke', '--timeout=60s')).toContain('successfully rolled out');
  expect(cluster.run('logs', 'deployment/smoke')).toContain('listening');
  expect(cluster.run('exec', 'deployment/smoke', '--', 'echo', 'hi')).toBe('hi\n');
  const service = JSON.parse(cluster.run('get', 'service', 'smoke', '-o', 'json'));
  for (const address of [service.spec.clusterIP, `127.0.0.1:${service.spec.ports[0].nodePort}`]) {
    await eventually(`${address} answers`, () => ask(cluster, address).includes('pod: smoke-'));
  }
  cluster.run('wait', '--for=condition=Ready', 'pod/client', '--timeout=30s');
  await eventually('a pod reaches the Service by its name', () => fetchInPod(cluster, 'smoke').includes('pod: smoke-'));
  await further?.();
  cluster.run('delete', 'deployment/smoke', 'service/smoke', 'pod/client');
  await eventually('the pods are gone', () => cluster.run('get', 'pods', '-o', 'name') === '');
}

/** The same where pods only pretend to run. */
export async function smokeOfSimulation(cluster: Cluster): Promise<void> {
  cluster.apply(MANIFEST);
  expect(cluster.run('rollout', 'status', 'deployment/smoke', '--timeout=60s')).toContain('successfully rolled out');
  const runtime = ['get', 'nodes', '-o', 'jsonpath={.items[*].status.nodeInfo.containerRuntimeVersion}'];
  expect(cluster.run(...runtime)).toMatch(/^simulated:/);
  cluster.run('delete', 'deployment/smoke', 'service/smoke');
  await eventually('the pods are gone', () => cluster.run('get', 'pods', '-o', 'name') === '');
}

/** What a pod gets from there; '' when nothing. */
export const fetchInPod = (cluster: Cluster, address: string): string =>
  cluster.kubectl(['exec', 'client', '--', 'timeout', '5', 'wget', '-qO-', `http://${address}`]).stdout;

const ask = (cluster: Cluster, address: string): string =>
  cluster.host('curl', ['-s', '--noproxy', '*', '--max-time', '3', `http://${address}`]).stdout;

/** As most machines have: without it the host itself has no way to a ClusterIP. */
export function addDefaultRoute(cluster: Cluster): void {
  cluster.host('ip', ['route', 'add', 'default', 'via', '192.0.2.1']);
}

export interface SmokeOptions {
  /** What is done between start and stop. */
  steps?(cluster: Cluster): Promise<void>;
  /** Parts of the machine's state that others change meanwhile. */
  ignored?: readonly (keyof HostState)[];
}

/** Of a cluster that was not started yet; it is stopped afterwards, and nothing of it is left on the machine. */
export async function smoke(cluster: Cluster, { steps = smokeOfPods, ignored = [] }: SmokeOptions = {}): Promise<void> {
  addDefaultRoute(cluster);
  await settled(cluster);
  const look = (): object => {
    const state = hostState(cluster);
    const ruleset = state.ruleset.map((line) => line.replace(/packets \d+ bytes \d+/, 'packets'));
    return { ...state, ruleset, ...Object.fromEntries(ignored.map((part) => [part, []])) };
  };
  const before = look();
  await cluster.restart();
  await steps(cluster);
  const { code, stdout } = cluster.nocher(['status']);
  expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining('API server') });
  await cluster.kill('SIGTERM');
  expect(cluster.output().match(COMPLAINTS) ?? []).toEqual([]);
  expect(cluster.nocher(['down', '--purge'])).toMatchObject({ code: 0, stderr: '' });
  expect(look()).toEqual(before);
}
