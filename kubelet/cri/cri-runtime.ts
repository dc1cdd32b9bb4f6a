/**
 * The production container runtime: containerd or CRI-O over CRI `runtime.v1`. The runtime keeps all state; what is
 * kept here only spares calls.
 *
 * **Invariant:** sandboxes and containers without our cluster's label are never listed, and so never touched.
 */
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { Random } from '../../base/random.ts';
import { RuntimeError } from '../runtime.ts';
import type {
  ContainerConfig,
  ContainerInfo,
  ContainerStats,
  LinuxResources,
  PodSandbox,
  PodSandboxConfig,
  RuntimeEvent,
  RuntimeFeatures,
  RuntimeService,
  StreamIo,
} from '../runtime.ts';
import type { CriClient } from './client.ts';
import {
  CLUSTER_LABEL,
  cgroupParent,
  containerMessage,
  containerOf,
  resourcesMessage,
  sandboxMessage,
  sandboxOf,
  statsOf,
} from './convert.ts';
import type { ClusterNames } from './convert.ts';
import { asGrpcText, CriError, ignoringNotFound } from './errors.ts';
import type { ContainerEvent, ListedContainer, ListedSandbox } from './messages.ts';
import { createPodCgroup, isUnified, removePodCgroup, updatePodCgroup } from './pod-cgroups.ts';
import { pollEvents } from './poll-events.ts';
import type { SeenContainer } from './poll-events.ts';
import type { RuntimeFacts } from './runtime-facts.ts';
import { StatusCache } from './status-cache.ts';
import { forwardPort, runStreams } from './streaming.ts';
import type { ForwardedStream } from './streaming.ts';
import type { BoundMounts } from './sub-path.ts';
import { bindSubPaths } from './sub-path.ts';
import { linuxMounter } from '../volumes/host-mounter.ts';

export interface CriRuntimeOptions {
  client: CriClient;
  facts: RuntimeFacts;
  /** Eight hex digits. */
  clusterId: string;
  /** For what lies between a container's creation and its start. */
  folder: string;
  /** Of profiles that pods name. */
  seccompFolder: string;
  clock: Clock;
  random: Random;
  log: Logger;
}

const SANDBOX_TIMEOUT_MS = 240_000;
const LIST_TIMEOUT_MS = 30_000;
const STATUS_TIMEOUT_MS = 15_000;
/** On top of a container's grace period, for its end itself. */
const STOP_SLACK_MS = 120_000;
const MAX_SYNC_OUTPUT_BYTES = 1 << 20;

export class CriRuntime implements RuntimeService {
  readonly #options: CriRuntimeOptions;
  readonly #client: CriClient;
  readonly #names: ClusterNames;
  readonly #sandboxes = new StatusCache<PodSandbox>();
  readonly #containers = new StatusCache<ContainerInfo>();
  /** Sub-paths that are bound until the container has been started. */
  readonly #bound = new Map<string, BoundMounts>();

  constructor(options: CriRuntimeOptions) {
    const { client, clusterId, facts, seccompFolder } = options;
    this.#options = options;
    this.#client = client;
    this.#names = { clusterId, isSystemd: facts.isSystemd, isUnified: isUnified(), seccompFolder };
  }

  /** Also takes away what an earlier run left bound. */
  static async open(options: CriRuntimeOptions): Promise<CriRuntime> {
    await linuxMounter.unmountBelow(join(options.folder, 'sub-paths'));
    return new CriRuntime(options);
  }

  /** The connection, for what is no affair of the kubelet's. */
  get client(): CriClient {
    return this.#client;
  }

  get features(): RuntimeFeatures {
    return this.#options.facts.features;
  }

  get facts(): RuntimeFacts {
    return this.#options.facts;
  }

  /** Pods go on. */
  close(): void {
    this.#client.close();
  }

  async version(): Promise<{ name: string; version: string }> {
    const { runtimeName, runtimeVersion } = await this.#client.call('Version', {}, { timeoutMs: STATUS_TIMEOUT_MS });
    return { name: runtimeName, version: runtimeVersion };
  }

  async status(): Promise<{ runtimeReady: boolean; networkReady: boolean; message: string }> {
    const { status } = await this.#client.call('Status', {}, { timeoutMs: STATUS_TIMEOUT_MS });
    const condition = (name: string): { status: boolean; message: string } =>
      status?.conditions.find(({ type }) => type === name) ?? { status: false, message: `${name} is unknown` };
    const [runtime, network] = [condition('RuntimeReady'), condition('NetworkReady')];
    const message = runtime.status ? network.message : runtime.message;
    return { runtimeReady: runtime.status, networkReady: network.status, message };
  }

  async runPodSandbox(config: PodSandboxConfig): Promise<string> {
    await mkdir(config.logDirectory, { recursive: true, mode: 0o755 });
    const { isSystemd } = this.#names;
    if (!isSystemd) createPodCgroup(config.linux.resources ?? {}, { path: this.#podCgroup(config) });
    try {
      const request = { config: sandboxMessage(config, this.#names) };
      const limits = { timeoutMs: SANDBOX_TIMEOUT_MS };
      return (await this.#client.call('RunPodSandbox', request, limits)).podSandboxId;
    } catch (error) {
      throw asGrpcText(error);
    }
  }

  async stopPodSandbox(id: string): Promise<void> {
    const limits = { timeoutMs: SANDBOX_TIMEOUT_MS };
    await ignoringNotFound(() => this.#client.call('StopPodSandbox', { podSandboxId: id }, limits));
  }

  async removePodSandbox(id: string): Promise<void> {
    const uid = (await this.#listedSandboxes()).find((sandbox) => sandbox.id === id)?.metadata?.uid;
    await this.stopPodSandbox(id);
    const limits = { timeoutMs: SANDBOX_TIMEOUT_MS };
    await ignoringNotFound(() => this.#client.call('RemovePodSandbox', { podSandboxId: id }, limits));
    if (uid !== undefined) await this.#removeCgroups(uid);
  }

  async listPodSandboxes(): Promise<PodSandbox[]> {
    return this.#sandboxes.fill(await this.#listedSandboxes(), async ({ id }) => {
      const { status } = await this.#client.call('PodSandboxStatus', { podSandboxId: id });
      return status === null ? undefined : sandboxOf(status);
    });
  }

  async createContainer(sandboxId: string, config: ContainerConfig, sandbox: PodSandboxConfig): Promise<string> {
    const { random, folder } = this.#options;
    await mkdir(dirname(join(sandbox.logDirectory, config.logPath)), { recursive: true, mode: 0o755 });
    const name = Buffer.from(random.bytes(8)).toString('hex');
    const bound = await bindSubPaths(config.mounts, join(folder, 'sub-paths', name));
    const { mounts } = bound;
    const request = {
      podSandboxId: sandboxId,
      config: containerMessage(config, { sandbox, names: this.#names, mounts }),
      sandboxConfig: sandboxMessage(sandbox, this.#names),
    };
    try {
      const { containerId } = await this.#client.call('CreateContainer', request);
      this.#bound.set(containerId, bound);
      return containerId;
    } catch (error) {
      await bound.release();
      throw error;
    }
  }

  async startContainer(id: string): Promise<void> {
    try {
      await this.#client.call('StartContainer', { containerId: id });
    } catch (error) {
      // The runtime has no code for a command that is not there.
      if (error instanceof CriError && error.code === 'unknown')
        throw new RuntimeError('start-failed', error.message, { cause: error });
      throw error;
    } finally {
      await this.#release(id);
    }
  }

  async stopContainer(id: string, timeoutSeconds: number): Promise<void> {
    const timeoutMs = timeoutSeconds * 1_000 + STOP_SLACK_MS;
    const request = { containerId: id, timeout: Math.ceil(timeoutSeconds) };
    await ignoringNotFound(() => this.#client.call('StopContainer', request, { timeoutMs }));
  }

  async removeContainer(id: string): Promise<void> {
    await ignoringNotFound(() => this.#client.call('RemoveContainer', { containerId: id }));
    await this.#release(id);
  }

  async listContainers(): Promise<ContainerInfo[]> {
    return this.#containers.fill(await this.#listedContainers(), ({ id, podSandboxId }) =>
      this.#containerStatus(id, podSandboxId),
    );
  }

  async containerStatus(id: string): Promise<ContainerInfo> {
    const [listed] = (await this.#listedContainers()).filter((container) => container.id === id);
    const info = await this.#containerStatus(id, listed?.podSandboxId ?? '');
    if (info === undefined) throw new RuntimeError('not-found', `container ${JSON.stringify(id)} not found`);
    return info;
  }

  async exec(containerId: string, command: string[], io: StreamIo): Promise<number> {
    const { url } = await this.#client.call('Exec', { containerId, cmd: command, ...flagsOf(io) });
    return runStreams(url, io);
  }

  async execSync(
    containerId: string,
    command: string[],
    timeoutMs: number,
  ): Promise<{ exitCode: number; stdout: Uint8Array; stderr: Uint8Array }> {
    const request = { containerId, cmd: command, timeout: Math.ceil(timeoutMs / 1_000) };
    try {
      // The deadline ends the command at the runtime, which counts in whole seconds itself.
      const { exitCode, stdout, stderr } = await this.#client.call('ExecSync', request, { timeoutMs });
      return {
        exitCode,
        stdout: stdout.subarray(0, MAX_SYNC_OUTPUT_BYTES),
        stderr: stderr.subarray(0, MAX_SYNC_OUTPUT_BYTES),
      };
    } catch (error) {
      if (error instanceof CriError && error.code === 'unknown' && error.message.includes(EXEC_FAILED))
        throw new RuntimeError('start-failed', error.message, { cause: error });
      throw error;
    }
  }

  async attach(containerId: string, io: StreamIo): Promise<void> {
    const { url } = await this.#client.call('Attach', { containerId, ...flagsOf(io) });
    await runStreams(url, io);
  }

  async portForward(sandboxId: string, port: number, stream: ForwardedStream): Promise<void> {
    const { url } = await this.#client.call('PortForward', { podSandboxId: sandboxId, port: [port] });
    await forwardPort(url, port, stream);
  }

  async updateContainerResources(id: string, resources: LinuxResources): Promise<void> {
    const request = { containerId: id, linux: resourcesMessage(resources) };
    await this.#client.call('UpdateContainerResources', request);
  }

  /** Where systemd owns cgroups the pod's has no limits: those of its containers count alone. */
  updatePodResources({ cgroupParent: path }: { cgroupParent: string }, resources: LinuxResources): Promise<void> {
    if (this.#names.isSystemd) return Promise.resolve();
    return Promise.resolve().then(() => updatePodCgroup(resources, { path: cgroupParent(path, this.#names) }));
  }

  async reopenContainerLog(id: string): Promise<void> {
    await this.#client.call('ReopenContainerLog', { containerId: id });
  }

  async containerStats(): Promise<ContainerStats[]> {
    const [{ stats }, listed] = await Promise.all([
      this.#client.call('ListContainerStats', { filter: this.#filter }, { timeoutMs: LIST_TIMEOUT_MS }),
      this.#listedContainers(),
    ]);
    const sandboxes = new Map(listed.map(({ id, podSandboxId }) => [id, podSandboxId]));
    return stats.map((one) => statsOf(one, sandboxes.get(one.attributes?.id ?? '') ?? ''));
  }

  async *events(signal: AbortSignal): AsyncIterable<RuntimeEvent> {
    try {
      for await (const event of this.#client.containerEvents(signal)) {
        const told = this.#eventOf(event);
        if (told !== undefined) yield told;
      }
      return;
    } catch (error) {
      if (!(error instanceof CriError) || !error.isUnimplemented) throw error;
    }
    yield* pollEvents({ list: () => this.#seen(), clock: this.#options.clock, signal });
  }

  get #filter(): object {
    return { labelSelector: { [CLUSTER_LABEL]: this.#names.clusterId } };
  }

  async #listedSandboxes(): Promise<ListedSandbox[]> {
    const limits = { timeoutMs: LIST_TIMEOUT_MS };
    return (await this.#client.call('ListPodSandbox', { filter: this.#filter }, limits)).items;
  }

  async #listedContainers(): Promise<ListedContainer[]> {
    const limits = { timeoutMs: LIST_TIMEOUT_MS };
    return (await this.#client.call('ListContainers', { filter: this.#filter }, limits)).containers;
  }

  async #containerStatus(id: string, podSandboxId: string): Promise<ContainerInfo | undefined> {
    const { status } = await this.#client.call('ContainerStatus', { containerId: id });
    return status === null ? undefined : containerOf(status, podSandboxId);
  }

  async #seen(): Promise<SeenContainer[]> {
    const [sandboxes, containers] = await Promise.all([this.#listedSandboxes(), this.#listedContainers()]);
    const seen = sandboxes.map(({ id, metadata, state }): SeenContainer => {
      const isReady = state === 'SANDBOX_READY';
      return { id, podSandboxId: id, podUid: metadata?.uid ?? '', state: isReady ? 'running' : 'ended' };
    });
    const uids = new Map(seen.map(({ id, podUid }) => [id, podUid]));
    for (const { id, podSandboxId, state } of containers) {
      const podUid = uids.get(podSandboxId) ?? '';
      seen.push({ id, podSandboxId, podUid, state: SEEN_STATES[state] });
    }
    return seen;
  }

  #eventOf({ containerId, containerEventType, podSandboxStatus }: ContainerEvent): RuntimeEvent | undefined {
    if (podSandboxStatus?.labels[CLUSTER_LABEL] !== this.#names.clusterId) return undefined;
    const podUid = podSandboxStatus.metadata?.uid ?? '';
    return { type: EVENT_TYPES[containerEventType], containerId, podSandboxId: podSandboxStatus.id, podUid };
  }

  #podCgroup({ linux }: PodSandboxConfig): string {
    return cgroupParent(linux.cgroupParent, this.#names);
  }

  /** Its class of service is not known any more; the last sandbox of a pod takes the cgroup with it. */
  async #removeCgroups(uid: string): Promise<void> {
    if (this.#names.isSystemd) return;
    const others = (await this.#listedSandboxes()).filter(({ metadata }) => metadata?.uid === uid);
    if (others.length > 0) return;
    for (const parent of ['', 'burstable/', 'besteffort/'])
      removePodCgroup({ path: cgroupParent(`${parent}pod${uid}`, this.#names) });
  }

  async #release(id: string): Promise<void> {
    const bound = this.#bound.get(id);
    this.#bound.delete(id);
    await bound?.release();
  }
}

/** containerd's and CRI-O's word for a command that runc could not start. */
const EXEC_FAILED = 'exec failed';

const SEEN_STATES = {
  CONTAINER_CREATED: 'created',
  CONTAINER_RUNNING: 'running',
  CONTAINER_EXITED: 'ended',
  CONTAINER_UNKNOWN: 'running',
} as const;

const EVENT_TYPES = {
  CONTAINER_CREATED_EVENT: 'created',
  CONTAINER_STARTED_EVENT: 'started',
  CONTAINER_STOPPED_EVENT: 'stopped',
  CONTAINER_DELETED_EVENT: 'deleted',
} as const;

function flagsOf({ stdin, stdout, stderr, tty }: StreamIo): object {
  return {
    stdin: stdin !== undefined,
    stdout: stdout !== undefined,
    stderr: stderr !== undefined && !tty,
    tty,
  };
}
