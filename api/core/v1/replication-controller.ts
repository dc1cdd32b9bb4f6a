/**
 * ReplicationController: a number of equal pods, as before ReplicaSets (upstream:
 * `pkg/apis/core/validation/validation.go`, `ValidateReplicationController…`).
 */
import type { V1ReplicationController, V1ReplicationControllerSpec } from '@kubernetes/client-node';
import { validateReplicaCounts } from '../../apps/v1/workload/status-validation.ts';
import { validateReadOnlyDisks, validateRunsForEver } from '../../apps/v1/workload/template-validation.ts';
import { warningsForWorkload } from '../../apps/v1/workload/warnings.ts';
import { fieldPath, invalid, required, sortedMap } from '../../machinery/field-error.ts';
import type { FieldError } from '../../machinery/field-error.ts';
import { selectorFromMap } from '../../machinery/label-selector.ts';
import type { Wire, WireObject } from '../../machinery/meta.ts';
import { defineResource } from '../../machinery/resource.ts';
import { validateNonNegative } from '../../machinery/validation.ts';
import { ageColumn, countColumn, labelsCell, workloadColumns } from '../../table-cells.ts';
import { defaultPodTemplate } from './pod/defaults.ts';
import type { PodTemplateSpec } from './pod/types.ts';
import { validatePodTemplateSpec } from './pod/validation.ts';

export type ReplicationControllerSpec = Omit<Wire<V1ReplicationControllerSpec>, 'template'> & {
  template?: PodTemplateSpec;
};

/** A decoded ReplicationController: defaulting has seen to it that `spec` is there. */
export type ReplicationController = Omit<WireObject<V1ReplicationController>, 'spec'> & {
  spec: ReplicationControllerSpec;
};

const SPEC = fieldPath('spec');

/** Its selector is a map, which the shared column does not know. */
const podColumns = workloadColumns<ReplicationController & { spec: { selector: object } }>().filter(
  ({ name }) => name !== 'Selector',
);

export const replicationControllers = defineResource<ReplicationController>({
  group: '',
  version: 'v1',
  scope: 'Namespaced',
  names: {
    plural: 'replicationcontrollers',
    singular: 'replicationcontroller',
    kind: 'ReplicationController',
    shortNames: ['rc'],
    categories: ['all'],
  },
  schema: 'V1ReplicationController',
  storagePrefix: 'controllers',
  subresources: {
    status: {},
    scale: {
      specReplicasPath: '.spec.replicas',
      statusReplicasPath: '.status.replicas',
      labelSelectorPath: '.spec.selector',
    },
  },
  additionalPrinterColumns: [
    countColumn('Desired', 'Wanted number of pods', ({ spec }) => spec?.replicas),
    countColumn('Current', 'Number of pods', ({ status }) => status?.replicas),
    countColumn('Ready', 'Number of ready pods', ({ status }) => status?.readyReplicas),
    ageColumn(),
    ...podColumns,
    {
      name: 'Selector',
      type: 'string',
      priority: 1,
      description: 'Selector of the pods',
      cell: ({ spec }) => labelsCell(spec?.selector),
    },
  ],
  selectableFields: { 'status.replicas': ({ status }) => String(status?.replicas ?? 0) },
  strategy: {
    default: defaultReplicationController,
    prepareForCreate(object) {
      object.status = { replicas: 0 };
    },
    prepareForUpdate(next, previous) {
      next.status = structuredClone(previous.status ?? { replicas: 0 });
    },
    validate: ({ spec }) => validateReplicationControllerSpec(spec),
    warnings: ({ metadata, spec }, previous) =>
      spec.template ? warningsForWorkload({ metadata, spec: { template: spec.template } }, previous) : [],
    status: { validateUpdate: validateReplicationControllerStatus },
    orphansDependents: {},
  },
});

/** `SetDefaults_ReplicationController` of `pkg/apis/core/v1/defaults.go`. */
function defaultReplicationController(object: ReplicationController): void {
  const spec = (object.spec ??= {});
  spec.replicas ??= 1;
  if (!spec.template) return;
  defaultPodTemplate(spec.template);
  const { labels } = spec.template.metadata ?? {};
  if (!labels) return;
  if (isEmpty(spec.selector)) spec.selector = { ...labels };
  if (isEmpty(object.metadata.labels)) object.metadata.labels = { ...labels };
}

const isEmpty = (map: Readonly<Record<string, string>> | undefined): boolean => Object.keys(map ?? {}).length === 0;

function validateReplicationControllerSpec(spec: ReplicationControllerSpec): FieldError[] {
  return [
    ...validateNonNegative(spec.minReadySeconds, SPEC.child('minReadySeconds')),
    ...(isEmpty(spec.selector) ? [required(SPEC.child('selector'))] : []),
    ...validateNonNegative(spec.replicas, SPEC.child('replicas')),
    ...validateTemplate(spec),
  ];
}

/** `ValidatePodTemplateSpecForRC` */
function validateTemplate({ template, selector = {}, replicas = 0 }: ReplicationControllerSpec): FieldError[] {
  const path = SPEC.child('template');
  if (!template) return [required(path)];
  const labels = template.metadata?.labels ?? {};
  const errors: FieldError[] = [];
  if (!selectorFromMap(selector).matches(labels)) {
    const detail = '`selector` does not match template `labels`';
    errors.push(invalid(path.child('metadata', 'labels'), sortedMap(labels), detail));
  }
  errors.push(...validatePodTemplateSpec(template, path));
  if (replicas > 1) errors.push(...validateReadOnlyDisks(template, path));
  return [...errors, ...validateRunsForEver(template, { path, kind: 'ReplicationController' })];
}

function validateReplicationControllerStatus({ status }: ReplicationController): FieldError[] {
  const { conditions: _conditions, ...counts } = status ?? { replicas: 0 };
  const within = ['fullyLabeledReplicas', 'readyReplicas', 'availableReplicas'];
  return validateReplicaCounts(counts, { within }, fieldPath('status'));
}
