/**
 * Rules of the volume sources of storage systems, most of them no longer served by anything, whose objects must still
 * be accepted and refused as upstream does (`pkg/apis/core/validation/validation.go`).
 */
import { invalid, notSupported, required } from '../../../machinery/field-error.ts';
import type { FieldError, FieldPath } from '../../../machinery/field-error.ts';
import { invalidEach, isDns1123Label, isInRange } from '../../../machinery/validation.ts';
import { validateEnum } from './enums.ts';
import type { Volume } from './types.ts';
import { validateLocalDescendingPath } from './validate-paths.ts';
import type { VolumeField, VolumeSourceRule } from './volume-source-rule.ts';

/** Fields that must not be empty, and whatever else upstream checks. */
interface PluginRule {
  field: VolumeField;
  required: readonly string[];
  errorField?: string;
  conflictField?: string;
  also?(volume: Volume, path: FieldPath): FieldError[];
}

const PLUGIN_RULES: readonly PluginRule[] = [
  {
    field: 'gitRepo',
    required: ['repository'],
    also: ({ gitRepo }, path) => validateLocalDescendingPath(gitRepo!.directory ?? '', path.child('directory')),
  },
  {
    field: 'gcePersistentDisk',
    errorField: 'persistentDisk',
    required: ['pdName'],
    also: ({ gcePersistentDisk }, path) => validatePartition(gcePersistentDisk!.partition, path),
  },
  {
    field: 'awsElasticBlockStore',
    required: ['volumeID'],
    also: ({ awsElasticBlockStore }, path) => validatePartition(awsElasticBlockStore!.partition, path),
  },
  {
    field: 'nfs',
    required: ['server', 'path'],
    also: ({ nfs }, path) => validateAbsolute(nfs!.path, path.child('path')),
  },
  { field: 'iscsi', required: ['targetPortal', 'iqn'], also: ({ iscsi }, path) => validateIscsi(iscsi!, path) },
  { field: 'glusterfs', required: ['endpoints', 'path'] },
  { field: 'flocker', required: [], also: ({ flocker }, path) => validateFlocker(flocker!, path) },
  { field: 'rbd', required: ['monitors', 'image'] },
  {
    field: 'cinder',
    required: ['volumeID'],
    also: ({ cinder }, path) =>
      cinder!.secretRef && !cinder!.secretRef.name ? [required(path.child('secretRef', 'name'))] : [],
  },
  { field: 'cephfs', conflictField: 'cephFS', required: ['monitors'] },
  { field: 'quobyte', required: [], also: ({ quobyte }, path) => validateQuobyte(quobyte!, path) },
  { field: 'fc', required: [], also: ({ fc }, path) => validateFibreChannel(fc!, path) },
  {
    field: 'flexVolume',
    required: ['driver'],
    also: ({ flexVolume }, path) => validateFlexOptions(flexVolume!.options, path.child('options')),
  },
  { field: 'azureFile', required: ['secretName', 'shareName'] },
  { field: 'vsphereVolume', required: ['volumePath'] },
  { field: 'photonPersistentDisk', required: ['pdID'] },
  { field: 'portworxVolume', required: ['volumeID'] },
  {
    field: 'azureDisk',
    required: ['diskName', 'diskURI'],
    also: ({ azureDisk }, path) => validateAzureDisk(azureDisk!, path),
  },
  { field: 'storageos', required: [], also: ({ storageos }, path) => validateStorageOs(storageos!, path) },
  { field: 'scaleIO', required: ['gateway', 'system', 'volumeName'] },
];

export const PLUGIN_SOURCES: readonly VolumeSourceRule[] = PLUGIN_RULES.map((rule) => ({
  field: rule.field,
  ...(rule.errorField === undefined ? {} : { errorField: rule.errorField }),
  ...(rule.conflictField === undefined ? {} : { conflictField: rule.conflictField }),
  validate(volume, path) {
    const source = volume[rule.field] as Record<string, unknown>;
    const missing = rule.required.filter((name) => isEmpty(source[name])).map((name) => required(path.child(name)));
    return [...missing, ...(rule.also?.(volume, path) ?? [])];
  },
}));

function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || value === '' || (Array.isArray(value) && value.length === 0);
}

function validatePartition(partition: number | undefined, path: FieldPath): FieldError[] {
  return partition ? invalidEach(path.child('partition'), partition, isInRange(partition, 1, 255)) : [];
}

function validateAbsolute(value: string | undefined, path: FieldPath): FieldError[] {
  return value?.startsWith('/') ? [] : [invalid(path, value ?? '', 'must be an absolute path')];
}

const IQN_FORMATS: readonly [prefix: string, pattern: RegExp][] = [
  ['iqn', /iqn\.\d{4}-\d{2}\.([A-Za-z0-9\-.]+)(:[^,;*&$|\s]+)$/],
  ['eui', /^eui.[A-Za-z0-9]{16}$/],
  ['naa', /^naa.[A-Za-z0-9]{32}$/],
];

function validateIscsi(iscsi: NonNullable<Volume['iscsi']>, path: FieldPath): FieldError[] {
  const { iqn, lun = 0, chapAuthDiscovery, chapAuthSession, secretRef, initiatorName } = iscsi;
  const errors = iqn ? validateIqn(iqn, path.child('iqn')) : [];
  errors.push(...invalidEach(path.child('lun'), lun, isInRange(lun, 0, 255)));
  if ((chapAuthDiscovery || chapAuthSession) && !secretRef) errors.push(required(path.child('secretRef')));
  if (initiatorName != null) errors.push(...validateIqn(initiatorName, path.child('initiatorname')));
  return errors;
}

function validateIqn(iqn: string, path: FieldPath): FieldError[] {
  const format = IQN_FORMATS.find(([prefix]) => iqn.startsWith(prefix));
  if (format === undefined) return [invalid(path, iqn, 'must be valid format starting with iqn, eui, or naa')];
  return iqn.length <= 1024 && format[1].test(iqn) ? [] : [invalid(path, iqn, 'must be valid format')];
}

function validateFlocker({ datasetName, datasetUUID }: NonNullable<Volume['flocker']>, path: FieldPath): FieldError[] {
  if (!datasetName && !datasetUUID) return [required(path, 'one of datasetName and datasetUUID is required')];
  const errors: FieldError[] = [];
  if (datasetName && datasetUUID) {
    errors.push(invalid(path, 'resource', 'datasetName and datasetUUID can not be specified simultaneously'));
  }
  if (datasetName?.includes('/')) errors.push(invalid(path.child('datasetName'), datasetName, "must not contain '/'"));
  return errors;
}

function validateQuobyte({ registry, volume, tenant }: NonNullable<Volume['quobyte']>, path: FieldPath): FieldError[] {
  const errors: FieldError[] = [];
  const registryPath = path.child('registry');
  if (!registry) {
    errors.push(required(registryPath, 'must be a host:port pair or multiple pairs separated by commas'));
  } else if (tenant && tenant.length >= 65) {
    errors.push(required(path.child('tenant'), 'must be a UUID and may not exceed a length of 64 characters'));
  } else if (!registry.split(',').every((pair) => /^(\[[^\]]*\]|[^:]*):[^:]*$/.test(pair))) {
    const detail = 'must be a host:port pair or multiple pairs separated by commas';
    errors.push(invalid(registryPath, registry, detail));
  }
  if (!volume) errors.push(required(path.child('volume')));
  return errors;
}

function validateFibreChannel(fc: NonNullable<Volume['fc']>, path: FieldPath): FieldError[] {
  const { targetWWNs = [], wwids = [], lun } = fc;
  if (targetWWNs.length === 0 && wwids.length === 0) {
    return [required(path.child('targetWWNs'), 'must specify either targetWWNs or wwids, but not both')];
  }
  if (targetWWNs.length > 0 && wwids.length > 0) {
    return [invalid(path.child('targetWWNs'), targetWWNs, 'targetWWNs and wwids can not be specified simultaneously')];
  }
  if (targetWWNs.length === 0) return [];
  if (lun == null) return [required(path.child('lun'), 'lun is required if targetWWNs is specified')];
  return invalidEach(path.child('lun'), lun, isInRange(lun, 0, 255));
}

function validateFlexOptions(options: Record<string, string> | undefined, path: FieldPath): FieldError[] {
  return Object.keys(options ?? {}).flatMap((key) => {
    const namespace = `.${key.split('/', 1)[0]!.toLowerCase()}`;
    const isReserved = namespace.endsWith('.kubernetes.io') || namespace.endsWith('.k8s.io');
    return isReserved ? [invalid(path.key(key), key, 'kubernetes.io and k8s.io namespaces are reserved')] : [];
  });
}

/** `diskURISupportedManaged` and `diskURISupportedblob` */
const MANAGED_DISK_URI =
  '/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}';
const BLOB_DISK_URI = 'https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd';

function validateAzureDisk(disk: NonNullable<Volume['azureDisk']>, path: FieldPath): FieldError[] {
  const { cachingMode, kind, diskURI = '' } = disk;
  const errors = [
    ...validateEnum('azureCachingMode', cachingMode, path.child('cachingMode')),
    ...validateEnum('azureKind', kind, path.child('kind')),
  ];
  if (kind === 'Managed' && !diskURI.startsWith('/subscriptions/')) {
    errors.push(notSupported(path.child('diskURI'), diskURI, [MANAGED_DISK_URI]));
  } else if (kind != null && kind !== 'Managed' && !diskURI.startsWith('https://')) {
    errors.push(notSupported(path.child('diskURI'), diskURI, [BLOB_DISK_URI]));
  }
  return errors;
}

function validateStorageOs(source: NonNullable<Volume['storageos']>, path: FieldPath): FieldError[] {
  const { volumeName, volumeNamespace, secretRef } = source;
  const errors = volumeName
    ? invalidEach(path.child('volumeName'), volumeName, isDns1123Label(volumeName))
    : [required(path.child('volumeName'))];
  if (volumeNamespace)
    errors.push(...invalidEach(path.child('volumeNamespace'), volumeNamespace, isDns1123Label(volumeNamespace)));
  if (secretRef && !secretRef.name) errors.push(required(path.child('secretRef', 'name')));
  return errors;
}
