/** What pods use, as kubectl tells it, and an autoscaler that goes by it. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Cluster, NamespacedKubectl } from './harness.ts';
import { eventually, isRoot, kubectlIn, MINORS, startCluster } from './harness.ts';

const image = 'nocher.local/hello:1';
const suite = isRoot ? describe : describe.skip;

/** Uses all of a tenth of a core until it is told to stop. What is measured right after it is ready does not count. */
const BUSY = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: busy}
spec:
  minReadySeconds: 3
  selector: {matchLabels: {app: busy}}
  template:
    metadata: {labels: {app: busy}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
      - name: busy
        image: "${image}"
        command: [sh, -c, "while [ ! -e /stop ]; do :; done; exec sleep 1000"]
        resources: {requests: {cpu: 100m}, limits: {cpu: 100m}}
`;

suite('top and autoscale', () => {
  let cluster: Cluster;
  let k: NamespacedKubectl;
  beforeAll(async () => {
    cluster = await startCluster(['--storage', 'memory']);
    k = await kubectlIn(cluster, '35', 'busy');
    const { code, stderr } = k.given(BUSY, 'apply', '-f', '-');
    if (code !== 0) throw new Error(stderr);
    k.ok('rollout', 'status', 'deployment/busy', '--timeout=60s');
  }, 120_000);
  afterAll(() => cluster?.stop(), 60_000);

  const replicas = (): string => k.ok('get', 'deployment', 'busy', '-o', 'jsonpath={.spec.replicas}');
  const becomes = (count: number): Promise<true | undefined> =>
    eventually(`${count} replicas`, () => replicas() === String(count) || undefined, 120_000);

  it('[W11] top tells what pods and nodes use, with every kubectl', async () => {
    const used = /^busy-\S+ +busy +([1-9]\d*)m +\d+Mi *\n$/;
    await eventually(
      'figures of the pod',
      () => used.test(k('top', 'pod', '--containers', '--no-headers').stdout),
      60_000,
    );
    for (const minor of MINORS) {
      const top = (...args: string[]): string => cluster.kubectl(['top', ...args, '--no-headers'], { minor }).stdout;
      expect(top('pod', '-n', 'busy', '--containers')).toMatch(used);
      expect(top('node')).toMatch(/^\S+ +[1-9]\d*m +[1-9]\d*% +[1-9]\d*Mi +\d+% *\n$/);
    }
  });

  it('[W10] an autoscaler goes up with the load, and down with its end', async () => {
    k.ok('autoscale', 'deployment', 'busy', '--cpu=50%', '--min=1', '--max=2');
    const behavior = { scaleDown: { stabilizationWindowSeconds: 0 } };
    k.ok('patch', 'hpa', 'busy', '--type=merge', '-p', JSON.stringify({ spec: { behavior } }));
    await becomes(2);
    k.ok('rollout', 'status', 'deployment/busy', '--timeout=60s');
    for (const pod of k.ok('get', 'pod', '-o', 'name').trim().split('\n'))
      k.ok('exec', pod, '--', 'sh', '-c', ': > /stop');
    await becomes(1);
    const reasons = k.ok(
      'get',
      'event',
      '--field-selector=reason=SuccessfulRescale',
      '-o',
      'jsonpath={.items[*].message}',
    );
    expect(reasons).toContain('New size: 2; reason: cpu resource utilization (percentage of request) above target');
    expect(reasons).toContain('New size: 1; reason: All metrics below target');
    expect(k.ok('get', 'hpa', 'busy', '--no-headers')).toMatch(/^busy +Deployment\/busy +cpu: \d+%\/50% +1 +2 +[12] /);
  });
});
