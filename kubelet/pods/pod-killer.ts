/**
 * Stops containers and pods with grace (upstream `kuberuntime_container.go`, `killContainer`): `preStop`, the stop
 * signal, and the kill when the grace is over. Sidecars get their signal after everything else has ended, the last
 * started first, but run their `preStop` along with the others.
 */
import type { Container, Pod } from '../../api/core/v1/pod/types.ts';
import type { Clock } from '../../base/clock.ts';
import { sleep } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { ContainerInfo, RuntimeService } from '../runtime.ts';
import { abortable } from './abortable.ts';
import { findPodContainer } from './container-kinds.ts';
import type { KillReason } from './container-verdicts.ts';
import { runHook } from './lifecycle-hooks.ts';
import type { PodEvents } from './pod-events.ts';
import { containerName } from './runtime-pod.ts';
import type { RuntimePod } from './runtime-pod.ts';

export interface PodKillerOptions {
  runtime: RuntimeService;
  clock: Clock;
  events: PodEvents;
  log: Logger;
  /** Called before the containers of a pod get their signal; takes it out of Services. */
  beforeStop?: ((podIp: string) => Promise<void>) | undefined;
}

export interface KillRequest {
  info: ContainerInfo;
  /** Of the event. */
  message: string;
  reason: KillReason;
  graceSeconds: number;
  podIp: string;
  signal: AbortSignal;
}

/** Even a container whose grace is used up is asked to end before it is killed. */
const MIN_GRACE_SECONDS = 2;
const BEFORE_STOP_TIMEOUT_MS = 2_000;

export class PodKiller {
  readonly #options: PodKillerOptions;
  /** Pods whose `beforeStop` has been called. */
  readonly #announced = new Map<string, Promise<void>>();
  /** Containers whose `preStop` has been run. */
  readonly #preStopped = new Map<string, Promise<void>>();

  constructor(options: PodKillerOptions) {
    this.#options = options;
  }

  /**
   * Resolves when the container has ended. Its signal waits for `before` as long as the grace lasts. Rejects when the
   * request's signal aborts; what was begun goes on.
   */
  async killContainer(pod: Pod, request: KillRequest, before: Promise<unknown> = Promise.resolve()): Promise<void> {
    const { runtime, clock, events } = this.#options;
    const { info, message, reason, graceSeconds, signal } = request;
    const target = findPodContainer(pod, containerName(info));
    events.normal(pod, 'Killing', message, target);
    const startMs = clock.monotonicMs();
    if (graceSeconds > 0) {
      const isReady = Promise.all([before, this.#preStop(pod, request)]);
      await abortable(this.#atMost(graceSeconds * 1000, isReady), signal);
    }
    const usedSeconds = Math.floor((clock.monotonicMs() - startMs) / 1000);
    const isForced = reason === 'deleted' && graceSeconds < MIN_GRACE_SECONDS;
    const left = isForced ? graceSeconds : Math.max(MIN_GRACE_SECONDS, graceSeconds - usedSeconds);
    await abortable(runtime.stopContainer(info.id, left), signal);
  }

  /** Stops all containers and then the sandboxes. Repeatable, with a shorter grace. */
  async killPod(
    pod: Pod,
    runtimePod: RuntimePod,
    request: { graceSeconds: number; reason: KillReason; signal: AbortSignal },
  ): Promise<void> {
    const { runtime } = this.#options;
    const { graceSeconds, reason, signal } = request;
    const alive = runtimePod.containers.filter(({ state }) => state !== 'exited');
    const isSidecar = (info: ContainerInfo): boolean => findPodContainer(pod, containerName(info))?.role === 'sidecar';
    const podIp = runtimePod.sandboxes[0]?.ips[0] ?? '';
    const announced =
      reason === 'deleted' && alive.length > 0 ? this.#announce(pod.metadata.uid ?? '', podIp) : Promise.resolve();
    const kill = (info: ContainerInfo, turn: Promise<unknown>): Promise<void> => {
      const message = `Stopping container ${containerName(info)}`;
      const before = Promise.all([announced, turn]);
      return this.killContainer(pod, { info, message, reason, graceSeconds, podIp, signal }, before);
    };
    const kills = alive.filter((info) => !isSidecar(info)).map((info) => kill(info, Promise.resolve()));
    for (const sidecar of sidecarsInReverse(pod, alive.filter(isSidecar))) {
      kills.push(kill(sidecar, Promise.allSettled(kills)));
    }
    await all(kills);
    await all(runtimePod.sandboxes.map(({ id }) => runtime.stopPodSandbox(id)));
    for (const { id } of runtimePod.containers) this.#preStopped.delete(id);
  }

  forgetPod(uid: string): void {
    this.#announced.delete(uid);
  }

  async #atMost(delayMs: number, promise: Promise<unknown>): Promise<void> {
    const done = new AbortController();
    await Promise.race([promise, sleep(this.#options.clock, delayMs, done.signal)]).finally(() => done.abort());
  }

  #announce(uid: string, podIp: string): Promise<void> {
    const { beforeStop, clock, log } = this.#options;
    if (beforeStop === undefined || podIp === '') return Promise.resolve();
    let announced = this.#announced.get(uid);
    if (announced === undefined) {
      const told = beforeStop(podIp).catch((error: unknown) =>
        log.warn('cannot announce that a pod stops', { uid, error: String(error) }),
      );
      announced = Promise.race([told, sleep(clock, BEFORE_STOP_TIMEOUT_MS)]);
      this.#announced.set(uid, announced);
    }
    return announced;
  }

  /** Once for each container, however often the kill is tried. */
  #preStop(pod: Pod, request: KillRequest): Promise<void> {
    const { info, graceSeconds, podIp } = request;
    const target = findPodContainer(pod, containerName(info));
    const hook = (target?.container as Container | undefined)?.lifecycle?.preStop;
    if (target === undefined || hook === undefined || info.state !== 'running') return Promise.resolve();
    let running = this.#preStopped.get(info.id);
    if (running === undefined) {
      running = this.#runPreStop(pod, { target, hook, info, graceSeconds, podIp });
      this.#preStopped.set(info.id, running);
    }
    return running;
  }

  async #runPreStop(
    pod: Pod,
    hookRun: Pick<KillRequest, 'info' | 'graceSeconds' | 'podIp'> & {
      target: NonNullable<ReturnType<typeof findPodContainer>>;
      hook: NonNullable<NonNullable<Container['lifecycle']>['preStop']>;
    },
  ): Promise<void> {
    const { runtime, clock, events } = this.#options;
    const { target, hook, info, graceSeconds, podIp } = hookRun;
    const timeoutMs = graceSeconds * 1000;
    const timeout = new AbortController();
    const cancel = clock.setTimeout(() => timeout.abort(new Error('the grace period is over')), timeoutMs);
    try {
      const request = {
        pod,
        container: target.container,
        containerId: info.id,
        podIp,
        timeoutMs,
        signal: timeout.signal,
      };
      await abortable(runHook({ runtime, clock }, hook, request), timeout.signal);
    } catch {
      if (!timeout.signal.aborted) events.warning(pod, 'FailedPreStopHook', 'PreStopHook failed', target);
    } finally {
      cancel();
    }
  }
}

/** Waits for every one, and only then fails with the first error. */
async function all(promises: readonly Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(promises);
  const failed = results.find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

function sidecarsInReverse(pod: Pod, alive: readonly ContainerInfo[]): ContainerInfo[] {
  const order = (pod.spec.initContainers ?? []).map(({ name }) => name);
  return [...alive].sort((a, b) => order.indexOf(containerName(b)) - order.indexOf(containerName(a)));
}
