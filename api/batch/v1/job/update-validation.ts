/** What an update of a Job may change (`ValidateJobSpecUpdate`, `validationOptionsForJob`). */
import type { PodTemplateSpec } from '../../../core/v1/pod/types.ts';
import { deepEqual } from '../../../machinery/equality.ts';
import { fieldPath, invalid } from '../../../machinery/field-error.ts';
import type { FieldError } from '../../../machinery/field-error.ts';
import { validateImmutable } from '../../../machinery/validation.ts';
import { hasCondition, isIndexed } from './types.ts';
import type { Job, JobSpec } from './types.ts';

const SPEC = fieldPath('spec');

const IMMUTABLE = ['completionMode', 'podFailurePolicy', 'backoffLimitPerIndex', 'managedBy', 'successPolicy'] as const;

export function validateJobSpecUpdate(next: Job, previous: Job): FieldError[] {
  const [spec, before] = [next.spec, previous.spec];
  return [
    ...validateCompletions(spec, before),
    ...validateImmutable(spec.selector, before.selector, SPEC.child('selector')),
    ...validateTemplate(next, previous),
    ...IMMUTABLE.flatMap((field) => validateImmutable(spec[field], before[field], SPEC.child(field))),
  ];
}

/** An indexed Job is scaled by its completions and its parallelism together. */
function validateCompletions(spec: JobSpec, before: JobSpec): FieldError[] {
  const path = SPEC.child('completions');
  if (!isIndexed(spec)) return validateImmutable(spec.completions, before.completions, path);
  const { completions } = spec;
  if (completions === undefined || completions === before.completions || completions === spec.parallelism) return [];
  return [invalid(path, completions, 'can only be modified in tandem with spec.parallelism')];
}

/** The template of a suspended Job without running pods may change where they will run and what they ask for. */
function validateTemplate({ spec }: Job, { spec: before, status }: Job): FieldError[] {
  const isIdle = status?.startTime === undefined || (hasCondition(status, 'Suspended') && !status.active);
  const comparable =
    before.suspend === true && isIdle ? withChangeable(before.template, spec.template) : before.template;
  if (deepEqual(spec.template, comparable)) return [];
  return validateImmutable(spec.template, comparable, SPEC.child('template'));
}

/** `template` with everything from `wanted` that may change while a Job is suspended. */
function withChangeable(template: PodTemplateSpec, wanted: PodTemplateSpec): PodTemplateSpec {
  const { labels, annotations } = wanted.metadata ?? {};
  const { nodeSelector, tolerations, schedulingGates } = wanted.spec;
  const { nodeAffinity } = wanted.spec.affinity ?? {};
  const changed = structuredClone({
    metadata: { ...template.metadata, labels, annotations },
    spec: {
      ...template.spec,
      nodeSelector,
      tolerations,
      schedulingGates,
      affinity: { ...template.spec.affinity, nodeAffinity },
    },
  }) as PodTemplateSpec;
  for (const field of ['containers', 'initContainers'] as const) {
    for (const [i, container] of (changed.spec[field] ?? []).entries()) {
      const resources = wanted.spec[field]?.[i]?.resources;
      if (resources === undefined) delete container.resources;
      else container.resources = resources;
    }
  }
  return changed;
}
