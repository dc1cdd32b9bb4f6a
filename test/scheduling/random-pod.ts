/** Pods that ask for anything that a scheduler plugin looks at. */
import type { V1PodAffinityTerm, V1TopologySpreadConstraint } from '@kubernetes/client-node';
import type { Container, Pod, PodSpec, Toleration } from '../../api/core/v1/pod.ts';
import type { Dice } from './dice.ts';

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

export function randomPod(dice: Dice, name: string): Pod {
  const labels = { app: dice.pick(APPS), ...(dice.chance(0.5) ? { rev: dice.pick(['1', '2']) } : {}) };
  const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: `rs-${labels.app}`, uid: 'u', controller: true };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: dice.pick(NAMESPACES.slice(0, 2)),
      uid: name,
      labels,
      ...(dice.chance(0.3) ? { ownerReferences: [owner] } : {}),
    },
    spec: clean({
      containers: dice.times(1, 2, (i) => randomContainer(dice, `c${i}`)),
      initContainers: dice.maybe(0.2, () => dice.times(1, 2, (i) => randomInitContainer(dice, `i${i}`))),
      overhead: dice.maybe(0.1, () => ({ cpu: '100m', memory: '100Mi' })),
      resources: dice.maybe(0.1, () => ({ requests: clean({ cpu: '2', memory: dice.maybe(0.5, () => '2Gi') }) })),
      nodeName: dice.maybe(0.02, () => dice.pick(NODE_NAMES)),
      nodeSelector: dice.maybe(0.15, () => ({ disk: dice.pick(['ssd', 'hdd']) })),
      tolerations: dice.maybe(0.4, () => dice.times(1, 3, () => randomToleration(dice))),
      topologySpreadConstraints: dice.maybe(0.4, () => dice.times(1, 2, () => randomConstraint(dice))),
      affinity: dice.maybe(0.5, () => randomAffinity(dice)),
    }) as PodSpec,
  };
}

/** Without absent fields. */
export function clean<T extends object>(object: T): T {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as T;
}

function randomContainer(dice: Dice, name: string): Container {
  return clean({
    name,
    image: dice.pick(IMAGES),
    resources: dice.maybe(0.7, () => ({ requests: randomRequests(dice) })),
    ports: dice.maybe(0.25, () => [
      clean({
        containerPort: 80,
        hostPort: dice.pick([0, 8080, 8080, 9090]),
        protocol: dice.pick(['TCP', 'UDP', undefined]),
        hostIP: dice.pick(['10.0.0.1', '10.0.0.2', '0.0.0.0', undefined]),
      }),
    ]),
  }) as Container;
}

function randomInitContainer(dice: Dice, name: string): Container {
  const container = randomContainer(dice, name);
  return dice.chance(0.5) ? { ...container, restartPolicy: 'Always' } : container;
}

function randomRequests(dice: Dice): Record<string, string> {
  return clean({
    cpu: dice.maybe(0.8, () => dice.pick(['0', '250m', '500m', '1', '1500m'])),
    memory: dice.maybe(0.8, () => dice.pick(['64Mi', '512Mi', '1Gi', '3Gi'])),
    'ephemeral-storage': dice.maybe(0.1, () => dice.pick(['1Gi', '5Gi'])),
    'example.com/gpu': dice.maybe(0.15, () => dice.pick(['0', '1', '2'])),
    'example.org/fpga': dice.maybe(0.05, () => '1'),
    'hugepages-2Mi': dice.maybe(0.05, () => '4Mi'),
  }) as Record<string, string>;
}

function randomToleration(dice: Dice): Toleration {
  return clean({
    key: dice.pick(['k1', 'k2', 'node.kubernetes.io/unschedulable', undefined]),
    operator: dice.pick(['Exists', 'Equal', undefined]),
    value: dice.pick(['v', 'w', undefined]),
    effect: dice.pick(['NoSchedule', 'NoExecute', 'PreferNoSchedule', undefined]),
  }) as Toleration;
}

export function randomConstraint(dice: Dice, withSelector = true): V1TopologySpreadConstraint {
  const isHard = dice.chance(0.5);
  const labelSelector = withSelector ? dice.maybe(0.95, () => randomSelector(dice)) : undefined;
  return clean({
    maxSkew: dice.between(1, 3),
    topologyKey: dice.pick(KEYS),
    whenUnsatisfiable: isHard ? 'DoNotSchedule' : 'ScheduleAnyway',
    labelSelector,
    minDomains: isHard ? dice.maybe(0.5, () => dice.between(1, 4)) : undefined,
    nodeAffinityPolicy: dice.pick(['Honor', 'Ignore', undefined]),
    nodeTaintsPolicy: dice.pick(['Honor', 'Ignore', undefined]),
    matchLabelKeys: labelSelector ? dice.maybe(0.2, () => ['rev', 'none']) : undefined,
  }) as V1TopologySpreadConstraint;
}

function randomSelector(dice: Dice): NonNullable<V1PodAffinityTerm['labelSelector']> {
  if (dice.chance(0.1)) return {};
  if (dice.chance(0.6)) return { matchLabels: { app: dice.pick(APPS) } };
  const values = dice.some(APPS, 0.6);
  const expressions: Requirement[] = [
    { key: 'app', operator: 'In', values: [...values, 'zz'] },
    { key: 'app', operator: 'NotIn', values: [...values, 'zz'] },
    { key: 'rev', operator: 'Exists' },
    { key: 'rev', operator: 'DoesNotExist' },
  ];
  return { matchExpressions: [dice.pick(expressions), ...dice.some(expressions, 0.1)] };
}

function randomAffinity(dice: Dice): Affinity {
  return clean({
    nodeAffinity: dice.maybe(0.4, () => randomNodeAffinity(dice)),
    podAffinity: dice.maybe(0.4, () => randomPodAffinity(dice)),
    podAntiAffinity: dice.maybe(0.4, () => randomPodAffinity(dice)),
  }) as Affinity;
}

export function randomNodeAffinity(dice: Dice): NonNullable<Affinity['nodeAffinity']> {
  const preferences = () =>
    dice.times(1, 2, () => ({ weight: dice.between(1, 100), preference: randomNodeTerm(dice) }));
  return clean({
    requiredDuringSchedulingIgnoredDuringExecution: dice.maybe(0.5, () => ({
      nodeSelectorTerms: dice.times(1, 2, () => randomNodeTerm(dice)),
    })),
    preferredDuringSchedulingIgnoredDuringExecution: dice.maybe(0.7, preferences),
  }) as NonNullable<Affinity['nodeAffinity']>;
}

function randomNodeTerm(dice: Dice): NodeTerm {
  const expressions: Requirement[] = [
    { key: 'disk', operator: 'In', values: dice.pick([['ssd'], ['hdd'], ['ssd', 'hdd']]) },
    { key: 'disk', operator: 'NotIn', values: ['hdd'] },
    { key: 'disk', operator: 'Exists' },
    { key: 'gpu', operator: 'DoesNotExist' },
    { key: 'cores', operator: 'Gt', values: [dice.pick(['2', '8', 'many'])] },
    { key: 'cores', operator: 'Lt', values: [dice.pick(['8', '16'])] },
    { key: ZONE, operator: 'In', values: ['z0', 'z1'] },
  ];
  const names = (): Requirement => ({
    key: 'metadata.name',
    operator: dice.pick(['In', 'In', 'NotIn']),
    values: [dice.pick(NODE_NAMES)],
  });
  return clean({
    matchExpressions: dice.maybe(0.85, () => dice.times(1, 2, () => dice.pick(expressions))),
    matchFields: dice.maybe(0.12, () => dice.times(1, 2, names)),
  }) as NodeTerm;
}

function randomPodAffinity(dice: Dice): NonNullable<Affinity['podAffinity']> {
  return clean({
    requiredDuringSchedulingIgnoredDuringExecution: dice.maybe(0.5, () => dice.times(1, 2, () => randomTerm(dice))),
    preferredDuringSchedulingIgnoredDuringExecution: dice.maybe(0.6, () =>
      dice.times(1, 2, () => ({ weight: dice.between(1, 100), podAffinityTerm: randomTerm(dice) })),
    ),
  }) as NonNullable<Affinity['podAffinity']>;
}

function randomTerm(dice: Dice): V1PodAffinityTerm {
  return clean({
    topologyKey: dice.pick(KEYS),
    labelSelector: dice.maybe(0.95, () => randomSelector(dice)),
    namespaces: dice.maybe(0.15, () => dice.some(NAMESPACES, 0.5)),
    namespaceSelector: dice.maybe(0.15, () => dice.pick([{}, { matchLabels: { team: dice.pick(TEAMS) } }])),
  }) as V1PodAffinityTerm;
}
