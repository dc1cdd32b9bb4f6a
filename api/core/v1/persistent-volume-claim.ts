/** PersistentVolumeClaim: a request for storage (upstream: `pkg/registry/core/persistentvolumeclaim`). */
import { tryParseQuantity } from '../../machinery/quantity.ts';
import { defineResource } from '../../machinery/resource.ts';
import { ageColumn, UNSET } from '../../table-cells.ts';
import { accessModesCell, BETA_STORAGE_CLASS_ANNOTATION, storageClassOf } from './volume/access-modes.ts';
import { validateClaim, validateClaimStatusUpdate, validateClaimUpdate } from './volume/claim-validation.ts';
import type { PersistentVolumeClaim, PersistentVolumeClaimSpec } from './volume/types.ts';
import { canonicalizeResourceList } from './pod/resources.ts';

export type { PersistentVolumeClaim, PersistentVolumeClaimSpec } from './volume/types.ts';

export const persistentVolumeClaims = defineResource<PersistentVolumeClaim>({
  group: '',
  version: 'v1',
  scope: 'Namespaced',
  names: {
    plural: 'persistentvolumeclaims',
    singular: 'persistentvolumeclaim',
    kind: 'PersistentVolumeClaim',
    shortNames: ['pvc'],
  },
  schema: 'V1PersistentVolumeClaim',
  subresources: { status: {} },
  additionalPrinterColumns: [
    { name: 'Status', type: 'string', description: 'Phase of the claim', cell: phaseCell },
    { name: 'Volume', type: 'string', description: 'The bound volume', cell: ({ spec }) => spec?.volumeName ?? '' },
    {
      name: 'Capacity',
      type: 'string',
      description: 'Size of the bound volume',
      cell: ({ spec, status }) => (spec?.volumeName ? storageCell(status?.capacity) : ''),
    },
    {
      name: 'Access Modes',
      type: 'string',
      description: 'How the bound volume may be mounted',
      cell: ({ spec, status }) => (spec?.volumeName ? accessModesCell(status?.accessModes) : ''),
    },
    { name: 'StorageClass', type: 'string', description: 'StorageClass of the claim', cell: storageClassOf },
    {
      name: 'VolumeAttributesClass',
      type: 'string',
      description: 'VolumeAttributesClass of the claim',
      cell: ({ spec }) => spec?.volumeAttributesClassName ?? UNSET,
    },
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
    default: defaultClaim,
    prepareForCreate(claim) {
      claim.status = { phase: 'Pending' };
      prepareDataSources(claim.spec, undefined);
    },
    prepareForUpdate: (next, previous) => prepareDataSources(next.spec, previous.spec),
    validate: ({ spec }) => validateClaim(spec),
    validateUpdate: validateClaimUpdate,
    status: { validateUpdate: validateClaimStatusUpdate },
    warnings: warningsForClaim,
    hasGeneration: false,
  },
});

/** `Terminating` while something still uses it. */
function phaseCell({ metadata, status }: PersistentVolumeClaim): string {
  return metadata.deletionTimestamp === undefined ? (status?.phase ?? '') : 'Terminating';
}

function storageCell(capacity: Readonly<Record<string, string>> | undefined): string {
  return tryParseQuantity(capacity?.['storage'])?.toString() ?? '0';
}

/** `SetDefaults_PersistentVolumeClaim` */
function defaultClaim(claim: PersistentVolumeClaim): void {
  const spec = (claim.spec ??= {});
  const status = (claim.status ??= {});
  status.phase ||= 'Pending';
  spec.volumeMode ??= 'Filesystem';
  for (const list of [spec.resources?.limits, spec.resources?.requests, status.capacity, status.allocatedResources])
    canonicalizeResourceList(list);
}

/** What the claim did not use before, and may not, goes; then the two fields are made to agree. */
function prepareDataSources(spec: PersistentVolumeClaimSpec, previous: PersistentVolumeClaimSpec | undefined): void {
  // `CrossNamespaceVolumeDataSource`
  if (spec.dataSourceRef && previous?.dataSourceRef?.namespace === undefined) delete spec.dataSourceRef.namespace;
  // `EnforceDataSourceBackwardsCompatibility`
  if (!previous?.dataSource && !spec.dataSourceRef && spec.dataSource && !isKnownSource(spec.dataSource))
    delete spec.dataSource;
  copyDataSource(spec);
}

function isKnownSource({ apiGroup = '', kind }: { apiGroup?: string; kind: string }): boolean {
  return (
    (apiGroup === '' && kind === 'PersistentVolumeClaim') ||
    (apiGroup === 'snapshot.storage.k8s.io' && kind === 'VolumeSnapshot')
  );
}

/** The older and the newer field say the same, whichever was given (`NormalizeDataSources`). */
function copyDataSource(spec: PersistentVolumeClaimSpec): void {
  if (spec.dataSource && !spec.dataSourceRef) spec.dataSourceRef = structuredClone(spec.dataSource);
  else if (spec.dataSourceRef && !spec.dataSource && !spec.dataSourceRef.namespace) {
    const { apiGroup, kind, name } = spec.dataSourceRef;
    spec.dataSource = { ...(apiGroup === undefined ? {} : { apiGroup }), kind, name };
  }
}

/** `GetWarningsForPersistentVolumeClaim` */
function warningsForClaim({ metadata, spec }: PersistentVolumeClaim): string[] {
  const warnings: string[] = [];
  if (metadata.annotations?.[BETA_STORAGE_CLASS_ANNOTATION] !== undefined) {
    warnings.push(
      `metadata.annotations[${BETA_STORAGE_CLASS_ANNOTATION}]: deprecated since v1.8; use "storageClassName" attribute instead`,
    );
  }
  for (const side of ['requests', 'limits'] as const) {
    const text = spec.resources?.[side]?.['storage'];
    const quantity = tryParseQuantity(text);
    if (quantity === undefined || quantity.nano % 1_000_000_000n === 0n) continue;
    warnings.push(
      `spec.resources.${side}[storage]: fractional byte value ${JSON.stringify(text)} is invalid, must be an integer`,
    );
  }
  return warnings;
}
