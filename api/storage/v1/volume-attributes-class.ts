/** VolumeAttributesClass: attributes of volumes that may change while they are used (upstream: `ValidateVolumeAttributesClass`). */
import type { V1VolumeAttributesClass } from '@kubernetes/client-node';
import { fieldPath } from '../../machinery/field-error.ts';
import type { FieldError } from '../../machinery/field-error.ts';
import type { WireObject } from '../../machinery/meta.ts';
import { defineResource } from '../../machinery/resource.ts';
import { ageColumn } from '../../table-cells.ts';
import { STORAGE_GROUP, validateParameters, validateProvisioner, validateUnchanged } from './validation.ts';

export type VolumeAttributesClass = WireObject<V1VolumeAttributesClass>;

export const volumeAttributesClasses = defineResource<VolumeAttributesClass>({
  group: STORAGE_GROUP,
  version: 'v1',
  scope: 'Cluster',
  names: {
    plural: 'volumeattributesclasses',
    singular: 'volumeattributesclass',
    kind: 'VolumeAttributesClass',
    shortNames: ['vac'],
  },
  schema: 'V1VolumeAttributesClass',
  additionalPrinterColumns: [
    { name: 'DriverName', type: 'string', description: 'The CSI driver', cell: ({ driverName }) => driverName ?? '' },
    ageColumn(),
  ],
  strategy: {
    validate: validateClass,
    validateUpdate: (next, previous) => [
      ...validateUnchanged(next, previous, ['driverName', 'parameters']),
      ...validateClass(next),
    ],
    hasGeneration: false,
  },
});

function validateClass({ driverName, parameters }: VolumeAttributesClass): FieldError[] {
  return [
    ...validateProvisioner(driverName, fieldPath('driverName')),
    ...validateParameters(parameters, { allowEmpty: false }),
  ];
}
