/** Defaults of a Service (upstream: `pkg/apis/core/v1/defaults.go`, `SetDefaults_Service`). */
import { isExternallyAccessible, needsClusterIp } from './spec.ts';
import type { Service, ServicePort, ServiceSpec } from './spec.ts';

/** Three hours (`core.DefaultClientIPServiceAffinitySeconds`). */
const CLIENT_IP_AFFINITY_SECONDS = 10800;

export function defaultService(service: Service): void {
  const spec = (service.spec ??= {});
  spec.type ||= 'ClusterIP';
  defaultSessionAffinity(spec);
  spec.ports?.forEach(defaultPort);
  if (isExternallyAccessible(spec)) spec.externalTrafficPolicy ||= 'Cluster';
  if (needsClusterIp(spec)) spec.internalTrafficPolicy ??= 'Cluster';
  if (spec.type === 'LoadBalancer') defaultLoadBalancer(service, spec);
}

function defaultLoadBalancer({ status }: Service, spec: ServiceSpec): void {
  spec.allocateLoadBalancerNodePorts ??= true;
  for (const ingress of status?.loadBalancer?.ingress ?? []) {
    if (ingress.ip) ingress.ipMode ??= 'VIP';
  }
}

function defaultSessionAffinity(spec: ServiceSpec): void {
  spec.sessionAffinity ||= 'None';
  if (spec.sessionAffinity === 'None') delete spec.sessionAffinityConfig;
  if (spec.sessionAffinity !== 'ClientIP') return;
  const clientIp = ((spec.sessionAffinityConfig ??= {}).clientIP ??= {});
  clientIp.timeoutSeconds ??= CLIENT_IP_AFFINITY_SECONDS;
}

function defaultPort(port: ServicePort): void {
  port.protocol ||= 'TCP';
  port.targetPort ||= port.port ?? 0;
}
