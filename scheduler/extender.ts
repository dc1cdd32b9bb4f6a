/**
 * What a process outside of the scheduler may say about a pod and nodes
 * (`pkg/scheduler/framework/extender.go`), beside the plugins and after them.
 */
import type { Pod } from '../api/core/v1/pod.ts';
import type { NodeInfo } from './node-info.ts';
import type { Candidate } from './plugins/default-preemption-victims.ts';
import type { Snapshot } from './snapshot.ts';

/** The best a node can get from an extender, before its weight (`MaxExtenderPriority`). */
export const MAX_EXTENDER_SCORE = 10;

export interface FilteredNodes {
  /** In the extender's order: some of those that it was asked about. */
  feasible: readonly NodeInfo[];
  /** Why, by the names of nodes that may fit once pods have gone. */
  failed: ReadonlyMap<string, string>;
  /** As `failed`, for nodes where pods' going changes nothing; counts where a node is in both. */
  unresolvable: ReadonlyMap<string, string>;
}

/** Every method that asks rejects when there is no answer in time, or one that cannot be used. */
export interface Extender {
  readonly name: string;
  /** Its failure to answer fails no pod. */
  readonly isIgnorable: boolean;
  readonly canFilter: boolean;
  readonly canPrioritize: boolean;
  readonly canPreempt: boolean;
  readonly canBind: boolean;
  /** How much its scores count. */
  readonly weight: number;
  /** Whether the pod asks for something that is the extender's, or the extender is for every pod. */
  isInterested(pod: Pod): boolean;
  filter(pod: Pod, nodes: readonly NodeInfo[]): Promise<FilteredNodes>;
  /** Scores of 0 to `MAX_EXTENDER_SCORE` by the names of nodes; not necessarily of all. */
  prioritize(pod: Pod, nodes: readonly NodeInfo[]): Promise<ReadonlyMap<string, number>>;
  /** Which of the candidates are left, and who would have to go there: maybe others than before, maybe nobody. */
  preempt(pod: Pod, candidates: readonly Candidate[], snapshot: Snapshot): Promise<readonly Candidate[]>;
  /** Resolves when the extender has bound the pod. */
  bind(pod: Pod, nodeName: string): Promise<void>;
}
