/** The Node object as its kubelet reports it (upstream `pkg/kubelet/nodestatus/setters.go`): pure. */
import type { Node, NodeStatus, Taint } from '../../api/core/v1/node.ts';
import { deepEqual } from '../../api/machinery/equality.ts';
import { parseQuantity, quantityFromInteger } from '../../api/machinery/quantity.ts';
import { formatTime } from '../../base/clock.ts';
import type { ImageInfo, RuntimeFeatures } from '../runtime.ts';
import type { HostCapacity, HostFacts, HostPressure } from './host-facts.ts';

export const KUBELET_VERSION = 'v1.36.0+nocher.1';

export interface NodeInput {
  name: string;
  ip: string;
  hostname: string;
  podCidr: string;
  kubeletPort: number;
  facts: HostFacts;
  capacity: HostCapacity;
  maxPods: number;
  labels: Readonly<Record<string, string>>;
  taints: readonly Taint[];
  runtime: { name: string; version: string };
  features: RuntimeFeatures;
  kubeletVersion: string;
}

export interface NodeHealth {
  /** Why the node is not ready; empty when it is. */
  problems: readonly string[];
  pressure: HostPressure;
  images: readonly ImageInfo[];
  nowMs: number;
}

type Condition = NonNullable<NodeStatus['conditions']>[number];

/** Below these the node is under pressure (upstream's default hard eviction thresholds). */
const MIN_MEMORY_BYTES = 100 * 1024 * 1024;
const MIN_FREE_DISK = 0.1;
const MIN_FREE_INODES = 0.05;
const MIN_FREE_PIDS = 0.05;
/** Upstream reports so many, the largest first. */
const MAX_IMAGES = 50;
const MAX_IMAGE_NAMES = 5;

/** As it is registered. Whoever has to see to the node first (`cloud provider`) does not exist here: no taints. */
export function newNode(input: NodeInput, status: NodeStatus): Node {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name: input.name,
      labels: nodeLabels(input),
      annotations: { 'volumes.kubernetes.io/controller-managed-attach-detach': 'true' },
    },
    spec: {
      podCIDR: input.podCidr,
      podCIDRs: [input.podCidr],
      ...(input.taints.length > 0 ? { taints: [...input.taints] } : {}),
    },
    status,
  };
}

export function nodeLabels({ hostname, facts, labels }: NodeInput): Record<string, string> {
  return {
    'beta.kubernetes.io/arch': facts.architecture,
    'beta.kubernetes.io/os': 'linux',
    'kubernetes.io/arch': facts.architecture,
    'kubernetes.io/hostname': hostname,
    'kubernetes.io/os': 'linux',
    ...labels,
  };
}

/** Conditions keep their transition times while their status stays. */
export function nodeStatus(input: NodeInput, health: NodeHealth, previous: NodeStatus | undefined): NodeStatus {
  const { facts, runtime, kubeletPort } = input;
  const capacity = capacityOf(input);
  return {
    addresses: [
      { type: 'InternalIP', address: input.ip },
      { type: 'Hostname', address: input.hostname },
    ],
    capacity,
    allocatable: allocatableOf(capacity),
    conditions: conditionsOf(health, previous?.conditions ?? []),
    daemonEndpoints: { kubeletEndpoint: { Port: kubeletPort } },
    nodeInfo: {
      architecture: facts.architecture,
      bootID: facts.bootId,
      containerRuntimeVersion: `${runtime.name}://${runtime.version}`,
      kernelVersion: facts.kernelVersion,
      kubeProxyVersion: '',
      kubeletVersion: input.kubeletVersion,
      machineID: facts.machineId,
      operatingSystem: 'linux',
      osImage: facts.osImage,
      systemUUID: facts.systemUuid,
      ...(facts.swapBytes > 0 ? { swap: { capacity: facts.swapBytes } } : {}),
    },
    images: imagesOf(health.images),
    features: { ...input.features },
    runtimeHandlers: [{ name: '', features: { recursiveReadOnlyMounts: false, userNamespaces: false } }],
  };
}

/** Canonical, as the API gives them back. */
function capacityOf({ capacity, maxPods }: NodeInput): Record<string, string> {
  return {
    cpu: String(capacity.cpus),
    'ephemeral-storage': binary(capacity.diskBytes - (capacity.diskBytes % 1024)),
    'hugepages-1Gi': '0',
    'hugepages-2Mi': '0',
    memory: binary(capacity.memoryBytes - (capacity.memoryBytes % 1024)),
    pods: String(maxPods),
  };
}

/** Less what must stay free for the node itself. */
export function allocatableOf(capacity: Readonly<Record<string, string>>): Record<string, string> {
  const bytes = (name: string): number => parseQuantity(capacity[name] ?? '0').value();
  return {
    ...capacity,
    'ephemeral-storage': quantityFromInteger(Math.floor(bytes('ephemeral-storage') * (1 - MIN_FREE_DISK))).toString(),
    memory: binary(Math.max(0, bytes('memory') - MIN_MEMORY_BYTES)),
  };
}

function binary(bytes: number): string {
  return quantityFromInteger(bytes, 'BinarySI').toString();
}

function conditionsOf({ pressure, problems, nowMs }: NodeHealth, previous: readonly Condition[]): Condition[] {
  const noDisk = pressure.freeDisk < MIN_FREE_DISK || pressure.freeInodes < MIN_FREE_INODES;
  const isReady = problems.length === 0;
  const verdicts = [
    pressureCondition({
      type: 'MemoryPressure',
      isUnder: pressure.availableMemoryBytes < MIN_MEMORY_BYTES,
      well: ['KubeletHasSufficientMemory', 'kubelet has sufficient memory available'],
      ill: ['KubeletHasInsufficientMemory', 'kubelet has insufficient memory available'],
    }),
    pressureCondition({
      type: 'DiskPressure',
      isUnder: noDisk,
      well: ['KubeletHasNoDiskPressure', 'kubelet has no disk pressure'],
      ill: ['KubeletHasDiskPressure', 'kubelet has disk pressure'],
    }),
    pressureCondition({
      type: 'PIDPressure',
      isUnder: pressure.freePids < MIN_FREE_PIDS,
      well: ['KubeletHasSufficientPID', 'kubelet has sufficient PID available'],
      ill: ['KubeletHasInsufficientPID', 'kubelet has insufficient PID available'],
    }),
    {
      type: 'Ready',
      status: isReady ? 'True' : 'False',
      reason: isReady ? 'KubeletReady' : 'KubeletNotReady',
      message: isReady
        ? 'kubelet is posting ready status'
        : problems.length === 1
          ? problems[0]!
          : `[${problems.join(', ')}]`,
    },
  ];
  const time = formatTime(nowMs);
  return verdicts.map((verdict) => {
    const before = previous.find(({ type }) => type === verdict.type);
    const since = before?.status === verdict.status ? before.lastTransitionTime : undefined;
    return { ...verdict, lastHeartbeatTime: time, lastTransitionTime: since ?? time };
  });
}

interface Pressure {
  type: string;
  isUnder: boolean;
  /** Reason and message while all is well, and while it is not. */
  well: [reason: string, message: string];
  ill: [reason: string, message: string];
}

function pressureCondition({
  type,
  isUnder,
  well,
  ill,
}: Pressure): Pick<Condition, 'type' | 'status'> & { reason: string; message: string } {
  const [reason, message] = isUnder ? ill : well;
  return { type, status: isUnder ? 'True' : 'False', reason, message };
}

function imagesOf(images: readonly ImageInfo[]): NonNullable<NodeStatus['images']> {
  return [...images]
    .sort((a, b) => b.sizeBytes - a.sizeBytes)
    .slice(0, MAX_IMAGES)
    .map(({ repoDigests, repoTags, sizeBytes }) => ({
      names: [...repoDigests, ...repoTags].slice(0, MAX_IMAGE_NAMES),
      sizeBytes,
    }))
    .filter(({ names }) => names.length > 0);
}

/** Whether more than the times of the heartbeat differs. */
export function isNodeStatusChanged(previous: NodeStatus | undefined, next: NodeStatus): boolean {
  const strip = (status: NodeStatus | undefined): unknown => ({
    ...status,
    // An empty list is left out by the API.
    images: status?.images ?? [],
    conditions: (status?.conditions ?? []).map(({ type, status: value, reason, message }) => ({
      type,
      value,
      reason,
      message,
    })),
  });
  return !deepEqual(strip(previous), strip(next));
}
