/** Small clusters with everything in them that a scheduler plugin looks at, from a seed. */
import type { ReplicaSet } from '../../api/apps/v1/replica-set.ts';
import type { Namespace } from '../../api/core/v1/namespace.ts';
import type { Node, NodeSpec, Taint } from '../../api/core/v1/node.ts';
import type { Pod } from '../../api/core/v1/pod.ts';
import type { Service } from '../../api/core/v1/service.ts';
import type { PluginArgs, ResourceSpec, ScoringStrategy } from '../../scheduler/plugin-args.ts';
import type { Choices } from '../choices.ts';
import {
  APPS,
  HOSTNAME,
  IMAGES,
  NAMESPACES,
  NODE_NAMES,
  TEAMS,
  ZONE,
  clean,
  randomConstraint,
  randomNodeAffinity,
  randomPod,
} from './random-pod.ts';

/** What there is, as plain objects. */
export interface Cluster {
  nodes: Node[];
  /** Pods on nodes, in the order they came. */
  placed: { pod: Pod; nodeName: string }[];
  namespaces: Namespace[];
  services: Service[];
  replicaSets: ReplicaSet[];
}

export function randomClusterOf(choices: Choices): Cluster {
  const nodes = NODE_NAMES.slice(0, choices.between(1, NODE_NAMES.length)).map((name) => randomNode(choices, name));
  return {
    nodes,
    placed: choices.times(0, 16, (i) => ({
      pod: randomPlacedPod(choices, `old-${i}`),
      nodeName: choices.pick(nodes).metadata.name!,
    })),
    namespaces: NAMESPACES.map((name) => ({
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name, labels: { team: choices.pick(TEAMS) } },
    })),
    services: choices.times(0, 2, (i) => randomService(choices, `s${i}`)),
    replicaSets: choices.some(APPS, 0.5).map((app) => replicaSetOf(app)),
  };
}

export function randomNode(choices: Choices, name: string): Node {
  const cpu = choices.pick(['2', '4', '8']);
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name,
      labels: clean({
        [HOSTNAME]: choices.maybe(0.92, () => name),
        [ZONE]: choices.maybe(0.85, () => choices.pick(['z0', 'z1', 'z2'])),
        rack: choices.maybe(0.7, () => choices.pick(['r0', 'r1'])),
        disk: choices.maybe(0.7, () => choices.pick(['ssd', 'hdd'])),
        cores: choices.maybe(0.7, () => choices.pick(['4', '8', '16', 'few'])),
        gpu: choices.maybe(0.2, () => 'yes'),
      }) as Record<string, string>,
    },
    spec: clean({
      unschedulable: choices.maybe(0.08, () => true),
      taints: choices.maybe(0.35, () => choices.times(1, 3, () => randomTaint(choices))),
    }) as NodeSpec,
    status: {
      allocatable: clean({
        cpu,
        memory: choices.pick(['4Gi', '8Gi', '16Gi']),
        pods: choices.pick(['3', '5', '110', '110']),
        'ephemeral-storage': choices.pick([undefined, '4Gi', '20Gi']),
        'example.com/gpu': choices.pick([undefined, '2', '4']),
        'example.org/fpga': choices.maybe(0.3, () => '1'),
        'hugepages-2Mi': choices.maybe(0.3, () => '8Mi'),
      }) as Record<string, string>,
      images: choices.some(IMAGES, 0.3).map((image) => ({
        names: [image.lastIndexOf(':') <= image.lastIndexOf('/') ? `${image}:latest` : image],
        sizeBytes: choices.pick([10, 200, 700, 3000]) * 1024 * 1024,
      })),
    },
  };
}

/** Pods that run ask for what they ask for; some are on their way out. */
export function randomPlacedPod(choices: Choices, name: string): Pod {
  const pod = randomPod(choices, name);
  const leaves = choices.chance(0.1);
  return leaves ? { ...pod, metadata: { ...pod.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } } : pod;
}

function randomTaint(choices: Choices): Taint {
  return clean({
    key: choices.pick(['k1', 'k2']),
    value: choices.pick(['v', 'w', undefined]),
    effect: choices.pick(['NoSchedule', 'NoExecute', 'PreferNoSchedule', 'PreferNoSchedule']),
  }) as Taint;
}

function randomService(choices: Choices, name: string): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: choices.pick(NAMESPACES) },
    spec: clean({ selector: choices.maybe(0.9, () => ({ app: choices.pick(APPS) })) }),
  } as Service;
}

function replicaSetOf(app: string): ReplicaSet {
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: { name: `rs-${app}`, namespace: 'default' },
    spec: { selector: { matchLabels: { app } }, template: {} },
  } as unknown as ReplicaSet;
}

/** Half of all profiles are upstream's. */
export function randomArgs(choices: Choices): PluginArgs {
  if (choices.chance(0.5)) return {};
  return clean({
    NodeAffinity: choices.maybe(0.2, () => ({ addedAffinity: randomNodeAffinity(choices) })),
    NodeResourcesFit: choices.maybe(0.8, () =>
      clean({
        ignoredResources: choices.maybe(0.2, () => ['example.com/gpu']),
        ignoredResourceGroups: choices.maybe(0.2, () => ['example.org']),
        scoringStrategy: choices.maybe(0.9, () => randomStrategy(choices)),
      }),
    ),
    NodeResourcesBalancedAllocation: choices.maybe(0.5, () => ({ resources: randomResources(choices, () => 1) })),
    InterPodAffinity: choices.maybe(0.6, () => ({
      hardPodAffinityWeight: choices.pick([0, 1, 50]),
      ignorePreferredTermsOfExistingPods: choices.chance(0.5),
    })),
    PodTopologySpread: choices.maybe(0.6, () => ({
      defaultingType: 'List' as const,
      defaultConstraints: choices.times(0, 2, () => randomConstraint(choices, false)),
    })),
  }) as PluginArgs;
}

function randomStrategy(choices: Choices): ScoringStrategy {
  const type = choices.pick(['LeastAllocated', 'MostAllocated', 'RequestedToCapacityRatio'] as const);
  const shape = [
    { utilization: choices.between(0, 30), score: choices.between(0, 10) },
    { utilization: choices.between(31, 70), score: choices.between(0, 10) },
    { utilization: choices.between(71, 100), score: choices.between(0, 10) },
  ];
  return clean({
    type,
    resources: choices.maybe(0.7, () => randomResources(choices, () => choices.between(1, 5))),
    requestedToCapacityRatio: type === 'RequestedToCapacityRatio' ? { shape } : undefined,
  }) as ScoringStrategy;
}

function randomResources(choices: Choices, weight: () => number): ResourceSpec[] {
  const names = ['cpu', 'memory', 'example.com/gpu', 'ephemeral-storage'];
  const chosen = choices.some(names, 0.6);
  return (chosen.length === 0 ? ['memory'] : chosen).map((name) => ({ name, weight: weight() }));
}
