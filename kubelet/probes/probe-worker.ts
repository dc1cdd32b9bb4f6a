/** Runs one probe of one container, again and again (upstream `pkg/kubelet/prober/worker.go`, `doProbe`). */
import type { AnyContainer, Container, ContainerStatus, Pod, Probe } from '../../api/core/v1/pod/types.ts';
import type { Clock } from '../../base/clock.ts';
import type { PodContainer } from '../pods/container-kinds.ts';
import type { PodEvents } from '../pods/pod-events.ts';
import type { ContainerInfo } from '../runtime.ts';
import { initialProbeState, nextProbeState } from './probe-state.ts';
import type { ProbeState, ProbeType } from './probe-state.ts';
import type { ProbeFunction } from './prober.ts';
import type { StallMonitor } from './stall-monitor.ts';

export interface ProbeContext {
  clock: Clock;
  events: PodEvents;
  probe: ProbeFunction;
  stalls: StallMonitor;
  /** The pod as it is now; undefined once it is gone. */
  pod(uid: string): Pod | undefined;
  /** The newest container of this name. */
  container(uid: string, name: string): ContainerInfo | undefined;
  podIp(uid: string): string;
  isStarted(uid: string, container: AnyContainer, containerId: string): boolean;
  /** The verdict on this container has changed. */
  onVerdict(uid: string, name: string, type: ProbeType): void;
}

export function probeOf(container: AnyContainer, type: ProbeType): Probe | undefined {
  const { startupProbe, readinessProbe, livenessProbe } = container as Container;
  return { startup: startupProbe, readiness: readinessProbe, liveness: livenessProbe }[type];
}

const TITLES: Readonly<Record<ProbeType, string>> = {
  startup: 'Startup',
  readiness: 'Readiness',
  liveness: 'Liveness',
};

export class ProbeWorker {
  readonly type: ProbeType;
  readonly #uid: string;
  readonly #target: PodContainer;
  readonly #context: ProbeContext;
  readonly #stop = new AbortController();
  #state: ProbeState | undefined;
  /** When the container of that state had started, by the monotonic clock: the wall clock may be set meanwhile. */
  #startedMs = 0;
  #cancelTimer: () => void = () => undefined;
  #isProbing = false;

  constructor({ uid, target, type }: { uid: string; target: PodContainer; type: ProbeType }, context: ProbeContext) {
    this.#uid = uid;
    this.#target = target;
    this.type = type;
    this.#context = context;
  }

  get containerName(): string {
    return this.#target.container.name;
  }

  /** Of this very container; undefined before the first look at it. */
  stateOf(containerId: string): ProbeState | undefined {
    return this.#state?.containerId === containerId ? this.#state : undefined;
  }

  /** Looks at the container soon, if it is a new one or `force` is set. Its first state is known at once. */
  poke(force = false): void {
    const { container, pod: findPod } = this.#context;
    const pod = findPod(this.#uid);
    const info = container(this.#uid, this.containerName);
    if (pod === undefined || info?.state !== 'running') return;
    const isNew = this.#state?.containerId !== info.id;
    if (isNew) this.#meet(pod, info);
    if (isNew || force) this.#schedule(0);
  }

  stop(): void {
    this.#stop.abort();
    this.#cancelTimer();
  }

  #schedule(delayMs: number): void {
    if (this.#stop.signal.aborted) return;
    this.#cancelTimer();
    this.#cancelTimer = this.#context.clock.setTimeout(() => void this.#tick(), delayMs);
  }

  async #tick(): Promise<void> {
    if (this.#isProbing) return;
    this.#isProbing = true;
    const periodMs = (this.#spec().periodSeconds ?? 10) * 1000;
    try {
      this.#schedule((await this.#look()) ?? periodMs);
    } finally {
      this.#isProbing = false;
    }
  }

  #spec(): Probe {
    return probeOf(this.#target.container, this.type)!;
  }

  /** One look; returns when to look again, if not after a period. */
  async #look(): Promise<number | undefined> {
    const { clock, pod: findPod, container: findContainer } = this.#context;
    const pod = findPod(this.#uid);
    const info = findContainer(this.#uid, this.containerName);
    if (pod === undefined || info === undefined || info.state === 'created') return undefined;
    if (this.#state?.containerId !== info.id) this.#meet(pod, info);
    if (this.#state!.onHold || info.state !== 'running') return undefined;
    if (pod.metadata.deletionTimestamp !== undefined && this.type !== 'readiness') return undefined;
    const waitMs = this.#startedMs + (this.#spec().initialDelaySeconds ?? 0) * 1000 - clock.monotonicMs();
    if (waitMs > 0) return waitMs;
    const isStarted = this.#context.isStarted(this.#uid, this.#target.container, info.id);
    if (isStarted !== (this.type === 'startup')) await this.#try(pod, info);
    return undefined;
  }

  #meet(pod: Pod, info: ContainerInfo): void {
    const { clock } = this.#context;
    this.#state = this.#firstState(pod, info);
    this.#startedMs = clock.monotonicMs() - Math.max(0, clock.now() - info.startedAtMs);
  }

  /** What the API was told of this container before the kubelet restarted still holds. */
  #firstState(pod: Pod, info: ContainerInfo): ProbeState {
    const state = initialProbeState(this.type, info.id);
    const recorded = recordedStatuses(pod).find(({ containerID }) => containerID?.endsWith(`://${info.id}`) === true);
    const wasGood = this.type === 'startup' ? recorded?.started === true : recorded?.ready === true;
    return wasGood && recorded?.state?.running !== undefined ? { ...state, verdict: 'success' } : state;
  }

  async #try(pod: Pod, info: ContainerInfo): Promise<void> {
    const { stalls, probe, podIp, events } = this.#context;
    const spec = this.#spec();
    const { container } = this.#target;
    const target = { pod, container, containerId: info.id, podIp: podIp(this.#uid), signal: this.#stop.signal };
    const { result: outcome, stalledMs } = await stalls.during(() => probe(spec, target));
    if (this.#stop.signal.aborted || this.#state?.containerId !== info.id) return;
    const title = TITLES[this.type];
    if (outcome.result === 'error') {
      events.warning(
        pod,
        'Unhealthy',
        `${title} probe errored and resulted in unknown state: ${outcome.output}`,
        this.#target,
      );
      return;
    }
    if (outcome.result === 'failure') {
      // Our own slowness is not the container's fault.
      const timeoutMs = (spec.timeoutSeconds ?? 1) * 1000;
      if (stalledMs >= timeoutMs / 2) return;
      events.warning(pod, 'Unhealthy', `${title} probe failed: ${outcome.output}`, this.#target);
    }
    const before = this.#state.verdict;
    this.#state = nextProbeState(this.#state, { type: this.type, probe: spec, result: outcome.result });
    if (this.#state.verdict !== before) this.#context.onVerdict(this.#uid, this.containerName, this.type);
  }
}

function recordedStatuses({ status }: Pod): ContainerStatus[] {
  return [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])];
}
