/**
 * The scheduling framework's contract (`staging/src/k8s.io/kube-scheduler/framework/interface.go`): what a plugin may
 * do at which extension point, and what it says about a pod and a node.
 *
 * Flow of a pod: preEnqueue → queue (less) → preFilter → filter per node → postFilter when no node is left →
 * preScore → score per node → normalizeScore → reserve → permit → preBind → bind → postBind.
 * Everything up to `permit` runs for one pod at a time; `preBind` and later run beside the next pods' cycles.
 */
import type { Pod } from '../api/core/v1/pod.ts';
import type { ClusterEvent, ClusterEventName } from './cluster-event.ts';
import type { NodeInfo } from './node-info.ts';
import type { PodInfo } from './pod-info.ts';
import type { Snapshot } from './snapshot.ts';

/** The best a node can get from one plugin, before its weight. */
export const MAX_NODE_SCORE = 100;

/**
 * `Unschedulable`: may fit once pods have gone. `UnschedulableAndUnresolvable`: not even then. `Error`: something is
 * wrong that has nothing to do with the pod's wishes; it is retried after a backoff.
 */
export type RejectionCode = 'Unschedulable' | 'UnschedulableAndUnresolvable' | 'Error';

/** Why a plugin says no. No rejection (`undefined`) means yes. */
export interface Rejection {
  code: RejectionCode;
  reasons: readonly string[];
}

/** A rejection, and whose it is. */
export interface PluginRejection extends Rejection {
  plugin: string;
}

/** Names a value that one extension point leaves to a later one of the same cycle. */
export interface StateKey<T> {
  readonly name: string;
  /** For values that `addPod` and `removePod` change: an independent copy. Others are shared by copies of the state. */
  readonly clone?: (value: T) => T;
}

export function stateKey<T>(name: string, clone?: (value: T) => T): StateKey<T> {
  return { name, ...(clone === undefined ? {} : { clone }) };
}

/** What plugins keep during one pod's cycle. */
export class CycleState {
  readonly #values = new Map<StateKey<unknown>, unknown>();

  /** What is written to one, and what `addPod` and `removePod` do to it, does not show in the other. */
  clone(): CycleState {
    const copy = new CycleState();
    for (const [key, value] of this.#values) copy.#values.set(key, key.clone === undefined ? value : key.clone(value));
    return copy;
  }

  read<T>(key: StateKey<T>): T | undefined {
    return this.#values.get(key as StateKey<unknown>) as T | undefined;
  }

  /** For values that an earlier extension point always writes. */
  get<T>(key: StateKey<T>): T {
    const value = this.#values.get(key as StateKey<unknown>);
    if (value === undefined) throw new Error(`no ${key.name} in the cycle's state`);
    return value as T;
  }

  write<T>(key: StateKey<T>, value: T): void {
    this.#values.set(key as StateKey<unknown>, value);
  }
}

/** One pod's way through the scheduler. */
export interface Cycle {
  readonly pod: Pod;
  readonly podInfo: PodInfo;
  readonly state: CycleState;
  readonly snapshot: Snapshot;
}

export type PreFilterResult =
  /** With `nodeNames`, no other nodes are looked at. */
  | { type: 'continue'; nodeNames?: ReadonlySet<string> }
  /** The plugin's `filter` has nothing to say about this pod. */
  | { type: 'skip' }
  /** No node can be right. */
  | { type: 'reject'; rejection: Rejection };

export const CONTINUE: PreFilterResult = { type: 'continue' };
export const SKIP: PreFilterResult = { type: 'skip' };

export interface PostFilterResult {
  /** Goes into the pod's condition, behind why no node fits. */
  message: string;
  /** The node that the pod is to have once it is free; `''` takes an earlier one back, absent leaves it. */
  nominatedNodeName?: string;
}

/** What `postFilter` may try: on copies of the cycle's state and of nodes. */
export interface Rehearsal {
  /** Of all the profile's filters; pods that are nominated for the node and come first are thought to be on it. */
  runFilterWithNominated(cycle: Cycle, node: NodeInfo): PluginRejection | undefined;
  /** Puts the pod on this copy of the node, or takes it off, also in the cycle's state. */
  addPod(cycle: Cycle, podInfo: PodInfo, node: NodeInfo): void;
  removePod(cycle: Cycle, podInfo: PodInfo, node: NodeInfo): void;
  /** To be awaited now and then by who takes long. */
  shareThread(): Promise<void>;
}

/** Why each node was left out, as far as nodes were looked at. */
export type NodeRejections = ReadonlyMap<string, PluginRejection>;

/**
 * A plugin: a name and the extension points that it serves. Methods must not throw for what a pod or a node says;
 * a throw ends the cycle as an `Error`. All but `reserve` to `postBind` are pure.
 */
export interface Plugin {
  readonly name: string;
  /** Keeps the pod out of the queue. */
  preEnqueue?(pod: Pod): Rejection | undefined;
  /** The queue's order; one plugin of a profile has it. */
  less?(a: QueuedOrder, b: QueuedOrder): boolean;
  /** Cluster events that may make a pod schedulable that this plugin rejected. Without: every event may. */
  readonly events?: readonly ClusterEventName[];
  /** Whether this event of `events` may do so for this pod (upstream's `isSchedulableAfter…`). Without: it may. */
  queueingHint?(podInfo: PodInfo, event: ClusterEvent): boolean;
  preFilter?(cycle: Cycle): PreFilterResult;
  /**
   * "What if": keeps what `preFilter` left in the cycle's state true while preemption takes pods from `node` and puts
   * them back. The node itself is changed by the caller, before. Only for plugins that did not skip.
   */
  addPod?(cycle: Cycle, podInfo: PodInfo, node: NodeInfo): void;
  removePod?(cycle: Cycle, podInfo: PodInfo, node: NodeInfo): void;
  filter?(cycle: Cycle, node: NodeInfo): Rejection | undefined;
  /** When no node fits. The first plugin that has a result ends the search for one. */
  postFilter?(cycle: Cycle, rejections: NodeRejections, rehearsal: Rehearsal): Promise<PostFilterResult | undefined>;
  /** `'skip'`: `score` has nothing to say about this pod. */
  preScore?(cycle: Cycle, nodes: readonly NodeInfo[]): 'skip' | undefined;
  /** Any number when there is `normalizeScore`, else 0 to `MAX_NODE_SCORE`. */
  score?(cycle: Cycle, node: NodeInfo): number;
  /** Brings all nodes' scores into 0 to `MAX_NODE_SCORE`, in place. */
  normalizeScore?(cycle: Cycle, scores: number[]): void;
  reserve?(cycle: Cycle, nodeName: string): Rejection | undefined;
  /** Undoes `reserve`; called for all plugins when one later step fails, so it may be called without `reserve`. */
  unreserve?(cycle: Cycle, nodeName: string): void;
  permit?(cycle: Cycle, nodeName: string): Rejection | undefined;
  /** Whether `preBind` of this cycle waits for others, maybe long: it must hold up no binding of other pods. */
  preBindWaits?(cycle: Cycle): boolean;
  preBind?(cycle: Cycle, nodeName: string): Promise<Rejection | undefined>;
  /** `true` when the pod is bound; `false` leaves it to the next plugin. Throws when binding failed. */
  bind?(cycle: Cycle, nodeName: string): Promise<boolean>;
  postBind?(cycle: Cycle, nodeName: string): void;
}

/** What the queue's order may depend on. */
export interface QueuedOrder {
  readonly podInfo: PodInfo;
  /** When the pod came (back) into the queue. */
  readonly timestampMs: number;
}

/** A plugin in a profile. */
export interface ProfileEntry {
  plugin: Plugin;
  /** How much its scores count. Default 1. */
  weight?: number;
}
