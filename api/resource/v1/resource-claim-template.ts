/** ResourceClaimTemplate: what claims are made from, one for each pod (upstream: `ValidateResourceClaimTemplate`). */
import type { V1ResourceClaimTemplate } from '@kubernetes/client-node';
import { fieldPath } from '../../machinery/field-error.ts';
import type { FieldError } from '../../machinery/field-error.ts';
import type { WireObject } from '../../machinery/meta.ts';
import { defineResource } from '../../machinery/resource.ts';
import { validateAnnotations, validateImmutable, validateLabels } from '../../machinery/validation.ts';
import { ageColumn } from '../../table-cells.ts';
import { defaultClaimSpec, validateClaimSpec } from './resource-claim/spec-validation.ts';

export type ResourceClaimTemplate = WireObject<V1ResourceClaimTemplate>;

const SPEC = fieldPath('spec');

export const resourceClaimTemplates = defineResource<ResourceClaimTemplate>({
  group: 'resource.k8s.io',
  version: 'v1',
  scope: 'Namespaced',
  names: { plural: 'resourceclaimtemplates', singular: 'resourceclaimtemplate', kind: 'ResourceClaimTemplate' },
  schema: 'V1ResourceClaimTemplate',
  additionalPrinterColumns: [ageColumn()],
  strategy: {
    default: ({ spec }) => defaultClaimSpec(spec?.spec),
    validate: validateTemplate,
    validateUpdate: (next, previous) => validateImmutable(next.spec, previous.spec, SPEC),
    // Upstream keeps none: the spec never changes.
    hasGeneration: false,
  },
});

function validateTemplate({ spec }: ResourceClaimTemplate): FieldError[] {
  const path = SPEC.child('metadata');
  return [
    ...validateAnnotations(spec?.metadata?.annotations, path.child('annotations')),
    ...validateLabels(spec?.metadata?.labels, path.child('labels')),
    ...validateClaimSpec(spec?.spec, SPEC.child('spec')),
  ];
}
