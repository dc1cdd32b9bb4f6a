/** Paths that users give and nodes will open (`validateLocalDescendingPath` and relatives in `validation.go`). */
import { invalid } from '../../../machinery/field-error.ts';
import type { FieldError, FieldPath } from '../../../machinery/field-error.ts';

/** `validation.fileModeErrorMsg` */
const FILE_MODE_MESSAGE = 'must be a number between 0 and 0777 (octal), both inclusive';

export function hasBackstep(path: string): boolean {
  return path.includes('..') && path.split('/').includes('..');
}

/** No element is `..`. */
export function validateNoBacksteps(value: string, path: FieldPath): FieldError[] {
  return hasBackstep(value) ? [invalid(path, value, "must not contain '..'")] : [];
}

/** Relative, and no element is `..`. */
export function validateLocalDescendingPath(value: string, path: FieldPath): FieldError[] {
  const errors = value.startsWith('/') ? [invalid(path, value, 'must be a relative path')] : [];
  errors.push(...validateNoBacksteps(value, path));
  return errors;
}

/** Also not in the part that atomic volume updates keep for themselves (names that begin with `..`). */
export function validateLocalNonReservedPath(value: string, path: FieldPath): FieldError[] {
  const errors = validateLocalDescendingPath(value, path);
  if (value.startsWith('..') && !value.startsWith('../')) errors.push(invalid(path, value, "must not start with '..'"));
  return errors;
}

/** Permission bits; absent is right. */
export function validateFileMode(mode: number | undefined | null, path: FieldPath): FieldError[] {
  const isRight = mode === undefined || mode === null || (mode >= 0 && mode <= 0o777);
  return isRight ? [] : [invalid(path, mode, FILE_MODE_MESSAGE)];
}
