/**
 * Pods that wait for a node (`pkg/scheduler/backend/queue/scheduling_queue.go`): those to be tried now (active), those
 * that must wait a while first (backoff), and those that nothing can be done for until something changes
 * (unschedulable).
 *
 * Flow: add → active → pop → (in flight) → done, or `addUnschedulable` → unschedulable → an event that may help, or
 * five minutes → backoff or active.
 * **Invariants:** a pod is in one of the three or in flight, never in two; an event that may help a pod in flight is
 * not lost: it counts when the pod comes back.
 */
import type { Pod } from '../api/core/v1/pod.ts';
import type { Clock } from '../base/clock.ts';
import { keyOf } from '../client/keys.ts';
import type { ClusterEvent } from './cluster-event.ts';
import { waitingPodEvents } from './cluster-event.ts';
import type { Plugin } from './framework.ts';
import { Heap } from './heap.ts';
import type { PodInfo } from './pod-info.ts';
import { podInfoOf } from './pod-info.ts';
import type { QueuedPod } from './queued-pod.ts';
import { UnschedulablePods } from './unschedulable-pods.ts';

export const INITIAL_BACKOFF_MS = 1_000;
export const MAX_BACKOFF_MS = 10_000;
/** Pods that no event has helped for this long are tried again anyway. */
export const MAX_UNSCHEDULABLE_MS = 300_000;
const LEFTOVER_CHECK_MS = 30_000;

export interface SchedulingQueueOptions {
  clock: Clock;
  /** By the scheduler's name in pods: their `preEnqueue`, `less` (the first one's), `events` and `queueingHint`. */
  profiles: ReadonlyMap<string, readonly Plugin[]>;
  backoff?: BackoffLimits;
}

/** How long a pod waits after its first failure, and at most. */
export interface BackoffLimits {
  initialMs: number;
  maxMs: number;
}

const DEFAULT_BACKOFF: BackoffLimits = { initialMs: INITIAL_BACKOFF_MS, maxMs: MAX_BACKOFF_MS };

export type FailedAttempt = { type: 'rejected'; rejectors: ReadonlySet<string> } | { type: 'error' };

interface InFlight {
  queued: QueuedPod;
  events: ClusterEvent[];
  /** To be tried again whatever happened. */
  isReleased: boolean;
}

const NONE: ReadonlySet<string> = new Set();
const NO_PLUGINS: ReadonlyMap<string, Plugin> = new Map();

export class SchedulingQueue {
  readonly #clock: Clock;
  readonly #limits: BackoffLimits;
  /** By name, for each profile. */
  readonly #profiles: ReadonlyMap<string, ReadonlyMap<string, Plugin>>;
  readonly #active: Heap<QueuedPod>;
  readonly #backoff: Heap<QueuedPod>;
  /** Those that back off after an error, to spare the API server: they wait to the end. */
  readonly #errorBackoff: Heap<QueuedPod>;
  readonly #unschedulable: UnschedulablePods;
  /** By uid. */
  readonly #inFlight = new Map<string, InFlight>();
  #sequence = 0;
  #wake: (() => void) | undefined;
  /** Told to wake while nobody waited. */
  #isAwake = false;

  constructor({ clock, profiles, backoff = DEFAULT_BACKOFF }: SchedulingQueueOptions) {
    this.#clock = clock;
    this.#limits = backoff;
    this.#profiles = new Map([...profiles].map(([name, plugins]) => [name, byName(plugins)]));
    this.#unschedulable = new UnschedulablePods((pod) => this.#pluginsOf(pod));
    const sort = [...profiles.values()].flat().find(({ less }) => less !== undefined);
    const key = ({ podInfo }: QueuedPod): string => podInfo.key;
    const inOrder = (a: QueuedPod, b: QueuedPod): boolean => {
      if (sort?.less?.(a, b) === true) return true;
      if (sort?.less?.(b, a) === true) return false;
      return a.sequence < b.sequence;
    };
    const byBackoff = (a: QueuedPod, b: QueuedPod): boolean => this.#backoffEndMs(a) < this.#backoffEndMs(b);
    this.#active = new Heap({ keyOf: key, less: inOrder });
    this.#backoff = new Heap({ keyOf: key, less: byBackoff });
    this.#errorBackoff = new Heap({ keyOf: key, less: byBackoff });
  }

  /** Pods in each queue. */
  get counts(): { active: number; backoff: number; unschedulable: number; inFlight: number } {
    return {
      active: this.#active.size,
      backoff: this.#backoff.size + this.#errorBackoff.size,
      unschedulable: this.#unschedulable.size,
      inFlight: this.#inFlight.size,
    };
  }

  /** A new pod without a node. */
  add(pod: Pod): void {
    const queued: QueuedPod = {
      podInfo: podInfoOf(pod),
      timestampMs: this.#clock.now(),
      sequence: this.#sequence++,
      attempts: 0,
      unschedulableCount: 0,
      errorCount: 0,
      rejectors: NONE,
      gatedBy: undefined,
    };
    this.delete(queued.podInfo.key);
    this.#enqueue(queued);
  }

  /** A pod without a node has changed. It is tried again if the change may help. */
  update(previous: Pod, pod: Pod): void {
    const inFlight = this.#inFlight.get(pod.metadata.uid ?? '');
    if (inFlight !== undefined) {
      inFlight.events.push(...waitingPodEvents(previous, pod));
      return;
    }
    const key = keyOf(pod);
    const queued = this.#find(key);
    if (queued === undefined) return this.add(pod);
    queued.podInfo = podInfoOf(pod);
    if (this.#active.get(key) !== undefined) return this.#active.set(queued);
    if (this.#unschedulable.get(key) === undefined) return;
    const helps = waitingPodEvents(previous, pod).some((event) => this.#unschedulable.mayHelp(queued, event));
    if (helps) this.#requeue(queued);
  }

  /** The pod is gone, or has a node. A pod in flight is left to whoever has it. */
  delete(key: string): void {
    this.#active.delete(key);
    this.#backoff.delete(key);
    this.#errorBackoff.delete(key);
    this.#unschedulable.delete(key);
  }

  /**
   * The next pod, which is in flight from now on: to be followed by `done` or `addUnschedulable`. Pods that back off
   * for being unschedulable are handed out early when nothing else is to do (`SchedulerPopFromBackoffQ`).
   */
  pop(): QueuedPod | undefined {
    this.#flushBackoff();
    const queued = this.#active.pop() ?? this.#backoff.pop();
    if (queued === undefined) return undefined;
    queued.attempts++;
    this.#inFlight.set(queued.podInfo.uid, { queued, events: [], isReleased: false });
    return queued;
  }

  /** The pod in flight needs the queue no more. */
  done(uid: string): void {
    this.#inFlight.delete(uid);
  }

  /** The attempt failed; `pod` is the pod as it is now. */
  addUnschedulable(queued: QueuedPod, pod: Pod, attempt: FailedAttempt): void {
    const { uid } = queued.podInfo;
    const { events, isReleased } = this.#inFlight.get(uid) ?? { events: [], isReleased: false };
    this.#inFlight.delete(uid);
    if (this.#find(keyOf(pod)) !== undefined) return;
    queued.podInfo = podInfoOf(pod);
    queued.timestampMs = this.#clock.now();
    if (attempt.type === 'error') {
      queued.errorCount++;
      queued.rejectors = NONE;
      return this.#enqueue(queued);
    }
    queued.errorCount = 0;
    queued.unschedulableCount++;
    queued.rejectors = attempt.rejectors;
    this.#unschedulable.set(queued);
    if (isReleased || events.some((event) => this.#unschedulable.mayHelp(queued, event))) this.#requeue(queued);
  }

  /** Something has happened in the cluster: pods that it may help are tried again. */
  moveAll(event: ClusterEvent): void {
    this.#move(event, () => true);
  }

  /**
   * The pod gives up a node that it was nominated for: for those that had to leave it room it is as if a pod had gone
   * (`getLEPriorityPreCheck`).
   */
  moveBehind({ pod, uid, priority }: PodInfo): void {
    this.#move({ name: 'AssignedPodDelete', pod }, (other) => other.uid !== uid && other.priority <= priority);
  }

  /**
   * What kept the pod out of the queue may be over: it comes in if an event that may help it came meanwhile, and with
   * `again` in any case.
   */
  release({ key, uid }: PodInfo, again: boolean): void {
    const inFlight = this.#inFlight.get(uid);
    if (inFlight !== undefined) inFlight.isReleased ||= again;
    const queued = this.#unschedulable.get(key);
    if (queued?.podInfo.uid === uid && (again || queued.gatedBy !== undefined)) this.#requeue(queued);
  }

  /** Pods that have been unschedulable for five minutes are tried again. */
  flushLeftovers(): void {
    const limit = this.#clock.now() - MAX_UNSCHEDULABLE_MS;
    const due = [...this.#unschedulable.values()].filter(
      ({ gatedBy, timestampMs }) => gatedBy === undefined && timestampMs < limit,
    );
    for (const queued of due) this.#requeue(queued);
  }

  /** Ends a wait for pods: the present one, or else the next. */
  wake(): void {
    if (this.#wake === undefined) this.#isAwake = true;
    else this.#wake();
  }

  /** Resolves when `pop` may have something, after `wake`, or when the signal aborts. For one caller at a time. */
  async waitForPod(signal: AbortSignal): Promise<void> {
    const isAwake = this.#isAwake;
    this.#isAwake = false;
    if (isAwake || signal.aborted || this.#active.size + this.#backoff.size > 0) return;
    await new Promise<void>((resolve) => {
      const next = this.#errorBackoff.peek();
      const delayMs = next === undefined ? undefined : Math.max(0, this.#backoffEndMs(next) - this.#clock.now());
      const cancel = delayMs === undefined ? undefined : this.#clock.setTimeout(finish, delayMs);
      signal.addEventListener('abort', finish, { once: true });
      this.#wake = finish;
      function finish(): void {
        cancel?.();
        signal.removeEventListener('abort', finish);
        resolve();
      }
    });
    this.#wake = undefined;
  }

  /** Starts the check for leftovers; ends with the signal. */
  start(signal: AbortSignal): void {
    const stop = this.#clock.setInterval(() => this.flushLeftovers(), LEFTOVER_CHECK_MS);
    signal.addEventListener('abort', stop, { once: true });
  }

  #find(key: string): QueuedPod | undefined {
    return (
      this.#active.get(key) ?? this.#backoff.get(key) ?? this.#errorBackoff.get(key) ?? this.#unschedulable.get(key)
    );
  }

  #move(event: ClusterEvent, concerns: (podInfo: PodInfo) => boolean): void {
    for (const { queued, events } of this.#inFlight.values()) if (concerns(queued.podInfo)) events.push(event);
    for (const queued of this.#unschedulable.helpedBy(event)) if (concerns(queued.podInfo)) this.#requeue(queued);
  }

  /** Out of the unschedulable ones. */
  #requeue(queued: QueuedPod): void {
    this.#unschedulable.delete(queued.podInfo.key);
    this.#enqueue(queued);
  }

  #enqueue(queued: QueuedPod): void {
    queued.gatedBy = this.#gateOf(queued.podInfo.pod);
    if (queued.gatedBy !== undefined) {
      this.#unschedulable.set(queued);
      return;
    }
    if (this.#backoffEndMs(queued) <= this.#clock.now()) this.#active.set(queued);
    else if (queued.errorCount > 0) this.#errorBackoff.set(queued);
    else this.#backoff.set(queued);
    this.#wake?.();
  }

  #gateOf(pod: Pod): string | undefined {
    for (const plugin of this.#pluginsOf(pod).values()) {
      if (plugin.preEnqueue?.(pod) !== undefined) return plugin.name;
    }
    return undefined;
  }

  #pluginsOf({ spec }: Pod): ReadonlyMap<string, Plugin> {
    return this.#profiles.get(spec.schedulerName ?? '') ?? NO_PLUGINS;
  }

  #backoffEndMs({ timestampMs, errorCount, unschedulableCount }: QueuedPod): number {
    return timestampMs + backoffMs(errorCount > 0 ? errorCount : unschedulableCount, this.#limits);
  }

  #flushBackoff(): void {
    const now = this.#clock.now();
    for (const heap of [this.#backoff, this.#errorBackoff]) {
      for (let first = heap.peek(); first !== undefined && this.#backoffEndMs(first) <= now; first = heap.peek()) {
        heap.pop();
        this.#active.set(first);
      }
    }
  }
}

/** After the first failure the initial time, twice as long after each further one, up to the limit. */
export function backoffMs(failures: number, { initialMs, maxMs }: BackoffLimits = DEFAULT_BACKOFF): number {
  return failures === 0 ? 0 : Math.min(initialMs * 2 ** (failures - 1), maxMs);
}

function byName(plugins: readonly Plugin[]): ReadonlyMap<string, Plugin> {
  return new Map(plugins.map((plugin) => [plugin.name, plugin]));
}
