/**
 * ResourceClaim: devices that pods ask for (upstream: `pkg/registry/resource/resourceclaim`). What it asks for never
 * changes; the scheduler writes into its status what it got.
 */
import { fieldPath } from '../../machinery/field-error.ts';
import { defineResource } from '../../machinery/resource.ts';
import { validateImmutable } from '../../machinery/validation.ts';
import { ageColumn } from '../../table-cells.ts';
import { defaultClaimSpec, validateClaimSpec } from './resource-claim/spec-validation.ts';
import { dropDeallocatedDevices, validateClaimStatusUpdate } from './resource-claim/status-validation.ts';
import type { ResourceClaim } from './resource-claim/types.ts';

export type { ResourceClaim } from './resource-claim/types.ts';

const SPEC = fieldPath('spec');

export const resourceClaims = defineResource<ResourceClaim>({
  group: 'resource.k8s.io',
  version: 'v1',
  scope: 'Namespaced',
  names: { plural: 'resourceclaims', singular: 'resourceclaim', kind: 'ResourceClaim' },
  schema: 'ResourceV1ResourceClaim',
  subresources: { status: {} },
  additionalPrinterColumns: [
    { name: 'State', type: 'string', description: 'Whether devices are allocated, and used', cell: stateCell },
    ageColumn(),
  ],
  strategy: {
    default: ({ spec }) => defaultClaimSpec(spec),
    prepareForCreate(object) {
      object.status = {};
    },
    validate: ({ spec }) => validateClaimSpec(spec, SPEC),
    validateUpdate: (next, previous) => validateImmutable(next.spec, previous.spec, SPEC),
    status: {
      keptMetadata: ['labels', 'annotations', 'finalizers', 'ownerReferences'],
      prepareForUpdate: dropDeallocatedDevices,
      validateUpdate: validateClaimStatusUpdate,
    },
    // Upstream keeps none: the spec never changes.
    hasGeneration: false,
  },
});

/** `resourceClaimState` */
function stateCell({ metadata, status }: ResourceClaim): string {
  const isDeleted = metadata.deletionTimestamp !== undefined;
  const states = isDeleted ? ['deleted'] : [];
  if (!status?.allocation) return [...states, ...(isDeleted ? [] : ['pending'])].join(',');
  states.push('allocated');
  if ((status.reservedFor ?? []).length > 0) states.push('reserved');
  return states.join(',');
}
