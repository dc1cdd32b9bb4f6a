/**
 * What can be done with a pod's containers, and when a running one must go: pure, shared by `computePodActions`'
 * parts.
 */
import type { AnyContainer, Pod } from '../../api/core/v1/pod/types.ts';
import type { ContainerInfo } from '../runtime.ts';
import { containerHash, restartPolicyOf } from './container-kinds.ts';
import { containerName, hashOf } from './runtime-pod.ts';
import type { RuntimePod } from './runtime-pod.ts';

export type KillReason =
  'deleted' | 'definition-changed' | 'liveness-probe' | 'startup-probe' | 'resize' | 'unknown-state' | 'pod-ended';

export interface ContainerToKill {
  id: string;
  name: string;
  /** Of the event. */
  message: string;
  reason: KillReason;
}

export interface PodActions {
  /** Stop every container and the sandbox first. With `createSandbox` false, the pod is finished. */
  killPod: boolean;
  createSandbox: boolean;
  /** The sandbox to use when none is created. */
  sandboxId: string;
  /** Of the sandbox to create. */
  attempt: number;
  /** Indexes in `spec.initContainers`, in order. */
  initContainersToStart: number[];
  /** Indexes in `spec.containers`. */
  containersToStart: number[];
  /** Indexes in `spec.ephemeralContainers`. */
  ephemeralContainersToStart: number[];
  containersToKill: ContainerToKill[];
}

/** Containers, by id, whose probes say that they must be killed, and those that have started up. */
export interface ProbeVerdicts {
  livenessFailed(containerId: string): boolean;
  startupFailed(containerId: string): boolean;
  /** The container runs and has no startup probe, or has passed it. */
  isStarted(containerId: string): boolean;
}

export interface ContainerVerdicts extends ProbeVerdicts {
  /** The container runs with other resources than it was granted, and must be restarted to get them. */
  needsResizeRestart?(container: AnyContainer): boolean;
}

export const noProbes: ContainerVerdicts = {
  livenessFailed: () => false,
  startupFailed: () => false,
  isStarted: () => true,
};

export interface PodView {
  pod: Pod;
  runtimePod: RuntimePod;
  probes: ContainerVerdicts;
}

/** Whether a running container must go, and come back; the message is the event's. */
export function killVerdict(
  { pod, probes }: PodView,
  container: AnyContainer,
  found: ContainerInfo,
): { message: string; reason: KillReason; restart: boolean } | undefined {
  const { name } = container;
  if (hashOf(found) !== '' && hashOf(found) !== containerHash(container)) {
    const message = `Container ${name} definition changed, will be restarted`;
    return { message, reason: 'definition-changed', restart: true };
  }
  const restart = restartPolicyOf(pod, container) !== 'Never';
  const afterwards = restart ? ', will be restarted' : '';
  if (probes.livenessFailed(found.id)) {
    return { message: `Container ${name} failed liveness probe${afterwards}`, reason: 'liveness-probe', restart };
  }
  if (probes.startupFailed(found.id)) {
    return { message: `Container ${name} failed startup probe${afterwards}`, reason: 'startup-probe', restart };
  }
  if (probes.needsResizeRestart?.(container) === true) {
    return { message: `Container ${name} resize requires restart`, reason: 'resize', restart: true };
  }
  return undefined;
}

export function unknownState(found: ContainerInfo, container: AnyContainer): ContainerToKill {
  const message = `Container is in "Unknown" state, try killing it before restart`;
  return { id: found.id, name: container.name ?? containerName(found), message, reason: 'unknown-state' };
}
