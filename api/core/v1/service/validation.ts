/**
 * What a Service must satisfy, and what its writer is warned of (upstream: `pkg/apis/core/validation/validation.go`,
 * `ValidateService`; `pkg/api/service/warnings.go`). Updates have more rules in `update-validation.ts`.
 */
import { fieldPath, forbidden, invalid, notSupported, required } from '../../../machinery/field-error.ts';
import type { FieldError } from '../../../machinery/field-error.ts';
import {
  isValidCidr,
  isValidIp,
  parseIp,
  validateNonSpecialIp,
  warningsForIp,
} from '../../../machinery/validation-ip.ts';
import {
  invalidEach,
  isDns1123Subdomain,
  isQualifiedName,
  isValidPortNum,
  validateLabels,
} from '../../../machinery/validation.ts';
import { validateClusterIpFields } from './cluster-ip-validation.ts';
import { validateServicePorts } from './port-validation.ts';
import { isExternallyAccessible, isHeadless, needsHealthCheckNodePort, specOf } from './spec.ts';
import type { Service, ServiceSpec } from './spec.ts';

const TYPES = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'];
const AFFINITIES = ['ClientIP', 'None'];
const TRAFFIC_POLICIES = ['Cluster', 'Local'];
const TRAFFIC_DISTRIBUTIONS = ['PreferClose', 'PreferSameZone', 'PreferSameNode'];
const MAX_CLIENT_IP_AFFINITY_SECONDS = 86400;
const TOPOLOGY_HINTS = 'service.kubernetes.io/topology-aware-hints';
const TOPOLOGY_MODE = 'service.kubernetes.io/topology-mode';
const SOURCE_RANGES = 'service.beta.kubernetes.io/load-balancer-source-ranges';
const ONLY_LOAD_BALANCER = "may only be used when `type` is 'LoadBalancer'";

const SPEC = fieldPath('spec');

export function validateService(service: Service): FieldError[] {
  const spec = specOf(service);
  return [
    ...validateTopologyAnnotations(service),
    ...validateByType(spec),
    ...validateServicePorts(spec),
    ...validateLabels(spec.selector, SPEC.child('selector')),
    ...validateSessionAffinity(spec),
    ...validateClusterIpFields(spec),
    ...validateExternalIps(spec),
    ...validateType(spec),
    ...validateSourceRanges(service),
    ...validateLoadBalancerFields(spec),
    ...validateExternalTraffic(spec),
    ...validateInternalTraffic(spec),
  ];
}

function validateTopologyAnnotations({ metadata }: Service): FieldError[] {
  const hints = metadata.annotations?.[TOPOLOGY_HINTS];
  const mode = metadata.annotations?.[TOPOLOGY_MODE];
  if (hints === undefined || mode === undefined || hints === mode) return [];
  const path = fieldPath('metadata', 'annotations').key(TOPOLOGY_MODE);
  return [invalid(path, mode, `must match annotations[${TOPOLOGY_HINTS}] when both are specified`)];
}

/** The kubelet's port, which load balancers may not expose. */
const KUBELET_PORT = 10250;

function validateByType(spec: ServiceSpec): FieldError[] {
  const errors: FieldError[] = [];
  const ports = spec.ports ?? [];
  if (ports.length === 0 && !isHeadless(spec) && spec.type !== 'ExternalName')
    errors.push(required(SPEC.child('ports')));
  if (spec.type === 'ExternalName') return [...errors, ...validateExternalName(spec)];
  if (spec.type === 'LoadBalancer') {
    ports.forEach(({ port }, i) => {
      if (port !== KUBELET_PORT) return;
      const detail = `may not expose port ${KUBELET_PORT} externally since it is used by kubelet`;
      errors.push(invalid(SPEC.child('ports').index(i), port, detail));
    });
  }
  if (isHeadless(spec) && (spec.type === 'LoadBalancer' || spec.type === 'NodePort')) {
    errors.push(
      invalid(SPEC.child('clusterIPs').index(0), 'None', `may not be set to 'None' for ${spec.type} services`),
    );
  }
  return errors;
}

function validateExternalName(spec: ServiceSpec): FieldError[] {
  const detail = 'may not be set for ExternalName services';
  const errors: FieldError[] = [];
  if ((spec.clusterIPs ?? []).length > 0) errors.push(forbidden(SPEC.child('clusterIPs'), detail));
  if ((spec.ipFamilies ?? []).length > 0) errors.push(forbidden(SPEC.child('ipFamilies'), detail));
  if (spec.ipFamilyPolicy) errors.push(forbidden(SPEC.child('ipFamilyPolicy'), detail));
  const name = (spec.externalName ?? '').replace(/\.$/, '');
  const path = SPEC.child('externalName');
  if (name === '') errors.push(required(path));
  else errors.push(...invalidEach(path, name, isDns1123Subdomain(name)));
  return errors;
}

function validateSessionAffinity({ sessionAffinity, sessionAffinityConfig: config }: ServiceSpec): FieldError[] {
  const path = SPEC.child('sessionAffinity');
  const configPath = SPEC.child('sessionAffinityConfig');
  if (!sessionAffinity) return [required(path)];
  if (!AFFINITIES.includes(sessionAffinity)) return [notSupported(path, sessionAffinity, AFFINITIES)];
  if (sessionAffinity === 'None') {
    return config ? [forbidden(configPath, 'must not be set when session affinity is None')] : [];
  }
  if (!config) return [required(configPath, 'when session affinity type is ClientIP')];
  if (!config.clientIP) return [required(configPath.child('clientIP'), 'when session affinity type is ClientIP')];
  const timeoutPath = configPath.child('clientIP', 'timeoutSeconds');
  const seconds = config.clientIP.timeoutSeconds;
  if (seconds === undefined) return [required(timeoutPath, 'when session affinity type is ClientIP')];
  if (seconds > 0 && seconds <= MAX_CLIENT_IP_AFFINITY_SECONDS) return [];
  const detail = `must be greater than 0 and less than ${MAX_CLIENT_IP_AFFINITY_SECONDS}`;
  return [invalid(timeoutPath, seconds, detail)];
}

function validateExternalIps({ externalIPs = [] }: ServiceSpec): FieldError[] {
  return externalIPs.flatMap((ip, i) => {
    const path = SPEC.child('externalIPs').index(i);
    const errors = isValidIp(path, ip);
    return errors.length > 0 ? errors : validateNonSpecialIp(path, ip);
  });
}

function validateType({ type }: ServiceSpec): FieldError[] {
  if (!type) return [required(SPEC.child('type'))];
  return TYPES.includes(type) ? [] : [notSupported(SPEC.child('type'), type, TYPES)];
}

function validateSourceRanges({ metadata, spec }: Service): FieldError[] {
  const ranges = spec?.loadBalancerSourceRanges ?? [];
  const annotation = metadata.annotations?.[SOURCE_RANGES];
  if (ranges.length === 0 && annotation === undefined) return [];
  const fromField = ranges.length > 0;
  // Upstream writes the field with a capital letter here.
  const path = fromField
    ? SPEC.child('LoadBalancerSourceRanges')
    : fieldPath('metadata', 'annotations').key(SOURCE_RANGES);
  const errors = spec?.type === 'LoadBalancer' ? [] : [forbidden(path, ONLY_LOAD_BALANCER)];
  const listed = fromField ? ranges : annotation!.trim() === '' ? [] : annotation!.trim().split(',');
  listed.forEach((range, i) => errors.push(...isValidCidr(fromField ? path.index(i) : path, range.trim())));
  return errors;
}

function validateLoadBalancerFields(spec: ServiceSpec): FieldError[] {
  const errors: FieldError[] = [];
  const isLoadBalancer = spec.type === 'LoadBalancer';
  if (spec.allocateLoadBalancerNodePorts !== undefined && !isLoadBalancer) {
    errors.push(forbidden(SPEC.child('allocateLoadBalancerNodePorts'), ONLY_LOAD_BALANCER));
  }
  if (spec.allocateLoadBalancerNodePorts === undefined && isLoadBalancer) {
    errors.push(required(fieldPath('allocateLoadBalancerNodePorts')));
  }
  const { loadBalancerClass } = spec;
  if (loadBalancerClass === undefined) return errors;
  const path = SPEC.child('loadBalancerClass');
  if (isLoadBalancer) errors.push(...invalidEach(path, loadBalancerClass, isQualifiedName(loadBalancerClass)));
  else errors.push(forbidden(path, ONLY_LOAD_BALANCER));
  return errors;
}

function validateExternalTraffic(spec: ServiceSpec): FieldError[] {
  const errors: FieldError[] = [];
  const path = SPEC.child('externalTrafficPolicy');
  const policy = spec.externalTrafficPolicy;
  if (!isExternallyAccessible(spec)) {
    if (policy) errors.push(invalid(path, policy, 'may only be set for externally-accessible services'));
  } else if (!policy) {
    errors.push(required(path));
  } else if (!TRAFFIC_POLICIES.includes(policy)) {
    errors.push(notSupported(path, policy, TRAFFIC_POLICIES));
  }
  return [...errors, ...validateHealthCheckNodePort(spec)];
}

function validateHealthCheckNodePort(spec: ServiceSpec): FieldError[] {
  const path = SPEC.child('healthCheckNodePort');
  const port = spec.healthCheckNodePort ?? 0;
  // None given: the registry allocates one, after validation.
  if (port === 0) return [];
  if (needsHealthCheckNodePort(spec)) return invalidEach(path, port, isValidPortNum(port));
  return [invalid(path, port, "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'")];
}

function validateInternalTraffic({
  type,
  internalTrafficPolicy: policy,
  trafficDistribution,
}: ServiceSpec): FieldError[] {
  const errors: FieldError[] = [];
  const path = SPEC.child('internalTrafficPolicy');
  if (policy === undefined) {
    if (type !== 'ExternalName' && TYPES.includes(type ?? '')) errors.push(required(path));
  } else if (!TRAFFIC_POLICIES.includes(policy)) {
    errors.push(notSupported(path, policy, TRAFFIC_POLICIES));
  }
  if (trafficDistribution !== undefined && !TRAFFIC_DISTRIBUTIONS.includes(trafficDistribution)) {
    errors.push(notSupported(SPEC.child('trafficDistribution'), trafficDistribution, TRAFFIC_DISTRIBUTIONS));
  }
  return errors;
}

/** A write to `/status` (`ValidateLoadBalancerStatus`). */
export function validateServiceStatus({ spec, status }: Service): FieldError[] {
  const path = fieldPath('status', 'loadBalancer', 'ingress');
  const ingress = status?.loadBalancer?.ingress ?? [];
  if (spec?.type !== 'LoadBalancer' && ingress.length > 0) {
    return [forbidden(path, "may only be used when `spec.type` is 'LoadBalancer'")];
  }
  return ingress.flatMap(({ ip, ipMode, hostname }, i) => {
    const errors: FieldError[] = ip ? isValidIp(path.index(i).child('ip'), ip) : [];
    const modePath = path.index(i).child('ipMode');
    if (ipMode === undefined && ip) errors.push(required(modePath, 'must be specified when `ip` is set'));
    else if (ipMode !== undefined && !ip) errors.push(forbidden(modePath, 'may not be specified when `ip` is not set'));
    else if (ipMode !== undefined && !['Proxy', 'VIP'].includes(ipMode))
      errors.push(notSupported(modePath, ipMode, ['Proxy', 'VIP']));
    return hostname ? [...errors, ...validateIngressHostname(hostname, i)] : errors;
  });
}

function validateIngressHostname(hostname: string, i: number): FieldError[] {
  const path = fieldPath('status', 'loadBalancer', 'ingress').index(i).child('hostname');
  const errors = invalidEach(path, hostname, isDns1123Subdomain(hostname));
  if (parseIp(hostname) !== undefined) errors.push(invalid(path, hostname, 'must be a DNS name, not an IP address'));
  return errors;
}

export function serviceWarnings(service: Service): string[] {
  const spec = specOf(service);
  const warnings: string[] = [];
  if (service.metadata.annotations?.[TOPOLOGY_HINTS] !== undefined) {
    warnings.push(`metadata.annotations[${TOPOLOGY_HINTS}]: deprecated since v1.27; use ${TOPOLOGY_MODE} instead`);
  }
  if (isHeadless(spec)) {
    if (spec.loadBalancerIP) warnings.push('spec.loadBalancerIP is ignored for headless services');
    if ((spec.externalIPs ?? []).length > 0) warnings.push('spec.externalIPs is ignored for headless services');
    if (spec.sessionAffinity !== 'None') warnings.push('spec.SessionAffinity is ignored for headless services');
  } else {
    spec.clusterIPs?.forEach((ip, i) => warnings.push(...warningsForIp(SPEC.child('clusterIPs').index(i), ip)));
  }
  spec.externalIPs?.forEach((ip, i) => warnings.push(...warningsForIp(SPEC.child('externalIPs').index(i), ip)));
  if (spec.loadBalancerIP) warnings.push(...warningsForIp(SPEC.child('loadBalancerIP'), spec.loadBalancerIP));
  if (spec.type === 'ExternalName' && (spec.externalIPs ?? []).length > 0) {
    warnings.push('spec.externalIPs is ignored when spec.type is "ExternalName"');
  }
  return warnings;
}
