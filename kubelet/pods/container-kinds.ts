/** What sort of container something is, and the questions of policy that depend on it. */
import { createHash } from 'node:crypto';
import { isSidecar } from '../../api/core/v1/pod/containers.ts';
import type { AnyContainer, Container, Pod } from '../../api/core/v1/pod/types.ts';
import type { ContainerInfo } from '../runtime.ts';

export type ContainerRole = 'init' | 'sidecar' | 'app' | 'ephemeral';

export interface PodContainer {
  container: AnyContainer;
  role: ContainerRole;
}

/** Init containers and sidecars, regular, then ephemeral containers. */
export function containersOfPod({ spec }: Pod): PodContainer[] {
  return [
    ...(spec.initContainers ?? []).map(
      (container) => ({ container, role: isSidecar(container) ? 'sidecar' : 'init' }) as const,
    ),
    ...spec.containers.map((container) => ({ container, role: 'app' }) as const),
    ...(spec.ephemeralContainers ?? []).map((container) => ({ container, role: 'ephemeral' }) as const),
  ];
}

export function findPodContainer(pod: Pod, name: string): PodContainer | undefined {
  return containersOfPod(pod).find(({ container }) => container.name === name);
}

const FIELD_PATHS = {
  init: 'initContainers',
  sidecar: 'initContainers',
  app: 'containers',
  ephemeral: 'ephemeralContainers',
};

/** Where events about a container point: `spec.containers{web}`. */
export function fieldPathOf({ container, role }: PodContainer): string {
  return `spec.${FIELD_PATHS[role]}{${container.name}}`;
}

/**
 * Changes exactly when a running container must be replaced: with its name or image (`kubecontainer.HashContainer`,
 * which takes in no more since resources can be changed in place).
 */
export function containerHash({ name, image }: AnyContainer): string {
  return createHash('sha256').update(JSON.stringify({ name, image })).digest('hex').slice(0, 8);
}

export type RestartPolicy = 'Always' | 'OnFailure' | 'Never';

/** What the container says itself, else what the pod says. */
export function restartPolicyOf(pod: Pod, container: AnyContainer): RestartPolicy {
  return ((container as Container).restartPolicy ?? pod.spec.restartPolicy ?? 'Always') as RestartPolicy;
}

/** Whether a container that has ended is to run again, by its rules and then by policy (`ShouldContainerBeRestarted`). */
export function restartsAfterExit(pod: Pod, container: AnyContainer, exitCode: number): boolean {
  for (const { action, exitCodes } of (container as Container).restartPolicyRules ?? []) {
    if (exitCodes === undefined) continue;
    const isListed = (exitCodes.values ?? []).includes(exitCode);
    if (isListed === (exitCodes.operator === 'In') && action === 'Restart') return true;
  }
  const policy = restartPolicyOf(pod, container);
  return policy === 'Always' || (policy === 'OnFailure' && exitCode !== 0);
}

/** Whether a container must be (re)started now; `found` is the newest of that name. */
export function shouldBeRestarted(pod: Pod, container: AnyContainer, found: ContainerInfo | undefined): boolean {
  if (pod.metadata.deletionTimestamp !== undefined) return false;
  if (found === undefined) return true;
  if (found.state === 'running') return false;
  if (found.state === 'created' || found.state === 'unknown') return true;
  return restartsAfterExit(pod, container, found.exitCode);
}
