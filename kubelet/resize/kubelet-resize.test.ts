/** Resizes of pods of a whole kubelet with the simulated runtime, against an API server in the same process. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Pod } from '../../api/core/v1/pod.ts';
import type { ContainerStatus } from '../../api/core/v1/pod/types.ts';
import { deepEqual } from '../../api/machinery/equality.ts';
import { startTestServer } from '../../apiserver/testing.ts';
import type { TestServer } from '../../apiserver/testing.ts';
import { realClock } from '../../base/clock.ts';
import { silentLogger } from '../../base/log.ts';
import { realRandom } from '../../base/random.ts';
import { inProcessClient } from '../../client/in-process.ts';
import { startKubelet } from '../kubelet.ts';
import type { Kubelet } from '../kubelet.ts';
import { MEMORY_ANNOTATION } from '../simulated/declared-usage.ts';
import { createSimulatedRuntime } from '../simulated/simulated-runtime.ts';
import type { SimulatedRuntime } from '../simulated/simulated-runtime.ts';

const NODE = 'node-1';
const PODS = '/api/v1/namespaces/default/pods';
const GI = 1 << 30;

let server: TestServer;
let kubelet: Kubelet;
let simulated: SimulatedRuntime;
const stop = new AbortController();

beforeAll(async () => {
  server = await startTestServer();
  simulated = createSimulatedRuntime({ clock: realClock, random: realRandom, podCidr: '10.244.0.0/24' });
  kubelet = await startKubelet({
    nodeName: NODE,
    client: inProcessClient({
      handler: server.api.handler,
      user: { name: `system:node:${NODE}`, groups: ['system:nodes', 'system:authenticated'] },
      userAgent: 'test',
    }),
    clock: realClock,
    random: realRandom,
    log: silentLogger,
    runtime: simulated.runtime,
    images: simulated.images,
    nodeIp: '10.0.0.1',
    podCidr: '10.244.0.0/24',
    kubeletPort: 10250,
    dns: { servers: ['10.96.0.10'], domain: 'cluster.local' },
    capacity: { cpus: 4, memoryBytes: 8 * GI },
    signal: stop.signal,
  });
});

afterAll(async () => {
  stop.abort();
  await kubelet.stopped;
  await server.close();
});

interface Amounts {
  cpu?: string;
  memory?: string;
}

const same = (amounts: Amounts): object => ({ limits: amounts, requests: amounts });

async function until(name: string, condition: (pod: Pod | undefined) => boolean): Promise<Pod | undefined> {
  const endMs = Date.now() + 20_000;
  for (;;) {
    const { status, body } = await server.send('GET', `${PODS}/${name}`);
    const pod = status === 404 ? undefined : (body as Pod);
    if (condition(pod)) return pod;
    if (Date.now() > endMs) throw new Error(`the pod never came to that: ${JSON.stringify(pod?.status, null, 1)}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function run(name: string, container: object, annotations: Record<string, string> = {}): Promise<Pod> {
  const containers = [{ name: 'web', image: 'nginx', ...container }];
  await server.call('POST', PODS, {
    metadata: { name, annotations },
    spec: { nodeName: NODE, automountServiceAccountToken: false, terminationGracePeriodSeconds: 0, containers },
  });
  return (await until(name, (pod) => pod?.status?.phase === 'Running'))!;
}

const resize = (
  name: string,
  resources: object,
  field = 'containers',
  container = 'web',
): Promise<{ status: number }> =>
  server.send('PATCH', `${PODS}/${name}/resize`, {
    body: { spec: { [field]: [{ name: container, resources }] } },
    contentType: 'application/strategic-merge-patch+json',
  });

async function remove(name: string): Promise<void> {
  await server.send('DELETE', `${PODS}/${name}?gracePeriodSeconds=0`);
  await until(name, (pod) => pod === undefined);
}

afterEach(async () => {
  const { items } = await server.call<{ items: Pod[] }>('GET', PODS);
  for (const { metadata } of items) await remove(metadata.name!);
});

const mainOf = (pod: Pod | undefined): ContainerStatus | undefined => pod?.status?.containerStatuses?.[0];
const conditionOf = (pod: Pod | undefined, type: string) => pod?.status?.conditions?.find((one) => one.type === type);
const isResized =
  (resources: object) =>
  (pod: Pod | undefined): boolean =>
    deepEqual(mainOf(pod)?.resources, resources) &&
    conditionOf(pod, 'PodResizeInProgress') === undefined &&
    conditionOf(pod, 'PodResizePending') === undefined;

async function eventsOf(name: string): Promise<{ reason: string; message: string }[]> {
  const { items } = await server.call<{
    items: { involvedObject: { name: string }; reason: string; message: string }[];
  }>('GET', '/api/v1/namespaces/default/events');
  return items.filter(({ involvedObject }) => involvedObject.name === name);
}

async function untilEvent(name: string, wanted: string): Promise<string> {
  const endMs = Date.now() + 20_000;
  for (;;) {
    const events = await eventsOf(name);
    const found = events.find(({ reason }) => reason === wanted);
    if (found !== undefined) return found.message;
    if (Date.now() > endMs) throw new Error(`no event ${wanted}: ${JSON.stringify(events)}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe('the kubelet resizes pods [W12] [K12]', () => {
  it('in place, and tells what was granted and what runs', async () => {
    const first = await run('grows', { resources: same({ cpu: '1', memory: '1Gi' }) });
    expect(mainOf(first)).toMatchObject({
      allocatedResources: { cpu: '1', memory: '1Gi' },
      resources: same({ cpu: '1', memory: '1Gi' }),
    });
    const more = { cpu: '2', memory: '1Gi' };
    expect(await resize('grows', same(more))).toMatchObject({ status: 200 });
    const pod = await until('grows', isResized(same(more)));
    expect(mainOf(pod)).toMatchObject({ restartCount: 0, allocatedResources: more });
    expect(mainOf(pod)!.containerID).toBe(mainOf(first)!.containerID);
    expect(pod!.status!.observedGeneration).toBe(2);
    await untilEvent('grows', 'ResizeCompleted');
    // Listed by name, which is no order of events of the same moment.
    const reasons = (await eventsOf('grows')).map(({ reason }) => reason).sort();
    expect(reasons.filter((reason) => reason.startsWith('Resize'))).toEqual(['ResizeCompleted', 'ResizeStarted']);
  });

  it('with a restart where the policy wants one', async () => {
    const resizePolicy = [{ resourceName: 'memory', restartPolicy: 'RestartContainer' }];
    const first = await run('restarts', { resources: same({ cpu: '1', memory: '1Gi' }), resizePolicy });
    await resize('restarts', same({ cpu: '2', memory: '1Gi' }));
    const inPlace = await until('restarts', isResized(same({ cpu: '2', memory: '1Gi' })));
    expect(mainOf(inPlace)).toMatchObject({ restartCount: 0, containerID: mainOf(first)!.containerID });
    await resize('restarts', same({ cpu: '2', memory: '2Gi' }));
    const anew = await until('restarts', (pod) => mainOf(pod)?.restartCount === 1 && mainOf(pod)!.ready);
    expect(mainOf(anew)!.resources).toEqual(same({ cpu: '2', memory: '2Gi' }));
    expect(await untilEvent('restarts', 'Killing')).toBe('Container web resize requires restart');
  });

  it('never beyond the node, and later when there is room', async () => {
    await run('big', { resources: { requests: { cpu: '3' } } });
    await run('small', { resources: { requests: { cpu: '500m' } } });
    await resize('small', { requests: { cpu: '5' } });
    const never = await until('small', (pod) => conditionOf(pod, 'PodResizePending')?.reason === 'Infeasible');
    expect(conditionOf(never, 'PodResizePending')).toMatchObject({
      status: 'True',
      message: "Node didn't have enough capacity: cpu, requested: 5000, capacity: 4000",
      observedGeneration: 2,
    });
    expect(mainOf(never)).toMatchObject({ resources: { requests: { cpu: '500m' } } });
    await resize('small', { requests: { cpu: '2' } });
    // Until the pods of earlier tests have gone, more is in use.
    const message = "Node didn't have enough resource: cpu, requested: 2000, used: 3000, capacity: 4000";
    const isDeferred = { reason: 'Deferred', message };
    const later = await until('small', (pod) => {
      const { reason, message: told } = conditionOf(pod, 'PodResizePending') ?? {};
      return deepEqual({ reason, message: told }, isDeferred);
    });
    expect(mainOf(later)).toMatchObject({ allocatedResources: { cpu: '500m' } });
    await remove('big');
    await until('small', isResized({ requests: { cpu: '2' } }));
  });

  it('but takes no memory that is in use', async () => {
    const resources = same({ cpu: '100m', memory: '64Mi' });
    await run('busy', { resources }, { [MEMORY_ANNOTATION]: '32Mi' });
    await resize('busy', same({ cpu: '100m', memory: '16Mi' }));
    const pod = await until('busy', (one) => conditionOf(one, 'PodResizeInProgress')?.reason === 'Error');
    expect(conditionOf(pod, 'PodResizeInProgress')!.message).toBe(
      `cannot decrease memory limits: [attempting to set container "web" memory limit (${16 << 20}) below current usage (${32 << 20}), ` +
        `attempting to set pod memory limit (${16 << 20}) below current usage (${32 << 20})]`,
    );
    expect(mainOf(pod)).toMatchObject({ allocatedResources: { memory: '16Mi' }, resources });
    await resize('busy', same({ cpu: '100m', memory: '128Mi' }));
    await until('busy', isResized(same({ cpu: '100m', memory: '128Mi' })));
  });

  it('with their sidecars', async () => {
    const side = { name: 'side', image: 'i', restartPolicy: 'Always', resources: { requests: { cpu: '100m' } } };
    await server.call('POST', PODS, {
      metadata: { name: 'sidecar' },
      spec: {
        nodeName: NODE,
        automountServiceAccountToken: false,
        terminationGracePeriodSeconds: 0,
        initContainers: [side],
        containers: [{ name: 'web', image: 'nginx' }],
      },
    });
    const sideOf = (pod: Pod | undefined): ContainerStatus | undefined => pod?.status?.initContainerStatuses?.[0];
    const before = await until('sidecar', (pod) => mainOf(pod)?.ready === true);
    // What asks for nothing tells so: that is how one knows that this node can resize.
    expect(mainOf(before)!.resources).toEqual({});
    expect(await resize('sidecar', { requests: { cpu: '200m' } }, 'initContainers', 'side')).toMatchObject({
      status: 200,
    });
    const after = await until('sidecar', (pod) => sideOf(pod)?.resources?.requests?.['cpu'] === '200m');
    expect(sideOf(after)).toMatchObject({ restartCount: 0, allocatedResources: { cpu: '200m' } });
  });
});
