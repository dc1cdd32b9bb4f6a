/**
 * What the scheduler's throughput is measured with: the workloads of upstream's scheduler_perf with the floors of its
 * CI (test/integration/scheduler_perf), at three sizes each.
 */

/** A pod or a node as it is created; `i` counts from 0. */
type Template = (i: number) => { labels?: Record<string, string>; spec: object };

export interface Size {
  nodes: number;
  /** Scheduled before the clock starts. */
  initialPods: number;
  /** Scheduled while it runs. */
  pods: number;
}

/** What happens beside the measured pods. */
export interface Churn {
  everyMs: number;
  /** A further pod each time. */
  pod: Template;
  /** Takes the last one back, with a node and a Service that come and go too. */
  recreates?: true;
}

export interface Workload {
  name: string;
  /** Pods per second, of upstream's CI at 5,000 nodes. */
  floor: number;
  sizes: readonly Size[];
  /** Labels of the `i`th node. */
  nodeLabels?: (i: number) => Record<string, string>;
  /** A node beside the others that has room for everything. */
  largeNode?: string;
  initial: Template;
  measured: Template;
  churn?: Churn;
}

const ZONE = 'topology.kubernetes.io/zone';
const NAMESPACES = ['sched-0', 'sched-1'];

/** Nodes have no kubelets here, and go on all the same. */
const TOLERATIONS = ['not-ready', 'unreachable'].map((name) => ({
  key: `node.kubernetes.io/${name}`,
  operator: 'Exists',
}));

function spec(cpu: string | undefined, more: object = {}): object {
  const requests = { cpu, memory: '500Mi' };
  const resources = cpu === undefined ? {} : { requests };
  return {
    containers: [{ name: 'pause', image: 'registry.k8s.io/pause:3.10.1', resources }],
    terminationGracePeriodSeconds: 0,
    tolerations: TOLERATIONS,
    ...more,
  };
}

const plain: Template = () => ({ spec: spec('100m') });
/** More than any node has. */
const tooLarge: Template = () => ({ spec: spec('9', { priorityClassName: 'bench-high' }) });
const inZones = (...zones: string[]): ((i: number) => Record<string, string>) => {
  return (i) => ({ [ZONE]: zones[i % zones.length]! });
};

const nodeAffinity: Template = () => {
  const matchExpressions = [{ key: ZONE, operator: 'In', values: ['zone1', 'zone2'] }];
  const required = { nodeSelectorTerms: [{ matchExpressions }] };
  const affinity = { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: required } };
  return { spec: spec('100m', { affinity }) };
};

const spread: Template = () => {
  const labelSelector = { matchLabels: { color: 'blue' } };
  const constraint = { maxSkew: 5, topologyKey: ZONE, whenUnsatisfiable: 'DoNotSchedule', labelSelector };
  return { labels: { color: 'blue' }, spec: spec('100m', { topologySpreadConstraints: [constraint] }) };
};

function near(kind: 'podAffinity' | 'podAntiAffinity', color: string, topologyKey: string): Template {
  const term = { labelSelector: { matchLabels: { color } }, topologyKey, namespaces: NAMESPACES };
  const affinity = { [kind]: { requiredDuringSchedulingIgnoredDuringExecution: [term] } };
  return () => ({ labels: { color }, spec: spec('100m', { affinity }) });
}

const toOneNode: Template = () => {
  const matchFields = [{ key: 'metadata.name', operator: 'In', values: ['bench-node'] }];
  const required = { nodeSelectorTerms: [{ matchFields }] };
  const affinity = { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: required } };
  return { spec: spec(undefined, { affinity }) };
};

const sizes = (...rows: [nodes: number, initialPods: number, pods: number][]): Size[] =>
  rows.map(([nodes, initialPods, pods]) => ({ nodes, initialPods, pods }));

export const WORKLOADS: readonly Workload[] = [
  {
    name: 'SchedulingBasic',
    floor: 680,
    sizes: sizes([5, 5, 10], [500, 500, 1_000], [5_000, 1_000, 10_000]),
    initial: plain,
    measured: plain,
  },
  {
    name: 'DaemonSet',
    floor: 390,
    sizes: sizes([5, 0, 10], [500, 0, 1_000], [5_000, 0, 10_000]),
    largeNode: 'bench-node',
    initial: plain,
    measured: toOneNode,
  },
  {
    name: 'NodeAffinity',
    floor: 220,
    sizes: sizes([5, 5, 10], [500, 500, 1_000], [5_000, 5_000, 10_000]),
    nodeLabels: inZones('zone1'),
    initial: nodeAffinity,
    measured: nodeAffinity,
  },
  {
    name: 'TopologySpreading',
    floor: 85,
    sizes: sizes([5, 10, 10], [500, 1_000, 1_000], [5_000, 5_000, 5_000]),
    nodeLabels: inZones('moon-1', 'moon-2', 'moon-3'),
    initial: plain,
    measured: spread,
  },
  {
    name: 'PodAntiAffinity',
    floor: 60,
    sizes: sizes([5, 1, 4], [500, 100, 400], [5_000, 1_000, 2_000]),
    initial: near('podAntiAffinity', 'green', 'kubernetes.io/hostname'),
    measured: near('podAntiAffinity', 'green', 'kubernetes.io/hostname'),
  },
  {
    name: 'PodAffinity',
    floor: 35,
    sizes: sizes([5, 5, 10], [500, 500, 1_000], [5_000, 5_000, 5_000]),
    nodeLabels: inZones('zone1'),
    initial: near('podAffinity', 'blue', ZONE),
    measured: near('podAffinity', 'blue', ZONE),
  },
  {
    name: 'PreemptionAsync',
    floor: 160,
    sizes: sizes([5, 20, 5], [500, 2_000, 500], [5_000, 20_000, 5_000]),
    initial: () => ({ spec: spec('900m') }),
    measured: plain,
    churn: { everyMs: 200, pod: () => ({ spec: spec('3', { priorityClassName: 'bench-high' }) }) },
  },
  {
    name: 'Unschedulable',
    floor: 170,
    sizes: sizes([5, 1, 10], [500, 10, 1_000], [5_000, 100, 10_000]),
    initial: plain,
    measured: plain,
    churn: { everyMs: 200, pod: tooLarge },
  },
  {
    name: 'MixedChurn',
    floor: 265,
    sizes: sizes([10, 0, 100], [500, 0, 1_000], [5_000, 0, 10_000]),
    initial: plain,
    measured: plain,
    churn: { everyMs: 1_000, pod: tooLarge, recreates: true },
  },
];

/** The namespace of the initial pods, and of those that are measured. */
export const [INITIAL_NAMESPACE = '', MEASURED_NAMESPACE = ''] = NAMESPACES;
