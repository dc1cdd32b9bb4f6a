import { describe, expect, it } from '@jest/globals';
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { realClock } from '../../base/clock.ts';
import { silentLogger } from '../../base/log.ts';
import { realRandom } from '../../base/random.ts';
import type { ContainerdProcess } from '../../test/containerd-process.ts';
import { missingForContainerd, startContainerd } from '../../test/containerd-process.ts';
import { buildHelloImages } from '../images/hello-image.ts';
import { runRuntimeSuite } from '../runtime-suite.ts';
import { until } from '../runtime-suite-bench.ts';
import type { RuntimeBench, RuntimeFixture } from '../runtime-suite-bench.ts';
import { openCriClient } from './client.ts';
import { createCriImages } from './cri-images.ts';
import { CriRuntime } from './cri-runtime.ts';
import { createImportTarget } from './import.ts';
import { askRuntimeFacts } from './runtime-facts.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const clusterId = `c${process.pid.toString(16).padStart(7, '0').slice(-7)}`;
const netns = `nocher-cri-${randomBytes(6).toString('hex')}`;
const cgroup = `nocher-${clusterId}`;
const opened: { containerd?: ContainerdProcess } = {};

const CNI = {
  cniVersion: '0.4.0',
  name: 'test',
  plugins: [
    {
      type: 'bridge',
      bridge: 'cni-test',
      isGateway: true,
      ipam: { type: 'host-local', ranges: [[{ subnet: '10.244.0.0/24' }]] },
    },
  ],
};

async function openFixture(): Promise<RuntimeFixture> {
  const folder = mkdtempSync(join(tmpdir(), 'nocher-cri-'));
  spawnSync('ip', ['netns', 'add', netns]);
  spawnSync('nsenter', [`--net=/run/netns/${netns}`, 'ip', 'link', 'set', 'lo', 'up']);
  const relay = await relayIntoNamespace();
  const { port: streamPort } = relay.address() as AddressInfo;
  const containerd = await startContainerd({ enter: ['nsenter', `--net=/run/netns/${netns}`], streamPort });
  opened.containerd = containerd;
  const { socket } = containerd;
  const plugins = {
    ...CNI,
    plugins: [{ ...CNI.plugins[0], ipam: { ...CNI.plugins[0]!.ipam, dataDir: join(folder, 'cni') } }],
  };
  writeFileSync(join(containerd.cniConfFolder, '10-test.conflist'), JSON.stringify(plugins));
  const client = openCriClient({ socket, clock: realClock });
  const target = { client, socket, clock: realClock, random: realRandom, folder: join(folder, 'images') };
  const signal = new AbortController().signal;
  await buildHelloImages({ store: createImportTarget(target), sourceFolder: join(root, 'examples/hello'), signal });
  client.close();
  let runtime = await openRuntime(folder);
  await until('the network plugins are loaded', async () => (await runtime.status()).networkReady || undefined);
  return {
    runtime,
    imageId: (await imagesOf(socket).imageStatus('nocher.local/hello:1'))!.id,
    folder,
    cgroup,
    async reopen() {
      runtime.close();
      runtime = await openRuntime(folder);
      return runtime;
    },
    async close() {
      runtime.close();
      relay.close();
      await containerd.stop();
      removeCgroup(cgroup);
      spawnSync('ip', ['netns', 'delete', netns]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function openRuntime(folder: string): Promise<CriRuntime> {
  const client = openCriClient({ socket: opened.containerd!.socket, clock: realClock });
  return CriRuntime.open({
    client,
    facts: await askRuntimeFacts(client),
    clusterId,
    folder: join(folder, 'cri'),
    seccompFolder: join(folder, 'seccomp'),
    clock: realClock,
    random: realRandom,
    log: silentLogger,
  });
}

const imagesOf = (socket: string): ReturnType<typeof createCriImages> =>
  createCriImages(openCriClient({ socket, clock: realClock }));

function describeCri(bench: RuntimeBench): void {
  const { runtime, podConfig } = bench;

  it('tells its name and version, and that it is ready', async () => {
    expect(await runtime().version()).toMatchObject({ name: 'containerd', version: expect.stringMatching(/^v?\d+\./) });
    expect(await runtime().status()).toMatchObject({ runtimeReady: true, networkReady: true });
  });

  it('leaves sandboxes of others alone', async () => {
    const { socket } = opened.containerd!;
    const client = openCriClient({ socket, clock: realClock });
    const other = await CriRuntime.open({
      client,
      facts: await askRuntimeFacts(client),
      clusterId: 'another0',
      folder: join(bench.fixture().folder, 'other'),
      seccompFolder: join(bench.fixture().folder, 'seccomp'),
      clock: realClock,
      random: realRandom,
      log: silentLogger,
    });
    const id = await other.runPodSandbox(podConfig('foreign'));
    expect((await runtime().listPodSandboxes()).map((one) => one.id)).not.toContain(id);
    expect((await other.listPodSandboxes()).map((one) => one.id)).toEqual([id]);
    await other.removePodSandbox(id);
    other.close();
    removeCgroup('nocher-another0');
  });

  it('gives a pod its cgroup with its limits, and takes it away with the pod', async () => {
    const limits = { cpuShares: 512, memoryLimitBytes: 64 << 20, pidsLimit: 99 };
    const id = await runtime().runPodSandbox(podConfig('limits', { resources: limits }));
    const path = join(cgroup, 'burstable/poduid-limits');
    const read = (...parts: string[]): string => readFileSync(join('/sys/fs/cgroup', ...parts), 'utf8').trim();
    const isUnified = existsSync('/sys/fs/cgroup/cgroup.controllers');
    const [memory, pids] = isUnified ? ['', ''] : ['memory', 'pids'];
    expect(read(memory!, path, isUnified ? 'memory.max' : 'memory.limit_in_bytes')).toBe(String(64 << 20));
    expect(read(pids!, path, 'pids.max')).toBe('99');
    await runtime().removePodSandbox(id);
    const left = ['', ...readdirSync('/sys/fs/cgroup')].filter((one) => existsSync(join('/sys/fs/cgroup', one, path)));
    expect(left).toEqual([]);
  });

  it('tells that the runtime is away, and goes on when it is back: pods have lived on', async () => {
    const { container, sandbox } = await bench.startPod('outlives');
    const before = await runtime().containerStatus(container);
    await opened.containerd!.kill();
    await expect(runtime().listContainers()).rejects.toMatchObject({ code: 'unavailable' });
    await expect(runtime().status()).rejects.toMatchObject({ code: 'unavailable' });
    await opened.containerd!.start();
    await until('it answers again', () =>
      runtime()
        .status()
        .catch(() => undefined),
    );
    expect(await runtime().containerStatus(container)).toEqual(before);
    expect((await runtime().execSync(container, ['true'], 10_000)).exitCode).toBe(0);
    await runtime().removePodSandbox(sandbox);
  });

  it('has events again after the runtime was away', async () => {
    const stop = new AbortController();
    const reading = (async () => {
      for await (const _event of runtime().events(stop.signal));
    })();
    reading.catch(() => undefined);
    await opened.containerd!.kill();
    await expect(reading).rejects.toMatchObject({ code: 'unavailable' });
    await opened.containerd!.start();
    await until('it answers again', () =>
      runtime()
        .status()
        .catch(() => undefined),
    );
  });

  it('tells of a failed sandbox in the words of gRPC, as upstream', async () => {
    const config = podConfig('reserved');
    const id = await runtime().runPodSandbox(config);
    await expect(runtime().runPodSandbox(config)).rejects.toThrow(
      /^rpc error: code = Unknown desc = failed to reserve sandbox name /,
    );
    await runtime().removePodSandbox(id);
  });
}

/** The streaming server listens in another network namespace than this process is in. */
async function relayIntoNamespace(): Promise<Server> {
  const server = createServer((socket) => {
    const { port } = server.address() as AddressInfo;
    const child = spawn('nsenter', [`--net=/run/netns/${netns}`, 'busybox', 'nc', '127.0.0.1', String(port)]);
    socket.pipe(child.stdin);
    child.stdout.pipe(socket);
    for (const stream of [socket, child.stdin, child.stdout]) stream.on('error', () => child.kill());
    socket.on('close', () => child.kill());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

function removeCgroup(name: string): void {
  for (const controller of ['', ...readdirSync('/sys/fs/cgroup')])
    for (const part of ['burstable', ''])
      spawnSync('rmdir', [join('/sys/fs/cgroup', controller, name, part)], { stdio: 'ignore' });
}

const missing = process.getuid?.() === 0 ? missingForContainerd() : ['root'];
if (missing.length === 0) {
  runRuntimeSuite('cri', { open: openFixture, hasProcesses: true, further: describeCri });
} else {
  describe.skip(`cri: runtime contract needs ${missing.join(', ')}`, () => it('is skipped', () => undefined));
}
