/** Pods from creation to deletion, and what is read of them on the way: generations, deadlines, statuses, WebSockets, subPathExpr. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { IncomingMessage } from 'node:http';
import type { RequestOptions } from 'node:https';
import { WebSocket } from 'ws';
import type { Json } from './conformance.ts';
import { eventually, isRoot } from './conformance.ts';
import type { PodCluster } from './pods.ts';
import { describeResizes } from './pod-resizes.ts';
import { hasCondition, podOf, shell, startPodCluster } from './pods.ts';

const suite = isRoot ? describe : describe.skip;
const CORE = '/api/v1/namespaces/default';
const PODS = `${CORE}/pods`;

let cluster: PodCluster;

const selected = async (selector: string): Promise<Json[]> =>
  (await cluster.get(`${PODS}?labelSelector=${encodeURIComponent(selector)}`)).items;

/** All messages of a WebSocket until the server closes it, and the protocol that was agreed on. */
async function webSocket(path: string, protocols: string[]): Promise<{ protocol: string; messages: Buffer[] }> {
  const options: RequestOptions = {};
  await cluster.config.applyToHTTPSOptions(options);
  const socket = new WebSocket(
    cluster.config.getCurrentCluster()!.server.replace(/^http/, 'ws') + path,
    protocols,
    options as object,
  );
  const messages: Buffer[] = [];
  return new Promise((resolve, reject) => {
    socket.on('message', (message) => messages.push(Buffer.from(message as Buffer)));
    socket.on('unexpected-response', (_request, response: IncomingMessage) =>
      reject(new Error(`status ${response.statusCode}`)),
    );
    socket.on('error', reject);
    socket.on('close', () => resolve({ protocol: socket.protocol, messages }));
  });
}

const SUBPATH_VOLUME = { volumes: [{ name: 'workdir', emptyDir: {} }] };
const subpath = (subPathExpr: string, value: string, script = 'true'): Json => ({
  ...shell(script),
  env: [
    { name: 'POD_NAME', value },
    { name: 'ANNOTATION', valueFrom: { fieldRef: { fieldPath: "metadata.annotations['mysubpath']" } } },
  ],
  volumeMounts: [
    { name: 'workdir', mountPath: '/subpath_mount', subPathExpr },
    { name: 'workdir', mountPath: '/volume_mount' },
  ],
});

suite('pods from beginning to end', () => {
  beforeAll(async () => {
    cluster = await startPodCluster();
  }, 90_000);
  afterAll(() => cluster?.stop(), 60_000);

  it('comes, is watched, and goes [conformance: Pods, lifecycle]', async () => {
    const selector = 'time=submitted';
    expect(await selected(selector)).toEqual([]);
    const watch = await cluster.watch(PODS, { labelSelector: selector });
    await cluster.create(
      podOf('submitted', {}, { metadata: { labels: { time: 'submitted' } }, terminationGracePeriodSeconds: 30 }),
    );
    expect((await selected(selector)).map(({ metadata }) => metadata.name)).toEqual(['submitted']);
    await eventually('it was seen to come', () => watch.events[0]?.type === 'ADDED');
    await cluster.running('submitted');
    const { metadata, spec } = await cluster.remove(`${PODS}/submitted`);
    expect(metadata.deletionTimestamp).toBeDefined();
    expect(spec.terminationGracePeriodSeconds).toBeGreaterThan(0);
    const last = await eventually(
      'it was seen to go',
      () => watch.events.find(({ type }) => type === 'DELETED'),
      60_000,
    );
    watch.stop();
    expect(last.object.metadata).toMatchObject({ name: 'submitted', deletionTimestamp: expect.any(String) });
    expect(await selected(selector)).toEqual([]);
  });

  it('changes its labels [conformance: Pods, update]', async () => {
    await cluster.create(podOf('updated', {}, { metadata: { labels: { time: 'before' } } }));
    await cluster.ready('updated');
    expect(await selected('time=before')).toHaveLength(1);
    await cluster.update(`${PODS}/updated`, ({ metadata }) => (metadata.labels.time = 'after'));
    expect((await selected('time=after')).map(({ metadata }) => metadata.name)).toEqual(['updated']);
    expect(await selected('time=before')).toEqual([]);
  });

  it('ends at a deadline that was set later [conformance: Pods, ActiveDeadlineSeconds]', async () => {
    await cluster.create(podOf('deadline', {}, { metadata: { labels: { time: 'deadline' } } }));
    await cluster.running('deadline');
    expect(await selected('time=deadline')).toHaveLength(1);
    await cluster.update(`${PODS}/deadline`, ({ spec }) => (spec.activeDeadlineSeconds = 5));
    expect((await cluster.finished('deadline')).status).toMatchObject({ phase: 'Failed', reason: 'DeadlineExceeded' });
  });

  it('has an address of its node [conformance: Pods, assigned hostip]', async () => {
    await cluster.create(podOf('host-ip', {}));
    const { status } = await cluster.running('host-ip');
    expect(status).toMatchObject({ hostIP: '192.0.2.10', hostIPs: [{ ip: '192.0.2.10' }] });
  });

  it('has a class of service [conformance: Pods, QOS]', async () => {
    const amounts = { cpu: '100m', memory: '100Mi' };
    const { status } = await cluster.create(podOf('guaranteed', { resources: { requests: amounts, limits: amounts } }));
    expect(status.qosClass).toBe('Guaranteed');
  });

  it('goes with its collection [conformance: Pods, delete a collection]', async () => {
    for (const name of ['set-1', 'set-2', 'set-3'])
      await cluster.create(podOf(name, {}, { metadata: { labels: { type: 'Testing' } } }));
    expect(await selected('type=Testing')).toHaveLength(3);
    await cluster.remove(`${PODS}?labelSelector=type%3DTesting`);
    await eventually('they are gone', async () => (await selected('type=Testing')).length === 0, 60_000);
  });

  it('keeps what is patched into its status [conformance: Pods, patching status]', async () => {
    await cluster.create(podOf('patched', {}));
    await cluster.running('patched');
    await cluster.patch(
      `${PODS}/patched/status`,
      { status: { message: 'Patched by e2e test', reason: 'E2E' } },
      'merge',
    );
    expect((await cluster.pod('patched')).status).toMatchObject({
      message: 'Patched by e2e test',
      reason: 'E2E',
      phase: 'Running',
    });
  });

  it('has a status of its own [conformance: Pods, completes the lifecycle of a Pod and the PodStatus]', async () => {
    const watch = await cluster.watch(PODS, { labelSelector: 'test-pod-static=true' });
    await cluster.create(podOf('whole-life', {}, { metadata: { labels: { 'test-pod-static': 'true' } } }));
    await cluster.ready('whole-life');
    const patch = {
      metadata: { labels: { 'test-pod': 'patched' } },
      spec: { terminationGracePeriodSeconds: 1, containers: [{ name: 'c', image: 'nocher.local/hello:2' }] },
    };
    await cluster.patch(`${PODS}/whole-life`, patch, 'strategic-merge');
    await eventually('the change was seen', () =>
      watch.events.some(
        ({ type, object }) =>
          type === 'MODIFIED' &&
          object.metadata.labels['test-pod'] === 'patched' &&
          object.spec.containers[0].image === 'nocher.local/hello:2',
      ),
    );
    const pod = await cluster.get(`${PODS}/whole-life/status`);
    pod.status.conditions = pod.status.conditions.map((one: Json) =>
      one.type === 'Ready' || one.type === 'ContainersReady' ? { ...one, status: 'False' } : one,
    );
    const replaced = await cluster.update(
      `${PODS}/whole-life/status`,
      (object) => (object.status.conditions = pod.status.conditions),
    );
    expect(hasCondition('Ready')(replaced)).toBe(false);
    await cluster.remove(`${PODS}?labelSelector=test-pod-static%3Dtrue`);
    await eventually('it was seen to go', () => watch.events.some(({ type }) => type === 'DELETED'), 60_000);
    watch.stop();
  });

  it('runs a command over a WebSocket [conformance: Pods, remote command execution over websocket]', async () => {
    await cluster.create(podOf('websocket-exec', shell('sleep 600')));
    await cluster.running('websocket-exec');
    const query = 'stdout=1&stderr=1&container=c&command=echo&command=remote%20execution%20test';
    const { protocol, messages } = await webSocket(`${PODS}/websocket-exec/exec?${query}`, ['channel.k8s.io']);
    expect(protocol).toBe('channel.k8s.io');
    const outputs = messages.filter((message) => message[0] === 1).map((message) => message.subarray(1).toString());
    expect(outputs.join('')).toBe('remote execution test\n');
    expect(messages.filter((message) => message[0] === 2 && message.length > 1)).toEqual([]);
  });

  it('tells its log over a WebSocket [conformance: Pods, logs from websockets]', async () => {
    await cluster.create(podOf('websocket-log', shell('echo container is alive; sleep 600')));
    await cluster.running('websocket-log');
    await eventually('its log', async () => (await cluster.log('websocket-log')) === 'container is alive\n');
    const path = `${PODS}/websocket-log/log?container=c`;
    const text = (messages: Buffer[]): string => Buffer.concat(messages).toString();
    const binary = await webSocket(path, ['binary.k8s.io']);
    expect({ protocol: binary.protocol, log: text(binary.messages) }).toEqual({
      protocol: 'binary.k8s.io',
      log: 'container is alive\n',
    });
    const base64 = await webSocket(path, ['base64.binary.k8s.io']);
    expect(Buffer.from(text(base64.messages), 'base64').toString()).toBe('container is alive\n');
    expect(text((await webSocket(path, [])).messages)).toBe('container is alive\n');
    await expect(webSocket(path, ['unknown.k8s.io'])).rejects.toThrow('status 400');
    await expect(webSocket(`${PODS}/nosuch/log`, ['binary.k8s.io'])).rejects.toThrow('status 404');
  });

  describe('generations [A23]', () => {
    const observed = (name: string, generation: number): Promise<unknown> =>
      eventually(
        `generation ${generation} of ${name} is observed`,
        async () => {
          const { metadata, status } = await cluster.pod(name);
          return metadata.generation === generation && status.observedGeneration === generation;
        },
        60_000,
      );

    it('count changes of the spec [conformance: Pods Generation, updates]', async () => {
      await cluster.create(
        podOf(
          'generations',
          {},
          { initContainers: [{ name: 'init', image: 'nocher.local/hello:1', command: ['true'] }] },
        ),
      );
      await cluster.running('generations');
      await observed('generations', 1);
      const changes: [bumps: boolean, change: (pod: Json) => void][] = [
        [false, () => undefined],
        [
          true,
          ({ spec }) => spec.tolerations.push({ key: 'foo', operator: 'Equal', value: 'bar', effect: 'NoSchedule' }),
        ],
        [true, ({ spec }) => (spec.activeDeadlineSeconds = 5000)],
        [true, ({ spec }) => (spec.containers[0].image = 'nocher.local/hello:2')],
        [true, ({ spec }) => (spec.initContainers[0].image = 'nocher.local/hello:2')],
        [false, ({ metadata }) => (metadata.annotations = { key: 'value' })],
        [false, ({ metadata }) => (metadata.generation = 1)],
      ];
      let expected = 1;
      for (const [bumps, change] of changes) {
        await cluster.update(`${PODS}/generations`, change);
        if (bumps) expected++;
        await observed('generations', expected);
      }
    });

    it('begin at 1 and count a graceful deletion [conformance: Pods Generation, graceful delete]', async () => {
      await cluster.create(
        podOf('generation-100', shell('trap "" TERM; while :; do sleep 0.2; done'), { metadata: { generation: 100 } }),
      );
      expect((await cluster.running('generation-100')).metadata.generation).toBe(1);
      await cluster.remove(`${PODS}/generation-100?gracePeriodSeconds=60`);
      const { metadata } = await cluster.pod('generation-100');
      expect(metadata).toMatchObject({
        generation: 2,
        deletionTimestamp: expect.any(String),
        deletionGracePeriodSeconds: 60,
      });
      await cluster.remove(`${PODS}/generation-100?gracePeriodSeconds=0`);
    });

    it('are observed in the end [conformance: Pods Generation, 500 updates]', async () => {
      await cluster.create(podOf('generation-500', {}));
      await cluster.running('generation-500');
      for (let index = 0; index < 499; index++) {
        await cluster.update(`${PODS}/generation-500`, ({ spec }) =>
          spec.tolerations.push({ key: `key-${index}`, operator: 'Exists', effect: 'NoSchedule' }),
        );
      }
      await observed('generation-500', 500);
    }, 120_000);
  });

  describeResizes(() => cluster);

  describe('a mount’s subPathExpr', () => {
    it('is expanded [conformance: VolumeSubpathEnvExpansion, subpath expansion]', async () => {
      await cluster.create(
        podOf('subpath-expands', subpath('$(POD_NAME)', 'foo', 'test -d /volume_mount/foo'), SUBPATH_VOLUME),
      );
      expect((await cluster.finished('subpath-expands')).status.phase).toBe('Succeeded');
    });

    it.each([
      ['backticks', '..', 'VolumeSubpathEnvExpansion, subpath with backticks'],
      ['an absolute path', '/tmp', 'VolumeSubpathEnvExpansion, subpath with absolute path'],
    ])('cannot lead out by %s: %s [conformance: %s]', async (_what, value, behaviour) => {
      const name = `subpath-${behaviour.split(' ').at(-1)}`;
      await cluster.create(podOf(name, subpath('$(POD_NAME)', value), SUBPATH_VOLUME));
      await eventually(
        'the reason',
        async () =>
          (await cluster.pod(name)).status.containerStatuses?.[0].state.waiting?.reason ===
          'CreateContainerConfigError',
      );
      expect((await cluster.pod(name)).status.phase).toBe('Pending');
    });

    it('waits for what it is made of [conformance: VolumeSubpathEnvExpansion, subpath ready from failed state]', async () => {
      await cluster.create(
        podOf('subpath-later', subpath('$(ANNOTATION)/$(POD_NAME)', 'foo', 'sleep 600'), {
          ...SUBPATH_VOLUME,
          metadata: { annotations: { notmysubpath: 'mypath' } },
        }),
      );
      await eventually(
        'the reason',
        async () =>
          (await cluster.pod('subpath-later')).status.containerStatuses?.[0].state.waiting?.reason ===
          'CreateContainerConfigError',
      );
      await cluster.update(`${PODS}/subpath-later`, ({ metadata }) => (metadata.annotations.mysubpath = 'mypath'));
      await cluster.running('subpath-later');
      cluster.inside('subpath-later', 'test -d /volume_mount/mypath/foo');
      await cluster.remove(`${PODS}/subpath-later`);
      await cluster.gone('subpath-later');
    });

    it('is where files are written, whatever it becomes later [conformance: VolumeSubpathEnvExpansion, subpath test writes]', async () => {
      await cluster.create(
        podOf('subpath-writes', subpath('$(ANNOTATION)/$(POD_NAME)', 'foo', 'sleep 600'), {
          ...SUBPATH_VOLUME,
          metadata: { annotations: { mysubpath: 'mypath' } },
        }),
      );
      await cluster.running('subpath-writes');
      cluster.inside('subpath-writes', 'touch /volume_mount/mypath/foo/test.log && test -f /subpath_mount/test.log');
      await cluster.update(`${PODS}/subpath-writes`, ({ metadata }) => (metadata.annotations.mysubpath = 'mynewpath'));
      await cluster.running('subpath-writes');
      await cluster.remove(`${PODS}/subpath-writes`);
      await cluster.gone('subpath-writes');
    });
  });
});
