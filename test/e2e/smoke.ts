/** What works on every host that the README names: a cluster's short life, from its start to nothing left of it. */
import { expect } from '@jest/globals';
import type { Cluster } from './harness.ts';
import { eventually } from './harness.ts';
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

/** Lines that say that something went wrong in Node or in us, whatever else is printed. */
const COMPLAINTS = /^(\(node:\d+\).*|.*(?:Warning:|Error:).*| {4}at .*)$/gm;

/** A Deployment and its Service: rolled out, and taken away again; what each pod lets one see in between. */
export async function smokeOfPods(cluster: Cluster): Promise<void> {
  cluster.apply(MANIFEST);
  expect(cluster.run('rollout', 'status', 'deployment/smoke', '--timeout=60s')).toContain('successfully rolled out');
  expect(cluster.run('logs', 'deployment/smoke')).toContain('listening');
  expect(cluster.run('exec', 'deployment/smoke', '--', 'echo', 'hi')).toBe('hi\n');
  const service = JSON.parse(cluster.run('get', 'service', 'smoke', '-o', 'json'));
  for (const address of [service.spec.clusterIP, `127.0.0.1:${service.spec.ports[0].nodePort}`]) {
    await eventually(`${address} answers`, () => ask(cluster, address).includes('pod: smoke-'));
  }
  const find = ['exec', 'deployment/smoke', '--', 'getent', 'hosts', 'smoke'];
  expect(cluster.run(...find)).toContain(`${service.spec.clusterIP} `);
  cluster.run('delete', 'deployment/smoke', 'service/smoke');
  await eventually('the pods are gone', () => cluster.run('get', 'pods', '-o', 'name') === '');
}

/** The same where pods only pretend to run. */
export async function smokeOfSimulation(cluster: Cluster): Promise<void> {
  cluster.apply(MANIFEST);
  expect(cluster.run('rollout', 'status', 'deployment/smoke', '--timeout=60s')).toContain('successfully rolled out');
  expect(cluster.kubectl(['logs', 'deployment/smoke']).stderr).toContain('its pods are simulated');
  cluster.run('delete', 'deployment/smoke', 'service/smoke');
  await eventually('the pods are gone', () => cluster.run('get', 'pods', '-o', 'name') === '');
}

const ask = (cluster: Cluster, address: string): string =>
  cluster.host('curl', ['-s', '--noproxy', '*', '--max-time', '3', `http://${address}`]).stdout;

/** Of a cluster that was not started yet; it is stopped afterwards, and nothing of it is left on the machine. */
export async function smoke(cluster: Cluster, ofPods = smokeOfPods): Promise<void> {
  // As most machines have: without it the host itself has no way to a ClusterIP.
  cluster.host('ip', ['route', 'add', 'default', 'via', '192.0.2.1']);
  await settled(cluster);
  const before = hostState(cluster);
  await cluster.restart();
  await ofPods(cluster);
  const { code, stdout } = cluster.nocher(['status']);
  expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining('API server') });
  await cluster.kill('SIGTERM');
  expect(cluster.output().match(COMPLAINTS) ?? []).toEqual([]);
  expect(cluster.nocher(['down', '--purge'])).toMatchObject({ code: 0, stderr: '' });
  expect(hostState(cluster)).toEqual(before);
}
