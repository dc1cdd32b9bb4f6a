/** How containers begin, what they may do, and how they end: init and ephemeral ones, identity, sysctls, last words, logs. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Json } from './conformance.ts';
import { eventually, IMAGE, isRoot } from './conformance.ts';
import type { PodCase, PodCluster } from './pods.ts';
import {
  hasCondition,
  hostCommand,
  hostMount,
  hostVolume,
  outcome,
  podOf,
  shell,
  startCases,
  startPodCluster,
} from './pods.ts';

const suite = isRoot ? describe : describe.skip;
const PODS = '/api/v1/namespaces/default/pods';

let cluster: PodCluster;

const security = (
  behaviour: string,
  securityContext: Json,
  script: string,
  { prints, pod = {} }: { prints: PodCase['prints']; pod?: Json },
): PodCase => ({ behaviour, container: { ...shell(script), securityContext }, pod, prints });

const CASES: readonly PodCase[] = [
  security('Security Context, runAsUser=65534', { runAsUser: 65534 }, 'id -u', { prints: '65534\n' }),
  {
    behaviour: 'Security Context, privileged=false.',
    // What takes CAP_NET_ADMIN, as upstream; and a device that is not one of the few.
    container: {
      ...shell(
        '$HOST_CHROOT ip link add dummy0 type dummy 2>&1; mknod /tmp/disk b 8 0; head -c 1 /tmp/disk 2>&1; grep CapEff /proc/self/status | cut -f2',
      ),
      env: [{ name: 'HOST_CHROOT', value: hostCommand().join(' ') }],
      securityContext: { privileged: false },
      volumeMounts: [hostMount],
    },
    pod: { volumes: [hostVolume] },
    prints:
      "RTNETLINK answers: Operation not permitted\nhead: cannot open '/tmp/disk' for reading: Operation not permitted\n00000000a80425fb\n",
  },
  security(
    'Security Context, readOnlyRootFilesystem=false.',
    { readOnlyRootFilesystem: false },
    'echo written > /file && cat /file',
    { prints: 'written\n' },
  ),
  security(
    'Kubelet, pod with read only root file system',
    { readOnlyRootFilesystem: true },
    'exec 2>&1; echo test > /file; cat /file || true',
    { prints: 'sh: 1: cannot create /file: Read-only file system\ncat: /file: No such file or directory\n' },
  ),
  security(
    'Security Context, test RunAsGroup at container level',
    { runAsUser: 1001, runAsGroup: 2002 },
    'echo $(id -u) $(id -g)',
    { prints: '1001 2002\n' },
  ),
  security('Security Context, test RunAsGroup at pod level', {}, 'echo $(id -u) $(id -g)', {
    prints: '1001 2002\n',
    pod: { securityContext: { runAsUser: 1001, runAsGroup: 2002 } },
  }),
  {
    behaviour: 'Sysctl, test sysctls',
    container: shell('cat /proc/sys/kernel/shm_rmid_forced'),
    pod: { securityContext: { sysctls: [{ name: 'kernel.shm_rmid_forced', value: '1' }] } },
    prints: '1\n',
  },
  {
    behaviour: 'Kubelet, log output, default',
    container: shell("echo 'Hello World'; sleep 0.2; echo 'to the error output' >&2"),
    prints: 'Hello World\nto the error output\n',
  },
  {
    behaviour: 'Kubelet, hostAliases',
    container: { command: ['cat', '/etc/hosts'] },
    pod: { hostAliases: [{ ip: '123.45.67.89', hostnames: ['foo', 'bar'] }] },
    prints: /^# Kubernetes-managed hosts file\.[^]*\n123\.45\.67\.89\tfoo\tbar\n$/,
  },
];

interface LastWords {
  behaviour: string;
  container: Json;
  phase: 'Succeeded' | 'Failed';
  message: string;
}

const FALLBACK = { terminationMessagePolicy: 'FallbackToLogsOnError' };
const LAST_WORDS: readonly LastWords[] = [
  {
    behaviour: 'Container Runtime, TerminationMessagePath, non-root user and non-default path',
    container: {
      ...shell('printf DONE > /dev/termination-custom-log'),
      terminationMessagePath: '/dev/termination-custom-log',
      securityContext: { runAsUser: 1000 },
    },
    phase: 'Succeeded',
    message: 'DONE',
  },
  {
    behaviour: "Container Runtime, TerminationMessage, from container's log output of failing container",
    container: { ...shell('printf DONE; exit 1'), ...FALLBACK },
    phase: 'Failed',
    message: 'DONE',
  },
  {
    behaviour: 'Container Runtime, TerminationMessage, from log output of succeeding container',
    container: { ...shell('echo DONE'), ...FALLBACK },
    phase: 'Succeeded',
    message: '',
  },
  {
    behaviour: 'Container Runtime, TerminationMessage, from file of succeeding container',
    container: { ...shell('printf OK > /dev/termination-log; echo DONE'), ...FALLBACK },
    phase: 'Succeeded',
    message: 'OK',
  },
];

const inits = (...scripts: string[]): Json[] =>
  scripts.map((script, index) => ({ name: `init${index + 1}`, image: IMAGE, ...shell(script) }));
const initPod = (
  name: string,
  scripts: string[],
  { restartPolicy, script }: { restartPolicy: string; script: string },
): Json => podOf(name, shell(script), { restartPolicy, initContainers: inits(...scripts) });
const states = ({ status }: Json): Json[] =>
  status.initContainerStatuses.map(({ state, ready }: Json) => ({
    reason: state.terminated?.reason,
    exitCode: state.terminated?.exitCode,
    ready,
  }));

suite('how containers begin and end [K7]', () => {
  beforeAll(async () => {
    cluster = await startPodCluster();
    await startCases(cluster, CASES);
    await Promise.all(
      LAST_WORDS.map(({ container }, index) => cluster.create(podOf(`last-words-${index}`, container))),
    );
    await cluster.create(
      podOf('escalates', {
        ...shell('grep NoNewPrivs /proc/self/status; id -u; sleep 1000'),
        securityContext: { runAsUser: 1000, allowPrivilegeEscalation: false },
      }),
    );
    await cluster.create(initPod('init-always', ['true', 'true'], { restartPolicy: 'Always', script: 'sleep 1000' }));
    await cluster.create(initPod('init-never', ['true', 'true'], { restartPolicy: 'Never', script: 'true' }));
    await cluster.create(initPod('init-fails-never', ['true', 'false'], { restartPolicy: 'Never', script: 'true' }));
    await cluster.create(initPod('init-fails-always', ['false', 'true'], { restartPolicy: 'Always', script: 'true' }));
    for (const name of ['ends-1', 'ends-2'])
      await cluster.create(podOf(name, { command: ['false'] }, { restartPolicy: 'Always' }));
  }, 90_000);
  afterAll(() => cluster?.stop(), 60_000);

  it.each(CASES.map((one, index) => ({ ...one, index })))('[conformance: $behaviour]', async ({ index, ...one }) => {
    const { phase, printed, expected } = await outcome(cluster, index, one);
    expect(phase).toBe('Succeeded');
    if (typeof expected === 'string') expect(printed).toBe(expected);
    else expect(printed).toMatch(expected);
  });

  it.each(LAST_WORDS.map((one, index) => ({ ...one, index })))(
    '[conformance: $behaviour]',
    async ({ index, phase, message }) => {
      const { status } = await cluster.finished(`last-words-${index}`);
      expect({ phase: status.phase, message: status.containerStatuses[0].state.terminated.message ?? '' }).toEqual({
        phase,
        message,
      });
    },
  );

  it('does not let a program gain privileges [conformance: Security Context, allowPrivilegeEscalation=false.]', async () => {
    await cluster.ready('escalates');
    await eventually('its output', async () => (await cluster.log('escalates')) === 'NoNewPrivs:\t1\n1000\n');
    // A file of root’s with the set-uid bit: what runs it stays who it is.
    const { metadata } = await cluster.create(
      podOf(
        'escalates-by-file',
        {
          ...shell('/v/id -u'),
          securityContext: { runAsUser: 1000, allowPrivilegeEscalation: false },
          volumeMounts: [{ name: 'v', mountPath: '/v' }],
        },
        {
          initContainers: [
            {
              name: 'prepares',
              image: IMAGE,
              ...shell('cp /usr/bin/id /v/id && chmod 4755 /v/id'),
              volumeMounts: [{ name: 'v', mountPath: '/v' }],
            },
          ],
          volumes: [{ name: 'v', emptyDir: {} }],
        },
      ),
    );
    await cluster.finished(metadata.name);
    expect(await cluster.log(metadata.name)).toBe('1000\n');
  });

  it('runs init containers, then the others for ever [conformance: init-container-starts-app-restartalways-pod]', async () => {
    const pod = await cluster.ready('init-always');
    expect(hasCondition('Initialized')(pod)).toBe(true);
    expect(states(pod)).toEqual([
      { reason: 'Completed', exitCode: 0, ready: true },
      { reason: 'Completed', exitCode: 0, ready: true },
    ]);
    expect(pod.status.containerStatuses[0].state.running).toBeDefined();
  });

  it('runs init containers, then the others once [conformance: init-container-starts-app-restartnever-pod]', async () => {
    const pod = await cluster.finished('init-never');
    expect(pod.status.phase).toBe('Succeeded');
    expect(hasCondition('Initialized')(pod)).toBe(true);
    expect(states(pod)).toEqual([
      { reason: 'Completed', exitCode: 0, ready: true },
      { reason: 'Completed', exitCode: 0, ready: true },
    ]);
  });

  it('fails with its init container [conformance: init-container-fails-stops-app-restartnever-pod]', async () => {
    const pod = await cluster.finished('init-fails-never');
    expect(pod.status.phase).toBe('Failed');
    expect(pod.status.conditions.find(({ type }: Json) => type === 'Initialized')).toMatchObject({
      status: 'False',
      reason: 'ContainersNotInitialized',
      message: 'containers with incomplete status: [init2]',
    });
    expect(states(pod)).toEqual([
      { reason: 'Completed', exitCode: 0, ready: true },
      { reason: 'Error', exitCode: 1, ready: false },
    ]);
    expect(pod.status.containerStatuses[0].state).toEqual({ waiting: { reason: 'PodInitializing' } });
  });

  it('tries a failing init container again, and nothing after it [conformance: init-container-fails-stops-app-restartalways-pod]', async () => {
    const pod = await eventually(
      'three restarts',
      async () => {
        const found = await cluster.pod('init-fails-always');
        // Nothing but the first init container may ever run.
        expect(found.status.initContainerStatuses?.[1].state.waiting).toBeDefined();
        expect(found.status.containerStatuses?.[0].state.waiting).toBeDefined();
        return found.status.initContainerStatuses[0].restartCount >= 3 && found;
      },
      90_000,
    );
    expect(pod.status.phase).toBe('Pending');
    expect(pod.status.conditions.find(({ type }: Json) => type === 'Initialized')).toMatchObject({
      status: 'False',
      reason: 'ContainersNotInitialized',
    });
  }, 100_000);

  it('says why a container ended [conformance: Kubelet, failed pod, terminated reason]', async () => {
    const status = await eventually('a terminated container', async () => {
      const { containerStatuses = [] } = (await cluster.pod('ends-1')).status;
      return (
        containerStatuses.length === 1 &&
        (containerStatuses[0].state.terminated ?? containerStatuses[0].lastState.terminated)
      );
    });
    expect(status).toMatchObject({ exitCode: 1, reason: 'Error' });
  });

  it('deletes a pod that always fails [conformance: Kubelet, failed pod, delete]', async () => {
    await cluster.remove(`${PODS}/ends-2`);
    await cluster.gone('ends-2');
  });

  it('restarts by policy [conformance: Container Runtime, Restart Policy, Pod Phases]', async () => {
    const volume = (name: string): Json => ({
      volumes: [{ name: 'v', hostPath: { path: `${cluster.dataDir}/restarts-${name}`, type: 'DirectoryOrCreate' } }],
    });
    // Fails twice, then: runs on (Always), succeeds (OnFailure); fails once (Never).
    const script = (last: string): Json => ({
      ...shell(`echo x >> /v/count; [ $(wc -l < /v/count) -ge 3 ] && ${last}; exit 1`),
      volumeMounts: [{ name: 'v', mountPath: '/v' }],
    });
    const policies = [
      {
        name: 'always',
        restartPolicy: 'Always',
        last: 'sleep 1000',
        phase: 'Running',
        restartCount: 2,
        state: 'running',
        ready: true,
      },
      {
        name: 'on-failure',
        restartPolicy: 'OnFailure',
        last: 'exit 0',
        phase: 'Succeeded',
        restartCount: 2,
        state: 'terminated',
        ready: false,
      },
      {
        name: 'never',
        restartPolicy: 'Never',
        last: 'exit 0',
        phase: 'Failed',
        restartCount: 0,
        state: 'terminated',
        ready: false,
      },
    ];
    for (const { name, restartPolicy, last } of policies)
      await cluster.create(podOf(`restarts-${name}`, script(last), { restartPolicy, ...volume(name) }));
    for (const { name, phase, restartCount, state, ready } of policies) {
      const { status } = await eventually(
        `${name} has its state`,
        async () => {
          const pod = await cluster.pod(`restarts-${name}`);
          const [found] = pod.status.containerStatuses ?? [];
          return (
            found?.restartCount === restartCount && found.state[state] !== undefined && found.ready === ready && pod
          );
        },
        60_000,
      );
      expect(status.phase).toBe(phase);
    }
  }, 120_000);

  it('manages /etc/hosts, except where another is mounted and in the node’s network [conformance: Kubelet, managed etc hosts]', async () => {
    const original = { name: 'hosts', mountPath: '/etc/hosts-original' };
    const volumes = [{ name: 'hosts', hostPath: { path: '/etc/hosts', type: 'File' } }];
    const containers = ['one', 'two', 'three'].map((name) => ({
      name,
      image: IMAGE,
      ...shell('sleep 1000'),
      volumeMounts: name === 'three' ? [original, { name: 'hosts', mountPath: '/etc/hosts' }] : [original],
    }));
    await cluster.create(podOf('hosts', {}, { containers, volumes }));
    await cluster.create(
      podOf('hosts-of-node', {}, { hostNetwork: true, containers: containers.slice(0, 2), volumes }),
    );
    await cluster.ready('hosts');
    await cluster.ready('hosts-of-node');
    const isManaged = (pod: string, container: string): boolean => {
      const hosts = cluster.inside(pod, 'cat /etc/hosts', container);
      return (
        hosts.startsWith('# Kubernetes-managed hosts file.') &&
        hosts !== cluster.inside(pod, 'cat /etc/hosts-original', container)
      );
    };
    expect(['one', 'two', 'three'].map((name) => isManaged('hosts', name))).toEqual([true, true, false]);
    expect(['one', 'two'].map((name) => isManaged('hosts-of-node', name))).toEqual([false, false]);
  });

  it('refuses sysctls that are none [conformance: Sysctls, reject invalid sysctls]', async () => {
    const sysctls = ['foo-', 'kernel.shmmax', 'safe-and-unsafe', 'bar..'].map((name) => ({ name, value: '100000000' }));
    const { status, body } = await cluster.send('POST', PODS, {
      body: podOf('bad-sysctls', {}, { securityContext: { sysctls } }),
    });
    expect(status).toBe(422);
    const causes = body.details.causes.map(({ field, reason }: Json) => `${field} ${reason}`);
    expect(causes).toEqual([
      'spec.securityContext.sysctls[0].name FieldValueInvalid',
      'spec.securityContext.sysctls[3].name FieldValueInvalid',
    ]);
    expect(body.message).not.toContain('kernel.shmmax');
    expect((await cluster.send('GET', `${PODS}/bad-sysctls`)).status).toBe(404);
  });

  const ephemeral = (name: string): Json => ({
    name,
    image: IMAGE,
    command: ['sh', '-c', `echo ${name}; sleep 10000`],
    stdin: true,
    tty: true,
  });
  const isRunning = (pod: string, name: string): Promise<unknown> =>
    eventually(
      `${name} runs`,
      async () =>
        (await cluster.pod(pod)).status.ephemeralContainerStatuses?.find((one: Json) => one.name === name)?.state
          .running !== undefined,
    );

  it('adds a container to a pod that runs [W1] [conformance: Ephemeral Container Creation]', async () => {
    await cluster.create(podOf('debugged', {}));
    await cluster.ready('debugged');
    await cluster.patch(
      `${PODS}/debugged/ephemeralcontainers`,
      { spec: { ephemeralContainers: [ephemeral('debugger')] } },
      'strategic-merge',
    );
    await isRunning('debugged', 'debugger');
    await eventually('its output', async () => (await cluster.log('debugged', 'debugger')).includes('debugger'));
  });

  it('adds one more [conformance: Ephemeral Container, update ephemeral containers]', async () => {
    await cluster.create(podOf('debugged-twice', {}));
    await cluster.ready('debugged-twice');
    const path = `${PODS}/debugged-twice/ephemeralcontainers`;
    await cluster.patch(path, { spec: { ephemeralContainers: [ephemeral('debugger')] } }, 'strategic-merge');
    await isRunning('debugged-twice', 'debugger');
    expect((await cluster.pod('debugged-twice')).spec.ephemeralContainers).toHaveLength(1);
    await cluster.update(path, ({ spec }) => spec.ephemeralContainers.push(ephemeral('debugger2')));
    await isRunning('debugged-twice', 'debugger2');
    expect((await cluster.pod('debugged-twice')).spec.ephemeralContainers.map(({ name }: Json) => name)).toEqual([
      'debugger',
      'debugger2',
    ]);
  });
});
