/** What a node has granted a pod, and what its containers run with: pure. */
import type { Container, Pod, ResourceRequirements } from '../../api/core/v1/pod/types.ts';
import { isSameResources, resizableContainers } from './container-resources.ts';

export type ResourcesByContainer = Readonly<Record<string, ResourceRequirements>>;

export interface PodAllocation {
  /** Granted by the node. */
  allocated: ResourcesByContainer;
  /** What the runtime was last told of a container; of one that is not named: what was granted. */
  actuated: ResourcesByContainer;
}

export function resourcesOf(pod: Pod): ResourcesByContainer {
  return Object.fromEntries(resizableContainers(pod).map(({ name, resources }) => [name, resources ?? {}]));
}

/** `UpdatePodFromAllocation`: the pod with these resources; the same object where it asks for no other. */
export function withResources(pod: Pod, resources: ResourcesByContainer): Pod {
  const differs = ({ name, resources: own }: Container): boolean =>
    Object.hasOwn(resources, name) && !isSameResources(own, resources[name]);
  if (!resizableContainers(pod).some(differs)) return pod;
  const replaced = (container: Container): Container =>
    differs(container) ? { ...container, resources: resources[container.name]! } : container;
  const { containers, initContainers } = pod.spec;
  const spec = { ...pod.spec, containers: containers.map(replaced) };
  if (initContainers !== undefined) spec.initContainers = initContainers.map(replaced);
  return { ...pod, spec };
}

/** As the scheduler sees it: with what is allocated as its spec, and what is in use in its status. */
export function asHeld(pod: Pod, { allocated, actuated }: PodAllocation): Pod {
  const containerStatuses = Object.entries(actuated).map(([name, resources]) => ({
    name,
    resources,
    allocatedResources: allocated[name]?.requests ?? {},
  }));
  return { ...withResources(pod, allocated), status: { containerStatuses } as unknown as NonNullable<Pod['status']> };
}
