/**
 * Pods that are to have a node once it is free of the pods they preempt (`pkg/scheduler/backend/queue/nominator.go`):
 * until then pods that do not come before them must leave them room.
 */
import type { Pod } from '../api/core/v1/pod.ts';
import type { PodInfo } from './pod-info.ts';

const NONE: readonly PodInfo[] = [];

/** **Invariant:** a pod is nominated for one node at most. */
export class NominatedPods {
  readonly #nodeNames = new Map<string, string>();
  readonly #byNode = new Map<string, Map<string, PodInfo>>();

  get isEmpty(): boolean {
    return this.#byNode.size === 0;
  }

  /** Takes the place of an earlier nomination; with `''`, only ends it. Whether the pod gives up another node. */
  set(podInfo: PodInfo, nodeName: string): boolean {
    const givesUp = this.delete(podInfo.uid, nodeName);
    if (nodeName === '') return givesUp;
    this.#nodeNames.set(podInfo.uid, nodeName);
    const present = this.#byNode.get(nodeName);
    if (present === undefined) this.#byNode.set(nodeName, new Map([[podInfo.uid, podInfo]]));
    else present.set(podInfo.uid, podInfo);
    return givesUp;
  }

  /**
   * The pod has come, or changed. While neither the state before nor this one names a node, a nomination whose status
   * has yet to be written stands. Whether the pod gives up a node.
   */
  update(podInfo: PodInfo, previous: Pod | undefined): boolean {
    const named = nominatedNodeOf(podInfo.pod);
    const stands = named === '' && (previous === undefined || nominatedNodeOf(previous) === '');
    return this.set(podInfo, stands ? this.nodeOf(podInfo.uid) : named);
  }

  /** The pod is gone, or has the node `has`. Whether it gives up another node. */
  delete(uid: string, has = ''): boolean {
    const nodeName = this.#nodeNames.get(uid);
    if (nodeName === undefined) return false;
    this.#nodeNames.delete(uid);
    const present = this.#byNode.get(nodeName);
    present?.delete(uid);
    if (present?.size === 0) this.#byNode.delete(nodeName);
    return nodeName !== has;
  }

  /** `''` for a pod that is not nominated. */
  nodeOf(uid: string): string {
    return this.#nodeNames.get(uid) ?? '';
  }

  /** In the order of nomination. */
  onNode(nodeName: string): readonly PodInfo[] {
    const present = this.#byNode.get(nodeName);
    return present === undefined ? NONE : [...present.values()];
  }

  /** Those that `podInfo` must leave room for: of its priority or a higher one. */
  before(podInfo: PodInfo, nodeName: string): readonly PodInfo[] {
    if (this.#byNode.size === 0) return NONE;
    const present = this.#byNode.get(nodeName);
    if (present === undefined) return NONE;
    return [...present.values()].filter(({ uid, priority }) => uid !== podInfo.uid && priority >= podInfo.priority);
  }
}

export function nominatedNodeOf({ status }: Pod): string {
  return status?.nominatedNodeName ?? '';
}
