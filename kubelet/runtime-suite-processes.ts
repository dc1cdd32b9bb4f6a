/** The part of the runtime's suite about containers that are processes: commands, streams, logs, limits, volumes. */
import { describe, expect, it } from '@jest/globals';
import { existsSync, mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import type { ContainerConfig, StreamIo } from './runtime.ts';
import type { RuntimeBench } from './runtime-suite-bench.ts';
import { until } from './runtime-suite-bench.ts';

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();
const shell = (script: string): Partial<ContainerConfig> => ({ command: ['sh', '-c', script] });

export function describeProcesses(bench: RuntimeBench): void {
  describe('commands', () => describeCommands(bench));
  describe('streams', () => describeStreams(bench));
  describe('streams', () => describeConnections(bench));
  describe('ends', () => describeEnds(bench));
  describe('volumes', () => describeVolumes(bench));
  describe('volumes', () => describeMountOrder(bench));
  describe('devices', () => describeDevices(bench));
  describe('logs and figures', () => describeLogs(bench));
  describe('afterwards', () => describeRestarts(bench));
}

function describeCommands({ runtime, startPod, podConfig, containerConfig, ended }: RuntimeBench): void {
  it('give their exit code, and logs in CRI form', async () => {
    const { sandbox, container } = await startPod('exits', shell('echo hello; echo problem >&2; exit 3'));
    const status = await ended(container);
    expect(status).toMatchObject({ exitCode: 3, reason: 'Error', state: 'exited' });
    const log = readFileSync(status.logPath, 'utf8');
    expect(log).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]{8,18}Z stdout F hello$/m);
    expect(log).toMatch(/ stderr F problem$/m);
    await runtime().removePodSandbox(sandbox);
  });

  it('run in a container that runs, up to their time', async () => {
    const { sandbox, container } = await startPod('execs');
    const run = async (script: string): Promise<string> =>
      text((await runtime().execSync(container, ['sh', '-c', script], 10_000)).stdout);
    expect(await runtime().execSync(container, ['sh', '-c', 'echo no >&2; exit 7'], 10_000)).toMatchObject({
      exitCode: 7,
      stderr: Buffer.from('no\n'),
    });
    expect((await run('cat /proc/1/comm')).trim()).toBe('hello-httpd');
    expect((await run('hostname')).trim()).toBe('execs');
    expect(await run('cat /proc/self/status')).toMatch(/NoNewPrivs:\t1[\s\S]*Seccomp:\t2/);
    await expect(runtime().execSync(container, ['sleep', '10'], 1_000)).rejects.toMatchObject({
      code: 'deadline-exceeded',
    });
    await until('the command is killed', async () => ((await run('ps ax')).includes('sleep 10') ? undefined : true));
    await expect(runtime().execSync(container, ['nope'], 10_000)).rejects.toMatchObject({ code: 'start-failed' });
    await runtime().removePodSandbox(sandbox);
  });

  it('that are not there are said to be', async () => {
    const config = podConfig('missing');
    const sandbox = await runtime().runPodSandbox(config);
    const container = await runtime().createContainer(sandbox, containerConfig({ command: ['nope'] }), config);
    await expect(runtime().startContainer(container)).rejects.toMatchObject({
      code: 'start-failed',
      message: expect.stringContaining('exec: "nope": executable file not found in $PATH'),
    });
    expect(await runtime().containerStatus(container)).toMatchObject({
      state: 'exited',
      exitCode: 128,
      reason: 'StartError',
    });
    await runtime().removePodSandbox(sandbox);
  });

  it('have their environment, user and folder', async () => {
    const { linux } = containerConfig();
    const { sandbox, container } = await startPod('facts', {
      ...shell('echo "$GREETING $(id -u) $(id -g) $(pwd)"; sleep 1000'),
      envs: [{ key: 'GREETING', value: 'ahoy' }],
      workingDir: '/tmp',
      linux: { ...linux, security: { ...linux.security, runAsUser: 1000, runAsGroup: 1001 } },
    });
    const { logPath } = await runtime().containerStatus(container);
    const log = await until('the container has printed', () =>
      Promise.resolve(readFileSync(logPath, 'utf8') || undefined),
    );
    expect(log).toContain('stdout F ahoy 1000 1001 /tmp\n');
    await runtime().removePodSandbox(sandbox);
  });
}

interface Streams {
  io: StreamIo;
  stdin: PassThrough;
  output(): string;
  problems(): string;
  gone: AbortController;
}

function streams(tty = false): Streams {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const received = ['', ''];
  stdout.on('data', (chunk: Buffer) => (received[0] += chunk.toString()));
  stderr.on('data', (chunk: Buffer) => (received[1] += chunk.toString()));
  const gone = new AbortController();
  const io: StreamIo = { stdin, stdout, ...(tty ? {} : { stderr }), tty, signal: gone.signal };
  return { io, stdin, gone, output: () => received[0]!, problems: () => received[1]! };
}

function describeStreams({ runtime, startPod }: RuntimeBench): void {
  it('of a command: standard input has an end, output comes apart, the exit code last', async () => {
    const { sandbox, container } = await startPod('streams');
    const { io, stdin, output, problems } = streams();
    const running = runtime().exec(container, ['sh', '-c', 'cat; echo over >&2; exit 5'], io);
    stdin.end('some lines\nof text\n');
    expect(await running).toBe(5);
    expect(output()).toBe('some lines\nof text\n');
    expect(problems()).toBe('over\n');
    await runtime().removePodSandbox(sandbox);
  });

  it('of a command carry megabytes whole', async () => {
    const { sandbox, container } = await startPod('much');
    const { io, stdin, output } = streams();
    const running = runtime().exec(container, ['cat'], io);
    const much = 'x'.repeat(3_000_000);
    stdin.end(much);
    expect(await running).toBe(0);
    expect(output().length).toBe(much.length);
    await runtime().removePodSandbox(sandbox);
  });

  it('of a command on a terminal: it knows its size', async () => {
    const { sandbox, container } = await startPod('terminal');
    const { io, output } = streams(true);
    async function* sizes(): AsyncGenerator<{ width: number; height: number }> {
      yield { width: 101, height: 33 };
      await new Promise((resolve) => io.signal.addEventListener('abort', resolve, { once: true }));
    }
    const script = 'until [ "$(stty size)" = "33 101" ]; do sleep 0.05; done; tty; exit 4';
    expect(await runtime().exec(container, ['sh', '-c', script], { ...io, resize: sizes() })).toBe(4);
    expect(output()).toMatch(/^\/dev\/pts\/\d+\r\n$/);
    await runtime().removePodSandbox(sandbox);
  });

  it('of a command that is not there: says so', async () => {
    const { sandbox, container } = await startPod('no-command');
    await expect(runtime().exec(container, ['nope'], streams().io)).rejects.toThrow(
      'exec: "nope": executable file not found in $PATH',
    );
    await runtime().removePodSandbox(sandbox);
  });

  it('of a client that leaves end its call', async () => {
    const { sandbox, container } = await startPod('leaves');
    const { io, gone } = streams();
    const running = runtime().exec(container, ['sleep', '1000'], io);
    await until('the command runs', async () => {
      const { stdout } = await runtime().execSync(container, ['ps', 'ax'], 10_000);
      return text(stdout).includes('sleep 1000') || undefined;
    });
    gone.abort();
    await expect(running).rejects.toMatchObject({ code: 'unavailable' });
    await runtime().removePodSandbox(sandbox);
  });
}

function describeConnections({ runtime, startPod }: RuntimeBench): void {
  it('attached to a container go both ways, until it ends', async () => {
    const { sandbox, container } = await startPod('attached', {
      ...shell('read name; echo "hello $name"; cat; exit 6'),
      stdin: true,
      stdinOnce: true,
    });
    const { io, stdin, output } = streams();
    const running = runtime().attach(container, io);
    stdin.end('world\nand more\n');
    await running;
    expect(output()).toBe('hello world\nand more\n');
    await runtime().removePodSandbox(sandbox);
  });

  it('reach a server on the pod’s own loopback', async () => {
    const { sandbox } = await startPod('serves');
    const ask = async (port: number): Promise<string> => {
      const [input, output] = [new PassThrough(), new PassThrough()];
      let received = '';
      output.on('data', (chunk: Buffer) => (received += chunk.toString()));
      const forwarding = runtime().portForward(sandbox, port, { readable: input, writable: output });
      input.end('GET / HTTP/1.0\r\n\r\n');
      await forwarding;
      return received;
    };
    const answer = await until('the server answers', () => ask(8080).catch(() => undefined));
    expect(answer).toContain('200 OK');
    await expect(ask(8081)).rejects.toThrow(/refused/);
    await runtime().removePodSandbox(sandbox);
  });
}

function describeEnds({ runtime, startPod, containerConfig, ended }: RuntimeBench): void {
  it('with OOMKilled what exceeds its memory', async () => {
    const { linux } = containerConfig();
    const { sandbox, container } = await startPod('hungry', {
      ...shell('tail /dev/zero'),
      linux: { ...linux, resources: { memoryLimitBytes: 32 << 20 } },
    });
    expect(await ended(container)).toMatchObject({ exitCode: 137, reason: 'OOMKilled' });
    await runtime().removePodSandbox(sandbox);
  }, 30_000);

  it('with SIGTERM what heeds it', async () => {
    const { sandbox, container } = await startPod(
      'heeds',
      shell("trap 'exit 9' TERM; echo ready; while :; do sleep 0.1; done"),
    );
    const { logPath } = await runtime().containerStatus(container);
    await until('it is ready', () => Promise.resolve(readFileSync(logPath, 'utf8').includes('ready') || undefined));
    await runtime().stopContainer(container, 20);
    expect(await runtime().containerStatus(container)).toMatchObject({ exitCode: 9 });
    await runtime().removePodSandbox(sandbox);
  });

  it('with SIGKILL after the grace what does not', async () => {
    const { sandbox, container } = await startPod(
      'stubborn',
      shell("trap '' TERM; echo ready; while :; do sleep 1; done"),
    );
    const { logPath } = await runtime().containerStatus(container);
    await until('it is ready', () => Promise.resolve(readFileSync(logPath, 'utf8').includes('ready') || undefined));
    await runtime().stopContainer(container, 1);
    expect(await runtime().containerStatus(container)).toMatchObject({ exitCode: 137, state: 'exited' });
    await runtime().removePodSandbox(sandbox);
  });
}

type Mount = ContainerConfig['mounts'][number];

function makeVolume(bench: RuntimeBench, name: string): string {
  const path = join(bench.fixture().folder, 'volumes', name);
  mkdirSync(path, { recursive: true });
  return path;
}

const mount = (hostPath: string, subPath?: string): Mount => ({
  containerPath: '/mnt',
  hostPath,
  ...(subPath === undefined ? {} : { subPath }),
  readOnly: false,
  propagation: 'private',
});

function describeVolumes(bench: RuntimeBench): void {
  const { runtime, startPod, containerConfig, podConfig, ended } = bench;
  const volume = (name: string): string => makeVolume(bench, name);

  it('are mounted, or a folder in them, which is made when it is missing', async () => {
    const path = volume('plain');
    const { sandbox, container } = await startPod('mounts', {
      ...shell('echo one > /mnt/file'),
      mounts: [mount(path)],
    });
    expect((await ended(container)).exitCode).toBe(0);
    expect(readFileSync(join(path, 'file'), 'utf8')).toBe('one\n');
    const config = podConfig('mounts');
    const again = {
      ...shell('echo two > /mnt/file'),
      mounts: [mount(path, 'deep/down')],
      metadata: { name: 'main', attempt: 1 },
    };
    const second = await runtime().createContainer(sandbox, containerConfig(again), config);
    await runtime().startContainer(second);
    expect((await ended(second)).exitCode).toBe(0);
    expect(readFileSync(join(path, 'deep/down/file'), 'utf8')).toBe('two\n');
    await runtime().removePodSandbox(sandbox);
  });

  it('never give what lies outside of them, whatever their links say', async () => {
    const path = volume('hostile');
    const secret = join(bench.fixture().folder, 'secret');
    mkdirSync(secret, { recursive: true });
    symlinkSync(secret, join(path, 'absolute'));
    symlinkSync('../../../../../../../../../../etc', join(path, 'upwards'));
    symlinkSync('../hostile/inside', join(path, 'around'));
    for (const link of ['absolute', 'upwards', 'around', 'upwards/new']) {
      const start = startPod(`hostile-${link.replace('/', '-')}`, { ...shell('true'), mounts: [mount(path, link)] });
      await expect(start).rejects.toThrow(`subPath ${link}`);
    }
  });

  it('give what their links name inside of them', async () => {
    const path = volume('linked');
    mkdirSync(join(path, 'data/2026'), { recursive: true });
    symlinkSync('data/../data/2026', join(path, 'current'));
    const script = 'echo three > /mnt/file';
    const { sandbox, container } = await startPod('linked', { ...shell(script), mounts: [mount(path, 'current')] });
    expect((await ended(container)).exitCode).toBe(0);
    expect(readFileSync(join(path, 'data/2026/file'), 'utf8')).toBe('three\n');
    await runtime().removePodSandbox(sandbox);
  });
}

function describeMountOrder(bench: RuntimeBench): void {
  const { runtime, startPod, ended } = bench;

  it('do not hide what is mounted within them, in whichever order they come', async () => {
    const at = (containerPath: string): Mount => {
      const path = makeVolume(bench, `within${containerPath.replaceAll('/', '-')}`);
      writeFileSync(join(path, 'name'), `${containerPath}\n`);
      return { ...mount(path), containerPath };
    };
    const hosts = { ...mount(join(at('/hosts').hostPath, 'name')), containerPath: '/etc/hosts' };
    const { sandbox, container } = await startPod('within', {
      ...shell('cat /data/sub/name /data/name /etc/hosts /etc/name'),
      mounts: [at('/data/sub'), at('/data'), hosts, at('/etc')],
    });
    const log = readFileSync((await ended(container)).logPath, 'utf8');
    expect(log.match(/(?<= F ).*/g)).toEqual(['/data/sub', '/data', '/hosts', '/etc']);
    await runtime().removePodSandbox(sandbox);
  });
}

function describeDevices({ runtime, startPod, containerConfig, podConfig, ended }: RuntimeBench): void {
  const hostPath = '/dev/loop-control';
  // One that no runtime gives unasked.
  const itOnDevice = existsSync(hostPath) ? it : it.skip;
  itOnDevice('are where they are asked for, and for reading only where that is all', async () => {
    const { sandbox, container } = await startPod('devices', {
      ...shell(': < /mnt/deep/loops && stat -c %F /mnt/deep/loops && : > /mnt/deep/loops'),
      devices: [{ containerPath: '/mnt/deep/loops', hostPath, readOnly: true }],
    });
    const log = readFileSync((await ended(container)).logPath, 'utf8');
    expect(log).toContain('character special file');
    expect(log).toMatch(/stderr.*Operation not permitted/);
    const writing = await runtime().createContainer(
      sandbox,
      containerConfig({
        ...shell(': <> /dev/loops'),
        devices: [{ containerPath: '/dev/loops', hostPath, readOnly: false }],
        metadata: { name: 'main', attempt: 1 },
      }),
      podConfig('devices'),
    );
    await runtime().startContainer(writing);
    expect((await ended(writing)).exitCode).toBe(0);
    await runtime().removePodSandbox(sandbox);
  });
}

function describeLogs({ runtime, startPod }: RuntimeBench): void {
  it('that were renamed are opened anew', async () => {
    const { sandbox, container } = await startPod('rotated', shell('while :; do echo line; sleep 0.05; done'));
    const { logPath } = await runtime().containerStatus(container);
    renameSync(logPath, `${logPath}.1`);
    await runtime().reopenContainerLog(container);
    await until('the new log has lines', () =>
      Promise.resolve(readFileSync(logPath, 'utf8').includes('stdout F line') || undefined),
    );
    await runtime().removePodSandbox(sandbox);
  });

  it('tell how much a container uses', async () => {
    const { sandbox, container } = await startPod('busy', shell('while :; do :; done'));
    const stats = await until('it has used the processor', async () => {
      const found = (await runtime().containerStats()).find(({ id }) => id === container);
      return found !== undefined && found.cpuUsageNs > 0 && found.memoryWorkingSetBytes > 0 ? found : undefined;
    });
    expect(stats).toMatchObject({ podSandboxId: sandbox });
    expect(stats.timestampMs).toBeGreaterThan(Date.UTC(2020));
    await runtime().removePodSandbox(sandbox);
  });
}

function describeRestarts({ runtime, fixture, startPod, podConfig, containerConfig }: RuntimeBench): void {
  it('pods are found again with their processes', async () => {
    const { sandbox, container } = await startPod('survives');
    const before = await runtime().containerStatus(container);
    fixture().runtime = await fixture().reopen!();
    expect(await runtime().containerStatus(container)).toEqual(before);
    expect(before.state).toBe('running');
    expect((await runtime().execSync(container, ['true'], 5_000)).exitCode).toBe(0);
    await runtime().removePodSandbox(sandbox);
  });

  it('containers of a pod see each other’s processes when it shares them', async () => {
    const config = podConfig('shares', { pid: 'pod' });
    const sandbox = await runtime().runPodSandbox(config);
    const ids: string[] = [];
    for (const name of ['one', 'two']) {
      const container = containerConfig({ command: ['sleep', '1001'], metadata: { name, attempt: 0 } });
      const id = await runtime().createContainer(sandbox, container, config);
      await runtime().startContainer(id);
      ids.push(id);
    }
    const { stdout } = await runtime().execSync(ids[1]!, ['ps', 'ax'], 10_000);
    expect(text(stdout).match(/sleep 1001/g)).toHaveLength(2);
    await runtime().removePodSandbox(sandbox);
  });
}
