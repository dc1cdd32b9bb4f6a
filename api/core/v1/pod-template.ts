/**
 * PodTemplate: a stored template of pods that nothing instantiates by itself (upstream:
 * `pkg/registry/core/podtemplate`).
 */
import type { V1PodTemplate } from '@kubernetes/client-node';
import { deepEqual } from '../../machinery/equality.ts';
import { fieldPath } from '../../machinery/field-error.ts';
import type { ApiObject, Wire } from '../../machinery/meta.ts';
import { defineResource } from '../../machinery/resource.ts';
import { ageColumn, labelsCell } from '../../table-cells.ts';
import { defaultPodTemplate } from './pod/defaults.ts';
import type { PodTemplateSpec } from './pod/types.ts';
import { validatePodTemplateSpec } from './pod/validation.ts';
import { warningsForPodTemplate } from './pod/warnings.ts';

/** A decoded PodTemplate: defaulting has seen to it that `template` is there. */
export type PodTemplate = Omit<Wire<V1PodTemplate>, 'metadata' | 'template'> &
  ApiObject & { template: PodTemplateSpec };

const TEMPLATE = fieldPath('template');

export const podTemplates = defineResource<PodTemplate>({
  group: '',
  version: 'v1',
  scope: 'Namespaced',
  names: { plural: 'podtemplates', singular: 'podtemplate', kind: 'PodTemplate' },
  schema: 'V1PodTemplate',
  additionalPrinterColumns: [
    {
      name: 'Containers',
      type: 'string',
      description: 'Names of the containers',
      cell: ({ template }) => (template?.spec?.containers ?? []).map(({ name }) => name).join(','),
    },
    {
      name: 'Images',
      type: 'string',
      description: 'Images of the containers',
      cell: ({ template }) => (template?.spec?.containers ?? []).map(({ image }) => image ?? '').join(','),
    },
    {
      name: 'Pod Labels',
      type: 'string',
      description: 'Labels that the pods get',
      cell: ({ template }) => labelsCell(template?.metadata?.labels),
    },
    ageColumn(),
  ],
  strategy: {
    default(podTemplate) {
      podTemplate.template ??= { spec: { containers: [] } };
      defaultPodTemplate(podTemplate.template);
    },
    validate: ({ template }) => validatePodTemplateSpec(template, TEMPLATE),
    validateUpdate: ({ template }) => validatePodTemplateSpec(template, TEMPLATE),
    warnings: ({ template }) => warningsForPodTemplate(template, TEMPLATE),
    prepareForCreate(podTemplate) {
      podTemplate.metadata.generation = 1;
    },
    // There is no `spec` whose changes would be counted generically.
    prepareForUpdate(next, previous) {
      const changed = !deepEqual(next.template, previous.template);
      next.metadata.generation = (previous.metadata.generation ?? 0) + (changed ? 1 : 0);
    },
    hasGeneration: true,
  },
});
