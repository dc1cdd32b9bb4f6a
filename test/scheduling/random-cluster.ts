/** Small clusters with everything in them that a scheduler plugin looks at, from a seed. */
import type { ReplicaSet } from '../../api/apps/v1/replica-set.ts';
import type { Namespace } from '../../api/core/v1/namespace.ts';
import type { Node, NodeSpec, Taint } from '../../api/core/v1/node.ts';
import type { Pod } from '../../api/core/v1/pod.ts';
import type { Service } from '../../api/core/v1/service.ts';
import type { PluginArgs, ResourceSpec, ScoringStrategy } from '../../scheduler/plugin-args.ts';
import type { Dice } from './dice.ts';
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

export function randomClusterOf(dice: Dice): Cluster {
  const nodes = NODE_NAMES.slice(0, dice.between(1, NODE_NAMES.length)).map((name) => randomNode(dice, name));
  return {
    nodes,
    placed: dice.times(0, 16, (i) => ({
      pod: randomPlacedPod(dice, `old-${i}`),
      nodeName: dice.pick(nodes).metadata.name!,
    })),
    namespaces: NAMESPACES.map((name) => ({
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name, labels: { team: dice.pick(TEAMS) } },
    })),
    services: dice.times(0, 2, (i) => randomService(dice, `s${i}`)),
    replicaSets: dice.some(APPS, 0.5).map((app) => replicaSetOf(app)),
  };
}

export function randomNode(dice: Dice, name: string): Node {
  const cpu = dice.pick(['2', '4', '8']);
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name,
      labels: clean({
        [HOSTNAME]: dice.maybe(0.92, () => name),
        [ZONE]: dice.maybe(0.85, () => dice.pick(['z0', 'z1', 'z2'])),
        rack: dice.maybe(0.7, () => dice.pick(['r0', 'r1'])),
        disk: dice.maybe(0.7, () => dice.pick(['ssd', 'hdd'])),
        cores: dice.maybe(0.7, () => dice.pick(['4', '8', '16', 'few'])),
        gpu: dice.maybe(0.2, () => 'yes'),
      }) as Record<string, string>,
    },
    spec: clean({
      unschedulable: dice.maybe(0.08, () => true),
      taints: dice.maybe(0.35, () => dice.times(1, 3, () => randomTaint(dice))),
    }) as NodeSpec,
    status: {
      allocatable: clean({
        cpu,
        memory: dice.pick(['4Gi', '8Gi', '16Gi']),
        pods: dice.pick(['3', '5', '110', '110']),
        'ephemeral-storage': dice.pick([undefined, '4Gi', '20Gi']),
        'example.com/gpu': dice.pick([undefined, '2', '4']),
        'example.org/fpga': dice.maybe(0.3, () => '1'),
        'hugepages-2Mi': dice.maybe(0.3, () => '8Mi'),
      }) as Record<string, string>,
      images: dice.some(IMAGES, 0.3).map((image) => ({
        names: [image.lastIndexOf(':') <= image.lastIndexOf('/') ? `${image}:latest` : image],
        sizeBytes: dice.pick([10, 200, 700, 3000]) * 1024 * 1024,
      })),
    },
  };
}

/** Pods that run ask for what they ask for; some are on their way out. */
export function randomPlacedPod(dice: Dice, name: string): Pod {
  const pod = randomPod(dice, name);
  const leaves = dice.chance(0.1);
  return leaves ? { ...pod, metadata: { ...pod.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } } : pod;
}

function randomTaint(dice: Dice): Taint {
  return clean({
    key: dice.pick(['k1', 'k2']),
    value: dice.pick(['v', 'w', undefined]),
    effect: dice.pick(['NoSchedule', 'NoExecute', 'PreferNoSchedule', 'PreferNoSchedule']),
  }) as Taint;
}

function randomService(dice: Dice, name: string): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: dice.pick(NAMESPACES) },
    spec: clean({ selector: dice.maybe(0.9, () => ({ app: dice.pick(APPS) })) }),
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
export function randomArgs(dice: Dice): PluginArgs {
  if (dice.chance(0.5)) return {};
  return clean({
    NodeAffinity: dice.maybe(0.2, () => ({ addedAffinity: randomNodeAffinity(dice) })),
    NodeResourcesFit: dice.maybe(0.8, () =>
      clean({
        ignoredResources: dice.maybe(0.2, () => ['example.com/gpu']),
        ignoredResourceGroups: dice.maybe(0.2, () => ['example.org']),
        scoringStrategy: dice.maybe(0.9, () => randomStrategy(dice)),
      }),
    ),
    NodeResourcesBalancedAllocation: dice.maybe(0.5, () => ({ resources: randomResources(dice, () => 1) })),
    InterPodAffinity: dice.maybe(0.6, () => ({
      hardPodAffinityWeight: dice.pick([0, 1, 50]),
      ignorePreferredTermsOfExistingPods: dice.chance(0.5),
    })),
    PodTopologySpread: dice.maybe(0.6, () => ({
      defaultingType: 'List' as const,
      defaultConstraints: dice.times(0, 2, () => randomConstraint(dice, false)),
    })),
  }) as PluginArgs;
}

function randomStrategy(dice: Dice): ScoringStrategy {
  const type = dice.pick(['LeastAllocated', 'MostAllocated', 'RequestedToCapacityRatio'] as const);
  const shape = [
    { utilization: dice.between(0, 30), score: dice.between(0, 10) },
    { utilization: dice.between(31, 70), score: dice.between(0, 10) },
    { utilization: dice.between(71, 100), score: dice.between(0, 10) },
  ];
  return clean({
    type,
    resources: dice.maybe(0.7, () => randomResources(dice, () => dice.between(1, 5))),
    requestedToCapacityRatio: type === 'RequestedToCapacityRatio' ? { shape } : undefined,
  }) as ScoringStrategy;
}

function randomResources(dice: Dice, weight: () => number): ResourceSpec[] {
  const names = ['cpu', 'memory', 'example.com/gpu', 'ephemeral-storage'];
  const chosen = dice.some(names, 0.6);
  return (chosen.length === 0 ? ['memory'] : chosen).map((name) => ({ name, weight: weight() }));
}
