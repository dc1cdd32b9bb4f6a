/**
 * What every cluster has from its first second: the system namespaces and the Service through which pods reach the
 * API server, and the priority classes of what the cluster cannot do without (upstream: kube-apiserver's
 * `systemnamespaces` and `kubernetesservice` controllers, `pkg/registry/scheduling/rest`).
 */
import type { ApiObject } from '../api/machinery/meta.ts';
import { SYSTEM_PRIORITY_CLASSES } from '../api/scheduling/v1/priority-class.ts';

export const SYSTEM_NAMESPACES = ['default', 'kube-system', 'kube-public', 'kube-node-lease'] as const;

export function systemNamespaces(): ApiObject[] {
  return SYSTEM_NAMESPACES.map((name) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } }));
}

export function systemPriorityClasses(): ApiObject[] {
  return SYSTEM_PRIORITY_CLASSES.map(({ name, value, description }) => {
    const content = { value, description, preemptionPolicy: 'PreemptLowerPriority' };
    return { apiVersion: 'scheduling.k8s.io/v1', kind: 'PriorityClass', metadata: { name }, ...content };
  });
}

const LABELS = { component: 'apiserver', provider: 'kubernetes' };

export function kubernetesService(serviceIp: string, apiPort: number): ApiObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'kubernetes', namespace: 'default', labels: LABELS },
    spec: {
      clusterIP: serviceIp,
      ports: [{ name: 'https', port: 443, protocol: 'TCP', targetPort: apiPort }],
      type: 'ClusterIP',
      sessionAffinity: 'None',
    },
  } as ApiObject;
}

/** The range of Services' addresses, by the name that upstream gives it. */
export function kubernetesServiceCidr(cidr: string): ApiObject {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'ServiceCIDR',
    metadata: { name: 'kubernetes' },
    spec: { cidrs: [cidr] },
  } as ApiObject;
}

/** The Service has no selector: its endpoints are the API server's own address. */
export function kubernetesEndpointSlice(address: string, apiPort: number): ApiObject {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: 'kubernetes', namespace: 'default', labels: { 'kubernetes.io/service-name': 'kubernetes' } },
    addressType: 'IPv4',
    endpoints: [{ addresses: [address], conditions: { ready: true } }],
    ports: [{ name: 'https', port: apiPort, protocol: 'TCP' }],
  } as ApiObject;
}

export function kubernetesEndpoints(address: string, apiPort: number): ApiObject {
  return {
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: {
      name: 'kubernetes',
      namespace: 'default',
      labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' },
    },
    subsets: [{ addresses: [{ ip: address }], ports: [{ name: 'https', port: apiPort, protocol: 'TCP' }] }],
  } as ApiObject;
}
