/** A pod with what the scheduler works out of it once: requests, host ports, priority (`framework.PodInfo`). */
import type { Container, Pod } from '../api/core/v1/pod.ts';
import { podRequests } from '../api/core/v1/pod/resources.ts';
import { keyOf } from '../client/keys.ts';
import { hostPortsOf } from './host-ports.ts';
import type { HostPort } from './host-ports.ts';
import { podAffinityOf } from './pod-affinity.ts';
import type { PodAffinityTerms } from './pod-affinity.ts';
import type { Resource } from './resource.ts';
import { resourceOf } from './resource.ts';

export interface PodInfo {
  readonly pod: Pod;
  /** `namespace/name`. */
  readonly key: string;
  readonly uid: string;
  readonly priority: number;
  /** What the node must have free. While the pod is resized, the larger of old and new. */
  readonly requests: Resource;
  /** As `requests`, with a default for containers that ask for nothing: so that these too spread over nodes. */
  readonly nonZero: { readonly milliCpu: number; readonly memory: number };
  readonly hostPorts: readonly HostPort[];
  /** `undefined` for the many pods that have none. */
  readonly podAffinity: PodAffinityTerms | undefined;
}

/** `schedutil.DefaultMilliCPURequest` and `DefaultMemoryRequest`. */
const DEFAULT_REQUESTS = { cpu: '100m', memory: '200Mi' };

export function podInfoOf(pod: Pod): PodInfo {
  const requests = resourceOf(podRequests(pod, { useStatusResources: true }));
  const filled = withDefaultRequests(pod);
  const { milliCpu, memory } =
    filled === pod ? requests : resourceOf(podRequests(filled, { useStatusResources: true }));
  return {
    pod,
    key: keyOf(pod),
    uid: pod.metadata.uid ?? '',
    priority: pod.spec.priority ?? 0,
    requests,
    nonZero: { milliCpu, memory },
    hostPorts: hostPortsOf(pod),
    podAffinity: podAffinityOf(pod),
  };
}

/** The same pod when all its containers name cpu and memory. */
function withDefaultRequests(pod: Pod): Pod {
  const { containers = [], initContainers = [] } = pod.spec;
  if (containers.every(namesBoth) && initContainers.every(namesBoth)) return pod;
  const spec = { ...pod.spec, containers: containers.map(filled), initContainers: initContainers.map(filled) };
  return { ...pod, spec };
}

function namesBoth({ resources }: Container): boolean {
  const requests = resources?.requests;
  return requests !== undefined && Object.hasOwn(requests, 'cpu') && Object.hasOwn(requests, 'memory');
}

function filled(container: Container): Container {
  const requests = { ...DEFAULT_REQUESTS, ...container.resources?.requests };
  return { ...container, resources: { ...container.resources, requests } };
}
