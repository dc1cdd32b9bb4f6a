/** What a Service's type and policies imply (upstream: `pkg/api/service/util.go`, `pkg/registry/core/service`). */
import type { V1Service } from '@kubernetes/client-node';
import type { WireObject } from '../../../machinery/meta.ts';

export type Service = WireObject<V1Service>;
export type ServiceSpec = NonNullable<Service['spec']>;
export type ServicePort = NonNullable<ServiceSpec['ports']>[number];

/** The spec, empty when it is missing. */
export function specOf(service: Service): ServiceSpec {
  return service.spec ?? {};
}

/** `clusterIPs` is just `None`. */
export function isHeadless(spec: ServiceSpec): boolean {
  return spec.clusterIPs?.length === 1 && spec.clusterIPs[0] === 'None';
}

/** Every type but ExternalName has a cluster IP (or `None`). */
export function needsClusterIp(spec: ServiceSpec): boolean {
  return spec.type === 'ClusterIP' || spec.type === 'NodePort' || spec.type === 'LoadBalancer';
}

export function needsNodePorts(spec: ServiceSpec): boolean {
  return spec.type === 'NodePort' || (spec.type === 'LoadBalancer' && spec.allocateLoadBalancerNodePorts !== false);
}

export function needsHealthCheckNodePort(spec: ServiceSpec): boolean {
  return spec.type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local';
}

/** Reachable from outside of the cluster: by node port, load balancer or external IPs. */
export function isExternallyAccessible(spec: ServiceSpec): boolean {
  if (spec.type === 'NodePort' || spec.type === 'LoadBalancer') return true;
  return spec.type === 'ClusterIP' && (spec.externalIPs ?? []).length > 0;
}
