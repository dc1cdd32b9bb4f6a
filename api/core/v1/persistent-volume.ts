/** PersistentVolume: a piece of storage of the cluster (upstream: `pkg/registry/core/persistentvolume`). */
import { tryParseQuantity } from '../../machinery/quantity.ts';
import { defineResource } from '../../machinery/resource.ts';
import { ageColumn, UNSET } from '../../table-cells.ts';
import { accessModesCell, BETA_STORAGE_CLASS_ANNOTATION, storageClassOf } from './volume/access-modes.ts';
import { validateVolume, validateVolumeUpdate } from './volume/validation.ts';
import type { PersistentVolume, PersistentVolumeSpec } from './volume/types.ts';
import { canonicalizeResourceList } from './pod/resources.ts';
import { defaultSourceFields } from './pod/volume-defaults.ts';

export type { PersistentVolume, PersistentVolumeSpec } from './volume/types.ts';

export const persistentVolumes = defineResource<PersistentVolume>({
  group: '',
  version: 'v1',
  scope: 'Cluster',
  names: { plural: 'persistentvolumes', singular: 'persistentvolume', kind: 'PersistentVolume', shortNames: ['pv'] },
  schema: 'V1PersistentVolume',
  subresources: { status: {} },
  additionalPrinterColumns: [
    {
      name: 'Capacity',
      type: 'string',
      description: 'Size',
      cell: ({ spec }) => tryParseQuantity(spec?.capacity?.['storage'])?.toString() ?? '0',
    },
    {
      name: 'Access Modes',
      type: 'string',
      description: 'How it may be mounted',
      cell: ({ spec }) => accessModesCell(spec?.accessModes),
    },
    {
      name: 'Reclaim Policy',
      type: 'string',
      description: 'What becomes of it once it is released',
      cell: ({ spec }) => spec?.persistentVolumeReclaimPolicy ?? '',
    },
    {
      name: 'Status',
      type: 'string',
      description: 'Phase of the volume',
      cell: ({ metadata, status }) =>
        metadata.deletionTimestamp === undefined ? (status?.phase ?? '') : 'Terminating',
    },
    {
      name: 'Claim',
      type: 'string',
      description: 'The claim that it is bound to',
      cell: ({ spec }) => (spec?.claimRef ? `${spec.claimRef.namespace ?? ''}/${spec.claimRef.name ?? ''}` : ''),
    },
    { name: 'StorageClass', type: 'string', description: 'StorageClass of the volume', cell: storageClassOf },
    {
      name: 'VolumeAttributesClass',
      type: 'string',
      description: 'VolumeAttributesClass of the volume',
      cell: ({ spec }) => spec?.volumeAttributesClassName ?? UNSET,
    },
    { name: 'Reason', type: 'string', description: 'Why it has its phase', cell: ({ status }) => status?.reason ?? '' },
    ageColumn(),
    {
      name: 'VolumeMode',
      type: 'string',
      priority: 1,
      description: 'Filesystem or block device',
      cell: ({ spec }) => spec?.volumeMode ?? UNSET,
    },
  ],
  strategy: {
    default: defaultVolume,
    prepareForCreate(volume, { nowMs }) {
      volume.status = { phase: 'Pending', lastPhaseTransitionTime: timeText(nowMs) };
    },
    validate: ({ spec }) => validateVolume(spec),
    validateUpdate: (next, previous) => validateVolumeUpdate(next.spec, previous.spec),
    status: { prepareForUpdate: (next, previous, { nowMs }) => stampPhase(next, previous, nowMs) },
    warnings: warningsForVolume,
    hasGeneration: false,
  },
});

const timeText = (nowMs: number): string => new Date(nowMs).toISOString().replace(/\.\d{3}Z$/, 'Z');

/** `SetDefaults_PersistentVolume` */
function defaultVolume(volume: PersistentVolume): void {
  const spec = (volume.spec ??= {});
  (volume.status ??= {}).phase ||= 'Pending';
  spec.persistentVolumeReclaimPolicy ||= 'Retain';
  spec.volumeMode ??= 'Filesystem';
  canonicalizeResourceList(spec.capacity);
  defaultSourceFields(spec);
}

/** Says when the phase changed, unless the writer does. */
function stampPhase(next: PersistentVolume, previous: PersistentVolume, nowMs: number): void {
  const [after, before] = [next.status ?? {}, previous.status ?? {}];
  if (after.phase === before.phase) return;
  const stated = after.lastPhaseTransitionTime;
  if (stated === undefined || stated === before.lastPhaseTransitionTime)
    next.status = { ...after, lastPhaseTransitionTime: timeText(nowMs) };
}

/** `GetWarningsForPersistentVolume` */
const ANNOTATION_WARNINGS: readonly (readonly [key: string, text: string])[] = [
  [BETA_STORAGE_CLASS_ANNOTATION, 'deprecated since v1.8; use "storageClassName" attribute instead'],
  ['volume.beta.kubernetes.io/mount-options', 'deprecated since v1.31; use "mountOptions" attribute instead'],
];
const SOURCE_WARNINGS: readonly (readonly [field: keyof PersistentVolumeSpec, text: string])[] = [
  ['photonPersistentDisk', 'deprecated in v1.11, non-functional in v1.16+'],
  ['scaleIO', 'deprecated in v1.16, non-functional in v1.22+'],
  ['storageos', 'deprecated in v1.22, non-functional in v1.25+'],
  ['glusterfs', 'deprecated in v1.25, non-functional in v1.26+'],
  ['rbd', 'deprecated in v1.28, non-functional in v1.31+'],
  ['cephfs', 'deprecated in v1.28, non-functional in v1.31+'],
];

function warningsForVolume({ metadata, spec }: PersistentVolume): string[] {
  const warnings = ANNOTATION_WARNINGS.filter(([key]) => metadata.annotations?.[key] !== undefined).map(
    ([key, text]) => `metadata.annotations[${key}]: ${text}`,
  );
  if (spec.persistentVolumeReclaimPolicy === 'Recycle') {
    warnings.push(
      'spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.',
    );
  }
  for (const [field, text] of SOURCE_WARNINGS) if (spec[field] != null) warnings.push(`spec.${field}: ${text}`);
  return warnings;
}
