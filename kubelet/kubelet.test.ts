/** The whole kubelet with the simulated runtime against an API server in the same process. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Pod } from '../api/core/v1/pod.ts';
import { startTestServer } from '../apiserver/testing.ts';
import type { TestServer } from '../apiserver/testing.ts';
import { realClock } from '../base/clock.ts';
import type { Clock } from '../base/clock.ts';
import { silentLogger } from '../base/log.ts';
import { realRandom } from '../base/random.ts';
import { inProcessClient } from '../client/in-process.ts';
import { startKubelet } from './kubelet.ts';
import type { Kubelet } from './kubelet.ts';
import { createSimulatedRuntime } from './simulated/simulated-runtime.ts';
import type { SimulatedRuntime } from './simulated/simulated-runtime.ts';

const NODE = 'node-1';
const PODS = '/api/v1/namespaces/default/pods';

describe('startKubelet() with the simulated runtime', () => {
  let server: TestServer;
  let simulated: SimulatedRuntime;
  let stop: AbortController;
  let kubelet: Kubelet;
  /** How wrong the machine's clock is. */
  let clockErrorMs: number;
  let nodeIp: string;
  const clock: Clock = { ...realClock, now: () => realClock.now() + clockErrorMs };

  const launch = async (): Promise<void> => {
    stop = new AbortController();
    kubelet = await startKubelet({
      nodeName: NODE,
      client: inProcessClient({
        handler: server.api.handler,
        user: { name: `system:node:${NODE}`, groups: ['system:nodes', 'system:authenticated'] },
        userAgent: 'test',
      }),
      clock,
      random: realRandom,
      log: silentLogger,
      runtime: simulated.runtime,
      images: simulated.images,
      nodeIp,
      podCidr: '10.244.0.0/24',
      kubeletPort: 10250,
      dns: { servers: ['10.96.0.10'], domain: 'cluster.local' },
      signal: stop.signal,
    });
  };

  beforeEach(async () => {
    server = await startTestServer();
    clockErrorMs = 0;
    nodeIp = '10.0.0.1';
    simulated = createSimulatedRuntime({ clock, random: realRandom, podCidr: '10.244.0.0/24' });
    await launch();
  });

  afterEach(async () => {
    stop.abort();
    await kubelet.stopped;
    await server.close();
  });

  const create = (name: string, spec: object, annotations: Record<string, string> = {}): Promise<Pod> =>
    server.call<Pod>('POST', PODS, {
      metadata: { name, annotations },
      spec: { nodeName: NODE, automountServiceAccountToken: false, ...spec },
    });

  const until = async (
    name: string,
    condition: (pod: Pod | undefined) => boolean,
    timeoutMs = 5_000,
  ): Promise<Pod | undefined> => {
    const endMs = Date.now() + timeoutMs;
    for (;;) {
      const { status, body } = await server.send('GET', `${PODS}/${name}`);
      const pod = status === 404 ? undefined : (body as Pod);
      if (condition(pod)) return pod;
      if (Date.now() > endMs) throw new Error(`the pod never came to that: ${JSON.stringify(pod?.status, null, 1)}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };

  const isReady = (pod: Pod | undefined): boolean =>
    pod?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true;

  const reasons = async (name: string): Promise<string[]> => {
    const { items } = await server.call<{
      items: { involvedObject: { name: string }; reason: string; message: string }[];
    }>('GET', '/api/v1/namespaces/default/events');
    return items
      .filter(({ involvedObject }) => involvedObject.name === name)
      .map(({ reason, message }) => `${reason}: ${message}`);
  };

  const WEB = { containers: [{ name: 'web', image: 'nginx:1.27' }], terminationGracePeriodSeconds: 5 };

  it('registers the node as ready, with a lease', async () => {
    const node = await server.call<{
      metadata: { labels: Record<string, string> };
      status: { conditions: { type: string; status: string }[]; capacity: Record<string, string> };
    }>('GET', `/api/v1/nodes/${NODE}`);
    expect(node.metadata.labels['kubernetes.io/hostname']).toBe(NODE);
    expect(node.status.capacity['pods']).toBe('110');
    expect(node.status.conditions.find(({ type }) => type === 'Ready')?.status).toBe('True');
    // The lease is taken beside the first status, and may come after it.
    const leaseUrl = `/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/${NODE}`;
    while ((await server.send('GET', leaseUrl)).status === 404) await new Promise(setImmediate);
    const lease = await server.call<{ spec: { holderIdentity: string } }>('GET', leaseUrl);
    expect(lease.spec.holderIdentity).toBe(NODE);
    // Events are sent in order, after the fact.
    while (!(await reasons(NODE)).some((line) => line.startsWith('NodeReady'))) await new Promise(setImmediate);
    expect(await reasons(NODE)).toEqual([
      'Starting: Starting kubelet.',
      `NodeHasSufficientMemory: Node ${NODE} status is now: NodeHasSufficientMemory`,
      `NodeHasNoDiskPressure: Node ${NODE} status is now: NodeHasNoDiskPressure`,
      `NodeHasSufficientPID: Node ${NODE} status is now: NodeHasSufficientPID`,
      `NodeReady: Node ${NODE} status is now: NodeReady`,
    ]);
  });

  it('takes a pod from Pending to Running to deleted', async () => {
    const created = await create('web', WEB);
    expect(created.status?.phase).toBe('Pending');
    const running = await until('web', isReady);
    expect(running?.status).toMatchObject({
      phase: 'Running',
      podIP: '10.244.0.2',
      hostIP: '10.0.0.1',
      qosClass: 'BestEffort',
      containerStatuses: [
        {
          name: 'web',
          ready: true,
          started: true,
          restartCount: 0,
          containerID: expect.stringMatching(/^simulated:\/\/[0-9a-f]{64}$/),
        },
      ],
    });
    expect(await reasons('web')).toEqual(
      expect.arrayContaining([
        'Pulling: Pulling image "nginx:1.27"',
        expect.stringMatching(
          /^Pulled: Successfully pulled image "nginx:1.27" in \S+ \(\S+ including waiting\)\. Image size: 1000000 bytes\.$/,
        ),
        'Created: Container created',
        'Started: Container started',
      ]),
    );
    await server.call('DELETE', `${PODS}/web`);
    await until('web', (pod) => pod === undefined);
    expect(await reasons('web')).toContain('Killing: Stopping container web');
    await untilTrue(async () => (await simulated.runtime.listPodSandboxes()).length === 0);
    expect(await simulated.runtime.listContainers()).toEqual([]);
  });

  describe('over what somebody else writes into the status of a pod', () => {
    const write = async (status: object): Promise<Pod> => {
      const contentType = 'application/strategic-merge-patch+json';
      const written = await server.send('PATCH', `${PODS}/web/status`, { contentType, body: { status } });
      return written.body as Pod;
    };

    it('says again that it is ready', async () => {
      await create('web', WEB);
      await until('web', isReady);
      expect(isReady(await write({ conditions: [{ type: 'Ready', status: 'False' }] }))).toBe(false);
      await until('web', isReady);
    });

    it('lets an end stand, and stops what still runs', async () => {
      await create('web', WEB);
      await until('web', isReady);
      await write({ phase: 'Failed' });
      const ended = await until('web', (pod) => pod?.status?.containerStatuses?.[0]?.state?.terminated !== undefined);
      expect(ended?.status?.phase).toBe('Failed');
    });
  });

  it('runs init containers in order, and lets a pod that is to run once succeed', async () => {
    const spec = {
      ...WEB,
      restartPolicy: 'Never',
      initContainers: [
        { name: 'a', image: 'busybox' },
        { name: 'b', image: 'busybox' },
      ],
    };
    await create('job', spec, { 'nocher.io/simulated-run-seconds': '0.05' });
    const done = await until('job', (pod) => pod?.status?.phase === 'Succeeded');
    expect(done?.status?.containerStatuses?.[0]?.state?.terminated).toMatchObject({ exitCode: 0, reason: 'Completed' });
    const [a, b] = (await simulated.runtime.listContainers()).filter(({ metadata }) => metadata.name !== 'web');
    expect([a?.metadata.name, b?.metadata.name]).toEqual(['a', 'b']);
    expect(done?.status?.conditions?.find(({ type }) => type === 'Ready')).toMatchObject({
      status: 'False',
      reason: 'PodCompleted',
    });
  });

  it('restarts a container that fails, at once and then with a back-off', async () => {
    await create('crash', WEB, { 'nocher.io/simulated-run-seconds': '0', 'nocher.io/simulated-exit-code': '3' });
    const pod = await until(
      'crash',
      (one) => one?.status?.containerStatuses?.[0]?.state?.waiting?.reason === 'CrashLoopBackOff',
    );
    const [status] = pod!.status!.containerStatuses!;
    expect(status).toMatchObject({
      restartCount: 1,
      ready: false,
      lastState: { terminated: { exitCode: 3, reason: 'Error' } },
    });
    expect(status?.state?.waiting?.message).toBe(
      `back-off 10s restarting failed container=web pod=crash_default(${pod?.metadata.uid})`,
    );
    expect(pod?.status?.phase).toBe('Running');
    expect(pod?.status?.conditions?.find(({ type }) => type === 'Ready')).toMatchObject({
      reason: 'ContainersNotReady',
      message: 'containers with unready status: [web]',
    });
  });

  it('takes probes and hooks over the network for done, since addresses are made up', async () => {
    const httpGet = { path: '/ready', port: 8080 };
    const container = {
      name: 'web',
      image: 'nginx',
      readinessProbe: { httpGet, periodSeconds: 1 },
      lifecycle: { postStart: { httpGet } },
    };
    await create('probed', { containers: [container] });
    const isReady = (pod: Pod | undefined): boolean =>
      pod?.status?.conditions?.find(({ type }) => type === 'Ready')?.status === 'True';
    expect((await until('probed', isReady))?.status?.containerStatuses?.[0]).toMatchObject({
      ready: true,
      restartCount: 0,
    });
    await server.call('DELETE', `${PODS}/probed`);
    await until('probed', (pod) => pod === undefined);
  });

  it('says why an image cannot be pulled', async () => {
    await create('typo', { containers: [{ name: 'web', image: 'does-not-exist' }] });
    await until('typo', (pod) =>
      /^(ErrImagePull|ImagePullBackOff)$/.test(pod?.status?.containerStatuses?.[0]?.state?.waiting?.reason ?? ''),
    );
    await untilTrue(async () => (await reasons('typo')).includes('Failed: Error: ErrImagePull'));
    await server.call('DELETE', `${PODS}/typo`);
    await until('typo', (pod) => pod === undefined);
  });

  it('waits for a config map that a variable comes from', async () => {
    const env = [{ name: 'COLOR', valueFrom: { configMapKeyRef: { name: 'settings', key: 'color' } } }];
    await create('needy', { containers: [{ name: 'web', image: 'nginx', env }] });
    const pod = await until(
      'needy',
      (one) => one?.status?.containerStatuses?.[0]?.state?.waiting?.reason === 'CreateContainerConfigError',
    );
    expect(pod?.status?.containerStatuses?.[0]?.state?.waiting?.message).toBe('configmap "settings" not found');
    await server.call('POST', '/api/v1/namespaces/default/configmaps', {
      metadata: { name: 'settings' },
      data: { color: 'blue' },
    });
    await until('needy', (one) => one?.status?.phase === 'Running');
  });

  it('finds its pods again after a restart', async () => {
    await create('web', WEB);
    const before = await until('web', (pod) => pod?.status?.phase === 'Running');
    stop.abort();
    await kubelet.stopped;
    await launch();
    await until('web', (pod) => pod?.status?.phase === 'Running');
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect((await simulated.runtime.listContainers()).map(({ state }) => state)).toEqual(['running']);
    const after = await until('web', () => true);
    expect(after?.status?.containerStatuses?.[0]?.containerID).toBe(
      before?.status?.containerStatuses?.[0]?.containerID,
    );
    expect(after?.status?.containerStatuses?.[0]?.restartCount).toBe(0);
  });

  it('gives its pods the address of the node when that has changed, and can delete them', async () => {
    await create('web', WEB);
    await until('web', isReady);
    stop.abort();
    await kubelet.stopped;
    nodeIp = '10.0.0.2';
    await launch();
    const moved = await until('web', (pod) => pod?.status?.hostIP === nodeIp);
    expect(moved?.status?.hostIPs).toEqual([{ ip: nodeIp }]);
    await server.call('DELETE', `${PODS}/web`);
    await until('web', (pod) => pod === undefined);
  });

  it('keeps what is ready ready over a restart', async () => {
    const readinessProbe = { exec: { command: ['true'] }, periodSeconds: 1 };
    await create('web', { containers: [{ name: 'web', image: 'nginx', readinessProbe }] });
    const before = await until('web', isReady);
    stop.abort();
    await kubelet.stopped;
    const watching = new AbortController();
    const url = `${PODS}?watch=1&resourceVersion=${before!.metadata.resourceVersion}`;
    const changes = await server.watch(url, watching.signal);
    const probed = new Promise<void>((resolve) => {
      simulated.runtime.onCommand = () => {
        resolve();
        return { exitCode: 0, stdout: '' };
      };
    });
    await launch();
    await probed;
    await server.send('PATCH', `${PODS}/web`, {
      contentType: 'application/merge-patch+json',
      body: { metadata: { labels: { last: 'change' } } },
    });
    for (;;) {
      const { object } = (await changes.next()).value as { object: Pod };
      expect(object.status).toEqual(before!.status);
      if (object.metadata.labels?.['last'] !== undefined) break;
    }
    watching.abort();
  });

  it('takes a container that the last kubelet created and did not start for no run', async () => {
    const { runtime } = simulated;
    const cutOff = new Promise<void>((resolve) => {
      runtime.startContainer = () => {
        resolve();
        return new Promise(() => undefined);
      };
    });
    await create('web', WEB);
    await cutOff;
    // As a kubelet that was killed: it never comes to an end.
    stop.abort();
    delete (runtime as Partial<SimulatedRuntime['runtime']>).startContainer;
    await launch();
    const pod = await until('web', (one) => one?.status?.phase === 'Running');
    expect(pod?.status?.containerStatuses?.[0]).toMatchObject({ restartCount: 0, state: { running: {} } });
    expect((await runtime.listContainers()).map(({ state }) => state)).toEqual(['running']);
  });

  it.each([3_600_000, -3_600_000])('goes on as before when the wall clock jumps by %d ms', async (jumpMs) => {
    const { runtime } = simulated;
    const containers = [
      {
        name: 'web',
        image: 'nginx',
        readinessProbe: { exec: { command: ['ready'] }, periodSeconds: 1 },
        livenessProbe: { exec: { command: ['live'] }, initialDelaySeconds: 1, periodSeconds: 1, failureThreshold: 1 },
      },
    ];
    const isReady = (one: Pod | undefined): boolean =>
      one?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true;
    await create('web', { ...WEB, containers, activeDeadlineSeconds: 1_000 });
    await create('crash', WEB, { 'nocher.io/simulated-run-seconds': '0.01', 'nocher.io/simulated-exit-code': '3' });
    const before = await until('web', isReady);
    const isWaiting = (pod: Pod | undefined): boolean =>
      pod?.status?.containerStatuses?.[0]?.state?.waiting?.reason === 'CrashLoopBackOff';
    const crashed = await until('crash', isWaiting);
    clockErrorMs += jumpMs;
    // The kubelet looks at it again.
    const body = { metadata: { labels: { last: 'change' } } };
    await server.send('PATCH', `${PODS}/crash`, { contentType: 'application/merge-patch+json', body });
    let isLive = false;
    runtime.onCommand = (_, [command]) => {
      isLive ||= command === 'live';
      return { exitCode: 0, stdout: '' };
    };
    await untilTrue(() => Promise.resolve(isLive));
    expect((await until('web', () => true))!.status).toEqual(before!.status);
    expect((await until('crash', () => true))!.status).toEqual(crashed!.status);
    // A restart after the jump is the newest run, whatever its time.
    await runtime.stopContainer(before!.status!.containerStatuses![0]!.containerID!.replace(/.*:\/\//, ''), 0);
    const after = await until('web', (pod) => isReady(pod) && pod!.status!.containerStatuses![0]!.restartCount === 1);
    const running = (await runtime.listContainers()).filter(({ state }) => state === 'running');
    expect(running.map(({ id }) => `simulated://${id}`)).toEqual([after!.status!.containerStatuses![0]!.containerID]);
  });

  it('refuses what it has no room for, once, and takes what comes when there is', async () => {
    const port = { containers: [{ name: 'web', image: 'nginx', ports: [{ containerPort: 80, hostPort: 8080 }] }] };
    const big = { containers: [{ name: 'web', image: 'nginx', resources: { requests: { cpu: '100k' } } }] };
    await create('first', port);
    await until('first', (pod) => pod?.status?.phase === 'Running');
    await create('second', port);
    await create('big', big);
    const isFailed = (pod: Pod | undefined): boolean => pod?.status?.phase === 'Failed';
    expect((await until('second', isFailed))?.status).toEqual({
      observedGeneration: 1,
      phase: 'Failed',
      reason: 'NodePorts',
      message:
        "Pod was rejected: Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports",
      startTime: expect.any(String),
      qosClass: 'BestEffort',
    });
    expect((await until('big', isFailed))?.status).toMatchObject({
      reason: 'OutOfcpu',
      message: expect.stringMatching(
        /^Pod was rejected: Node didn't have enough resource: cpu, requested: 100000000, used: 0, capacity: \d+$/,
      ),
    });
    stop.abort();
    await kubelet.stopped;
    await launch();
    await server.call('DELETE', `${PODS}/first`);
    await until('first', (pod) => pod === undefined);
    await create('third', port);
    await until('third', (pod) => pod?.status?.phase === 'Running');
    expect((await until('second', isFailed))?.status?.containerStatuses).toBeUndefined();
    expect((await reasons('second')).map((line) => line.split(':')[0])).toEqual(['NodePorts']);
  });

  it('does not count a pod that is gone from the API and still ends', async () => {
    const ports = [{ containerPort: 80, hostPort: 8080 }];
    const slow = { preStop: { sleep: { seconds: 3 } } };
    await create('first', { containers: [{ name: 'web', image: 'nginx', ports, lifecycle: slow }] });
    await until('first', (pod) => pod?.status?.phase === 'Running');
    await server.call('DELETE', `${PODS}/first?gracePeriodSeconds=0`);
    await create('second', { containers: [{ name: 'web', image: 'nginx', ports }] });
    await until('second', (pod) => pod?.status?.phase === 'Running');
  });

  it('ends a pod that is evicted, with little grace and as failed', async () => {
    await create('web', { ...WEB, terminationGracePeriodSeconds: 600 });
    await until('web', isReady);
    const worker = kubelet.workers.findByName('default', 'web')!;
    worker.evict('too large. ');
    worker.evict('too large, twice. ');
    const ended = await until('web', (pod) => pod?.status?.containerStatuses?.[0]?.state?.terminated !== undefined);
    expect(ended?.status).toMatchObject({ phase: 'Failed', reason: 'Evicted', message: 'too large. ' });
    while (!(await reasons('web')).some((line) => line.startsWith('Killing'))) await new Promise(setImmediate);
    expect((await reasons('web')).filter((line) => line.startsWith('Evicted'))).toEqual(['Evicted: too large. ']);
  });

  it('ends a pod that outlives its deadline', async () => {
    await create('slow', { ...WEB, activeDeadlineSeconds: 1 });
    const pod = await until('slow', (one) => one?.status?.phase === 'Failed');
    expect(pod?.status).toMatchObject({
      reason: 'DeadlineExceeded',
      message: 'Pod was active on the node longer than the specified deadline',
    });
    await untilTrue(async () => (await simulated.runtime.listContainers()).every(({ state }) => state === 'exited'));
  });
});

async function untilTrue(condition: () => Promise<boolean>): Promise<void> {
  const endMs = Date.now() + 5_000;
  while (!(await condition())) {
    if (Date.now() > endMs) throw new Error('it never became true');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
