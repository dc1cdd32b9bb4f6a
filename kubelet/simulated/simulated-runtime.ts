/**
 * A container runtime in memory: containers run until they are stopped, or end as annotations of their pod declare
 * (`life-cycle.ts`). Without processes and without files, so that one machine can simulate thousands of pods.
 */
import type { Readable, Writable } from 'node:stream';
import type { Clock } from '../../base/clock.ts';
import { sleep } from '../../base/clock.ts';
import type { Random } from '../../base/random.ts';
import { RuntimeError } from '../runtime.ts';
import type {
  ContainerConfig,
  ContainerInfo,
  ContainerStats,
  ImageService,
  PodSandbox,
  PodSandboxConfig,
  RuntimeEvent,
  RuntimeService,
  StreamIo,
} from '../runtime.ts';
import { AddressPool } from './address-pool.ts';
import { EventStream } from './event-stream.ts';
import { declaredUsageOf } from './declared-usage.ts';
import type { DeclaredUsage } from './declared-usage.ts';
import { lifeCycleOf } from './life-cycle.ts';
import type { LifeCycle } from './life-cycle.ts';
import { createSimulatedImages } from './simulated-images.ts';

export interface SimulatedRuntimeOptions {
  clock: Clock;
  random: Random;
  /** IPv4 range of the pods. */
  podCidr: string;
}

/** What commands answer; tests and demonstrations may replace it. */
export type SimulatedCommand = (containerId: string, command: string[]) => { exitCode: number; stdout: string };

interface SimulatedSandbox {
  info: PodSandbox;
  config: PodSandboxConfig;
}

interface SimulatedContainer {
  info: ContainerInfo;
  lifeCycle: LifeCycle;
  /** What it pretends to use. */
  declared: DeclaredUsage;
  cancelEnd: () => void;
  /** Called once when it has ended. */
  onEnd: (() => void)[];
}

export interface SimulatedRuntime {
  runtime: SimulatedRuntimeService;
  images: ImageService;
}

export function createSimulatedRuntime(options: SimulatedRuntimeOptions): SimulatedRuntime {
  const images = createSimulatedImages();
  return { images, runtime: new SimulatedRuntimeService(options, images) };
}

export class SimulatedRuntimeService implements RuntimeService {
  /** Addresses are made up: somebody else may have them. */
  readonly hasPodNetwork = false;
  readonly features = { supplementalGroupsPolicy: true };
  /** Answers `exec` and `execSync`. Default: exit code 0, no output. */
  onCommand: SimulatedCommand = () => ({ exitCode: 0, stdout: '' });
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #images: ImageService;
  readonly #addresses: AddressPool;
  readonly #sandboxes = new Map<string, SimulatedSandbox>();
  readonly #containers = new Map<string, SimulatedContainer>();
  readonly #events = new EventStream<RuntimeEvent>();

  constructor({ clock, random, podCidr }: SimulatedRuntimeOptions, images: ImageService) {
    this.#clock = clock;
    this.#random = random;
    this.#images = images;
    this.#addresses = new AddressPool(podCidr);
  }

  version(): Promise<{ name: string; version: string }> {
    return Promise.resolve({ name: 'simulated', version: '1.0.0' });
  }

  status(): Promise<{ runtimeReady: boolean; networkReady: boolean; message: string }> {
    return Promise.resolve({ runtimeReady: true, networkReady: true, message: '' });
  }

  runPodSandbox(config: PodSandboxConfig): Promise<string> {
    const id = this.#newId();
    const ips: string[] = [];
    if (config.linux.network === 'pod') {
      const ip = this.#addresses.take();
      if (ip === undefined) return Promise.reject(new RuntimeError('unavailable', 'no free address in the pod range'));
      ips.push(ip);
    }
    const { metadata, labels, annotations } = config;
    const info: PodSandbox = { id, metadata, state: 'ready', createdAtMs: this.#clock.now(), ips, labels, annotations };
    this.#sandboxes.set(id, { info, config });
    this.#emit('started', { id, podSandboxId: id });
    return Promise.resolve(id);
  }

  stopPodSandbox(id: string): Promise<void> {
    const sandbox = this.#sandboxes.get(id);
    if (sandbox === undefined || sandbox.info.state === 'notready') return Promise.resolve();
    for (const container of this.#containersOf(id)) this.#end(container, 137);
    for (const ip of sandbox.info.ips) this.#addresses.giveBack(ip);
    sandbox.info = { ...sandbox.info, state: 'notready' };
    this.#emit('stopped', { id, podSandboxId: id });
    return Promise.resolve();
  }

  async removePodSandbox(id: string): Promise<void> {
    await this.stopPodSandbox(id);
    if (!this.#sandboxes.has(id)) return;
    for (const { info } of this.#containersOf(id)) this.#containers.delete(info.id);
    this.#emit('deleted', { id, podSandboxId: id });
    this.#sandboxes.delete(id);
  }

  listPodSandboxes(): Promise<PodSandbox[]> {
    return Promise.resolve([...this.#sandboxes.values()].map(({ info }) => info));
  }

  async createContainer(sandboxId: string, config: ContainerConfig): Promise<string> {
    const sandbox = this.#sandboxes.get(sandboxId);
    if (sandbox === undefined) throw new RuntimeError('not-found', `sandbox ${sandboxId} not found`);
    const image = await this.#images.imageStatus(config.imageId);
    if (image === undefined) throw new RuntimeError('image-missing', `image ${config.imageId} not found`);
    const id = this.#newId();
    const info: ContainerInfo = {
      id,
      podSandboxId: sandboxId,
      metadata: config.metadata,
      state: 'created',
      userSpecifiedImage: config.userSpecifiedImage,
      imageId: config.imageId,
      imageRef: image.repoDigests[0] ?? image.id,
      createdAtMs: this.#clock.now(),
      startedAtMs: 0,
      finishedAtMs: 0,
      exitCode: 0,
      signal: 0,
      reason: '',
      message: '',
      labels: config.labels,
      annotations: config.annotations,
      logPath: `${sandbox.config.logDirectory}/${config.logPath}`,
    };
    const { name } = config.metadata;
    const lifeCycle = lifeCycleOf({ name, annotations: config.annotations }, sandbox.config.annotations);
    const declared = declaredUsageOf(name, sandbox.config.annotations);
    this.#containers.set(id, { info, lifeCycle, declared, cancelEnd: () => undefined, onEnd: [] });
    this.#emit('created', info);
    return id;
  }

  startContainer(id: string): Promise<void> {
    const container = this.#containers.get(id);
    if (container === undefined) return Promise.reject(notFound(id));
    const { runMs, exitCode } = container.lifeCycle;
    container.info = { ...container.info, state: 'running', startedAtMs: this.#clock.now() };
    this.#emit('started', container.info);
    if (runMs !== undefined) container.cancelEnd = this.#clock.setTimeout(() => this.#end(container, exitCode), runMs);
    return Promise.resolve();
  }

  async stopContainer(id: string, timeoutSeconds: number): Promise<void> {
    const container = this.#containers.get(id);
    if (container === undefined || container.info.state === 'exited') return;
    const { stopMs } = container.lifeCycle;
    const timeoutMs = timeoutSeconds * 1000;
    const [delayMs, exitCode] = stopMs <= timeoutMs && timeoutMs > 0 ? [stopMs, 0] : [timeoutMs, 137];
    if (delayMs === 0) {
      this.#end(container, exitCode);
      return;
    }
    const ended = new Promise<void>((resolve) => container.onEnd.push(resolve));
    this.#clock.setTimeout(() => this.#end(container, exitCode), delayMs);
    await ended;
  }

  removeContainer(id: string): Promise<void> {
    const container = this.#containers.get(id);
    if (container === undefined) return Promise.resolve();
    if (container.info.state === 'running') this.#end(container, 137);
    this.#emit('deleted', container.info);
    this.#containers.delete(id);
    return Promise.resolve();
  }

  listContainers(): Promise<ContainerInfo[]> {
    return Promise.resolve([...this.#containers.values()].map(({ info }) => info));
  }

  containerStatus(id: string): Promise<ContainerInfo> {
    const container = this.#containers.get(id);
    return container === undefined ? Promise.reject(notFound(id)) : Promise.resolve(container.info);
  }

  exec(containerId: string, command: string[], io: StreamIo): Promise<number> {
    if (this.#containers.get(containerId)?.info.state !== 'running') return Promise.reject(notFound(containerId));
    const { exitCode, stdout } = this.onCommand(containerId, command);
    io.stdout?.write(stdout);
    return Promise.resolve(exitCode);
  }

  execSync(
    containerId: string,
    command: string[],
  ): Promise<{ exitCode: number; stdout: Uint8Array; stderr: Uint8Array }> {
    if (this.#containers.get(containerId)?.info.state !== 'running') return Promise.reject(notFound(containerId));
    const { exitCode, stdout } = this.onCommand(containerId, command);
    return Promise.resolve({ exitCode, stdout: Buffer.from(stdout), stderr: new Uint8Array() });
  }

  async attach(containerId: string, io: StreamIo): Promise<void> {
    const container = this.#containers.get(containerId);
    if (container === undefined) throw notFound(containerId);
    if (container.info.state !== 'running' || io.signal.aborted) return;
    await new Promise<void>((resolve) => {
      container.onEnd.push(resolve);
      io.signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }

  portForward(_sandboxId: string, port: number, stream: { readable: Readable; writable: Writable }): Promise<void> {
    stream.writable.end();
    return Promise.reject(new RuntimeError('unavailable', `nothing listens on port ${port}: the pod is simulated`));
  }

  updateContainerResources(id: string): Promise<void> {
    return this.#containers.get(id)?.info.state === 'running' ? Promise.resolve() : Promise.reject(notFound(id));
  }

  updatePodResources({ id }: { id: string }): Promise<void> {
    if (this.#sandboxes.get(id)?.info.state === 'ready') return Promise.resolve();
    return Promise.reject(new RuntimeError('not-found', `sandbox ${id} not found or not ready`));
  }

  reopenContainerLog(): Promise<void> {
    return Promise.resolve();
  }

  containerStats(): Promise<ContainerStats[]> {
    const timestampMs = this.#clock.now();
    const running = [...this.#containers.values()].filter(({ info }) => info.state === 'running');
    return Promise.resolve(
      running.map(({ info, declared }) => ({
        id: info.id,
        podSandboxId: info.podSandboxId,
        timestampMs,
        cpuUsageNs: Math.round((Math.max(0, timestampMs - info.startedAtMs) / 1000) * declared.nanoCores),
        memoryUsageBytes: declared.memoryBytes,
        memoryWorkingSetBytes: declared.memoryBytes,
      })),
    );
  }

  events(signal: AbortSignal): AsyncIterable<RuntimeEvent> {
    return this.#events.subscribe(signal);
  }

  /** Ends a container as if its process had; for tests. */
  async endContainer(id: string, exitCode: number): Promise<void> {
    const container = this.#containers.get(id);
    if (container === undefined) throw notFound(id);
    this.#end(container, exitCode);
    await sleep(this.#clock, 0);
  }

  #end(container: SimulatedContainer, exitCode: number): void {
    if (container.info.state === 'exited') return;
    container.cancelEnd();
    const wasStarted = container.info.state === 'running';
    container.info = {
      ...container.info,
      state: 'exited',
      finishedAtMs: this.#clock.now(),
      exitCode,
      signal: 0,
      reason: exitCode === 0 && wasStarted ? 'Completed' : 'Error',
    };
    this.#emit('stopped', container.info);
    for (const resolve of container.onEnd.splice(0)) resolve();
  }

  #containersOf(sandboxId: string): SimulatedContainer[] {
    return [...this.#containers.values()].filter(({ info }) => info.podSandboxId === sandboxId);
  }

  #emit(type: RuntimeEvent['type'], { id, podSandboxId }: { id: string; podSandboxId: string }): void {
    const podUid = this.#sandboxes.get(podSandboxId)?.info.metadata.uid ?? '';
    this.#events.emit({ type, containerId: id, podSandboxId, podUid });
  }

  #newId(): string {
    return Buffer.from(this.#random.bytes(32)).toString('hex');
  }
}

function notFound(id: string): RuntimeError {
  return new RuntimeError('not-found', `container ${id} not found or not running`);
}
