/** Validation of environment variables (`pkg/apis/core/validation/validation.go ValidateEnv`, `ValidateEnvFrom`). */
import { invalid, notFoundValue, required } from '../../../machinery/field-error.ts';
import type { FieldError, FieldPath } from '../../../machinery/field-error.ts';
import {
  invalidEach,
  isConfigMapKey,
  isDns1123Label,
  isEnvVarName,
  validateDnsSubdomainName,
} from '../../../machinery/validation.ts';
import { ENV_FIELD_PATHS, validateFieldSelector, validateResourceFieldSelector } from './downward-api.ts';
import type { AnyContainer, EnvVar, Volume } from './types.ts';
import { validateLocalNonReservedPath } from './validate-paths.ts';

type ValueSource = NonNullable<EnvVar['valueFrom']>;

/** `volumes` are the pod's, for variables that are read from files. */
export function validateEnv(
  env: AnyContainer['env'],
  path: FieldPath,
  volumes: ReadonlyMap<string, Volume>,
): FieldError[] {
  const errors: FieldError[] = [];
  for (const [i, variable] of (env ?? []).entries()) {
    const { name = '', valueFrom } = variable;
    if (name === '') errors.push(required(path.index(i).child('name')));
    else if (!isPlainName(name)) errors.push(...invalidEach(path.index(i).child('name'), name, isEnvVarName(name)));
    if (valueFrom) errors.push(...validateValueSource(variable, path.index(i).child('valueFrom'), volumes));
  }
  return errors;
}

/** Nearly all names are: no need for the full check. */
const isPlainName = (name: string): boolean => /^[A-Za-z_]\w*$/.test(name);

function validateValueSource(
  { value, valueFrom }: EnvVar,
  path: FieldPath,
  volumes: ReadonlyMap<string, Volume>,
): FieldError[] {
  const source: ValueSource = valueFrom ?? {};
  const errors = validateReferences(source, path);
  if (source.fileKeyRef) errors.push(...validateFileKey(source.fileKeyRef, path.child('fileKeyRef'), volumes));
  const count = Object.values(source).filter((reference) => reference != null).length;
  if (count === 0) {
    const choice = '`fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`';
    errors.push(invalid(path, '', `must specify one of: ${choice}`));
  } else if (value) {
    errors.push(invalid(path, '', 'may not be specified when `value` is not empty'));
  } else if (count > 1) {
    errors.push(invalid(path, '', 'may not have more than one field specified at a time'));
  }
  return errors;
}

function validateReferences(source: ValueSource, path: FieldPath): FieldError[] {
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef } = source;
  const errors: FieldError[] = [];
  if (fieldRef) errors.push(...validateFieldSelector(fieldRef, path.child('fieldRef'), ENV_FIELD_PATHS));
  if (resourceFieldRef) {
    errors.push(...validateResourceFieldSelector(resourceFieldRef, path.child('resourceFieldRef'), { volume: false }));
  }
  if (configMapKeyRef) errors.push(...validateKeySelector(configMapKeyRef, path.child('configMapKeyRef')));
  if (secretKeyRef) errors.push(...validateKeySelector(secretKeyRef, path.child('secretKeyRef')));
  return errors;
}

function validateKeySelector({ name = '', key }: { name?: string; key: string }, path: FieldPath): FieldError[] {
  const errors = invalidEach(path.child('name'), name, validateDnsSubdomainName(name, false));
  if (!key) errors.push(required(path.child('key')));
  else errors.push(...invalidEach(path.child('key'), key, isConfigMapKey(key)));
  return errors;
}

function validateFileKey(
  { key, path: file, volumeName }: NonNullable<ValueSource['fileKeyRef']>,
  path: FieldPath,
  volumes: ReadonlyMap<string, Volume>,
): FieldError[] {
  const errors = key ? invalidEach(path.child('key'), key, isEnvVarName(key)) : [required(path.child('key'))];
  const namePath = path.child('volumeName');
  if (!volumeName) errors.push(required(namePath));
  else if (isDns1123Label(volumeName).length > 0)
    errors.push(...invalidEach(namePath, volumeName, isDns1123Label(volumeName)));
  else if (!volumes.has(volumeName)) errors.push(notFoundValue(namePath, volumeName));
  else if (!volumes.get(volumeName)!.emptyDir) {
    errors.push(invalid(namePath, volumeName, 'must reference a volume of type emptyDir'));
  }
  if (!file) errors.push(required(path.child('path')));
  else errors.push(...validateLocalNonReservedPath(file, path.child('path')));
  return errors;
}

export function validateEnvFrom(sources: AnyContainer['envFrom'], path: FieldPath): FieldError[] {
  const errors: FieldError[] = [];
  for (const [i, { prefix, configMapRef, secretRef }] of (sources ?? []).entries()) {
    const sourcePath = path.index(i);
    if (prefix) errors.push(...invalidEach(sourcePath.child('prefix'), prefix, isEnvVarName(prefix)));
    if (configMapRef) errors.push(...validateReferenceName(configMapRef.name, sourcePath.child('configMapRef')));
    if (secretRef) errors.push(...validateReferenceName(secretRef.name, sourcePath.child('secretRef')));
    if (!configMapRef && !secretRef)
      errors.push(invalid(path, '', 'must specify one of: `configMapRef` or `secretRef`'));
    else if (configMapRef && secretRef)
      errors.push(invalid(path, '', 'may not have more than one field specified at a time'));
  }
  return errors;
}

function validateReferenceName(name: string | undefined, path: FieldPath): FieldError[] {
  if (!name) return [required(path.child('name'))];
  return invalidEach(path.child('name'), name, validateDnsSubdomainName(name, true));
}
