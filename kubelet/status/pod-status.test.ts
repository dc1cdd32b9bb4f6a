import { describe, expect, it } from '@jest/globals';
import type { Pod } from '../../api/core/v1/pod/types.ts';
import { testContainer, testPod, testRuntimePod, testSandbox } from '../testing.ts';
import { generatePodStatus } from './pod-status.ts';
import type { PodStatusInput } from './pod-status.ts';
import { statusPatch } from './status-patch.ts';

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);

function statusOf(pod: Pod, overrides: Partial<PodStatusInput> = {}) {
  return generatePodStatus({
    pod,
    runtimePod: testRuntimePod([]),
    failures: new Map(),
    terminationMessages: new Map(),
    readiness: { isStarted: () => true, isReady: () => true },
    runtimeName: 'native',
    nodeIp: '10.0.0.1',
    nowMs: NOW,
    isTerminal: false,
    resourcesOf: () => undefined,
    resizeConditions: [],
    ...overrides,
  });
}

const condition = (status: ReturnType<typeof statusOf>, type: string) =>
  status.conditions?.find((one) => one.type === type);
const running = testRuntimePod([testSandbox()], [testContainer('web')]);
const ended = (exitCode: number) =>
  testRuntimePod([testSandbox()], [testContainer('web', { state: 'exited', exitCode })]);

describe('generatePodStatus()', () => {
  it('is Pending before anything runs, and says of what it waits', () => {
    const status = statusOf(testPod());
    expect(status).toMatchObject({
      phase: 'Pending',
      startTime: '2026-01-02T03:04:05Z',
      hostIP: '10.0.0.1',
      hostIPs: [{ ip: '10.0.0.1' }],
      qosClass: 'BestEffort',
    });
    expect(status.containerStatuses).toEqual([
      {
        name: 'web',
        image: 'nginx',
        imageID: '',
        ready: false,
        started: false,
        restartCount: 0,
        state: { waiting: { reason: 'ContainerCreating' } },
        lastState: {},
      },
    ]);
    expect(condition(status, 'PodReadyToStartContainers')?.status).toBe('False');
    expect(condition(status, 'Initialized')?.status).toBe('True');
    expect(condition(status, 'Ready')).toMatchObject({
      status: 'False',
      reason: 'ContainersNotReady',
      message: 'containers with unready status: [web]',
    });
    expect(condition(status, 'PodScheduled')?.status).toBe('True');
  });

  it('is Running and ready with its address', () => {
    const status = statusOf(testPod(), { runtimePod: running });
    expect(status).toMatchObject({ phase: 'Running', podIP: '10.244.0.5', podIPs: [{ ip: '10.244.0.5' }] });
    expect(status.containerStatuses?.[0]).toMatchObject({
      ready: true,
      started: true,
      containerID: 'native://web-0',
      image: 'docker.io/library/nginx:latest',
      imageID: 'docker.io/library/nginx@sha256:1',
      state: { running: { startedAt: '1970-01-01T00:00:02Z' } },
    });
    expect(status.conditions?.map(({ type, status: value }) => `${type}=${value}`)).toEqual([
      'PodReadyToStartContainers=True',
      'Initialized=True',
      'Ready=True',
      'ContainersReady=True',
      'PodScheduled=True',
    ]);
  });

  it('has the address of the node in the network of the node', () => {
    const status = statusOf(testPod({ hostNetwork: true }), {
      runtimePod: testRuntimePod([testSandbox({ ips: [] })], [testContainer('web')]),
    });
    expect(status).toMatchObject({ podIP: '10.0.0.1', podIPs: [{ ip: '10.0.0.1' }] });
    expect(condition(status, 'PodReadyToStartContainers')?.status).toBe('True');
  });

  it('is Running but not ready while a probe says no', () => {
    const status = statusOf(testPod(), {
      runtimePod: running,
      readiness: { isStarted: () => true, isReady: () => false },
    });
    expect(status.phase).toBe('Running');
    expect(status.containerStatuses?.[0]).toMatchObject({ ready: false, started: true });
    expect(condition(status, 'ContainersReady')).toMatchObject({ status: 'False', reason: 'ContainersNotReady' });
  });

  it.each([
    ['Never', 0, 'Succeeded', 'PodCompleted'],
    ['Never', 1, 'Failed', 'PodFailed'],
    ['OnFailure', 0, 'Succeeded', 'PodCompleted'],
    ['OnFailure', 1, 'Running', 'ContainersNotReady'],
    ['Always', 0, 'Running', 'ContainersNotReady'],
  ])('restartPolicy %s, exit code %i: %s', (restartPolicy, exitCode, phase, reason) => {
    const status = statusOf(testPod({ restartPolicy }), { runtimePod: ended(exitCode) });
    expect(status.phase).toBe(phase);
    expect(condition(status, 'Ready')).toMatchObject({ status: 'False', reason });
  });

  it('gives exit code, reason and termination message of what ended', () => {
    const status = statusOf(testPod({ restartPolicy: 'Never' }), {
      runtimePod: ended(3),
      terminationMessages: new Map([['web-0', 'no disk']]),
    });
    expect(status.containerStatuses?.[0]?.state?.terminated).toEqual({
      exitCode: 3,
      reason: 'Error',
      message: 'no disk',
      startedAt: '1970-01-01T00:00:02Z',
      finishedAt: '1970-01-01T00:00:03Z',
      containerID: 'native://web-0',
    });
  });

  it('shows a container that backs off as waiting, and how it ended as its last state', () => {
    const failures = new Map([['web', { reason: 'CrashLoopBackOff', message: 'back-off 10s' }]]);
    const status = statusOf(testPod(), { runtimePod: ended(1), failures });
    expect(status.phase).toBe('Running');
    expect(status.containerStatuses?.[0]).toMatchObject({
      state: { waiting: { reason: 'CrashLoopBackOff', message: 'back-off 10s' } },
      lastState: { terminated: { exitCode: 1 } },
    });
  });

  it('counts restarts, and keeps the state before', () => {
    const runtimePod = testRuntimePod(
      [testSandbox()],
      [testContainer('web', { restartCount: 1 }), testContainer('web', { state: 'exited', exitCode: 2 })],
    );
    expect(statusOf(testPod(), { runtimePod }).containerStatuses?.[0]).toMatchObject({
      restartCount: 1,
      lastState: { terminated: { exitCode: 2 } },
    });
  });

  it('is Pending and not initialized while init containers run', () => {
    const pod = testPod({ initContainers: [{ name: 'setup', image: 'nginx' }] });
    const status = statusOf(pod, { runtimePod: testRuntimePod([testSandbox()], [testContainer('setup')]) });
    expect(status.phase).toBe('Pending');
    expect(condition(status, 'Initialized')).toMatchObject({
      status: 'False',
      reason: 'ContainersNotInitialized',
      message: 'containers with incomplete status: [setup]',
    });
    expect(status.containerStatuses?.[0]?.state).toEqual({ waiting: { reason: 'PodInitializing' } });
    const done = testRuntimePod([testSandbox()], [testContainer('setup', { state: 'exited' }), testContainer('web')]);
    expect(statusOf(pod, { runtimePod: done }).initContainerStatuses?.[0]).toMatchObject({
      ready: true,
      state: { terminated: { reason: 'Completed' } },
    });
  });

  it('gives every container that has not run the same reason in a pod that initializes', () => {
    const pod = testPod({ initContainers: [{ name: 'setup', image: 'busybox' }] });
    const waiting = { waiting: { reason: 'PodInitializing' } };
    const missing = statusOf(pod);
    expect(missing.initContainerStatuses?.[0]?.state).toEqual(waiting);
    expect(missing.containerStatuses?.[0]?.state).toEqual(waiting);
    const created = testRuntimePod([testSandbox()], [testContainer('setup', { state: 'created' })]);
    expect(statusOf(pod, { runtimePod: created }).initContainerStatuses?.[0]?.state).toEqual(waiting);
  });

  it('fails with an init container that fails for good', () => {
    const pod = testPod({ restartPolicy: 'Never', initContainers: [{ name: 'setup', image: 'nginx' }] });
    const runtimePod = testRuntimePod([testSandbox()], [testContainer('setup', { state: 'exited', exitCode: 1 })]);
    expect(statusOf(pod, { runtimePod }).phase).toBe('Failed');
  });

  it('never leaves an end that was reported', () => {
    const pod: Pod = { ...testPod({ restartPolicy: 'Never' }), status: { phase: 'Succeeded' } };
    expect(statusOf(pod, { runtimePod: running }).phase).toBe('Succeeded');
  });

  it('fails for the reason that the kubelet has', () => {
    const status = statusOf(testPod(), {
      runtimePod: running,
      verdict: { reason: 'DeadlineExceeded', message: 'too long' },
    });
    expect(status).toMatchObject({ phase: 'Failed', reason: 'DeadlineExceeded', message: 'too long' });
  });

  it('keeps the times of conditions that did not change, and the conditions of others', () => {
    const first = statusOf(testPod(), { runtimePod: running });
    const gate = { type: 'example.com/gate', status: 'False' };
    const pod: Pod = {
      ...testPod({ readinessGates: [{ conditionType: gate.type }] }),
      status: { ...first, conditions: [...first.conditions!, gate] },
    };
    const second = statusOf(pod, { runtimePod: running, nowMs: NOW + 60_000 });
    expect(condition(second, 'ContainersReady')?.lastTransitionTime).toBe('2026-01-02T03:04:05Z');
    expect(condition(second, 'Ready')).toMatchObject({
      status: 'False',
      reason: 'ReadinessGatesNotReady',
      message: 'the status of pod readiness gate "example.com/gate" is not "True", but False',
      lastTransitionTime: '2026-01-02T03:05:05Z',
    });
    expect(condition(second, gate.type)).toEqual(gate);
  });
});

describe('statusPatch()', () => {
  it('is nothing when nothing changed', () => {
    const status = statusOf(testPod(), { runtimePod: running });
    expect(statusPatch(status, structuredClone(status))).toBeUndefined();
  });

  it('holds only changed conditions, and clears texts that went', () => {
    const before = statusOf(testPod());
    const after = statusOf({ ...testPod(), status: before }, { runtimePod: running });
    const patch = statusPatch(before, after) as { conditions: Record<string, unknown>[]; phase: string };
    expect(patch.phase).toBe('Running');
    expect(patch.conditions.map(({ type }) => type)).toEqual(['PodReadyToStartContainers', 'Ready', 'ContainersReady']);
    expect(patch.conditions[1]).toMatchObject({ status: 'True', reason: null, message: null });
  });

  it.each(['pod', 'host'])('takes out addresses of the %s that went', (of) => {
    expect(
      statusPatch(
        { [`${of}IP`]: '10.1.0.1', [`${of}IPs`]: [{ ip: '10.1.0.1' }] },
        { [`${of}IP`]: '10.1.0.2', [`${of}IPs`]: [{ ip: '10.1.0.2' }] },
      ),
    ).toEqual({
      [`${of}IP`]: '10.1.0.2',
      [`${of}IPs`]: [{ ip: '10.1.0.2' }, { ip: '10.1.0.1', $patch: 'delete' }],
    });
  });

  it('leaves the conditions of others to them', () => {
    const gate = { type: 'example.com/gate', status: 'True' };
    const before = {
      conditions: [
        { type: 'Ready', status: 'False' },
        { ...gate, status: 'False' },
      ],
    };
    const after = { conditions: [{ type: 'Ready', status: 'True' }, gate] };
    expect(statusPatch(before, after)).toEqual({ conditions: [{ type: 'Ready', status: 'True' }] });
    expect(statusPatch({ conditions: [] }, { conditions: [gate] })).toBeUndefined();
  });
});
