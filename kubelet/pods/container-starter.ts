/** Starts one container: image, configuration, creation, start, `postStart` (upstream `startContainer`). */
import type { AnyContainer, Container, Pod } from '../../api/core/v1/pod/types.ts';
import type { Secret } from '../../api/core/v1/secret.ts';
import type { Clock } from '../../base/clock.ts';
import { ContainerConfigError, makeEnvironment } from '../env/environment.ts';
import type { EnvironmentSources } from '../env/environment.ts';
import type { ContainerConfig, ImageInfo, ImageService, Mount, PodSandboxConfig, RuntimeService } from '../runtime.ts';
import { volumeDevicesOf, volumeMountsOf, withManagedFiles } from '../volumes/container-mounts.ts';
import type { MountedVolumes } from '../volumes/volume-manager.ts';
import { abortable } from './abortable.ts';
import { containerConfigOf } from './container-config.ts';
import type { PodContainer } from './container-kinds.ts';
import type { ImagePuller } from './image-puller.ts';
import { runHook } from './lifecycle-hooks.ts';
import type { PodEvents } from './pod-events.ts';
import type { PodFiles, PodNetworkFiles } from './pod-files.ts';
import { StartError } from './start-error.ts';

export interface ContainerStarterOptions {
  runtime: RuntimeService;
  images: ImageService;
  puller: ImagePuller;
  files: PodFiles;
  events: PodEvents;
  clock: Clock;
  memoryCapacityBytes: number;
}

export interface StartRequest {
  pod: Pod;
  target: PodContainer;
  sandbox: { id: string; config: PodSandboxConfig };
  restartCount: number;
  mounted: MountedVolumes;
  network: PodNetworkFiles;
  sources: EnvironmentSources;
  pullSecrets: readonly Secret[];
  signal: AbortSignal;
}

/** A `postStart` hook that never ends would block its pod for ever. */
const POST_START_TIMEOUT_MS = 10 * 60_000;

export class ContainerStarter {
  readonly #options: ContainerStarterOptions;

  constructor(options: ContainerStarterOptions) {
    this.#options = options;
  }

  /** Resolves with the id of the container. Throws `StartError`, after the events that go with it. */
  async start(request: StartRequest): Promise<string> {
    const { runtime, events } = this.#options;
    const { pod, target, sandbox, signal } = request;
    const image = await this.#image(request);
    signal.throwIfAborted();
    const config = await this.#config(request, image);
    signal.throwIfAborted();
    const id = await this.#attempt(request, 'CreateContainerError', () =>
      runtime.createContainer(sandbox.id, config, sandbox.config),
    );
    events.normal(pod, 'Created', 'Container created', target);
    await this.#attempt(request, 'RunContainerError', () => runtime.startContainer(id));
    events.normal(pod, 'Started', 'Container started', target);
    await this.#postStart(request, id);
    return id;
  }

  async #image({ pod, target, pullSecrets, signal }: StartRequest): Promise<ImageInfo> {
    const { puller, images, events } = this.#options;
    try {
      const id = await puller.ensure({ pod, target, secrets: pullSecrets, signal });
      const image = await images.imageStatus(id);
      if (image === undefined) throw new StartError('ImageInspectError', `image ${id} is gone`);
      return image;
    } catch (error) {
      if (error instanceof StartError) events.warning(pod, 'Failed', `Error: ${error.reason}`, target);
      throw error;
    }
  }

  async #config(request: StartRequest, image: ImageInfo): Promise<ContainerConfig> {
    const { files, events, memoryCapacityBytes } = this.#options;
    const { pod, target, restartCount, mounted, network, sources } = request;
    try {
      const environment = await makeEnvironment(pod, target.container, sources);
      const own = volumeMountsOf(target.container, mounted, environment);
      for (const [index, mount] of own.entries()) this.#makeSubPath(target.container, index, mount);
      const mounts = withManagedFiles(own, files.managedMounts(pod, target, { restartCount, network }));
      const given = { mounts, devices: volumeDevicesOf(target.container, mounted) };
      return containerConfigOf(pod, target, { restartCount, image, environment, ...given, memoryCapacityBytes });
    } catch (error) {
      const { message } = error as Error;
      events.warning(pod, 'Failed', `Error: ${message}`, target);
      const reason = error instanceof ContainerConfigError ? 'CreateContainerConfigError' : 'CreateContainerError';
      throw new StartError(reason, message, { cause: error });
    }
  }

  #makeSubPath({ name, volumeMounts = [] }: AnyContainer, index: number, mount: Mount): void {
    try {
      this.#options.files.makeSubPath(mount);
    } catch (error) {
      const text = `failed to create subPath directory for volumeMount ${JSON.stringify(volumeMounts[index]?.name)}`;
      throw new ContainerConfigError(`${text} of container ${JSON.stringify(name)}`, { cause: error });
    }
  }

  async #attempt<T>({ pod, target }: StartRequest, reason: string, action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      const { message } = error as Error;
      this.#options.events.warning(pod, 'Failed', `Error: ${message}`, target);
      throw new StartError(reason, message, { cause: error });
    }
  }

  async #postStart({ pod, target, network, signal }: StartRequest, containerId: string): Promise<void> {
    const hook = (target.container as Container).lifecycle?.postStart;
    if (hook === undefined) return;
    const { runtime, events, clock } = this.#options;
    const podIp = network.podIps[0] ?? '';
    try {
      const hookTarget = {
        pod,
        container: target.container,
        containerId,
        podIp,
        timeoutMs: POST_START_TIMEOUT_MS,
        signal,
      };
      // A command cannot be called back; it ends with its container.
      await abortable(runHook({ runtime, clock }, hook, hookTarget), signal);
    } catch (error) {
      signal.throwIfAborted();
      events.warning(pod, 'FailedPostStartHook', 'PostStartHook failed', target);
      events.normal(pod, 'Killing', 'FailedPostStartHook', target);
      const graceSeconds = pod.spec.terminationGracePeriodSeconds ?? 30;
      await abortable(runtime.stopContainer(containerId, graceSeconds), signal);
      throw new StartError('PostStartHookError', (error as Error).message, { cause: error });
    }
  }
}
