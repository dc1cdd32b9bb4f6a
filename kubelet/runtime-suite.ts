/** The suite of the container runtime's contract (runtime.ts): every driver runs it. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { ContainerInfo, RuntimeEvent } from './runtime.ts';
import { createBench, until } from './runtime-suite-bench.ts';
import type { RuntimeBench, RuntimeFixture } from './runtime-suite-bench.ts';
import { describePrivileges } from './runtime-suite-privileges.ts';
import { describeProcesses } from './runtime-suite-processes.ts';
import { RUN_SECONDS_ANNOTATION } from './simulated/life-cycle.ts';

export interface RuntimeSuiteOptions {
  open(): Promise<RuntimeFixture>;
  /** Containers are processes, with logs and commands. */
  hasProcesses: boolean;
  /** Tests of this driver alone. */
  further?(bench: RuntimeBench): void;
}

export function runRuntimeSuite(name: string, { open, hasProcesses, further }: RuntimeSuiteOptions): void {
  describe(`${name}: runtime contract`, () => {
    let fixture: RuntimeFixture | undefined;
    beforeAll(async () => {
      fixture = await open();
    }, 120_000);
    afterAll(async () => {
      if (fixture === undefined) return;
      for (const { id } of await fixture.runtime.listPodSandboxes()) await fixture.runtime.removePodSandbox(id);
      await fixture.close();
    }, 60_000);
    const bench = createBench(() => fixture!);
    describe('sandboxes', () => describeSandboxes(bench));
    describe('containers', () => describeContainers(bench));
    if (hasProcesses) describeProcesses(bench);
    if (hasProcesses) describe('privileges', () => describePrivileges(bench));
    if (further !== undefined) describe('this driver', () => further(bench));
  });
}

function describeSandboxes(bench: RuntimeBench): void {
  const { runtime, podConfig } = bench;

  it('are listed with what they were given, an address, and their state', async () => {
    const config = podConfig('listed');
    const id = await runtime().runPodSandbox(config);
    const [sandbox] = (await runtime().listPodSandboxes()).filter((one) => one.id === id);
    expect(sandbox).toMatchObject({ metadata: config.metadata, state: 'ready', annotations: config.annotations });
    expect(sandbox!.labels).toEqual(config.labels);
    expect(sandbox!.ips).toEqual([expect.stringMatching(/^\d+\.\d+\.\d+\.\d+$/)]);
    expect(sandbox!.createdAtMs).toBeGreaterThan(Date.UTC(2020));
    await runtime().stopPodSandbox(id);
    const [stopped] = (await runtime().listPodSandboxes()).filter((one) => one.id === id);
    expect(stopped!.state).toBe('notready');
    await runtime().removePodSandbox(id);
    expect((await runtime().listPodSandboxes()).some((one) => one.id === id)).toBe(false);
  });

  it('have no address of their own on the network of the node', async () => {
    const id = await runtime().runPodSandbox(podConfig('on-node', { network: 'node' }));
    const [sandbox] = (await runtime().listPodSandboxes()).filter((one) => one.id === id);
    expect(sandbox!.ips).toEqual([]);
    await runtime().removePodSandbox(id);
  });

  it('may be stopped and removed twice, also when there is none', async () => {
    const id = await runtime().runPodSandbox(podConfig('twice'));
    await runtime().stopPodSandbox(id);
    await runtime().stopPodSandbox(id);
    await runtime().removePodSandbox(id);
    await runtime().removePodSandbox(id);
    await runtime().stopPodSandbox(id);
  });

  it('take their containers with them', async () => {
    const { sandbox, container } = await bench.startPod('whole');
    await runtime().stopPodSandbox(sandbox);
    expect(await bench.ended(container)).toMatchObject({ podSandboxId: sandbox });
    await runtime().removePodSandbox(sandbox);
    expect((await runtime().listContainers()).some(({ id }) => id === container)).toBe(false);
  });
}

function describeContainers(bench: RuntimeBench): void {
  const { runtime, podConfig, containerConfig } = bench;

  it('go through created, running and exited', async () => {
    const config = podConfig('states');
    const sandbox = await runtime().runPodSandbox(config);
    const wanted = containerConfig();
    const id = await runtime().createContainer(sandbox, wanted, config);
    const listed = async (): Promise<ContainerInfo | undefined> =>
      (await runtime().listContainers()).find((one) => one.id === id);
    expect(await listed()).toMatchObject({
      podSandboxId: sandbox,
      metadata: wanted.metadata,
      state: 'created',
      userSpecifiedImage: wanted.userSpecifiedImage,
      imageId: wanted.imageId,
      labels: wanted.labels,
      annotations: wanted.annotations,
      logPath: join(config.logDirectory, wanted.logPath),
      startedAtMs: 0,
    });
    await runtime().startContainer(id);
    const running = await listed();
    expect(running!.state).toBe('running');
    expect(running!.startedAtMs).toBeGreaterThanOrEqual(running!.createdAtMs);
    await runtime().stopContainer(id, 5);
    const exited = await listed();
    expect(exited!.state).toBe('exited');
    expect(exited!.finishedAtMs).toBeGreaterThanOrEqual(exited!.startedAtMs);
    await runtime().stopContainer(id, 5);
    await runtime().removeContainer(id);
    await runtime().removeContainer(id);
    expect(await listed()).toBeUndefined();
    await expect(runtime().containerStatus(id)).rejects.toMatchObject({ code: 'not-found' });
    await runtime().removePodSandbox(sandbox);
  });

  it('tell of their creation, start and end, with the UID of the pod', async () => {
    const stop = new AbortController();
    const seen: RuntimeEvent[] = [];
    const reading = (async () => {
      for await (const event of runtime().events(stop.signal)) seen.push(event);
    })();
    // Who subscribes asks for the state first: what a driver saw before is no event.
    await wait(100);
    const config = { ...podConfig('tells'), annotations: { [RUN_SECONDS_ANNOTATION]: '0' } };
    const sandbox = await runtime().runPodSandbox(config);
    const container = await runtime().createContainer(sandbox, containerConfig({ command: ['true'] }), config);
    await runtime().startContainer(container);
    const own = (): RuntimeEvent[] => seen.filter(({ containerId }) => containerId === container);
    await until('the container is told to have ended', () =>
      Promise.resolve(own().some(({ type }) => type === 'stopped') || undefined),
    );
    stop.abort();
    await reading;
    expect(own().map(({ type }) => type)).toEqual(['created', 'started', 'stopped']);
    expect(own()[0]).toMatchObject({ podSandboxId: sandbox, podUid: 'uid-tells' });
    await runtime().removePodSandbox(sandbox);
  });

  it('get other limits while they run, and so does their pod', async () => {
    const limits = { cpuPeriodUs: 100_000, cpuQuotaUs: 20_000, cpuShares: 256, memoryLimitBytes: 64 << 20 };
    const config = podConfig('resized', { resources: limits });
    const sandbox = await runtime().runPodSandbox(config);
    const wanted = containerConfig();
    const { security } = wanted.linux;
    const linux = { resources: limits, security };
    const container = await runtime().createContainer(sandbox, { ...wanted, linux }, config);
    await runtime().startContainer(container);
    const more = { cpuPeriodUs: 100_000, cpuQuotaUs: 50_000, cpuShares: 512 };
    await runtime().updatePodResources({ id: sandbox, cgroupParent: config.linux.cgroupParent }, more);
    await runtime().updateContainerResources(container, more);
    expect((await runtime().containerStatus(container)).state).toBe('running');
    const expected = { cpuQuotaUs: 50_000, memoryLimitBytes: 64 << 20 };
    // Only drivers with processes have cgroups.
    const grown = bench.limitsOf('resized', container) ?? { pod: expected, container: expected };
    expect(grown).toEqual({ pod: expected, container: expected });
    await runtime().updateContainerResources(container, { memoryLimitBytes: 32 << 20 });
    const less = { ...expected, memoryLimitBytes: 32 << 20 };
    const shrunk = bench.limitsOf('resized', container) ?? { pod: expected, container: less };
    expect(shrunk).toEqual({ pod: expected, container: less });
    await runtime().stopContainer(container, 0);
    await expect(runtime().updateContainerResources('0123456789abcdef', more)).rejects.toMatchObject({
      code: 'not-found',
    });
    await runtime().removePodSandbox(sandbox);
  });

  it('are not there when there is none', async () => {
    await expect(runtime().containerStatus('0123456789abcdef')).rejects.toMatchObject({ code: 'not-found' });
    await runtime().stopContainer('0123456789abcdef', 1);
    await runtime().removeContainer('0123456789abcdef');
  });
}
