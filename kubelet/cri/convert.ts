/** From the kubelet's words to CRI's messages, and back: pure. */
import { join } from 'node:path';
import type {
  ContainerConfig,
  ContainerInfo,
  ContainerStats,
  ImageInfo,
  LinuxResources,
  LinuxSecurity,
  Mount,
  PodSandbox,
  PodSandboxConfig,
} from '../runtime.ts';
import type { ContainerState, ContainerStatus, Image, SandboxStatus, Stats } from './messages.ts';

/** On sandboxes and containers: which cluster's they are. Several kubelets may share one runtime. */
export const CLUSTER_LABEL = 'nocher.io/cluster';
/** What CRI before 1.7 does not keep. */
const IMAGE_ANNOTATION = 'nocher.io/user-specified-image';
const IMAGE_ID_ANNOTATION = 'nocher.io/image-id';

export interface ClusterNames {
  clusterId: string;
  /** The runtime gives cgroups to systemd. */
  isSystemd: boolean;
  /** The machine has cgroup v2 alone. */
  isUnified: boolean;
  /** Profiles of seccomp that pods name are below it. */
  seccompFolder: string;
}

const NAMESPACE_MODES = { pod: 'POD', container: 'CONTAINER', node: 'NODE' } as const;

const PROPAGATIONS = {
  private: 'PROPAGATION_PRIVATE',
  'host-to-container': 'PROPAGATION_HOST_TO_CONTAINER',
  bidirectional: 'PROPAGATION_BIDIRECTIONAL',
} as const;

/** Host ports are not told: the proxy's rules hold them, with every network plugin. */
export function sandboxMessage(config: PodSandboxConfig, names: ClusterNames): object {
  const { metadata, hostname, logDirectory, dns, labels, annotations, linux } = config;
  return {
    metadata,
    // The node's names are the node's.
    hostname: linux.network === 'node' ? '' : hostname,
    logDirectory,
    ...(dns === undefined ? {} : { dnsConfig: dns }),
    labels: { ...labels, [CLUSTER_LABEL]: names.clusterId },
    annotations,
    linux: {
      cgroupParent: cgroupParent(linux.cgroupParent, names),
      securityContext: {
        namespaceOptions: namespaceOptions(config),
        privileged: linux.privileged === true,
        seccomp: { profileType: 'RuntimeDefault' },
      },
      sysctls: linux.sysctls,
      resources: resourcesMessage(linux.resources ?? {}),
    },
  };
}

function namespaceOptions({ linux }: PodSandboxConfig): object {
  const { network, pid, ipc } = linux;
  return { network: NAMESPACE_MODES[network], pid: NAMESPACE_MODES[pid], ipc: NAMESPACE_MODES[ipc] };
}

/** `burstable/pod<uid>` → `/nocher-<id>/burstable/pod<uid>`, or the slice of that name. */
export function cgroupParent(path: string, { clusterId, isSystemd }: ClusterNames): string {
  if (!isSystemd) return `/nocher-${clusterId}/${path}`;
  return `nocher-${clusterId}-${path.replaceAll('-', '_').replaceAll('/', '-')}.slice`;
}

export function resourcesMessage(resources: LinuxResources): object {
  const { cpuPeriodUs, cpuQuotaUs, cpuShares, memoryLimitBytes, oomScoreAdj } = resources;
  return {
    cpuPeriod: cpuPeriodUs ?? 0,
    cpuQuota: cpuQuotaUs ?? 0,
    cpuShares: cpuShares ?? 0,
    memoryLimitInBytes: memoryLimitBytes ?? 0,
    oomScoreAdj: oomScoreAdj ?? 0,
  };
}

/** `mounts` with their sub-paths resolved. */
export function containerMessage(
  config: ContainerConfig,
  { sandbox, names, mounts }: { sandbox: PodSandboxConfig; names: ClusterNames; mounts: readonly Mount[] },
): object {
  const { metadata, imageId, userSpecifiedImage, linux } = config;
  const { command, args, workingDir, envs, logPath, stdin, stdinOnce, tty } = config;
  return {
    metadata,
    image: { image: imageId, userSpecifiedImage },
    ...{ command, args, workingDir, envs, logPath, stdin, stdinOnce, tty },
    mounts: mounts.map(({ containerPath, hostPath, readOnly, propagation }) => ({
      containerPath,
      hostPath,
      readonly: readOnly,
      propagation: PROPAGATIONS[propagation],
    })),
    devices: (config.devices ?? []).map(({ containerPath, hostPath, readOnly }) => ({
      containerPath,
      hostPath,
      permissions: readOnly ? 'r' : 'mrw',
    })),
    labels: { ...config.labels, [CLUSTER_LABEL]: names.clusterId },
    annotations: {
      ...config.annotations,
      [IMAGE_ANNOTATION]: userSpecifiedImage,
      [IMAGE_ID_ANNOTATION]: imageId,
    },
    linux: {
      // When one process is killed for memory, the container ends: half of one is none.
      resources: { ...resourcesMessage(linux.resources), unified: names.isUnified ? { 'memory.oom.group': '1' } : {} },
      securityContext: { ...securityMessage(linux.security, names), namespaceOptions: namespaceOptions(sandbox) },
    },
  };
}

function securityMessage(security: LinuxSecurity, { seccompFolder }: ClusterNames): object {
  const { type, localhostPath = '' } = security.seccomp;
  return {
    capabilities: { addCapabilities: security.addCapabilities, dropCapabilities: security.dropCapabilities },
    privileged: security.privileged,
    ...userMessage(security),
    supplementalGroups: security.supplementalGroups,
    supplementalGroupsPolicy: security.supplementalGroupsPolicy,
    readonlyRootfs: security.readOnlyRootfs,
    noNewPrivs: security.noNewPrivs,
    maskedPaths: security.maskedPaths,
    readonlyPaths: security.readOnlyPaths,
    seccomp: { profileType: type, localhostRef: type === 'Localhost' ? join(seccompFolder, localhostPath) : '' },
  };
}

/** A group without a user is refused: an image that names no user runs as root. */
function userMessage({ runAsUser, runAsUsername, runAsGroup }: LinuxSecurity): object {
  const needsUser = runAsGroup !== undefined && runAsUsername === undefined;
  const uid = runAsUser ?? (needsUser ? 0 : undefined);
  return {
    ...(uid === undefined ? {} : { runAsUser: { value: uid } }),
    ...(uid !== undefined || runAsUsername === undefined ? {} : { runAsUsername }),
    ...(runAsGroup === undefined ? {} : { runAsGroup: { value: runAsGroup } }),
  };
}

const toMs = (nanoseconds: number): number => Math.floor(nanoseconds / 1e6);

function without(map: Record<string, string>, ...names: string[]): Record<string, string> {
  return Object.fromEntries(Object.entries(map).filter(([name]) => !names.includes(name)));
}

export function sandboxOf(status: SandboxStatus): PodSandbox {
  const { id, metadata, state, createdAt, network, labels, annotations } = status;
  const addresses = [network?.ip ?? '', ...(network?.additionalIps ?? []).map(({ ip }) => ip)];
  return {
    id,
    metadata: metadata ?? { name: '', namespace: '', uid: '', attempt: 0 },
    state: state === 'SANDBOX_READY' ? 'ready' : 'notready',
    createdAtMs: toMs(createdAt),
    ips: addresses.filter((ip) => ip !== ''),
    labels: without(labels, CLUSTER_LABEL),
    annotations,
  };
}

const STATES: Readonly<Record<ContainerState, ContainerInfo['state']>> = {
  CONTAINER_CREATED: 'created',
  CONTAINER_RUNNING: 'running',
  CONTAINER_EXITED: 'exited',
  CONTAINER_UNKNOWN: 'unknown',
};

export function containerOf(status: ContainerStatus, podSandboxId: string): ContainerInfo {
  const { annotations } = status;
  const imageId = status.imageId || annotations[IMAGE_ID_ANNOTATION] || status.image?.image || '';
  return {
    id: status.id,
    podSandboxId,
    metadata: status.metadata ?? { name: '', attempt: 0 },
    state: STATES[status.state],
    userSpecifiedImage: annotations[IMAGE_ANNOTATION] ?? status.image?.image ?? '',
    imageId,
    imageRef: status.imageRef || imageId,
    createdAtMs: toMs(status.createdAt),
    startedAtMs: toMs(status.startedAt),
    finishedAtMs: toMs(status.finishedAt),
    exitCode: status.exitCode,
    // CRI does not tell it, and an exit code above 128 may be the command's own.
    signal: 0,
    reason: status.reason,
    message: status.message,
    labels: without(status.labels, CLUSTER_LABEL),
    annotations: without(annotations, IMAGE_ANNOTATION, IMAGE_ID_ANNOTATION),
    logPath: status.logPath,
  };
}

export function statsOf(stats: Stats, podSandboxId: string): ContainerStats {
  const { attributes, cpu, memory } = stats;
  const workingSet = valueOf(memory?.workingSetBytes);
  return {
    id: attributes?.id ?? '',
    podSandboxId,
    timestampMs: toMs(cpu?.timestamp ?? memory?.timestamp ?? 0),
    cpuUsageNs: valueOf(cpu?.usageCoreNanoSeconds),
    // What containerd before 1.7 does not tell is 0.
    memoryUsageBytes: valueOf(memory?.usageBytes) || workingSet,
    memoryWorkingSetBytes: workingSet,
  };
}

const valueOf = (wrapped: { value: number } | null | undefined): number => wrapped?.value ?? 0;

export function imageOf({ id, repoTags, repoDigests, size, uid, username }: Image): ImageInfo {
  return { id, repoTags, repoDigests, sizeBytes: size, uid: uid?.value, username };
}
