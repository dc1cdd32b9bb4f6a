/**
 * Validation of a Job's status, which controllers outside of the cluster's own may write, too. Most rules hold only for
 * what a write changes: a status that was wrong before may stay (`ValidateJobStatusUpdate`, `getStatusValidationOptions`
 * of `pkg/registry/batch/job/strategy.go`).
 */
import { deepEqual } from '../../../machinery/equality.ts';
import { duplicate, fieldPath, invalid, invalidUnshown, required } from '../../../machinery/field-error.ts';
import type { FieldError, FieldPath } from '../../../machinery/field-error.ts';
import { validateNonNegative } from '../../../machinery/validation.ts';
import { commonIndex, countIndexes } from './indexes.ts';
import { hasCondition, isFinished, isIndexed } from './types.ts';
import type { Job, JobConditionType, JobStatus } from './types.ts';

const STATUS = fieldPath('status');
const CONDITIONS = STATUS.child('conditions');

interface Change {
  job: Job;
  status: JobStatus;
  before: JobStatus;
}

export function validateJobStatusUpdate(job: Job, previous: Job): FieldError[] {
  const change: Change = { job, status: job.status ?? {}, before: previous.status ?? {} };
  return [
    ...validateCounts(change.status),
    ...validateConditions(change),
    ...validateTimes(change),
    ...validateFinished(change),
    ...validateIndexes(change),
    ...validateReady(change),
    ...validateTransition(change),
  ];
}

function validateCounts(status: JobStatus): FieldError[] {
  const errors = (['active', 'succeeded', 'failed', 'ready', 'terminating'] as const).flatMap((field) =>
    validateNonNegative(status[field], STATUS.child(field)),
  );
  const seen = new Set<string>();
  for (const field of ['succeeded', 'failed'] as const) {
    for (const [i, uid] of (status.uncountedTerminatedPods?.[field] ?? []).entries()) {
      const path = STATUS.child('uncountedTerminatedPods', field).index(i);
      if (uid === '') errors.push(invalid(path, uid, 'must not be empty'));
      else if (seen.has(uid)) errors.push(duplicate(path, uid));
      seen.add(uid);
    }
  }
  return errors;
}

function changed({ status, before }: Change, ...types: JobConditionType[]): boolean {
  return types.some((type) => hasCondition(status, type) !== hasCondition(before, type));
}

/** Conditions that may not stand together, or not alone; with `whenChanged` only once one of those changes. */
const CONDITION_RULES: readonly {
  whenChanged?: readonly JobConditionType[];
  has: JobConditionType;
  and?: JobConditionType;
  without?: JobConditionType;
  detail: string;
}[] = [
  {
    whenChanged: ['Complete', 'Failed'],
    has: 'Complete',
    and: 'Failed',
    detail: 'cannot set Complete=True and Failed=true conditions',
  },
  {
    whenChanged: ['Complete', 'FailureTarget'],
    has: 'Complete',
    and: 'FailureTarget',
    detail: 'cannot set Complete=True and FailureTarget=true conditions',
  },
  {
    whenChanged: ['Failed'],
    has: 'Failed',
    without: 'FailureTarget',
    detail: 'cannot set Failed=True condition without the FailureTarget=true condition',
  },
  {
    whenChanged: ['Complete'],
    has: 'Complete',
    without: 'SuccessCriteriaMet',
    detail: 'cannot set Complete=True condition without the SuccessCriteriaMet=true condition',
  },
  {
    has: 'SuccessCriteriaMet',
    and: 'Failed',
    detail: 'cannot set SuccessCriteriaMet=True and Failed=true conditions',
  },
  {
    has: 'SuccessCriteriaMet',
    and: 'FailureTarget',
    detail: 'cannot set SuccessCriteriaMet=True and FailureTarget=true conditions',
  },
];

function validateConditions(change: Change): FieldError[] {
  const { job, status } = change;
  const broken = CONDITION_RULES.filter(({ whenChanged, has, and, without }) => {
    if (whenChanged !== undefined && !changed(change, ...whenChanged)) return false;
    if (!hasCondition(status, has)) return false;
    return and === undefined ? !hasCondition(status, without!) : hasCondition(status, and);
  });
  const errors = broken.map(({ detail }) => invalidUnshown(CONDITIONS, detail));
  const hasEnded = hasCondition(status, 'Complete') && !hasCondition(status, 'SuccessCriteriaMet');
  if (!job.spec.successPolicy || !hasEnded) return errors;
  const detail = 'cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True';
  return [...errors, invalidUnshown(CONDITIONS, detail)];
}

function validateTimes(change: Change): FieldError[] {
  const { status, before } = change;
  const { startTime, completionTime } = status;
  const path = STATUS.child('completionTime');
  const isComplete = hasCondition(status, 'Complete');
  const startChanged = startTime !== before.startTime;
  const completionChanged = completionTime !== before.completionTime;
  const errors: FieldError[] = [];
  if (changed(change, 'Complete') || completionChanged) {
    if (completionTime !== undefined && !isComplete)
      errors.push(invalid(path, completionTime, 'cannot set completionTime when there is no Complete=True condition'));
    if (completionTime === undefined && isComplete)
      errors.push(required(path, 'completionTime is required for Complete jobs'));
  }
  const isBackwards = startTime !== undefined && completionTime !== undefined && isBefore(completionTime, startTime);
  if ((startChanged || completionChanged) && isBackwards)
    errors.push(invalid(path, completionTime, 'completionTime cannot be set before startTime'));
  return errors;
}

const isBefore = (a: string, b: string): boolean => Date.parse(a) < Date.parse(b);

/** Nothing of a Job that has finished runs, or waits to be counted. */
function validateFinished({ status, before }: Change): FieldError[] {
  if (!isFinished(status)) return [];
  const isNew = !isFinished(before);
  const counts = (['active', 'terminating'] as const).flatMap((field) => {
    const count = status[field] ?? 0;
    if (count <= 0 || (!isNew && count === before[field])) return [];
    return [invalid(STATUS.child(field), count, `${field}>0 is invalid for finished job`)];
  });
  const errors: FieldError[] = [];
  if (status.startTime === undefined && (isNew || before.startTime !== undefined))
    errors.push(required(STATUS.child('startTime'), 'startTime is required for finished job'));
  const { uncountedTerminatedPods: uncounted } = status;
  const waiting = [...(uncounted?.failed ?? []), ...(uncounted?.succeeded ?? [])];
  if (waiting.length > 0 && (isNew || !deepEqual(uncounted, before.uncountedTerminatedPods))) {
    const detail = 'uncountedTerminatedPods needs to be empty for finished job';
    errors.push(invalid(STATUS.child('uncountedTerminatedPods'), uncounted, detail));
  }
  return [...counts, ...errors];
}

function validateIndexes(change: Change): FieldError[] {
  const { job, status, before } = change;
  const completedChanged = (status.completedIndexes ?? '') !== (before.completedIndexes ?? '');
  const failedChanged = status.failedIndexes !== before.failedIndexes;
  return [
    ...(completedChanged ? validateCompletedIndexes(change) : []),
    ...(failedChanged ? validateFailedIndexes(change) : []),
    ...(completedChanged || failedChanged ? validateDisjoint(status, job.spec.completions) : []),
  ];
}

function validateCompletedIndexes({ job, status: { completedIndexes = '' } }: Change): FieldError[] {
  const path = STATUS.child('completedIndexes');
  const errors = validateIndexList(completedIndexes, job.spec.completions, path);
  if (completedIndexes === '' || isIndexed(job.spec)) return errors;
  const detail = 'cannot set non-empty completedIndexes when non-indexed completion mode';
  return [...errors, invalid(path, completedIndexes, detail)];
}

function validateFailedIndexes({ job, status: { failedIndexes } }: Change): FieldError[] {
  const path = STATUS.child('failedIndexes');
  if (failedIndexes === undefined) return [];
  if (job.spec.backoffLimitPerIndex !== undefined) return validateIndexList(failedIndexes, job.spec.completions, path);
  return [invalid(path, failedIndexes, 'cannot set non-null failedIndexes when backoffLimitPerIndex is null')];
}

function validateDisjoint({ completedIndexes, failedIndexes }: JobStatus, completions = 0): FieldError[] {
  if (failedIndexes === undefined) return [];
  const common = commonIndex(completedIndexes ?? '', failedIndexes, completions);
  if (common === undefined) return [];
  const detail = `failedIndexes and completedIndexes overlap at index: ${common}`;
  return [invalid(STATUS.child('failedIndexes'), failedIndexes, detail)];
}

function validateIndexList(text: string, completions: number | undefined, path: FieldPath): FieldError[] {
  if (completions === undefined) return [];
  try {
    countIndexes(text, completions);
    return [];
  } catch (error) {
    const name = path.toString().slice('status.'.length);
    return [invalid(path, text, `error parsing ${name}: ${(error as Error).message}`)];
  }
}

function validateReady({ status, before }: Change): FieldError[] {
  const isChanged = status.ready !== before.ready || status.active !== before.active;
  if (!isChanged || status.ready === undefined || status.ready <= (status.active ?? 0)) return [];
  return [invalid(STATUS.child('ready'), status.ready, 'cannot set more ready pods than active')];
}

function validateTransition(change: Change): FieldError[] {
  const { job, status, before } = change;
  const errors = (['Failed', 'Complete', 'FailureTarget'] as const)
    .filter((type) => hasCondition(before, type) && !hasCondition(status, type))
    .map((type) => invalidUnshown(CONDITIONS, `cannot disable the terminal ${type}=True condition`));
  errors.push(...validateGrowth(change));
  const { completionTime, startTime } = status;
  if (completionTime !== undefined && before.completionTime !== undefined && completionTime !== before.completionTime)
    errors.push(invalid(STATUS.child('completionTime'), completionTime, 'completionTime cannot be mutated'));
  // A Job that is resumed starts anew.
  const isResumed = hasCondition(before, 'Suspended') && !hasCondition(status, 'Suspended') && startTime !== undefined;
  const isStartChanged = before.startTime !== undefined && before.startTime !== startTime;
  if (isStartChanged && job.spec.suspend !== true && !isResumed)
    errors.push(required(STATUS.child('startTime'), 'startTime cannot be removed for unsuspended job'));
  return [...errors, ...validateSuccessTransition(status, before)];
}

/** The pods of an indexed Job that is made smaller are no longer counted. */
function validateGrowth({ job: { spec }, status, before }: Change): FieldError[] {
  const mayShrink = isIndexed(spec) && spec.completions === spec.parallelism;
  return (['failed', 'succeeded'] as const).flatMap((field) => {
    const count = status[field] ?? 0;
    if (count >= (before[field] ?? 0) || (field === 'succeeded' && mayShrink)) return [];
    return [invalid(STATUS.child(field), count, `cannot decrease the ${field} counter`)];
  });
}

function validateSuccessTransition(status: JobStatus, before: JobStatus): FieldError[] {
  const [was, is] = [hasCondition(before, 'SuccessCriteriaMet'), hasCondition(status, 'SuccessCriteriaMet')];
  if (was && !is) return [invalidUnshown(CONDITIONS, 'cannot disable the SuccessCriteriaMet=True condition')];
  if (was || !is || !hasCondition(before, 'Complete')) return [];
  const detail = 'cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions';
  return [invalidUnshown(CONDITIONS, detail)];
}
