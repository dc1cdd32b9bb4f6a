/** Validation of the files that ConfigMaps, Secrets and the downward API put into volumes. */
import { invalid, required } from '../../../machinery/field-error.ts';
import type { FieldError, FieldPath } from '../../../machinery/field-error.ts';
import { validateFieldSelector, validateResourceFieldSelector, VOLUME_FIELD_PATHS } from './downward-api.ts';
import type { Volume } from './types.ts';
import { validateFileMode, validateLocalNonReservedPath } from './validate-paths.ts';

export type KeyToPath = NonNullable<NonNullable<Volume['configMap']>['items']>[number];

/** `validateKeyToPath` */
export function validateKeyToPath({ key, path: file, mode }: KeyToPath, path: FieldPath): FieldError[] {
  const errors = key ? [] : [required(path.child('key'))];
  if (!file) errors.push(required(path.child('path')));
  errors.push(...validateLocalNonReservedPath(file ?? '', path.child('path')));
  errors.push(...validateFileMode(mode, path.child('mode')));
  return errors;
}

type DownwardApiFile = NonNullable<NonNullable<Volume['downwardAPI']>['items']>[number];

/** `validateDownwardAPIVolumeFile`; upstream gives its paths without `items` and index. */
export function validateDownwardApiFile(file: DownwardApiFile, path: FieldPath): FieldError[] {
  const { fieldRef, resourceFieldRef } = file;
  const errors = file.path ? [] : [required(path.child('path'))];
  errors.push(...validateLocalNonReservedPath(file.path ?? '', path.child('path')));
  if (fieldRef) {
    errors.push(...validateFieldSelector(fieldRef, path.child('fieldRef'), VOLUME_FIELD_PATHS));
    const detail = 'fieldRef and resourceFieldRef can not be specified simultaneously';
    if (resourceFieldRef) errors.push(invalid(path, 'resource', detail));
  } else if (resourceFieldRef) {
    errors.push(...validateResourceFieldSelector(resourceFieldRef, path.child('resourceFieldRef'), { volume: true }));
  } else {
    errors.push(required(path, 'one of fieldRef and resourceFieldRef is required'));
  }
  errors.push(...validateFileMode(file.mode, path.child('mode')));
  return errors;
}
