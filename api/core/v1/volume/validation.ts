/** Validation of persistent volumes (`pkg/apis/core/validation/validation.go ValidatePersistentVolume…`). */
import { deepEqual } from '../../../machinery/equality.ts';
import { fieldPath, forbidden, notSupported, required } from '../../../machinery/field-error.ts';
import type { FieldError, FieldPath } from '../../../machinery/field-error.ts';
import { invalidEach, isDns1123Label, validateImmutable } from '../../../machinery/validation.ts';
import {
  validateAccessModes,
  validateCapacity,
  validateClassName,
  validatePositiveQuantity,
  validateVolumeMode,
} from './access-modes.ts';
import { validateNodeSelector } from '../node-selector.ts';
import type { PersistentVolumeSpec } from './types.ts';
import { describeDifference } from '../pod/difference.ts';
import type { Volume } from '../pod/types.ts';
import { validateNoBacksteps } from '../pod/validate-paths.ts';
import { validateCsiDriverName, VOLUME_SOURCES } from '../pod/volume-sources.ts';

const SPEC = fieldPath('spec');
const ATTRIBUTES_CLASS = SPEC.child('volumeAttributesClassName');
const RECLAIM_POLICIES = ['Delete', 'Recycle', 'Retain'];
const INLINE = 'may not be specified in the context of inline volumes';

type CsiSource = NonNullable<PersistentVolumeSpec['csi']>;
type SourceField = (typeof SOURCES)[number];

/** Upstream's order, which decides which of two sources is the one too many. */
const SOURCES = [
  ...(['hostPath', 'gcePersistentDisk', 'awsElasticBlockStore', 'glusterfs', 'flocker', 'nfs', 'rbd'] as const),
  ...(['quobyte', 'cephfs', 'iscsi', 'cinder', 'fc', 'flexVolume', 'azureFile', 'vsphereVolume'] as const),
  ...(['photonPersistentDisk', 'portworxVolume', 'azureDisk', 'scaleIO', 'local', 'storageos', 'csi'] as const),
];

export function validateVolume(spec: PersistentVolumeSpec): FieldError[] {
  const modes = spec.accessModes ?? [];
  const errors = [
    ...(modes.length > 0 ? [] : [required(SPEC.child('accessModes'))]),
    ...validateAccessModes(modes, SPEC.child('accessModes')),
    ...validateSize(spec.capacity ?? {}, SPEC.child('capacity')),
  ];
  const policy = spec.persistentVolumeReclaimPolicy ?? '';
  const policyPath = SPEC.child('persistentVolumeReclaimPolicy');
  if (policy && !RECLAIM_POLICIES.includes(policy)) errors.push(notSupported(policyPath, policy, RECLAIM_POLICIES));
  if (spec.nodeAffinity) errors.push(...validateVolumeAffinity(spec.nodeAffinity, SPEC.child('nodeAffinity')));
  errors.push(...validateSources(spec, SPEC));
  if (policy === 'Recycle' && spec.hostPath && /^\/+(\.?\/+)*\.?$/.test(spec.hostPath.path ?? ''))
    errors.push(forbidden(policyPath, "may not be 'recycle' for a hostPath mount of '/'"));
  return [
    ...errors,
    ...validateClassName(spec.storageClassName, SPEC.child('storageClassName')),
    ...validateVolumeMode(spec.volumeMode, SPEC.child('volumeMode')),
    ...validateAttributesClass(spec),
  ];
}

/** The spec of a volume that stands in a VolumeAttachment: it has no life of its own. */
export function validateInlineVolume(spec: PersistentVolumeSpec, path: FieldPath): FieldError[] {
  const errors: FieldError[] = [];
  if (spec.claimRef) errors.push(forbidden(path.child('claimRef'), INLINE));
  if (Object.keys(spec.capacity ?? {}).length > 0) errors.push(forbidden(path.child('capacity'), INLINE));
  if (!spec.csi) errors.push(required(path.child('csi'), 'has to be specified in the context of inline volumes'));
  const modes = spec.accessModes ?? [];
  if (modes.length === 0) errors.push(required(path.child('accessModes')));
  errors.push(...validateAccessModes(modes, path.child('accessModes')));
  if (spec.persistentVolumeReclaimPolicy && spec.persistentVolumeReclaimPolicy !== 'Retain') {
    const detail = 'may only be Retain in the context of inline volumes';
    errors.push(forbidden(path.child('persistentVolumeReclaimPolicy'), detail));
  }
  if (spec.nodeAffinity) errors.push(forbidden(path.child('nodeAffinity'), INLINE));
  errors.push(...validateSources(spec, path));
  if (spec.storageClassName) errors.push(forbidden(path.child('storageClassName'), INLINE));
  if (spec.volumeMode && spec.volumeMode !== 'Filesystem') {
    const detail = 'may not specify volumeMode other than Filesystem in the context of inline volumes';
    errors.push(forbidden(path.child('volumeMode'), detail));
  }
  return errors;
}

function validateSize(capacity: Readonly<Record<string, string>>, path: FieldPath): FieldError[] {
  const names = Object.keys(capacity);
  const errors = names.length === 0 ? [required(path)] : [];
  if (names.length !== 1 || names[0] !== 'storage') errors.push(notSupported(path, capacity, ['storage']));
  errors.push(...validateCapacity(capacity, path));
  return [...errors, ...names.flatMap((name) => validatePositiveQuantity(capacity[name], path.key(name)))];
}

function validateVolumeAffinity(
  { required: terms }: NonNullable<PersistentVolumeSpec['nodeAffinity']>,
  path: FieldPath,
): FieldError[] {
  if (!terms) return [required(path.child('required'), 'must specify required node constraints')];
  return validateNodeSelector(terms, path.child('required'));
}

function validateSources(spec: PersistentVolumeSpec, path: FieldPath): FieldError[] {
  const present = SOURCES.filter((field) => spec[field] != null);
  if (present.length === 0) return [required(path, 'must specify a volume type')];
  return present.flatMap((field, i) => {
    if (i > 0 && field !== 'flexVolume')
      return [forbidden(path.child(field === 'cephfs' ? 'cephFS' : field), 'may not specify more than 1 volume type')];
    return validateSource(spec, field, path);
  });
}

function validateSource(spec: PersistentVolumeSpec, field: SourceField, path: FieldPath): FieldError[] {
  if (field === 'csi') return validateCsi(spec.csi!, path.child('csi'));
  if (field === 'local') return validateLocal(spec, path);
  // The other sources are those of pods' volumes, but for the namespaces of their secrets.
  const rule = VOLUME_SOURCES.find((one) => one.field === field)!;
  const volume = { name: 'volume', [field]: spec[field] } as unknown as Volume;
  return rule.validate(volume, path.child(rule.errorField ?? field));
}

function validateLocal(spec: PersistentVolumeSpec, path: FieldPath): FieldError[] {
  const file = path.child('local', 'path');
  const errors = spec.local!.path ? validateNoBacksteps(spec.local!.path, file) : [required(file)];
  if (!spec.nodeAffinity?.required)
    errors.push(required(path.child('nodeAffinity'), 'Local volume requires node affinity'));
  return errors;
}

function validateCsi(csi: CsiSource, path: FieldPath): FieldError[] {
  const errors = validateCsiDriverName(csi.driver, path.child('driver'));
  if (!csi.volumeHandle) errors.push(required(path.child('volumeHandle')));
  for (const field of [
    'controllerPublishSecretRef',
    'controllerExpandSecretRef',
    'nodePublishSecretRef',
    'nodeExpandSecretRef',
  ] as const) {
    const reference = csi[field];
    if (reference) errors.push(...validateSecretReference(reference, path.child(field)));
  }
  return errors;
}

function validateSecretReference(
  { name, namespace }: { name?: string; namespace?: string },
  path: FieldPath,
): FieldError[] {
  const errors = name ? [] : [required(path.child('name'))];
  if (!namespace) return [...errors, required(path.child('namespace'))];
  return [...errors, ...invalidEach(path.child('namespace'), namespace, isDns1123Label(namespace))];
}

function validateAttributesClass({ volumeAttributesClassName: name, csi }: PersistentVolumeSpec): FieldError[] {
  if (name === undefined) return [];
  const errors =
    name === ''
      ? [required(ATTRIBUTES_CLASS, 'an empty string is disallowed')]
      : validateClassName(name, ATTRIBUTES_CLASS);
  if (!csi) errors.push(required(SPEC.child('csi'), 'has to be specified when using volumeAttributesClassName'));
  return errors;
}

/** The storage behind a volume never changes; its size, class, policy and claim do. */
export function validateVolumeUpdate(next: PersistentVolumeSpec, previous: PersistentVolumeSpec): FieldError[] {
  const errors = validateVolume(next);
  const [after, before] = [sourcesOf(next, previous), sourcesOf(previous, previous)];
  if (!deepEqual(after, before)) {
    const path = SPEC.child('persistentvolumesource');
    const difference = describeDifference(before, after, 'spec');
    errors.push(forbidden(path, `spec.persistentvolumesource is immutable after creation\n${difference}`));
  }
  errors.push(...validateImmutable(next.volumeMode, previous.volumeMode, fieldPath('volumeMode')));
  if (previous.nodeAffinity)
    errors.push(...validateImmutable(next.nodeAffinity, previous.nodeAffinity, fieldPath('nodeAffinity')));
  if (previous.volumeAttributesClassName !== undefined && next.volumeAttributesClassName === undefined)
    errors.push(forbidden(ATTRIBUTES_CLASS, 'update from non-nil value to nil is forbidden'));
  return errors;
}

/** With the secret for expansion that a CSI volume may be given later. */
function sourcesOf(spec: PersistentVolumeSpec, previous: PersistentVolumeSpec): Record<string, unknown> {
  const sources: Record<string, unknown> = Object.fromEntries(SOURCES.map((field) => [field, spec[field]]));
  if (spec.csi && previous.csi && !previous.csi.controllerExpandSecretRef) {
    const { controllerExpandSecretRef: _added, ...csi } = spec.csi;
    sources['csi'] = csi;
  }
  return sources;
}
