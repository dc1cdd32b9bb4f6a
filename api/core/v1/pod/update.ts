/** What may change in a pod that exists (`pkg/apis/core/validation/validation.go ValidatePodUpdate`). */
import { deepEqual } from '../../../machinery/equality.ts';
import { fieldPath, forbidden, invalid, required } from '../../../machinery/field-error.ts';
import type { FieldError, FieldPath } from '../../../machinery/field-error.ts';
import { rangeMessage } from '../../../machinery/validation.ts';
import { describeDifference } from './difference.ts';
import type { Affinity, Container, Pod, PodSpec } from './types.ts';
import { validatePodAnnotationsUpdate } from './validate-annotations.ts';
import { validateImageText } from './validate-containers.ts';
import { validateSchedulingGatesUpdate, validateTolerationsUpdate } from './validate-scheduling.ts';
import { validatePodAndSpec } from './validation.ts';

/** `updatablePodSpecFieldsNoResources` */
const UPDATABLE_FIELDS = [
  '`spec.containers[*].image`',
  '`spec.initContainers[*].image`',
  '`spec.activeDeadlineSeconds`',
  '`spec.tolerations` (only additions to existing tolerations)',
  '`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)',
].join(',');

const MAX_INT32 = 2 ** 31 - 1;
const SPEC = fieldPath('spec');

export function validatePodUpdate(next: Pod, previous: Pod): FieldError[] {
  const errors = validatePodAndSpec(next);
  errors.push(...validatePodAnnotationsUpdate(next, previous, fieldPath('metadata', 'annotations')));
  for (const field of ['containers', 'initContainers'] as const) {
    const path = SPEC.child(field);
    const containers = next.spec[field] ?? [];
    if (containers.length !== (previous.spec[field] ?? []).length) {
      return [...errors, forbidden(path, 'pod updates may not add or remove containers')];
    }
    errors.push(...validateImages(containers, path));
  }
  const deadline = validateDeadline(next.spec, previous.spec, SPEC.child('activeDeadlineSeconds'));
  errors.push(...deadline.errors);
  if (deadline.stop) return errors;
  errors.push(...validateTolerationsUpdate(next.spec, previous.spec, SPEC.child('tolerations')));
  errors.push(...validateSchedulingGatesUpdate(next.spec, previous.spec, SPEC.child('schedulingGates')));
  if (!deepEqual(next.spec, previous.spec)) errors.push(...validateOnlyUpdatable(next.spec, previous.spec));
  return errors;
}

function validateImages(containers: readonly Container[], path: FieldPath): FieldError[] {
  return containers.flatMap((container, i) => [
    ...(container.image ? [] : [required(path.index(i).child('image'))]),
    ...validateImageText(container, path.index(i)),
  ]);
}

/** From none to any, or to a smaller one. */
function validateDeadline(next: PodSpec, previous: PodSpec, path: FieldPath): { errors: FieldError[]; stop: boolean } {
  const [after, before] = [next.activeDeadlineSeconds, previous.activeDeadlineSeconds];
  if (after == null) {
    const detail = 'must not update from a positive integer to nil value';
    return { errors: before == null ? [] : [invalid(path, null, detail)], stop: false };
  }
  if (after < 0 || after > MAX_INT32) return { errors: [invalid(path, after, rangeMessage(0, MAX_INT32))], stop: true };
  if (before != null && before < after) {
    return { errors: [invalid(path, after, 'must be less than or equal to previous value')], stop: true };
  }
  return { errors: [], stop: false };
}

function validateOnlyUpdatable(next: PodSpec, previous: PodSpec): FieldError[] {
  const errors: FieldError[] = [];
  const kept = { ...next };
  keepImages(kept, previous, 'containers');
  keepImages(kept, previous, 'initContainers');
  for (const field of ['activeDeadlineSeconds', 'schedulingGates', 'tolerations'] as const) keep(kept, previous, field);
  const wasNegative = (previous.terminationGracePeriodSeconds ?? 0) < 0;
  if (wasNegative && next.terminationGracePeriodSeconds === 1) keep(kept, previous, 'terminationGracePeriodSeconds');
  if (previous.schedulingGates?.length) errors.push(...validateGatedPlacement(kept, previous));
  if (deepEqual(kept, previous)) return errors;
  const detail = `pod updates may not change fields other than ${UPDATABLE_FIELDS}\n`;
  return [...errors, forbidden(SPEC, detail + describeDifference(previous, kept, 'spec'))];
}

function keep(kept: PodSpec, previous: PodSpec, field: keyof PodSpec): void {
  if (previous[field] === undefined) delete kept[field];
  else Object.assign(kept, { [field]: previous[field] });
}

function keepImages(kept: PodSpec, previous: PodSpec, field: 'containers' | 'initContainers'): void {
  const containers = kept[field];
  if (!containers) return;
  kept[field] = containers.map((container, i) => {
    const copy = { ...container };
    const image = previous[field]?.[i]?.image;
    if (image === undefined) delete copy.image;
    else copy.image = image;
    return copy;
  });
}

/** A gated pod may still be narrowed to fewer nodes. What was allowed is taken back in `kept`. */
function validateGatedPlacement(kept: PodSpec, previous: PodSpec): FieldError[] {
  const errors: FieldError[] = [];
  if (!deepEqual(kept.nodeSelector, previous.nodeSelector)) {
    errors.push(...validateNodeSelectorGrowth(kept, previous));
    keep(kept, previous, 'nodeSelector');
  }
  const [after, before] = [kept.affinity?.nodeAffinity, previous.affinity?.nodeAffinity];
  if (deepEqual(after, before)) return errors;
  errors.push(...validateNodeAffinityGrowth(after, before, SPEC.child('affinity', 'nodeAffinity')));
  const { nodeAffinity: _replaced, ...others } = kept.affinity ?? {};
  kept.affinity = before === undefined ? others : { ...others, nodeAffinity: before };
  return errors;
}

function validateNodeSelectorGrowth(
  { nodeSelector: after = {} }: PodSpec,
  { nodeSelector: before = {} }: PodSpec,
): FieldError[] {
  if (Object.entries(before).every(([key, value]) => after[key] === value)) return [];
  const detail = 'only additions to spec.nodeSelector are allowed (no mutations or deletions)';
  return [invalid(SPEC.child('nodeSelector'), after, detail)];
}

type NodeAffinity = Affinity['nodeAffinity'];

function validateNodeAffinityGrowth(after: NodeAffinity, before: NodeAffinity, path: FieldPath): FieldError[] {
  const oldTerms = before?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  const newTerms = after?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  const termsPath = path.child('requiredDuringSchedulingIgnoredDuringExecution', 'nodeSelectorTerms');
  if (oldTerms.length === 0) return [];
  if (oldTerms.length !== newTerms.length) {
    const detail = 'no additions/deletions to non-empty NodeSelectorTerms list are allowed';
    return [invalid(termsPath, newTerms, detail)];
  }
  return oldTerms.flatMap((term, i) => {
    if (hasOnlyAdditions(newTerms[i]!, term)) return [];
    return [invalid(termsPath.index(i), newTerms[i], 'only additions are allowed (no mutations or deletions)')];
  });
}

type Term = NonNullable<
  NonNullable<NonNullable<NodeAffinity>['requiredDuringSchedulingIgnoredDuringExecution']>['nodeSelectorTerms']
>[number];

/** An empty term selects nothing: additions would widen it. */
function hasOnlyAdditions(after: Term, before: Term): boolean {
  const fields = ['matchExpressions', 'matchFields'] as const;
  const isEmpty = (term: Term): boolean => fields.every((field) => (term[field] ?? []).length === 0);
  if (isEmpty(before)) return isEmpty(after);
  return fields.every((field) => {
    const old = before[field] ?? [];
    return deepEqual((after[field] ?? []).slice(0, old.length), old);
  });
}
