/**
 * What must be done so that a pod runs as its spec says: a pure function of the spec and of what the runtime has
 * (upstream `pkg/kubelet/kuberuntime/kuberuntime_manager.go`, `computePodActions`).
 */
import type { Container, Pod } from '../../api/core/v1/pod/types.ts';
import { restartPolicyOf, restartsAfterExit, shouldBeRestarted } from './container-kinds.ts';
import { killVerdict, noProbes, unknownState } from './container-verdicts.ts';
import type { ContainerVerdicts, PodActions, PodView } from './container-verdicts.ts';
import { computeInitContainerActions } from './init-container-actions.ts';
import { findContainer } from './runtime-pod.ts';
import type { RuntimePod } from './runtime-pod.ts';

export function computePodActions(pod: Pod, runtimePod: RuntimePod, probes: ContainerVerdicts = noProbes): PodActions {
  const sandbox = sandboxDecision(pod, runtimePod);
  const actions: PodActions = {
    killPod: sandbox.create,
    createSandbox: sandbox.create,
    sandboxId: sandbox.id,
    attempt: sandbox.attempt,
    initContainersToStart: [],
    containersToStart: [],
    ephemeralContainersToStart: [],
    containersToKill: [],
  };
  if (sandbox.create) {
    planNewSandbox(pod, runtimePod, actions);
    return actions;
  }
  for (const [i, container] of (pod.spec.ephemeralContainers ?? []).entries()) {
    if (findContainer(runtimePod, container.name) === undefined) actions.ephemeralContainersToStart.push(i);
  }
  const hasInitialized = computeInitContainerActions({ pod, runtimePod, probes }, actions);
  if (actions.killPod || !hasInitialized) return actions;
  planContainers({ pod, runtimePod, probes }, actions);
  return actions;
}

/** `PodSandboxChanged`: none, not ready, of the wrong network, or without an address. */
function sandboxDecision(pod: Pod, { sandboxes }: RuntimePod): { create: boolean; id: string; attempt: number } {
  const newest = sandboxes[0];
  if (newest === undefined) return { create: true, id: '', attempt: 0 };
  const changed = { create: true, id: '', attempt: newest.metadata.attempt + 1 };
  const ready = sandboxes.filter(({ state }) => state === 'ready');
  if (ready.length > 1 || newest.state !== 'ready') return changed;
  if (pod.spec.hostNetwork !== true && newest.ips.length === 0) return { ...changed, id: newest.id };
  return { create: false, id: newest.id, attempt: newest.metadata.attempt };
}

function planNewSandbox(pod: Pod, runtimePod: RuntimePod, actions: PodActions): void {
  const containers = pod.spec.containers;
  const isAgain = actions.attempt !== 0 && runtimePod.containers.length > 0;
  const toStart = [...containers.keys()].filter((i) => startsWithSandbox(pod, runtimePod, containers[i]!));
  // Its containers went with the sandbox, and nothing is to run again: the pod is over.
  if (toStart.length === 0 || (isAgain && !toStart.some((i) => mayRunAgain(pod, runtimePod, containers[i]!)))) {
    actions.createSandbox = false;
    return;
  }
  if ((pod.spec.initContainers ?? []).length > 0) actions.initContainersToStart = [0];
  else actions.containersToStart = toStart;
}

/** What has ended and does not run again in this sandbox does not in another one. */
function startsWithSandbox(pod: Pod, runtimePod: RuntimePod, container: Container): boolean {
  const found = findContainer(runtimePod, container.name);
  return found?.state !== 'exited' || restartsAfterExit(pod, container, found.exitCode);
}

/** Not one that is to run once, whatever became of it. */
function mayRunAgain(pod: Pod, runtimePod: RuntimePod, container: Container): boolean {
  const hasExited = findContainer(runtimePod, container.name)?.state === 'exited';
  return hasExited || restartPolicyOf(pod, container) !== 'Never';
}

function planContainers(view: PodView, actions: PodActions): void {
  const { pod, runtimePod } = view;
  let keepCount = 0;
  for (const [i, container] of pod.spec.containers.entries()) {
    const found = findContainer(runtimePod, container.name);
    if (found === undefined || found.state !== 'running') {
      if (!shouldBeRestarted(pod, container, found)) continue;
      actions.containersToStart.push(i);
      if (found?.state === 'unknown') actions.containersToKill.push(unknownState(found, container));
      continue;
    }
    const kill = killVerdict(view, container, found);
    if (kill === undefined) {
      keepCount++;
      continue;
    }
    if (kill.restart) actions.containersToStart.push(i);
    const { message, reason } = kill;
    actions.containersToKill.push({ id: found.id, name: container.name, message, reason });
  }
  if (keepCount === 0 && actions.containersToStart.length === 0) {
    actions.killPod = true;
    actions.initContainersToStart = [];
  }
}
