/**
 * The number of a DaemonSet's template, a field of `extensions/v1beta1` that later versions show as an annotation
 * (`pkg/apis/apps/v1/conversion.go`, `Convert_apps_DaemonSet_To_v1_DaemonSet`; `daemonSetStrategy.PrepareForUpdate`).
 */
import type { PodTemplateSpec } from '../../../core/v1/pod/types.ts';
import { deepEqual } from '../../../machinery/equality.ts';
import type { ApiObject } from '../../../machinery/meta.ts';

export const TEMPLATE_GENERATION = 'deprecated.daemonset.template.generation';

type WithTemplate = ApiObject & { spec: { template: PodTemplateSpec } };

/** 0 when there is none. */
export function templateGeneration({ metadata }: ApiObject): number {
  const text = metadata.annotations?.[TEMPLATE_GENERATION] ?? '';
  return /^\d{1,15}$/.test(text) ? Number(text) : 0;
}

export function setTemplateGeneration({ metadata }: ApiObject, generation: number): void {
  metadata.annotations = { ...metadata.annotations, [TEMPLATE_GENERATION]: String(generation) };
}

/** At creation: what the client says, at least 1. */
export function startTemplateGeneration(object: ApiObject): void {
  setTemplateGeneration(object, Math.max(1, templateGeneration(object)));
}

/** At an update: as before, and one more with every change of the template. */
export function keepTemplateGeneration(next: WithTemplate, previous: WithTemplate): void {
  const isSame = deepEqual(next.spec.template, previous.spec.template);
  setTemplateGeneration(next, templateGeneration(previous) + (isSame ? 0 : 1));
}
