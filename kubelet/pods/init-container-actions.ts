/**
 * The order of init containers and sidecars: a pure part of `computePodActions` (upstream
 * `computeInitContainerActions`). One starts when all before it are done: an init container by ending with 0, a
 * sidecar by having started.
 */
import { isSidecar } from '../../api/core/v1/pod/containers.ts';
import type { Container } from '../../api/core/v1/pod/types.ts';
import type { ContainerInfo } from '../runtime.ts';
import { restartsAfterExit } from './container-kinds.ts';
import { killVerdict, unknownState } from './container-verdicts.ts';
import type { PodActions, PodView } from './container-verdicts.ts';
import { containerName } from './runtime-pod.ts';
import type { RuntimePod } from './runtime-pod.ts';

/** Adds to `actions`; returns whether the regular containers may run. */
export function computeInitContainerActions(view: PodView, actions: PodActions): boolean {
  const { pod, runtimePod } = view;
  const initContainers = pod.spec.initContainers ?? [];
  if (initContainers.length === 0) return true;
  const found = initContainers.map(({ name }) => findInSandbox(runtimePod, actions.sandboxId, name));
  const wasInitialized = pod.spec.containers.some(
    ({ name }) => findInSandbox(runtimePod, actions.sandboxId, name) !== undefined,
  );
  const last = wasInitialized ? initContainers.length - 1 : found.findLastIndex((info) => info !== undefined);
  for (let i = 0; i <= last; i++) {
    const container = initContainers[i]!;
    if (isSidecar(container)) keepSidecar(view, { container, index: i, info: found[i] }, actions);
  }
  if (wasInitialized) return true;
  return planNext(view, { last, info: last < 0 ? undefined : found[last] }, actions);
}

/** Only containers of the current sandbox count: with a new one, initialization runs again. */
function findInSandbox(runtimePod: RuntimePod, sandboxId: string, name: string): ContainerInfo | undefined {
  return runtimePod.containers.find((info) => info.podSandboxId === sandboxId && containerName(info) === name);
}

interface IndexedContainer {
  container: Container;
  index: number;
  info: ContainerInfo | undefined;
}

function keepSidecar(view: PodView, { container, index, info }: IndexedContainer, actions: PodActions): void {
  if (info?.state === 'running') {
    const kill = killVerdict(view, container, info);
    if (kill === undefined) return;
    const { message, reason } = kill;
    actions.containersToKill.push({ id: info.id, name: container.name, message, reason });
  }
  if (info?.state === 'unknown') actions.containersToKill.push(unknownState(info, container));
  actions.initContainersToStart.push(index);
}

function planNext(
  { pod, probes }: PodView,
  { last, info }: { last: number; info: ContainerInfo | undefined },
  actions: PodActions,
): boolean {
  const initContainers = pod.spec.initContainers ?? [];
  const container = initContainers[last];
  if (container !== undefined && info !== undefined) {
    const isDone = isSidecar(container) ? isSidecarStarted(info, probes.isStarted) : isInitDone(info);
    if (isSidecar(container) && !isDone) return false;
    if (!isDone) {
      planUnfinished({ pod, container, info, index: last }, actions);
      return false;
    }
  }
  const next = last + 1;
  if (next === initContainers.length) return true;
  actions.initContainersToStart.push(next);
  return false;
}

const isSidecarStarted = (info: ContainerInfo, isStarted: (id: string) => boolean): boolean =>
  info.state === 'running' && isStarted(info.id);

const isInitDone = (info: ContainerInfo): boolean => info.state === 'exited' && info.exitCode === 0;

function planUnfinished(
  { pod, container, info, index }: { pod: PodView['pod']; container: Container; info: ContainerInfo; index: number },
  actions: PodActions,
): void {
  if (info.state === 'running') return;
  if (info.state === 'unknown') actions.containersToKill.push(unknownState(info, container));
  // An init container of a pod that always restarts is retried until it succeeds.
  const neverAgain = info.state === 'exited' && !restartsAfterExit(pod, container, info.exitCode);
  if (neverAgain) actions.killPod = true;
  else actions.initContainersToStart.push(index);
}
