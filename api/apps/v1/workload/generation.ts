/** `metadata.generation` of workloads, which upstream raises in places that the generic rule does not know. */
import { deepEqual } from '../../../machinery/equality.ts';
import type { ApiObject } from '../../../machinery/meta.ts';

/**
 * For kinds whose controller copies annotations: a change of the annotations alone raises the generation too
 * (`deploymentStrategy.PrepareForUpdate`). A change of the spec is left to the generic rule, so that it counts once.
 */
export function raiseGenerationForAnnotations<T extends ApiObject & { spec?: unknown }>(next: T, previous: T): void {
  if (!deepEqual(next.spec, previous.spec)) return;
  if (deepEqual(next.metadata.annotations, previous.metadata.annotations)) return;
  next.metadata.generation = (previous.metadata.generation ?? 0) + 1;
}
