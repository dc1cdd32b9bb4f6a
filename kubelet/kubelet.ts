/**
 * The node's agent: watches the pods that are bound to its node, runs them through a container runtime, reports what
 * became of them, and serves logs, exec, attach and port-forward.
 *
 * ```
 * pods (watch) ─► pod workers ─► runtime, images, volumes
 *                    │   ▲ ▲
 *      status ◄──────┘   │ └── probes
 *                        └──── runtime cache (events and listings of the runtime)
 * ```
 */
import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { events } from '../api/core/v1/event.ts';
import type { Taint } from '../api/core/v1/node.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Client } from '../client/client.ts';
import { createEventRecorder } from '../client/events.ts';
import type { EventRecorder } from '../client/events.ts';
import { parseResolvConf } from './env/pod-names.ts';
import { evictForLocalStorage } from './eviction/local-storage-eviction.ts';
import { startLogRotation } from './logs/log-rotation.ts';
import { detectCapacity, noPressure, readHostFacts, readHostPressure } from './node/host-facts.ts';
import type { HostCapacity } from './node/host-facts.ts';
import { NodeAgent } from './node/node-agent.ts';
import { KUBELET_VERSION, nodeStatus } from './node/node-status.ts';
import type { NodeHealth, NodeInput } from './node/node-status.ts';
import { createMachinery } from './pods/create-machinery.ts';
import type { NodeIdentity } from './pods/pod-machinery.ts';
import { PodWorkers } from './pods/pod-workers.ts';
import type { RuntimeCache } from './pods/runtime-cache.ts';
import type { ImageService, RuntimeService } from './runtime.ts';
import { ownSources } from './sources.ts';
import type { KubeletSources } from './sources.ts';
import { readHostUsage } from './stats/host-usage.ts';
import { nodeStatistics } from './stats/node-statistics.ts';
import type { NodeStatistics } from './stats/node-statistics.ts';
import { createUsageReader } from './stats/usage.ts';
import type { UsageReader } from './stats/usage.ts';
import { startKubeletServer } from './server/server.ts';
import type { KubeletServer } from './server/server.ts';
import { diskUsageBytes } from './volumes/disk-usage.ts';
import { linuxMounter } from './volumes/host-mounter.ts';
import type { HostMounter } from './volumes/host-mounter.ts';
import type { PodFolders } from './volumes/pod-folder.ts';

export interface KubeletOptions {
  nodeName: string;
  /** With the identity `system:node:<name>` in `system:nodes`. */
  client: Client;
  clock: Clock;
  random: Random;
  log: Logger;
  runtime: RuntimeService;
  images: ImageService;
  /** `<dataDir>/pods`; logs lie beside it, in `<dataDir>/logs`. Absent: pods get no files at all (simulation). */
  folder?: string;
  nodeIp: string;
  podCidr: string;
  /** Where the server listens; 0 picks a free port. The node reports the real one. */
  kubeletPort: number;
  /** Default: all addresses. */
  bindAddress?: string;
  dns: { servers: readonly string[]; domain: string };
  /** PEM, of the server. Without them there is none. */
  certificate?: string;
  privateKey?: string;
  /** PEM. Who signs the certificates of the server's clients. */
  clientCa?: string;
  /** What the node reports as `kubeletVersion`. */
  version?: string;
  /** Default: one of its own. */
  events?: EventRecorder;
  /** Default: watches of its own. */
  sources?: KubeletSources;
  /** Default: what the machine has. */
  capacity?: Partial<HostCapacity>;
  maxPods?: number;
  labels?: Readonly<Record<string, string>>;
  /** Of the node when it is registered; one that is there already keeps its own. */
  taints?: readonly Taint[];
  /** Default: mounts in memory where this process may. */
  mounter?: HostMounter;
  /** Of containers that end again and again. Default: 10 s, doubled up to 5 min. */
  crashBackoff?: { initialMs: number; maxMs: number };
  /** How long a pod's status waits for a newer one before it is sent. Default: not at all. */
  statusDelayMs?: number;
  /** Takes a terminating pod out of Services before its containers get their signal; waited for 2 s at most. */
  beforeStop?: (podIp: string) => Promise<void>;
  /** Ends the kubelet; its pods go on. */
  signal: AbortSignal;
}

export interface Kubelet {
  /** Of the server; 0 without one. */
  readonly port: number;
  readonly workers: PodWorkers;
  /** What its server tells, for whoever is in the same process. */
  readonly usage: UsageReader;
  /** Resolves when everything has ended after the signal aborted. */
  readonly stopped: Promise<void>;
  /** For `down`: ends every pod, with its grace period or `graceSeconds` if that is less; starts nothing any more. */
  stopAllPods(graceSeconds: number): Promise<void>;
}

const MAX_PODS = 110;
/** The runtime is taken for lost when it has not answered for so long (upstream: the PLEG's threshold). */
const RUNTIME_SILENCE_MS = 180_000;

/** Resolves when the node is registered and its pods are being looked after. */
export async function startKubelet(options: KubeletOptions): Promise<Kubelet> {
  const { nodeName, client, clock, random, log, runtime, signal } = options;
  const folders = await prepareFolders(options);
  const input = await nodeInput(options);
  const recorder =
    options.events ??
    createEventRecorder({ client, resource: events, component: 'kubelet', host: nodeName, clock, random, log });
  const workers = new PodWorkers();
  const machinery = createMachinery(options, {
    folders,
    workers,
    recorder,
    memoryCapacityBytes: input.capacity.memoryBytes,
    services: () => sources.services(),
    cachedNode: () => sources.node(),
    node: await nodeIdentity(options, input),
  });
  const usage = usageReader(options, machinery.cache);
  const statistics = statisticsOf(options, usage, input);
  const server = await startServer(options, { workers, machinery, statistics });
  const port = server?.port ?? options.kubeletPort;
  const sources = options.sources ?? ownSources(nodeName, options);
  const agent = new NodeAgent({
    client,
    clock,
    log,
    recorder,
    input: { ...input, kubeletPort: port },
    health: () => nodeHealth(options, machinery.cache),
    cachedNode: () => sources.node(),
  });
  await agent.register(signal);
  const running: Promise<unknown>[] = [agent.run(signal)];
  await Promise.all([sources.synced(signal), machinery.cache.refresh()]);
  sources.podChanges.subscribe((change) => workers.onPodChange(change));
  running.push(machinery.cache.run(signal), workers.keepHouse(signal), sources.stopped());
  if (folders !== undefined) {
    startLogRotation({ cache: machinery.cache, runtime, clock, log, signal });
    running.push(evictForLocalStorage({ workers, folders, usageBytes: diskUsageBytes, clock, log, signal }));
  }
  const ended = endWith(signal, () => Promise.all([workers.stop(), server?.close(), ...running]));

  return {
    port: server?.port ?? 0,
    workers,
    usage,
    stopped: ended.then(() => undefined),
    stopAllPods: (graceSeconds) => workers.endAll(graceSeconds),
  };
}

/** What keeps the node from being ready, and what it lacks. */
async function nodeHealth(
  { runtime, images, clock, folder }: KubeletOptions,
  cache: RuntimeCache,
): Promise<Omit<NodeHealth, 'nowMs'>> {
  const status = await runtime
    .status()
    .catch((error: unknown) => ({ runtimeReady: false, networkReady: true, message: String(error) }));
  const problems: string[] = [];
  if (!status.runtimeReady) problems.push(`container runtime is down: ${status.message}`);
  else if (!status.networkReady) {
    problems.push(
      `container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:${status.message}`,
    );
  }
  const silentMs = clock.monotonicMs() - cache.lastListMs;
  if (cache.lastError !== undefined && silentMs > RUNTIME_SILENCE_MS) {
    problems.push(`PLEG is not healthy: pleg was last seen active ${Math.round(silentMs / 1000)}s ago`);
  }
  return {
    problems,
    pressure: folder === undefined ? noPressure : await readHostPressure(folder),
    // A runtime that is away must not keep the node from saying so.
    images: await images.listImages().catch(() => []),
  };
}

function endWith(signal: AbortSignal, end: () => Promise<unknown>): Promise<unknown> {
  if (signal.aborted) return end();
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => void end().then(resolve, reject), { once: true });
  });
}

async function prepareFolders({ folder, mounter = linuxMounter }: KubeletOptions): Promise<PodFolders | undefined> {
  if (folder === undefined) return undefined;
  const secretFolder = join(folder, '.memory');
  const logFolder = join(dirname(folder), 'logs');
  for (const path of [folder, secretFolder, logFolder]) await mkdir(path, { recursive: true, mode: 0o750 });
  const isInMemory = await mounter.mountTmpfs(secretFolder, {});
  return { folder, logFolder, secretFolder: isInMemory ? secretFolder : folder };
}

/** Takes away the file systems that the kubelet mounted below its folder; for `down`. */
export async function unmountPodFolders(folder: string, mounter: HostMounter = linuxMounter): Promise<void> {
  await mounter.unmountBelow(folder);
}

async function nodeInput(options: KubeletOptions): Promise<NodeInput> {
  const { nodeName, nodeIp, podCidr, kubeletPort, runtime, folder, version } = options;
  const { maxPods = MAX_PODS, labels = {}, taints = [] } = options;
  const [facts, detected, runtimeVersion] = await Promise.all([
    readHostFacts(),
    detectCapacity(folder ?? '/'),
    runtime.version(),
  ]);
  const capacity = { ...detected, ...options.capacity };
  return {
    name: nodeName,
    ip: nodeIp,
    hostname: nodeName,
    podCidr,
    kubeletPort,
    facts,
    capacity,
    maxPods,
    labels,
    taints,
    runtime: runtimeVersion,
    features: runtime.features,
    kubeletVersion: version ?? KUBELET_VERSION,
  };
}

async function nodeIdentity({ nodeIp, dns, clock }: KubeletOptions, input: NodeInput): Promise<NodeIdentity> {
  const health = { problems: [], pressure: noPressure, images: [], nowMs: clock.now() };
  return {
    name: input.name,
    ip: nodeIp,
    runtimeName: input.runtime.name,
    cluster: dns,
    dns: parseResolvConf(await readFile('/etc/resolv.conf', 'utf8').catch(() => '')),
    allocatable: nodeStatus(input, health, undefined).allocatable ?? {},
  };
}

function usageReader({ folder, runtime, clock, log }: KubeletOptions, cache: RuntimeCache): UsageReader {
  const host = folder === undefined ? {} : { host: () => readHostUsage() };
  return createUsageReader({ runtime, cache, clock, log, ...host });
}

function statisticsOf(
  { nodeName, folder, clock }: KubeletOptions,
  read: UsageReader,
  { capacity }: NodeInput,
): NodeStatistics {
  const files = folder === undefined ? {} : { folder };
  return nodeStatistics({ nodeName, memoryCapacityBytes: capacity.memoryBytes, ...files, read, clock });
}

async function startServer(
  { certificate, privateKey, clientCa, kubeletPort, bindAddress, runtime, clock, log }: KubeletOptions,
  parts: { workers: PodWorkers; machinery: ReturnType<typeof createMachinery>; statistics: NodeStatistics },
): Promise<KubeletServer | undefined> {
  if (certificate === undefined || privateKey === undefined || clientCa === undefined) return undefined;
  const { workers, machinery, statistics } = parts;
  return startKubeletServer({
    tls: { certificate, privateKey, clientCa },
    port: kubeletPort,
    bindAddress: bindAddress ?? '::',
    workers,
    cache: machinery.cache,
    runtime,
    statistics,
    clock,
    log,
  });
}
