import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { PassThrough } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { realClock } from '../../base/clock.ts';
import { silentLogger } from '../../base/log.ts';
import { realRandom } from '../../base/random.ts';
import { buildHelloImages } from '../images/hello-image.ts';
import { createImageStore } from '../images/store.ts';
import type { ImageStore } from '../images/store.ts';
import type { ContainerConfig, PodSandboxConfig } from '../runtime.ts';
import { hostNames } from './host-names.ts';
import { NativeRuntime } from './native-runtime.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const binary = join(root, 'dist/native/nocher-native');
const isRoot = process.getuid?.() === 0;
const suite = isRoot ? describe : describe.skip;
const clusterId = process.pid.toString(16).padStart(8, '0').slice(-8);
const netns = `nocher-runtime-${process.pid}`;

let folder: string;
let store: ImageStore;
let runtime: NativeRuntime;
let imageId: string;

/** The helper, run in a network namespace of the test's own. */
function wrapper(): string {
  const path = join(folder, 'nocher-native');
  writeFileSync(path, `#!/bin/sh\nexec nsenter --net=/run/netns/${netns} ${binary} "$@"\n`, { mode: 0o755 });
  return path;
}

const open = (): Promise<NativeRuntime> =>
  NativeRuntime.open({
    program: join(folder, 'nocher-native'),
    folder: join(folder, 'sandboxes'),
    clusterId,
    podCidr: '10.244.0.0/24',
    images: store,
    clock: realClock,
    random: realRandom,
    log: silentLogger,
    version: 'test',
  });

const podConfig = (name: string): PodSandboxConfig => ({
  metadata: { name, namespace: 'default', uid: `uid-${name}`, attempt: 0 },
  hostname: name,
  logDirectory: join(folder, 'logs', name),
  portMappings: [],
  labels: { app: name },
  annotations: {},
  linux: { cgroupParent: `burstable/pod${name}`, sysctls: {}, network: 'pod', pid: 'container', ipc: 'pod' },
});

const containerConfig = (init: Partial<ContainerConfig> = {}): ContainerConfig => ({
  metadata: { name: 'main', attempt: 0 },
  userSpecifiedImage: 'nocher.local/hello:1',
  imageId,
  command: [],
  args: [],
  workingDir: '',
  envs: [],
  mounts: [],
  labels: {},
  annotations: {},
  logPath: 'main/0.log',
  stdin: false,
  stdinOnce: false,
  tty: false,
  linux: {
    resources: {},
    security: {
      supplementalGroups: [],
      privileged: false,
      readOnlyRootfs: false,
      noNewPrivs: true,
      addCapabilities: [],
      dropCapabilities: [],
      seccomp: { type: 'RuntimeDefault' },
      maskedPaths: ['/proc/kcore'],
      readOnlyPaths: ['/proc/sys'],
    },
  },
  ...init,
});

async function startPod(
  name: string,
  init?: Partial<ContainerConfig>,
): Promise<{ sandbox: string; container: string }> {
  const config = podConfig(name);
  const sandbox = await runtime.runPodSandbox(config);
  const container = await runtime.createContainer(sandbox, containerConfig(init));
  await runtime.startContainer(container);
  return { sandbox, container };
}

async function ended(container: string): Promise<Awaited<ReturnType<NativeRuntime['containerStatus']>>> {
  for (let i = 0; i < 200; i++) {
    const status = await runtime.containerStatus(container);
    if (status.state === 'exited') return status;
    await wait(50);
  }
  throw new Error('the container did not end');
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

suite('NativeRuntime', () => {
  beforeAll(async () => {
    if (!existsSync(binary))
      spawnSync('make', ['-s', '-C', join(root, 'native'), 'OUT=../dist/native'], { stdio: 'inherit' });
    folder = mkdtempSync(join(tmpdir(), 'nocher-runtime-'));
    spawnSync('ip', ['netns', 'add', netns]);
    spawnSync('nsenter', [`--net=/run/netns/${netns}`, 'ip', 'link', 'set', 'lo', 'up']);
    wrapper();
    store = createImageStore({ folder: join(folder, 'images'), clock: realClock, log: silentLogger });
    await buildHelloImages({ store, sourceFolder: join(root, 'examples/hello'), signal: new AbortController().signal });
    imageId = (await store.status('nocher.local/hello:1'))!.id;
    runtime = await open();
  }, 60_000);

  afterAll(async () => {
    for (const { id } of await runtime.listPodSandboxes()) await runtime.removePodSandbox(id);
    runtime.close();
    await store.close();
    spawnSync('ip', ['netns', 'delete', netns]);
    const names = hostNames(clusterId);
    for (const controller of readdirSync('/sys/fs/cgroup')) {
      for (const part of ['burstable', 'monitors', ''])
        spawnSync('rmdir', [join('/sys/fs/cgroup', controller, names.cgroup, part)]);
    }
    rmSync(folder, { recursive: true, force: true });
  });

  it('runs a command with its exit code, and logs in CRI form', async () => {
    const { sandbox, container } = await startPod('exits', {
      command: ['sh', '-c', 'echo hello; echo problem >&2; exit 3'],
    });
    const status = await ended(container);
    expect(status).toMatchObject({ exitCode: 3, reason: 'Error', state: 'exited' });
    const log = readFileSync(status.logPath, 'utf8');
    expect(log).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]{18}Z stdout F hello$/m);
    expect(log).toMatch(/ stderr F problem$/m);
    await runtime.removePodSandbox(sandbox);
  });

  it('executes in a running container, with only three descriptors and no way to the host', async () => {
    const { sandbox, container } = await startPod('execs');
    const run = async (script: string): Promise<string> =>
      text((await runtime.execSync(container, ['sh', '-c', script], 10_000)).stdout);
    expect((await runtime.execSync(container, ['sh', '-c', 'exit 7'], 10_000)).exitCode).toBe(7);
    expect((await run('cat /proc/1/comm')).trim()).toBe('hello-httpd');
    expect((await run('hostname')).trim()).toBe('execs');
    expect((await run('ls /proc/self/fd')).trim().split('\n')).toEqual(['0', '1', '2', '3']);
    expect(await run('cat /proc/self/status')).toMatch(/NoNewPrivs:\t1[\s\S]*Seccomp:\t2/);
    await expect(runtime.execSync(container, ['sleep', '10'], 300)).rejects.toMatchObject({
      code: 'deadline-exceeded',
    });
    await runtime.removePodSandbox(sandbox);
  });

  it('says why a command cannot start', async () => {
    const sandbox = await runtime.runPodSandbox(podConfig('missing'));
    const container = await runtime.createContainer(sandbox, containerConfig({ command: ['nope'] }));
    await expect(runtime.startContainer(container)).rejects.toMatchObject({
      code: 'start-failed',
      message: 'exec: "nope": executable file not found in $PATH',
    });
    expect(await runtime.containerStatus(container)).toMatchObject({
      state: 'exited',
      exitCode: 128,
      reason: 'StartError',
    });
    await runtime.removePodSandbox(sandbox);
  });

  it('kills what exceeds its memory, and says so', async () => {
    const { linux } = containerConfig();
    const { sandbox, container } = await startPod('hungry', {
      command: ['sh', '-c', 'tail /dev/zero'],
      linux: { ...linux, resources: { memoryLimitBytes: 32 << 20 } },
    });
    expect(await ended(container)).toMatchObject({ exitCode: 137, reason: 'OOMKilled' });
    await runtime.removePodSandbox(sandbox);
  }, 30_000);

  it('stops with SIGTERM, and with SIGKILL after the grace', async () => {
    const { sandbox, container } = await startPod('stubborn', {
      command: ['sh', '-c', "trap '' TERM; while :; do sleep 1; done"],
    });
    await wait(200);
    await runtime.stopContainer(container, 1);
    expect(await runtime.containerStatus(container)).toMatchObject({ exitCode: 137, signal: 9 });
    await runtime.stopContainer(container, 1);
    await runtime.removePodSandbox(sandbox);
  });

  it('reaches a server on the pod’s own loopback', async () => {
    const { sandbox } = await startPod('serves');
    const output = new PassThrough();
    const input = new PassThrough();
    let received = '';
    output.on('data', (chunk: Buffer) => (received += chunk.toString()));
    await wait(300);
    const forwarding = runtime.portForward(sandbox, 8080, { readable: input, writable: output });
    input.end('GET / HTTP/1.0\r\n\r\n');
    await forwarding;
    expect(received).toContain('200 OK');
    await runtime.removePodSandbox(sandbox);
  });

  it('finds its pods again after a restart, with their processes', async () => {
    const { container } = await startPod('survives');
    const before = await runtime.containerStatus(container);
    runtime.close();
    runtime = await open();
    const after = await runtime.containerStatus(container);
    expect(after).toEqual(before);
    expect(after.state).toBe('running');
    expect((await runtime.execSync(container, ['true'], 5_000)).exitCode).toBe(0);
  });

  it('tells of exits', async () => {
    const stop = new AbortController();
    const seen: string[] = [];
    const reading = (async () => {
      for await (const event of runtime.events(stop.signal)) {
        seen.push(event.type);
        if (event.type === 'stopped') break;
      }
    })();
    await startPod('short', { command: ['true'] });
    await reading;
    stop.abort();
    expect(seen).toEqual(['created', 'started', 'stopped']);
  });
});
