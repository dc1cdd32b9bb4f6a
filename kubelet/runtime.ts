/**
 * The container runtime as the kubelet knows it, shaped like CRI `runtime.v1` (RuntimeService and ImageService).
 * Drivers: native, cri, simulated; one suite runs against all.
 *
 * **Invariants**
 * - Every operation is idempotent where CRI's is: stopping or removing what is gone succeeds.
 * - State survives the kubelet: after a restart `listPodSandboxes` and `listContainers` tell what is really there.
 * - Errors carry a code; the kubelet never matches on message texts.
 */
import type { Readable, Writable } from 'node:stream';

export type RuntimeErrorCode =
  | 'not-found'
  | 'already-exists'
  | 'invalid-argument'
  /** The command could not be started: reason StartError, exit code 128, the message says why. */
  | 'start-failed'
  /** The image is not on the node. */
  | 'image-missing'
  | 'deadline-exceeded'
  | 'unavailable'
  | 'unknown';

export class RuntimeError extends Error {
  readonly code: RuntimeErrorCode;
  constructor(code: RuntimeErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'RuntimeError';
    this.code = code;
  }
}

export interface PodSandboxConfig {
  metadata: { name: string; namespace: string; uid: string; attempt: number };
  hostname: string;
  /** Host folder where this pod's container logs go: `<root>/<namespace>_<name>_<uid>`. */
  logDirectory: string;
  dns?: { servers: string[]; searches: string[]; options: string[] };
  portMappings: { protocol: 'TCP' | 'UDP' | 'SCTP'; containerPort: number; hostPort: number; hostIP: string }[];
  labels: Record<string, string>;
  annotations: Record<string, string>;
  linux: {
    /** Cgroup of the pod, relative to the driver's root: `burstable/pod<uid>`. */
    cgroupParent: string;
    resources?: LinuxResources;
    sysctls: Record<string, string>;
    network: 'pod' | 'node';
    /** `container`: each container has its own; `pod`: shared with the sandbox (shareProcessNamespace); `node`: the host's. */
    pid: 'container' | 'pod' | 'node';
    ipc: 'pod' | 'node';
    /** A container of the pod is privileged. */
    privileged?: boolean;
  };
}

export interface LinuxResources {
  cpuPeriodUs?: number;
  /** Microseconds per period; absent or -1: no limit. */
  cpuQuotaUs?: number;
  /** cgroup v1 scale, 2 … 262144. */
  cpuShares?: number;
  memoryLimitBytes?: number;
  oomScoreAdj?: number;
  pidsLimit?: number;
}

export interface Mount {
  containerPath: string;
  hostPath: string;
  /**
   * Below `hostPath`, resolved by the driver when it mounts, so that no link leads out of `hostPath`; a missing folder
   * is created. Absent: `hostPath` itself.
   */
  subPath?: string;
  readOnly: boolean;
  propagation: 'private' | 'host-to-container' | 'bidirectional';
}

/** A device of the node that a container may open. */
export interface Device {
  containerPath: string;
  /** No link. */
  hostPath: string;
  readOnly: boolean;
}

export interface LinuxSecurity {
  runAsUser?: number;
  /** Used when `runAsUser` is absent; a name in the image's /etc/passwd. */
  runAsUsername?: string;
  runAsGroup?: number;
  supplementalGroups: number[];
  /** `Strict`: without the groups that the image gives the user. */
  supplementalGroupsPolicy: 'Merge' | 'Strict';
  privileged: boolean;
  readOnlyRootfs: boolean;
  noNewPrivs: boolean;
  addCapabilities: string[];
  dropCapabilities: string[];
  seccomp: { type: 'RuntimeDefault' | 'Unconfined' | 'Localhost'; localhostPath?: string };
  maskedPaths: string[];
  readOnlyPaths: string[];
}

export interface ContainerConfig {
  metadata: { name: string; attempt: number };
  /** What the pod's author wrote, for status. */
  userSpecifiedImage: string;
  /** An image id from `imageStatus` or `pullImage`. */
  imageId: string;
  command: string[];
  args: string[];
  workingDir: string;
  envs: { key: string; value: string }[];
  mounts: Mount[];
  devices?: Device[];
  labels: Record<string, string>;
  annotations: Record<string, string>;
  /** Relative to the sandbox's `logDirectory`: `<container>/<attempt>.log`. */
  logPath: string;
  stdin: boolean;
  stdinOnce: boolean;
  tty: boolean;
  linux: { resources: LinuxResources; security: LinuxSecurity };
}

export interface PodSandbox {
  id: string;
  metadata: PodSandboxConfig['metadata'];
  state: 'ready' | 'notready';
  createdAtMs: number;
  /** Empty for host network. */
  ips: string[];
  labels: Record<string, string>;
  annotations: Record<string, string>;
}

export interface ContainerInfo {
  id: string;
  podSandboxId: string;
  metadata: ContainerConfig['metadata'];
  state: 'created' | 'running' | 'exited' | 'unknown';
  userSpecifiedImage: string;
  imageId: string;
  /** `docker.io/library/nginx@sha256:…`, for `status.containerStatuses[].imageID`. */
  imageRef: string;
  createdAtMs: number;
  startedAtMs: number;
  finishedAtMs: number;
  exitCode: number;
  signal: number;
  /** `OOMKilled`, `Completed`, `Error`, `StartError`, … */
  reason: string;
  message: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  /** Absolute. */
  logPath: string;
}

export interface StreamIo {
  stdin?: Readable;
  stdout?: Writable;
  stderr?: Writable;
  tty: boolean;
  /** Terminal sizes as they change. */
  resize?: AsyncIterable<{ width: number; height: number }>;
  signal: AbortSignal;
}

export interface ContainerStats {
  id: string;
  podSandboxId: string;
  timestampMs: number;
  cpuUsageNs: number;
  memoryUsageBytes: number;
  /** Without what the kernel can take back at once. */
  memoryWorkingSetBytes: number;
  /** What not every runtime tells. */
  memoryRssBytes?: number;
  memoryPageFaults?: number;
  memoryMajorPageFaults?: number;
}

export interface RuntimeEvent {
  type: 'created' | 'started' | 'stopped' | 'deleted';
  containerId: string;
  podSandboxId: string;
  /** UID of the pod. */
  podUid: string;
}

/** What not every runtime can do; of the runtime as a whole, as CRI's `Status` tells it. */
export interface RuntimeFeatures {
  supplementalGroupsPolicy: boolean;
}

export interface RuntimeService {
  readonly features: RuntimeFeatures;
  /** False where pods have no network: probes and hooks over it succeed, and nothing is sent. Default: true. */
  readonly hasPodNetwork?: boolean;
  version(): Promise<{ name: string; version: string }>;
  /** Conditions as CRI's `Status`: the node is not Ready while one is false. */
  status(): Promise<{ runtimeReady: boolean; networkReady: boolean; message: string }>;
  runPodSandbox(config: PodSandboxConfig): Promise<string>;
  /** Ends all its containers at once and frees its network; idempotent. */
  stopPodSandbox(id: string): Promise<void>;
  removePodSandbox(id: string): Promise<void>;
  listPodSandboxes(): Promise<PodSandbox[]>;
  createContainer(sandboxId: string, config: ContainerConfig, sandbox: PodSandboxConfig): Promise<string>;
  startContainer(id: string): Promise<void>;
  /** Sends the stop signal, waits `timeoutSeconds`, then kills; resolves when it has ended. 0 kills at once. */
  stopContainer(id: string, timeoutSeconds: number): Promise<void>;
  removeContainer(id: string): Promise<void>;
  listContainers(): Promise<ContainerInfo[]>;
  containerStatus(id: string): Promise<ContainerInfo>;
  /** Resolves with the exit code. */
  exec(containerId: string, command: string[], io: StreamIo): Promise<number>;
  /** Output is bounded to 1 MiB; throws `deadline-exceeded` after `timeoutMs` and kills the command. */
  execSync(
    containerId: string,
    command: string[],
    timeoutMs: number,
  ): Promise<{ exitCode: number; stdout: Uint8Array; stderr: Uint8Array }>;
  attach(containerId: string, io: StreamIo): Promise<void>;
  /** Joins a byte stream with 127.0.0.1:port inside the pod's network; resolves when either side ends. */
  portForward(sandboxId: string, port: number, stream: { readable: Readable; writable: Writable }): Promise<void>;
  /** Changes limits of a container that runs; what is absent stays as it is. Throws when the kernel refuses. */
  updateContainerResources(id: string, resources: LinuxResources): Promise<void>;
  /** As `updateContainerResources`, of the pod as a whole: `linux.cgroupParent` of its sandbox. */
  updatePodResources(sandbox: { id: string; cgroupParent: string }, resources: LinuxResources): Promise<void>;
  /** The log file was renamed: open a new one. */
  reopenContainerLog(id: string): Promise<void>;
  containerStats(): Promise<ContainerStats[]>;
  /** Ends when the signal aborts; throws when the runtime is lost (the kubelet lists and subscribes again). */
  events(signal: AbortSignal): AsyncIterable<RuntimeEvent>;
}

export interface ImageInfo {
  /** `sha256:…` of the config. */
  id: string;
  /** `docker.io/library/nginx:alpine` */
  repoTags: string[];
  /** `docker.io/library/nginx@sha256:…` */
  repoDigests: string[];
  sizeBytes: number;
  /** The image's user when it is a number. */
  uid: number | undefined;
  username: string;
}

export interface PullAuth {
  username: string;
  password: string;
  /** Or a bearer token. */
  identityToken?: string;
}

/** Why an image cannot be had; becomes the container's waiting reason. */
export type ImageErrorReason =
  'ErrImagePull' | 'InvalidImageName' | 'RegistryUnavailable' | 'SignatureValidationFailed' | 'ErrImageNeverPull';

export class ImageError extends Error {
  readonly reason: ImageErrorReason;
  constructor(reason: ImageErrorReason, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ImageError';
    this.reason = reason;
  }
}

export interface ImageService {
  listImages(): Promise<ImageInfo[]>;
  /** Undefined when it is not on the node. Takes any reference form, or an id. */
  imageStatus(image: string): Promise<ImageInfo | undefined>;
  /** Resolves with the image's id. Throws `ImageError`. */
  pullImage(image: string, auth: PullAuth | undefined, signal: AbortSignal): Promise<string>;
  removeImage(image: string): Promise<void>;
}
