/**
 * Models of API versions that the client package no longer has: each is like a model that it has, but for what is said
 * here (upstream: `staging/src/k8s.io/api/<group>/<version>/types.go`). The generator adds them to the package's.
 */
export interface OlderModel {
  name: string;
  /** Its name in OpenAPI. */
  definition: string;
  /** The model whose fields and texts it has. */
  like: string;
  /** Fields that it lacks. */
  without?: readonly string[];
  /** Fields of another type, and fields that the newer model lacks; the type as the package writes it. */
  fields?: Readonly<Record<string, string>>;
  /** Fields that need not be there, though the newer model requires them. */
  optional?: readonly string[];
}

const NETWORKING = 'io.k8s.api.networking.v1beta1';

export const OLDER_MODELS: readonly OlderModel[] = [
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
