/**
 * The plugins of the default scheduler and the weights of their scores: the table of contents of scheduling
 * (`pkg/scheduler/apis/config/v1/default_plugins.go`). The first filter in the list is the first to see a node.
 */
import { replicaSets } from '../api/apps/v1/replica-set.ts';
import type { ReplicaSet } from '../api/apps/v1/replica-set.ts';
import { statefulSets } from '../api/apps/v1/stateful-set.ts';
import type { StatefulSet } from '../api/apps/v1/stateful-set.ts';
import { namespaces } from '../api/core/v1/namespace.ts';
import type { Namespace } from '../api/core/v1/namespace.ts';
import { replicationControllers } from '../api/core/v1/replication-controller.ts';
import type { ReplicationController } from '../api/core/v1/replication-controller.ts';
import { services } from '../api/core/v1/service.ts';
import type { Service } from '../api/core/v1/service.ts';
import type { Lister } from '../api/machinery/handler.ts';
import type { InformerFactory } from '../client/informer-factory.ts';
import type { GroupListers } from './default-selector.ts';
import type { PluginsConfig } from './extension-points.ts';
import type { ProfileEntry } from './framework.ts';
import type { PluginArgs } from './plugin-args.ts';
import { defaultBinder } from './plugins/default-binder.ts';
import { defaultPreemption } from './plugins/default-preemption.ts';
import type { DefaultPreemptionOptions } from './plugins/default-preemption.ts';
import { imageLocality } from './plugins/image-locality.ts';
import { interPodAffinity } from './plugins/inter-pod-affinity.ts';
import { nodeAffinity } from './plugins/node-affinity.ts';
import { nodeName } from './plugins/node-name.ts';
import { nodePorts } from './plugins/node-ports.ts';
import { nodeResourcesBalancedAllocation } from './plugins/node-resources-balanced-allocation.ts';
import { nodeResourcesFit } from './plugins/node-resources-fit.ts';
import { nodeUnschedulable } from './plugins/node-unschedulable.ts';
import { nodeVolumeLimits } from './plugins/node-volume-limits.ts';
import { podTopologySpread } from './plugins/pod-topology-spread.ts';
import { prioritySort } from './plugins/priority-sort.ts';
import { schedulingGates } from './plugins/scheduling-gates.ts';
import { taintToleration } from './plugins/taint-toleration.ts';
import { volumeBinding } from './plugins/volume-binding.ts';
import { volumeRestrictions } from './plugins/volume-restrictions.ts';
import { volumeZone } from './plugins/volume-zone.ts';
import { storageViewOf } from './storage-view.ts';

/** What plugins may be made with. */
export interface ProfileOptions extends Omit<DefaultPreemptionOptions, 'args'> {
  informers: InformerFactory;
  /** Ends what plugins wait for. */
  signal: AbortSignal;
  /** Default: upstream's. */
  args?: PluginArgs;
}

/** One scheduler of those that run together: for the pods that name it. */
export interface SchedulerProfile {
  schedulerName: string;
  /** Makes its plugins; called once. */
  plugins(options: ProfileOptions): readonly ProfileEntry[];
  /** What runs at which point; all of them everywhere when absent. */
  chosen?: PluginsConfig;
  /** 0, or absent: adaptive. */
  percentageOfNodesToScore?: number;
}

export const DEFAULT_PROFILES: readonly SchedulerProfile[] = [
  { schedulerName: 'default-scheduler', plugins: defaultProfile },
];

export function defaultProfile({ args = {}, ...options }: ProfileOptions): readonly ProfileEntry[] {
  const storage = storageViewOf(options.informers);
  return [
    { plugin: schedulingGates },
    { plugin: prioritySort },
    { plugin: nodeUnschedulable },
    { plugin: nodeName },
    { plugin: taintToleration, weight: 3 },
    { plugin: nodeAffinity(args.NodeAffinity), weight: 2 },
    { plugin: nodePorts },
    { plugin: nodeResourcesFit(args.NodeResourcesFit), weight: 1 },
    { plugin: volumeRestrictions(storage) },
    { plugin: nodeVolumeLimits(storage) },
    { plugin: volumeBinding(storage, options, args.VolumeBinding) },
    { plugin: volumeZone(storage) },
    { plugin: podTopologySpread(groupListersOf(options.informers), args.PodTopologySpread), weight: 2 },
    { plugin: interPodAffinity(namespaceListerOf(options.informers), args.InterPodAffinity), weight: 2 },
    { plugin: nodeResourcesBalancedAllocation(args.NodeResourcesBalancedAllocation), weight: 1 },
    { plugin: imageLocality, weight: 1 },
    { plugin: defaultPreemption({ ...options, ...(args.DefaultPreemption && { args: args.DefaultPreemption }) }) },
    { plugin: defaultBinder(options.client) },
  ];
}

function namespaceListerOf(informers: InformerFactory): Lister<Namespace> {
  return informers.informer<Namespace>(namespaces).lister;
}

function groupListersOf(informers: InformerFactory): GroupListers {
  return {
    services: informers.informer<Service>(services).lister,
    replicationControllers: informers.informer<ReplicationController>(replicationControllers).lister,
    replicaSets: informers.informer<ReplicaSet>(replicaSets).lister,
    statefulSets: informers.informer<StatefulSet>(statefulSets).lister,
  };
}
