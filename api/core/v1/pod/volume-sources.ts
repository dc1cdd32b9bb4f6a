/**
 * The sources of volumes that this cluster provides, and all sources in the order in which they are checked
 * (`pkg/apis/core/validation/validation.go validateVolumeSource`).
 */
import { forbidden, required, tooLong } from '../../../machinery/field-error.ts';
import type { FieldError, FieldPath } from '../../../machinery/field-error.ts';
import { tryParseQuantity } from '../../../machinery/quantity.ts';
import { invalidEach, isDns1123Subdomain } from '../../../machinery/validation.ts';
import { validateClaimSpec } from '../volume/claim-validation.ts';
import { validateEnum, validateRequiredEnum } from './enums.ts';
import type { Volume } from './types.ts';
import { validateFileMode, validateNoBacksteps } from './validate-paths.ts';
import { validateProjected } from './validate-projected.ts';
import { validateDownwardApiFile, validateKeyToPath } from './volume-files.ts';
import type { KeyToPath } from './volume-files.ts';
import { PLUGIN_SOURCES } from './volume-plugin-sources.ts';
import type { VolumeField, VolumeSourceRule } from './volume-source-rule.ts';

const BUILT_IN_SOURCES: readonly VolumeSourceRule[] = [
  { field: 'emptyDir', validate: ({ emptyDir }, path) => validateEmptyDir(emptyDir!, path) },
  { field: 'hostPath', validate: ({ hostPath }, path) => validateHostPath(hostPath!, path) },
  { field: 'secret', validate: ({ secret }, path) => validateSecret(secret!, path) },
  {
    field: 'persistentVolumeClaim',
    validate: ({ persistentVolumeClaim }, path) =>
      requiredName(persistentVolumeClaim!.claimName, path.child('claimName')),
  },
  {
    field: 'downwardAPI',
    conflictField: 'downwarAPI',
    validate: ({ downwardAPI }, path) => validateDownwardApi(downwardAPI!, path),
  },
  { field: 'configMap', validate: ({ configMap }, path) => validateConfigMap(configMap!, path) },
  { field: 'projected', validate: ({ projected }, path) => validateProjected(projected!, path) },
  { field: 'csi', validate: ({ csi }, path) => validateCsi(csi!, path) },
  { field: 'ephemeral', validate: ({ ephemeral }, path) => validateEphemeral(ephemeral!, path) },
  { field: 'image', validate: ({ image }, path) => validateImage(image!, path) },
];

/** Upstream's order, which decides which of two sources is the one too many. */
const ORDER: readonly VolumeField[] = [
  ...([
    'emptyDir',
    'hostPath',
    'gitRepo',
    'gcePersistentDisk',
    'awsElasticBlockStore',
    'secret',
    'nfs',
    'iscsi',
  ] as const),
  ...([
    'glusterfs',
    'flocker',
    'persistentVolumeClaim',
    'rbd',
    'cinder',
    'cephfs',
    'quobyte',
    'downwardAPI',
    'fc',
  ] as const),
  ...(['flexVolume', 'configMap', 'azureFile', 'vsphereVolume', 'photonPersistentDisk', 'portworxVolume'] as const),
  ...(['azureDisk', 'storageos', 'projected', 'scaleIO', 'csi', 'ephemeral', 'image'] as const),
];

export const VOLUME_SOURCES: readonly VolumeSourceRule[] = [...BUILT_IN_SOURCES, ...PLUGIN_SOURCES].sort(
  (a, b) => ORDER.indexOf(a.field) - ORDER.indexOf(b.field),
);

function requiredName(name: string | undefined, path: FieldPath): FieldError[] {
  return name ? [] : [required(path)];
}

function validateEmptyDir({ sizeLimit }: NonNullable<Volume['emptyDir']>, path: FieldPath): FieldError[] {
  if (sizeLimit === undefined) return [];
  const quantity = tryParseQuantity(sizeLimit);
  if (quantity !== undefined && quantity.sign() >= 0) return [];
  return [forbidden(path.child('sizeLimit'), 'SizeLimit field must be a valid resource quantity')];
}

function validateHostPath(source: NonNullable<Volume['hostPath']>, path: FieldPath): FieldError[] {
  if (!source.path) return [required(path.child('path'))];
  return [
    ...validateNoBacksteps(source.path, path.child('path')),
    ...validateEnum('hostPathType', source.type, path.child('type')),
  ];
}

function validateItems(items: readonly KeyToPath[] | undefined, path: FieldPath): FieldError[] {
  return (items ?? []).flatMap((item, i) => validateKeyToPath(item, path.index(i)));
}

function validateSecret(source: NonNullable<Volume['secret']>, path: FieldPath): FieldError[] {
  return [
    ...requiredName(source.secretName, path.child('secretName')),
    ...validateFileMode(source.defaultMode, path.child('defaultMode')),
    ...validateItems(source.items, path.child('items')),
  ];
}

function validateConfigMap(source: NonNullable<Volume['configMap']>, path: FieldPath): FieldError[] {
  return [
    ...requiredName(source.name, path.child('name')),
    ...validateFileMode(source.defaultMode, path.child('defaultMode')),
    ...validateItems(source.items, path.child('items')),
  ];
}

function validateDownwardApi(source: NonNullable<Volume['downwardAPI']>, path: FieldPath): FieldError[] {
  const errors = validateFileMode(source.defaultMode, path.child('defaultMode'));
  for (const file of source.items ?? []) errors.push(...validateDownwardApiFile(file, path));
  return errors;
}

function validateCsi({ driver, nodePublishSecretRef }: NonNullable<Volume['csi']>, path: FieldPath): FieldError[] {
  const errors = validateCsiDriverName(driver, path.child('driver'));
  if (nodePublishSecretRef)
    errors.push(...requiredName(nodePublishSecretRef.name, path.child('nodePublishSecretRef', 'name')));
  return errors;
}

/** `ValidateCSIDriverName` */
export function validateCsiDriverName(driver: string | undefined, path: FieldPath): FieldError[] {
  if (!driver) return [required(path)];
  const errors = driver.length > 63 ? [tooLong(path, 63)] : [];
  errors.push(...invalidEach(path, driver, isDns1123Subdomain(driver.toLowerCase())));
  return errors;
}

function validateEphemeral({ volumeClaimTemplate }: NonNullable<Volume['ephemeral']>, path: FieldPath): FieldError[] {
  if (!volumeClaimTemplate) return [required(path.child('volumeClaimTemplate'))];
  return validateClaimSpec(volumeClaimTemplate.spec ?? {}, path.child('volumeClaimTemplate', 'spec'));
}

/** A template may leave the reference open. */
function validateImage({ pullPolicy }: NonNullable<Volume['image']>, path: FieldPath): FieldError[] {
  return validateRequiredEnum('pullPolicy', pullPolicy, path.child('pullPolicy'));
}
