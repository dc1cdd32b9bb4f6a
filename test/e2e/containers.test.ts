/** What containers are given and what can be done with them while they run: terminals, init, environment, volumes, hooks, identity. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Cluster, CommandResult, Json } from './harness.ts';
import { eventually, isOnContainerd, isRoot, MINORS, startCluster } from './harness.ts';
import { describeResizes } from './pod-resizes.ts';

const image = 'nocher.local/hello:1';
const suite = isRoot ? describe : describe.skip;

let cluster: Cluster;

const json = (text: string): Json => JSON.parse(text);
const podObject = (name: string): Json => json(cluster.run('get', 'pod', name, '-o', 'json'));
const ready = (name: string): void => void cluster.run('wait', '--for=condition=Ready', `pod/${name}`, '--timeout=40s');
const inside = (name: string, script: string): string => cluster.run('exec', name, '--', 'sh', '-c', script).trimEnd();
const ended = (name: string): Promise<string> =>
  eventually(`${name} has ended`, () =>
    ['Succeeded', 'Failed'].find((phase) => podObject(name).status.phase === phase),
  );

/** Creates a pod from its spec, in JSON. */
function run(name: string, spec: object, metadata: object = {}): void {
  cluster.apply(
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, ...metadata },
      spec: { terminationGracePeriodSeconds: 1, ...spec },
    }),
  );
}

const shell = (script: string, more: object = {}): object => ({
  name: 'c',
  image,
  command: ['sh', '-c', script],
  ...more,
});

/** Runs kubectl on a terminal, types `input`, and gives what the terminal showed. */
function onTerminal(minor: string, args: readonly string[], input: string): CommandResult {
  const quoted = [cluster.kubectlPath(minor), ...args].map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
  return cluster.host('sh', [
    '-c',
    `{ sleep 1; printf '${input}'; sleep 1; } | script -qec "$1" /dev/null`,
    'sh',
    quoted,
  ]);
}

suite('containers', () => {
  beforeAll(async () => {
    cluster = await startCluster(['--storage', 'memory']);
  }, 90_000);
  afterAll(() => cluster?.stop(), 60_000);

  describe.each(MINORS)('terminals with kubectl 1.%s', (minor) => {
    const name = `term-${minor}`;
    beforeAll(() => {
      run(name, { containers: [{ ...shell('while read line; do echo "heard $line"; done'), stdin: true, tty: true }] });
      ready(name);
    });
    afterAll(() => void cluster.run('delete', 'pod', name, '--wait=false'));

    it('exec -it', () => {
      const { code, stdout } = onTerminal(
        minor,
        ['exec', '-it', name, '--', 'sh'],
        'tty; echo size $(stty size); exit 5\\n',
      );
      expect(stdout).toMatch(/\/dev\/(pts\/\d+|console)/);
      expect(stdout).toMatch(/size \d+ \d+/);
      expect(code).toBe(5);
    });

    it('attach -it', () => {
      const { stdout } = onTerminal(minor, ['attach', '-it', name], 'hello\\n');
      expect(stdout).toContain('heard hello');
    });

    it('run --rm -it', () => {
      const { code, stdout } = onTerminal(
        minor,
        [
          'run',
          `once-${minor}`,
          '--rm',
          '-it',
          '--restart=Never',
          `--image=${image}`,
          '--command',
          '--',
          'sh',
          '-c',
          'read x; echo got $x',
        ],
        'this\\n',
      );
      expect(stdout).toContain('got this');
      expect(stdout).toMatch(new RegExp(`pod "once-${minor}" deleted`));
      expect(code).toBe(0);
      expect(cluster.kubectl(['get', 'pod', `once-${minor}`]).code).toBe(1);
    });

    it('run --rm -i passes the exit code on', () => {
      const { code, stdout } = cluster.kubectl(
        [
          'run',
          `code-${minor}`,
          '--rm',
          '-i',
          '--restart=Never',
          `--image=${image}`,
          '--command',
          '--',
          'sh',
          '-c',
          'cat; exit 4',
        ],
        { minor, input: 'piped\n' },
      );
      expect(stdout).toContain('piped\n');
      expect(code).toBe(4);
    });
  });

  describe('init containers [W1]', () => {
    it('run one after another, before the others', async () => {
      const mount = { volumeMounts: [{ name: 'shared', mountPath: '/shared' }] };
      run('init', {
        restartPolicy: 'Never',
        initContainers: [
          shell('echo one >> /shared/log', { name: 'first', ...mount }),
          shell('sleep 1; echo two >> /shared/log', { name: 'second', ...mount }),
        ],
        containers: [shell('echo three >> /shared/log; cat /shared/log', mount)],
        volumes: [{ name: 'shared', emptyDir: {} }],
      });
      expect(await ended('init')).toBe('Succeeded');
      expect(cluster.run('logs', 'init')).toBe('one\ntwo\nthree\n');
      expect(
        podObject('init').status.initContainerStatuses.map(({ name, state }: Json) => [name, state.terminated.reason]),
      ).toEqual([
        ['first', 'Completed'],
        ['second', 'Completed'],
      ]);
    });

    it('hold the pod back when they fail', async () => {
      run('init-fails', {
        restartPolicy: 'Never',
        initContainers: [shell('exit 9', { name: 'broken' })],
        containers: [shell('echo never')],
      });
      expect(await ended('init-fails')).toBe('Failed');
      expect(cluster.run('get', 'pod', 'init-fails')).toContain('Init:Error');
      expect(podObject('init-fails').status.containerStatuses[0].state).toEqual({
        waiting: { reason: 'PodInitializing' },
      });
    });

    it('go on beside the others as sidecars', async () => {
      run('sidecar', {
        restartPolicy: 'Never',
        initContainers: [shell('echo up; sleep 1000', { name: 'side', restartPolicy: 'Always' })],
        containers: [shell('sleep 1; echo done')],
      });
      expect(await ended('sidecar')).toBe('Succeeded');
      expect(cluster.run('logs', 'sidecar', '-c', 'side')).toBe('up\n');
    });
  });

  it('has the names of its pod and of its aliases, and shares its processes if told to [W1]', () => {
    run('sharing', {
      hostname: 'boat',
      subdomain: 'harbour',
      hostAliases: [{ ip: '10.1.2.3', hostnames: ['pier.local', 'quay.local'] }],
      shareProcessNamespace: true,
      containers: [shell('exec sleep 12345'), shell('exec sleep 54321', { name: 'other' })],
    });
    ready('sharing');
    const ip = podObject('sharing').status.podIP as string;
    expect(inside('sharing', 'hostname; hostname -f')).toBe('boat\nboat.harbour.default.svc.cluster.local');
    const hosts = inside('sharing', 'cat /etc/hosts');
    expect(hosts).toContain(`${ip}\tboat.harbour.default.svc.cluster.local\tboat`);
    expect(hosts).toContain('10.1.2.3\tpier.local\tquay.local');
    const commands = inside('sharing', 'for f in /proc/[0-9]*/cmdline; do tr "\\0" " " < $f; echo; done');
    expect(commands).toContain('sleep 12345');
    expect(commands).toContain('sleep 54321');
    // None of theirs is the first process: that is the pod's.
    expect(inside('sharing', 'tr "\\0" " " < /proc/1/cmdline')).not.toContain('sleep');
    run('apart', { containers: [shell('exec sleep 12345'), shell('exec sleep 54321', { name: 'other' })] });
    ready('apart');
    expect(inside('apart', 'tr "\\0" " " < /proc/1/cmdline')).toBe('sleep 12345');
    expect(inside('apart', 'cat /proc/[0-9]*/cmdline | tr "\\0" " "')).not.toContain('sleep 54321');
  });

  it('knows its environment in every form', () => {
    cluster.run('create', 'configmap', 'env', '--from-literal=FROM_MAP=map', '--from-literal=other=x');
    cluster.run('create', 'secret', 'generic', 'env', '--from-literal=FROM_SECRET=secret');
    run(
      'environment',
      {
        containers: [
          shell('sleep 1000', {
            resources: { limits: { cpu: '500m', memory: '64Mi' } },
            envFrom: [
              { configMapRef: { name: 'env' } },
              { prefix: 'P_', secretRef: { name: 'env' } },
              { configMapRef: { name: 'nosuch', optional: true } },
            ],
            env: [
              { name: 'PLAIN', value: 'plain' },
              { name: 'EXPANDED', value: '$(PLAIN)-$(FROM_MAP)-$(NOSUCH)-$$(PLAIN)' },
              { name: 'KEY', valueFrom: { configMapKeyRef: { name: 'env', key: 'other' } } },
              { name: 'NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
              { name: 'LABEL', valueFrom: { fieldRef: { fieldPath: "metadata.labels['tier']" } } },
              { name: 'NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
              { name: 'CPU', valueFrom: { resourceFieldRef: { resource: 'limits.cpu', divisor: '1m' } } },
              { name: 'MEMORY', valueFrom: { resourceFieldRef: { resource: 'limits.memory' } } },
              { name: 'ABSENT', valueFrom: { secretKeyRef: { name: 'env', key: 'nosuch', optional: true } } },
            ],
          }),
        ],
      },
      { labels: { tier: 'web' } },
    );
    ready('environment');
    const env = Object.fromEntries(
      inside('environment', 'env')
        .split('\n')
        .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
    );
    expect(env).toMatchObject({
      PLAIN: 'plain',
      EXPANDED: 'plain-map-$(NOSUCH)-$(PLAIN)',
      FROM_MAP: 'map',
      P_FROM_SECRET: 'secret',
      KEY: 'x',
      NAME: 'environment',
      LABEL: 'web',
      NODE: 'node-1',
      CPU: '500',
      MEMORY: String(64 << 20),
      HOSTNAME: 'environment',
      KUBERNETES_SERVICE_PORT: '443',
    });
    expect(env).not.toHaveProperty('ABSENT');
  });

  it('expands its command, and lets the manifest replace it', async () => {
    run('args', {
      restartPolicy: 'Never',
      containers: [
        {
          name: 'c',
          image,
          command: ['echo'],
          args: ['$(WHO)', '$$(WHO)', '$(NOSUCH)'],
          env: [{ name: 'WHO', value: 'me' }],
          workingDir: '/tmp',
        },
      ],
    });
    await ended('args');
    expect(cluster.run('logs', 'args')).toBe('me $(WHO) $(NOSUCH)\n');
  });

  it('has the identity and the limits it was given', () => {
    run('secured', {
      hostname: 'boat',
      securityContext: { runAsUser: 1234, runAsGroup: 2345, fsGroup: 3456, supplementalGroups: [4567] },
      containers: [
        shell('sleep 1000', {
          securityContext: {
            readOnlyRootFilesystem: true,
            allowPrivilegeEscalation: false,
            capabilities: { drop: ['ALL'] },
          },
          volumeMounts: [{ name: 'v', mountPath: '/v' }],
        }),
      ],
      volumes: [{ name: 'v', emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } }],
    });
    ready('secured');
    expect(inside('secured', 'id -u; id -g; id -G | tr " " "\\n" | sort -n | tr "\\n" " "; hostname')).toBe(
      '1234\n2345\n2345 3456 4567 boat',
    );
    expect(inside('secured', 'touch /x 2>&1 || true')).toContain('Read-only file system');
    expect(inside('secured', 'touch /v/x && stat -c %g /v/x')).toBe('3456');
    expect(inside('secured', 'grep -E "^(CapEff|NoNewPrivs)" /proc/self/status | tr "\\t\\n" "  "')).toMatch(
      /CapEff: 0000000000000000 +NoNewPrivs: 1/,
    );
    expect(inside('secured', 'head -c 2000000 /dev/zero > /v/full 2>/dev/null; stat -c %s /v/full')).toBe(
      String(1 << 20),
    );
  });

  it('refuses to run as root what must not', async () => {
    run('not-root', { containers: [shell('sleep 1000', { securityContext: { runAsNonRoot: true } })] });
    await eventually(
      'the reason',
      () => podObject('not-root').status.containerStatuses?.[0].state.waiting?.reason === 'CreateContainerConfigError',
    );
    expect(podObject('not-root').status.containerStatuses[0].state.waiting.message).toContain(
      'container has runAsNonRoot and image will run as root',
    );
    cluster.run('delete', 'pod', 'not-root');
  });

  describeResizes(() => cluster);

  describe('volumes', () => {
    it('project the downward API, parts of config maps, and files by subPath [V3]', async () => {
      cluster.run('create', 'configmap', 'parts', '--from-literal=one=1', '--from-literal=two=2');
      run(
        'volumes',
        {
          containers: [
            shell('sleep 1000', {
              volumeMounts: [
                { name: 'all', mountPath: '/all' },
                { name: 'map', mountPath: '/etc/one', subPath: 'renamed/one' },
                { name: 'shared', mountPath: '/shared' },
              ],
            }),
          ],
          volumes: [
            {
              name: 'all',
              projected: {
                sources: [
                  { downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] } },
                  { configMap: { name: 'parts', items: [{ key: 'two', path: 'deep/two', mode: 0o400 }] } },
                ],
              },
            },
            { name: 'map', configMap: { name: 'parts', items: [{ key: 'one', path: 'renamed/one' }] } },
            { name: 'shared', emptyDir: {} },
          ],
        },
        { labels: { a: 'b' } },
      );
      ready('volumes');
      expect(
        inside('volumes', 'cat /all/labels; echo; cat /all/deep/two; echo; stat -Lc %a /all/deep/two; cat /etc/one'),
      ).toBe('a="b"\n2\n400\n1');
      cluster.run('label', 'pod', 'volumes', 'c=d');
      await eventually('the new label', () => inside('volumes', 'cat /all/labels') === 'a="b"\nc="d"', 90_000);
    });

    it('have the pod evicted when they outgrow their limit [V1]', async () => {
      run('large', {
        containers: [
          shell('head -c 3145728 /dev/zero >/v/file; sleep 1000', { volumeMounts: [{ name: 'v', mountPath: '/v' }] }),
        ],
        volumes: [{ name: 'v', emptyDir: { sizeLimit: '1Mi' } }],
      });
      await eventually('the eviction', () => podObject('large').status.reason === 'Evicted', 60_000);
      expect(podObject('large').status).toMatchObject({
        phase: 'Failed',
        message: 'Usage of EmptyDir volume "v" exceeds the limit "1Mi". ',
      });
    });

    it('are missed with a reason', async () => {
      run('missing', { containers: [shell('sleep 1000')], volumes: [{ name: 'm', configMap: { name: 'nosuch' } }] });
      await eventually('the event', () =>
        cluster
          .run('get', 'events', '--field-selector=involvedObject.name=missing')
          .includes('MountVolume.SetUp failed for volume "m" : configmap "nosuch" not found'),
      );
      expect(cluster.run('get', 'pod', 'missing')).toContain('ContainerCreating');
      cluster.run('delete', 'pod', 'missing');
    });
  });

  it('tells why it ended, and has its log by container, line and label', async () => {
    run(
      'told',
      {
        restartPolicy: 'Never',
        containers: [
          shell('echo out; echo because > /dev/termination-log; exit 2', { name: 'says' }),
          shell('for i in 1 2 3; do echo line $i; done; exit 1', {
            name: 'logs',
            terminationMessagePolicy: 'FallbackToLogsOnError',
          }),
        ],
      },
      { labels: { app: 'told' } },
    );
    expect(await ended('told')).toBe('Failed');
    const states = Object.fromEntries(
      podObject('told').status.containerStatuses.map(({ name, state }: Json) => [name, state.terminated]),
    );
    expect(states['says']).toMatchObject({ exitCode: 2, reason: 'Error', message: 'because\n' });
    expect(states['logs']).toMatchObject({ exitCode: 1, reason: 'Error', message: 'line 1\nline 2\nline 3\n' });
    const log = cluster.kubectl(['logs', 'told']);
    expect({ code: log.code, stdout: log.stdout }).toEqual({ code: 0, stdout: 'out\n' });
    expect(log.stderr).toBe('Defaulted container "says" out of: says, logs\n');
    expect(cluster.run('logs', 'told', '-c', 'logs', '--tail=2')).toBe('line 2\nline 3\n');
    expect(cluster.run('logs', '-l', 'app=told', '--all-containers', '--prefix').split('\n').sort()).toEqual([
      '',
      '[pod/told/logs] line 1',
      '[pod/told/logs] line 2',
      '[pod/told/logs] line 3',
      '[pod/told/says] out',
    ]);
    expect(cluster.run('logs', 'told', '-c', 'logs', '--limit-bytes=6')).toBe('line 1');
    expect(cluster.kubectl(['logs', 'told', '-c', 'nosuch'])).toMatchObject({
      code: 1,
      stderr: 'error: container nosuch is not valid for pod told\n',
    });
    expect(cluster.kubectl(['logs', 'told', '-c', 'says', '--previous'])).toMatchObject({
      code: 1,
      stderr: 'Error from server (BadRequest): previous terminated container "says" in pod "told" not found\n',
    });
    expect(cluster.kubectl(['exec', 'told', '--', 'true'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('cannot exec into a container in a completed pod; current phase is Failed'),
    });
  });

  it('runs its hooks', async () => {
    run('hooked', {
      terminationGracePeriodSeconds: 10,
      containers: [
        shell('trap "exit 0" TERM; while :; do sleep 0.1; done', {
          lifecycle: {
            postStart: { exec: { command: ['sh', '-c', 'echo started > /h/post'] } },
            preStop: { exec: { command: ['sh', '-c', 'echo stopping > /h/pre'] } },
          },
          volumeMounts: [{ name: 'h', mountPath: '/h' }],
        }),
      ],
      volumes: [{ name: 'h', hostPath: { path: `${cluster.dataDir}/hooks`, type: 'DirectoryOrCreate' } }],
    });
    ready('hooked');
    expect(inside('hooked', 'cat /h/post')).toBe('started');
    const startedMs = Date.now();
    cluster.run('delete', 'pod', 'hooked');
    expect(Date.now() - startedMs).toBeLessThan(8_000);
    expect(cluster.host('cat', [`${cluster.dataDir}/hooks/pre`]).stdout).toBe('stopping\n');
  });

  it('is probed over HTTP and TCP, once it has started', () => {
    const port = 8080;
    run('probes', {
      containers: [
        {
          name: 'c',
          image,
          ports: [{ name: 'web', containerPort: port }],
          startupProbe: { tcpSocket: { port: 'web' }, periodSeconds: 1 },
          readinessProbe: { httpGet: { path: '/', port: 'web' }, periodSeconds: 1 },
          livenessProbe: { httpGet: { path: '/', port } },
        },
      ],
    });
    ready('probes');
    expect(podObject('probes').status.containerStatuses[0]).toMatchObject({
      ready: true,
      started: true,
      restartCount: 0,
    });
    run('unprobed', {
      containers: [{ name: 'c', image, readinessProbe: { httpGet: { path: '/', port: 1 }, periodSeconds: 1 } }],
    });
    return eventually('the event', () =>
      /Unhealthy.*Readiness probe failed: Get "http:\/\/[\d.]+:1\/": dial tcp [\d.]+:1: connect: connection refused/.test(
        cluster.run('get', 'events', '--field-selector=involvedObject.name=unprobed'),
      ),
    );
  });

  it('is described as upstream does', () => {
    run('described', {
      containers: [shell('sleep 1000', { volumeMounts: [{ name: 'v', mountPath: '/v' }] })],
      volumes: [{ name: 'v', emptyDir: {} }],
    });
    ready('described');
    const text = cluster.run('describe', 'pod', 'described');
    for (const part of [
      'Node:             node-1/192.0.2.10',
      'Status:           Running',
      `Container ID:  ${isOnContainerd ? 'containerd' : 'native'}://`,
      'Image ID:      ',
      'State:          Running',
      'Ready:          True',
      'Restart Count:  0',
      "Type:       EmptyDir (a temporary directory that shares a pod's lifetime)",
      'QoS Class:                   BestEffort',
    ]) {
      expect(text).toContain(part);
    }
    expect(text).toMatch(/PodReadyToStartContainers +True/);
    expect(text).toMatch(
      /Normal +Scheduled +\S+ +default-scheduler +Successfully assigned default\/described to node-1/,
    );
    expect(text).toMatch(
      /Normal +Pulled +\S+ +kubelet +(spec\.containers\{c\}: )?Container image "nocher.local\/hello:1" already present on machine/,
    );
    expect(text).toMatch(/Normal +Created +\S+ +kubelet +.*Container created|Created container: c/);
    expect(text).toMatch(/Normal +Started +\S+ +kubelet +.*(Container started|Started container c)/);
  });
});
