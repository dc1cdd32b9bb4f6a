/**
 * Rolling updates under a constant load. The app starts slowly and has no `preStop`; nothing here retries. Needs root.
 *
 * What holds by whose doing: no new connection is lost because the node takes a pod out of its Services before it
 * sends SIGTERM. What is on a connection that exists already is the app's part: it answers it after SIGTERM, and says
 * `Connection: close`.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Cluster, ClusterOptions } from './harness.ts';
import { eventually, isRoot, startCluster } from './harness.ts';
import type { LoadReport } from './load.ts';
import { routeToServices, underLoad } from './load.ts';

const suites = isRoot ? describe.each : describe.skip.each;
const RATE = 200;
const UPDATES = 3;

/** As an app that has no handler for it: SIGTERM ends the server in the middle of whatever it does. */
const ABRUPT = 'sleep 2; hello-httpd & trap "kill -9 $!; exit 143" TERM; wait';
const FAIR = 'sleep 2; exec hello-httpd';

function manifest(name: string, command: string): string {
  return `apiVersion: apps/v1
kind: Deployment
metadata: {name: ${name}}
spec:
  replicas: 4
  selector: {matchLabels: {app: ${name}}}
  template:
    metadata: {labels: {app: ${name}}}
    spec:
      containers:
        - name: web
          image: nocher.local/hello:1
          command: [sh, -c, '${command}']
          env: [{name: HELLO_VERSION, value: "0"}]
          readinessProbe: {httpGet: {path: /healthz, port: 8080}, periodSeconds: 1}
---
apiVersion: v1
kind: Service
metadata: {name: ${name}}
spec: {type: NodePort, selector: {app: ${name}}, ports: [{port: 80, targetPort: 8080}]}
`;
}

/** With nft, and where it is missing. */
const PROXIES: [string, ClusterOptions][] = [
  ["the kernel's rules", {}],
  ['a proxy in user space', { hidden: ['/usr/sbin/nft'] }],
];

suites(PROXIES)('rolling updates under load, by %s', (_, options) => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await startCluster([], options);
    routeToServices(cluster);
  }, 60_000);
  afterAll(async () => {
    await cluster?.stop();
  });

  /** By the Service's address, the node's, and the node's loopback, which is served in user space. */
  const urls = (name: string): string[] => {
    const [clusterIp, nodePort] = cluster
      .run('get', 'service', name, '-o', 'jsonpath={.spec.clusterIP} {.spec.ports[0].nodePort}')
      .split(' ');
    return [`http://${clusterIp}:80`, `http://192.0.2.10:${nodePort}`, `http://127.0.0.1:${nodePort}`];
  };

  const loaded = (name: string, during: () => void | Promise<void>): Promise<LoadReport> =>
    underLoad(cluster, { urls: urls(name), perSecond: RATE }, during);

  const rollThreeTimes = (name: string): void => {
    for (let update = 1; update <= UPDATES; update++) {
      cluster.run('set', 'env', `deployment/${name}`, `HELLO_VERSION=${update}`);
      const status = cluster.run('rollout', 'status', `deployment/${name}`, '--timeout=55s');
      expect(status).toContain('successfully rolled out');
    }
  };

  /** Every number of available replicas that a watch saw meanwhile. */
  const availableDuring = async (name: string, during: () => void): Promise<number[]> => {
    const template = 'jsonpath={.status.availableReplicas}{"\\n"}';
    const watch = cluster.spawn(cluster.kubectlPath(), ['get', 'deployment', name, '--watch', '-o', template]);
    let seen = '';
    watch.stdout!.on('data', (chunk: Buffer) => (seen += chunk.toString()));
    try {
      await eventually('the watch begins', () => seen !== '');
      during();
      const before = seen;
      cluster.run('annotate', 'deployment', name, `seen=${Date.now()}`);
      await eventually('the watch has caught up', () => seen.length > before.length);
      return seen.trim().split('\n').map(Number);
    } finally {
      watch.kill('SIGKILL');
    }
  };

  const start = async (name: string, command: string): Promise<void> => {
    cluster.apply(manifest(name, command));
    cluster.run('rollout', 'status', `deployment/${name}`, '--timeout=55s');
    await eventually('the Service answers', () =>
      urls(name).every((url) => cluster.host('curl', ['-fs', '--noproxy', '*', url]).code === 0),
    );
  };

  it('lose no request of an app that finishes its connections after SIGTERM, on new and on keep-alive connections [walkthrough T24]', async () => {
    await start('fair', FAIR);
    let available: number[] = [];
    const report = await loaded('fair', async () => {
      available = await availableDuring('fair', () => rollThreeTimes('fair'));
    });
    expect(report.failures).toEqual([]);
    expect(report.keepAlive.reused).toBeGreaterThan(report.keepAlive.sent / 2);
    expect(Object.keys(report.versions)).toEqual(['0', '1', '2', '3']);
    // A quarter of four may be missing.
    expect(Math.min(...available)).toBeGreaterThanOrEqual(3);

    // An update that cannot come up stops before the old pods are gone; an undo ends it as quietly.
    const stalled = await loaded('fair', async () => {
      cluster.run('set', 'image', 'deployment/fair', 'web=nocher.local/missing:1');
      const reasons = (): string =>
        cluster.run('get', 'pods', '-l', 'app=fair', '-o', 'jsonpath={..state.waiting.reason}');
      await eventually('the new image is missing', () => /ErrImagePull|ImagePullBackOff/.test(reasons()));
      cluster.run('rollout', 'undo', 'deployment/fair');
      cluster.run('rollout', 'status', 'deployment/fair', '--timeout=55s');
      cluster.run('rollout', 'undo', 'deployment/fair', '--to-revision=1');
      cluster.run('rollout', 'status', 'deployment/fair', '--timeout=55s');
    });
    expect(stalled.failures).toEqual([]);
    expect(Object.keys(stalled.versions)).toEqual(['0', '3']);
  }, 180_000);

  it('lose no new connection of an app that SIGTERM ends at once', async () => {
    await start('abrupt', ABRUPT);
    const report = await loaded('abrupt', () => rollThreeTimes('abrupt'));
    expect(report.failures.filter(({ kind }) => kind === 'new')).toEqual([]);
  }, 180_000);
});
