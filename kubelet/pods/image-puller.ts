/**
 * Sees to it that an image is on the node before its container is made (upstream
 * `pkg/kubelet/images/image_manager.go`).
 */
import type { Secret } from '../../api/core/v1/secret.ts';
import type { Pod } from '../../api/core/v1/pod/types.ts';
import type { Clock } from '../../base/clock.ts';
import type { PullAccess, PullCredential } from '../images/pull-access.ts';
import type { PullRecords } from '../images/pull-records.ts';
import { parseImageName } from '../images/reference.ts';
import { ImageError } from '../runtime.ts';
import type { ImageService } from '../runtime.ts';
import { abortable } from './abortable.ts';
import { formatGoDuration } from './go-duration.ts';
import type { PodContainer } from './container-kinds.ts';
import type { PodEvents } from './pod-events.ts';
import { pullAuthsFor } from './pull-secrets.ts';
import type { SecretAuth } from './pull-secrets.ts';
import { StartBackoff } from './start-backoff.ts';
import { StartError } from './start-error.ts';

export interface ImagePullerOptions {
  images: ImageService;
  /** Whose credentials pulled what is on the node. */
  records: PullRecords;
  clock: Clock;
  events: PodEvents;
  /** Of the kubelet: a pull goes on when its pod is gone, since the image is likely to be asked for again. */
  signal: AbortSignal;
}

export interface PullRequest {
  pod: Pod;
  target: PodContainer;
  /** Of the pod's `imagePullSecrets`. */
  secrets: readonly Secret[];
  signal: AbortSignal;
}

const IMAGE_BACKOFF = { initialMs: 10_000, maxMs: 300_000 };

export class ImagePuller {
  readonly #options: ImagePullerOptions;
  readonly #backoff: StartBackoff;
  /** What the last pull failed with, by backoff key. */
  readonly #failures = new Map<string, string>();
  /** Pulls of one image under way, so that two containers share one. */
  readonly #pulls = new Map<string, Promise<string>>();

  constructor(options: ImagePullerOptions) {
    this.#options = options;
    this.#backoff = new StartBackoff({ clock: options.clock, ...IMAGE_BACKOFF });
  }

  /** Resolves with the image's id. Throws `StartError` with the reason for the container's waiting state. */
  async ensure(request: PullRequest): Promise<string> {
    const { images, records, events } = this.#options;
    const { pod, target, secrets } = request;
    const image = target.container.image ?? '';
    const present = await this.#inspect(request, image);
    const policy = target.container.imagePullPolicy ?? 'IfNotPresent';
    const quoted = JSON.stringify(image);
    const isUsable = (id: string): boolean => records.mayUse(image, id, credentialsFor(image, secrets));
    if (present !== undefined && policy !== 'Always' && isUsable(present)) {
      events.normal(
        pod,
        'Pulled',
        `Container image ${quoted} already present on machine and can be accessed by the pod`,
        target,
      );
      return present;
    }
    if (policy === 'Never') {
      const message = `Container image ${quoted} is not present with pull policy of Never`;
      events.warning(pod, 'ErrImageNeverPull', message, target);
      throw new StartError('ErrImageNeverPull', message);
    }
    this.#checkBackoff(request, image);
    events.normal(pod, 'Pulling', `Pulling image ${quoted}`, target);
    const startMs = this.#options.clock.monotonicMs();
    const id = await this.#pull(request, image);
    const took = formatGoDuration(this.#options.clock.monotonicMs() - startMs);
    const size = (await images.imageStatus(id))?.sizeBytes ?? 0;
    events.normal(
      pod,
      'Pulled',
      `Successfully pulled image ${quoted} in ${took} (${took} including waiting). Image size: ${size} bytes.`,
      target,
    );
    return id;
  }

  /** How long until the next pull of this container's image is due. */
  remainingMs(pod: Pod, image: string): number {
    return this.#backoff.remainingSinceFailureMs(keyOf(pod, image));
  }

  forgetPod(uid: string): void {
    this.#backoff.forget(`${uid}_`);
    for (const key of this.#failures.keys()) if (key.startsWith(`${uid}_`)) this.#failures.delete(key);
  }

  /** What was pulled and is no longer on the node may come back otherwise: then it is for every pod. */
  async forgetRemoved(): Promise<void> {
    const { images, records } = this.#options;
    await records.prune(async () => (await images.listImages()).map(({ id }) => id));
  }

  async #inspect({ pod, target }: PullRequest, image: string): Promise<string | undefined> {
    const { images, events } = this.#options;
    try {
      // The same for every runtime: a name that is none never gets there.
      parseImageName(image);
      return (await images.imageStatus(image))?.id;
    } catch (error) {
      const isName = error instanceof ImageError && error.reason === 'InvalidImageName';
      const text = (error as Error).message;
      const message = isName ? text : `Failed to inspect image ${JSON.stringify(image)}: ${text}`;
      events.warning(pod, 'InspectFailed', message, target);
      throw new StartError(isName ? 'InvalidImageName' : 'ImageInspectError', message);
    }
  }

  #checkBackoff({ pod, target }: PullRequest, image: string): void {
    const key = keyOf(pod, image);
    if (this.#backoff.remainingSinceFailureMs(key) === 0) return;
    const message = `Back-off pulling image ${JSON.stringify(image)}`;
    this.#options.events.normal(pod, 'BackOff', message, target);
    const cause = this.#failures.get(key);
    throw new StartError('ImagePullBackOff', cause === undefined ? message : `${message}: ${cause}`);
  }

  async #pull(request: PullRequest, image: string): Promise<string> {
    const { pod, target, signal } = request;
    const key = keyOf(pod, image);
    try {
      const id = await abortable(this.#shared(request, image), signal);
      this.#failures.delete(key);
      return id;
    } catch (error) {
      signal.throwIfAborted();
      const text = (error as Error).message;
      const reason = error instanceof ImageError ? error.reason : 'ErrImagePull';
      this.#options.events.warning(pod, 'Failed', `Failed to pull image ${JSON.stringify(image)}: ${text}`, target);
      this.#backoff.next(key, this.#options.clock.now());
      this.#failures.set(key, `${reason}: ${text}`);
      throw new StartError(reason, text);
    }
  }

  /** Without credentials of the pod, a pull that is under way anyway serves this one too. */
  #shared({ secrets }: PullRequest, image: string): Promise<string> {
    const auths = pullAuthsFor(image, secrets);
    if (auths.length > 0) return this.#recorded(image, () => this.#tryEach(image, auths));
    const running = this.#pulls.get(image);
    if (running !== undefined) return running;
    const { images, signal } = this.#options;
    const pull = this.#recorded(image, async () => ({
      id: await images.pullImage(image, undefined, signal),
      access: 'every-pod',
    })).finally(() => this.#pulls.delete(image));
    this.#pulls.set(image, pull);
    return pull;
  }

  /** Whoever asked for it may be gone when it ends: what it says of the image must not be lost. */
  async #recorded(image: string, pull: () => Promise<Pulled>): Promise<string> {
    const { images, records, signal } = this.#options;
    this.#started(image);
    const { id, access } = await pull().catch((error: unknown) => {
      // What was given up may have come all the same.
      if (!signal.aborted) records.failed(image);
      throw error;
    });
    records.succeeded(image, (await images.imageStatus(id))?.id ?? id, access);
    return id;
  }

  #started(image: string): void {
    try {
      this.#options.records.started(image);
    } catch (error) {
      const text = `Failed to record image pull intent for container image ${JSON.stringify(image)}`;
      throw new Error(`${text}: ${(error as Error).message}`, { cause: error });
    }
  }

  async #tryEach(image: string, auths: readonly SecretAuth[]): Promise<Pulled> {
    const { images, signal } = this.#options;
    let failure: unknown;
    for (const { auth, credential } of auths) {
      try {
        return { id: await images.pullImage(image, auth, signal), access: [credential] };
      } catch (error) {
        signal.throwIfAborted();
        failure = error;
      }
    }
    throw failure;
  }
}

interface Pulled {
  id: string;
  access: PullAccess;
}

const credentialsFor = (image: string, secrets: readonly Secret[]): PullCredential[] =>
  pullAuthsFor(image, secrets).map(({ credential }) => credential);

const keyOf = (pod: Pod, image: string): string => `${pod.metadata.uid}_${image}`;
