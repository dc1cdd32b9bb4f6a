import { describe, expect, it } from '@jest/globals';
import { testContainer, testPod, testRuntimePod, testSandbox } from '../testing.ts';
import { noProbes } from './container-verdicts.ts';
import type { ProbeVerdicts } from './container-verdicts.ts';
import { computePodActions } from './pod-actions.ts';

const ready = testSandbox();
const exited = (name: string, exitCode: number, restartCount = 0) =>
  testContainer(name, { state: 'exited', exitCode, restartCount });
const failing = (kind: keyof ProbeVerdicts): ProbeVerdicts => ({ ...noProbes, [kind]: () => true });

describe('computePodActions()', () => {
  it('makes a sandbox and the containers of a new pod', () => {
    expect(computePodActions(testPod(), testRuntimePod([]))).toMatchObject({
      killPod: true,
      createSandbox: true,
      attempt: 0,
      containersToStart: [0],
    });
  });

  it('does nothing for a pod that runs as it should', () => {
    const actions = computePodActions(testPod(), testRuntimePod([ready], [testContainer('web')]));
    expect(actions).toMatchObject({
      killPod: false,
      createSandbox: false,
      sandboxId: 'sandbox-0',
      containersToStart: [],
      containersToKill: [],
    });
  });

  it('knows the newest run of a container though the wall clock was set back before it', () => {
    const before = exited('web', 1, 0);
    const after = testContainer('web', { restartCount: 1, createdAtMs: before.createdAtMs - 3_600_000 });
    expect(computePodActions(testPod(), testRuntimePod([ready], [before, after]))).toMatchObject({
      killPod: false,
      containersToStart: [],
      containersToKill: [],
    });
  });

  it('makes the sandbox again when it is gone, with the next attempt', () => {
    const actions = computePodActions(
      testPod(),
      testRuntimePod([testSandbox({ state: 'notready' })], [exited('web', 137)]),
    );
    expect(actions).toMatchObject({ killPod: true, createSandbox: true, attempt: 1, containersToStart: [0] });
  });

  it('makes the sandbox again when it has no address, but not in the network of the node', () => {
    const bare = testRuntimePod([testSandbox({ ips: [] })], [testContainer('web')]);
    expect(computePodActions(testPod(), bare)).toMatchObject({ createSandbox: true, attempt: 1 });
    expect(computePodActions(testPod({ hostNetwork: true }), bare)).toMatchObject({ createSandbox: false });
  });

  it('makes no sandbox for containers that have ended, each by its own policy', () => {
    const containers = [
      { name: 'ok', image: 'i' },
      { name: 'bad', image: 'i', restartPolicy: 'Never' },
    ] as never;
    const pod = testPod({ restartPolicy: 'OnFailure', containers });
    const gone = testSandbox({ state: 'notready' });
    expect(computePodActions(pod, testRuntimePod([gone], [exited('ok', 0), exited('bad', 1)]))).toMatchObject({
      createSandbox: false,
      containersToStart: [],
    });
    expect(computePodActions(pod, testRuntimePod([gone], [exited('ok', 1), exited('bad', 1)]))).toMatchObject({
      createSandbox: true,
      containersToStart: [0],
    });
  });

  it('leaves a pod that never restarts ended when its sandbox went', () => {
    const pod = testPod({ restartPolicy: 'Never' });
    const actions = computePodActions(pod, testRuntimePod([testSandbox({ state: 'notready' })], [exited('web', 137)]));
    expect(actions).toMatchObject({ killPod: true, createSandbox: false, containersToStart: [] });
  });

  it('starts again only those containers of a new sandbox that have not succeeded', () => {
    const pod = testPod({
      restartPolicy: 'OnFailure',
      containers: [
        { name: 'a', image: 'nginx' },
        { name: 'b', image: 'nginx' },
      ],
    });
    const gone = testRuntimePod([testSandbox({ state: 'notready' })], [exited('a', 0), exited('b', 1)]);
    expect(computePodActions(pod, gone)).toMatchObject({ createSandbox: true, containersToStart: [1] });
  });

  it.each([
    ['Always', 0, true],
    ['Always', 1, true],
    ['OnFailure', 0, false],
    ['OnFailure', 1, true],
    ['Never', 1, false],
  ])('restartPolicy %s after exit code %i: restarts %s', (restartPolicy, exitCode, restarts) => {
    const actions = computePodActions(testPod({ restartPolicy }), testRuntimePod([ready], [exited('web', exitCode)]));
    expect(actions.containersToStart).toEqual(restarts ? [0] : []);
    expect(actions.killPod).toBe(!restarts);
  });

  it('keeps a pod whose other container still runs', () => {
    const pod = testPod({
      restartPolicy: 'Never',
      containers: [
        { name: 'a', image: 'nginx' },
        { name: 'b', image: 'nginx' },
      ],
    });
    expect(computePodActions(pod, testRuntimePod([ready], [exited('a', 1), testContainer('b')]))).toMatchObject({
      killPod: false,
      containersToStart: [],
    });
  });

  it('does not start anything again in a pod that is being deleted', () => {
    const pod = testPod({}, { deletionTimestamp: '2026-01-01T00:00:00Z' });
    expect(computePodActions(pod, testRuntimePod([ready], [exited('web', 0)]))).toMatchObject({
      killPod: true,
      containersToStart: [],
    });
  });

  it('replaces a container whose image was changed', () => {
    const pod = testPod({ containers: [{ name: 'web', image: 'nginx:2' }] });
    const actions = computePodActions(pod, testRuntimePod([ready], [testContainer('web')]));
    expect(actions.containersToKill).toEqual([
      {
        id: 'web-0',
        name: 'web',
        reason: 'definition-changed',
        message: 'Container web definition changed, will be restarted',
      },
    ]);
    expect(actions.containersToStart).toEqual([0]);
  });

  it('kills what fails its liveness probe, and restarts it unless it never restarts', () => {
    const running = testRuntimePod([ready], [testContainer('web')]);
    const always = computePodActions(testPod(), running, failing('livenessFailed'));
    expect(always.containersToKill[0]).toMatchObject({
      reason: 'liveness-probe',
      message: 'Container web failed liveness probe, will be restarted',
    });
    expect(always.containersToStart).toEqual([0]);
    const never = computePodActions(testPod({ restartPolicy: 'Never' }), running, failing('livenessFailed'));
    expect(never.containersToKill[0]?.message).toBe('Container web failed liveness probe');
    expect(never.containersToStart).toEqual([]);
  });

  it('starts ephemeral containers once', () => {
    const pod = testPod({ ephemeralContainers: [{ name: 'debug', image: 'busybox' }] });
    expect(computePodActions(pod, testRuntimePod([ready], [testContainer('web')])).ephemeralContainersToStart).toEqual([
      0,
    ]);
    const ended = testRuntimePod([ready], [testContainer('web'), exited('debug', 1)]);
    expect(computePodActions(pod, ended).ephemeralContainersToStart).toEqual([]);
  });

  it('restarts by exit code where the container has rules', () => {
    const restartPolicyRules = [{ action: 'Restart', exitCodes: { operator: 'In', values: [42] } }];
    const pod = testPod({
      restartPolicy: 'Never',
      containers: [{ name: 'web', image: 'nginx', restartPolicy: 'Never', restartPolicyRules }] as never,
    });
    expect(computePodActions(pod, testRuntimePod([ready], [exited('web', 42)])).containersToStart).toEqual([0]);
    expect(computePodActions(pod, testRuntimePod([ready], [exited('web', 1)])).containersToStart).toEqual([]);
  });
});

describe('computePodActions() with init containers [K3]', () => {
  const pod = testPod({
    initContainers: [
      { name: 'a', image: 'nginx' },
      { name: 'b', image: 'nginx' },
    ],
  });
  const start = (containers: ReturnType<typeof testContainer>[], probes = noProbes, of = pod) =>
    computePodActions(of, testRuntimePod([ready], containers), probes);

  it('begins with the first, alone', () => {
    expect(computePodActions(pod, testRuntimePod([]))).toMatchObject({
      createSandbox: true,
      initContainersToStart: [0],
      containersToStart: [],
    });
    expect(start([])).toMatchObject({ initContainersToStart: [0], containersToStart: [] });
  });

  it('waits while one runs, and goes on when it has succeeded', () => {
    expect(start([testContainer('a')])).toMatchObject({
      killPod: false,
      initContainersToStart: [],
      containersToStart: [],
    });
    expect(start([exited('a', 0)])).toMatchObject({ initContainersToStart: [1], containersToStart: [] });
    expect(start([exited('a', 0), exited('b', 0)])).toMatchObject({
      killPod: false,
      initContainersToStart: [],
      containersToStart: [0],
    });
  });

  it('tries a failed one again, or gives up the pod', () => {
    expect(start([exited('a', 1)]).initContainersToStart).toEqual([0]);
    const never = { ...pod, spec: { ...pod.spec, restartPolicy: 'Never' } };
    expect(start([exited('a', 1)], noProbes, never)).toMatchObject({ killPod: true, createSandbox: false });
  });

  it('does not run them again once a regular container was there', () => {
    expect(start([testContainer('web')])).toMatchObject({ initContainersToStart: [], containersToStart: [] });
  });

  it('runs them again in a new sandbox', () => {
    const containers = [exited('a', 0), exited('b', 0), exited('web', 1)];
    const again = computePodActions(
      pod,
      testRuntimePod([testSandbox({ attempt: 1 }), testSandbox({ state: 'notready' })], containers),
    );
    expect(again).toMatchObject({ createSandbox: false, initContainersToStart: [0], containersToStart: [] });
  });
});

describe('computePodActions() with sidecars [K3]', () => {
  const pod = testPod({
    initContainers: [
      { name: 'proxy', image: 'nginx', restartPolicy: 'Always' },
      { name: 'setup', image: 'nginx' },
    ],
  });
  const start = (containers: ReturnType<typeof testContainer>[], probes = noProbes) =>
    computePodActions(pod, testRuntimePod([ready], containers), probes);

  it('goes on when the sidecar has started', () => {
    const notStarted: ProbeVerdicts = { ...noProbes, isStarted: () => false };
    expect(start([testContainer('proxy')], notStarted).initContainersToStart).toEqual([]);
    expect(start([testContainer('proxy')]).initContainersToStart).toEqual([1]);
    expect(start([testContainer('proxy'), exited('setup', 0)]).containersToStart).toEqual([0]);
  });

  it('restarts a sidecar that ended, before and after the start of the pod', () => {
    expect(start([exited('proxy', 0), testContainer('setup')]).initContainersToStart).toEqual([0]);
    expect(start([exited('proxy', 1), exited('setup', 0), testContainer('web')]).initContainersToStart).toEqual([0]);
  });

  it('kills and restarts a sidecar that fails its liveness probe', () => {
    const probes: ProbeVerdicts = { ...noProbes, livenessFailed: (id) => id === 'proxy-0' };
    const actions = start([testContainer('proxy'), exited('setup', 0), testContainer('web')], probes);
    expect(actions.containersToKill.map(({ name }) => name)).toEqual(['proxy']);
    expect(actions.initContainersToStart).toEqual([0]);
  });

  it('lets the pod end though the sidecar still runs', () => {
    const once = { ...pod, spec: { ...pod.spec, restartPolicy: 'Never' } };
    const actions = computePodActions(
      once,
      testRuntimePod([ready], [testContainer('proxy'), exited('setup', 0), exited('web', 0)]),
    );
    expect(actions).toMatchObject({ killPod: true, createSandbox: false });
  });
});
