/** Pods with claims: the scheduler, the binder and the provisioner against the real API server in this process. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { events } from '../api/core/v1/event.ts';
import type { Node } from '../api/core/v1/node.ts';
import type { PersistentVolume } from '../api/core/v1/persistent-volume.ts';
import type { PersistentVolumeClaim } from '../api/core/v1/persistent-volume-claim.ts';
import type { Pod } from '../api/core/v1/pod.ts';
import type { TestServer } from '../apiserver/testing.ts';
import { startTestServer } from '../apiserver/testing.ts';
import { realClock } from '../base/clock.ts';
import { silentLogger } from '../base/log.ts';
import { realRandom } from '../base/random.ts';
import { createEventRecorder } from '../client/events.ts';
import { inProcessClient } from '../client/in-process.ts';
import { createInformerFactory } from '../client/informer-factory.ts';
import { persistentVolumeBinder } from '../controllers/persistent-volume/persistent-volume-binder.ts';
import { eventually, runControllers } from '../controllers/testing.ts';
import { localVolumeProvisioner } from '../kubelet/local-volumes/local-volume-provisioner.ts';
import { readConfiguration } from './configuration.ts';
import type { SchedulerConfiguration } from './configuration.ts';
import { startScheduler } from './scheduler.ts';

const CLAIMS = '/api/v1/namespaces/default/persistentvolumeclaims';
const VOLUMES = '/api/v1/persistentvolumes';
const PODS = '/api/v1/namespaces/default/pods';
const parts = { clock: realClock, random: realRandom, log: silentLogger };

let server: TestServer;
let stopControllers: () => Promise<void>;
let stopping: AbortController;
let running: Promise<void>;

beforeEach(async () => {
  server = await startTestServer();
  stopControllers = runControllers(server.api.handler, [
    persistentVolumeBinder,
    localVolumeProvisioner((nodeName) => (/^n\d$/.test(nodeName) ? {} : undefined)),
  ]);
  runScheduler();
});
afterEach(async () => {
  await stopScheduler();
  await stopControllers();
  await server.close();
});

function runScheduler(configuration: Partial<SchedulerConfiguration> = {}): void {
  stopping = new AbortController();
  const { signal } = stopping;
  const user = { name: 'test', groups: ['system:masters', 'system:authenticated'] };
  const client = inProcessClient({ handler: server.api.handler, user, userAgent: 'test' });
  const informers = createInformerFactory(client, parts);
  informers.start(signal);
  const recorder = createEventRecorder({ client, resource: events, component: 'default-scheduler', ...parts });
  running = startScheduler({ client, informers, events: recorder, signal, ...parts, ...configuration });
}

async function stopScheduler(): Promise<void> {
  stopping.abort();
  await running;
}

async function makeNode(name: string, cpu = '4'): Promise<void> {
  const { metadata } = await server.call<Node>('POST', '/api/v1/nodes', {
    metadata: { name, labels: { 'kubernetes.io/hostname': name } },
    status: { allocatable: { cpu, memory: '8Gi', pods: '110' } },
  });
  // A new node has a taint until it is seen to be ready.
  await patch(`/api/v1/nodes/${metadata.name}`, { spec: { taints: null } });
}

const patch = (url: string, body: unknown): Promise<unknown> =>
  server.send('PATCH', url, { body, contentType: 'application/merge-patch+json' });

const makeClass = (name: string, provisioner: string, volumeBindingMode: string): Promise<unknown> =>
  server.call('POST', '/apis/storage.k8s.io/v1/storageclasses', { metadata: { name }, provisioner, volumeBindingMode });

function makeClaim(name: string, storageClassName: string, accessModes = ['ReadWriteOnce']): Promise<unknown> {
  const resources = { requests: { storage: '1Gi' } };
  return server.call('POST', CLAIMS, { metadata: { name }, spec: { accessModes, storageClassName, resources } });
}

function makePod(name: string, claimName: string, cpu = '100m'): Promise<unknown> {
  const containers = [{ name: 'c', image: 'i', resources: { requests: { cpu } } }];
  const volumes = [{ name: 'v', persistentVolumeClaim: { claimName } }];
  return server.call('POST', PODS, { metadata: { name }, spec: { containers, volumes } });
}

const makeVolume = (name: string, nodeName: string): Promise<unknown> =>
  server.call('POST', VOLUMES, {
    metadata: { name },
    spec: {
      accessModes: ['ReadWriteOnce'],
      capacity: { storage: '1Gi' },
      storageClassName: 'by-hand',
      local: { path: '/disk' },
      nodeAffinity: {
        required: {
          nodeSelectorTerms: [
            { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [nodeName] }] },
          ],
        },
      },
    },
  });

const placed = (name: string): Promise<string> =>
  eventually(async () => (await server.call<Pod>('GET', `${PODS}/${name}`)).spec.nodeName);
const verdict = (name: string, ...reasons: string[]): Promise<string> =>
  eventually(async () => {
    const { status } = await server.call<Pod>('GET', `${PODS}/${name}`);
    const { message = '' } = status?.conditions?.find(({ type }) => type === 'PodScheduled') ?? {};
    return reasons.every((reason) => message.includes(reason)) ? message : undefined;
  });
const nominated = async (name: string): Promise<string | undefined> =>
  (await server.call<Pod>('GET', `${PODS}/${name}`)).status?.nominatedNodeName;
const claim = (name: string): Promise<PersistentVolumeClaim> => server.call('GET', `${CLAIMS}/${name}`);

describe('pods with claims [S8]', () => {
  it('has a volume made on the node of the first pod, and sends the next pods there', async () => {
    await makeNode('n1', '1');
    await makeNode('n2', '8');
    await makeClass('local', 'nocher.io/local', 'WaitForFirstConsumer');
    await makeClaim('data', 'local');
    await makePod('first', 'data', '4');
    expect(await placed('first')).toBe('n2');
    const { metadata, spec, status } = await claim('data');
    expect(metadata.annotations?.['volume.kubernetes.io/selected-node']).toBe('n2');
    expect(status?.phase).toBe('Bound');
    const volume = await server.call<PersistentVolume>('GET', `${VOLUMES}/${spec.volumeName}`);
    expect(volume.spec.nodeAffinity?.required?.nodeSelectorTerms[0]?.matchExpressions?.[0]?.values).toEqual(['n2']);
    await makePod('second', 'data');
    expect(await placed('second')).toBe('n2');
    await patch('/api/v1/nodes/n2', { spec: { unschedulable: true } });
    await makePod('third', 'data');
    await verdict('third', '1 node(s) were unschedulable', '1 node(s) had volume node affinity conflict');
  });

  it('waits for claims that ought to be bound, and goes on when they are', async () => {
    await makeNode('n1');
    await makePod('p', 'data');
    await verdict('p', 'persistentvolumeclaim "data" not found');
    await makeClass('slow', 'example.com/none', 'Immediate');
    await makeClaim('data', 'slow');
    await verdict('p', 'pod has unbound immediate PersistentVolumeClaims');
    await server.call('POST', VOLUMES, {
      metadata: { name: 'late' },
      spec: {
        accessModes: ['ReadWriteOnce'],
        capacity: { storage: '1Gi' },
        storageClassName: 'slow',
        hostPath: { path: '/x' },
      },
    });
    expect(await placed('p')).toBe('n1');
  });

  it('gives each pod the volume of its node, and one volume to one pod', async () => {
    await makeNode('n1');
    await makeNode('n2');
    await makeNode('n3');
    await makeClass('by-hand', 'kubernetes.io/no-provisioner', 'WaitForFirstConsumer');
    await makeVolume('v1', 'n1');
    await makeVolume('v2', 'n2');
    for (const name of ['a', 'b', 'c']) await makeClaim(name, 'by-hand');
    for (const name of ['a', 'b']) await makePod(name, name);
    const places = [await placed('a'), await placed('b')].sort();
    expect(places).toEqual(['n1', 'n2']);
    await makePod('c', 'c');
    await verdict('c', "3 node(s) didn't find available persistent volumes to bind");
    await makeVolume('v3', 'n3');
    expect(await placed('c')).toBe('n3');
    const volumes = await Promise.all(['a', 'b', 'c'].map(async (name) => (await claim(name)).spec.volumeName));
    expect(volumes.sort()).toEqual(['v1', 'v2', 'v3']);
  });

  it('lets one pod have a claim for one pod', async () => {
    await makeNode('n1');
    await makeClass('standard', 'nocher.io/local', 'Immediate');
    await makeClaim('data', 'standard', ['ReadWriteOncePod']);
    await makePod('a', 'data');
    await placed('a');
    await makePod('b', 'data');
    const reason = 'node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode';
    await verdict('b', reason);
    await server.call('DELETE', `${PODS}/a?gracePeriodSeconds=0`);
    expect(await placed('b')).toBe('n1');
  });

  it('is not held up by pods whose volumes nobody makes', async () => {
    await makeNode('n1');
    await makeClass('nobody', 'example.com/none', 'WaitForFirstConsumer');
    const names = Array.from({ length: 40 }, (_, i) => `stuck-${i}`);
    for (const name of names) {
      await makeClaim(name, 'nobody');
      await makePod(name, name, '1m');
    }
    const selected = ({ metadata }: PersistentVolumeClaim): boolean =>
      metadata.annotations?.['volume.kubernetes.io/selected-node'] === 'n1';
    await eventually(async () => ((await Promise.all(names.map(claim))).every(selected) ? true : undefined));
    await server.call('POST', PODS, { metadata: { name: 'free' }, spec: { containers: [{ name: 'c', image: 'i' }] } });
    expect(await placed('free')).toBe('n1');
    // Who cannot make the volume takes the node off the claim: the pod is tried again.
    await patch(`${CLAIMS}/stuck-0`, { metadata: { annotations: { 'volume.kubernetes.io/selected-node': null } } });
    await verdict('stuck-0', 'running PreBind plugin "VolumeBinding": binding volumes: provisioning failed for PVC');
  });

  it('shows the node of a pod that waits for its volumes, until that fails', async () => {
    await makeNode('n1');
    await makeClass('nobody', 'example.com/none', 'WaitForFirstConsumer');
    await makeClaim('data', 'nobody');
    await makePod('p', 'data');
    const selected = async (): Promise<true | undefined> =>
      (await claim('data')).metadata.annotations?.['volume.kubernetes.io/selected-node'] === 'n1' || undefined;
    await eventually(selected);
    expect(await nominated('p')).toBe('n1');
    await patch('/api/v1/nodes/n1', { spec: { unschedulable: true } });
    await patch(`${CLAIMS}/data`, { metadata: { annotations: { 'volume.kubernetes.io/selected-node': null } } });
    await verdict('p', 'provisioning failed for PVC');
    expect(await nominated('p')).toBeUndefined();
  });

  it('leaves a pod that waits for its volumes announced when it ends', async () => {
    await makeNode('n1');
    await makeClass('nobody', 'example.com/none', 'WaitForFirstConsumer');
    await makeClaim('data', 'nobody');
    await makePod('p', 'data');
    await eventually(async () => (await nominated('p')) === 'n1' || undefined);
    await stopScheduler();
    const { status } = await server.call<Pod>('GET', `${PODS}/p`);
    expect(status?.nominatedNodeName).toBe('n1');
    expect(status?.conditions ?? []).toEqual([]);
  });

  it('waits for volumes no longer than it is told', async () => {
    await stopScheduler();
    const pluginConfig = [{ name: 'VolumeBinding', args: { bindTimeoutSeconds: 0 } }];
    const kind = 'KubeSchedulerConfiguration';
    runScheduler(
      readConfiguration({ apiVersion: 'kubescheduler.config.k8s.io/v1', kind, profiles: [{ pluginConfig }] }),
    );
    await makeNode('n1');
    await makeClass('nobody', 'example.com/none', 'WaitForFirstConsumer');
    await makeClaim('data', 'nobody');
    await makePod('p', 'data');
    await verdict('p', 'running PreBind plugin "VolumeBinding": binding volumes: context deadline exceeded');
  });
});
