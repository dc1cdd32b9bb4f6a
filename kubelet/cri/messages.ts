/** The shapes of CRI's messages as they come off the wire: every field is there, missing messages are null. */

type TextMap = Record<string, string>;

export interface VersionResponse {
  version: string;
  runtimeName: string;
  runtimeVersion: string;
}

export interface RuntimeCondition {
  type: string;
  status: boolean;
  reason: string;
  message: string;
}

export interface StatusResponse {
  status: { conditions: RuntimeCondition[] } | null;
  info: TextMap;
  /** Null from a runtime that is older than they are. */
  features: { supplementalGroupsPolicy: boolean } | null;
}

export interface SandboxMetadata {
  name: string;
  uid: string;
  namespace: string;
  attempt: number;
}

export type SandboxState = 'SANDBOX_READY' | 'SANDBOX_NOTREADY';

export interface ListedSandbox {
  id: string;
  metadata: SandboxMetadata | null;
  state: SandboxState;
  /** Nanoseconds, as all times here. */
  createdAt: number;
  labels: TextMap;
  annotations: TextMap;
}

export interface SandboxStatus extends ListedSandbox {
  network: { ip: string; additionalIps: { ip: string }[] } | null;
}

export type ContainerState = 'CONTAINER_CREATED' | 'CONTAINER_RUNNING' | 'CONTAINER_EXITED' | 'CONTAINER_UNKNOWN';

export interface ListedContainer {
  id: string;
  podSandboxId: string;
  state: ContainerState;
  labels: TextMap;
}

export interface ContainerStatus {
  id: string;
  metadata: { name: string; attempt: number } | null;
  state: ContainerState;
  createdAt: number;
  startedAt: number;
  finishedAt: number;
  exitCode: number;
  image: { image: string } | null;
  imageRef: string;
  imageId: string;
  reason: string;
  message: string;
  labels: TextMap;
  annotations: TextMap;
  logPath: string;
}

export interface Stats {
  attributes: { id: string } | null;
  cpu: { timestamp: number; usageCoreNanoSeconds: { value: number } | null } | null;
  memory: { timestamp: number; workingSetBytes: { value: number } | null; usageBytes: { value: number } | null } | null;
}

export interface Image {
  id: string;
  repoTags: string[];
  repoDigests: string[];
  size: number;
  uid: { value: number } | null;
  username: string;
}

export interface ContainerEvent {
  containerId: string;
  containerEventType:
    'CONTAINER_CREATED_EVENT' | 'CONTAINER_STARTED_EVENT' | 'CONTAINER_STOPPED_EVENT' | 'CONTAINER_DELETED_EVENT';
  podSandboxStatus: SandboxStatus | null;
}

/** What each call of RuntimeService and ImageService answers. */
export interface Answers {
  Version: VersionResponse;
  Status: StatusResponse;
  RunPodSandbox: { podSandboxId: string };
  StopPodSandbox: object;
  RemovePodSandbox: object;
  PodSandboxStatus: { status: SandboxStatus | null };
  ListPodSandbox: { items: ListedSandbox[] };
  CreateContainer: { containerId: string };
  StartContainer: object;
  StopContainer: object;
  RemoveContainer: object;
  ListContainers: { containers: ListedContainer[] };
  ContainerStatus: { status: ContainerStatus | null };
  UpdateContainerResources: object;
  ReopenContainerLog: object;
  ExecSync: { stdout: Buffer; stderr: Buffer; exitCode: number };
  Exec: { url: string };
  Attach: { url: string };
  PortForward: { url: string };
  ListContainerStats: { stats: Stats[] };
  ListImages: { images: Image[] };
  ImageStatus: { image: Image | null; info: TextMap };
  PullImage: { imageRef: string };
  RemoveImage: object;
}
