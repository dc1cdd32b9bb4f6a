/** Pods that ask for anything that a scheduler plugin looks at. */
import type { V1PodAffinityTerm, V1TopologySpreadConstraint } from '@kubernetes/client-node';
import type { Container, Pod, PodSpec, Toleration } from '../../api/core/v1/pod.ts';
import type { Choices } from '../choices.ts';

export const APPS = ['a', 'b', 'c'];
export const ZONE = 'topology.kubernetes.io/zone';
export const HOSTNAME = 'kubernetes.io/hostname';
export const KEYS = [ZONE, HOSTNAME, 'rack'];
export const NODE_NAMES = ['n0', 'n1', 'n2', 'n3', 'n4', 'n5', 'n6', 'n7'];
export const IMAGES = ['red', 'green:v1', 'registry:5000/blue', 'registry:5000/grey:v2'];
export const TEAMS = ['x', 'y'];
export const NAMESPACES = ['default', 'other', 'third'];

type Affinity = NonNullable<PodSpec['affinity']>;
type Requirement = { key: string; operator: string; values?: string[] };
type NodeTerm = { matchExpressions?: Requirement[]; matchFields?: Requirement[] };

export function randomPod(choices: Choices, name: string): Pod {
  const labels = { app: choices.pick(APPS), ...(choices.chance(0.5) ? { rev: choices.pick(['1', '2']) } : {}) };
  const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: `rs-${labels.app}`, uid: 'u', controller: true };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: choices.pick(NAMESPACES.slice(0, 2)),
      uid: name,
      labels,
      ...(choices.chance(0.3) ? { ownerReferences: [owner] } : {}),
    },
    spec: clean({
      containers: choices.times(1, 2, (i) => randomContainer(choices, `c${i}`)),
      initContainers: choices.maybe(0.2, () => choices.times(1, 2, (i) => randomInitContainer(choices, `i${i}`))),
      overhead: choices.maybe(0.1, () => ({ cpu: '100m', memory: '100Mi' })),
      resources: choices.maybe(0.1, () => ({ requests: clean({ cpu: '2', memory: choices.maybe(0.5, () => '2Gi') }) })),
      nodeName: choices.maybe(0.02, () => choices.pick(NODE_NAMES)),
      nodeSelector: choices.maybe(0.15, () => ({ disk: choices.pick(['ssd', 'hdd']) })),
      tolerations: choices.maybe(0.4, () => choices.times(1, 3, () => randomToleration(choices))),
      topologySpreadConstraints: choices.maybe(0.4, () => choices.times(1, 2, () => randomConstraint(choices))),
      affinity: choices.maybe(0.5, () => randomAffinity(choices)),
    }) as PodSpec,
  };
}

/** Without absent fields. */
export function clean<T extends object>(object: T): T {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as T;
}

function randomContainer(choices: Choices, name: string): Container {
  return clean({
    name,
    image: choices.pick(IMAGES),
    resources: choices.maybe(0.7, () => ({ requests: randomRequests(choices) })),
    ports: choices.maybe(0.25, () => [
      clean({
        containerPort: 80,
        hostPort: choices.pick([0, 8080, 8080, 9090]),
        protocol: choices.pick(['TCP', 'UDP', undefined]),
        hostIP: choices.pick(['10.0.0.1', '10.0.0.2', '0.0.0.0', undefined]),
      }),
    ]),
  }) as Container;
}

function randomInitContainer(choices: Choices, name: string): Container {
  const container = randomContainer(choices, name);
  return choices.chance(0.5) ? { ...container, restartPolicy: 'Always' } : container;
}

function randomRequests(choices: Choices): Record<string, string> {
  return clean({
    cpu: choices.maybe(0.8, () => choices.pick(['0', '250m', '500m', '1', '1500m'])),
    memory: choices.maybe(0.8, () => choices.pick(['64Mi', '512Mi', '1Gi', '3Gi'])),
    'ephemeral-storage': choices.maybe(0.1, () => choices.pick(['1Gi', '5Gi'])),
    'example.com/gpu': choices.maybe(0.15, () => choices.pick(['0', '1', '2'])),
    'example.org/fpga': choices.maybe(0.05, () => '1'),
    'hugepages-2Mi': choices.maybe(0.05, () => '4Mi'),
  }) as Record<string, string>;
}

function randomToleration(choices: Choices): Toleration {
  return clean({
    key: choices.pick(['k1', 'k2', 'node.kubernetes.io/unschedulable', undefined]),
    operator: choices.pick(['Exists', 'Equal', undefined]),
    value: choices.pick(['v', 'w', undefined]),
    effect: choices.pick(['NoSchedule', 'NoExecute', 'PreferNoSchedule', undefined]),
  }) as Toleration;
}

export function randomConstraint(choices: Choices, withSelector = true): V1TopologySpreadConstraint {
  const isHard = choices.chance(0.5);
  const labelSelector = withSelector ? choices.maybe(0.95, () => randomSelector(choices)) : undefined;
  return clean({
    maxSkew: choices.between(1, 3),
    topologyKey: choices.pick(KEYS),
    whenUnsatisfiable: isHard ? 'DoNotSchedule' : 'ScheduleAnyway',
    labelSelector,
    minDomains: isHard ? choices.maybe(0.5, () => choices.between(1, 4)) : undefined,
    nodeAffinityPolicy: choices.pick(['Honor', 'Ignore', undefined]),
    nodeTaintsPolicy: choices.pick(['Honor', 'Ignore', undefined]),
    matchLabelKeys: labelSelector ? choices.maybe(0.2, () => ['rev', 'none']) : undefined,
  }) as V1TopologySpreadConstraint;
}

function randomSelector(choices: Choices): NonNullable<V1PodAffinityTerm['labelSelector']> {
  if (choices.chance(0.1)) return {};
  if (choices.chance(0.6)) return { matchLabels: { app: choices.pick(APPS) } };
  const values = choices.some(APPS, 0.6);
  const expressions: Requirement[] = [
    { key: 'app', operator: 'In', values: [...values, 'zz'] },
    { key: 'app', operator: 'NotIn', values: [...values, 'zz'] },
    { key: 'rev', operator: 'Exists' },
    { key: 'rev', operator: 'DoesNotExist' },
  ];
  return { matchExpressions: [choices.pick(expressions), ...choices.some(expressions, 0.1)] };
}

function randomAffinity(choices: Choices): Affinity {
  return clean({
    nodeAffinity: choices.maybe(0.4, () => randomNodeAffinity(choices)),
    podAffinity: choices.maybe(0.4, () => randomPodAffinity(choices)),
    podAntiAffinity: choices.maybe(0.4, () => randomPodAffinity(choices)),
  }) as Affinity;
}

export function randomNodeAffinity(choices: Choices): NonNullable<Affinity['nodeAffinity']> {
  const preferences = () =>
    choices.times(1, 2, () => ({ weight: choices.between(1, 100), preference: randomNodeTerm(choices) }));
  return clean({
    requiredDuringSchedulingIgnoredDuringExecution: choices.maybe(0.5, () => ({
      nodeSelectorTerms: choices.times(1, 2, () => randomNodeTerm(choices)),
    })),
    preferredDuringSchedulingIgnoredDuringExecution: choices.maybe(0.7, preferences),
  }) as NonNullable<Affinity['nodeAffinity']>;
}

function randomNodeTerm(choices: Choices): NodeTerm {
  const expressions: Requirement[] = [
    { key: 'disk', operator: 'In', values: choices.pick([['ssd'], ['hdd'], ['ssd', 'hdd']]) },
    { key: 'disk', operator: 'NotIn', values: ['hdd'] },
    { key: 'disk', operator: 'Exists' },
    { key: 'gpu', operator: 'DoesNotExist' },
    { key: 'cores', operator: 'Gt', values: [choices.pick(['2', '8', 'many'])] },
    { key: 'cores', operator: 'Lt', values: [choices.pick(['8', '16'])] },
    { key: ZONE, operator: 'In', values: ['z0', 'z1'] },
  ];
  const names = (): Requirement => ({
    key: 'metadata.name',
    operator: choices.pick(['In', 'In', 'NotIn']),
    values: [choices.pick(NODE_NAMES)],
  });
  return clean({
    matchExpressions: choices.maybe(0.85, () => choices.times(1, 2, () => choices.pick(expressions))),
    matchFields: choices.maybe(0.12, () => choices.times(1, 2, names)),
  }) as NodeTerm;
}

function randomPodAffinity(choices: Choices): NonNullable<Affinity['podAffinity']> {
  return clean({
    requiredDuringSchedulingIgnoredDuringExecution: choices.maybe(0.5, () =>
      choices.times(1, 2, () => randomTerm(choices)),
    ),
    preferredDuringSchedulingIgnoredDuringExecution: choices.maybe(0.6, () =>
      choices.times(1, 2, () => ({ weight: choices.between(1, 100), podAffinityTerm: randomTerm(choices) })),
    ),
  }) as NonNullable<Affinity['podAffinity']>;
}

function randomTerm(choices: Choices): V1PodAffinityTerm {
  return clean({
    topologyKey: choices.pick(KEYS),
    labelSelector: choices.maybe(0.95, () => randomSelector(choices)),
    namespaces: choices.maybe(0.15, () => choices.some(NAMESPACES, 0.5)),
    namespaceSelector: choices.maybe(0.15, () => choices.pick([{}, { matchLabels: { team: choices.pick(TEAMS) } }])),
  }) as V1PodAffinityTerm;
}
