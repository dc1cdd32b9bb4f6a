/** Quality-of-service classes of pods (`pkg/apis/core/helper/qos/qos.go`). */
import { tryParseQuantity } from '../../machinery/quantity.ts';
import type { Quantity } from '../../machinery/quantity.ts';
import { hasPodLevelResources } from './pod/resources.ts';
import type { Pod, ResourceList, ResourceRequirements } from './pod/types.ts';

export type PodQosClass = 'Guaranteed' | 'Burstable' | 'BestEffort';

/** The class recorded at creation, or that which the spec gives. */
export function podQosClass(pod: Pod): PodQosClass {
  return (pod.status?.qosClass as PodQosClass | undefined) || computePodQosClass(pod);
}

const COMPUTE_RESOURCES = ['cpu', 'memory'] as const;

/**
 * From the spec alone. Guaranteed: every container has limits of cpu and memory and requests that equal them (or the
 * pod as a whole has); BestEffort: no container asks for either; else Burstable.
 */
export function computePodQosClass(pod: Pod): PodQosClass {
  const requests = new Map<string, Quantity>();
  const limits = new Map<string, Quantity>();
  let fullyLimited = true;
  for (const resources of accountedResources(pod)) {
    addPositive(requests, resources.requests);
    fullyLimited = addPositive(limits, resources.limits) === COMPUTE_RESOURCES.length && fullyLimited;
  }
  if (requests.size === 0 && limits.size === 0) return 'BestEffort';
  if (!fullyLimited || requests.size !== limits.size) return 'Burstable';
  for (const [name, request] of requests) {
    if (limits.get(name)?.cmp(request) !== 0) return 'Burstable';
  }
  return 'Guaranteed';
}

function accountedResources(pod: Pod): ResourceRequirements[] {
  if (hasPodLevelResources(pod)) return [pod.spec.resources ?? {}];
  return [...(pod.spec.containers ?? []), ...(pod.spec.initContainers ?? [])].map(({ resources }) => resources ?? {});
}

/** Gives how many of the compute resources the list has a positive amount of. */
function addPositive(sums: Map<string, Quantity>, list: ResourceList | undefined): number {
  let found = 0;
  for (const name of COMPUTE_RESOURCES) {
    const quantity = tryParseQuantity(list?.[name]);
    if (quantity === undefined || quantity.sign() <= 0) continue;
    found++;
    const sum = sums.get(name);
    sums.set(name, sum === undefined ? quantity : sum.add(quantity));
  }
  return found;
}
