/**
 * What a `KubeSchedulerConfiguration` can tell the plugins: the `*Args` kinds of `kubescheduler.config.k8s.io/v1`
 * (`staging/src/k8s.io/kube-scheduler/config/v1/types_pluginargs.go`), as they stand in the file. A plugin's factory
 * takes its args, fills in what is absent (`pkg/scheduler/apis/config/v1/defaults.go`), and trusts that
 * `validatePluginArgs` found nothing.
 */
import type { V1NodeAffinity, V1TopologySpreadConstraint } from '@kubernetes/client-node';

export interface NodeAffinityArgs {
  /** Holds for every pod of the profile, beside its own. */
  addedAffinity?: V1NodeAffinity;
}

export interface ResourceSpec {
  name: string;
  /** 1 to 100. Default 1, also for 0. */
  weight?: number;
}

export function weightOf({ weight = 0 }: ResourceSpec): number {
  return weight === 0 ? 1 : weight;
}

export interface UtilizationShapePoint {
  /** Share of the resource in use, in percent. */
  utilization: number;
  /** 0 to 10. */
  score: number;
}

export interface ScoringStrategy {
  /** A strategy has one; without a strategy it is `LeastAllocated`. */
  type?: 'LeastAllocated' | 'MostAllocated' | 'RequestedToCapacityRatio';
  /** Default: cpu and memory, of weight 1 each. */
  resources?: ResourceSpec[];
  /** For `RequestedToCapacityRatio`: between the points the score is on the line from one to the next. */
  requestedToCapacityRatio?: { shape?: UtilizationShapePoint[] };
}

export interface NodeResourcesFitArgs {
  /** Extended resources that `filter` leaves to someone else. */
  ignoredResources?: readonly string[];
  /** As `ignoredResources`, all of these prefixes: `example.com` for `example.com/gpu`. */
  ignoredResourceGroups?: string[];
  scoringStrategy?: ScoringStrategy;
}

export interface NodeResourcesBalancedAllocationArgs {
  /** Default: cpu and memory. */
  resources?: ResourceSpec[];
}

export interface InterPodAffinityArgs {
  /** How much an existing pod's required affinity to this pod counts in the score: 0 to 100. Default 1. */
  hardPodAffinityWeight?: number;
  /** Pods without preferences of their own are not scored by those of others. */
  ignorePreferredTermsOfExistingPods?: boolean;
}

export interface PodTopologySpreadArgs {
  /** For pods that bring none; their selector is that of the pod's Services and controller. */
  defaultConstraints?: V1TopologySpreadConstraint[];
  /** `System`: spread softly over hosts and zones. Default `System`; `List`: `defaultConstraints`. */
  defaultingType?: 'System' | 'List';
}

/** On how many nodes, at least, victims are looked for. */
export interface DefaultPreemptionArgs {
  /** Of the nodes that other pods' going may mend. Default 10. */
  minCandidateNodesPercentage?: number;
  /** Default 100. */
  minCandidateNodesAbsolute?: number;
}

export interface VolumeBindingArgs {
  /** How long a pod waits for its volumes at most. Default 600. */
  bindTimeoutSeconds?: number;
  /** Of the feature `StorageCapacityScoring`, which is off: refused. */
  shape?: UtilizationShapePoint[];
}

/** By the plugin's name. Other plugins take none. */
export interface PluginArgs {
  DefaultPreemption?: DefaultPreemptionArgs;
  NodeAffinity?: NodeAffinityArgs;
  NodeResourcesFit?: NodeResourcesFitArgs;
  NodeResourcesBalancedAllocation?: NodeResourcesBalancedAllocationArgs;
  InterPodAffinity?: InterPodAffinityArgs;
  PodTopologySpread?: PodTopologySpreadArgs;
  VolumeBinding?: VolumeBindingArgs;
}
