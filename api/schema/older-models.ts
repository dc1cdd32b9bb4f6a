/**
 * Models of API versions that the client package does not have (any more): each is like a model that it has, but for
 * what is said here (upstream: `staging/src/k8s.io/api/<group>/<version>/types.go`). The generator adds them to the
 * package's.
 */
export interface OlderModel {
  name: string;
  /** Its name in OpenAPI. */
  definition: string;
  /** The model whose fields and texts it has. */
  like: string;
  /** A text of its own, where the newer model's says something else. */
  description?: string;
  /** Fields that it lacks. */
  without?: readonly string[];
  /** Fields of another type, and fields that the newer model lacks; the type as the package writes it. */
  fields?: Readonly<Record<string, string>>;
  /** Fields that need not be there, though the newer model requires them. */
  optional?: readonly string[];
  /** Fields that the newer model lacks and that are there always. */
  required?: readonly string[];
}

const NETWORKING = 'io.k8s.api.networking.v1beta1';

/** Kinds whose form is that of today, by package and by what their models' names begin with. */
const UNCHANGED: readonly [path: string, prefix: string, newer: string, kinds: string][] = [
  ['io.k8s.api.apps.v1beta1', 'AppsV1beta1', 'V1', 'ControllerRevision StatefulSet'],
  ['io.k8s.api.apps.v1beta2', 'AppsV1beta2', 'V1', 'ControllerRevision DaemonSet Deployment ReplicaSet StatefulSet'],
  ['io.k8s.api.autoscaling.v2beta2', 'AutoscalingV2beta2', 'V2', 'HorizontalPodAutoscaler'],
  ['io.k8s.api.batch.v1beta1', 'BatchV1beta1', 'V1', 'CronJob'],
  ['io.k8s.api.extensions.v1beta1', 'ExtensionsV1beta1', 'V1', 'ReplicaSet'],
  ['io.k8s.api.policy.v1beta1', 'PolicyV1beta1', 'V1', 'PodDisruptionBudget'],
  ['io.k8s.api.rbac.v1beta1', 'RbacV1beta1', 'V1', 'ClusterRole ClusterRoleBinding Role RoleBinding'],
];

/** Kinds whose spec has fields that it has no more, and need not name a selector. */
const MORE_IN_SPEC: readonly [path: string, prefix: string, kind: string, fields: Record<string, string>][] = [
  ['io.k8s.api.apps.v1beta1', 'AppsV1beta1', 'Deployment', { rollbackTo: 'V1beta1RollbackConfig' }],
  ['io.k8s.api.extensions.v1beta1', 'ExtensionsV1beta1', 'DaemonSet', { templateGeneration: 'number' }],
  ['io.k8s.api.extensions.v1beta1', 'ExtensionsV1beta1', 'Deployment', { rollbackTo: 'V1beta1RollbackConfig' }],
];

function kindAndList(path: string, name: string, { kind, like }: { kind: string; like: string }): OlderModel[] {
  return [
    { name, definition: `${path}.${kind}`, like },
    {
      name: `${name}List`,
      definition: `${path}.${kind}List`,
      like: `${like}List`,
      fields: { items: `Array<${name}>` },
    },
  ];
}

function withMoreInSpec(
  path: string,
  name: string,
  spec: { kind: string; fields: Record<string, string> },
): OlderModel[] {
  const { kind, fields } = spec;
  const [model, list] = kindAndList(path, name, { kind, like: `V1${kind}` }) as [OlderModel, OlderModel];
  return [
    { ...model, fields: { spec: `${name}Spec` } },
    list,
    { name: `${name}Spec`, definition: `${path}.${kind}Spec`, like: `V1${kind}Spec`, fields, optional: ['selector'] },
  ];
}

const METRICS = 'io.k8s.metrics.pkg.apis.metrics.v1beta1';
const USAGE = '{ [key: string]: Quantity; }';

/** Metrics are measured, not declared: of every other model they have the head only. */
function measured(kind: string, description: string, fields: Record<string, string>): OlderModel[] {
  const name = `V1beta1${kind}`;
  const [model, list] = kindAndList(METRICS, name, { kind, like: 'V1ComponentStatus' }) as [OlderModel, OlderModel];
  const own = { timestamp: 'Time', window: 'string', ...fields };
  return [
    { ...model, description, without: ['conditions'], fields: own, required: Object.keys(own) },
    { ...list, description: `A list of ${kind}.` },
  ];
}

const METRICS_MODELS: readonly OlderModel[] = [
  {
    name: 'V1beta1ContainerMetrics',
    definition: `${METRICS}.ContainerMetrics`,
    like: 'V1Preconditions',
    description: 'ContainerMetrics is what one container uses: processors over the window, memory at its end.',
    without: ['resourceVersion', 'uid'],
    fields: { name: 'string', usage: USAGE },
    required: ['name', 'usage'],
  },
  ...measured('NodeMetrics', 'NodeMetrics is what a node uses, over the window that ended at the timestamp.', {
    usage: USAGE,
  }),
  ...measured('PodMetrics', "PodMetrics is what a pod's containers use, over the window that ended at the timestamp.", {
    containers: 'Array<V1beta1ContainerMetrics>',
  }),
];

export const OLDER_MODELS: readonly OlderModel[] = [
  ...METRICS_MODELS,
  ...UNCHANGED.flatMap(([path, prefix, newer, kinds]) =>
    kinds.split(' ').flatMap((kind) => kindAndList(path, prefix + kind, { kind, like: newer + kind })),
  ),
  ...MORE_IN_SPEC.flatMap(([path, prefix, kind, fields]) => withMoreInSpec(path, prefix + kind, { kind, fields })),
  {
    name: 'V1beta1RollbackConfig',
    definition: 'io.k8s.api.extensions.v1beta1.RollbackConfig',
    like: 'V1Preconditions',
    description: 'RollbackConfig names the revision of its template to which a Deployment goes back.',
    without: ['resourceVersion', 'uid'],
    fields: { revision: 'number' },
  },
  {
    name: 'ExtensionsV1beta1Ingress',
    definition: 'io.k8s.api.extensions.v1beta1.Ingress',
    like: 'V1Ingress',
    fields: { spec: 'NetworkingV1beta1IngressSpec' },
  },
  {
    name: 'ExtensionsV1beta1IngressList',
    definition: 'io.k8s.api.extensions.v1beta1.IngressList',
    like: 'V1IngressList',
    fields: { items: 'Array<ExtensionsV1beta1Ingress>' },
  },
  {
    name: 'NetworkingV1beta1HTTPIngressPath',
    definition: `${NETWORKING}.HTTPIngressPath`,
    like: 'V1HTTPIngressPath',
    fields: { backend: 'NetworkingV1beta1IngressBackend' },
    optional: ['pathType'],
  },
  {
    name: 'NetworkingV1beta1HTTPIngressRuleValue',
    definition: `${NETWORKING}.HTTPIngressRuleValue`,
    like: 'V1HTTPIngressRuleValue',
    fields: { paths: 'Array<NetworkingV1beta1HTTPIngressPath>' },
  },
  {
    name: 'NetworkingV1beta1Ingress',
    definition: `${NETWORKING}.Ingress`,
    like: 'V1Ingress',
    fields: { spec: 'NetworkingV1beta1IngressSpec' },
  },
  {
    name: 'NetworkingV1beta1IngressBackend',
    definition: `${NETWORKING}.IngressBackend`,
    like: 'V1IngressBackend',
    without: ['service'],
    fields: { serviceName: 'string', servicePort: 'IntOrString' },
  },
  { name: 'NetworkingV1beta1IngressClass', definition: `${NETWORKING}.IngressClass`, like: 'V1IngressClass' },
  {
    name: 'NetworkingV1beta1IngressClassList',
    definition: `${NETWORKING}.IngressClassList`,
    like: 'V1IngressClassList',
    fields: { items: 'Array<NetworkingV1beta1IngressClass>' },
  },
  {
    name: 'NetworkingV1beta1IngressList',
    definition: `${NETWORKING}.IngressList`,
    like: 'V1IngressList',
    fields: { items: 'Array<NetworkingV1beta1Ingress>' },
  },
  {
    name: 'NetworkingV1beta1IngressRule',
    definition: `${NETWORKING}.IngressRule`,
    like: 'V1IngressRule',
    fields: { http: 'NetworkingV1beta1HTTPIngressRuleValue' },
  },
  {
    name: 'NetworkingV1beta1IngressSpec',
    definition: `${NETWORKING}.IngressSpec`,
    like: 'V1IngressSpec',
    without: ['defaultBackend'],
    fields: { backend: 'NetworkingV1beta1IngressBackend', rules: 'Array<NetworkingV1beta1IngressRule>' },
  },
];
