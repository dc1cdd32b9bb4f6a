/** logs, exec, attach, port-forward, cp, debug and run on pods that really run, with every kubectl release that is supported. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startKubectl } from './background.ts';
import type { Background } from './background.ts';
import type { Cluster, Json, NamespacedKubectl } from './harness.ts';
import { done, eventually, failed, isOnContainerd, isRoot, kubectlIn, EVERY_MINOR, startCluster } from './harness.ts';

const image = 'nocher.local/hello:1';
const suite = isRoot ? describe : describe.skip;

let cluster: Cluster;

const FIXTURE = `
apiVersion: v1
kind: Pod
metadata: {name: two, labels: {app: two}, annotations: {kubectl.kubernetes.io/default-container: side}}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - {name: main, image: "${image}", ports: [{containerPort: 8080, name: web}]}
  - {name: side, image: "${image}", stdin: true, command: [sh, -c, "for i in 1 2 3 4 5; do echo line $i; done; echo last; while read x; do echo heard $x; done; exec sleep 1000"]}
---
apiVersion: v1
kind: Pod
metadata: {name: again, labels: {app: again}}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - {name: c, image: "${image}", command: [sh, -c, "if [ -e /v/ran ]; then echo second; exec sleep 1000; fi; touch /v/ran; echo first; exit 3"], volumeMounts: [{name: v, mountPath: /v}]}
  volumes: [{name: v, emptyDir: {}}]
---
apiVersion: v1
kind: Service
metadata: {name: two}
spec: {selector: {app: two}, ports: [{name: http, port: 80, targetPort: web}]}
`;

const FIVE = 'line 1\nline 2\nline 3\nline 4\nline 5\n';
/** Of the runtime, for a command that is not there; containerd has more of them, as upstream shows them. */
function wordsOfExec(why: string): unknown {
  const words = `error: Internal error occurred: error executing command in container: ${why}\n`;
  if (!isOnContainerd) return words;
  return expect.stringMatching(
    /^error: Internal error occurred: error executing command in container: failed to exec in container: .*: unknown\n$/,
  );
}

const LISTENING = 'hello version 1 listening on port 8080\n';

suite('tools for pods', () => {
  beforeAll(async () => {
    cluster = await startCluster(['--storage', 'memory']);
  }, 90_000);
  afterAll(() => cluster?.stop(), 60_000);

  describe.each(EVERY_MINOR)('kubectl 1.%s', (minor) => {
    let k: NamespacedKubectl;
    const background = (...args: string[]): Background =>
      startKubectl(cluster, minor, [args[0]!, `--namespace=${k.namespace}`, ...args.slice(1)]);
    const object = (...what: string[]): Json => JSON.parse(k.ok('get', ...what, '-o', 'json'));

    beforeAll(async () => {
      k = await kubectlIn(cluster, minor);
      const { code, stderr } = k.given(FIXTURE, 'apply', '-f', '-');
      if (code !== 0) throw new Error(stderr);
      k.ok('wait', '--for=condition=Ready', 'pod/two', '--timeout=30s');
      await eventually('the restart', () => k.ok('logs', 'again') === 'second\n');
    });
    afterAll(() => void k.ok('delete', 'pod', '--all', '--wait=false'));

    describe('logs', () => {
      it.each([
        ['of the default container', ['two'], `${FIVE}last\n`],
        ['of a container', ['two', '-c', 'main'], LISTENING],
        ['of a container, named last', ['two', 'main'], LISTENING],
        ['--tail', ['two', '--tail=2'], 'line 5\nlast\n'],
        ['--tail=0', ['two', '--tail=0'], ''],
        ['--since, long', ['two', '--since=1h', '--tail=1'], 'last\n'],
        ['--since-time', ['two', '--since-time=2020-01-01T00:00:00Z', '--tail=1'], 'last\n'],
        ['--since-time in the future', ['two', '--since-time=2200-01-01T00:00:00Z'], ''],
        ['--limit-bytes', ['two', '--limit-bytes=9'], 'line 1\nli'],
        ['by selector', ['-l', 'app=two', '--tail=1'], 'last\n'],
        ['of a Service', ['service/two', '--tail=1'], 'last\n'],
        ['before the restart', ['again', '--previous'], 'first\n'],
        ['before the restart, followed', ['again', '-f', '-p'], 'first\n'],
        ['after the restart', ['again'], 'second\n'],
      ])('%s', (_title, args, stdout) => {
        expect(k('logs', ...args)).toEqual(done(stdout));
      });

      it('of all containers, in any order', () => {
        const lines = (...args: string[]): string[] =>
          k
            .ok('logs', 'two', '--all-containers', ...args)
            .trimEnd()
            .split('\n')
            .sort();
        expect(lines()).toEqual(`${LISTENING}last\n${FIVE}`.trimEnd().split('\n').sort());
        expect(lines('--prefix', '--tail=1')).toEqual([`[pod/two/main] ${LISTENING.trimEnd()}`, '[pod/two/side] last']);
      });

      it('with times', () => {
        expect(k.ok('logs', 'two', '--timestamps', '--tail=1')).toMatch(
          /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z last\n$/,
        );
      });

      it('followed from a line on', async () => {
        const following = background('logs', '-f', 'two', '-c', 'main', '--tail=0');
        try {
          await eventually('a new line', () => {
            k.ok('exec', 'two', '-c', 'main', '--', 'sh', '-c', 'echo marked > /proc/1/fd/1');
            return following.stdout().includes('marked\n');
          });
          expect(following.stdout()).toMatch(/^(marked\n)+$/);
        } finally {
          await following.stop();
        }
      });

      it.each([
        [
          ['logs', 'nosuch'],
          /^[Ee]rror: (error )?from server \(NotFound\): pods "nosuch" not found( in namespace "m\d+")?\n$|^Error from server \(NotFound\): pods "nosuch" not found\n$/,
        ],
        [['logs', 'two', '-c', 'nosuch'], /^error: container nosuch is not valid for pod two\n$/],
        [
          ['logs', 'two', '-c', 'main', '-p'],
          /^Error from server \(BadRequest\): previous terminated container "main" in pod "two" not found\n$/,
        ],
        [
          ['logs', 'two', '--since=1h', '--since-time=2020-01-01T00:00:00Z'],
          /^error: at most one of `sinceTime` or `sinceSeconds` may be specified\n/,
        ],
        [['logs', 'two', '--tail=-5'], /^error: --tail must be greater than or equal to -1\n/],
        [['logs'], /^error: expected 'logs \[-f\] \[-p\] \(POD \| TYPE\/NAME\) \[-c CONTAINER\]'\./],
      ])('%j fails', (args, stderr) => {
        expect(k(...args)).toEqual({ code: 1, stdout: '', stderr: expect.stringMatching(stderr) });
      });
    });

    describe('exec', () => {
      const exec = (...args: string[]) => k('exec', 'two', '-c', 'main', ...args);

      it('tells streams and exit codes apart', () => {
        expect(exec('--', 'sh', '-c', 'echo out; echo err >&2; exit 7')).toEqual({
          code: 7,
          stdout: 'out\n',
          stderr: 'err\ncommand terminated with exit code 7\n',
        });
        expect(exec('--', 'true')).toEqual(done(''));
        expect(exec('--', 'sh', '-c', 'kill -9 $$')).toMatchObject({
          code: 137,
          stderr: 'command terminated with exit code 137\n',
        });
        expect(k.given('a\nb\n', 'exec', '-i', 'two', '-c', 'main', '--', 'wc', '-l')).toEqual(done('2\n'));
        expect(exec('--', 'head', '-c', '1000000', '/dev/zero').stdout).toHaveLength(1_000_000);
      });

      it('finds its pod by what leads to one', () => {
        expect(k('exec', 'service/two', '--', 'hostname')).toEqual(done('two\n'));
        expect(k('exec', 'two', '--', 'sh', '-c', 'tr "\\0" " " < /proc/1/cmdline').stdout).toMatch(/^sh -c for i/);
      });

      it.each([
        [
          ['exec', 'two', '-c', 'main', '--', 'nosuch'],
          wordsOfExec('exec: "nosuch": executable file not found in $PATH'),
        ],
        [
          ['exec', 'two', '-c', 'main', '--', '/nosuch'],
          wordsOfExec('exec: "/nosuch": stat /nosuch: no such file or directory'),
        ],
        [
          ['exec', 'two', '-c', 'nosuch', '--', 'true'],
          'Error from server (BadRequest): container nosuch is not valid for pod two\n',
        ],
        [['exec', 'nosuch', '--', 'true'], 'Error from server (NotFound): pods "nosuch" not found\n'],
        [['exec', 'two'], 'error: you must specify at least one command for the container\n'],
      ])('%j fails', (args, stderr) => {
        expect(k(...args)).toEqual(failed(stderr as string));
      });
    });

    it('attaches, types and is heard', async () => {
      const attached = background('attach', '-i', 'two', '-c', 'side');
      try {
        await eventually('an answer', () => {
          attached.type('me\n');
          return attached.stdout().includes('heard me\n');
        });
        expect(k.ok('logs', 'two', '-c', 'side', '--tail=1')).toBe('heard me\n');
      } finally {
        await attached.stop();
      }
      expect(k('attach', 'two', '-c', 'nosuch')).toEqual(
        failed(expect.stringMatching(/container nosuch not found in pod two\n$/) as unknown as string),
      );
      expect(k('attach', 'nosuch')).toEqual(failed('Error from server (NotFound): pods "nosuch" not found\n'));
    });

    describe('port-forward', () => {
      const base = 20_000 + 10 * Number(minor);
      const fetched = (port: number, host = '127.0.0.1') =>
        cluster.host('curl', ['-sg', '--max-time', '5', `http://${host}:${port}/`]);

      it.each([
        ['a pod, by number', 'two', '8080', base],
        ['a pod, by name', 'pod/two', 'web', base + 1],
        ['a Service', 'service/two', '80', base + 2],
      ])('to %s', async (_title, target, port, local) => {
        const forwarding = background('port-forward', target, `${local}:${port}`);
        try {
          await forwarding.prints(`Forwarding from 127.0.0.1:${local} -> 8080\n`);
          for (let i = 0; i < 3; i++) expect(fetched(local).stdout).toContain('pod: two\n');
          await forwarding.prints(`Handling connection for ${local}\n`);
        } finally {
          await forwarding.stop();
        }
        expect(fetched(local).code).toBe(7);
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

      it.each([
        [['nosuch', '80'], 'Error from server (NotFound): pods "nosuch" not found\n'],
        [['service/two', '1:81'], 'error: Service two does not have a service port 81\n'],
        [['two', '1:nosuch'], "error: Pod 'two' does not have a named port 'nosuch'\n"],
      ])('%j fails', (args, stderr) => {
        expect(k('port-forward', ...args)).toEqual(failed(stderr));
      });
    });

    describe('cp', () => {
      const local = (name: string): string => join(cluster.dataDir, `${name}-${minor}`);

      it('files and folders, both ways', () => {
        const bytes = Buffer.from(Array.from({ length: 100_000 }, (_, i) => i % 256));
        mkdirSync(join(local('tree'), 'sub'), { recursive: true });
        writeFileSync(join(local('tree'), 'sub', 'binary'), bytes);
        writeFileSync(join(local('tree'), 'run.sh'), '#!/bin/sh\necho ran\n', { mode: 0o755 });
        expect(k('cp', local('tree'), 'two:/tmp/tree', '-c', 'main')).toEqual(done(''));
        expect(
          k.ok('exec', 'two', '-c', 'main', '--', 'sh', '-c', '/tmp/tree/run.sh; wc -c < /tmp/tree/sub/binary'),
        ).toBe('ran\n100000\n');
        expect(k('cp', 'two:/tmp/tree', local('back'), '-c', 'main')).toEqual(
          done("tar: Removing leading `/' from member names\n"),
        );
        expect(readFileSync(join(local('back'), 'sub', 'binary')).equals(bytes)).toBe(true);
        expect(k('cp', join(local('tree'), 'run.sh'), `${k.namespace}/two:/tmp/one`, '-c', 'main')).toEqual(done(''));
        expect(k.ok('exec', 'two', '-c', 'main', '--', 'cat', '/tmp/one')).toBe('#!/bin/sh\necho ran\n');
      });

      it('nothing of what is not there', () => {
        expect(k('cp', local('nosuch'), 'two:/tmp/')).toEqual(
          failed(`error: ${local('nosuch')} doesn't exist in local filesystem\n`),
        );
        expect(k('cp', 'nosuch:/x', local('x'))).toEqual(
          failed('Error from server (NotFound): pods "nosuch" not found\n'),
        );
        expect(k('cp', 'two:/a', 'two:/b')).toEqual(
          failed('error: one of src or dest must be a local file specification\n'),
        );
        // kubectl may be gone before tar's complaint reaches it.
        k('cp', 'two:/nosuch', local('y'), '-c', 'main');
        expect(existsSync(local('y'))).toBe(false);
      });
    });

    it('debugs with a container beside the others, and with a copy', async () => {
      const { code, stdout } = k(
        'debug',
        'two',
        `--image=${image}`,
        '-c',
        'extra',
        '--target=main',
        '--profile=general',
        '--',
        'sh',
        '-c',
        'echo looking; exec sleep 1000',
      );
      expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining('Targeting container "main"') });
      await eventually(
        'the debugging container',
        () => object('pod', 'two').status.ephemeralContainerStatuses?.[0].state.running !== undefined,
      );
      expect(object('pod', 'two').spec.ephemeralContainers).toMatchObject([
        { name: 'extra', image, targetContainerName: 'main' },
      ]);
      expect(k('logs', 'two', '-c', 'extra')).toEqual(done('looking\n'));
      expect(
        k(
          'debug',
          'two',
          '--copy-to=copied',
          `--image=${image}`,
          '-c',
          'tool',
          '--profile=general',
          '--',
          'sleep',
          '1000',
        ).code,
      ).toBe(0);
      expect(object('pod', 'copied').spec.containers.map(({ name }: Json) => name)).toEqual(['main', 'side', 'tool']);
    });

    it('cannot enter what has ended', async () => {
      k.ok(
        'run',
        'ends',
        `--image=${image}`,
        '--restart=OnFailure',
        '--command',
        '--',
        'sh',
        '-c',
        '[ -e /dev/shm/x ] && exec sleep 1000; exit 1',
      );
      await eventually(
        'it waits',
        () => object('pod', 'ends').status.containerStatuses?.[0].state.waiting?.reason === 'CrashLoopBackOff',
      );
      expect(k('exec', 'ends', '--', 'true')).toEqual(
        failed('error: Internal error occurred: unable to upgrade connection: container not found ("ends")\n'),
      );
      expect(k.ok('get', 'pod', 'ends')).toMatch(/^ends +0\/1 +CrashLoopBackOff +\d+ \(\d+s ago\) +\d+s$/m);
      k.ok('delete', 'pod', 'ends');
    });

    describe('run', () => {
      it('--command, and arguments for the image’s own', () => {
        expect(k('run', 'own', `--image=${image}`, '--command', '--', 'sleep', '1000')).toEqual(
          done('pod/own created\n'),
        );
        expect(object('pod', 'own').spec.containers).toMatchObject([{ name: 'own', command: ['sleep', '1000'] }]);
        k.ok('wait', '--for=condition=Ready', 'pod/own', '--timeout=30s');
        expect(k.ok('exec', 'own', '--', 'cat', '/proc/1/cmdline')).toBe('sleep\0' + '1000\0');
      });

      it('--rm -i gives output and exit code back, and leaves nothing', () => {
        const { code, stdout } = k.given(
          'in\n',
          'run',
          'once',
          '--rm',
          '-i',
          '--restart=Never',
          `--image=${image}`,
          '--command',
          '--',
          'sh',
          '-c',
          'cat; exit 5',
        );
        expect(code).toBe(5);
        expect(stdout).toContain('in\n');
        expect(stdout).toMatch(/pod "once" deleted/);
        expect(k('get', 'pod', 'once')).toEqual(failed('Error from server (NotFound): pods "once" not found\n'));
      });

      it('--rm without anybody attached is refused', () => {
        expect(k('run', 'x', `--image=${image}`, '--rm').stderr).toContain(
          'error: --rm should only be used for attached containers\n',
        );
        expect(k('run', 'x', '--image=not an image')).toEqual(
          failed('error: Invalid image name "not an image": invalid reference format\n'),
        );
      });
    });
  });
});
