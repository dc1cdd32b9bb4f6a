/**
 * Brings one pod nearer to its spec (upstream `kuberuntime_manager.go`, `SyncPod`): decides with `computePodActions`,
 * then stops, creates and starts. It keeps what failed, for the status.
 */
import type { Secret } from '../../api/core/v1/secret.ts';
import type { AnyContainer, Pod } from '../../api/core/v1/pod/types.ts';
import { podDns, podHostname } from '../env/pod-names.ts';
import { restartsForResize } from '../resize/container-resources.ts';
import type { ContainerInfo, PodSandboxConfig } from '../runtime.ts';
import type { StartFailure } from '../status/reason-cache.ts';
import type { VolumeSources } from '../volumes/payloads.ts';
import type { MountedVolumes, VolumeFailure } from '../volumes/volume-manager.ts';
import { containerHash, findPodContainer } from './container-kinds.ts';
import type { PodActions } from './container-verdicts.ts';
import { computePodActions } from './pod-actions.ts';
import { containerGraceSeconds, podGraceSeconds } from './pod-deadlines.ts';
import type { PodNetworkFiles } from './pod-files.ts';
import type { PodMachinery } from './pod-machinery.ts';
import { podText } from './pod-text.ts';
import { containerName, findContainer, restartCountOf } from './runtime-pod.ts';
import type { RuntimePod } from './runtime-pod.ts';
import { checkSandbox, sandboxConfigOf } from './sandbox-config.ts';
import { StartError } from './start-error.ts';

export interface SyncResult {
  /** When to look again at the latest, because something waits for a time. */
  retryAfterMs: number | undefined;
}

const RETRY_MS = 10_000;

export class PodSync {
  /** Why containers do not run, by name. */
  readonly failures = new Map<string, StartFailure>();
  readonly #machinery: PodMachinery;

  constructor(machinery: PodMachinery) {
    this.#machinery = machinery;
  }

  /** Throws when the pod as a whole cannot go on. */
  async sync(pod: Pod, signal: AbortSignal): Promise<SyncResult> {
    const { cache, probes, objects, events, allocations } = this.#machinery;
    const uid = pod.metadata.uid ?? '';
    objects.register(pod);
    const mounted = await this.#setUpVolumes(pod, cache.get(uid));
    signal.throwIfAborted();
    const actions = computePodActions(pod, cache.get(uid), {
      ...probes.verdicts(pod),
      needsResizeRestart: (container) =>
        restartsForResize(container, allocations.resourcesOf(uid, container.name)?.actual),
    });
    if (actions.createSandbox && cache.get(uid).sandboxes.length > 0) {
      events.normal(pod, 'SandboxChanged', 'Pod sandbox changed, it will be killed and re-created.');
    }
    if (actions.killPod) {
      await this.#killPod(pod, cache.get(uid), signal);
      if (!actions.createSandbox) return { retryAfterMs: undefined };
    } else {
      await this.#killContainers(pod, actions.containersToKill, signal);
    }
    let retryAfterMs = actions.createSandbox ? undefined : await this.#resize(pod, actions.sandboxId);
    const toStart = containersToStart(pod, actions);
    if (!actions.createSandbox && toStart.length === 0) return { retryAfterMs };
    const sandbox = await this.#sandbox(pod, actions, signal);
    const run: PodRun = {
      pod,
      sandbox,
      mounted,
      network: this.#network(pod),
      signal,
      pullSecrets: await this.#pullSecrets(pod),
    };
    for (const container of toStart) {
      const waitMs = await this.#start(run, container);
      if (waitMs !== undefined) retryAfterMs = Math.min(retryAfterMs ?? Infinity, waitMs);
    }
    return { retryAfterMs };
  }

  /** Gives what runs on what the pod was granted; returns when to try again, if that cannot be done now. */
  async #resize(pod: Pod, sandboxId: string): Promise<number | undefined> {
    const { resizer, allocations, cache } = this.#machinery;
    const problem = await resizer.resize(pod, { sandboxId, runtimePod: cache.get(pod.metadata.uid ?? '') });
    if (problem === undefined) return undefined;
    allocations.fail(pod, problem);
    return RETRY_MS;
  }

  async #setUpVolumes(pod: Pod, runtimePod: RuntimePod): Promise<MountedVolumes> {
    const { files, events } = this.#machinery;
    const { mounted, failures } = await files.setUpVolumes(pod, this.sources(pod));
    for (const { event, reason } of failures) if (event !== undefined) events.warning(pod, reason, event);
    const unprocessed = unprocessedText(failures);
    if (unprocessed !== undefined)
      events.warning(pod, 'FailedMount', `Unable to attach or mount volumes: ${unprocessed}`);
    // A pod that runs already keeps what it has, though an object that it came from is gone.
    if (failures.length > 0 && runtimePod.containers.length === 0) {
      throw new VolumesNotReady(`unmounted volumes=[${failures.map(({ volume }) => volume).join(' ')}]`);
    }
    return mounted;
  }

  /** What values of the pod's environment and volumes are made from. */
  sources(pod: Pod): VolumeSources & { services: PodMachinery['services'] } {
    const { objects, tokens, node, services, cache } = this.#machinery;
    const sandboxIps = cache.get(pod.metadata.uid ?? '').sandboxes[0]?.ips ?? [];
    const podIps = pod.spec.hostNetwork === true ? [node.ip] : sandboxIps;
    return {
      facts: { nodeName: node.name, hostIps: [node.ip], podIps },
      allocatable: node.allocatable,
      services,
      configMap: (namespace, name) => objects.configMap(namespace, name),
      secret: (namespace, name) => objects.secret(namespace, name),
      token: (owner, request) => tokens.token(owner, request),
    };
  }

  #network(pod: Pod): PodNetworkFiles {
    const { node, cache } = this.#machinery;
    const sandboxIps = cache.get(pod.metadata.uid ?? '').sandboxes[0]?.ips ?? [];
    return {
      podIps: pod.spec.hostNetwork === true ? [node.ip] : sandboxIps,
      hostname: podHostname(pod, { nodeName: node.name, clusterDomain: node.cluster.domain }),
      dns: podDns(pod, node.cluster, node.dns),
    };
  }

  /** Those that are there; the image may be free for all, so that a pull without the others is tried. */
  async #pullSecrets(pod: Pod): Promise<Secret[]> {
    const { objects, events } = this.#machinery;
    const { metadata, spec } = pod;
    const names = (spec.imagePullSecrets ?? []).map(({ name = '' }) => name).filter((name) => name !== '');
    const found = await Promise.all(names.map((name) => objects.secret(metadata.namespace ?? '', name)));
    const missing = names.filter((_name, i) => found[i] === undefined);
    if (missing.length > 0) {
      const text = `Unable to retrieve some image pull secrets (${missing.join(', ')})`;
      const message = `${text}; attempting to pull the image may not succeed.`;
      events.warning(pod, 'FailedToRetrieveImagePullSecret', message);
    }
    return found.filter((secret) => secret !== undefined);
  }

  async #killPod(pod: Pod, runtimePod: RuntimePod, signal: AbortSignal): Promise<void> {
    const { killer, cache } = this.#machinery;
    await killer.killPod(pod, runtimePod, { graceSeconds: podGraceSeconds(pod), reason: 'pod-ended', signal });
    await cache.refresh();
  }

  async #killContainers(
    pod: Pod,
    kills: ReturnType<typeof computePodActions>['containersToKill'],
    signal: AbortSignal,
  ): Promise<void> {
    const { killer, cache } = this.#machinery;
    if (kills.length === 0) return;
    const runtimePod = cache.get(pod.metadata.uid ?? '');
    const podIp = runtimePod.sandboxes[0]?.ips[0] ?? '';
    await Promise.all(
      kills.map(async ({ id, name, message, reason }) => {
        const info = runtimePod.containers.find((one) => one.id === id);
        const graceSeconds = containerGraceSeconds(pod, findPodContainer(pod, name), reason);
        if (info !== undefined) await killer.killContainer(pod, { info, message, reason, graceSeconds, podIp, signal });
      }),
    );
    await cache.refresh();
  }

  async #sandbox(
    pod: Pod,
    actions: ReturnType<typeof computePodActions>,
    signal: AbortSignal,
  ): Promise<PodRun['sandbox']> {
    const { runtime, events, cache, files } = this.#machinery;
    const { hostname, dns } = this.#network(pod);
    const logDirectory = files.logDirectory(pod);
    const config = sandboxConfigOf(pod, { attempt: actions.attempt, hostname: hostname.hostname, logDirectory, dns });
    if (!actions.createSandbox) return { id: actions.sandboxId, config };
    try {
      checkSandbox(pod);
      const id = await runtime.runPodSandbox(config);
      await cache.refresh();
      signal.throwIfAborted();
      return { id, config };
    } catch (error) {
      signal.throwIfAborted();
      events.warning(pod, 'FailedCreatePodSandBox', `Failed to create pod sandbox: ${(error as Error).message}`);
      throw error;
    }
  }

  /** Returns when to try again, if it must wait. */
  async #start(run: PodRun, container: AnyContainer): Promise<number | undefined> {
    const { starter, cache, puller, allocations } = this.#machinery;
    const { pod, signal } = run;
    const target = findPodContainer(pod, container.name)!;
    const runtimePod = cache.get(pod.metadata.uid ?? '');
    const waitMs = this.#crashBackoff(pod, container, runtimePod) || this.#pullBackoff(pod, container);
    if (waitMs > 0) return waitMs;
    try {
      const restartCount = await this.#restartCount(pod, findContainer(runtimePod, container.name), container.name);
      allocations.actuate(pod, [container.name]);
      await starter.start({ ...run, target, restartCount, sources: this.sources(pod) });
      this.failures.delete(container.name);
      return undefined;
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof StartError)) throw error;
      this.failures.set(container.name, { reason: error.reason, message: error.message });
      const pullMs = puller.remainingMs(pod, container.image ?? '');
      return isPullReason(error.reason) && pullMs > 0 ? pullMs : RETRY_MS;
    }
  }

  /** Of the next run. What a kubelet that was killed had created and not started goes: it was no run. */
  async #restartCount(pod: Pod, last: ContainerInfo | undefined, name: string): Promise<number> {
    if (last === undefined) return recordedRestarts(pod, name);
    if (last.state !== 'created') return restartCountOf(last) + 1;
    await this.#machinery.runtime.removeContainer(last.id);
    return restartCountOf(last);
  }

  /** How long an image that could not be pulled is left alone; told once, by the puller. */
  #pullBackoff(pod: Pod, container: AnyContainer): number {
    if (this.failures.get(container.name)?.reason !== 'ImagePullBackOff') return 0;
    return this.#machinery.puller.remainingMs(pod, container.image ?? '');
  }

  /** `doBackOff`: how long a container that has crashed is left alone. */
  #crashBackoff(pod: Pod, container: AnyContainer, runtimePod: RuntimePod): number {
    const { crashBackoff, events } = this.#machinery;
    const last = runtimePod.containers.find(
      (info) => containerName(info) === container.name && info.state === 'exited',
    );
    if (last === undefined) return 0;
    const key = `${pod.metadata.uid}_${container.name}_${containerHash(container)}`;
    const waitMs = crashBackoff.remainingMs(key, last.finishedAtMs);
    if (waitMs === 0) {
      crashBackoff.next(key, last.finishedAtMs);
      return 0;
    }
    const message = `Back-off restarting failed container ${container.name} in pod ${podText(pod)}`;
    // Upstream tells it at each sync, about every ten seconds; here it is told when the wait begins.
    if (this.failures.get(container.name)?.reason !== 'CrashLoopBackOff') {
      events.warning(pod, 'BackOff', message, findPodContainer(pod, container.name));
    }
    const delay = formatBackoff(crashBackoff.delayMs(key));
    this.failures.set(container.name, {
      reason: 'CrashLoopBackOff',
      message: `back-off ${delay} restarting failed container=${container.name} pod=${podText(pod)}`,
    });
    return waitMs;
  }
}

/** Of volumes whose claims are not in order (`volumemanager.WaitForAttachAndMount`). */
function unprocessedText(failures: readonly VolumeFailure[]): string | undefined {
  const unprocessed = failures.filter(({ event }) => event === undefined);
  if (unprocessed.length === 0) return undefined;
  const names = (list: readonly VolumeFailure[]): string => `[${list.map(({ volume }) => volume).join(' ')}]`;
  const reasons = unprocessed.map(({ message }) => message).join(', ');
  return `unmounted volumes=${names(failures)}, unattached volumes=[], failed to process volumes=${names(unprocessed)}: ${reasons}`;
}

function containersToStart({ spec }: Pod, actions: PodActions): AnyContainer[] {
  const { initContainers = [], containers, ephemeralContainers = [] } = spec;
  return [
    ...actions.ephemeralContainersToStart.map((i) => ephemeralContainers[i]!),
    ...actions.initContainersToStart.map((i) => initContainers[i]!),
    ...actions.containersToStart.map((i) => containers[i]!),
  ];
}

/** Volumes are missing: the pod waits, which the events tell. */
export class VolumesNotReady extends Error {}

interface PodRun {
  pod: Pod;
  sandbox: { id: string; config: PodSandboxConfig };
  mounted: MountedVolumes;
  network: PodNetworkFiles;
  signal: AbortSignal;
  pullSecrets: readonly Secret[];
}

const isPullReason = (reason: string): boolean =>
  /Pull|Registry|Signature/.test(reason) && reason !== 'ErrImageNeverPull';

/** Of a container that ran, though the runtime has forgotten it. */
function recordedRestarts({ status }: Pod, name: string): number {
  const all = [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])];
  const recorded = all.find((one) => one.name === name);
  return recorded?.containerID ? recorded.restartCount + 1 : 0;
}

/** `10s`, `1m20s`, `5m0s`. */
function formatBackoff(delayMs: number): string {
  const seconds = Math.round(delayMs / 1000);
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`;
}
