/** The operator of `examples/operator`, as two processes with no more rights than its manifests give. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Cluster, Json } from './harness.ts';
import { eventually, startCluster, writeFile } from './harness.ts';

const EXAMPLE = join(dirname(fileURLToPath(import.meta.url)), '../../examples/operator');
const NAMESPACE = 'greetings';

interface Operator {
  process: ChildProcess;
  output(): string;
}

let cluster: Cluster;
const operators: Record<string, Operator> = {};

const object = (...what: string[]): Json => JSON.parse(cluster.run('get', ...what, '-o', 'json'));
const exists = (...what: string[]): boolean => cluster.run('get', ...what, '--ignore-not-found', '-o', 'name') !== '';
const guestBook = (): Json => object('configmap', 'guest-book', '-n', NAMESPACE).data ?? {};
const holder = (): string => object('lease', 'greeting-operator', '-n', NAMESPACE).spec.holderIdentity;
const greeting = (name: string, message: string, replicas = 1): string =>
  JSON.stringify({
    apiVersion: 'examples.nocher.io/v1',
    kind: 'Greeting',
    metadata: { name },
    spec: { message, replicas },
  });

/** With a token of its ServiceAccount. */
function ownKubeconfig(): string {
  const path = writeFile(cluster.dataDir, 'operator.kubeconfig', cluster.run('config', 'view', '--raw'));
  const token = cluster.run('create', 'token', 'greeting-operator', '-n', NAMESPACE).trim();
  const change = (...args: string[]): string => cluster.run('config', `--kubeconfig=${path}`, ...args);
  change('set-credentials', 'operator', `--token=${token}`);
  change('set-context', '--current', '--user=operator');
  return path;
}

function start(identity: string, kubeconfig: string): void {
  const settings = [`KUBECONFIG=${kubeconfig}`, `IDENTITY=${identity}`, 'LEASE_SECONDS=2', 'RESYNC_SECONDS=5'];
  const child = cluster.spawn('env', [...settings, process.execPath, join(EXAMPLE, 'main.mjs')]);
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) stream!.on('data', (chunk: Buffer) => (printed += String(chunk)));
  operators[identity] = { process: child, output: () => printed };
}

beforeAll(async () => {
  cluster = await startCluster(['--runtime', 'none', '--storage', 'memory', '--simulated-nodes', '1']);
  cluster.run('apply', '-f', join(EXAMPLE, 'manifests'));
  const kubeconfig = ownKubeconfig();
  start('one', kubeconfig);
  await eventually('the first leads', () => operators['one']!.output().includes('one leads'));
  start('two', kubeconfig);
  await eventually('the second waits', () => operators['two']!.output().includes('two waits to lead'));
});

afterAll(async () => {
  for (const { process } of Object.values(operators)) process.kill('SIGKILL');
  await cluster?.stop();
});

it('makes what a Greeting asks for, and says so in its status and in events', () => {
  cluster.run('apply', '-f', join(EXAMPLE, 'greeting.yaml'));
  cluster.run('wait', '--for=condition=Ready', 'greeting/morning', '--timeout=20s');
  const { metadata, status } = object('greeting', 'morning');
  expect(metadata.finalizers).toEqual(['examples.nocher.io/guest-book']);
  expect(status).toMatchObject({
    observedGeneration: metadata.generation,
    readyReplicas: 2,
    conditions: [{ type: 'Ready', status: 'True', reason: 'Greeting', message: '2 pods say: Good morning' }],
  });
  for (const kind of ['configmap', 'deployment']) {
    expect(object(kind, 'morning').metadata.ownerReferences).toMatchObject([
      { kind: 'Greeting', name: 'morning', uid: metadata.uid, controller: true, blockOwnerDeletion: true },
    ]);
  }
  expect(object('configmap', 'morning').data).toEqual({ message: 'Good morning' });
  expect(guestBook()).toEqual({ 'default.morning': 'Good morning' });
  expect(cluster.run('get', 'all')).toMatch(/greeting\.examples\.nocher\.io\/morning +Good morning +2 +True +\d+s\n/);
  // Those of one second stand in no order.
  const [, events = ''] = cluster.run('describe', 'greeting', 'morning').split('Events:\n');
  expect(events.trimEnd().split('\n').slice(2).sort()).toEqual([
    expect.stringMatching(/^ +Normal +Greeting +.*greeting-operator +2 pods say: Good morning$/),
    expect.stringMatching(/^ +Normal +Starting +.*greeting-operator +0 of 2 pods are ready$/),
  ]);
});

it('follows a change, and mends what others break', async () => {
  cluster.run('scale', 'greeting/morning', '--replicas=3');
  cluster.run('wait', '--for=jsonpath={.status.readyReplicas}=3', 'greeting/morning', '--timeout=20s');
  cluster.run('delete', 'deployment', 'morning', '--wait=false');
  await eventually('another Deployment', () => exists('deployment', 'morning'));
  cluster.run('wait', '--for=condition=Available', 'deployment/morning', '--timeout=20s');
  cluster.run('patch', 'configmap', 'morning', '-p', '{"data":{"message":"Bad morning"}}');
  // Nobody watches config maps: the resync finds it.
  await eventually('the old words', () => object('configmap', 'morning').data.message === 'Good morning');
});

it('goes on with the second process when the first is killed', async () => {
  expect(holder()).toBe('one');
  operators['one']!.process.kill('SIGKILL');
  cluster.apply(greeting('evening', 'Good evening'));
  cluster.run('wait', '--for=condition=Ready', 'greeting/evening', '--timeout=20s');
  await eventually('its word', () => operators['two']!.output().includes('two leads'));
  expect(object('lease', 'greeting-operator', '-n', NAMESPACE).spec).toMatchObject({
    holderIdentity: 'two',
    leaseTransitions: 1,
  });
});

it('takes a Greeting out of the guest book before it goes, and all that it owns with it', async () => {
  cluster.run('delete', 'greeting', 'morning', '--timeout=20s');
  expect(guestBook()).toEqual({ 'default.evening': 'Good evening' });
  expect(cluster.run('get', 'events', '--field-selector=reason=Farewell', '-o', 'name')).not.toBe('');
  await eventually('an empty house', () => !exists('deployment', 'morning') && !exists('configmap', 'morning'));
  await eventually('no pods', () => !exists('pod', '-l', 'examples.nocher.io/greeting=morning'));
});

it('gives the lead back when it is told to stop, and a deleted CRD takes the rest along', async () => {
  cluster.run('delete', 'crd', 'greetings.examples.nocher.io', '--timeout=20s');
  expect(guestBook()).toEqual({});
  expect(cluster.run('api-resources', '--api-group=examples.nocher.io', '-o', 'name')).toBe('');
  const { process, output } = operators['two']!;
  const ended = once(process, 'exit');
  process.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
  await eventually('its word', () => output().includes('two has stopped'));
  expect(holder()).toBe('');
});
