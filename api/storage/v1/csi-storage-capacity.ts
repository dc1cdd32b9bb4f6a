/** CSIStorageCapacity: how much a driver could still give to nodes that a selector names (upstream: `ValidateCSIStorageCapacity`). */
import type { V1CSIStorageCapacity } from '@kubernetes/client-node';
import { warningsForNodeLabels } from '../../core/v1/node-labels.ts';
import { validateNonNegativeQuantity } from '../../core/v1/pod/validate-resources.ts';
import { fieldPath } from '../../machinery/field-error.ts';
import type { FieldError } from '../../machinery/field-error.ts';
import type { WireObject } from '../../machinery/meta.ts';
import { tryParseQuantity } from '../../machinery/quantity.ts';
import { defineResource } from '../../machinery/resource.ts';
import {
  invalidEach,
  validateDnsSubdomainName,
  validateImmutable,
  validateLabelSelector,
} from '../../machinery/validation.ts';
import { STORAGE_GROUP } from './validation.ts';

export type CsiStorageCapacity = WireObject<V1CSIStorageCapacity>;

export const csiStorageCapacities = defineResource<CsiStorageCapacity>({
  group: STORAGE_GROUP,
  version: 'v1',
  scope: 'Namespaced',
  names: { plural: 'csistoragecapacities', singular: 'csistoragecapacity', kind: 'CSIStorageCapacity' },
  schema: 'V1CSIStorageCapacity',
  additionalPrinterColumns: [
    {
      name: 'StorageClassName',
      type: 'string',
      description: 'The class that it is for',
      cell: ({ storageClassName }) => storageClassName ?? '',
    },
    {
      name: 'Capacity',
      type: 'string',
      description: 'How much there is',
      cell: ({ capacity }) => tryParseQuantity(capacity)?.toString() ?? '<unset>',
    },
  ],
  strategy: {
    validate: validateCapacity,
    validateUpdate: (next, previous) => [
      ...validateImmutable(next.nodeTopology, previous.nodeTopology, fieldPath('nodeTopology')),
      ...validateImmutable(next.storageClassName, previous.storageClassName, fieldPath('storageClassName')),
    ],
    warnings: ({ nodeTopology }) =>
      warningsForNodeLabels(nodeTopology?.matchLabels, fieldPath('nodeTopology', 'matchLabels')),
    hasGeneration: false,
    allowUnconditionalUpdate: false,
  },
});

function validateCapacity({ nodeTopology, storageClassName = '', capacity }: CsiStorageCapacity): FieldError[] {
  const errors = [
    ...validateLabelSelector(nodeTopology, fieldPath('nodeTopology')),
    ...invalidEach(fieldPath('storageClassName'), storageClassName, validateDnsSubdomainName(storageClassName, false)),
  ];
  const quantity = tryParseQuantity(capacity);
  return quantity === undefined ? errors : [...errors, ...validateNonNegativeQuantity(quantity, fieldPath('capacity'))];
}
