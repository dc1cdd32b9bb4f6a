/** The embedded container runtime: CRI's operations on pods whose monitors are `nocher-native` processes. */
import { mkdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { sleep } from '../../base/clock.ts';
import type {
  ContainerConfig,
  ContainerInfo,
  ContainerStats,
  LinuxResources,
  PodSandbox,
  PodSandboxConfig,
  RuntimeService,
  StreamIo,
} from '../runtime.ts';
import { RuntimeError } from '../runtime.ts';
import type { ImageRunConfig } from './container-spec.ts';
import { startCommand } from './container-spec.ts';
import { usageOf } from './container-usage.ts';
import { attach, exec, execSync } from './exec.ts';
import { loadSeccomp } from './seccomp-profile.ts';
import type { MonitorContainer } from './sandbox.ts';
import { Sandboxes } from './sandboxes.ts';
import type { SandboxesOptions } from './sandboxes.ts';
import { forwardPort } from './streams.ts';

export interface NativeRuntimeOptions extends SandboxesOptions {
  images: {
    resolveRootfs(imageId: string): Promise<{ lowerDirs: string[]; config: ImageRunConfig }>;
    status(image: string): Promise<{ repoDigests: string[]; id: string } | undefined>;
  };
  version: string;
  /** Of profiles that pods name. */
  seccompFolder: string;
}

export class NativeRuntime implements RuntimeService {
  readonly features = { supplementalGroupsPolicy: true };
  readonly #options: NativeRuntimeOptions;
  readonly #sandboxes: Sandboxes;

  private constructor(options: NativeRuntimeOptions) {
    this.#options = options;
    this.#sandboxes = new Sandboxes(options);
  }

  /** Makes the bridge and finds the pods of an earlier run. */
  static async open(options: NativeRuntimeOptions): Promise<NativeRuntime> {
    const runtime = new NativeRuntime(options);
    await runtime.#sandboxes.open();
    return runtime;
  }

  /** Stops following the monitors; pods go on. */
  close(): void {
    this.#sandboxes.close();
  }

  version(): Promise<{ name: string; version: string }> {
    return Promise.resolve({ name: 'native', version: this.#options.version });
  }

  status(): Promise<{ runtimeReady: boolean; networkReady: boolean; message: string }> {
    return Promise.resolve({ runtimeReady: true, networkReady: true, message: '' });
  }

  runPodSandbox(config: PodSandboxConfig): Promise<string> {
    return this.#sandboxes.run(config);
  }

  stopPodSandbox(id: string): Promise<void> {
    return this.#sandboxes.stop(id);
  }

  removePodSandbox(id: string): Promise<void> {
    return this.#sandboxes.remove(id);
  }

  listPodSandboxes(): Promise<PodSandbox[]> {
    return Promise.resolve(this.#sandboxes.list());
  }

  async createContainer(sandboxId: string, config: ContainerConfig): Promise<string> {
    const sandbox = this.#sandboxes.get(sandboxId);
    const { images, random, clock, seccompFolder } = this.#options;
    const { config: image } = await images.resolveRootfs(config.imageId);
    // A profile that is missing is no fault of the command's: it is told before the start.
    await loadSeccomp(config.linux.security, seccompFolder);
    const status = await images.status(config.imageId);
    const id = Buffer.from(random.bytes(32)).toString('hex');
    sandbox.addContainer({
      id,
      config,
      createdAtMs: clock.now(),
      imageRef: status?.repoDigests[0] ?? status?.id ?? config.imageId,
      stopSignal: image.StopSignal || 'SIGTERM',
    });
    this.#sandboxes.publish('created', sandbox, id);
    return id;
  }

  async startContainer(id: string): Promise<void> {
    const sandbox = this.#sandboxes.of(id);
    const { config } = sandbox.container(id)!;
    const { images, clock, seccompFolder } = this.#options;
    const seccomp = await loadSeccomp(config.linux.security, seccompFolder);
    const { lowerDirs, config: image } = await images.resolveRootfs(config.imageId);
    const folder = sandbox.containerFolder(id);
    const logPath = join(sandbox.record.config.logDirectory, config.logPath);
    mkdirSync(dirname(logPath), { recursive: true, mode: 0o755 });
    const { hostname } = sandbox.record.config;
    const container = startCommand(config, image, {
      id,
      hostname,
      lowerDirs,
      upperDir: join(folder, 'upper'),
      workDir: join(folder, 'work'),
      logPath,
      seccomp,
    });
    sandbox.starting(id, clock.now());
    try {
      const { startedAt } = await sandbox.monitor.request<{ startedAt: string }>('start', { container });
      sandbox.started(id, Date.parse(startedAt));
    } catch (error) {
      if (error instanceof RuntimeError && error.code === 'start-failed') {
        const nowMs = clock.now();
        sandbox.ended(id, {
          startedAtMs: 0,
          finishedAtMs: nowMs,
          exitCode: 128,
          signal: 0,
          reason: 'StartError',
          message: error.message,
        });
        this.#sandboxes.publish('stopped', sandbox, id);
      }
      throw error;
    }
  }

  async stopContainer(id: string, timeoutSeconds: number): Promise<void> {
    const sandbox = this.#sandboxes.findOf(id);
    if (sandbox === undefined || !sandbox.isRunning(id)) return;
    const ended = sandbox.monitor
      .request<MonitorContainer>('wait', { container: id })
      .then((container) => sandbox.observe(container));
    ended.catch(() => undefined);
    try {
      if (timeoutSeconds > 0) {
        await sandbox.monitor.request('signal', { container: id, signal: sandbox.container(id)!.stopSignal });
        const waited = new AbortController();
        await Promise.race([ended, sleep(this.#options.clock, timeoutSeconds * 1000, waited.signal)]);
        waited.abort();
      }
      if (sandbox.isRunning(id)) await sandbox.monitor.request('signal', { container: id, signal: 'SIGKILL' });
      await ended;
    } catch (error) {
      // It ended by itself, or with its monitor: stopped is stopped.
      if (sandbox.isRunning(id)) throw error;
    }
  }

  async removeContainer(id: string): Promise<void> {
    const sandbox = this.#sandboxes.findOf(id);
    if (sandbox === undefined) return;
    if (!sandbox.isOver) {
      await sandbox.monitor.request('remove', { container: id }).catch((error: unknown) => {
        if (!(error instanceof RuntimeError) || (error.code !== 'not-found' && error.code !== 'unavailable'))
          throw error;
      });
    }
    sandbox.forgetContainer(id);
    await rm(sandbox.containerFolder(id), { recursive: true, force: true });
    this.#sandboxes.publish('deleted', sandbox, id);
  }

  listContainers(): Promise<ContainerInfo[]> {
    return Promise.resolve(
      this.#sandboxes.all().flatMap((sandbox) => sandbox.containerIds().map((id) => sandbox.infoOf(id)!)),
    );
  }

  containerStatus(id: string): Promise<ContainerInfo> {
    return Promise.resolve().then(() => this.#sandboxes.of(id).infoOf(id)!);
  }

  async exec(containerId: string, command: string[], io: StreamIo): Promise<number> {
    return exec({ monitor: this.#sandboxes.of(containerId).monitor, containerId, command }, io);
  }

  async execSync(containerId: string, command: string[], timeoutMs: number): ReturnType<RuntimeService['execSync']> {
    const { monitor } = this.#sandboxes.of(containerId);
    return execSync({ monitor, containerId, command }, timeoutMs, this.#sandboxes.signal);
  }

  async attach(containerId: string, io: StreamIo): Promise<void> {
    await attach({ monitor: this.#sandboxes.of(containerId).monitor, containerId }, io);
  }

  async portForward(
    sandboxId: string,
    port: number,
    stream: Parameters<RuntimeService['portForward']>[2],
  ): Promise<void> {
    await forwardPort(this.#sandboxes.get(sandboxId).monitor, port, stream);
  }

  async reopenContainerLog(id: string): Promise<void> {
    await this.#sandboxes.of(id).monitor.request('reopenLog', { container: id });
  }

  async updateContainerResources(id: string, resources: LinuxResources): Promise<void> {
    await this.#sandboxes.of(id).monitor.request('update', { container: id, resources }).then(throwRefusal);
  }

  async updatePodResources({ id }: { id: string }, resources: LinuxResources): Promise<void> {
    await this.#sandboxes.get(id).monitor.request('update', { resources }).then(throwRefusal);
  }

  async containerStats(): Promise<ContainerStats[]> {
    const ready = this.#sandboxes.all().filter((sandbox) => sandbox.ready);
    return (await Promise.all(ready.map(usageOf))).flat();
  }

  events(signal: AbortSignal): ReturnType<RuntimeService['events']> {
    return this.#sandboxes.events(signal);
  }
}

/** What the monitor calls a controller that is not there is no refusal: pods run without it, too. */
function throwRefusal(answer: unknown): void {
  const { warnings } = answer as { warnings: string[] };
  const refusals = warnings.filter((warning) => warning.startsWith('cgroup: write '));
  if (refusals.length > 0) throw new RuntimeError('unknown', refusals.join('; '));
}
