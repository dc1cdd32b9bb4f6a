/** The embedded container runtime: CRI's operations on pods whose monitors are `nocher-native` processes. */
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { sleep } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { Random } from '../../base/random.ts';
import type { ContainerConfig, ContainerInfo, ContainerStats, PodSandbox, PodSandboxConfig, RuntimeService, StreamIo } from '../runtime.ts';
import { RuntimeError } from '../runtime.ts';
import { AddressPool } from './address-pool.ts';
import type { ImageRunConfig } from './container-spec.ts';
import { startCommand } from './container-spec.ts';
import { EventHub } from './event-hub.ts';
import { monitorConfig } from './monitor-config.ts';
import { runNative } from './program.ts';
import type { SandboxStarted } from './program.ts';
import type { MonitorContainer } from './sandbox.ts';
import { Sandbox } from './sandbox.ts';
import { deadlineExceeded, forwardPort, OutputBuffer, runFramed } from './streams.ts';
import { Writable } from 'node:stream';

export interface NativeRuntimeOptions {
  /** The `nocher-native` binary. */
  program: string;
  /** `<data folder>/sandboxes`. */
  folder: string;
  /** Eight hex digits that name this cluster's bridge, links and cgroups. */
  clusterId: string;
  /** The node's pod range. */
  podCidr: string;
  images: {
    resolveRootfs(imageId: string): Promise<{ lowerDirs: string[]; config: ImageRunConfig }>;
    status(image: string): Promise<{ repoDigests: string[]; id: string } | undefined>;
  };
  clock: Clock;
  random: Random;
  log: Logger;
  version: string;
}

/** The names on the host that one cluster takes. */
export function hostNames(clusterId: string): { bridge: string; cgroup: string } {
  return { bridge: `nocher-${clusterId}`, cgroup: `nocher-${clusterId}` };
}

interface StatusAnswer {
  sandbox: { state: string };
  cursor: number;
  containers: MonitorContainer[];
}

const WATCH_RETRY_MS = 200;

export class NativeRuntime implements RuntimeService {
  readonly #options: NativeRuntimeOptions;
  readonly #sandboxes = new Map<string, Sandbox>();
  readonly #hub = new EventHub();
  readonly #pool: AddressPool;
  readonly #stop = new AbortController();

  private constructor(options: NativeRuntimeOptions) {
    this.#options = options;
    this.#pool = new AddressPool(options.podCidr);
  }

  /** Makes the bridge and finds the pods of an earlier run. */
  static async open(options: NativeRuntimeOptions): Promise<NativeRuntime> {
    const runtime = new NativeRuntime(options);
    mkdirSync(options.folder, { recursive: true, mode: 0o700 });
    const pool = new AddressPool(options.podCidr);
    await runNative(options.program, ['bridge', 'ensure', '--name', hostNames(options.clusterId).bridge, '--address', `${pool.gateway}/${pool.prefixLength}`]);
    await Promise.all(readdirSync(options.folder).map((name) => runtime.#recover(join(options.folder, name))));
    return runtime;
  }

  /** Stops following the monitors; pods go on. */
  close(): void {
    this.#stop.abort();
    for (const sandbox of this.#sandboxes.values()) sandbox.monitor.close();
  }

  version(): Promise<{ name: string; version: string }> {
    return Promise.resolve({ name: 'native', version: this.#options.version });
  }

  status(): Promise<{ runtimeReady: boolean; networkReady: boolean; message: string }> {
    return Promise.resolve({ runtimeReady: true, networkReady: true, message: '' });
  }

  async runPodSandbox(config: PodSandboxConfig): Promise<string> {
    const { random, clock, folder, program } = this.#options;
    const id = Buffer.from(random.bytes(16)).toString('hex');
    const ip = config.linux.network === 'pod' ? this.#pool.take() : '';
    const record = { id, config, createdAtMs: clock.now(), ip, hostInterface: `veth${id.slice(0, 10)}` };
    const sandbox = Sandbox.create(join(folder, id), record);
    mkdirSync(config.logDirectory, { recursive: true, mode: 0o755 });
    try {
      const answer = await runNative<SandboxStarted>(program, ['monitor', '--socket', join(sandbox.folder, 'monitor.sock'), '--config', '-'], JSON.stringify(this.#monitorConfig(sandbox)));
      for (const warning of answer.warnings) this.#options.log.debug('sandbox', { pod: config.metadata, warning });
    } catch (error) {
      if (ip !== '') this.#pool.release(ip);
      await rm(sandbox.folder, { recursive: true, force: true });
      throw error;
    }
    sandbox.ready = true;
    this.#sandboxes.set(id, sandbox);
    void this.#follow(sandbox, 0);
    return id;
  }

  async stopPodSandbox(id: string): Promise<void> {
    const sandbox = this.#sandboxes.get(id);
    if (sandbox === undefined || !sandbox.ready) return;
    try {
      const { containers } = await sandbox.monitor.request<StatusAnswer>('status');
      for (const container of containers) sandbox.observe(container);
      await sandbox.monitor.request('shutdown');
    } catch (error) {
      if (!(error instanceof RuntimeError) || error.code !== 'unavailable') throw error;
    }
    this.#onLost(sandbox);
    await this.#cleanUp(sandbox);
  }

  async removePodSandbox(id: string): Promise<void> {
    const sandbox = this.#sandboxes.get(id);
    if (sandbox === undefined) return;
    await this.stopPodSandbox(id);
    this.#sandboxes.delete(id);
    await rm(sandbox.folder, { recursive: true, force: true });
  }

  listPodSandboxes(): Promise<PodSandbox[]> {
    const sandboxes = [...this.#sandboxes.values()].map(({ record, ready }): PodSandbox => ({
      id: record.id,
      metadata: record.config.metadata,
      state: ready ? 'ready' : 'notready',
      createdAtMs: record.createdAtMs,
      ips: record.ip === '' ? [] : [record.ip],
      labels: record.config.labels,
      annotations: record.config.annotations,
    }));
    return Promise.resolve(sandboxes);
  }

  async createContainer(sandboxId: string, config: ContainerConfig): Promise<string> {
    const sandbox = this.#sandbox(sandboxId);
    const { images, random, clock } = this.#options;
    const { config: image } = await images.resolveRootfs(config.imageId);
    const status = await images.status(config.imageId);
    const id = Buffer.from(random.bytes(32)).toString('hex');
    sandbox.addContainer({
      id,
      config,
      createdAtMs: clock.now(),
      imageRef: status?.repoDigests[0] ?? status?.id ?? config.imageId,
      stopSignal: image.StopSignal || 'SIGTERM',
    });
    this.#publish('created', sandbox, id);
    return id;
  }

  async startContainer(id: string): Promise<void> {
    const sandbox = this.#sandboxOf(id);
    const { config } = sandbox.container(id)!;
    const { images, clock } = this.#options;
    const { lowerDirs, config: image } = await images.resolveRootfs(config.imageId);
    const folder = sandbox.containerFolder(id);
    const logPath = join(sandbox.record.config.logDirectory, config.logPath);
    mkdirSync(dirname(logPath), { recursive: true, mode: 0o755 });
    const { hostname } = sandbox.record.config;
    const container = startCommand(config, image, { id, hostname, lowerDirs, upperDir: join(folder, 'upper'), workDir: join(folder, 'work'), logPath });
    try {
      const { startedAt } = await sandbox.monitor.request<{ startedAt: string }>('start', { container });
      sandbox.started(id, Date.parse(startedAt));
      this.#publish('started', sandbox, id);
    } catch (error) {
      if (error instanceof RuntimeError && error.code === 'start-failed') {
        const nowMs = clock.now();
        sandbox.ended(id, { startedAtMs: 0, finishedAtMs: nowMs, exitCode: 128, signal: 0, reason: 'StartError', message: error.message });
        this.#publish('stopped', sandbox, id);
      }
      throw error;
    }
  }

  async stopContainer(id: string, timeoutSeconds: number): Promise<void> {
    const sandbox = this.#findSandboxOf(id);
    if (sandbox === undefined || !sandbox.isRunning(id)) return;
    const ended = sandbox.monitor.request<MonitorContainer>('wait', { container: id }).then((container) => sandbox.observe(container));
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
    const sandbox = this.#findSandboxOf(id);
    if (sandbox === undefined) return;
    if (sandbox.ready) {
      await sandbox.monitor.request('remove', { container: id }).catch((error: unknown) => {
        if (!(error instanceof RuntimeError) || (error.code !== 'not-found' && error.code !== 'unavailable')) throw error;
      });
    }
    sandbox.forgetContainer(id);
    await rm(sandbox.containerFolder(id), { recursive: true, force: true });
    this.#publish('deleted', sandbox, id);
  }

  listContainers(): Promise<ContainerInfo[]> {
    return Promise.resolve([...this.#sandboxes.values()].flatMap((sandbox) => sandbox.containerIds().map((id) => sandbox.infoOf(id)!)));
  }

  containerStatus(id: string): Promise<ContainerInfo> {
    return Promise.resolve().then(() => this.#sandboxOf(id).infoOf(id)!);
  }

  async exec(containerId: string, command: string[], io: StreamIo): Promise<number> {
    const { stdin, stdout, stderr, tty } = io;
    const request = {
      command: 'exec',
      container: containerId,
      args: command,
      stdin: stdin !== undefined,
      stdout: stdout !== undefined,
      stderr: stderr !== undefined && !tty,
      tty,
    };
    const exit = await runFramed(this.#sandboxOf(containerId).monitor, request, io);
    if (exit === undefined) throw new RuntimeError('unavailable', 'the stream ended before the command did');
    return exit.exitCode;
  }

  async execSync(containerId: string, command: string[], timeoutMs: number): Promise<{ exitCode: number; stdout: Uint8Array; stderr: Uint8Array }> {
    const output = new OutputBuffer();
    const problems = new OutputBuffer();
    const collect = (buffer: OutputBuffer): Writable =>
      new Writable({
        write(chunk: Buffer, _encoding, done) {
          buffer.push(chunk);
          done();
        },
      });
    const io: StreamIo = { stdout: collect(output), stderr: collect(problems), tty: false, signal: this.#stop.signal };
    const request = { command: 'exec', container: containerId, args: command, stdin: false, stdout: true, stderr: true, tty: false, timeoutMs: Math.ceil(timeoutMs) };
    const exit = await runFramed(this.#sandboxOf(containerId).monitor, request, io);
    if (exit === undefined) throw new RuntimeError('unavailable', 'the stream ended before the command did');
    if (exit.timedOut === true) throw deadlineExceeded(command, timeoutMs);
    return { exitCode: exit.exitCode, stdout: output.bytes(), stderr: problems.bytes() };
  }

  async attach(containerId: string, io: StreamIo): Promise<void> {
    const request = { command: 'attach', container: containerId, stdin: io.stdin !== undefined, stdout: io.stdout !== undefined, stderr: io.stderr !== undefined };
    await runFramed(this.#sandboxOf(containerId).monitor, request, io);
  }

  async portForward(sandboxId: string, port: number, stream: Parameters<RuntimeService['portForward']>[2]): Promise<void> {
    await forwardPort(this.#sandbox(sandboxId).monitor, port, stream);
  }

  async reopenContainerLog(id: string): Promise<void> {
    await this.#sandboxOf(id).monitor.request('reopenLog', { container: id });
  }

  async containerStats(): Promise<ContainerStats[]> {
    const all = await Promise.all([...this.#sandboxes.values()].filter(({ ready }) => ready).map((sandbox) => this.#statsOf(sandbox)));
    return all.flat();
  }

  events(signal: AbortSignal): ReturnType<RuntimeService['events']> {
    return this.#hub.subscribe(signal);
  }

  async #statsOf(sandbox: Sandbox): Promise<ContainerStats[]> {
    interface Usage {
      id: string;
      cpuUsageNs: number | null;
      memoryUsageBytes: number | null;
      memoryWorkingSetBytes: number | null;
    }
    try {
      const { timestamp, containers } = await sandbox.monitor.request<{ timestamp: string; containers: Usage[] }>('stats');
      return containers.map(({ id, cpuUsageNs, memoryUsageBytes, memoryWorkingSetBytes }) => ({
        id,
        podSandboxId: sandbox.record.id,
        timestampMs: Date.parse(timestamp),
        cpuUsageNs: cpuUsageNs ?? 0,
        memoryUsageBytes: memoryUsageBytes ?? 0,
        memoryWorkingSetBytes: memoryWorkingSetBytes ?? 0,
      }));
    } catch {
      return [];
    }
  }

  #sandbox(id: string): Sandbox {
    const sandbox = this.#sandboxes.get(id);
    if (sandbox === undefined) throw new RuntimeError('not-found', `pod sandbox ${JSON.stringify(id)} not found`);
    return sandbox;
  }

  #findSandboxOf(containerId: string): Sandbox | undefined {
    for (const sandbox of this.#sandboxes.values()) if (sandbox.container(containerId) !== undefined) return sandbox;
    return undefined;
  }

  #sandboxOf(containerId: string): Sandbox {
    const sandbox = this.#findSandboxOf(containerId);
    if (sandbox === undefined) throw new RuntimeError('not-found', `container ${JSON.stringify(containerId)} not found`);
    return sandbox;
  }

  #monitorConfig({ record }: Sandbox): Record<string, unknown> {
    const { cgroup, bridge } = hostNames(this.#options.clusterId);
    return monitorConfig(record, { cgroup, bridge, gateway: this.#pool.gateway, prefixLength: this.#pool.prefixLength });
  }

  #publish(type: 'created' | 'started' | 'stopped' | 'deleted', sandbox: Sandbox, containerId: string): void {
    this.#hub.publish({ type, containerId, podSandboxId: sandbox.record.id, podUid: sandbox.record.config.metadata.uid });
  }

  async #recover(folder: string): Promise<void> {
    const sandbox = Sandbox.load(folder);
    if (sandbox === undefined) {
      await rm(folder, { recursive: true, force: true });
      return;
    }
    this.#sandboxes.set(sandbox.record.id, sandbox);
    try {
      const { sandbox: told, containers, cursor } = await sandbox.monitor.request<StatusAnswer>('status');
      if (sandbox.record.ip !== '') this.#pool.claim(sandbox.record.ip);
      sandbox.ready = told.state === 'Ready';
      for (const container of containers) sandbox.observe(container);
      void this.#follow(sandbox, cursor);
    } catch {
      sandbox.lost(this.#options.clock.now());
      await this.#cleanUp(sandbox);
    }
  }

  /** Ends, never with an error, when the monitor stops telling: one that answers later was only slow. */
  async #followOnce(sandbox: Sandbox, cursor: number): Promise<void> {
    try {
      for await (const event of sandbox.monitor.watch(cursor, this.#stop.signal)) this.#onEvent(sandbox, event);
    } catch {
      // Looked at by the caller.
    }
  }

  /** Takes over what the monitor tells until it has gone. */
  async #follow(sandbox: Sandbox, cursor: number): Promise<void> {
    let seen = cursor;
    while (sandbox.ready && !this.#stop.signal.aborted) {
      await this.#followOnce(sandbox, seen);
      if (this.#stop.signal.aborted || !sandbox.ready) return;
      const answers = await sandbox.monitor.request<StatusAnswer>('status').catch(() => undefined);
      if (answers === undefined) {
        this.#onLost(sandbox);
        await this.#cleanUp(sandbox);
        return;
      }
      for (const container of answers.containers) sandbox.observe(container);
      seen = answers.cursor;
      await sleep(this.#options.clock, WATCH_RETRY_MS, this.#stop.signal);
    }
  }

  #onEvent(sandbox: Sandbox, event: Record<string, unknown>): void {
    if (event['event'] === 'sandboxExited') {
      sandbox.ready = false;
      for (const id of sandbox.containerIds()) this.#publish('stopped', sandbox, id);
      return;
    }
    const container = event['container'] as MonitorContainer | undefined;
    if (container === undefined || event['event'] !== 'exited') return;
    sandbox.observe(container);
    this.#publish('stopped', sandbox, container.id);
  }

  #onLost(sandbox: Sandbox): void {
    const { ip } = sandbox.record;
    if (sandbox.ready && ip !== '') this.#pool.release(ip);
    sandbox.monitor.close();
    for (const id of sandbox.lost(this.#options.clock.now())) this.#publish('stopped', sandbox, id);
    this.#publish('stopped', sandbox, sandbox.record.id);
  }

  /** Removes what a monitor that was killed left on the host. */
  async #cleanUp(sandbox: Sandbox): Promise<void> {
    if (!existsSync(this.#options.program)) return;
    const socket = join(sandbox.folder, 'monitor.sock');
    await runNative(this.#options.program, ['cleanup', '--config', '-', '--socket', socket], JSON.stringify(this.#monitorConfig(sandbox))).catch((error: unknown) =>
      this.#options.log.warn('a sandbox could not be cleaned up', { pod: sandbox.record.config.metadata, error: String(error) }),
    );
  }
}
