/** What a schema says of a string and of a number. */
import type { FieldError } from '../../machinery/field-error.ts';
import { hasFormat } from './formats.ts';
import { matchesPattern } from '../../machinery/pattern.ts';
import type { JsonSchemaProps } from './types.ts';
import * as problems from './value-problems.ts';

export function validateString(value: string, schema: JsonSchemaProps, path: string): FieldError[] {
  const { minLength, maxLength, pattern, format } = schema;
  const errors: FieldError[] = [];
  if (maxLength !== undefined && isLonger(value, maxLength)) errors.push(problems.tooLongText(path, maxLength));
  if (minLength !== undefined && minLength > 0 && !isLonger(value, minLength - 1))
    errors.push(problems.tooShort(path, value, minLength));
  if (pattern !== undefined && pattern !== '' && !matchesPattern(pattern, value))
    errors.push(problems.noMatch(path, value, pattern));
  if (format !== undefined && !hasFormat(value, format)) errors.push(problems.wrongFormat(path, format, value));
  return errors;
}

/** Whether it has more than `length` characters (code points, as Go counts runes). */
function isLonger(value: string, length: number): boolean {
  if (value.length <= length) return false;
  if (value.length > 2 * length) return true;
  let count = 0;
  for (const _ of value) if (++count > length) return true;
  return false;
}

export function validateNumber(value: number, schema: JsonSchemaProps, path: string): FieldError[] {
  const { minimum, maximum, multipleOf, exclusiveMinimum = false, exclusiveMaximum = false } = schema;
  const errors: FieldError[] = [];
  if (multipleOf !== undefined && !isMultiple(value, multipleOf))
    errors.push(problems.notMultiple(path, value, multipleOf));
  if (maximum !== undefined && (value > maximum || (exclusiveMaximum && value === maximum)))
    errors.push(problems.tooLarge(path, value, { maximum, exclusive: exclusiveMaximum }));
  if (minimum !== undefined && (value < minimum || (exclusiveMinimum && value === minimum)))
    errors.push(problems.tooSmall(path, value, { minimum, exclusive: exclusiveMinimum }));
  return errors;
}

function isMultiple(value: number, factor: number): boolean {
  if (factor <= 0) return true;
  const quotient = value / factor;
  return Math.abs(quotient - Math.round(quotient)) <= Number.EPSILON * Math.abs(quotient);
}
