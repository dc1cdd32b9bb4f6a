/** Finds what a request to the kubelet's API is about. */
import type { ContainerStatus, Pod, PodStatus } from '../../api/core/v1/pod/types.ts';
import { badRequest, notFound } from '../../api/machinery/errors.ts';
import type { PodWorker } from '../pods/pod-worker.ts';
import type { PodWorkers } from '../pods/pod-workers.ts';
import type { RuntimeCache } from '../pods/runtime-cache.ts';
import { findContainer, readySandbox } from '../pods/runtime-pod.ts';
import type { ContainerInfo, PodSandbox } from '../runtime.ts';

export interface PodLookup {
  workers: PodWorkers;
  cache: RuntimeCache;
}

/** Throws `ApiError`. */
export function findPod({ workers }: PodLookup, namespace: string, name: string): PodWorker {
  const worker = workers.findByName(namespace, name);
  if (worker === undefined) throw notFound({ group: '', resource: 'pods' }, name);
  return worker;
}

/** Throws with the text that upstream's clients know (`GetExec`, `GetAttach`). */
export function findRunningContainer(
  lookup: PodLookup,
  worker: PodWorker,
  { container, action = 'exec' }: { container: string; action?: string },
): ContainerInfo {
  const info = findContainer(lookup.cache.get(worker.uid), container);
  if (info?.state === 'running') return info;
  if (action !== 'attach') throw badRequest(`container not found (${JSON.stringify(container)})`);
  const { name, namespace } = worker.pod.metadata;
  throw badRequest(`container ${container} not found in pod ${name}_${namespace}`);
}

export function findSandbox(lookup: PodLookup, worker: PodWorker): PodSandbox {
  const sandbox = readySandbox(lookup.cache.get(worker.uid));
  if (sandbox === undefined)
    throw badRequest(`not able to find sandbox of pod ${JSON.stringify(worker.pod.metadata.name)}`);
  return sandbox;
}

/** The container whose log is asked for (`validateContainerLogStatus`). Throws `ApiError` with upstream's text. */
export function findLogContainer(
  lookup: PodLookup,
  worker: PodWorker,
  request: { container: string; previous: boolean },
): ContainerInfo {
  const { container } = request;
  const status = statusOf(worker.currentStatus(), container);
  const quoted = `container ${JSON.stringify(container)} in pod ${JSON.stringify(worker.pod.metadata.name)}`;
  if (status === undefined) throw badRequest(`${quoted} is not available`);
  const id = idOf(status, request.previous, quoted);
  const info = lookup.cache.get(worker.uid).containers.find((one) => id.endsWith(`://${one.id}`));
  if (info === undefined)
    throw badRequest(request.previous ? `previous terminated ${quoted} not found` : `${quoted} is not available`);
  return info;
}

function idOf(status: ContainerStatus, previous: boolean, quoted: string): string {
  const { running, terminated, waiting } = status.state ?? {};
  const ended = status.lastState?.terminated?.containerID ?? '';
  if (previous) return previousId(ended, quoted);
  if (running !== undefined) return status.containerID ?? '';
  const id = terminated?.containerID ?? ended;
  if (id !== '') return id;
  if (terminated !== undefined) throw badRequest(`${quoted} is terminated`);
  throw badRequest(`${quoted} is waiting to start: ${waitingText(waiting?.reason ?? '')}`);
}

function previousId(ended: string, quoted: string): string {
  if (ended === '') throw badRequest(`previous terminated ${quoted} not found`);
  return ended;
}

const WAITING_TEXTS: Readonly<Record<string, string>> = {
  ErrImagePull: "image can't be pulled",
  ImagePullBackOff: 'trying and failing to pull image',
};

const waitingText = (reason: string): string => WAITING_TEXTS[reason] ?? reason;

function statusOf(status: PodStatus, name: string): ContainerStatus | undefined {
  const all = [
    ...(status.containerStatuses ?? []),
    ...(status.initContainerStatuses ?? []),
    ...(status.ephemeralContainerStatuses ?? []),
  ];
  return all.find((one) => one.name === name);
}

/** With the status of this very moment, as `/pods` shows it. */
export function podWithStatus(worker: PodWorker): Pod {
  return { ...worker.pod, apiVersion: 'v1', kind: 'Pod', status: worker.currentStatus() };
}
