/** What a Job makes of failed and succeeded pods (`validatePodFailurePolicy`, `validateSuccessPolicy`). */
import {
  duplicate,
  invalid,
  invalidUnshown,
  notSupported,
  required,
  tooLong,
  tooMany,
} from '../../../machinery/field-error.ts';
import type { FieldError, FieldPath } from '../../../machinery/field-error.ts';
import { invalidEach, isQualifiedName, validateNonNegative } from '../../../machinery/validation.ts';
import { countIndexes } from './indexes.ts';
import type { JobSpec } from './types.ts';

const MAX_RULES = 20;
const MAX_EXIT_CODES = 255;
const MAX_CONDITIONS = 20;
const MAX_INDEXES_LENGTH = 64 * 1024;

const ACTIONS = ['Count', 'FailIndex', 'FailJob', 'Ignore'];
const OPERATORS = ['In', 'NotIn'];
const STATUSES = ['False', 'True', 'Unknown'];

type FailurePolicy = NonNullable<JobSpec['podFailurePolicy']>;
type FailureRule = FailurePolicy['rules'][number];
type ExitCodes = NonNullable<FailureRule['onExitCodes']>;
type ConditionPattern = NonNullable<FailureRule['onPodConditions']>[number];
type SuccessPolicy = NonNullable<JobSpec['successPolicy']>;

export function validatePodFailurePolicy(policy: FailurePolicy, spec: JobSpec, path: FieldPath): FieldError[] {
  const rules = policy.rules ?? [];
  const rulesPath = path.child('rules');
  const errors = rules.length > MAX_RULES ? [tooMany(rulesPath, rules.length, MAX_RULES)] : [];
  const { containers = [], initContainers = [] } = spec.template.spec ?? {};
  const names = new Set([...containers, ...initContainers].map(({ name }) => name));
  for (const [i, rule] of rules.entries()) {
    const rulePath = rulesPath.index(i);
    errors.push(...validateAction(rule.action ?? '', spec, rulePath.child('action')));
    errors.push(...validateFailureRule(rule, names, rulePath));
  }
  return errors;
}

function validateAction(action: string, spec: JobSpec, path: FieldPath): FieldError[] {
  if (action === '') return [required(path, validValues(ACTIONS))];
  if (!ACTIONS.includes(action)) return [notSupported(path, action, ACTIONS)];
  const needsLimit = action === 'FailIndex' && spec.backoffLimitPerIndex === undefined;
  return needsLimit ? [invalid(path, action, 'requires the backoffLimitPerIndex to be set')] : [];
}

function validateFailureRule(
  { onExitCodes, onPodConditions = [] }: FailureRule,
  containerNames: ReadonlySet<string>,
  path: FieldPath,
): FieldError[] {
  const errors: FieldError[] = [];
  if (onExitCodes) errors.push(...validateExitCodes(onExitCodes, containerNames, path.child('onExitCodes')));
  const conditionsPath = path.child('onPodConditions');
  if (onPodConditions.length > MAX_CONDITIONS)
    errors.push(tooMany(conditionsPath, onPodConditions.length, MAX_CONDITIONS));
  onPodConditions.forEach((pattern, i) => errors.push(...validatePattern(pattern, conditionsPath.index(i))));
  if (onExitCodes && onPodConditions.length > 0)
    errors.push(invalidUnshown(path, 'specifying both OnExitCodes and OnPodConditions is not supported'));
  if (!onExitCodes && onPodConditions.length === 0)
    errors.push(invalidUnshown(path, 'specifying one of OnExitCodes and OnPodConditions is required'));
  return errors;
}

function validatePattern({ type = '', status = '' }: ConditionPattern, path: FieldPath): FieldError[] {
  return [
    ...invalidEach(path.child('type'), type, isQualifiedName(type)),
    ...validateRequiredOf(STATUSES, status, path.child('status')),
  ];
}

function validateExitCodes(
  { operator = '', containerName, values = [] }: ExitCodes,
  containerNames: ReadonlySet<string>,
  path: FieldPath,
): FieldError[] {
  const errors = validateRequiredOf(OPERATORS, operator, path.child('operator'));
  if (containerName !== undefined && !containerNames.has(containerName)) {
    const detail = 'must be one of the container or initContainer names in the pod template';
    errors.push(invalid(path.child('containerName'), containerName, detail));
  }
  const valuesPath = path.child('values');
  if (values.length === 0) errors.push(invalid(valuesPath, values, 'at least one value is required'));
  else if (values.length > MAX_EXIT_CODES) errors.push(tooMany(valuesPath, values.length, MAX_EXIT_CODES));
  const seen = new Set<number>();
  for (const [i, value] of values.entries()) {
    if (operator === 'In' && value === 0)
      errors.push(invalid(valuesPath.index(i), value, 'must not be 0 for the In operator'));
    if (seen.has(value)) errors.push(duplicate(valuesPath.index(i), value));
    seen.add(value);
  }
  const isOrdered = values.every((value, i) => i === 0 || values[i - 1]! <= value);
  return isOrdered ? errors : [...errors, invalid(valuesPath, values, 'must be ordered')];
}

function validateRequiredOf(supported: readonly string[], value: string, path: FieldPath): FieldError[] {
  if (value === '') return [required(path, validValues(supported))];
  return supported.includes(value) ? [] : [notSupported(path, value, supported)];
}

/** As Go prints a list with `%q`. */
function validValues(values: readonly string[]): string {
  return `valid values: [${values.map((value) => JSON.stringify(value)).join(' ')}]`;
}

/** Of an indexed Job. */
export function validateSuccessPolicy({ rules = [] }: SuccessPolicy, spec: JobSpec, path: FieldPath): FieldError[] {
  const rulesPath = path.child('rules');
  const errors: FieldError[] = [];
  if (rules.length === 0)
    errors.push(required(rulesPath, 'at least one rules must be specified when the successPolicy is specified'));
  if (rules.length > MAX_RULES) errors.push(tooMany(rulesPath, rules.length, MAX_RULES));
  const completions = spec.completions ?? 0;
  return [...errors, ...rules.flatMap((rule, i) => validateSuccessRule(rule, completions, rulesPath.index(i)))];
}

function validateSuccessRule(
  { succeededCount, succeededIndexes }: SuccessPolicy['rules'][number],
  completions: number,
  path: FieldPath,
): FieldError[] {
  const errors: FieldError[] = [];
  if (succeededCount === undefined && succeededIndexes === undefined)
    errors.push(required(path, 'at least one of succeededCount or succeededIndexes must be specified'));
  let indexes = 0;
  if (succeededIndexes !== undefined) {
    const indexesPath = path.child('succeededIndexes');
    if (succeededIndexes.length > MAX_INDEXES_LENGTH) errors.push(tooLong(indexesPath, MAX_INDEXES_LENGTH));
    try {
      indexes = countIndexes(succeededIndexes, completions);
    } catch (error) {
      const detail = `error parsing succeededIndexes: ${(error as Error).message}`;
      errors.push(invalid(indexesPath, succeededIndexes, detail));
    }
  }
  if (succeededCount === undefined) return errors;
  const countPath = path.child('succeededCount');
  errors.push(...validateNonNegative(succeededCount, countPath));
  const mostOf = (count: number, what: string): FieldError =>
    invalid(countPath, succeededCount, `must be less than or equal to ${count} (the number of ${what})`);
  if (succeededCount > completions) errors.push(mostOf(completions, 'specified completions'));
  if (succeededIndexes !== undefined && succeededCount > indexes)
    errors.push(mostOf(indexes, 'indexes in the specified succeededIndexes field'));
  return errors;
}
