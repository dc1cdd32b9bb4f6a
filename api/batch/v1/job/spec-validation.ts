/** Validation of a Job's spec, also in a CronJob's template (`pkg/apis/batch/validation/validation.go`, `validateJobSpec`). */
import { validatePodTemplateSpec } from '../../../core/v1/pod/validation.ts';
import { invalid, notSupported, required, tooLong } from '../../../machinery/field-error.ts';
import type { FieldError, FieldPath } from '../../../machinery/field-error.ts';
import { validateDomainPrefixedPath, validateNonNegative } from '../../../machinery/validation.ts';
import { validatePodFailurePolicy, validateSuccessPolicy } from './policies.ts';
import { isIndexed } from './types.ts';
import type { JobSpec } from './types.ts';

const MAX_PARALLELISM_INDEXED = 100_000;
const MAX_FAILED_INDEXES = 100_000;
/** Above so many completions, with a backoff limit per index, the other numbers are held lower. */
export const MANY_COMPLETIONS = 100_000;
const MAX_PARALLELISM_OF_MANY = 10_000;
const MAX_FAILED_INDEXES_OF_MANY = 10_000;
const MAX_MANAGED_BY_LENGTH = 63;

const COUNTS = [
  'parallelism',
  'completions',
  'activeDeadlineSeconds',
  'backoffLimit',
  'ttlSecondsAfterFinished',
  'backoffLimitPerIndex',
  'maxFailedIndexes',
] as const;

/** Everything but the selector. `path` is the spec's. */
export function validateJobSpecParts(spec: JobSpec, path: FieldPath): FieldError[] {
  const { podFailurePolicy, successPolicy, template } = spec;
  const errors = COUNTS.flatMap((field) => validateNonNegative(spec[field], path.child(field)));
  if (spec.maxFailedIndexes !== undefined && spec.backoffLimitPerIndex === undefined)
    errors.push(required(path.child('backoffLimitPerIndex'), 'when maxFailedIndexes is specified'));
  errors.push(...validateManagedBy(spec.managedBy, path.child('managedBy')));
  errors.push(...validateCompletionMode(spec, path));
  if (podFailurePolicy)
    errors.push(...validatePodFailurePolicy(podFailurePolicy, spec, path.child('podFailurePolicy')));
  if (successPolicy) {
    const policyPath = path.child('successPolicy');
    if (isIndexed(spec)) errors.push(...validateSuccessPolicy(successPolicy, spec, policyPath));
    else errors.push(invalid(policyPath, successPolicy, 'requires indexed completion mode'));
  }
  errors.push(...validateReplacement(spec, path.child('podReplacementPolicy')));
  errors.push(...validatePodTemplateSpec(template, path.child('template')));
  return [...errors, ...validateRestartPolicy(spec, path.child('template', 'spec', 'restartPolicy'))];
}

function validateManagedBy(managedBy: string | undefined, path: FieldPath): FieldError[] {
  if (managedBy === undefined) return [];
  const errors = validateDomainPrefixedPath(managedBy, path);
  return managedBy.length > MAX_MANAGED_BY_LENGTH ? [...errors, tooLong(path, MAX_MANAGED_BY_LENGTH)] : errors;
}

function validateCompletionMode(spec: JobSpec, path: FieldPath): FieldError[] {
  const mode = spec.completionMode;
  if (mode === 'Indexed') return validateIndexed(spec, path);
  const errors =
    mode === undefined || mode === 'NonIndexed'
      ? []
      : [notSupported(path.child('completionMode'), mode, ['NonIndexed', 'Indexed'])];
  if (errors.length > 0) return errors;
  return (['backoffLimitPerIndex', 'maxFailedIndexes'] as const).flatMap((field) =>
    spec[field] === undefined ? [] : [invalid(path.child(field), spec[field], 'requires indexed completion mode')],
  );
}

function validateIndexed(spec: JobSpec, path: FieldPath): FieldError[] {
  const { completions, parallelism = 0, maxFailedIndexes } = spec;
  const errors: FieldError[] = [];
  if (completions === undefined) errors.push(required(path.child('completions'), 'when completion mode is Indexed'));
  if (parallelism > MAX_PARALLELISM_INDEXED) {
    const detail = `must be less than or equal to ${MAX_PARALLELISM_INDEXED} when completion mode is Indexed`;
    errors.push(invalid(path.child('parallelism'), parallelism, detail));
  }
  const failedPath = path.child('maxFailedIndexes');
  if (completions !== undefined && maxFailedIndexes !== undefined && maxFailedIndexes > completions)
    errors.push(invalid(failedPath, maxFailedIndexes, 'must be less than or equal to completions'));
  if (maxFailedIndexes !== undefined && maxFailedIndexes > MAX_FAILED_INDEXES)
    errors.push(invalid(failedPath, maxFailedIndexes, `must be less than or equal to ${MAX_FAILED_INDEXES}`));
  const hasMany = (completions ?? 0) > MANY_COMPLETIONS && spec.backoffLimitPerIndex !== undefined;
  return hasMany ? [...errors, ...validateManyCompletions(spec, path)] : errors;
}

function validateManyCompletions({ parallelism = 0, maxFailedIndexes }: JobSpec, path: FieldPath): FieldError[] {
  const errors: FieldError[] = [];
  const when = `when completions are above ${MANY_COMPLETIONS} and used with backoff limit per index`;
  const failedPath = path.child('maxFailedIndexes');
  if (maxFailedIndexes === undefined)
    errors.push(required(failedPath, `must be specified when completions is above ${MANY_COMPLETIONS}`));
  if (parallelism > MAX_PARALLELISM_OF_MANY) {
    const detail = `must be less than or equal to ${MAX_PARALLELISM_OF_MANY} ${when}`;
    errors.push(invalid(path.child('parallelism'), parallelism, detail));
  }
  if (maxFailedIndexes !== undefined && maxFailedIndexes > MAX_FAILED_INDEXES_OF_MANY) {
    const detail = `must be less than or equal to ${MAX_FAILED_INDEXES_OF_MANY} ${when}`;
    errors.push(invalid(failedPath, maxFailedIndexes, detail));
  }
  return errors;
}

function validateReplacement({ podReplacementPolicy, podFailurePolicy }: JobSpec, path: FieldPath): FieldError[] {
  if (podReplacementPolicy === undefined) return [];
  const supported = podFailurePolicy ? ['Failed'] : ['Failed', 'TerminatingOrFailed'];
  return supported.includes(podReplacementPolicy) ? [] : [notSupported(path, podReplacementPolicy, supported)];
}

/** The default of pods, Always, counts as nothing said. */
function validateRestartPolicy({ template, podFailurePolicy }: JobSpec, path: FieldPath): FieldError[] {
  const policy = template.spec?.restartPolicy ?? '';
  if (policy === '' || policy === 'Always') return [required(path, 'valid values: "OnFailure", "Never"')];
  if (policy !== 'OnFailure' && policy !== 'Never') return [notSupported(path, policy, ['OnFailure', 'Never'])];
  if (!podFailurePolicy || policy === 'Never') return [];
  return [invalid(path, policy, 'only "Never" is supported when podFailurePolicy is specified')];
}
