/**
 * What a pod may not set on the operating system it names (`pkg/apis/core/validation/validation.go validateOS`,
 * `validateLinux`, `validateWindows`).
 */
import { forbidden, required } from '../../../machinery/field-error.ts';
import type { FieldError, FieldPath } from '../../../machinery/field-error.ts';
import { containersWithPath } from './containers.ts';
import { validateEnum } from './enums.ts';
import type { PodSpec } from './types.ts';

const NOT_ON_LINUX = 'windows options cannot be set for a linux pod';
const NOT_ON_WINDOWS = 'cannot be set for a windows pod';

const LINUX_SPEC_FIELDS = ['hostUsers', 'hostPID', 'hostIPC', 'shareProcessNamespace'] as const;

const LINUX_POD_FIELDS = [
  'appArmorProfile',
  'seLinuxOptions',
  'seccompProfile',
  'fsGroup',
  'fsGroupChangePolicy',
  'sysctls',
  'runAsUser',
  'runAsGroup',
  'supplementalGroups',
  'supplementalGroupsPolicy',
] as const;

const LINUX_CONTAINER_FIELDS = [
  'appArmorProfile',
  'seLinuxOptions',
  'seccompProfile',
  'capabilities',
  'readOnlyRootFilesystem',
  'privileged',
  'allowPrivilegeEscalation',
  'procMount',
  'runAsUser',
  'runAsGroup',
] as const;

/** `path` is the spec's. */
export function validateOs(spec: PodSpec, path: FieldPath): FieldError[] {
  if (!spec.os) return [];
  const namePath = path.child('os', 'name');
  if (!spec.os.name) return [required(namePath, 'cannot be empty')];
  const errors = validateEnum('operatingSystem', spec.os.name, namePath);
  if (errors.length > 0) return errors;
  return spec.os.name === 'windows' ? validateWindows(spec, path) : validateLinux(spec, path);
}

function validateLinux(spec: PodSpec, path: FieldPath): FieldError[] {
  const errors = spec.securityContext?.windowsOptions
    ? [forbidden(path.child('securityContext', 'windowsOptions'), NOT_ON_LINUX)]
    : [];
  for (const [container, containerPath] of containersWithPath(spec, path)) {
    if (!container.securityContext?.windowsOptions) continue;
    errors.push(forbidden(containerPath.child('securityContext', 'windowsOptions'), NOT_ON_LINUX));
  }
  return errors;
}

function validateWindows(spec: PodSpec, path: FieldPath): FieldError[] {
  const errors = LINUX_SPEC_FIELDS.filter((field) => spec[field] != null && (field === 'hostUsers' || spec[field])).map(
    (field) => forbidden(path.child(field), NOT_ON_WINDOWS),
  );
  const context = spec.securityContext ?? {};
  for (const field of LINUX_POD_FIELDS) {
    if (isSet(context[field])) errors.push(forbidden(path.child('securityContext', field), NOT_ON_WINDOWS));
  }
  for (const [container, containerPath] of containersWithPath(spec, path)) {
    for (const field of LINUX_CONTAINER_FIELDS) {
      if (container.securityContext?.[field] == null) continue;
      errors.push(forbidden(containerPath.child('securityContext', field), NOT_ON_WINDOWS));
    }
  }
  return errors;
}

function isSet(value: unknown): boolean {
  return value != null && !(Array.isArray(value) && value.length === 0);
}
