/**
 * The priority levels and flow schemas that every cluster has (upstream: apiserver
 * `pkg/apis/flowcontrol/bootstrap/default.go`). Those called `exempt` and `catch-all` are mandatory: nobody may change
 * what they say. The others are suggestions that an administrator may change.
 */
import type { V1FlowSchema, V1PriorityLevelConfiguration } from '@kubernetes/client-node';
import type { WireObject } from '../../machinery/meta.ts';

export type FlowSchema = WireObject<V1FlowSchema>;
export type PriorityLevel = WireObject<V1PriorityLevelConfiguration>;

export type FlowSchemaSpec = NonNullable<FlowSchema['spec']>;
export type PriorityLevelSpec = NonNullable<PriorityLevel['spec']>;
export type PolicyRules = NonNullable<FlowSchemaSpec['rules']>[number];
export type Subject = PolicyRules['subjects'][number];
type ResourceRule = NonNullable<PolicyRules['resourceRules']>[number];

const groups = (...names: string[]): Subject[] => names.map((name) => ({ kind: 'Group', group: { name } }));
const users = (...names: string[]): Subject[] => names.map((name) => ({ kind: 'User', user: { name } }));
const systemAccounts = (...names: string[]): Subject[] =>
  names.map((name) => ({ kind: 'ServiceAccount', serviceAccount: { name, namespace: 'kube-system' } }));

const EVERYBODY = groups('system:unauthenticated', 'system:authenticated');
const EVERYTHING: Omit<PolicyRules, 'subjects'> = {
  resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'], clusterScope: true, namespaces: ['*'] }],
  nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
};

const resourcesIn = (apiGroup: string, resources: string[], rest: Partial<ResourceRule> = {}): ResourceRule => ({
  verbs: ['get', 'create', 'update'],
  apiGroups: [apiGroup],
  resources,
  namespaces: ['*'],
  ...rest,
});

type Distinguisher = 'ByUser' | 'ByNamespace' | '';

function schema(
  name: string,
  [level, matchingPrecedence, distinguisher]: [level: string, precedence: number, distinguisher: Distinguisher],
  rules: PolicyRules,
): FlowSchema {
  return {
    apiVersion: 'flowcontrol.apiserver.k8s.io/v1',
    kind: 'FlowSchema',
    metadata: { name },
    spec: {
      priorityLevelConfiguration: { name: level },
      matchingPrecedence,
      ...(distinguisher === '' ? {} : { distinguisherMethod: { type: distinguisher } }),
      rules: [rules],
    },
  };
}

function level(name: string, spec: PriorityLevelSpec): PriorityLevel {
  return {
    apiVersion: 'flowcontrol.apiserver.k8s.io/v1',
    kind: 'PriorityLevelConfiguration',
    metadata: { name },
    spec,
  };
}

interface Queued {
  shares: number;
  lendable: number;
  queues: number;
  handSize: number;
}

function queued(name: string, { shares, lendable, queues, handSize }: Queued): PriorityLevel {
  return level(name, {
    type: 'Limited',
    limited: {
      nominalConcurrencyShares: shares,
      lendablePercent: lendable,
      limitResponse: { type: 'Queue', queuing: { queues, handSize, queueLengthLimit: 50 } },
    },
  });
}

export const MANDATORY_PRIORITY_LEVELS: readonly PriorityLevel[] = [
  level('exempt', { type: 'Exempt', exempt: { nominalConcurrencyShares: 0, lendablePercent: 0 } }),
  level('catch-all', {
    type: 'Limited',
    limited: { nominalConcurrencyShares: 5, lendablePercent: 0, limitResponse: { type: 'Reject' } },
  }),
];

export const SUGGESTED_PRIORITY_LEVELS: readonly PriorityLevel[] = [
  queued('system', { shares: 30, lendable: 33, queues: 64, handSize: 6 }),
  queued('node-high', { shares: 40, lendable: 25, queues: 64, handSize: 6 }),
  queued('leader-election', { shares: 10, lendable: 0, queues: 16, handSize: 4 }),
  queued('workload-high', { shares: 40, lendable: 50, queues: 128, handSize: 6 }),
  queued('workload-low', { shares: 100, lendable: 90, queues: 128, handSize: 6 }),
  queued('global-default', { shares: 20, lendable: 50, queues: 128, handSize: 6 }),
];

export const MANDATORY_FLOW_SCHEMAS: readonly FlowSchema[] = [
  schema('exempt', ['exempt', 1, ''], { subjects: groups('system:masters'), ...EVERYTHING }),
  schema('catch-all', ['catch-all', 10_000, 'ByUser'], { subjects: EVERYBODY, ...EVERYTHING }),
];

const NODE_RULES = [
  resourcesIn('', ['nodes', 'nodes/status'], { verbs: ['*'], clusterScope: true }),
  resourcesIn('coordination.k8s.io', ['leases'], { verbs: ['*'] }),
];

export const SUGGESTED_FLOW_SCHEMAS: readonly FlowSchema[] = [
  schema('system-nodes', ['system', 500, 'ByUser'], { subjects: groups('system:nodes'), ...EVERYTHING }),
  schema('system-node-high', ['node-high', 400, 'ByUser'], {
    subjects: groups('system:nodes'),
    resourceRules: NODE_RULES,
  }),
  schema('probes', ['exempt', 2, ''], {
    subjects: EVERYBODY,
    nonResourceRules: [{ verbs: ['get'], nonResourceURLs: ['/healthz', '/readyz', '/livez'] }],
  }),
  schema('system-leader-election', ['leader-election', 100, 'ByUser'], {
    subjects: [...users('system:kube-controller-manager', 'system:kube-scheduler'), ...systemAccounts('*')],
    resourceRules: [resourcesIn('coordination.k8s.io', ['leases'])],
  }),
  schema('workload-leader-election', ['leader-election', 200, 'ByUser'], {
    subjects: systemAccounts('*'),
    resourceRules: [resourcesIn('coordination.k8s.io', ['leases'])],
  }),
  schema('endpoint-controller', ['workload-high', 150, 'ByUser'], {
    subjects: [
      ...users('system:kube-controller-manager'),
      ...systemAccounts('endpoint-controller', 'endpointslicemirroring-controller'),
    ],
    resourceRules: [resourcesIn('', ['endpoints'])],
  }),
  schema('kube-controller-manager', ['workload-high', 800, 'ByNamespace'], {
    subjects: users('system:kube-controller-manager'),
    ...EVERYTHING,
  }),
  schema('kube-scheduler', ['workload-high', 800, 'ByNamespace'], {
    subjects: users('system:kube-scheduler'),
    ...EVERYTHING,
  }),
  schema('kube-system-service-accounts', ['workload-high', 900, 'ByNamespace'], {
    subjects: systemAccounts('*'),
    ...EVERYTHING,
  }),
  schema('service-accounts', ['workload-low', 9000, 'ByUser'], {
    subjects: groups('system:serviceaccounts'),
    ...EVERYTHING,
  }),
  schema('global-default', ['global-default', 9900, 'ByUser'], { subjects: EVERYBODY, ...EVERYTHING }),
];
