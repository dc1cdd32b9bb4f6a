/** Pods, nodes and cycles for the scheduler's tests. */
import type { Node, NodeSpec, NodeStatus } from '../api/core/v1/node.ts';
import type { Pod, PodSpec, PodStatus } from '../api/core/v1/pod.ts';
import type { Lister } from '../api/machinery/handler.ts';
import type { ApiObject } from '../api/machinery/meta.ts';
import type { Clock } from '../base/clock.ts';
import { keyOf } from '../client/keys.ts';
import { Store } from '../client/store.ts';
import { ClusterCache } from './cluster-cache.ts';
import { CycleState } from './framework.ts';
import type { Cycle } from './framework.ts';
import type { NodeInfo } from './node-info.ts';
import { podInfoOf } from './pod-info.ts';

export interface PodFacts {
  uid?: string;
  labels?: Record<string, string>;
  requests?: Record<string, string>;
  spec?: Partial<PodSpec>;
  status?: PodStatus;
}

export function podOf(name: string, { uid, labels, requests, spec, status }: PodFacts = {}): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default', uid: uid ?? `uid-${name}`, ...(labels === undefined ? {} : { labels }) },
    spec: {
      schedulerName: 'default-scheduler',
      containers: [{ name: 'main', image: 'app', ...(requests === undefined ? {} : { resources: { requests } }) }],
      ...spec,
    },
    ...(status === undefined ? {} : { status }),
  };
}

export interface NodeFacts {
  labels?: Record<string, string>;
  allocatable?: Record<string, string>;
  spec?: NodeSpec;
  status?: NodeStatus;
}

/** 4 cpus, 16 GiB and 110 pods unless told otherwise. */
export function nodeOf(name: string, { labels, allocatable, spec = {}, status = {} }: NodeFacts = {}): Node {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, ...(labels === undefined ? {} : { labels }) },
    spec,
    status: { allocatable: allocatable ?? { cpu: '4', memory: '16Gi', pods: '110' }, ...status },
  };
}

/** A cycle of `pod` over these nodes, with the pods that are on them by the nodes' names. */
export function cycleOf(pod: Pod, nodes: readonly Node[], present: Record<string, Pod[]> = {}): Cycle {
  const cache = new ClusterCache();
  for (const node of nodes) cache.setNode(node);
  for (const [nodeName, pods] of Object.entries(present)) {
    for (const one of pods) cache.setPod(podInfoOf(one), nodeName);
  }
  return { pod, podInfo: podInfoOf(pod), state: new CycleState(), snapshot: cache.takeSnapshot() };
}

export function onlyNode({ snapshot }: Cycle): NodeInfo {
  return snapshot.nodes[0]!;
}

/** A clock that stands still until it is told to go on. */
export class ManualClock implements Clock {
  #nowMs = 1_000_000;
  readonly #timers = new Set<{ atMs: number; callback: () => void; periodMs: number | undefined }>();

  now(): number {
    return this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  setTimeout(callback: () => void, delayMs: number): () => void {
    return this.#add({ atMs: this.#nowMs + delayMs, callback, periodMs: undefined });
  }

  setInterval(callback: () => void, periodMs: number): () => void {
    return this.#add({ atMs: this.#nowMs + periodMs, callback, periodMs });
  }

  advance(byMs: number): void {
    const endMs = this.#nowMs + byMs;
    for (;;) {
      const due = [...this.#timers].filter(({ atMs }) => atMs <= endMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (due === undefined) break;
      this.#nowMs = due.atMs;
      if (due.periodMs === undefined) this.#timers.delete(due);
      else due.atMs += due.periodMs;
      due.callback();
    }
    this.#nowMs = endMs;
  }

  #add(timer: { atMs: number; callback: () => void; periodMs: number | undefined }): () => void {
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }
}

/** Of these objects and no others. */
export function listerOf<T extends ApiObject>(objects: readonly T[]): Lister<T> {
  const store = new Store<T>();
  for (const object of objects) store.set(keyOf(object), object);
  return store;
}
