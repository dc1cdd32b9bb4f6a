/**
 * Which fields a `KubeSchedulerConfiguration` has and of what type they are
 * (`staging/src/k8s.io/kube-scheduler/config/v1/types.go`, `types_pluginargs.go`): as strict as upstream's decoder.
 */
import { parseDuration } from '../api/cel/time.ts';
import { EXTENSION_POINTS } from './extension-points.ts';

export type Shape =
  | 'string'
  | 'integer'
  | 'boolean'
  /** Go's, as a text. */
  | 'duration'
  | 'base64'
  /** Not looked into. */
  | 'anything'
  | { listOf: Shape }
  | { fields: Readonly<Record<string, Shape>> };

type ScalarShape = Exclude<Extract<Shape, string>, 'anything'>;

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

const fields = (shapes: Readonly<Record<string, Shape>>): Shape => ({ fields: shapes });
const listOf = (shape: Shape): Shape => ({ listOf: shape });

const PLUGIN = fields({ name: 'string', weight: 'integer' });
const PLUGIN_SET = fields({ enabled: listOf(PLUGIN), disabled: listOf(PLUGIN) });
const PROFILE = fields({
  schedulerName: 'string',
  percentageOfNodesToScore: 'integer',
  plugins: fields(Object.fromEntries([...EXTENSION_POINTS, 'multiPoint'].map((point) => [point, PLUGIN_SET]))),
  pluginConfig: listOf(fields({ name: 'string', args: 'anything' })),
});

const TLS = fields({
  insecure: 'boolean',
  serverName: 'string',
  certFile: 'string',
  keyFile: 'string',
  caFile: 'string',
  certData: 'base64',
  keyData: 'base64',
  caData: 'base64',
});
const EXTENDER = fields({
  urlPrefix: 'string',
  filterVerb: 'string',
  preemptVerb: 'string',
  prioritizeVerb: 'string',
  weight: 'integer',
  bindVerb: 'string',
  enableHTTPS: 'boolean',
  tlsConfig: TLS,
  httpTimeout: 'duration',
  nodeCacheCapable: 'boolean',
  managedResources: listOf(fields({ name: 'string', ignoredByScheduler: 'boolean' })),
  ignorable: 'boolean',
});

/** Fields that say how kube-scheduler reaches the API server are read and not used: here it is in this process. */
export const CONFIGURATION: Shape = fields({
  apiVersion: 'string',
  kind: 'string',
  parallelism: 'integer',
  leaderElection: fields({
    leaderElect: 'boolean',
    leaseDuration: 'string',
    renewDeadline: 'string',
    retryPeriod: 'string',
    resourceLock: 'string',
    resourceName: 'string',
    resourceNamespace: 'string',
  }),
  clientConnection: fields({
    kubeconfig: 'string',
    acceptContentTypes: 'string',
    contentType: 'string',
    qps: 'integer',
    burst: 'integer',
  }),
  enableProfiling: 'boolean',
  enableContentionProfiling: 'boolean',
  percentageOfNodesToScore: 'integer',
  podInitialBackoffSeconds: 'integer',
  podMaxBackoffSeconds: 'integer',
  profiles: listOf(PROFILE),
  extenders: listOf(EXTENDER),
  delayCacheUntilActive: 'boolean',
});

const ARGS = { apiVersion: 'string', kind: 'string' } as const;
const RESOURCES = listOf(fields({ name: 'string', weight: 'integer' }));
const SHAPE_POINTS = listOf(fields({ utilization: 'integer', score: 'integer' }));
const REQUIREMENTS = listOf(fields({ key: 'string', operator: 'string', values: listOf('string') }));
const NODE_TERM = fields({ matchExpressions: REQUIREMENTS, matchFields: REQUIREMENTS });

/** By the plugin's name. */
export const PLUGIN_ARGS: Readonly<Record<string, Shape>> = {
  DefaultPreemption: fields({
    ...ARGS,
    minCandidateNodesPercentage: 'integer',
    minCandidateNodesAbsolute: 'integer',
  }),
  InterPodAffinity: fields({
    ...ARGS,
    hardPodAffinityWeight: 'integer',
    ignorePreferredTermsOfExistingPods: 'boolean',
  }),
  NodeAffinity: fields({
    ...ARGS,
    addedAffinity: fields({
      requiredDuringSchedulingIgnoredDuringExecution: fields({ nodeSelectorTerms: listOf(NODE_TERM) }),
      preferredDuringSchedulingIgnoredDuringExecution: listOf(fields({ weight: 'integer', preference: NODE_TERM })),
    }),
  }),
  NodeResourcesBalancedAllocation: fields({ ...ARGS, resources: RESOURCES }),
  NodeResourcesFit: fields({
    ...ARGS,
    ignoredResources: listOf('string'),
    ignoredResourceGroups: listOf('string'),
    scoringStrategy: fields({
      type: 'string',
      resources: RESOURCES,
      requestedToCapacityRatio: fields({ shape: SHAPE_POINTS }),
    }),
  }),
  PodTopologySpread: fields({
    ...ARGS,
    defaultingType: 'string',
    defaultConstraints: listOf(
      fields({
        maxSkew: 'integer',
        topologyKey: 'string',
        whenUnsatisfiable: 'string',
        labelSelector: 'anything',
        minDomains: 'integer',
        nodeAffinityPolicy: 'string',
        nodeTaintsPolicy: 'string',
        matchLabelKeys: listOf('string'),
      }),
    ),
  }),
  VolumeBinding: fields({ ...ARGS, bindTimeoutSeconds: 'integer', shape: SHAPE_POINTS }),
};

/** What is wrong with the value's form, each with its path; `null` counts as absent. */
export function shapeProblems(value: unknown, shape: Shape, path: string): string[] {
  if (value === undefined || value === null || shape === 'anything') return [];
  if (typeof shape === 'string') return isOfType(value, shape) ? [] : [`${path}: must be ${ARTICLES[shape]}`];
  if ('listOf' in shape) {
    if (!Array.isArray(value)) return [`${path}: must be a list`];
    return value.flatMap((item, i) => shapeProblems(item, shape.listOf, `${path}[${i}]`));
  }
  if (typeof value !== 'object' || Array.isArray(value))
    return [`${path === '' ? 'the file' : path}: must be an object`];
  return Object.entries(value).flatMap(([name, field]) => {
    const own = path === '' ? name : `${path}.${name}`;
    const known = Object.hasOwn(shape.fields, name) ? shape.fields[name] : undefined;
    return known === undefined ? [`unknown field ${JSON.stringify(own)}`] : shapeProblems(field, known, own);
  });
}

function isOfType(value: unknown, type: ScalarShape): boolean {
  switch (type) {
    case 'integer':
      // Go's int32.
      return Number.isInteger(value) && Math.abs(value as number) < 2 ** 31;
    case 'duration':
      return typeof value === 'string' && parseDuration(value) !== undefined;
    case 'base64':
      return typeof value === 'string' && BASE64.test(value);
    default:
      return typeof value === type;
  }
}

const ARTICLES: Readonly<Record<ScalarShape, string>> = {
  string: 'a string',
  integer: 'an integer',
  boolean: 'a boolean',
  duration: 'a duration, like "5s"',
  base64: 'base64',
};
