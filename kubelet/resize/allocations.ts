/**
 * What each pod of the node was granted of processors and memory, and who waits for more (upstream
 * `pkg/kubelet/allocation/allocation_manager.go`). A pod runs with what it was granted, whatever its spec says
 * meanwhile; a resize that does not fit is tried again when another pod gives something back.
 *
 * **Invariant:** of all that was granted, at no time more is given out by resizes than the node has.
 */
import type { Pod, ResourceRequirements } from '../../api/core/v1/pod/types.ts';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { PodEvents } from '../pods/pod-events.ts';
import { findContainer } from '../pods/runtime-pod.ts';
import type { RuntimePod } from '../pods/runtime-pod.ts';
import type { PodCondition } from '../status/conditions.ts';
import type { AllocationStore } from './allocation-store.ts';
import { isSameResources, resizableContainers, withResource } from './container-resources.ts';
import type { Resizable } from './container-resources.ts';
import { isIncreasing, judgeResize } from './judge-resize.ts';
import type { ResizeVerdict } from './judge-resize.ts';
import { inOrder } from './pending-order.ts';
import { asHeld, resourcesOf, withResources } from './pod-allocation.ts';
import type { PodAllocation } from './pod-allocation.ts';
import { conditionOf, recordedCondition } from './resize-conditions.ts';
import type { ResizeState } from './resize-conditions.ts';
import { resizeMessage } from './resize-messages.ts';

export interface AllocationsOptions {
  store: AllocationStore;
  clock: Clock;
  log: Logger;
  events: PodEvents;
  /** Of the node. */
  allocatable: Readonly<Record<string, string>>;
  /** Pods that hold something of the node, or soon will. */
  activePods(): readonly Pod[];
  /** Something has changed for this pod. */
  onChange(uid: string): void;
}

interface Entry {
  /** As its author wants it. */
  pod: Pod;
  allocation: PodAllocation;
  /** To be judged with the next round. */
  isQueued: boolean;
  pending: ResizeState | undefined;
  inProgress: ResizeState | undefined;
}

export class Allocations {
  readonly #options: AllocationsOptions;
  readonly #entries = new Map<string, Entry>();
  #isScheduled = false;

  constructor(options: AllocationsOptions) {
    this.#options = options;
  }

  /** The pod is new, new to this kubelet, or has changed. Judges its resize, if it asks for one, soon. */
  update(pod: Pod): void {
    const entry = this.#entryOf(pod);
    entry.pod = pod;
    entry.isQueued = pod.metadata.deletionTimestamp === undefined && this.granted(pod) !== pod;
    if (entry.isQueued) this.retry();
    else entry.pending = undefined;
  }

  /** The pod with what it was granted. */
  granted(pod: Pod): Pod {
    return withResources(pod, this.#entryOf(pod).allocation.allocated);
  }

  /** The pod with what its containers run with. */
  actual(pod: Pod): Pod {
    const { allocated, actuated } = this.#entryOf(pod).allocation;
    return withResources(pod, { ...allocated, ...actuated });
  }

  /** The other pods that hold something of the node, as they are held. */
  othersThan({ metadata }: Pod): Pod[] {
    const others = this.#options.activePods().filter((other) => other.metadata.uid !== metadata.uid);
    return others.map((other) => {
      const allocation = this.#entries.get(other.metadata.uid ?? '')?.allocation;
      return allocation === undefined ? other : asHeld(other, allocation);
    });
  }

  /** For the status of a container; undefined for one that cannot be resized, and for pods that nobody knows. */
  resourcesOf(
    uid: string,
    name: string,
  ): { allocated: ResourceRequirements; actual: ResourceRequirements } | undefined {
    const { allocated = {}, actuated = {} } = this.#entries.get(uid)?.allocation ?? {};
    const granted = allocated[name];
    return granted === undefined ? undefined : { allocated: granted, actual: actuated[name] ?? granted };
  }

  /** These containers have got what `pod` says, of one resource or of all; meanwhile more may have been granted. */
  actuate(pod: Pod, names: readonly string[], resource?: Resizable): void {
    const entry = this.#entryOf(pod);
    const { allocated, actuated } = entry.allocation;
    const changed = resizableContainers(pod)
      .filter(({ name }) => names.includes(name))
      .map(({ name, resources = {} }) => {
        const before = actuated[name] ?? allocated[name];
        const next = resource === undefined ? resources : withResource(before, resources, resource);
        return [name, before, next] as const;
      })
      .filter(([, before, next]) => !isSameResources(before, next))
      .map(([name, , next]) => [name, next] as const);
    // A start with what was granted, as nearly all are, needs no note.
    if (changed.length === 0) return;
    this.#save(entry, { allocated, actuated: { ...actuated, ...Object.fromEntries(changed) } });
  }

  /** Sees whether running containers still lack what was granted; tells when a resize is done. */
  observe(pod: Pod, runtimePod: RuntimePod): void {
    const entry = this.#entryOf(pod);
    const { generation = 0 } = pod.metadata;
    const lacks = resizableContainers(this.granted(pod)).some(({ name, resources }) => {
      const actual = entry.allocation.actuated[name];
      const isRunning = findContainer(runtimePod, name)?.state === 'running';
      return isRunning && actual !== undefined && !isSameResources(resources, actual);
    });
    if (lacks) {
      entry.inProgress ??= { generation, sinceMs: this.#options.clock.now() };
      return;
    }
    if (entry.inProgress === undefined) return;
    const message = resizeMessage('completed', this.granted(pod), entry.inProgress);
    this.#options.events.normal(pod, 'ResizeCompleted', message);
    entry.inProgress = undefined;
    this.retry();
  }

  /** What was granted could not be given. */
  fail(pod: Pod, error: string): void {
    const { clock, events } = this.#options;
    const entry = this.#entryOf(pod);
    const before = entry.inProgress;
    if (before?.reason === 'Error' && before.message === error) return;
    const generation = before?.generation ?? pod.metadata.generation ?? 0;
    entry.inProgress = { reason: 'Error', message: error, generation, sinceMs: clock.now() };
    events.warning(pod, 'ResizeError', resizeMessage('error', this.granted(pod), { generation, error }));
  }

  /** What the pod's status says of its resize. */
  conditions(uid: string): PodCondition[] {
    const { pending, inProgress } = this.#entries.get(uid) ?? {};
    return [
      ...(pending === undefined ? [] : [conditionOf('PodResizePending', pending)]),
      ...(inProgress === undefined ? [] : [conditionOf('PodResizeInProgress', inProgress)]),
    ];
  }

  /** The pod holds nothing any more. */
  forget(uid: string): void {
    this.#entries.delete(uid);
    this.retry();
  }

  /** Judges those that wait, soon: once for all that happens at the same time. */
  retry(): void {
    if (this.#isScheduled || ![...this.#entries.values()].some(({ isQueued }) => isQueued)) return;
    this.#isScheduled = true;
    // Not in the caller's stack: when the kubelet begins, all its pods come first.
    void Promise.resolve().then(() => {
      this.#isScheduled = false;
      this.#judgeAll();
    });
  }

  #entryOf(pod: Pod): Entry {
    const uid = pod.metadata.uid ?? '';
    const known = this.#entries.get(uid);
    if (known !== undefined) return known;
    const stored = this.#options.store.load(uid);
    const entry: Entry = {
      pod,
      allocation: stored ?? { allocated: resourcesOf(pod), actuated: {} },
      isQueued: false,
      pending: recordedCondition(pod, 'PodResizePending'),
      inProgress: recordedCondition(pod, 'PodResizeInProgress'),
    };
    this.#entries.set(uid, entry);
    if (stored === undefined) this.#save(entry, entry.allocation);
    return entry;
  }

  /** Whether it will outlive the kubelet: a disk may be full. */
  #save(entry: Entry, allocation: PodAllocation): boolean {
    const { namespace, name, uid = '' } = entry.pod.metadata;
    entry.allocation = allocation;
    try {
      this.#options.store.save(uid, allocation);
      return true;
    } catch (error) {
      const pod = { kind: 'Pod', namespace, name };
      this.#options.log.warn('cannot keep what a pod was granted', { pod, error: String(error) });
      return false;
    }
  }

  #judgeAll(): void {
    const queued = [...this.#entries.values()].filter(({ isQueued }) => isQueued);
    const pending = queued.map((entry) => {
      const { pod } = entry;
      return { entry, pod, isIncreasing: isIncreasing(pod, this.granted(pod)), sinceMs: entry.pending?.sinceMs };
    });
    for (const { entry } of inOrder(pending)) this.#judge(entry);
  }

  #judge(entry: Entry): void {
    const { pod } = entry;
    const { allocatable, onChange } = this.#options;
    const others = this.othersThan(pod);
    const verdict = judgeResize({ wanted: pod, granted: this.granted(pod), others, allocatable });
    entry.isQueued = verdict?.reason === 'Deferred';
    const isNews = verdict === undefined ? this.#grant(entry) : this.#defer(entry, verdict);
    if (isNews) onChange(pod.metadata.uid ?? '');
  }

  /** Not before it is written down: after a restart the pod would have more than the node knows. */
  #grant(entry: Entry): boolean {
    const { clock, events } = this.#options;
    const { pod, allocation } = entry;
    const { generation = 0 } = pod.metadata;
    // What runs unrecorded runs with what was granted before.
    const actuated = { ...allocation.allocated, ...allocation.actuated };
    if (!this.#save(entry, { allocated: resourcesOf(pod), actuated })) {
      entry.allocation = allocation;
      entry.isQueued = true;
      return false;
    }
    entry.pending = undefined;
    entry.inProgress = { generation, sinceMs: clock.now() };
    events.normal(pod, 'ResizeStarted', resizeMessage('started', pod, { generation }));
    return true;
  }

  /** Whether that says anything new. */
  #defer(entry: Entry, { reason, message }: ResizeVerdict): boolean {
    const { clock, events } = this.#options;
    const { pod, pending } = entry;
    const { generation = 0 } = pod.metadata;
    const isSame = pending?.reason === reason && pending.message === message && pending.generation === generation;
    if (isSame) return false;
    const sinceMs = pending?.reason === reason ? pending.sinceMs : clock.now();
    entry.pending = { reason, message, generation, sinceMs };
    const what = reason === 'Infeasible' ? 'ResizeInfeasible' : 'ResizeDeferred';
    events.warning(pod, what, resizeMessage(reason, pod, { generation, error: message }));
    return true;
  }
}
