/**
 * Nodes and the pods on them as far as the scheduler knows, with the pods that it has placed itself and whose binding
 * it has not seen yet (`pkg/scheduler/backend/cache/cache.go`).
 *
 * **Invariant:** a pod is on at most one node. An assumed pod stays until its binding is seen (`setPod`), it fails
 * (`forgetPod`), or the pod is gone (`removePod`).
 */
import type { Node } from '../api/core/v1/node.ts';
import type { Pod } from '../api/core/v1/pod.ts';
import { keyOf } from '../client/keys.ts';
import { NodeChanges } from './node-changes.ts';
import { NodeInfo } from './node-info.ts';
import type { PodInfo } from './pod-info.ts';
import type { Snapshot } from './snapshot.ts';
import { interleaveZones, zoneOf } from './snapshot.ts';

interface Placement {
  uid: string;
  nodeName: string;
  isAssumed: boolean;
}

export class ClusterCache {
  readonly #nodes = new Map<string, NodeInfo>();
  readonly #placements = new Map<string, Placement>();
  readonly #imageNodes = new Map<string, number>();
  /** Names of nodes that differ from the last snapshot. */
  readonly #changed = new Set<string>();
  /** Whether nodes came, went or moved to another zone since the last snapshot. */
  #orderChanged = false;
  /** What the last snapshot holds, in its order, and where in it each node is. */
  #clones: NodeInfo[] = [];
  readonly #positions = new Map<string, number>();
  readonly #changes = new NodeChanges();
  readonly #havePodsWithAffinity = new Set<NodeInfo>();
  readonly #havePodsWithRequiredAntiAffinity = new Set<NodeInfo>();

  /** Adds or updates the node. */
  setNode(node: Node): void {
    const info = this.#nodeInfo(node.metadata.name ?? '');
    if (info.hasNode) this.#countImages(info, -1);
    const before = info.hasNode ? zoneOf(info.labels) : undefined;
    info.setNode(node);
    this.#countImages(info, 1);
    if (before !== zoneOf(info.labels)) this.#orderChanged = true;
  }

  /** Its pods are remembered until they go themselves. */
  removeNode(name: string): void {
    const info = this.#nodes.get(name);
    if (info === undefined || !info.hasNode) return;
    this.#countImages(info, -1);
    info.removeNode();
    this.#changed.add(name);
    this.#orderChanged = true;
    // A node that comes back has a new place in the order.
    if (info.pods.size === 0) this.#nodes.delete(name);
  }

  /** The pod is on this node: so says the API. Adds, updates, confirms or corrects. */
  setPod(podInfo: PodInfo, nodeName: string): void {
    this.#place(podInfo, { uid: podInfo.uid, nodeName, isAssumed: false });
  }

  /** The pod shall be on this node: its binding is under way. `false`, and no effect, when it has one already. */
  assumePod(podInfo: PodInfo, nodeName: string): boolean {
    if (this.#placements.has(podInfo.key)) return false;
    this.#place(podInfo, { uid: podInfo.uid, nodeName, isAssumed: true });
    return true;
  }

  /** The binding failed. No effect on a pod whose binding was seen after all. */
  forgetPod({ key, uid }: PodInfo): void {
    const placement = this.#placements.get(key);
    if (placement?.isAssumed === true && placement.uid === uid) this.removePod(key);
  }

  /** The pod is gone. */
  removePod(key: string): void {
    const placement = this.#placements.get(key);
    if (placement === undefined) return;
    this.#placements.delete(key);
    const info = this.#nodeInfo(placement.nodeName);
    info.removePod(key);
    if (info.pods.size === 0 && !info.hasNode) this.#nodes.delete(info.name);
  }

  /** By uid: a new pod of the same name is another one. */
  isAssumed(pod: Pod): boolean {
    const placement = this.#placements.get(keyOf(pod));
    return placement?.isAssumed === true && placement.uid === pod.metadata.uid;
  }

  /**
   * The state of now. Costs as much as has changed since the last call, and changes the snapshot of that call;
   * `changes` tells what.
   * Between calls a snapshot stays as it is (but for `imageNodes`, which is live).
   */
  takeSnapshot(): Snapshot {
    if (this.#orderChanged) this.#rebuildOrder();
    else for (const name of this.#changed) this.#replaceClone(name);
    this.#changed.clear();
    this.#orderChanged = false;
    return {
      nodes: this.#clones,
      imageNodes: this.#imageNodes,
      changes: this.#changes,
      havePodsWithAffinity: this.#havePodsWithAffinity,
      havePodsWithRequiredAntiAffinity: this.#havePodsWithRequiredAntiAffinity,
      get: (name) => {
        const position = this.#positions.get(name);
        return position === undefined ? undefined : this.#clones[position];
      },
    };
  }

  #replaceClone(name: string): void {
    const position = this.#positions.get(name);
    const info = this.#nodes.get(name);
    if (position === undefined || info === undefined) return;
    const clone = info.clone();
    const before = this.#clones[position]!;
    this.#unlist(before);
    this.#list(clone);
    this.#changes.record(before, clone);
    this.#clones[position] = clone;
  }

  #list(node: NodeInfo): void {
    if (node.podsWithAffinity.length > 0) this.#havePodsWithAffinity.add(node);
    if (node.podsWithRequiredAntiAffinity.length > 0) this.#havePodsWithRequiredAntiAffinity.add(node);
  }

  #unlist(node: NodeInfo): void {
    this.#havePodsWithAffinity.delete(node);
    this.#havePodsWithRequiredAntiAffinity.delete(node);
  }

  /** Clones of nodes that have not changed are kept. */
  #rebuildOrder(): void {
    const clones: NodeInfo[] = [];
    for (const [name, info] of this.#nodes) {
      if (!info.hasNode) continue;
      const position = this.#positions.get(name);
      const before = position === undefined ? undefined : this.#clones[position]!;
      const clone = before === undefined || this.#changed.has(name) ? info.clone() : before;
      this.#changes.record(before, clone);
      clones.push(clone);
    }
    for (const before of this.#clones) {
      if (this.#nodes.get(before.name)?.hasNode !== true) this.#changes.record(before, undefined);
    }
    this.#clones = interleaveZones(clones);
    this.#positions.clear();
    this.#havePodsWithAffinity.clear();
    this.#havePodsWithRequiredAntiAffinity.clear();
    for (const [position, clone] of this.#clones.entries()) {
      this.#positions.set(clone.name, position);
      this.#list(clone);
    }
  }

  #place(podInfo: PodInfo, placement: Placement): void {
    const before = this.#placements.get(podInfo.key);
    if (before !== undefined && before.nodeName !== placement.nodeName) this.removePod(podInfo.key);
    this.#placements.set(podInfo.key, placement);
    this.#nodeInfo(placement.nodeName).addPod(podInfo);
  }

  /** For a change: the node is part of the next snapshot's work. */
  #nodeInfo(name: string): NodeInfo {
    let info = this.#nodes.get(name);
    if (info === undefined) this.#nodes.set(name, (info = new NodeInfo(name)));
    this.#changed.add(name);
    return info;
  }

  #countImages(info: NodeInfo, sign: 1 | -1): void {
    for (const name of info.images.keys()) {
      const count = (this.#imageNodes.get(name) ?? 0) + sign;
      if (count === 0) this.#imageNodes.delete(name);
      else this.#imageNodes.set(name, count);
    }
  }
}
