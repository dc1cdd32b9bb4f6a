/** RuntimeClass: how the containers of a pod are run (upstream: `pkg/apis/node/validation`, `pkg/registry/node/runtimeclass`). */
import type { V1RuntimeClass } from '@kubernetes/client-node';
import { warningsForNodeLabels } from '../../core/v1/node-labels.ts';
import { canonicalizeResourceList } from '../../core/v1/pod/resources.ts';
import { validateResourceRequirements } from '../../core/v1/pod/validate-resources.ts';
import { validateTolerations } from '../../core/v1/pod/validate-scheduling.ts';
import { fieldPath } from '../../machinery/field-error.ts';
import type { FieldError } from '../../machinery/field-error.ts';
import type { WireObject } from '../../machinery/meta.ts';
import { defineResource } from '../../machinery/resource.ts';
import { invalidEach, validateDnsLabelName, validateImmutable, validateLabels } from '../../machinery/validation.ts';
import { ageColumn } from '../../table-cells.ts';

export type RuntimeClass = WireObject<V1RuntimeClass>;

const SCHEDULING = fieldPath('scheduling');

export const runtimeClasses = defineResource<RuntimeClass>({
  group: 'node.k8s.io',
  version: 'v1',
  scope: 'Cluster',
  names: { plural: 'runtimeclasses', singular: 'runtimeclass', kind: 'RuntimeClass' },
  schema: 'V1RuntimeClass',
  additionalPrinterColumns: [
    {
      name: 'Handler',
      type: 'string',
      description: 'Configuration of the runtime',
      cell: ({ handler }) => handler ?? '',
    },
    ageColumn(),
  ],
  strategy: {
    default: ({ overhead }) => canonicalizeResourceList(overhead?.podFixed),
    validate: validateRuntimeClass,
    validateUpdate: (next, previous) => validateImmutable(next.handler, previous.handler, fieldPath('handler')),
    warnings: ({ scheduling }) => warningsForNodeLabels(scheduling?.nodeSelector, SCHEDULING.child('nodeSelector')),
    hasGeneration: false,
    allowUnconditionalUpdate: false,
  },
});

function validateRuntimeClass({ handler = '', overhead, scheduling }: RuntimeClass): FieldError[] {
  const errors = invalidEach(fieldPath('handler'), handler, validateDnsLabelName(handler, false));
  if (overhead) {
    const limits = overhead.podFixed ?? {};
    errors.push(...validateResourceRequirements({ limits }, fieldPath('overhead')));
  }
  if (!scheduling) return errors;
  return [
    ...errors,
    ...validateLabels(scheduling.nodeSelector, SCHEDULING.child('nodeSelector')),
    ...validateTolerations(scheduling.tolerations, SCHEDULING.child('tolerations')),
  ];
}
