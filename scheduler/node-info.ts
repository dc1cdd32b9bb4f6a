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

/** One for all nodes that have none: it is at hand when thousands of them are looked at. */
const NO_TAINTS: readonly Taint[] = [];

/** What follows from the node object alone. */
interface NodeFacts {
  node: Node;
  allocatable: Resource;
  allowedPods: number;
  /** Sizes in bytes by name. */
  images: ReadonlyMap<string, number>;
}

/** Where a node's `room` has which amount: what nobody has asked for, less than zero where it is overcommitted; … */
export const FREE_CPU = 0;
export const FREE_MEMORY = 1;
export const FREE_STORAGE = 2;
export const FREE_PODS = 3;
/** … what there is of it; … */
export const ALLOCATABLE_CPU = 4;
export const ALLOCATABLE_MEMORY = 5;
/** … and what is taken, with defaults for containers that ask for nothing. */
export const NON_ZERO_CPU = 6;
export const NON_ZERO_MEMORY = 7;

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
  #room: Float64Array | undefined;
  #isUnschedulable = false;
  #hardTaints = NO_TAINTS;
  #softTaints = NO_TAINTS;
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
    return this.#isUnschedulable;
  }

  /** `NoSchedule` and `NoExecute`. */
  get hardTaints(): readonly Taint[] {
    return this.#hardTaints;
  }

  /** `PreferNoSchedule`. */
  get softTaints(): readonly Taint[] {
    return this.#softTaints;
  }

  get images(): ReadonlyMap<string, number> {
    return this.#known.images;
  }

  /** Sum of the pods' requests. */
  get requested(): Resource {
    return this.#requested;
  }

  /**
   * Amounts at `FREE_CPU` and so on, next to each other: they are read for every node and pod, and thousands of nodes do
   * not fit a processor's cache.
   */
  get room(): Float64Array {
    return (this.#room ??= this.#measure());
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
    const taints = node.spec.taints ?? [];
    this.#facts = factsOf(node);
    this.#isUnschedulable = node.spec.unschedulable === true;
    this.#hardTaints = taintsOf(taints, 'NoSchedule', 'NoExecute');
    this.#softTaints = taintsOf(taints, 'PreferNoSchedule');
    this.#room = undefined;
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
    copy.#isUnschedulable = this.#isUnschedulable;
    copy.#hardTaints = this.#hardTaints;
    copy.#softTaints = this.#softTaints;
    copy.#podsWithAffinity = this.#podsWithAffinity;
    copy.#podsWithRequiredAntiAffinity = this.#podsWithRequiredAntiAffinity;
    copy.#requested = this.#requested;
    copy.#room = this.#room;
    copy.#nonZero = this.#nonZero;
    copy.#generation = this.#generation;
    return copy;
  }

  get #known(): NodeFacts {
    if (this.#facts === undefined) throw new Error('the node is not known');
    return this.#facts;
  }

  #measure(): Float64Array {
    const { allocatable, allowedPods } = this.#known;
    const requested = this.#requested;
    const room = new Float64Array(8);
    room[FREE_CPU] = allocatable.milliCpu - requested.milliCpu;
    room[FREE_MEMORY] = allocatable.memory - requested.memory;
    room[FREE_STORAGE] = allocatable.ephemeralStorage - requested.ephemeralStorage;
    room[FREE_PODS] = allowedPods - this.#pods.size;
    room[ALLOCATABLE_CPU] = allocatable.milliCpu;
    room[ALLOCATABLE_MEMORY] = allocatable.memory;
    room[NON_ZERO_CPU] = this.#nonZero.milliCpu;
    room[NON_ZERO_MEMORY] = this.#nonZero.memory;
    return room;
  }

  #count({ requests, nonZero }: PodInfo, sign: 1 | -1): void {
    this.#room = undefined;
    this.#requested = sumOf(this.#requested, requests, sign);
    this.#nonZero = {
      milliCpu: this.#nonZero.milliCpu + sign * nonZero.milliCpu,
      memory: this.#nonZero.memory + sign * nonZero.memory,
    };
    this.#generation++;
  }
}

function taintsOf(taints: readonly Taint[], ...effects: string[]): readonly Taint[] {
  const found = taints.filter(({ effect }) => effects.includes(effect));
  return found.length === 0 ? NO_TAINTS : found;
}

function factsOf(node: Node): NodeFacts {
  const images = new Map<string, number>();
  for (const { names, sizeBytes } of node.status?.images ?? []) {
    for (const name of names ?? []) images.set(name, sizeBytes ?? 0);
  }
  return {
    node,
    allocatable: resourceOfList(node.status?.allocatable),
    allowedPods: amountOf(node.status?.allocatable, 'pods').value(),
    images,
  };
}
