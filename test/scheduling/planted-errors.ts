/** Plugins with an error each, small ones mostly, that the comparison with the reference must find. */
import type { Container, Pod, PodSpec } from '../../api/core/v1/pod.ts';
import { CONTINUE } from '../../scheduler/framework.ts';
import type { Cycle, Plugin } from '../../scheduler/framework.ts';
import { NodeChanges } from '../../scheduler/node-changes.ts';
import { podInfoOf } from '../../scheduler/pod-info.ts';
import type { Planting } from './compare.ts';

export interface PlantedError {
  plugin: string;
  /** What is wrong with it. */
  error: string;
  plant(plugin: Plugin): Plugin;
}

export function plantingOf({ plugin: name, plant }: PlantedError): Planting {
  return (profile) =>
    profile.map((entry) => (entry.plugin.name === name ? { ...entry, plugin: plant(entry.plugin) } : entry));
}

const FILTERING = [
  'NodeUnschedulable',
  'NodeName',
  'TaintToleration',
  'NodeAffinity',
  'NodePorts',
  'NodeResourcesFit',
  'PodTopologySpread',
  'InterPodAffinity',
];
const SCORING = [
  'TaintToleration',
  'NodeAffinity',
  'NodeResourcesFit',
  'PodTopologySpread',
  'InterPodAffinity',
  'NodeResourcesBalancedAllocation',
  'ImageLocality',
];

type Change = (spec: PodSpec) => Partial<Record<keyof PodSpec, unknown>>;

/** The plugin sees another pod than the one that is there. */
function seeing(change: Change): (plugin: Plugin) => Plugin {
  const changed = (cycle: Cycle): Cycle => {
    const pod = { ...cycle.pod, spec: { ...cycle.pod.spec, ...change(cycle.pod.spec) } } as Pod;
    return { ...cycle, pod, podInfo: podInfoOf(pod) };
  };
  return (plugin) => ({
    ...plugin,
    preFilter: (cycle) => plugin.preFilter?.(changed(cycle)) ?? CONTINUE,
    filter: (cycle, node) => plugin.filter?.(changed(cycle), node),
    preScore: (cycle, nodes) => plugin.preScore?.(changed(cycle), nodes),
    ...(plugin.score === undefined ? {} : { score: (cycle, node) => plugin.score!(changed(cycle), node) }),
  });
}

function withoutInTerms(...fields: string[]): Change {
  return ({ affinity }) => ({ affinity: JSON.parse(JSON.stringify(affinity ?? null), without(fields)) ?? undefined });
}

function withoutInConstraints(...fields: string[]): Change {
  return ({ topologySpreadConstraints: list = [] }) => ({
    topologySpreadConstraints: JSON.parse(JSON.stringify(list), without(fields)),
  });
}

function without(fields: readonly string[]): (key: string, value: unknown) => unknown {
  return (key, value) => (fields.includes(key) ? undefined : value);
}

const withoutKind =
  (kind: 'podAffinity' | 'podAntiAffinity'): Change =>
  ({ affinity }) => ({ affinity: affinity === undefined ? undefined : { ...affinity, [kind]: undefined } });

const withContainers =
  (change: (container: Container) => Container): Change =>
  ({ containers = [] }) => ({ containers: containers.map(change) });

const withoutInitContainers: Change = () => ({ initContainers: [] });
const withoutOverhead: Change = () => ({ overhead: undefined });
const withoutPodLevel: Change = () => ({ resources: undefined });

const withPorts = (fields: object): Change =>
  withContainers((container) => ({
    ...container,
    ...(container.ports === undefined ? {} : { ports: container.ports.map((port) => ({ ...port, ...fields })) }),
  }));

/** Counts are never brought up to date. */
function stale(plugin: Plugin): Plugin {
  const never = new NodeChanges();
  const old = (cycle: Cycle): Cycle => ({ ...cycle, snapshot: { ...cycle.snapshot, changes: never } });
  return {
    ...plugin,
    preFilter: (cycle) => plugin.preFilter!(old(cycle)),
    preScore: (cycle, nodes) => plugin.preScore!(old(cycle), nodes),
  };
}

/** Preemption is not heard. */
const deaf = (plugin: Plugin): Plugin => ({ ...plugin, removePod: () => undefined, addPod: () => undefined });

const lax = (plugin: Plugin): Plugin => ({ ...plugin, filter: () => undefined });

const miscoded = (plugin: Plugin): Plugin => ({
  ...plugin,
  filter: (cycle, node) => {
    const rejection = plugin.filter!(cycle, node);
    if (rejection === undefined) return undefined;
    const code = rejection.code === 'Unschedulable' ? 'UnschedulableAndUnresolvable' : 'Unschedulable';
    return { ...rejection, code };
  },
});

/** By one point, and never above what is allowed. */
const partial = (plugin: Plugin): Plugin => ({
  ...plugin,
  score: (cycle, node) => {
    const score = plugin.score!(cycle, node);
    return node.name === 'n0' ? Math.max(0, score - 1) : score;
  },
});

const reversed = (plugin: Plugin): Plugin => ({
  ...plugin,
  normalizeScore: (cycle, scores) => {
    plugin.normalizeScore?.(cycle, scores);
    for (const [i, score] of scores.entries()) scores[i] = 100 - score;
  },
});

const BLIND: [plugin: string, error: string, change: Change][] = [
  ['NodeUnschedulable', 'does not look at tolerations', () => ({ tolerations: [] })],
  ['TaintToleration', 'takes every toleration for one of all effects', tolerating({ effect: undefined })],
  ['TaintToleration', 'takes every toleration for one of any value', tolerating({ operator: 'Exists' })],
  ['NodeAffinity', 'forgets nodeSelector', () => ({ nodeSelector: undefined })],
  ['NodeAffinity', 'forgets matchFields', withoutInTerms('matchFields')],
  ['NodeAffinity', 'forgets required affinity', withoutInTerms('nodeSelectorTerms')],
  ['NodeAffinity', 'forgets preferences', withoutInTerms('preferredDuringSchedulingIgnoredDuringExecution')],
  ['NodePorts', 'takes every port for one of all addresses', withPorts({ hostIP: '0.0.0.0' })],
  ['NodePorts', 'takes every port for TCP', withPorts({ protocol: 'TCP' })],
  ['NodePorts', 'forgets sidecars', withoutInitContainers],
  ['NodeResourcesFit', 'forgets init containers', withoutInitContainers],
  ['NodeResourcesFit', 'forgets the overhead', withoutOverhead],
  ['NodeResourcesFit', 'forgets pod-level requests', withoutPodLevel],
  ['NodeResourcesBalancedAllocation', 'forgets init containers', withoutInitContainers],
  ['NodeResourcesBalancedAllocation', 'forgets the overhead', withoutOverhead],
  ['PodTopologySpread', 'forgets minDomains', withoutInConstraints('minDomains')],
  ['PodTopologySpread', 'forgets matchLabelKeys', withoutInConstraints('matchLabelKeys')],
  ['PodTopologySpread', 'forgets nodeAffinityPolicy', withoutInConstraints('nodeAffinityPolicy')],
  ['PodTopologySpread', 'forgets nodeTaintsPolicy', withoutInConstraints('nodeTaintsPolicy')],
  ['PodTopologySpread', 'forgets expressions', withoutInConstraints('matchExpressions')],
  ['InterPodAffinity', 'forgets affinity', withoutKind('podAffinity')],
  ['InterPodAffinity', 'forgets anti-affinity', withoutKind('podAntiAffinity')],
  ['InterPodAffinity', 'forgets namespaces', withoutInTerms('namespaces')],
  ['InterPodAffinity', 'forgets namespaceSelector', withoutInTerms('namespaceSelector')],
  ['InterPodAffinity', 'forgets preferences', withoutInTerms('preferredDuringSchedulingIgnoredDuringExecution')],
  ['ImageLocality', 'forgets init containers', withoutInitContainers],
];

function tolerating(fields: object): Change {
  return ({ tolerations = [] }) => ({ tolerations: tolerations.map((toleration) => ({ ...toleration, ...fields })) });
}

export const PLANTED_ERRORS: readonly PlantedError[] = [
  ...FILTERING.map((plugin) => ({ plugin, error: 'lets every pod in', plant: lax })),
  ...FILTERING.map((plugin) => ({ plugin, error: 'is wrong about whom preemption can help', plant: miscoded })),
  ...SCORING.map((plugin) => ({ plugin, error: 'gives the first node a point too few', plant: partial })),
  ...SCORING.map((plugin) => ({ plugin, error: 'likes what it should not', plant: reversed })),
  ...['PodTopologySpread', 'InterPodAffinity'].map((plugin) => ({
    plugin,
    error: 'counts once for all',
    plant: stale,
  })),
  ...['PodTopologySpread', 'InterPodAffinity'].map((plugin) => ({
    plugin,
    error: 'does not hear of pods that preemption takes away',
    plant: deaf,
  })),
  ...BLIND.map(([plugin, error, change]) => ({ plugin, error, plant: seeing(change) })),
];
