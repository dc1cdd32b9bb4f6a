/** Walks over a pod's containers of every sort, and the questions about them that many places ask. */
import type { FieldPath } from '../../../machinery/field-error.ts';
import type { AnyContainer, Container, PodSpec } from './types.ts';

export type ContainerField = 'initContainers' | 'containers' | 'ephemeralContainers';

/** Init, regular, then ephemeral containers with their paths under `path` (`pods.VisitContainersWithPath`). */
export function* containersWithPath(spec: PodSpec, path: FieldPath): Generator<[AnyContainer, FieldPath]> {
  for (const field of ['initContainers', 'containers', 'ephemeralContainers'] as const) {
    const containers: readonly AnyContainer[] = spec[field] ?? [];
    for (const [i, container] of containers.entries()) yield [container, path.child(field).index(i)];
  }
}

/** Init, regular, then ephemeral containers. */
export function allContainers(spec: PodSpec): AnyContainer[] {
  return [...(spec.initContainers ?? []), ...(spec.containers ?? []), ...(spec.ephemeralContainers ?? [])];
}

/** A sidecar: an init container that runs for as long as the pod does (`restartPolicy: Always`). */
export function isSidecar(container: Container | undefined): boolean {
  return container?.restartPolicy === 'Always';
}
