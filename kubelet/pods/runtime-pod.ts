/** One pod as the container runtime knows it: its sandboxes and containers. */
import type { ContainerInfo, PodSandbox } from '../runtime.ts';
import {
  CONTAINER_HASH_ANNOTATION,
  CONTAINER_NAME_LABEL,
  CONTAINER_RESTART_COUNT_ANNOTATION,
  POD_UID_LABEL,
} from './labels.ts';

export interface RuntimePod {
  uid: string;
  /** Newest first. */
  sandboxes: readonly PodSandbox[];
  /** Of every sandbox; of each name the newest first. */
  containers: readonly ContainerInfo[];
}

export function emptyRuntimePod(uid: string): RuntimePod {
  return { uid, sandboxes: [], containers: [] };
}

/** By UID of the pod; what carries no UID is not ours. */
export function groupByPod(
  sandboxes: readonly PodSandbox[],
  containers: readonly ContainerInfo[],
): Map<string, RuntimePod> {
  const byUid = new Map<string, { uid: string; sandboxes: PodSandbox[]; containers: ContainerInfo[] }>();
  const podOf = (uid: string): { sandboxes: PodSandbox[]; containers: ContainerInfo[] } => {
    let pod = byUid.get(uid);
    if (pod === undefined) {
      pod = { uid, sandboxes: [], containers: [] };
      byUid.set(uid, pod);
    }
    return pod;
  };
  for (const sandbox of sandboxes) if (sandbox.metadata.uid !== '') podOf(sandbox.metadata.uid).sandboxes.push(sandbox);
  for (const container of containers) {
    const uid = container.labels[POD_UID_LABEL];
    if (uid !== undefined) podOf(uid).containers.push(container);
  }
  for (const pod of byUid.values()) {
    pod.sandboxes.sort((a, b) => b.metadata.attempt - a.metadata.attempt || b.createdAtMs - a.createdAtMs);
    // Not by time first: the wall clock may have been set back between two runs of a container.
    pod.containers.sort((a, b) => restartCountOf(b) - restartCountOf(a) || b.createdAtMs - a.createdAtMs);
  }
  return byUid;
}

export function containerName(container: ContainerInfo): string {
  return container.labels[CONTAINER_NAME_LABEL] ?? container.metadata.name;
}

export function restartCountOf(container: ContainerInfo): number {
  const text = container.annotations[CONTAINER_RESTART_COUNT_ANNOTATION];
  const count = text === undefined ? NaN : Number(text);
  return Number.isInteger(count) ? count : container.metadata.attempt;
}

export function hashOf(container: ContainerInfo): string {
  return container.annotations[CONTAINER_HASH_ANNOTATION] ?? '';
}

/** The newest container of this name. */
export function findContainer(pod: RuntimePod, name: string): ContainerInfo | undefined {
  return pod.containers.find((container) => containerName(container) === name);
}

/** The newest sandbox that is ready. */
export function readySandbox(pod: RuntimePod): PodSandbox | undefined {
  return pod.sandboxes.find(({ state }) => state === 'ready');
}

export function runningContainers(pod: RuntimePod): ContainerInfo[] {
  return pod.containers.filter(({ state }) => state === 'running' || state === 'unknown');
}
