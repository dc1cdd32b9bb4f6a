/**
 * kubectl 1.27 and 1.30, which stream over SPDY/3.1: exec, attach, port-forward, cp
 * and run on pods that really run, and the commands of every day. With `NOCHER_TEST_KUBECTL=28,29` those instead.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startKubectl } from './background.ts';
import type { Background } from './background.ts';
import type { Cluster, CommandResult, Json, NamespacedKubectl } from './harness.ts';
import { done, eventually, failed, isRoot, kubectlIn, startCluster } from './harness.ts';

const image = 'nocher.local/hello:1';
const suite = isRoot ? describe : describe.skip;
const minors = (process.env['NOCHER_TEST_KUBECTL'] ?? '27,30').split(',');
/** containerd tells more of what it did, and 1.6 never sees the end of a command that leaves much input unread. */
const onContainerd = process.env['NOCHER_TEST_RUNTIME'] === 'cri';
const installer = join(dirname(fileURLToPath(import.meta.url)), '../kubectl/install.mjs');

const FIXTURE = `
apiVersion: v1
kind: Pod
metadata: {name: two, labels: {app: two}}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - {name: main, image: "${image}", ports: [{containerPort: 8080, name: web}]}
  - {name: side, image: "${image}", stdin: true, command: [sh, -c, "while read x; do echo heard $x; done; exec sleep 1000"]}
---
apiVersion: v1
kind: Pod
metadata: {name: shell}
spec:
  terminationGracePeriodSeconds: 1
  containers: [{name: c, image: "${image}", stdin: true, tty: true, command: [sh]}]
---
apiVersion: v1
kind: Service
metadata: {name: two}
spec: {selector: {app: two}, ports: [{name: http, port: 80, targetPort: web}]}
`;

let cluster: Cluster;

suite('older kubectl', () => {
  beforeAll(async () => {
    const { status, stderr } = spawnSync(process.execPath, [installer, ...minors], { encoding: 'utf8' });
    if (status !== 0) throw new Error(stderr);
    cluster = await startCluster(['--storage', 'memory']);
    // 1.30 would try WebSockets first for exec and attach.
    cluster.environment['KUBECTL_REMOTE_COMMAND_WEBSOCKETS'] = 'false';
  }, 180_000);
  afterAll(() => cluster?.stop(), 60_000);

  describe.each(minors)('kubectl 1.%s', (minor) => {
    let k: NamespacedKubectl;
    const background = (...args: string[]): Background =>
      startKubectl(cluster, minor, [args[0]!, `--namespace=${k.namespace}`, ...args.slice(1)]);
    const inMain = (...command: string[]): CommandResult => k('exec', 'two', '-c', 'main', '--', ...command);
    const given = (input: string, ...command: string[]): CommandResult =>
      k.given(input, 'exec', '-i', 'two', '-c', 'main', '--', ...command);
    /** On a terminal of 33 lines and 77 columns. */
    const onTerminal = (...args: string[]): CommandResult => {
      const words = [cluster.kubectlPath(minor), args[0]!, `--namespace=${k.namespace}`, ...args.slice(1)];
      const line = words.map((word) => `'${word}'`).join(' ');
      return cluster.host('script', ['-qec', `stty rows 33 cols 77; ${line}`, '/dev/null']);
    };

    beforeAll(async () => {
      k = await kubectlIn(cluster, minor);
      const { code, stderr } = k.given(FIXTURE, 'apply', '-f', '-');
      if (code !== 0) throw new Error(stderr);
      k.ok('wait', '--for=condition=Ready', 'pod/two', 'pod/shell', '--timeout=30s');
    });
    afterAll(() => void k?.('delete', 'pod', '--all', '--wait=false'));

    it('streams over SPDY/3.1 [A26]', () => {
      const { stderr } = k('exec', 'two', '-c', 'main', '-v=8', '--', 'true');
      expect(stderr).toMatch(/Response Headers:[^]*Upgrade: SPDY\/3\.1/);
      expect(stderr).toMatch(/Response Headers:[^]*X-Stream-Protocol-Version: v4\.channel\.k8s\.io/);
    });

    describe('exec', () => {
      it('tells streams and exit codes apart', () => {
        expect(inMain('sh', '-c', 'echo out; echo err >&2; exit 7')).toEqual({
          code: 7,
          stdout: 'out\n',
          stderr: 'err\ncommand terminated with exit code 7\n',
        });
        expect(inMain('true')).toEqual(done(''));
        expect(inMain('sh', '-c', 'kill -9 $$')).toEqual(failed('command terminated with exit code 137\n', 137));
        expect(k('exec', 'service/two', '-c', 'side', '--', 'hostname')).toEqual(done('two\n'));
      });

      it('passes megabytes both ways, and the end of the input', () => {
        expect(given('a\nb\n', 'wc', '-l')).toEqual(done('2\n'));
        expect(inMain('head', '-c', '3000000', '/dev/zero').stdout).toHaveLength(3_000_000);
        expect(given('x'.repeat(5_000_000), 'wc', '-c')).toEqual(done('5000000\n'));
        const text = 'line\n'.repeat(400_000);
        expect(given(text, 'cat').stdout === text).toBe(true);
      });

      (onContainerd ? it.skip : it)('tells the exit code of a command that leaves its input unread', () => {
        for (let i = 0; i < 5; i++)
          expect(given('x'.repeat(2_000_000), 'sh', '-c', 'exit 4')).toEqual({
            code: 4,
            stdout: '',
            // As upstream's kubelet, ours closes the connection then; this kubectl may tell that its input was cut off.
            stderr: expect.stringMatching(/^(E\d{4} .* v2\.go:\d+\] .*\n)?command terminated with exit code 4\n$/),
          });
      });

      it('on a terminal of the right size', () => {
        const script = 'until [ "$(stty size)" = "33 77" ]; do sleep 0.05; done; tty; echo to stderr >&2; exit 3';
        const { code, stdout } = onTerminal(
          'exec',
          '-it',
          'two',
          '-c',
          'main',
          '--',
          'sh',
          '-c',
          script.replaceAll("'", ''),
        );
        expect(stdout).toMatch(/\/dev\/pts\/\d+\r\nto stderr\r\n/);
        expect(code).toBe(3);
      });

      it('is over when kubectl is interrupted', async () => {
        const running = background(
          'exec',
          '-i',
          'two',
          '-c',
          'main',
          '--',
          'sh',
          '-c',
          'echo up; cat; touch /tmp/over',
        );
        await running.prints('up\n');
        await running.stop();
        await eventually('the end of its input', () => inMain('test', '-e', '/tmp/over').code === 0);
      });

      it.each<[string[], string | RegExp]>([
        [
          ['two', '-c', 'main', '--', 'nosuch'],
          /^error: Internal error occurred: error executing command in container: (failed to exec .*)?exec: "nosuch": executable file not found in \$PATH(: unknown)?\n$/,
        ],
        [
          ['two', '-c', 'nosuch', '--', 'true'],
          'Error from server (BadRequest): container nosuch is not valid for pod two\n',
        ],
        [['nosuch', '--', 'true'], 'Error from server (NotFound): pods "nosuch" not found\n'],
        [['two'], 'error: you must specify at least one command for the container\n'],
      ])('%j fails', (args, stderr) => {
        const text = typeof stderr === 'string' ? stderr : (expect.stringMatching(stderr) as unknown as string);
        expect(k('exec', ...args)).toEqual(failed(text));
      });

      it('says that a container does not run', async () => {
        k.ok('run', 'ends', `--image=${image}`, '--restart=OnFailure', '--command', '--', 'false');
        const state = (): Json =>
          JSON.parse(k.ok('get', 'pod', 'ends', '-o', 'json')).status.containerStatuses?.[0].state;
        await eventually('it waits', () => state()?.waiting?.reason === 'CrashLoopBackOff');
        expect(k('exec', 'ends', '--', 'true')).toEqual(
          failed('error: unable to upgrade connection: container not found ("ends")\n'),
        );
        expect(k('attach', 'ends').stderr).toContain(
          `error: unable to upgrade connection: container ends not found in pod ends_${k.namespace}\n`,
        );
      });
    });

    describe('attach', () => {
      it('types and is heard, also by two at once', async () => {
        const [first, second] = [
          background('attach', '-i', 'two', '-c', 'side'),
          background('attach', 'two', '-c', 'side'),
        ];
        try {
          await eventually('an answer', () => {
            first.type('me\n');
            return first.stdout().includes('heard me\n') && second.stdout().includes('heard me\n');
          });
          expect(k.ok('logs', 'two', '-c', 'side', '--tail=1')).toBe('heard me\n');
        } finally {
          await first.stop();
          await second.stop();
        }
      });

      it('to a terminal, until its shell ends', async () => {
        const words = [cluster.kubectlPath(minor), 'attach', `--namespace=${k.namespace}`, '-it', 'shell'].join(' ');
        const attached = cluster.spawn('script', ['-qec', words, '/dev/null']);
        let output = '';
        attached.stdout!.on('data', (chunk: Buffer) => (output += chunk.toString()));
        const ended = new Promise((resolve) => attached.on('close', resolve));
        await eventually('the shell answers', () => {
          attached.stdin!.write('echo a$((20+3))z\n');
          return output.includes('a23z\r\n');
        });
        attached.stdin!.write('exit 6\n');
        await ended;
        const state = (): Json => JSON.parse(k.ok('get', 'pod', 'shell', '-o', 'json')).status.containerStatuses[0];
        await eventually('the exit code', () => state().lastState.terminated?.exitCode === 6);
      });

      it('not to a pod that is not there', () => {
        expect(k('attach', 'nosuch')).toEqual(failed('Error from server (NotFound): pods "nosuch" not found\n'));
      });
    });

    describe('port-forward', () => {
      const base = 20_000 + 10 * Number(minor);
      const fetched = (port: number) => cluster.host('curl', ['-sg', '--max-time', '5', `http://127.0.0.1:${port}/`]);

      it('many connections at once, of several ports', async () => {
        const forwarding = background('port-forward', 'service/two', `${base}:80`);
        const other = background('port-forward', 'two', `${base + 1}:web`, `${base + 2}:1`);
        try {
          await forwarding.prints(`Forwarding from 127.0.0.1:${base} -> 8080\n`);
          await other.prints(`Forwarding from 127.0.0.1:${base + 2} -> 1\n`);
          const all = 'for i in $(seq 20); do curl -sg --max-time 5 $0 & done; wait';
          const { stdout } = cluster.host('sh', ['-c', all, `http://127.0.0.1:${base}/`]);
          expect(stdout.match(/^pod: two$/gm)).toHaveLength(20);
          expect(fetched(base + 1).stdout).toContain('pod: two\n');
        } finally {
          await forwarding.stop();
          await other.stop();
        }
        expect(fetched(base).code).toBe(7);
      });

      it('to a port where nobody listens: the connection ends, and the reason is told', async () => {
        const forwarding = background('port-forward', 'two', `${base + 3}:1`);
        try {
          await forwarding.prints('Forwarding from 127.0.0.1');
          // Nothing, or a reset, as the one or the other comes first.
          const { code, stdout } = fetched(base + 3);
          expect([52, 56]).toContain(code);
          expect(stdout).toBe('');
          await eventually('the reason', () =>
            /error forwarding port 1 to pod .*[Cc]onnection refused/.test(forwarding.stderr()),
          );
        } finally {
          await forwarding.stop();
        }
      });

      it('not to a pod that is not there', () => {
        expect(k('port-forward', 'nosuch', '80')).toEqual(
          failed('Error from server (NotFound): pods "nosuch" not found\n'),
        );
      });
    });

    it('cp: files and folders, both ways', () => {
      const local = (name: string): string => join(cluster.dataDir, `${name}-${minor}`);
      const bytes = Buffer.from(Array.from({ length: 1_000_000 }, (_, i) => (i * 7) % 256));
      mkdirSync(join(local('tree'), 'sub'), { recursive: true });
      writeFileSync(join(local('tree'), 'sub', 'binary'), bytes);
      writeFileSync(join(local('tree'), 'run.sh'), '#!/bin/sh\necho ran\n', { mode: 0o755 });
      expect(k('cp', local('tree'), 'two:/tmp/tree', '-c', 'main')).toEqual(done(''));
      expect(inMain('sh', '-c', '/tmp/tree/run.sh; wc -c < /tmp/tree/sub/binary')).toEqual(done('ran\n1000000\n'));
      expect(k('cp', 'two:/tmp/tree', local('back'), '-c', 'main').code).toBe(0);
      expect(readFileSync(join(local('back'), 'sub', 'binary')).equals(bytes)).toBe(true);
      expect(k('cp', local('nosuch'), 'two:/tmp/').code).toBe(1);
      k('cp', 'two:/nosuch', local('none'), '-c', 'main');
      expect(existsSync(local('none'))).toBe(false);
    });

    it('run --rm -i gives output and exit code back, and leaves nothing', () => {
      const command = ['--command', '--', 'sh', '-c', 'cat; exit 5'];
      const { code, stdout } = k.given(
        'in\n',
        'run',
        'once',
        '--rm',
        '-i',
        '--restart=Never',
        `--image=${image}`,
        ...command,
      );
      expect(code).toBe(5);
      expect(stdout).toContain('in\n');
      expect(k('get', 'pod', 'once')).toEqual(failed('Error from server (NotFound): pods "once" not found\n'));
    });

    describe('everyday commands', () => {
      const deployment = (colour: string): string => `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {colour: ${colour}}}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      containers: [{name: web, image: "${image}", env: [{name: COLOUR, value: ${colour}}]}]
`;

      it('apply and diff', () => {
        expect(k.given(deployment('red'), 'apply', '-f', '-')).toEqual(done('deployment.apps/web created\n'));
        expect(k.given(deployment('blue'), 'apply', '-f', '-')).toEqual(done('deployment.apps/web configured\n'));
        expect(k.given(deployment('blue'), 'apply', '-f', '-')).toEqual(done('deployment.apps/web unchanged\n'));
        expect(k.ok('get', 'deployment', 'web', '-o', 'jsonpath={..env[*].value} {..metadata.labels.colour}')).toBe(
          'blue blue',
        );
        k.ok('rollout', 'status', 'deployment/web', '--timeout=60s');
        expect(k.given(deployment('green'), 'diff', '-f', '-')).toMatchObject({
          code: 1,
          stdout: expect.stringMatching(/^-.*blue$[^]*^\+.*green$/m) as unknown as string,
        });
        expect(k.given(deployment('green').replace('replicas', 'replicsa'), 'apply', '-f', '-')).toEqual(
          failed(expect.stringContaining('unknown field "spec.replicsa"') as unknown as string),
        );
      });

      it('get and describe', () => {
        expect(k.ok('get', 'pod', 'two')).toMatch(
          /^NAME +READY +STATUS +RESTARTS +AGE\ntwo +2\/2 +Running +0 +\d+s\n$/,
        );
        const described = k.ok('describe', 'pod', 'two');
        expect(described).toMatch(/^Status: +Running$/m);
        expect(described).toMatch(/Normal +Started +\d+s +kubelet +Container started/);
        expect(k.ok('describe', 'deployment', 'web')).toMatch(/^Replicas: +1 desired/m);
        expect(k.ok('api-resources', '--api-group=apps', '-o', 'name')).toMatch(/^deployments\.apps$/m);
      });

      it('explain, from OpenAPI v3 and from v2 in protobuf', () => {
        expect(k.ok('explain', 'pod.spec.containers.ports')).toMatch(/^ +containerPort\t<integer> -required-$/m);
        const v2 = k.ok('explain', 'deployment.spec.strategy', '--recursive', '--output=plaintext-openapiv2');
        expect(v2).toMatch(
          /^FIELDS:\n +rollingUpdate\t<Object>\n +maxSurge\t<string>\n +maxUnavailable\t<string>\n +type\t<string>$/m,
        );
        const { stderr } = k('explain', 'pod', '--output=plaintext-openapiv2', '-v=8');
        expect(stderr).toMatch(/GET https:\S*\/openapi\/v2/);
        expect(stderr).toMatch(/Content-Type: application\/com\.github\.proto-openapi\.spec\.v2\.v1\.0\+protobuf/);
        expect(k('explain', 'pod.spec.nosuch', '--output=plaintext-openapiv2')).toEqual(
          failed('error: field "nosuch" does not exist\n'),
        );
      });
    });
  });
});
