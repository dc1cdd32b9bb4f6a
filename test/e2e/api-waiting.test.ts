/** `kubectl wait` in all its forms, with every kubectl release that is supported. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startKubectl } from './background.ts';
import type { Background } from './background.ts';
import type { Cluster, NamespacedKubectl } from './harness.ts';
import { done, failed, kubectlIn, MINORS, startCluster } from './harness.ts';

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster(['--runtime', 'simulated', '--storage', 'memory']);
});
afterAll(() => cluster?.stop());

const DEPLOYMENT = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: "app:1"}]}
`;

describe.each(MINORS)('kubectl 1.%s', (minor) => {
  let k: NamespacedKubectl;
  const wait = (...args: string[]) => k('wait', '--timeout=20s', ...args);
  /** What a wait of no time says. */
  const notMet = (what: string) => failed(`error: condition not met for ${what}\n`);
  /** Begins to wait, and lets a test do what it waits for. */
  const waiting = (...args: string[]): Background =>
    startKubectl(cluster, minor, ['wait', `--namespace=${k.namespace}`, '--timeout=20s', ...args]);
  const ends = async (waiter: Background, stdout: string): Promise<void> => {
    expect([await waiter.ended(), waiter.stdout(), waiter.stderr()]).toEqual([0, stdout, '']);
  };

  beforeAll(async () => {
    k = await kubectlIn(cluster, minor);
  });

  it('--for=create', async () => {
    const waiter = waiting('--for=create', 'configmap/later');
    k.ok('create', 'configmap', 'later');
    await ends(waiter, 'configmap/later condition met\n');
    expect(wait('--for=create', 'configmap/later')).toEqual(done('configmap/later condition met\n'));
    expect(k('wait', '--for=create', 'configmap/never', '--timeout=1s').code).toBe(1);
  });

  it('--for=delete', async () => {
    k.ok('create', 'configmap', 'going');
    const waiter = waiting('--for=delete', 'configmap/going');
    // Some releases log besides that their watch ended with the time.
    const { code, stderr } = k('wait', '--for=delete', 'configmap/going', '--timeout=2s');
    expect({ code, last: stderr.trim().split('\n').at(-1) }).toEqual({
      code: 1,
      last: 'error: timed out waiting for the condition on configmaps/going',
    });
    k.ok('delete', 'configmap', 'going');
    await ends(waiter, 'configmap/going condition met\n');
    expect(wait('--for=delete', 'configmap/going')).toEqual(done(''));
  });

  it('--for=jsonpath, with a value and without', async () => {
    k.ok('create', 'configmap', 'valued', '--from-literal=a=1');
    expect(wait('--for=jsonpath={.data.a}=1', 'configmap/valued')).toEqual(done('configmap/valued condition met\n'));
    const waiters = [
      waiting('--for=jsonpath={.data.b}', 'configmap/valued'),
      waiting('--for=jsonpath={.data.a}=2', 'configmap/valued'),
    ];
    expect(k('wait', '--for=jsonpath={.data.a}=2', 'configmap/valued', '--timeout=0s')).toEqual(
      notMet('configmaps/valued'),
    );
    k.ok('patch', 'configmap', 'valued', '-p', '{"data":{"a":"2","b":"x"}}');
    for (const waiter of waiters) await ends(waiter, 'configmap/valued condition met\n');
    expect(wait('--for=jsonpath={.data', 'configmap/valued').code).toBe(1);
  });

  it('--for=condition, of pods and of what brings them', async () => {
    const waiter = waiting('--for=create', 'deployment/web');
    expect(k.given(DEPLOYMENT, 'apply', '-f', '-').code).toBe(0);
    await ends(waiter, 'deployment.apps/web condition met\n');
    expect(wait('--for=condition=Available', 'deployment/web')).toEqual(done('deployment.apps/web condition met\n'));
    const pods = wait('--for=condition=Ready', 'pod', '-l', 'app=web');
    expect([pods.code, pods.stdout]).toEqual([0, expect.stringMatching(/^(pod\/web-\S+ condition met\n){2}$/)]);
    expect(wait('--for=condition=Ready', 'pod', '--all', '-o', 'name').stdout.trim().split('\n')).toHaveLength(2);
    expect(k('wait', '--for=condition=Available=false', 'deployment/web', '--timeout=0s')).toEqual(
      notMet('deployments/web'),
    );
    expect(wait('--for=jsonpath={.status.readyReplicas}=2', 'deployment/web').code).toBe(0);
  });

  it('--for=delete of pods, while they go', async () => {
    const waiter = waiting('--for=delete', 'pod', '-l', 'app=web');
    k.ok('delete', 'deployment', 'web', '--wait=false');
    expect(await waiter.ended()).toBe(0);
    expect(k('get', 'pods')).toEqual(done('', `No resources found in ${k.namespace} namespace.\n`));
  });

  it('for nothing', () => {
    expect(wait('--for=condition=Ready', 'pod/nosuch')).toEqual(
      failed('Error from server (NotFound): pods "nosuch" not found\n'),
    );
    expect(wait('--for=condition=Ready', 'pod', '-l', 'no=such')).toEqual(
      failed('error: no matching resources found\n'),
    );
    expect(wait('--for=nosuch', 'pod/x').stderr).toMatch(/^error: unrecognized condition: "nosuch"\n/);
  });
});
