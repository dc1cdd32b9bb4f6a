/**
 * Service: a stable address for a set of pods. The registry allocates addresses and node ports after validation: none of
 * them is required here, and what a client asks for is checked here for form only.
 */
import { defineResource } from '../../machinery/resource.ts';
import { validateDnsLabelName } from '../../machinery/validation.ts';
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
    // `RelaxedServiceNameValidation`
    validateName: validateDnsLabelName,
    validate: validateService,
    validateUpdate: validateServiceUpdate,
    warnings: serviceWarnings,
    status: { validateUpdate: validateServiceStatus },
    hasGeneration: false,
  },
});
