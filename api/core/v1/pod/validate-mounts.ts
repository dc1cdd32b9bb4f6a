/**
 * Validation of what containers mount (`pkg/apis/core/validation/validation.go ValidateVolumeMounts`,
 * `ValidateVolumeDevices`).
 */
import { forbidden, invalid, notFoundValue, required } from '../../../machinery/field-error.ts';
import type { FieldError, FieldPath } from '../../../machinery/field-error.ts';
import { validateEnum } from './enums.ts';
import type { AnyContainer, Volume } from './types.ts';
import { hasBackstep, validateLocalDescendingPath } from './validate-paths.ts';

type VolumeMount = NonNullable<AnyContainer['volumeMounts']>[number];

/** `volumes` are the pod's valid volumes by name. */
export function validateVolumeMounts(
  container: AnyContainer,
  path: FieldPath,
  volumes: ReadonlyMap<string, Volume>,
): FieldError[] {
  const errors: FieldError[] = [];
  const devices = container.volumeDevices ?? [];
  const taken = new Set<string>();
  for (const [i, mount] of (container.volumeMounts ?? []).entries()) {
    const { name = '', mountPath = '' } = mount;
    const mountPathPath = path.index(i).child('mountPath');
    const namePath = path.index(i).child('name');
    if (name === '') errors.push(required(namePath));
    if (!volumes.has(name)) errors.push(notFoundValue(namePath, name));
    if (mountPath === '') errors.push(required(mountPathPath));
    if (taken.has(mountPath)) errors.push(invalid(mountPathPath, mountPath, 'must be unique'));
    taken.add(mountPath);
    if (devices.some((device) => device.name === name)) {
      errors.push(invalid(namePath, name, 'must not already exist in volumeDevices'));
    }
    if (devices.some(({ devicePath }) => devicePath === mountPath)) {
      errors.push(invalid(mountPathPath, mountPath, 'must not already exist as a path in volumeDevices'));
    }
    // Upstream gives the paths of these without the index.
    errors.push(...validateSubPaths(mount, path, path.index(i)));
    errors.push(...validatePropagation(mount, container, path));
    errors.push(...validateRecursiveReadOnly(mount, path.child('recursiveReadOnly')));
  }
  return errors;
}

function validateSubPaths({ subPath, subPathExpr }: VolumeMount, path: FieldPath, mountPath: FieldPath): FieldError[] {
  const errors = subPath ? validateLocalDescendingPath(subPath, path.child('subPath')) : [];
  if (!subPathExpr) return errors;
  if (subPath) {
    errors.push(invalid(mountPath.child('subPathExpr'), subPathExpr, 'subPathExpr and subPath are mutually exclusive'));
  }
  errors.push(...validateLocalDescendingPath(subPathExpr, path.child('subPathExpr')));
  return errors;
}

function validatePropagation(
  { mountPropagation }: VolumeMount,
  container: AnyContainer,
  path: FieldPath,
): FieldError[] {
  if (mountPropagation === undefined) return [];
  const errors = validateEnum('mountPropagation', mountPropagation, path.child('mountPropagation'));
  if (mountPropagation === 'Bidirectional' && container.securityContext?.privileged !== true) {
    const detail = 'Bidirectional mount propagation is available only to privileged containers';
    errors.push(forbidden(path.child('mountPropagation'), detail));
  }
  return errors;
}

function validateRecursiveReadOnly(mount: VolumeMount, path: FieldPath): FieldError[] {
  const { recursiveReadOnly, readOnly, mountPropagation = 'None' } = mount;
  const errors = validateEnum('recursiveReadOnly', recursiveReadOnly, path);
  if (recursiveReadOnly !== 'Enabled' && recursiveReadOnly !== 'IfPossible') return errors;
  if (readOnly !== true) errors.push(forbidden(path, 'may only be specified when readOnly is true'));
  if (mountPropagation !== 'None') {
    errors.push(forbidden(path, 'may only be specified when mountPropagation is None or not specified'));
  }
  return errors;
}

export function validateVolumeDevices(
  container: AnyContainer,
  path: FieldPath,
  volumes: ReadonlyMap<string, Volume>,
): FieldError[] {
  const errors: FieldError[] = [];
  const mounts = container.volumeMounts ?? [];
  const names = new Set<string>();
  const paths = new Set<string>();
  for (const [i, { name = '', devicePath = '' }] of (container.volumeDevices ?? []).entries()) {
    const namePath = path.index(i).child('name');
    errors.push(...validateDeviceVolume(name, namePath, volumes));
    if (names.has(name)) errors.push(invalid(namePath, name, 'must be unique'));
    errors.push(...validateDevicePath(devicePath, path.index(i).child('devicePath'), paths));
    if (mounts.some((mount) => mount.name === name)) {
      errors.push(invalid(namePath, name, 'must not already exist in volumeMounts'));
    }
    if (mounts.some(({ mountPath }) => mountPath === devicePath)) {
      const detail = 'must not already exist as a path in volumeMounts';
      errors.push(invalid(path.index(i).child('devicePath'), devicePath, detail));
    }
    if (name !== '') names.add(name);
  }
  return errors;
}

function validateDeviceVolume(name: string, path: FieldPath, volumes: ReadonlyMap<string, Volume>): FieldError[] {
  const errors = name === '' ? [required(path)] : [];
  const volume = volumes.get(name);
  if (volume === undefined) return [...errors, notFoundValue(path, name)];
  if (volume.persistentVolumeClaim || volume.ephemeral) return errors;
  const detail = 'can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode';
  return [...errors, invalid(path, name, detail)];
}

function validateDevicePath(devicePath: string, path: FieldPath, seen: Set<string>): FieldError[] {
  const errors = devicePath === '' ? [required(path)] : [];
  if (seen.has(devicePath)) errors.push(invalid(path, devicePath, 'must be unique'));
  if (hasBackstep(devicePath)) errors.push(invalid(path, devicePath, "can not contain backsteps ('..')"));
  else seen.add(devicePath);
  return errors;
}
