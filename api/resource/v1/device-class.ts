/** DeviceClass: devices that a claim may ask for by one name (upstream: `ValidateDeviceClass`). */
import type { V1DeviceClass } from '@kubernetes/client-node';
import { isExtendedResource } from '../../core/v1/resource-names.ts';
import { fieldPath, invalid } from '../../machinery/field-error.ts';
import type { FieldError } from '../../machinery/field-error.ts';
import type { WireObject } from '../../machinery/meta.ts';
import { defineResource } from '../../machinery/resource.ts';
import { ageColumn } from '../../table-cells.ts';
import { MAX_CONFIGS, validateConfiguration, validateItems, validateSelectors } from './device-rules.ts';

export type DeviceClass = WireObject<V1DeviceClass>;

const SPEC = fieldPath('spec');

export const deviceClasses = defineResource<DeviceClass>({
  group: 'resource.k8s.io',
  version: 'v1',
  scope: 'Cluster',
  names: { plural: 'deviceclasses', singular: 'deviceclass', kind: 'DeviceClass' },
  schema: 'V1DeviceClass',
  additionalPrinterColumns: [ageColumn()],
  strategy: { validate: validateDeviceClass, hasGeneration: true },
});

function validateDeviceClass({ spec = {} }: DeviceClass): FieldError[] {
  const { selectors, config, extendedResourceName: resourceName } = spec;
  const errors = [
    ...validateSelectors(selectors, SPEC.child('selectors')),
    ...validateItems(config, SPEC.child('config'), { max: MAX_CONFIGS, validate: validateConfiguration }),
  ];
  if (resourceName === undefined || isExtendedResource(resourceName)) return errors;
  const path = SPEC.child('extendedResourceName');
  return [...errors, invalid(path, resourceName, 'must be a valid extended resource name')];
}
