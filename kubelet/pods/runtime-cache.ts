/**
 * What the runtime has, by pod: one listing shared by all pod workers, renewed when the runtime reports a change, when
 * a worker has changed something, and at least every few seconds (upstream: the PLEG, `pkg/kubelet/pleg`).
 */
import type { Clock } from '../../base/clock.ts';
import { sleep } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { RuntimeService } from '../runtime.ts';
import { emptyRuntimePod, groupByPod } from './runtime-pod.ts';
import type { RuntimePod } from './runtime-pod.ts';

const RELIST_PERIOD_MS = 5_000;
const RETRY_EVENTS_MS = 1_000;

export interface RuntimeCacheOptions {
  runtime: RuntimeService;
  clock: Clock;
  log: Logger;
  /** Called for each pod whose sandboxes or containers changed, disappeared or appeared. */
  onChange(uid: string): void;
}

export class RuntimeCache {
  readonly #options: RuntimeCacheOptions;
  #pods = new Map<string, RuntimePod>();
  #fingerprints = new Map<string, string>();
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  #lastListMs = -Infinity;
  #lastError: unknown;

  constructor(options: RuntimeCacheOptions) {
    this.#options = options;
  }

  /** As of the last listing. */
  get(uid: string): RuntimePod {
    return this.#pods.get(uid) ?? emptyRuntimePod(uid);
  }

  uids(): string[] {
    return [...this.#pods.keys()];
  }

  /** When the runtime last answered, by the monotonic clock. */
  get lastListMs(): number {
    return this.#lastListMs;
  }

  get lastError(): unknown {
    return this.#lastError;
  }

  /** Resolves when a listing that began after this call is in; calls that wait for the same one share it. */
  refresh(): Promise<void> {
    if (this.#running === undefined) return this.#start();
    this.#next ??= this.#running
      .catch(() => undefined)
      .then(() => {
        this.#next = undefined;
        return this.#start();
      });
    return this.#next;
  }

  /** Follows the runtime until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const following = this.#follow(signal);
    while (!signal.aborted) {
      await sleep(clock, RELIST_PERIOD_MS, signal);
      if (!signal.aborted) await this.#refreshQuietly();
    }
    await following;
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { runtime, clock, log } = this.#options;
    while (!signal.aborted) {
      try {
        // Changes of several pods at once come as one listing: it is asked for without waiting for it.
        for await (const _event of runtime.events(signal)) void this.#refreshQuietly();
      } catch (error) {
        log.warn('lost the events of the container runtime', { error: String(error) });
      }
      await sleep(clock, RETRY_EVENTS_MS, signal);
      if (!signal.aborted) await this.#refreshQuietly();
    }
  }

  async #refreshQuietly(): Promise<void> {
    try {
      await this.refresh();
    } catch (error) {
      this.#options.log.warn('cannot list the containers', { error: String(error) });
    }
  }

  #start(): Promise<void> {
    this.#running = this.#list().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #list(): Promise<void> {
    const { runtime, clock } = this.#options;
    try {
      const [sandboxes, containers] = await Promise.all([runtime.listPodSandboxes(), runtime.listContainers()]);
      this.#take(groupByPod(sandboxes, containers));
      this.#lastListMs = clock.monotonicMs();
      this.#lastError = undefined;
    } catch (error) {
      this.#lastError = error;
      throw error;
    }
  }

  #take(pods: Map<string, RuntimePod>): void {
    const fingerprints = new Map([...pods].map(([uid, pod]) => [uid, fingerprintOf(pod)]));
    const changed = new Set<string>();
    for (const [uid, text] of fingerprints) if (this.#fingerprints.get(uid) !== text) changed.add(uid);
    for (const uid of this.#fingerprints.keys()) if (!fingerprints.has(uid)) changed.add(uid);
    this.#pods = pods;
    this.#fingerprints = fingerprints;
    for (const uid of changed) this.#options.onChange(uid);
  }
}

function fingerprintOf({ sandboxes, containers }: RuntimePod): string {
  const parts = sandboxes.map(({ id, state, ips }) => `${id}${state}${ips.join()}`);
  for (const { id, state } of containers) parts.push(`${id}${state}`);
  return parts.join('|');
}
