/**
 * What the informers see, brought to the cache and the queue (`pkg/scheduler/eventhandlers.go`): nodes, pods on nodes,
 * and pods that wait for a node and for this scheduler. Changes are taken in at once and applied by the scheduler's
 * loop, between two pods, so that thousands of them do not hold up the informers' thread.
 */
import { nodes } from '../api/core/v1/node.ts';
import type { Node } from '../api/core/v1/node.ts';
import { pods } from '../api/core/v1/pod.ts';
import type { Pod } from '../api/core/v1/pod.ts';
import type { InformerFactory } from '../client/informer-factory.ts';
import type { Informer, InformerChange } from '../client/informer.ts';
import type { ClusterCache } from './cluster-cache.ts';
import { assignedPodEvents, nodeEvents } from './cluster-event.ts';
import { nominatedNodeOf } from './nominated-pods.ts';
import type { NominatedPods } from './nominated-pods.ts';
import { podInfoOf } from './pod-info.ts';
import type { SchedulingQueue } from './scheduling-queue.ts';
import { watchStorage } from './storage-watch.ts';
import type { TimeSlice } from './time-slice.ts';

/** Pods that have ended take no room; for a watch with this selection, ending is a delete. */
export const NOT_ENDED = { fieldSelector: 'status.phase!=Succeeded,status.phase!=Failed' };

export interface ClusterWatchOptions {
  informers: InformerFactory;
  cache: ClusterCache;
  queue: SchedulingQueue;
  nominated: NominatedPods;
  schedulerNames: ReadonlySet<string>;
}

export class ClusterWatch {
  readonly #options: ClusterWatchOptions;
  readonly #nodes: Informer<Node>;
  readonly #pods: Informer<Pod>;
  #inbox: (() => void)[] = [];

  constructor(options: ClusterWatchOptions) {
    this.#options = options;
    this.#nodes = options.informers.informer<Node>(nodes);
    this.#pods = options.informers.informer<Pod>(pods, NOT_ENDED);
  }

  /** Resolves when the informers have their first lists; takes in changes until the signal aborts. */
  async start(signal: AbortSignal): Promise<void> {
    const { informers, queue } = this.#options;
    await Promise.all([this.#nodes.waitForSync(signal), this.#pods.waitForSync(signal)]);
    await watchStorage(informers, (event) => this.#take(() => queue.moveAll(event)), signal);
    // Also those that plugins read.
    await this.#options.informers.waitForSync(signal);
    const nodeChanges = this.#nodes.changes.subscribe((change) => this.#take(() => this.#onNode(change)));
    const podChanges = this.#pods.changes.subscribe((change) => this.#take(() => this.#onPod(change)));
    const stop = (): void => {
      nodeChanges.unsubscribe();
      podChanges.unsubscribe();
    };
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
  }

  /** Applies the changes that have been taken in, in order; shares the thread by `slice`. For one caller at a time. */
  async applyChanges(slice: TimeSlice): Promise<void> {
    while (this.#inbox.length > 0) {
      const batch = this.#inbox;
      this.#inbox = [];
      for (const apply of batch) {
        if (slice.isOver) await slice.giveWay();
        apply();
      }
    }
  }

  /** The pod as it is now; `undefined` when it is gone, has ended, or is another one of that name. */
  currentPod(pod: Pod): Pod | undefined {
    const { namespace = '', name = '', uid } = pod.metadata;
    const current = this.#pods.lister.get(namespace, name);
    return current?.metadata.uid === uid ? current : undefined;
  }

  #take(apply: () => void): void {
    this.#inbox.push(apply);
    this.#options.queue.wake();
  }

  #onNode({ type, object, previous }: InformerChange<Node>): void {
    const { cache, queue } = this.#options;
    if (type === 'delete') {
      cache.removeNode(object.metadata.name ?? '');
      // One domain less to spread over.
      queue.moveAll({ name: 'NodeDelete', node: object });
      return;
    }
    // Heartbeats change nothing that matters here, but images come with them.
    cache.setNode(object);
    if (previous === undefined) queue.moveAll({ name: 'NodeAdd', node: object });
    else for (const event of nodeEvents(previous, object)) queue.moveAll(event);
  }

  #onPod({ type, key, object, previous }: InformerChange<Pod>): void {
    if (type === 'delete') this.#onPodGone(key, object);
    else if (isAssigned(object)) this.#onAssigned(key, object, previous);
    else this.#onWaiting(object, previous);
  }

  #onAssigned(key: string, pod: Pod, previous: Pod | undefined): void {
    const { cache, queue, nominated } = this.#options;
    const podInfo = podInfoOf(pod);
    cache.setPod(podInfo, pod.spec.nodeName!);
    if (nominated.delete(podInfo.uid, pod.spec.nodeName)) queue.moveBehind(podInfo);
    if (previous !== undefined && isAssigned(previous)) {
      for (const event of assignedPodEvents(previous, pod)) queue.moveAll(event);
      return;
    }
    queue.delete(key);
    queue.moveAll({ name: 'AssignedPodAdd', pod });
  }

  #onWaiting(pod: Pod, previous: Pod | undefined): void {
    const { cache, queue, schedulerNames } = this.#options;
    if (!schedulerNames.has(pod.spec.schedulerName ?? '')) return;
    // It will be bound in a moment; if not, it comes back as it is then.
    if (cache.isAssumed(pod)) return this.#onAssumed(pod);
    this.#followNomination(pod, previous);
    if (previous === undefined) queue.add(pod);
    else queue.update(previous, pod);
  }

  /** A pod whose deletion has begun will not be bound: nobody needs to wait for its room until that fails. */
  #onAssumed(pod: Pod): void {
    const { cache, queue } = this.#options;
    if (pod.metadata.deletionTimestamp === undefined) return;
    cache.forgetPod(podInfoOf(pod));
    queue.moveAll({ name: 'AssignedPodDelete', pod });
  }

  #followNomination(pod: Pod, previous: Pod | undefined): void {
    const { nominated, queue } = this.#options;
    if (nominated.nodeOf(pod.metadata.uid ?? '') === '' && nominatedNodeOf(pod) === '') return;
    const podInfo = podInfoOf(pod);
    if (nominated.update(podInfo, previous)) queue.moveBehind(podInfo);
  }

  #onPodGone(key: string, pod: Pod): void {
    const { cache, queue, nominated } = this.#options;
    const { uid = '' } = pod.metadata;
    queue.delete(key);
    // It may have been on a node although it was never seen there.
    const hadRoom = isAssigned(pod) || cache.isAssumed(pod);
    cache.removePod(key);
    const givesUp = nominated.delete(uid);
    if (hadRoom) queue.moveAll({ name: 'AssignedPodDelete', pod });
    else if (givesUp) queue.moveBehind(podInfoOf(pod));
  }
}

function isAssigned({ spec }: Pod): boolean {
  return spec.nodeName !== undefined && spec.nodeName !== '';
}
