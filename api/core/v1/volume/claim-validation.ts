/** Validation of claims and of templates of claims (`pkg/apis/core/validation/validation.go ValidatePersistentVolumeClaim…`). */
import { deepEqual } from '../../../machinery/equality.ts';
import { fieldPath, forbidden, invalid, required } from '../../../machinery/field-error.ts';
import type { FieldError, FieldPath } from '../../../machinery/field-error.ts';
import {
  invalidEach,
  isDns1123Label,
  isDns1123Subdomain,
  validateImmutable,
  validateLabelSelector,
} from '../../../machinery/validation.ts';
import {
  BETA_STORAGE_CLASS_ANNOTATION,
  validateAccessModes,
  validateCapacity,
  validateClassName,
  validatePositiveQuantity,
  validateVolumeMode,
} from './access-modes.ts';
import type { PersistentVolumeClaim, PersistentVolumeClaimSpec } from './types.ts';
import { describeDifference } from '../pod/difference.ts';
import { amountOf } from '../pod/resources.ts';
import { validateResourceQuantity } from '../pod/validate-resources.ts';

const SPEC = fieldPath('spec');
const STORAGE = SPEC.child('resources', 'requests', 'storage');
const ATTRIBUTES_CLASS = SPEC.child('volumeAttributesClassName');

export function validateClaim(spec: PersistentVolumeClaimSpec): FieldError[] {
  return validateClaimSpec(spec, SPEC);
}

/** `ValidatePersistentVolumeClaimSpec`: also of the templates in pods and StatefulSets. */
export function validateClaimSpec(spec: PersistentVolumeClaimSpec, path: FieldPath): FieldError[] {
  const modes = spec.accessModes ?? [];
  const modesPath = path.child('accessModes');
  return [
    ...(modes.length > 0 ? [] : [required(modesPath, 'at least 1 access mode is required')]),
    ...validateLabelSelector(spec.selector, path.child('selector')),
    ...validateAccessModes(modes, modesPath),
    ...validateStorage(spec, path.child('resources').key('storage')),
    ...validateClassName(spec.storageClassName, path.child('storageClassName')),
    ...validateVolumeMode(spec.volumeMode, path.child('volumeMode')),
    ...validateDataSources(spec, path),
    ...validateClassName(spec.volumeAttributesClassName, path.child('volumeAttributesClassName')),
  ];
}

function validateStorage({ resources }: PersistentVolumeClaimSpec, path: FieldPath): FieldError[] {
  const storage = resources?.requests?.['storage'];
  if (storage == null) return [required(path)];
  const errors = validatePositiveQuantity(storage, path);
  return errors.length > 0 ? errors : validateResourceQuantity('storage', storage, path);
}

function validateDataSources(spec: PersistentVolumeClaimSpec, path: FieldPath): FieldError[] {
  const { dataSource, dataSourceRef } = spec;
  const errors: FieldError[] = [];
  if (dataSource) errors.push(...validateReference(dataSource, path.child('dataSource')));
  if (!dataSourceRef) return errors;
  const refPath = path.child('dataSourceRef');
  errors.push(...validateReference(dataSourceRef, refPath));
  const { namespace } = dataSourceRef;
  // Upstream reports the path as the value.
  const report = (detail: string): void => void errors.push(invalid(path, path.child('dataSource').toString(), detail));
  if (namespace) {
    errors.push(...invalidEach(refPath.child('namespace'), namespace, isDns1123Label(namespace)));
    if (dataSource) report('may not be specified when dataSourceRef.namespace is specified');
  } else if (dataSource && !isSameSource(dataSource, dataSourceRef)) report('must match dataSourceRef');
  return errors;
}

interface Reference {
  apiGroup?: string;
  kind: string;
  name: string;
}

function isSameSource(a: Reference, b: Reference): boolean {
  return a.apiGroup === b.apiGroup && a.kind === b.kind && a.name === b.name;
}

function validateReference({ apiGroup, kind, name }: Reference, path: FieldPath): FieldError[] {
  const errors: FieldError[] = [];
  if (!name) errors.push(required(path.child('name')));
  if (!kind) errors.push(required(path.child('kind')));
  if (apiGroup) return [...errors, ...invalidEach(path.child('apiGroup'), apiGroup, isDns1123Subdomain(apiGroup))];
  if (kind === 'PersistentVolumeClaim') return errors;
  const detail = "must be 'PersistentVolumeClaim' when referencing the default apiGroup";
  return [...errors, invalid(path, kind ?? '', detail)];
}

/** All but the volume's name (once), the class (once) and, of a bound claim, the size stays. */
export function validateClaimUpdate(next: PersistentVolumeClaim, previous: PersistentVolumeClaim): FieldError[] {
  const errors = validateClaim(next.spec);
  const takesClassFromAnnotation = isClassFromAnnotation(next, previous);
  if (!takesClassFromAnnotation) errors.push(...validateClassAnnotation(next, previous));
  const expected = { ...previous.spec };
  if (!previous.spec.volumeName) copyField(expected, next.spec, 'volumeName');
  if (takesClassFromAnnotation || isClassOfUnclassed(next, previous))
    copyField(expected, next.spec, 'storageClassName');
  copyField(expected, next.spec, 'volumeAttributesClassName');
  const storage = next.spec.resources?.requests?.['storage'];
  if (next.status?.phase === 'Bound' && storage !== undefined)
    expected.resources = { ...expected.resources, requests: { ...expected.resources?.requests, storage } };
  if (!deepEqual(next.spec, expected)) {
    const detail = `spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims\n${describeDifference(expected, next.spec, 'spec')}`;
    errors.push(forbidden(SPEC, detail));
  }
  errors.push(...validateShrinking(next, previous));
  errors.push(...validateImmutable(next.spec.volumeMode, previous.spec.volumeMode, fieldPath('volumeMode')));
  return [...errors, ...validateAttributesClass(next.spec, previous.spec)];
}

function copyField<K extends keyof PersistentVolumeClaimSpec>(
  to: PersistentVolumeClaimSpec,
  from: PersistentVolumeClaimSpec,
  field: K,
): void {
  if (from[field] === undefined) delete to[field];
  else to[field] = from[field];
}

const annotationOf = ({ metadata }: PersistentVolumeClaim): string | undefined =>
  metadata.annotations?.[BETA_STORAGE_CLASS_ANNOTATION];

/** `validateStorageClassUpgradeFromAnnotation` */
function isClassFromAnnotation(next: PersistentVolumeClaim, previous: PersistentVolumeClaim): boolean {
  const before = annotationOf(previous);
  if (before === undefined || previous.spec.storageClassName !== undefined) return false;
  return next.spec.storageClassName === before && [undefined, before].includes(annotationOf(next));
}

/** `validateStorageClassUpgradeFromNil` */
function isClassOfUnclassed(next: PersistentVolumeClaim, previous: PersistentVolumeClaim): boolean {
  const { storageClassName } = next.spec;
  if (storageClassName === undefined || previous.spec.storageClassName !== undefined) return false;
  return [undefined, storageClassName].includes(annotationOf(previous));
}

function validateClassAnnotation(next: PersistentVolumeClaim, previous: PersistentVolumeClaim): FieldError[] {
  const value = annotationOf(next) ?? '';
  if (value === (annotationOf(previous) ?? '')) return [];
  const path = fieldPath('metadata', 'annotations').key(BETA_STORAGE_CLASS_ANNOTATION);
  return [invalid(path, value, 'field is immutable')];
}

function validateShrinking(next: PersistentVolumeClaim, previous: PersistentVolumeClaim): FieldError[] {
  const size = amountOf(next.spec.resources?.requests, 'storage');
  if (size.cmp(amountOf(previous.spec.resources?.requests, 'storage')) >= 0) return [];
  // Down to what there is: an expansion that failed can be taken back.
  if (size.cmp(amountOf(previous.status?.capacity, 'storage')) > 0) return [];
  return [forbidden(STORAGE, 'field can not be less than status.capacity')];
}

function validateAttributesClass(next: PersistentVolumeClaimSpec, previous: PersistentVolumeClaimSpec): FieldError[] {
  const [after, before] = [next.volumeAttributesClassName, previous.volumeAttributesClassName];
  if (before === undefined || after === before) return [];
  if (after === undefined) return [forbidden(ATTRIBUTES_CLASS, 'update from non-nil value to nil is forbidden')];
  return after === '' ? [forbidden(ATTRIBUTES_CLASS, 'update from non-nil value to an empty string is forbidden')] : [];
}

/** `ValidatePersistentVolumeClaimStatusUpdate` */
export function validateClaimStatusUpdate({ spec, status }: PersistentVolumeClaim): FieldError[] {
  const path = fieldPath('status');
  return [
    ...((spec.accessModes ?? []).length > 0 ? [] : [required(fieldPath('Spec', 'accessModes'))]),
    ...validateCapacity(status?.capacity, path.child('capacity')),
    ...validateCapacity(status?.allocatedResources, path.child('allocatedResources')),
  ];
}
