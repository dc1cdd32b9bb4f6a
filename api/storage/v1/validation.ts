/** What classes and drivers of storage have in common (upstream: `pkg/apis/storage/validation/validation.go`). */
import { deepEqual } from '../../machinery/equality.ts';
import { fieldPath, forbidden, invalid, required, tooLong } from '../../machinery/field-error.ts';
import type { FieldError, FieldPath } from '../../machinery/field-error.ts';
import { invalidEach, isQualifiedName } from '../../machinery/validation.ts';

export const STORAGE_GROUP = 'storage.k8s.io';

const MAX_PARAMETERS = 512;
const MAX_PARAMETERS_BYTES = 256 * 1024;

/** A driver's name, in whatever case. */
export function validateProvisioner(provisioner: string | undefined, path: FieldPath): FieldError[] {
  if (!provisioner) return [required(path)];
  const name = provisioner.toLowerCase();
  return invalidEach(path, name, isQualifiedName(name));
}

/** Keys are not empty, and all together are not too many nor too long. */
export function validateParameters(
  parameters: Readonly<Record<string, string>> | undefined,
  { allowEmpty }: { allowEmpty: boolean },
): FieldError[] {
  const path = fieldPath('parameters');
  const entries = Object.entries(parameters ?? {});
  if (entries.length > MAX_PARAMETERS) return [tooLong(path, MAX_PARAMETERS)];
  const errors = entries.filter(([key]) => key === '').map(([key]) => invalid(path, key, 'field can not be empty.'));
  if (bytesOf(parameters) > MAX_PARAMETERS_BYTES) errors.push(tooLong(path, MAX_PARAMETERS_BYTES));
  if (!allowEmpty && entries.length === 0) errors.push(required(path, 'must contain at least one key/value pair'));
  return errors;
}

/** All keys and values together. */
export function bytesOf(map: Readonly<Record<string, string>> | undefined): number {
  let bytes = 0;
  for (const [key, value] of Object.entries(map ?? {})) bytes += Buffer.byteLength(key) + Buffer.byteLength(value);
  return bytes;
}

/** `updates to NAME are forbidden.` for each of the fields that differ. */
export function validateUnchanged<T extends object>(next: T, previous: T, fields: readonly (keyof T)[]): FieldError[] {
  return fields
    .filter((field) => !deepEqual(next[field], previous[field]))
    .map((field) => forbidden(fieldPath(String(field)), `updates to ${String(field)} are forbidden.`));
}
