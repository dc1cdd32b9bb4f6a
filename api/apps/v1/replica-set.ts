/** ReplicaSet: a number of equal pods (upstream: `pkg/apis/apps/validation/validation.go`, `ValidateReplicaSet…`). */
import type { V1ReplicaSet, V1ReplicaSetSpec } from '@kubernetes/client-node';
import { defaultPodTemplate } from '../../core/v1/pod/defaults.ts';
import type { PodTemplateSpec } from '../../core/v1/pod/types.ts';
import { fieldPath } from '../../machinery/field-error.ts';
import type { FieldError } from '../../machinery/field-error.ts';
import type { Wire, WireObject } from '../../machinery/meta.ts';
import { defineResource } from '../../machinery/resource.ts';
import { validateImmutable, validateNonNegative } from '../../machinery/validation.ts';
import { ageColumn, workloadColumns } from '../../table-cells.ts';
import { validateReplicaCounts } from './workload/status-validation.ts';
import { validateSelectorAndTemplate } from './workload/template-validation.ts';
import { warningsForWorkload } from './workload/warnings.ts';

export type ReplicaSetSpec = Omit<Wire<V1ReplicaSetSpec>, 'template'> & { template: PodTemplateSpec };

/** A decoded ReplicaSet: defaulting has seen to it that `spec` is there. */
export type ReplicaSet = Omit<WireObject<V1ReplicaSet>, 'spec'> & { spec: ReplicaSetSpec };

const SPEC = fieldPath('spec');

export const replicaSets = defineResource<ReplicaSet>({
  group: 'apps',
  version: 'v1',
  scope: 'Namespaced',
  names: { plural: 'replicasets', singular: 'replicaset', kind: 'ReplicaSet', shortNames: ['rs'], categories: ['all'] },
  schema: 'V1ReplicaSet',
  subresources: {
    status: {},
    // The selector is an object here; it is a string only in custom resources.
    scale: {
      specReplicasPath: '.spec.replicas',
      statusReplicasPath: '.status.replicas',
      labelSelectorPath: '.spec.selector',
    },
  },
  additionalPrinterColumns: [
    { name: 'Desired', type: 'integer', description: 'Wanted number of pods', cell: ({ spec }) => spec?.replicas ?? 0 },
    { name: 'Current', type: 'integer', description: 'Number of pods', cell: ({ status }) => status?.replicas ?? 0 },
    {
      name: 'Ready',
      type: 'integer',
      description: 'Number of ready pods',
      cell: ({ status }) => status?.readyReplicas ?? 0,
    },
    ageColumn(),
    ...workloadColumns<ReplicaSet>(),
  ],
  strategy: {
    default(object) {
      const spec = (object.spec ??= {} as ReplicaSetSpec);
      spec.replicas ??= 1;
      spec.template ??= { metadata: {}, spec: { containers: [] } };
      defaultPodTemplate(spec.template);
    },
    prepareForCreate(object) {
      object.status = { replicas: 0 };
    },
    prepareForUpdate(next, previous) {
      next.status = structuredClone(previous.status ?? { replicas: 0 });
    },
    validate: ({ spec }) => validateReplicaSetSpec(spec),
    validateUpdate: (next, previous) => [
      ...validateReplicaSetSpec(next.spec),
      ...validateImmutable(next.spec.selector, previous.spec.selector, SPEC.child('selector')),
    ],
    warnings: warningsForWorkload,
    status: { validateUpdate: validateReplicaSetStatus },
  },
});

function validateReplicaSetSpec(spec: ReplicaSetSpec): FieldError[] {
  return [
    ...validateNonNegative(spec.replicas, SPEC.child('replicas')),
    ...validateNonNegative(spec.minReadySeconds, SPEC.child('minReadySeconds')),
    ...validateSelectorAndTemplate(spec, SPEC),
  ];
}

function validateReplicaSetStatus({ status }: ReplicaSet): FieldError[] {
  const { replicas, fullyLabeledReplicas, readyReplicas, availableReplicas, terminatingReplicas, observedGeneration } =
    status ?? { replicas: 0 };
  return validateReplicaCounts(
    { replicas, fullyLabeledReplicas, readyReplicas, availableReplicas, terminatingReplicas, observedGeneration },
    { within: ['fullyLabeledReplicas', 'readyReplicas', 'availableReplicas'] },
    fieldPath('status'),
  );
}
