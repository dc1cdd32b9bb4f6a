/** A node with the pods on it and what they take of it (`framework.NodeInfo`). */
import type { Node, Taint } from '../api/core/v1/node.ts';
import { amountOf } from '../api/core/v1/pod/resources.ts';
import { UsedPorts } from './host-ports.ts';
import type { HostPort } from './host-ports.ts';
import type { PodInfo } from './pod-info.ts';
import type { Resource } from './resource.ts';
import { EMPTY_RESOURCE, resourceOfList, sumOf } from './resource.ts';

const NO_LABELS: Readonly<Record<string, string>> = {};

const NO_PODS: readonly PodInfo[] = [];

/** What follows from the node object alone. */
interface NodeFacts {
  node: Node;
  allocatable: Resource;
  allowedPods: number;
  isUnschedulable: boolean;
  /** `NoSchedule` and `NoExecute`. */
  hardTaints: readonly Taint[];
  /** `PreferNoSchedule`. */
  softTaints: readonly Taint[];
  /** Sizes in bytes by name. */
  images: ReadonlyMap<string, number>;
}

/** What of a node nobody has asked for; less than zero where it is overcommitted. */
export interface FreeRoom {
  readonly milliCpu: number;
  readonly memory: number;
  readonly ephemeralStorage: number;
  readonly pods: number;
}

/** **Invariant:** `requested`, `nonZero` and the used ports are the sums over `pods`. */
export class NodeInfo {
  readonly name: string;
  readonly pods: ReadonlyMap<string, PodInfo>;
  readonly #pods: Map<string, PodInfo>;
  readonly #usedPorts: UsedPorts;
  #facts: NodeFacts | undefined;
  #requested: Resource = EMPTY_RESOURCE;
  /** Never changed in place: copies share them. */
  #podsWithAffinity: readonly PodInfo[] = NO_PODS;
  #podsWithRequiredAntiAffinity: readonly PodInfo[] = NO_PODS;
  #nonZero = { milliCpu: 0, memory: 0 };
  #free: FreeRoom | undefined;
  #generation = 0;

  constructor(name: string, copied?: { pods: Map<string, PodInfo>; usedPorts: UsedPorts }) {
    this.name = name;
    this.pods = this.#pods = copied?.pods ?? new Map<string, PodInfo>();
    this.#usedPorts = copied?.usedPorts ?? new UsedPorts();
  }

  /** Pods may be known before their node, and outlive it. */
  get hasNode(): boolean {
    return this.#facts !== undefined;
  }

  get node(): Node {
    return this.#known.node;
  }

  get labels(): Readonly<Record<string, string>> {
    return this.#known.node.metadata.labels ?? NO_LABELS;
  }

  get allocatable(): Resource {
    return this.#known.allocatable;
  }

  get allowedPods(): number {
    return this.#known.allowedPods;
  }

  /** Cordoned. */
  get isUnschedulable(): boolean {
    return this.#known.isUnschedulable;
  }

  get hardTaints(): readonly Taint[] {
    return this.#known.hardTaints;
  }

  get softTaints(): readonly Taint[] {
    return this.#known.softTaints;
  }

  get images(): ReadonlyMap<string, number> {
    return this.#known.images;
  }

  /** Sum of the pods' requests. */
  get requested(): Resource {
    return this.#requested;
  }

  /** In one small object: it is read for every node and pod, and thousands of nodes do not fit a processor's cache. */
  get free(): FreeRoom {
    return (this.#free ??= freeOf(this.#known, { requested: this.#requested, pods: this.#pods.size }));
  }

  /** As `requested`, with defaults for containers that ask for nothing. */
  get nonZero(): { readonly milliCpu: number; readonly memory: number } {
    return this.#nonZero;
  }

  /** Pods with inter-pod affinity or anti-affinity of any kind. */
  get podsWithAffinity(): readonly PodInfo[] {
    return this.#podsWithAffinity;
  }

  get podsWithRequiredAntiAffinity(): readonly PodInfo[] {
    return this.#podsWithRequiredAntiAffinity;
  }

  /** Differs after every change. */
  get generation(): number {
    return this.#generation;
  }

  hasPortConflict(ports: readonly HostPort[]): boolean {
    return ports.some((port) => this.#usedPorts.conflictsWith(port));
  }

  listUsedPorts(): string[] {
    return this.#usedPorts.list();
  }

  setNode(node: Node): void {
    this.#facts = factsOf(node);
    this.#free = undefined;
    this.#generation++;
  }

  removeNode(): void {
    this.#facts = undefined;
    this.#generation++;
  }

  /** By key; a pod of that key that is there already is replaced. */
  addPod(podInfo: PodInfo): void {
    this.removePod(podInfo.key);
    this.#pods.set(podInfo.key, podInfo);
    for (const port of podInfo.hostPorts) this.#usedPorts.add(port);
    const { podAffinity } = podInfo;
    if (podAffinity !== undefined) {
      this.#podsWithAffinity = [...this.#podsWithAffinity, podInfo];
      if (podAffinity.requiredAnti.length > 0) {
        this.#podsWithRequiredAntiAffinity = [...this.#podsWithRequiredAntiAffinity, podInfo];
      }
    }
    this.#count(podInfo, 1);
  }

  removePod(key: string): void {
    const podInfo = this.#pods.get(key);
    if (podInfo === undefined) return;
    this.#pods.delete(key);
    for (const port of podInfo.hostPorts) this.#usedPorts.remove(port);
    if (podInfo.podAffinity !== undefined) {
      this.#podsWithAffinity = this.#podsWithAffinity.filter((other) => other !== podInfo);
      this.#podsWithRequiredAntiAffinity = this.#podsWithRequiredAntiAffinity.filter((other) => other !== podInfo);
    }
    this.#count(podInfo, -1);
  }

  /** Changes of one do not show in the other. */
  clone(): NodeInfo {
    const copy = new NodeInfo(this.name, { pods: new Map(this.#pods), usedPorts: this.#usedPorts.clone() });
    copy.#facts = this.#facts;
    copy.#podsWithAffinity = this.#podsWithAffinity;
    copy.#podsWithRequiredAntiAffinity = this.#podsWithRequiredAntiAffinity;
    copy.#requested = this.#requested;
    copy.#free = this.#free;
    copy.#nonZero = this.#nonZero;
    copy.#generation = this.#generation;
    return copy;
  }

  get #known(): NodeFacts {
    if (this.#facts === undefined) throw new Error('the node is not known');
    return this.#facts;
  }

  #count({ requests, nonZero }: PodInfo, sign: 1 | -1): void {
    this.#free = undefined;
    this.#requested = sumOf(this.#requested, requests, sign);
    this.#nonZero = {
      milliCpu: this.#nonZero.milliCpu + sign * nonZero.milliCpu,
      memory: this.#nonZero.memory + sign * nonZero.memory,
    };
    this.#generation++;
  }
}

function freeOf(
  { allocatable, allowedPods }: NodeFacts,
  { requested, pods }: { requested: Resource; pods: number },
): FreeRoom {
  return {
    milliCpu: allocatable.milliCpu - requested.milliCpu,
    memory: allocatable.memory - requested.memory,
    ephemeralStorage: allocatable.ephemeralStorage - requested.ephemeralStorage,
    pods: allowedPods - pods,
  };
}

function factsOf(node: Node): NodeFacts {
  const taints = node.spec.taints ?? [];
  const images = new Map<string, number>();
  for (const { names, sizeBytes } of node.status?.images ?? []) {
    for (const name of names ?? []) images.set(name, sizeBytes ?? 0);
  }
  return {
    node,
    allocatable: resourceOfList(node.status?.allocatable),
    allowedPods: amountOf(node.status?.allocatable, 'pods').value(),
    isUnschedulable: node.spec.unschedulable === true,
    hardTaints: taints.filter(({ effect }) => effect === 'NoSchedule' || effect === 'NoExecute'),
    softTaints: taints.filter(({ effect }) => effect === 'PreferNoSchedule'),
    images,
  };
}
