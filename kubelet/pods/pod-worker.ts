/**
 * One pod's life on the node (upstream `pkg/kubelet/pod_workers.go`): a level-triggered state machine that is poked
 * whenever something may have changed, and looks at everything anew each time.
 *
 * ```
 * syncing ──(deleted, ended, over its deadline, refused)──► terminating ──(nothing runs)──► terminated ──► finished
 * ```
 *
 * **Invariants:** one step at a time; a phase never goes back; a pod is deleted from the API only when nothing of it
 * runs and its volumes are gone.
 */
import { setMaxListeners } from 'node:events';
import type { Pod, PodStatus } from '../../api/core/v1/pod/types.ts';
import type { ContainerInfo } from '../runtime.ts';
import { KUBELET_CONDITIONS } from '../status/conditions.ts';
import { generatePodStatus } from '../status/pod-status.ts';
import { collectGarbage } from './container-gc.ts';
import { podGraceSeconds, remainingActiveMs } from './pod-deadlines.ts';
import type { FirstLook } from './pod-deadlines.ts';
import type { Admission } from './pod-admission.ts';
import type { PodMachinery } from './pod-machinery.ts';
import { PodSync, VolumesNotReady } from './pod-sync.ts';

export type PodPhaseOfWork = 'syncing' | 'terminating' | 'terminated' | 'finished';

/** Why the kubelet has ended a pod. */
interface PodVerdict {
  reason: string;
  message: string;
  /** At most. */
  graceSeconds?: number;
}

export interface PodWorkerOptions {
  admission: Admission | Promise<Admission>;
  onFinished: () => void;
}

const RESYNC_MS = 60_000;
const FIRST_RETRY_MS = 500;
const MAX_RETRY_MS = 60_000;
/** `immediateEvictionGracePeriodSeconds` */
const EVICTION_GRACE_SECONDS = 1;

export class PodWorker {
  readonly uid: string;
  readonly #machinery: PodMachinery;
  readonly #sync: PodSync;
  readonly #terminationMessages = new Map<string, string>();
  #pod: Pod;
  #phase: PodPhaseOfWork = 'syncing';
  #verdict: PodVerdict | undefined;
  #admission: Admission | Promise<Admission>;
  /** The status of a pod that the node does not take. */
  #refused: PodStatus | undefined;
  #isRemoved = false;
  #isPoked = false;
  #isStopped = false;
  #running: Promise<void> | undefined;
  #cancelTimer: () => void = () => undefined;
  /** Ends the step that is under way. */
  #interrupt = newInterrupt();
  #failedSteps = 0;
  readonly #onFinished: () => void;
  readonly #since: FirstLook;

  constructor(pod: Pod, machinery: PodMachinery, { admission, onFinished }: PodWorkerOptions) {
    this.uid = pod.metadata.uid ?? '';
    this.#pod = pod;
    this.#machinery = machinery;
    this.#sync = new PodSync(machinery);
    this.#onFinished = onFinished;
    this.#admission = admission;
    if (!(admission instanceof Promise)) this.#refused = admission;
    this.#since = { wallMs: machinery.clock.now(), monotonicMs: machinery.clock.monotonicMs() };
    if (pod.metadata.deletionTimestamp !== undefined) this.#phase = 'terminating';
  }

  get pod(): Pod {
    return this.#pod;
  }

  get phase(): PodPhaseOfWork {
    return this.#phase;
  }

  /** Holds something of the node, or soon will. What is gone from the API is not counted, by the scheduler neither. */
  get isActive(): boolean {
    const isHolding = this.#phase === 'syncing' || this.#phase === 'terminating';
    return isHolding && !this.#isRemoved && !this.#isRefused && !hasEnded(this.#pod.status);
  }

  /** The pod has changed in the API. */
  update(pod: Pod): void {
    const isShorter = podGraceSeconds(pod) < podGraceSeconds(this.#pod);
    this.#pod = pod;
    if (pod.metadata.deletionTimestamp !== undefined) this.#terminate(isShorter);
    this.poke();
  }

  /** The pod is gone from the API: what is left of it goes too. */
  remove(pod: Pod): void {
    this.#isRemoved = true;
    this.update({
      ...pod,
      metadata: {
        ...pod.metadata,
        deletionTimestamp: pod.metadata.deletionTimestamp ?? new Date(this.#machinery.clock.now()).toISOString(),
      },
    });
  }

  /** Ends the pod at once, as failed, unless it ends already. */
  evict(message: string): void {
    if (this.#phase !== 'syncing' || this.#verdict !== undefined || this.#isRefused) return;
    this.#machinery.events.warning(this.#pod, 'Evicted', message);
    this.#verdict = { reason: 'Evicted', message, graceSeconds: EVICTION_GRACE_SECONDS };
    this.#terminate(false);
    this.poke();
  }

  /** Something may have changed: looks at everything, now or after the step that is under way. */
  poke(): void {
    this.#isPoked = true;
    if (this.#machinery.signal.aborted || this.#isStopped) return;
    this.#running ??= this.#run();
  }

  /** Resolves when the step that is under way has ended. */
  async idle(): Promise<void> {
    await this.#running;
  }

  /** For good: the pod stays as it is. */
  stop(): void {
    this.#isStopped = true;
    this.#cancelTimer();
    this.#interrupt.abort(new Error('the kubelet stops'));
  }

  /** What the pod's status is now, from the runtime's last listing. */
  currentStatus(): PodStatus {
    if (this.#refused !== undefined) return this.#refused;
    const { cache, node, clock, probes, status, allocations } = this.#machinery;
    const pod = this.#withReportedStatus();
    return generatePodStatus({
      pod,
      runtimePod: cache.get(this.uid),
      failures: this.#sync.failures,
      terminationMessages: this.#terminationMessages,
      readiness: probes.readiness(pod),
      resourcesOf: (name) => allocations.resourcesOf(this.uid, name),
      resizeConditions: allocations.conditions(this.uid),
      runtimeName: node.runtimeName,
      nodeIp: node.ip,
      nowMs: clock.now(),
      isTerminal: this.#phase === 'terminated' || this.#phase === 'finished',
      verdict: this.#verdict ?? verdictOf(status.get(this.uid)),
    });
  }

  get #isRefused(): boolean {
    return this.#refused !== undefined;
  }

  #terminate(interruptAlways: boolean): void {
    const wasSyncing = this.#phase === 'syncing';
    if (wasSyncing) this.#phase = 'terminating';
    if (!wasSyncing && !interruptAlways) return;
    this.#interrupt.abort(new Error('the pod terminates'));
    this.#interrupt = newInterrupt();
  }

  async #run(): Promise<void> {
    const { signal } = this.#machinery;
    // Not in the caller's stack: a burst of changes becomes one step.
    await Promise.resolve();
    while (this.#isPoked && !this.#isStopped && !signal.aborted && this.#phase !== 'finished') {
      this.#isPoked = false;
      this.#cancelTimer();
      const interrupt = this.#interrupt.signal;
      try {
        const afterMs = await this.#step(interrupt);
        this.#failedSteps = 0;
        this.#wakeAfter(afterMs ?? RESYNC_MS);
      } catch (error) {
        if (interrupt.aborted) this.#isPoked = true;
        else this.#onFailure(error);
      }
    }
    // In the same turn as the last look at the flag.
    this.#running = undefined;
  }

  #wakeAfter(delayMs: number): void {
    this.#cancelTimer();
    if (this.#machinery.signal.aborted || this.#isStopped) return;
    this.#cancelTimer = this.#machinery.clock.setTimeout(() => this.poke(), delayMs);
  }

  #onFailure(error: unknown): void {
    const { log } = this.#machinery;
    const { namespace, name } = this.#pod.metadata;
    const fields = {
      pod: { kind: 'Pod', namespace, name },
      error: error instanceof Error ? (error.stack ?? error.message) : String(error),
    };
    if (error instanceof VolumesNotReady) log.debug('the volumes of a pod are not ready', fields);
    else log.warn('cannot sync a pod', fields);
    this.#wakeAfter(Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(this.#failedSteps++, 10)));
  }

  async #step(interrupt: AbortSignal): Promise<number | undefined> {
    await this.#machinery.cache.refresh();
    await this.#readTerminationMessages();
    if (this.#phase === 'syncing') return this.#stepSync(interrupt);
    if (this.#phase === 'terminating') await this.#stepTerminate(interrupt);
    if (this.#phase === 'terminated') await this.#stepCleanUp();
    return undefined;
  }

  async #stepSync(interrupt: AbortSignal): Promise<number | undefined> {
    const { probes, cache, clock, allocations } = this.#machinery;
    this.#refused = await this.#admission;
    const deadlineMs = this.#judge();
    allocations.observe(this.#pod, cache.get(this.uid));
    // First: of containers that ran before the kubelet did, they know what the API was told.
    if (this.#verdict === undefined && !this.#isRefused) probes.addPod(this.#withReportedStatus());
    const status = this.#report();
    if (this.#verdict !== undefined || hasEnded(status)) {
      this.#phase = 'terminating';
      this.#isPoked = true;
      return undefined;
    }
    try {
      const { retryAfterMs } = await this.#sync.sync(allocations.granted(this.#withReportedStatus()), interrupt);
      const renewalMs = this.#machinery.tokens.nextRenewalMs(this.uid);
      const waits = [
        retryAfterMs,
        deadlineMs,
        renewalMs === undefined ? undefined : Math.max(1_000, renewalMs - clock.now()),
      ];
      return Math.min(RESYNC_MS, ...waits.filter((wait) => wait !== undefined));
    } finally {
      if (!interrupt.aborted) {
        await cache.refresh();
        await this.#readTerminationMessages();
        if (this.#phase === 'syncing') {
          allocations.observe(this.#pod, cache.get(this.uid));
          this.#report();
        }
        probes.poke(this.uid);
        const { runtime, files } = this.#machinery;
        const removeFiles = (info: ContainerInfo): Promise<void> => files.removeContainerFiles(this.uid, info);
        await collectGarbage(cache.get(this.uid), { runtime, removeFiles });
      }
    }
  }

  /** Whether the pod may run on; returns how long its deadline is away. */
  #judge(): number | undefined {
    const { clock, events, status } = this.#machinery;
    const elapsed = { since: this.#since, nowMonotonicMs: clock.monotonicMs() };
    const remainingMs = remainingActiveMs(this.#pod, status.get(this.uid)?.startTime, elapsed);
    if (remainingMs === undefined || remainingMs > 0 || this.#verdict !== undefined) return remainingMs;
    const message = 'Pod was active on the node longer than the specified deadline';
    events.normal(this.#pod, 'DeadlineExceeded', message);
    this.#verdict = { reason: 'DeadlineExceeded', message };
    return undefined;
  }

  async #stepTerminate(interrupt: AbortSignal): Promise<void> {
    const { killer, cache, probes, allocations } = this.#machinery;
    const isDeleted = this.#pod.metadata.deletionTimestamp !== undefined;
    probes.stopLivenessAndStartup(this.uid);
    this.#report();
    const runtimePod = cache.get(this.uid);
    const reason = isDeleted ? 'deleted' : 'pod-ended';
    await killer.killPod(this.#pod, runtimePod, {
      graceSeconds: Math.min(podGraceSeconds(this.#pod), this.#verdict?.graceSeconds ?? Infinity),
      reason,
      signal: interrupt,
    });
    await cache.refresh();
    const alive = cache.get(this.uid).containers.filter(({ state }) => state === 'running');
    if (alive.length > 0) throw new Error(`containers still run: ${alive.map(({ id }) => id).join(', ')}`);
    await this.#readTerminationMessages();
    probes.removePod(this.uid);
    this.#phase = 'terminated';
    allocations.retry();
    this.#report();
  }

  async #stepCleanUp(): Promise<void> {
    const { files, objects, tokens, status, killer, puller, crashBackoff, allocations } = this.#machinery;
    await files.removeVolumes(this.uid);
    allocations.forget(this.uid);
    objects.unregister(this.uid);
    tokens.forget(this.uid);
    killer.forgetPod(this.uid);
    puller.forgetPod(this.uid);
    crashBackoff.forget(`${this.uid}_`);
    if (this.#pod.metadata.deletionTimestamp === undefined) return;
    if (!this.#isRemoved) {
      status.delete(this.#pod);
      return;
    }
    status.forget(this.uid);
    await this.#removeFromNode();
    this.#phase = 'finished';
    this.#cancelTimer();
    this.#onFinished();
  }

  async #removeFromNode(): Promise<void> {
    const { runtime, cache, files } = this.#machinery;
    const { containers, sandboxes } = cache.get(this.uid);
    for (const { id } of containers) await runtime.removeContainer(id);
    for (const { id } of sandboxes) await runtime.removePodSandbox(id);
    await files.removeLogs(this.#pod);
  }

  #report(): PodStatus {
    const status = this.currentStatus();
    // Of a pod that is gone nobody wants to know.
    if (!this.#isRemoved) this.#machinery.status.set(this.#pod, status);
    return status;
  }

  /** The pod with the status that was reported last, which the API may not have sent back yet. */
  #withReportedStatus(): Pod {
    const reported = this.#machinery.status.get(this.uid);
    if (reported === undefined) return this.#pod;
    // Conditions of others come with the pod from the API only.
    const foreign = (this.#pod.status?.conditions ?? []).filter(({ type }) => !KUBELET_CONDITIONS.has(type));
    const kept = (reported.conditions ?? []).filter(({ type }) => KUBELET_CONDITIONS.has(type));
    // An end that somebody else has written stands: a pod that has ended never comes back.
    const known = this.#pod.status ?? {};
    const end = hasEnded(known) && !hasEnded(reported) ? { phase: known.phase! } : {};
    return { ...this.#pod, status: { ...known, ...reported, ...end, conditions: [...kept, ...foreign] } };
  }

  async #readTerminationMessages(): Promise<void> {
    const { cache, files } = this.#machinery;
    const { containers } = cache.get(this.uid);
    for (const info of containers) {
      if (info.state !== 'exited' || this.#terminationMessages.has(info.id)) continue;
      this.#terminationMessages.set(info.id, await files.terminationMessage(this.uid, info));
    }
    const present = new Set(containers.map(({ id }) => id));
    for (const id of this.#terminationMessages.keys()) if (!present.has(id)) this.#terminationMessages.delete(id);
  }
}

function hasEnded(status: PodStatus | undefined): boolean {
  return status?.phase === 'Succeeded' || status?.phase === 'Failed';
}

/** A pod that was ended by the kubelet stays so. */
function verdictOf(status: PodStatus | undefined): PodVerdict | undefined {
  if (status?.phase !== 'Failed' || status.reason === undefined) return undefined;
  return { reason: status.reason, message: status.message ?? '' };
}

/** Each container that is being stopped listens for it. */
function newInterrupt(): AbortController {
  const interrupt = new AbortController();
  setMaxListeners(0, interrupt.signal);
  return interrupt;
}
