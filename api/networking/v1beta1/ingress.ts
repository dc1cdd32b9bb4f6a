/**
 * Ingress as manifests of 2015 to 2021 have it (upstream: `pkg/apis/networking/v1beta1`, `conversion.go` and
 * `defaults.go`, until 1.21): `spec.backend`, and backends by `serviceName` and `servicePort`. Stored as
 * `networking.k8s.io/v1`.
 */
import type { ApiObject } from '../../machinery/meta.ts';
import { defineResource } from '../../machinery/resource.ts';
import type { ObjectView, Resource } from '../../machinery/resource.ts';
import { viewStrategy } from '../../machinery/view-strategy.ts';
import { ingressColumns, ingresses } from '../v1/ingress.ts';
import type { Ingress } from '../v1/ingress.ts';
import type { HttpIngressPath, IngressBackend, IngressRule, IngressSpec } from '../v1/ingress/types.ts';

export type OldIngressBackend = Omit<IngressBackend, 'service'> & {
  serviceName?: string;
  servicePort?: string | number;
};
type OldPath = Omit<HttpIngressPath, 'backend' | 'pathType'> & { backend?: OldIngressBackend; pathType?: string };
type OldRule = Omit<IngressRule, 'http'> & { http?: { paths: OldPath[] } };
type OldSpec = Omit<IngressSpec, 'defaultBackend' | 'rules'> & { backend?: OldIngressBackend; rules?: OldRule[] };

export type OldIngress = Omit<Ingress, 'spec'> & { spec?: OldSpec };

export const ingressesV1beta1 = oldIngresses('networking.k8s.io', 'NetworkingV1beta1Ingress');

/** The kind in one of the groups that once had it. */
export function oldIngresses(group: 'networking.k8s.io' | 'extensions', schema: string): Resource<OldIngress> {
  const apiVersion = `${group}/v1beta1`;
  const view: ObjectView<OldIngress> = {
    toStored: storedIngress,
    fromStored: (object: ApiObject) => oldIngress(object as Ingress, apiVersion),
  };
  return defineResource<OldIngress>({
    group,
    version: 'v1beta1',
    scope: 'Namespaced',
    // A short name in two groups makes kubectl warn everybody who uses it.
    names: group === 'extensions' ? { ...ingresses.names, shortNames: [] } : ingresses.names,
    schema,
    storagePrefix: ingresses.storagePrefix,
    view,
    subresources: ingresses.subresources,
    additionalPrinterColumns: ingressColumns(storedIngress),
    strategy: viewStrategy(ingresses, { view, default: defaultPathTypes }),
    deprecationWarning: deprecationOf(group),
  });
}

/** As the API lifecycle of upstream's types words it. */
function deprecationOf(group: string): string {
  const since = group === 'extensions' ? 'v1.14+' : 'v1.19+';
  return `${group}/v1beta1 Ingress is deprecated in ${since}, unavailable in v1.22+; use networking.k8s.io/v1 Ingress`;
}

/** `SetDefaults_HTTPIngressPath` */
function defaultPathTypes({ spec }: OldIngress): void {
  for (const { http } of spec?.rules ?? []) {
    for (const path of http?.paths ?? []) path.pathType ??= 'ImplementationSpecific';
  }
}

function storedIngress(object: OldIngress): Ingress {
  const { apiVersion, spec, ...rest } = object;
  return {
    ...(apiVersion === undefined ? {} : { apiVersion: 'networking.k8s.io/v1' }),
    ...rest,
    ...(spec == null ? {} : { spec: storedSpec(spec) }),
  };
}

function storedSpec({ backend, rules, ...rest }: OldSpec): IngressSpec {
  return {
    ...rest,
    ...(backend && { defaultBackend: storedBackend(backend) }),
    ...(rules && { rules: mapPaths(rules, (path) => ({ ...path, backend: storedBackend(path.backend ?? {}) })) }),
  } as IngressSpec;
}

function storedBackend({ serviceName = '', servicePort, ...rest }: OldIngressBackend): IngressBackend {
  if (serviceName === '' && (servicePort === undefined || servicePort === 0)) return rest;
  const port = typeof servicePort === 'string' ? { name: servicePort } : { number: servicePort ?? 0 };
  const isNone = servicePort === undefined || servicePort === '' || servicePort === 0;
  return { ...rest, service: { name: serviceName, port: isNone ? {} : port } };
}

function oldIngress({ spec, ...rest }: Ingress, apiVersion: string): OldIngress {
  const object: OldIngress = { ...rest, ...(spec == null ? {} : { spec: oldSpec(spec) }) };
  if (object.apiVersion !== undefined) object.apiVersion = apiVersion;
  return object;
}

function oldSpec({ defaultBackend, rules, ...rest }: IngressSpec): OldSpec {
  return {
    ...rest,
    ...(defaultBackend && { backend: oldBackend(defaultBackend) }),
    ...(rules && { rules: mapPaths(rules, (path) => ({ ...path, backend: oldBackend(path.backend ?? {}) })) }),
  } as OldSpec;
}

function oldBackend({ service, ...rest }: IngressBackend): OldIngressBackend {
  if (!service) return rest;
  const { name, port } = service;
  return { ...rest, serviceName: name, servicePort: port?.name || (port?.number ?? 0) };
}

interface RuleOf<P> {
  http?: { paths?: P[] };
}

function mapPaths<P, Q>(rules: readonly RuleOf<P>[], change: (path: P) => Q): RuleOf<Q>[] {
  return rules.map((rule) => {
    if (!rule.http) return rule as unknown as RuleOf<Q>;
    return { ...rule, http: { ...rule.http, paths: (rule.http.paths ?? []).map(change) } };
  });
}
