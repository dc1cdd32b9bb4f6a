/** Fields that hold a count or a percentage (upstream: `pkg/apis/apps/validation`, `ValidatePositiveIntOrPercent`). */
import { invalid } from './field-error.ts';
import type { FieldError, FieldPath } from './field-error.ts';
import { isValidPercent, validateNonNegative } from './validation.ts';

export type IntOrPercent = number | string;

/** A count of at least 0, or digits and `%`. */
export function validatePositiveIntOrPercent(value: IntOrPercent, path: FieldPath): FieldError[] {
  if (typeof value === 'number') return validateNonNegative(value, path);
  return isValidPercent(value).map((problem) => invalid(path, value, problem));
}

/** Counts pass; a percentage must be at most 100 %. */
export function isNotMoreThan100Percent(value: IntOrPercent, path: FieldPath): FieldError[] {
  const percent = percentOf(value);
  return percent === undefined || percent <= 100 ? [] : [invalid(path, value, 'must not be greater than 100%')];
}

/** True for `0` and `0%`. */
export function isZeroIntOrPercent(value: IntOrPercent): boolean {
  return value === 0 || percentOf(value) === 0;
}

function percentOf(value: IntOrPercent): number | undefined {
  return typeof value === 'string' && isValidPercent(value).length === 0 ? Number(value.slice(0, -1)) : undefined;
}

/**
 * The count that a value means for `total` pods (`intstr.GetScaledValueFromIntOrPercent`). Throws for text that is not
 * a percentage.
 */
export function scaledIntOrPercent(value: IntOrPercent, total: number, rounding: 'up' | 'down'): number {
  if (typeof value === 'number') return value;
  const percent = percentOf(value);
  if (percent === undefined) throw new Error(`invalid value for IntOrString: invalid type: string is not a percentage`);
  return rounding === 'up' ? Math.ceil((percent * total) / 100) : Math.floor((percent * total) / 100);
}
