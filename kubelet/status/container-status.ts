/**
 * Container statuses of the API out of what the runtime has (upstream `pkg/kubelet/kubelet_pods.go`,
 * `convertToAPIContainerStatuses`): pure.
 */
import type {
  AnyContainer,
  Container,
  ContainerStatus,
  Pod,
  ResourceRequirements,
} from '../../api/core/v1/pod/types.ts';
import { formatTime } from '../../base/clock.ts';
import { shouldBeRestarted } from '../pods/container-kinds.ts';
import type { ContainerRole } from '../pods/container-kinds.ts';
import { formatReference, parseImageName } from '../images/reference.ts';
import { containerName, restartCountOf } from '../pods/runtime-pod.ts';
import type { RuntimePod } from '../pods/runtime-pod.ts';
import type { ContainerInfo } from '../runtime.ts';
import type { StartFailures } from './reason-cache.ts';

export type ContainerState = NonNullable<ContainerStatus['state']>;

export interface ContainerStatusInput {
  pod: Pod;
  runtimePod: RuntimePod;
  failures: StartFailures;
  /** Termination messages by container id. */
  terminationMessages: ReadonlyMap<string, string>;
  /** `native`, for ids such as `native://…`. */
  runtimeName: string;
  /** The pod ends: nothing is restarted. */
  isTerminal: boolean;
  readiness: ContainerReadiness;
  resourcesOf: ResourcesOf;
}

/** What a container was granted and what it runs with; undefined for one that cannot be resized. */
export type ResourcesOf = (
  name: string,
) => { allocated: ResourceRequirements; actual: ResourceRequirements } | undefined;

/** What the probes say of a running container. */
export interface ContainerReadiness {
  isStarted(container: AnyContainer, containerId: string): boolean;
  isReady(container: AnyContainer, containerId: string): boolean;
}

export function containerStatusesOf(
  input: ContainerStatusInput,
  containers: readonly AnyContainer[],
  role: ContainerRole | 'initOrSidecar',
): ContainerStatus[] {
  return containers.map((container) => containerStatusOf(input, container, role));
}

function containerStatusOf(
  input: ContainerStatusInput,
  container: AnyContainer,
  role: ContainerRole | 'initOrSidecar',
): ContainerStatus {
  const { pod, runtimePod } = input;
  const instances = runtimePod.containers.filter((info) => containerName(info) === container.name);
  const [current, previous] = instances;
  const recorded = recordedStatus(pod, container.name);
  const status: ContainerStatus = {
    name: container.name,
    image: container.image ?? '',
    imageID: '',
    ready: false,
    restartCount: recorded?.restartCount ?? 0,
    state: {},
    lastState: {},
    started: false,
  };
  if (current === undefined) {
    describeMissing(input, { container, status, recorded, role });
    return status;
  }
  status.state = stateOf(input, current);
  status.image = canonicalName(current.userSpecifiedImage);
  status.imageID = current.imageRef;
  status.containerID = containerIdOf(input, current);
  status.restartCount = restartCountOf(current);
  if (previous !== undefined) status.lastState = stateOf(input, previous);
  else if (recorded?.lastState !== undefined && status.restartCount === recorded.restartCount)
    status.lastState = recorded.lastState;
  describeWaiting(input, { container, status, current });
  describeResources(input, { container, status });
  describeReadiness(input, { container, status, current, role });
  return status;
}

interface Described {
  container: AnyContainer;
  status: ContainerStatus;
}

/** Of a container that the runtime does not have: not yet, or no more. */
function describeMissing(
  input: ContainerStatusInput,
  { container, status, recorded, role }: Described & { recorded: ContainerStatus | undefined; role: string },
): void {
  if (recorded?.containerID && recorded.state?.terminated !== undefined) {
    keepEnd(status, recorded, role);
    return;
  }
  const wasRunning = recorded?.state?.running !== undefined;
  if (wasRunning && input.isTerminal) {
    status.state = { terminated: lostState('The container could not be located when the pod was terminated') };
    return;
  }
  if (wasRunning) {
    const message = 'The container could not be located when the pod was deleted.  The container used to be Running';
    status.lastState = { terminated: lostState(message) };
    status.restartCount = recorded.restartCount + 1;
  } else if (recorded?.lastState?.terminated !== undefined) {
    status.lastState = recorded.lastState;
  }
  status.state = { waiting: input.failures.get(container.name) ?? { reason: firstReason(input.pod) } };
}

/** Of a container that has not run yet: of every one in a pod that initializes. */
function firstReason({ spec }: Pod): string {
  return (spec.initContainers ?? []).length > 0 ? 'PodInitializing' : 'ContainerCreating';
}

/** It has ended, as the API knows already. */
function keepEnd(status: ContainerStatus, recorded: ContainerStatus, role: string): void {
  const { state, containerID, image, imageID, lastState } = recorded;
  Object.assign(status, { state, containerID, image, imageID }, lastState === undefined ? {} : { lastState });
  status.ready = role === 'initOrSidecar' && state?.terminated?.exitCode === 0;
}

function lostState(message: string): NonNullable<ContainerState['terminated']> {
  return { reason: 'ContainerStatusUnknown', message, exitCode: 137 };
}

/** A container that ended and is to run again waits, if there is a reason why it does not run yet. */
function describeWaiting(
  input: ContainerStatusInput,
  { container, status, current }: Described & { current: ContainerInfo },
): void {
  const failure = input.failures.get(container.name);
  if (failure === undefined || input.isTerminal || status.state?.running !== undefined) return;
  if (!shouldBeRestarted(input.pod, container, current)) return;
  if (status.state?.terminated !== undefined) status.lastState = status.state;
  status.state = { waiting: failure };
}

/** What runs tells what it runs with, also when that is nothing; all else tells what it was granted. */
function describeResources({ resourcesOf }: ContainerStatusInput, { container, status }: Described): void {
  const { volumeMounts } = container;
  const known = resourcesOf(container.name);
  if (known !== undefined) {
    const { allocated, actual } = known;
    if (allocated.requests !== undefined) status.allocatedResources = allocated.requests;
    const { requests, limits } = status.state?.running === undefined ? allocated : actual;
    status.resources = { ...(limits === undefined ? {} : { limits }), ...(requests === undefined ? {} : { requests }) };
  }
  if (volumeMounts === undefined || volumeMounts.length === 0) return;
  status.volumeMounts = volumeMounts.map(({ name, mountPath, readOnly }) => ({
    name,
    mountPath,
    ...(readOnly === true ? { readOnly, recursiveReadOnly: 'Disabled' } : {}),
  }));
}

function describeReadiness(
  { readiness }: ContainerStatusInput,
  { container, status, current, role }: Described & { current: ContainerInfo; role: string },
): void {
  const isRunning = status.state?.running !== undefined;
  status.started = isRunning && readiness.isStarted(container, current.id);
  const isSidecar = (container as Container).restartPolicy === 'Always';
  // An init container is ready once it has succeeded.
  if (role === 'initOrSidecar' && !isSidecar) status.ready = status.state?.terminated?.exitCode === 0;
  else status.ready = role !== 'ephemeral' && status.started && readiness.isReady(container, current.id);
}

function stateOf(input: ContainerStatusInput, info: ContainerInfo): ContainerState {
  switch (info.state) {
    case 'running':
      return { running: { startedAt: formatTime(info.startedAtMs) } };
    case 'exited':
      return { terminated: terminatedStateOf(input, info) };
    case 'created':
      return { waiting: { reason: firstReason(input.pod) } };
    case 'unknown':
      return { terminated: { ...terminatedStateOf(input, info), exitCode: 137, reason: 'ContainerStatusUnknown' } };
    default:
      throw new Error(`unknown container state ${String(info.state)}`);
  }
}

function terminatedStateOf(
  input: ContainerStatusInput,
  info: ContainerInfo,
): NonNullable<ContainerState['terminated']> {
  const message = input.terminationMessages.get(info.id) || info.message;
  return {
    exitCode: info.exitCode,
    reason: info.reason || (info.exitCode === 0 ? 'Completed' : 'Error'),
    ...(message === '' ? {} : { message }),
    startedAt: formatTime(info.startedAtMs),
    finishedAt: formatTime(info.finishedAtMs),
    containerID: containerIdOf(input, info),
  };
}

function containerIdOf({ runtimeName }: ContainerStatusInput, { id }: ContainerInfo): string {
  return `${runtimeName}://${id}`;
}

function recordedStatus({ status }: Pod, name: string): ContainerStatus | undefined {
  const all = [
    ...(status?.containerStatuses ?? []),
    ...(status?.initContainerStatuses ?? []),
    ...(status?.ephemeralContainerStatuses ?? []),
  ];
  return all.find((one) => one.name === name);
}

/** `nginx` → `docker.io/library/nginx:latest`, as runtimes tell it once the image is there. */
function canonicalName(image: string): string {
  try {
    return formatReference(parseImageName(image));
  } catch {
    return image;
  }
}
