/**
 * Service: a stable address for a set of pods. Addresses and node ports are allocated by the registry, which does so
 * before validation, as upstream does: a Service that needs an address has one by the time it is validated.
 */
import { defineResource } from '../../machinery/resource.ts';
import { validateDns1035LabelName } from '../../machinery/validation.ts';
import { serviceColumns } from './service/columns.ts';
import { defaultService } from './service/defaults.ts';
import { prepareServiceForCreate, prepareServiceForUpdate } from './service/prepare.ts';
import type { Service } from './service/spec.ts';
import { validateServiceUpdate } from './service/update-validation.ts';
import { serviceWarnings, validateService, validateServiceStatus } from './service/validation.ts';

export type { Service } from './service/spec.ts';

export const services = defineResource<Service>({
  group: '',
  version: 'v1',
  scope: 'Namespaced',
  names: { plural: 'services', singular: 'service', kind: 'Service', shortNames: ['svc'], categories: ['all'] },
  schema: 'V1Service',
  storagePrefix: 'services/specs',
  subresources: { status: {} },
  additionalPrinterColumns: serviceColumns,
  selectableFields: {
    'spec.clusterIP': ({ spec }) => spec?.clusterIP ?? '',
    'spec.type': ({ spec }) => spec?.type ?? '',
  },
  strategy: {
    default: defaultService,
    prepareForCreate: prepareServiceForCreate,
    prepareForUpdate: prepareServiceForUpdate,
    validateName: validateDns1035LabelName,
    validate: validateService,
    validateUpdate: validateServiceUpdate,
    warnings: serviceWarnings,
    status: { validateUpdate: validateServiceStatus },
    hasGeneration: false,
  },
});
